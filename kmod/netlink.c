// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family: tables and thin handlers.
 *
 * Locking: requests run in parallel. pre_doit finds the session that a command
 * names and locks it when the command works on the container; post_doit undoes
 * that. Handlers find it in info->user_ptr[0].
 */
#include <linux/capability.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/net.h>
#include <net/sock.h>

#include "dump.h"
#include "extack.h"
#include "inflight.h"
#include "netlink.h"
#include "session.h"
#include "track.h"

/* genl_ops.internal_flags: what a command needs of its session. */
#define NEED_SESSION	BIT(0)	/* a reference */
#define NEED_LOCK	BIT(1)	/* s->lock, too */

#define FREEZE_TIMEOUT_MS	10000

#define PAGES_FLAGS	(LIVEMIG_PAGES_F_FINAL | LIVEMIG_PAGES_F_ALL | \
			 LIVEMIG_PAGES_F_COUNT | \
			 LIVEMIG_PAGES_F_PATCHES | LIVEMIG_PAGES_F_HOT | \
			 LIVEMIG_PAGES_F_LATER | \
			 LIVEMIG_PAGES_F_UNSAFE_NOFLUSH | \
			 LIVEMIG_PAGES_F_UNSAFE_NOVMA | \
			 LIVEMIG_PAGES_F_UNSAFE_SHMEM)

/* ---- what is accepted: one policy a command, everything else is refused ---- */

static struct netlink_range_validation timeout_range = {
	.min = 1,
	.max = 600000,
};

static const struct nla_policy none_policy[] = {
	[LIVEMIG_A_PAD]		= { .type = NLA_REJECT },
};

static const struct nla_policy new_policy[] = {
	[LIVEMIG_A_CGROUP_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
	[LIVEMIG_A_NAME]	= { .type = NLA_NUL_STRING,
				    .len = LIVEMIG_NAME_MAX },
	[LIVEMIG_A_SESSION_FLAGS] = NLA_POLICY_MASK(NLA_U32,
						    LIVEMIG_SESSION_F_PERSISTENT),
};

static const struct nla_policy session_policy[] = {
	[LIVEMIG_A_SESSION]	= NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy set_policy[] = {
	[LIVEMIG_A_SESSION]	= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_A_SESSION_FLAGS] = NLA_POLICY_MASK(NLA_U32,
						    LIVEMIG_SESSION_F_PERSISTENT),
};

static const struct nla_policy freeze_policy[] = {
	[LIVEMIG_A_SESSION]	= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_A_TIMEOUT_MS]	= NLA_POLICY_FULL_RANGE(NLA_U32, &timeout_range),
};

static const struct nla_policy file_policy[] = {
	[LIVEMIG_A_SESSION]	= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_A_FILE]	= NLA_POLICY_MIN(NLA_U32, 1),
};

static const struct nla_policy pages_policy[] = {
	[LIVEMIG_A_SESSION]	= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_A_FD]		= NLA_POLICY_MIN(NLA_S32, 0),
	[LIVEMIG_A_PAGES_FLAGS]	= NLA_POLICY_MASK(NLA_U32, PAGES_FLAGS),
	[LIVEMIG_A_MM]		= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_A_RANGES]	= { .type = NLA_BINARY,
				    .len = LIVEMIG_RANGES_MAX *
					   sizeof(struct livemig_range) },
};

/* ---- before and after each command ---- */

/* GENL_ADMIN_PERM has asked for CAP_NET_ADMIN. */
static int check_admin(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (!netlink_capable(skb, CAP_SYS_ADMIN))
		return lm_err(extack, -EPERM,
			      "CAP_SYS_ADMIN in the initial user namespace is needed");
	return 0;
}

static int missing(struct genl_info *info, int attr, const char *name)
{
#ifdef NL_SET_ERR_ATTR_MISS
	NL_SET_ERR_ATTR_MISS(info->extack, NULL, attr);
#endif
	return lm_err(info->extack, -EINVAL, "the attribute %s is missing", name);
}

static int pre_doit(const lm_genl_ops *ops, struct sk_buff *skb,
		    struct genl_info *info)
{
	struct lm_session *s;
	u32 id;
	int err;

	err = check_admin(skb, info->extack);
	if (err || !(ops->internal_flags & NEED_SESSION))
		return err;
	if (!info->attrs[LIVEMIG_A_SESSION])
		return missing(info, LIVEMIG_A_SESSION, "SESSION");
	id = nla_get_u32(info->attrs[LIVEMIG_A_SESSION]);
	s = lm_session_find(id);
	if (!s)
		return lm_err(info->extack, -ENOENT, "there is no session %u", id);
	if (ops->internal_flags & NEED_LOCK) {
		err = lm_session_lock(s, info->extack);
		if (err) {
			lm_session_put(s);
			return err;
		}
	}
	info->user_ptr[0] = s;
	return 0;
}

static void post_doit(const lm_genl_ops *ops, struct sk_buff *skb,
		      struct genl_info *info)
{
	struct lm_session *s = info->user_ptr[0];

	if (ops->internal_flags & NEED_LOCK)
		mutex_unlock(&s->lock);
	if (ops->internal_flags & NEED_SESSION)
		lm_session_put(s);
}

/* ---- answers ---- */

static struct sk_buff *reply_begin(struct genl_info *info, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*hdr = genlmsg_put_reply(skb, info, &lm_genl_family, 0,
				 info->genlhdr->cmd);
	if (!*hdr) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

/* Sends the answer; with @err it is dropped instead. */
static int reply_end(struct genl_info *info, struct sk_buff *skb, void *hdr,
		     int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

static int session_fill(struct sk_buff *skb, struct lm_session *s)
{
	if (nla_put_u32(skb, LIVEMIG_A_SESSION, s->id) ||
	    (*s->name && nla_put_string(skb, LIVEMIG_A_NAME, s->name)) ||
	    nla_put_u32(skb, LIVEMIG_A_SESSION_FLAGS, READ_ONCE(s->flags)) ||
	    nla_put_u32(skb, LIVEMIG_A_STATE, lm_session_state(s)) ||
	    nla_put_u64_64bit(skb, LIVEMIG_A_CGROUP_ID, cgroup_ino(s->cgrp),
			      LIVEMIG_A_PAD) ||
	    nla_put_u32(skb, LIVEMIG_A_TASKS, lm_tasks_count(s)) ||
	    nla_put_u32(skb, LIVEMIG_A_ROUND, READ_ONCE(s->round)) ||
	    nla_put_string(skb, LIVEMIG_A_TRACKER,
			   READ_ONCE(s->tracker) ? "soft-dirty" : "none"))
		return -EMSGSIZE;
	return 0;
}

static int session_reply(struct genl_info *info, struct lm_session *s)
{
	struct sk_buff *skb;
	void *hdr;

	skb = reply_begin(info, &hdr);
	if (!skb)
		return -ENOMEM;
	return reply_end(info, skb, hdr, session_fill(skb, s));
}

/* ---- the commands ---- */

static int get_info(struct sk_buff *req, struct genl_info *info)
{
	struct sk_buff *skb;
	void *hdr;

	skb = reply_begin(info, &hdr);
	if (!skb)
		return -ENOMEM;
	return reply_end(info, skb, hdr, lm_info_fill(skb));
}

static bool name_valid(const char *name)
{
	size_t i;

	for (i = 0; name[i]; i++)
		if (!isascii(name[i]) ||
		    (!isalnum(name[i]) && !strchr("._:-", name[i])))
			return false;
	return i > 0;
}

static int session_new(struct sk_buff *req, struct genl_info *info)
{
	const char *name = "";
	struct lm_session *s;
	u32 flags = 0;
	int err;

	if (!info->attrs[LIVEMIG_A_CGROUP_FD])
		return missing(info, LIVEMIG_A_CGROUP_FD, "CGROUP_FD");
	if (info->attrs[LIVEMIG_A_NAME]) {
		name = nla_data(info->attrs[LIVEMIG_A_NAME]);
		if (!name_valid(name))
			return lm_err(info->extack, -EINVAL,
				      "NAME: 1 to %d of [A-Za-z0-9._:-]",
				      LIVEMIG_NAME_MAX);
	}
	if (info->attrs[LIVEMIG_A_SESSION_FLAGS])
		flags = nla_get_u32(info->attrs[LIVEMIG_A_SESSION_FLAGS]);

	err = lm_session_new(nla_get_s32(info->attrs[LIVEMIG_A_CGROUP_FD]), name,
			     flags, info->snd_portid, &s, info->extack);
	if (err)
		return err;
	err = session_reply(info, s);
	if (err)	/* nobody would know its id */
		lm_session_del(s, NULL);
	lm_session_put(s);
	return err;
}

static int session_del(struct sk_buff *req, struct genl_info *info)
{
	return lm_session_del(info->user_ptr[0], info->extack);
}

static int session_set(struct sk_buff *req, struct genl_info *info)
{
	if (!info->attrs[LIVEMIG_A_SESSION_FLAGS])
		return missing(info, LIVEMIG_A_SESSION_FLAGS, "SESSION_FLAGS");
	return lm_session_set(info->user_ptr[0],
			      nla_get_u32(info->attrs[LIVEMIG_A_SESSION_FLAGS]),
			      info->snd_portid, info->extack);
}

static int session_get(struct sk_buff *req, struct genl_info *info)
{
	return session_reply(info, info->user_ptr[0]);
}

struct session_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int session_dump_one(struct lm_session *s, void *arg)
{
	struct session_dump *d = arg;
	void *hdr;

	hdr = genlmsg_put(d->skb, NETLINK_CB(d->cb->skb).portid,
			  d->cb->nlh->nlmsg_seq, &lm_genl_family, NLM_F_MULTI,
			  LIVEMIG_CMD_SESSION_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (session_fill(d->skb, s)) {
		genlmsg_cancel(d->skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(d->skb, hdr);
	d->cb->args[0] = s->id;
	return 0;
}

/* cb->args[0] is the id of the session that was told last. */
static int session_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct session_dump d = { skb, cb };
	int err = check_admin(cb->skb, cb->extack);

	if (err)
		return err;
	lm_session_walk(cb->args[0], session_dump_one, &d);
	return skb->len;
}

static int freeze(struct sk_buff *req, struct genl_info *info)
{
	u32 timeout_ms = FREEZE_TIMEOUT_MS;

	if (info->attrs[LIVEMIG_A_TIMEOUT_MS])
		timeout_ms = nla_get_u32(info->attrs[LIVEMIG_A_TIMEOUT_MS]);
	return lm_freeze(info->user_ptr[0], timeout_ms, info->extack);
}

static int thaw(struct sk_buff *req, struct genl_info *info)
{
	int err = lm_thaw(info->user_ptr[0]);

	return err ? lm_err(info->extack, err, "cannot write cgroup.freeze") : 0;
}

static int track_start(struct sk_buff *req, struct genl_info *info)
{
	return lm_track_start(info->user_ptr[0], info->extack);
}

static int track_stop(struct sk_buff *req, struct genl_info *info)
{
	lm_track_stop(info->user_ptr[0]);
	return 0;
}

/* Can a round be written to @f. */
static int check_out(struct file *f, struct netlink_ext_ack *extack)
{
	struct inode *inode = file_inode(f);
	struct socket *sock;

	if (!(f->f_mode & FMODE_WRITE))
		return lm_err(extack, -EBADF, "FD is not open for writing");
	if (inode->i_sb->s_magic == CGROUP2_SUPER_MAGIC)
		return lm_err(extack, -EINVAL, "FD is a file of a cgroup");
	if (S_ISSOCK(inode->i_mode)) {
		sock = sock_from_file(f);
		if (!sock || sock->type != SOCK_STREAM)
			return lm_err(extack, -EINVAL,
				      "FD is a socket, but not a stream socket");
	} else if (!S_ISREG(inode->i_mode) && !S_ISFIFO(inode->i_mode)) {
		return lm_err(extack, -EINVAL,
			      "FD is neither a regular file nor a pipe nor a stream socket");
	}
	return 0;
}

/* PAGES with RANGES. */
static int pages_of(struct lm_session *s, struct file *out, struct genl_info *info,
		    struct lm_stats *stats)
{
	const struct nlattr *ranges = info->attrs[LIVEMIG_A_RANGES];
	struct livemig_range *v;
	int err;

	if (info->attrs[LIVEMIG_A_PAGES_FLAGS])
		return lm_err(info->extack, -EINVAL,
			      "PAGES_FLAGS and RANGES exclude each other");
	if (!ranges)
		return missing(info, LIVEMIG_A_RANGES, "RANGES");
	if (!info->attrs[LIVEMIG_A_MM])
		return missing(info, LIVEMIG_A_MM, "MM");
	if (!nla_len(ranges) || nla_len(ranges) % sizeof(*v))
		return lm_err(info->extack, -EINVAL,
			      "RANGES is no array of struct livemig_range");
	v = nla_memdup(ranges, GFP_KERNEL);	/* (aligned) */
	if (!v)
		return -ENOMEM;
	err = lm_pages_of(s, out, nla_get_u32(info->attrs[LIVEMIG_A_MM]), v,
			  nla_len(ranges) / sizeof(*v), stats, info->extack);
	kfree(v);
	return err;
}

static int pages(struct sk_buff *req, struct genl_info *info)
{
	struct lm_session *s = info->user_ptr[0];
	struct netlink_ext_ack *extack = info->extack;
	struct lm_stats stats = {};
	struct file *out = NULL;
	struct sk_buff *skb;
	u32 flags = 0, round;
	bool written = false;
	void *hdr;
	int err;

	if (info->attrs[LIVEMIG_A_PAGES_FLAGS])
		flags = nla_get_u32(info->attrs[LIVEMIG_A_PAGES_FLAGS]);
	if ((flags & LIVEMIG_PAGES_F_FINAL) && !lm_session_frozen(s))
		return lm_err(extack, -EBUSY,
			      "a final round needs a frozen container");
	skb = reply_begin(info, &hdr);	/* now, as a round cannot be undone */
	if (!skb)
		return -ENOMEM;

	if (flags & LIVEMIG_PAGES_F_COUNT) {
		err = info->attrs[LIVEMIG_A_FD] ?
		      lm_err(extack, -EINVAL, "FD and COUNT exclude each other") : 0;
	} else if (!info->attrs[LIVEMIG_A_FD]) {
		err = missing(info, LIVEMIG_A_FD, "FD");
	} else {
		out = fget(nla_get_s32(info->attrs[LIVEMIG_A_FD]));
		err = out ? check_out(out, extack) :
		      lm_err(extack, -EBADF, "FD is not open");
	}
	if (err)
		goto out;

	round = s->round;
	if (info->attrs[LIVEMIG_A_RANGES] || info->attrs[LIVEMIG_A_MM]) {
		err = out ? pages_of(s, out, info, &stats) :
			    missing(info, LIVEMIG_A_FD, "FD");
		if (err)
			goto out;
	} else {
		err = lm_pages(s, out, flags, &stats, extack);
		if (err)
			goto out;
		lm_event(s, LIVEMIG_EVENT_ROUND, 0, &stats);
		written = !(flags & LIVEMIG_PAGES_F_COUNT);
		if (written)
			s->round++;
	}
	err = nla_put_u32(skb, LIVEMIG_A_ROUND, round);
	if (!err)
		err = lm_stats_put(skb, LIVEMIG_A_STATS, &stats);
out:
	if (out)
		fput(out);
	err = reply_end(info, skb, hdr, err);
	if (err && written)
		lm_track_stale(s);
	return err;
}

/* In the context of the caller, who gets the descriptor. */
static int file_get(struct sk_buff *req, struct genl_info *info)
{
	struct lm_session *s = info->user_ptr[0];
	struct sk_buff *skb;
	struct file *f;
	void *hdr;
	int fd, err;

	if (!info->attrs[LIVEMIG_A_FILE])
		return missing(info, LIVEMIG_A_FILE, "FILE");
	f = lm_held_get(s, nla_get_u32(info->attrs[LIVEMIG_A_FILE]));
	if (!f)
		return lm_err(info->extack, -ENOENT,
			      "FILE is not one that the frozen container's dump keeps");
	fd = get_unused_fd_flags(O_CLOEXEC);
	err = fd < 0 ? fd : -ENOMEM;
	skb = fd < 0 ? NULL : reply_begin(info, &hdr);
	if (skb)
		err = reply_end(info, skb, hdr,
				nla_put_s32(skb, LIVEMIG_A_FD, fd));
	if (!err) {
		fd_install(fd, f);
		return 0;
	}
	if (fd >= 0)
		put_unused_fd(fd);
	fput(f);
	return err;
}

/* ---- the family ---- */

/* With maxattr 0, the core would read the family's number of entries from the
 * policy of the command.
 */
#define POLICY(p)	.policy = p, .maxattr = ARRAY_SIZE(p) - 1 + \
			BUILD_BUG_ON_ZERO(ARRAY_SIZE(p) < 2)
#define ADMIN		.flags = GENL_ADMIN_PERM
#define NEED_LOCKED	(NEED_SESSION | NEED_LOCK)

static const struct genl_ops lm_ops[] = {
	{ .cmd = LIVEMIG_CMD_GET_INFO, .doit = get_info, ADMIN,
	  POLICY(none_policy) },
	{ .cmd = LIVEMIG_CMD_SESSION_NEW, .doit = session_new, ADMIN,
	  POLICY(new_policy) },
	{ .cmd = LIVEMIG_CMD_SESSION_DEL, .doit = session_del, ADMIN,
	  POLICY(session_policy), .internal_flags = NEED_SESSION },
	{ .cmd = LIVEMIG_CMD_SESSION_GET, .doit = session_get,
	  .dumpit = session_dump, ADMIN,
	  POLICY(session_policy), .internal_flags = NEED_SESSION },
	{ .cmd = LIVEMIG_CMD_SESSION_SET, .doit = session_set, ADMIN,
	  POLICY(set_policy), .internal_flags = NEED_SESSION },
	{ .cmd = LIVEMIG_CMD_FREEZE, .doit = freeze, ADMIN,
	  POLICY(freeze_policy), .internal_flags = NEED_LOCKED },
	{ .cmd = LIVEMIG_CMD_THAW, .doit = thaw, ADMIN,
	  POLICY(session_policy), .internal_flags = NEED_LOCKED },
	{ .cmd = LIVEMIG_CMD_TRACK_START, .doit = track_start, ADMIN,
	  POLICY(session_policy), .internal_flags = NEED_LOCKED },
	{ .cmd = LIVEMIG_CMD_TRACK_STOP, .doit = track_stop, ADMIN,
	  POLICY(session_policy), .internal_flags = NEED_LOCKED },
	{ .cmd = LIVEMIG_CMD_TASK_GET, .start = lm_dump_start,
	  .dumpit = lm_dump_more, .done = lm_dump_done, ADMIN,
	  POLICY(session_policy) },
	{ .cmd = LIVEMIG_CMD_PAGES, .doit = pages, ADMIN,
	  POLICY(pages_policy), .internal_flags = NEED_LOCKED },
	{ .cmd = LIVEMIG_CMD_FILE_GET, .doit = file_get, ADMIN,
	  POLICY(file_policy), .internal_flags = NEED_LOCKED },
};

static const struct genl_multicast_group lm_groups[] = {
	{ .name = LIVEMIG_MCGRP_EVENTS, .flags = LM_MCAST_FLAGS },
};

struct genl_family lm_genl_family __ro_after_init = {
	.name		= LIVEMIG_GENL_NAME,
	.version	= LIVEMIG_GENL_VERSION,
	.maxattr	= LIVEMIG_A_MAX,
	.module		= THIS_MODULE,
	.parallel_ops	= true,
	.netnsok	= false,
	.ops		= lm_ops,
	.n_ops		= ARRAY_SIZE(lm_ops),
	.resv_start_op	= LIVEMIG_CMD_GET_INFO,
	.mcgrps		= lm_groups,
	.n_mcgrps	= ARRAY_SIZE(lm_groups),
	.pre_doit	= pre_doit,
	.post_doit	= post_doit,
};

/**
 * lm_netlink_init() - register the family: requests come from now on
 *
 * Return: 0 or -errno.
 */
int __init lm_netlink_init(void)
{
	return genl_register_family(&lm_genl_family);
}

/**
 * lm_netlink_exit() - no request is running or comes after this
 */
void lm_netlink_exit(void)
{
	genl_unregister_family(&lm_genl_family);
}
