// SPDX-License-Identifier: GPL-2.0-or-later
/* See fam.h. */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fam.h"

#ifndef NLM_F_ACK_TLVS
#define NLM_F_ACK_TLVS 0x200
#endif

/* The TLVs behind the errno of an ACK, an error, or a NLMSG_DONE. */
static void take_text(struct fam *nl, const char *tlvs, int len)
{
	struct nlattr *tb[8] = {};

	if (len <= 0 || nla_parse(tb, 7, (struct nlattr *)tlvs, len, NULL))
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(nl->text, tb[NLMSGERR_ATTR_MSG], sizeof(nl->text));
	if (tb[NLMSGERR_ATTR_OFFS])
		nl->attr = nla_get_u32(tb[NLMSGERR_ATTR_OFFS]);
}

static void take_error(struct fam *nl, struct nlmsghdr *h, struct nlmsgerr *e)
{
	int skip = sizeof(*e);

	nl->err = e->error;
	nl->done = true;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	take_text(nl, (char *)e + skip,
		  (int)(h->nlmsg_len - NLMSG_HDRLEN) - skip);
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);

	take_error(arg, h, nlmsg_data(h));
	return NL_STOP;
}

static int on_error(struct sockaddr_nl *who, struct nlmsgerr *e, void *arg)
{
	/* libnl gives the body only; the header stands before it. */
	take_error(arg, (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN), e);
	return NL_STOP;
}

static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct fam *nl = arg;
	int err = 0;

	nl->done = true;
	if (nlmsg_datalen(h) >= (int)sizeof(err))
		memcpy(&err, nlmsg_data(h), sizeof(err));
	nl->err = err < 0 ? err : 0;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS)
		take_text(nl, (char *)nlmsg_data(h) + sizeof(err),
			  nlmsg_datalen(h) - (int)sizeof(err));
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct nlattr *attrs[NL_ATTRS] = {};
	struct fam *nl = arg;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, NL_ATTRS - 1, NULL) < 0)
		return NL_SKIP;
	if (nl->answer)
		nl->answer(nl, attrs, nl->arg);
	return NL_OK;
}

int fam_open(struct fam *nl)
{
	int one = 1, err;

	memset(nl, 0, sizeof(*nl));
	nl->sk = nl_socket_alloc();
	if (!nl->sk)
		return -ENOMEM;
	err = genl_connect(nl->sk);
	if (err)
		goto err;
	nl_socket_set_msg_buf_size(nl->sk, 65536);
	setsockopt(nl_socket_get_fd(nl->sk), SOL_NETLINK, NETLINK_EXT_ACK, &one,
		   sizeof(one));
	nl->family = genl_ctrl_resolve(nl->sk, SPEC_FAMILY);
	if (nl->family < 0) {
		err = nl->family;
		goto err;
	}
	nl_socket_modify_cb(nl->sk, NL_CB_VALID, NL_CB_CUSTOM, on_valid, nl);
	nl_socket_modify_cb(nl->sk, NL_CB_ACK, NL_CB_CUSTOM, on_ack, nl);
	nl_socket_modify_cb(nl->sk, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, nl);
	nl_socket_modify_err_cb(nl->sk, NL_CB_CUSTOM, on_error, nl);
	return 0;
err:
	nl_socket_free(nl->sk);
	nl->sk = NULL;
	return err == -NLE_OBJ_NOTFOUND ? -ENOENT : -EIO;
}

void fam_close(struct fam *nl)
{
	nl_socket_free(nl->sk);
	nl->sk = NULL;
}

struct nl_msg *fam_request(struct fam *nl, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0,
				 flags, cmd, SPEC_VERSION))
		abort();
	return msg;
}

int fam_send(struct fam *nl, struct nl_msg *msg)
{
	int n = nl_send_auto(nl->sk, msg);

	nlmsg_free(msg);
	nl->done = false;
	nl->err = 0;
	nl->text[0] = 0;
	nl->attr = 0;
	return n < 0 ? -EIO : 0;
}

int fam_step(struct fam *nl)
{
	int err = nl_recvmsgs_default(nl->sk);

	if (err < 0 && !nl->done) {
		nl->err = -EPROTO;
		nl->done = true;
	}
	return nl->err;
}

int fam_call(struct fam *nl, struct nl_msg *msg,
	    void (*answer)(struct fam *nl, struct nlattr **attrs, void *arg),
	    void *arg)
{
	nl->answer = answer;
	nl->arg = arg;
	if (fam_send(nl, msg))
		return nl->err = -EIO;
	while (!nl->done)
		fam_step(nl);
	nl->answer = NULL;
	return nl->err;
}

int fam_session(struct fam *nl, int cmd, uint32_t session)
{
	struct nl_msg *msg = fam_request(nl, cmd, 0);

	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	return fam_call(nl, msg, NULL, NULL);
}

int fam_session_u32(struct fam *nl, int cmd, uint32_t session, int attr,
		   uint32_t value)
{
	struct nl_msg *msg = fam_request(nl, cmd, 0);

	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	nla_put_u32(msg, attr, value);
	return fam_call(nl, msg, NULL, NULL);
}

static void take_id(struct fam *nl, struct nlattr **attrs, void *arg)
{
	if (attrs[LIVEMIG_A_SESSION])
		*(uint32_t *)arg = nla_get_u32(attrs[LIVEMIG_A_SESSION]);
}

int fam_session_new(struct fam *nl, int cgroup_fd, const char *name,
		   uint32_t flags)
{
	struct nl_msg *msg = fam_request(nl, LIVEMIG_CMD_SESSION_NEW, 0);
	uint32_t id = 0;

	nla_put_s32(msg, LIVEMIG_A_CGROUP_FD, cgroup_fd);
	if (name)
		nla_put_string(msg, LIVEMIG_A_NAME, name);
	if (flags)
		nla_put_u32(msg, LIVEMIG_A_SESSION_FLAGS, flags);
	return fam_call(nl, msg, take_id, &id) ?: (int)id;
}

static void take_state(struct fam *nl, struct nlattr **attrs, void *arg)
{
	if (attrs[LIVEMIG_A_STATE])
		*(int *)arg = nla_get_u32(attrs[LIVEMIG_A_STATE]);
}

int fam_state(struct fam *nl, uint32_t session)
{
	struct nl_msg *msg = fam_request(nl, LIVEMIG_CMD_SESSION_GET, 0);
	int state = -EPROTO;

	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	return fam_call(nl, msg, take_state, &state) ?: state;
}

void dump_answer(struct fam *nl, struct nlattr **attrs, void *arg)
{
	struct nlattr *obj[NL_ATTRS] = {};
	struct dump *d = arg;
	uint32_t type, seq;

	if (!attrs[LIVEMIG_A_SESSION] || !attrs[LIVEMIG_A_COOKIE] ||
	    !attrs[LIVEMIG_A_SEQ] || !attrs[LIVEMIG_A_OBJ_TYPE] ||
	    !attrs[LIVEMIG_A_OBJ] ||
	    nla_parse_nested(obj, NL_ATTRS - 1, attrs[LIVEMIG_A_OBJ], NULL)) {
		d->broken = true;
		return;
	}
	seq = nla_get_u32(attrs[LIVEMIG_A_SEQ]);
	if (seq == 0)
		d->cookie = nla_get_u32(attrs[LIVEMIG_A_COOKIE]);
	if (seq != d->next_seq ||
	    nla_get_u32(attrs[LIVEMIG_A_COOKIE]) != d->cookie ||
	    nla_get_u32(attrs[LIVEMIG_A_SESSION]) != d->session)
		d->broken = true;
	d->next_seq = seq + 1;
	type = nla_get_u32(attrs[LIVEMIG_A_OBJ_TYPE]);
	if (type >= FAM_OBJ_TYPES) {
		d->broken = true;
		return;
	}
	d->objs[type]++;
	if (type == LIVEMIG_OBJ_PROCESS && obj[LIVEMIG_PROCESS_PID] &&
	    d->npids < 4096)
		d->pids[d->npids++] = nla_get_u32(obj[LIVEMIG_PROCESS_PID]);
	if (type == LIVEMIG_OBJ_UNSUPPORTED && obj[LIVEMIG_UNSUPPORTED_WHAT]) {
		size_t n = strlen(d->unsupported);

		snprintf(d->unsupported + n, sizeof(d->unsupported) - n, "%s\n",
			 nla_get_string(obj[LIVEMIG_UNSUPPORTED_WHAT]));
	}
}

int fam_dump(struct fam *nl, uint32_t session, struct dump *d)
{
	struct nl_msg *msg = fam_request(nl, LIVEMIG_CMD_TASK_GET, NLM_F_DUMP);

	memset(d, 0, sizeof(*d));
	d->session = session;
	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	return fam_call(nl, msg, dump_answer, d);
}

int fam_events_open(struct fam *nl)
{
	int group, err = fam_open(nl);

	if (err)
		return err;
	nl_socket_disable_seq_check(nl->sk);
	group = genl_ctrl_resolve_grp(nl->sk, SPEC_FAMILY, LIVEMIG_MCGRP_EVENTS);
	/* The resolver has put its own callbacks into a clone, ours still stand. */
	if (group < 0)
		return -ENOENT;
	return nl_socket_add_membership(nl->sk, group) ? -EPERM : 0;
}

struct event {
	uint32_t session;
	int event;
};

static void take_event(struct fam *nl, struct nlattr **attrs, void *arg)
{
	struct event *e = arg;

	if (attrs[LIVEMIG_A_EVENT] && attrs[LIVEMIG_A_SESSION] &&
	    nla_get_u32(attrs[LIVEMIG_A_SESSION]) == e->session)
		e->event = nla_get_u32(attrs[LIVEMIG_A_EVENT]);
}

int fam_event(struct fam *nl, uint32_t session)
{
	struct pollfd p = { .fd = nl_socket_get_fd(nl->sk), .events = POLLIN };
	struct event e = { session, -1 };

	nl->answer = take_event;
	nl->arg = &e;
	while (e.event < 0 && poll(&p, 1, 60000) > 0)
		nl_recvmsgs_default(nl->sk);
	nl->answer = NULL;
	return e.event;
}
