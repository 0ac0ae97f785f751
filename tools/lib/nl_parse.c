// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Replies of the kernel, taken apart. They come from the kernel, but also from
 * modules of other versions: no length is trusted.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "nl_parse.h"
#include "record.h"

#define MAX_ERRNO	4095

/* Nothing was changed, or it broke on the way? */
static enum lm_code code_of(int err)
{
	switch (err) {
	case EIO:
	case EINTR:
	case ENOMEM:
	case ENOSPC:
	case EPIPE:
	case ECONNRESET:
	case ETIMEDOUT:
		return LM_FAILED;
	default:
		return LM_REFUSED;
	}
}

/* @error: negative; @extack: attributes after it, may be empty. */
static int fail_errno(const struct lm_reply *r, int error, const void *extack,
		      size_t len, struct lm_error *e)
{
	const struct nlattr *tb[NLMSGERR_ATTR_MAX + 1];
	int err = error < 0 && error >= -MAX_ERRNO ? -error : EIO;
	const char *msg = NULL;

	if (!lm_parse(extack, len, tb, NLMSGERR_ATTR_MAX, NULL))
		msg = lm_str(tb[NLMSGERR_ATTR_MSG]);
	if (e && e->code)
		return -1;
	if (err == EPERM && !msg)
		msg = "needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN)";
	lm_fail(e, code_of(err), "%s: %s", r->what, msg ? msg : strerror(err));
	if (e)
		e->err = err;
	return -1;
}

/* NLMSG_ERROR: an error or, with error 0, the acknowledgement. */
static int ack(const struct lm_reply *r, const struct nlmsghdr *h, struct lm_error *e)
{
	const struct nlmsgerr *err = NLMSG_DATA(h);
	size_t len = h->nlmsg_len, skip = NLMSG_LENGTH(sizeof(*err));

	if (len < skip)
		return lm_fail(e, LM_FAILED, "%s: malformed answer", r->what);
	if (!err->error)
		return 1;
	/* The request may have been sent back before the text. */
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && err->msg.nlmsg_len > NLMSG_HDRLEN) {
		if (err->msg.nlmsg_len > len - skip + NLMSG_HDRLEN)
			skip = len;
		else
			skip += NLMSG_ALIGN(err->msg.nlmsg_len - NLMSG_HDRLEN);
	}
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || skip > len)
		skip = len;
	return fail_errno(r, err->error, (const char *)h + skip, len - skip, e);
}

/* NLMSG_DONE: the end of a dump, which may be an error, too. */
static int done(const struct lm_reply *r, const struct nlmsghdr *h, struct lm_error *e)
{
	size_t len = h->nlmsg_len, skip = NLMSG_LENGTH(sizeof(int));
	int err;

	if (r->failed)
		return -1;
	if (len < skip)
		return 1;
	memcpy(&err, NLMSG_DATA(h), sizeof(err));
	if (err >= 0)
		return 1;
	skip = NLMSG_ALIGN(skip);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || skip > len)
		skip = len;
	return fail_errno(r, err, (const char *)h + skip, len - skip, e);
}

static int answer(struct lm_reply *r, const struct nlmsghdr *h, struct lm_error *e)
{
	const struct genlmsghdr *g = NLMSG_DATA(h);
	size_t skip = NLMSG_LENGTH(GENL_HDRLEN);

	if (r->failed)
		return 0;
	if (h->nlmsg_len < skip)
		lm_fail(e, LM_FAILED, "%s: malformed answer", r->what);
	else if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		lm_fail(e, LM_FAILED, "%s: things changed meanwhile, try again", r->what);
	else if (!r->answer ||
		 !r->answer(g->cmd, (const char *)h + skip, h->nlmsg_len - skip, r->arg, e))
		return 0;
	r->failed = true;
	return 0;
}

int lm_reply_parse(struct lm_reply *r, const void *buf, size_t len,
		   struct lm_error *e)
{
	size_t pos = 0;

	while (len - pos >= NLMSG_HDRLEN) {
		const struct nlmsghdr *h = (const void *)((const char *)buf + pos);
		int ret = 0;

		if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > len - pos)
			return lm_fail(e, LM_FAILED, "%s: truncated answer", r->what);
		pos += NLMSG_ALIGN(h->nlmsg_len);
		if (h->nlmsg_seq == r->seq &&
		    (!r->portid || h->nlmsg_pid == r->portid)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				ret = ack(r, h, e);
			else if (h->nlmsg_type == NLMSG_DONE)
				ret = done(r, h, e);
			else if (h->nlmsg_type == r->family)
				ret = answer(r, h, e);
		}
		if (ret)
			return r->failed ? -1 : ret;
		if (pos >= len)
			break;
	}
	return 0;
}

static void get_str(char *to, size_t size, const struct nlattr *a)
{
	const char *s = lm_str(a);

	snprintf(to, size, "%s", s ? s : "");
}

/* FEATURES may be given several times; the names end up with spaces between. */
static void get_features(const void *attrs, size_t len, char *to, size_t size)
{
	const struct nlattr *a = NULL;
	size_t n = 0;

	*to = 0;
	while ((a = lm_next(attrs, len, a))) {
		const char *s = lm_str(a);

		if (lm_type(a) == LIVEMIG_A_FEATURES && s && n < size)
			n += snprintf(to + n, size - n, "%s%s", n ? " " : "", s);
	}
}

int lm_parse_info(const void *attrs, size_t len, struct lm_info *i, struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_A_MAX + 1];

	if (lm_parse(attrs, len, tb, LIVEMIG_A_MAX, e))
		return -1;
	get_str(i->version, sizeof(i->version), tb[LIVEMIG_A_VERSION]);
	get_str(i->kernel, sizeof(i->kernel), tb[LIVEMIG_A_KERNEL]);
	get_features(attrs, len, i->features, sizeof(i->features));
	i->protocol = lm_u32(tb[LIVEMIG_A_PROTOCOL]);
	i->xstate_size = lm_u32(tb[LIVEMIG_A_XSTATE_SIZE]);
	i->sessions = lm_u32(tb[LIVEMIG_A_SESSIONS]);
	i->xfeatures = lm_u64(tb[LIVEMIG_A_XFEATURES]);
	i->vdso_id = lm_u64(tb[LIVEMIG_A_VDSO_ID]);
	return 0;
}

int lm_parse_session(const void *attrs, size_t len, struct lm_session_info *s,
		     struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_A_MAX + 1];

	if (lm_parse(attrs, len, tb, LIVEMIG_A_MAX, e))
		return -1;
	if (!lm_u32(tb[LIVEMIG_A_SESSION]))
		return lm_fail(e, LM_FAILED, "the module answered without a session");
	s->id = lm_u32(tb[LIVEMIG_A_SESSION]);
	s->state = lm_u32(tb[LIVEMIG_A_STATE]);
	s->flags = lm_u32(tb[LIVEMIG_A_SESSION_FLAGS]);
	s->tasks = lm_u32(tb[LIVEMIG_A_TASKS]);
	s->round = lm_u32(tb[LIVEMIG_A_ROUND]);
	s->cgroup_id = lm_u64(tb[LIVEMIG_A_CGROUP_ID]);
	get_str(s->name, sizeof(s->name), tb[LIVEMIG_A_NAME]);
	get_str(s->tracker, sizeof(s->tracker), tb[LIVEMIG_A_TRACKER]);
	return 0;
}

int lm_parse_stats(const struct nlattr *nest, struct lm_stats *st, struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_STATS_MAX + 1];

	memset(st, 0, sizeof(*st));
	if (!nest)
		return 0;
	if (lm_parse(lm_data(nest), lm_len(nest), tb, LIVEMIG_STATS_MAX, e))
		return -1;
	st->present = lm_u64(tb[LIVEMIG_STATS_PRESENT]);
	st->dirty = lm_u64(tb[LIVEMIG_STATS_DIRTY]);
	st->data = lm_u64(tb[LIVEMIG_STATS_DATA]);
	st->zero = lm_u64(tb[LIVEMIG_STATS_ZERO]);
	st->same = lm_u64(tb[LIVEMIG_STATS_SAME]);
	st->hole = lm_u64(tb[LIVEMIG_STATS_HOLE]);
	st->bytes = lm_u64(tb[LIVEMIG_STATS_BYTES]);
	st->ns_walk = lm_u64(tb[LIVEMIG_STATS_NS_WALK]);
	st->ns_flush = lm_u64(tb[LIVEMIG_STATS_NS_FLUSH]);
	st->ns_write = lm_u64(tb[LIVEMIG_STATS_NS_WRITE]);
	st->ns_total = lm_u64(tb[LIVEMIG_STATS_NS_TOTAL]);
	st->ns_locked = lm_u64(tb[LIVEMIG_STATS_NS_LOCKED]);
	st->delta = lm_u64(tb[LIVEMIG_STATS_DELTA]);
	st->copy = lm_u64(tb[LIVEMIG_STATS_COPY]);
	st->later = lm_u64(tb[LIVEMIG_STATS_LATER]);
	return 0;
}

int lm_parse_event(const void *attrs, size_t len, struct lm_event *ev,
		   struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_A_MAX + 1];

	memset(ev, 0, sizeof(*ev));
	if (lm_parse(attrs, len, tb, LIVEMIG_A_MAX, e))
		return -1;
	ev->event = lm_u32(tb[LIVEMIG_A_EVENT]);
	ev->session = lm_u32(tb[LIVEMIG_A_SESSION]);
	ev->round = lm_u32(tb[LIVEMIG_A_ROUND]);
	ev->pid = lm_u32(tb[LIVEMIG_A_PID]);
	get_str(ev->name, sizeof(ev->name), tb[LIVEMIG_A_NAME]);
	ev->has_stats = tb[LIVEMIG_A_STATS];
	return lm_parse_stats(tb[LIVEMIG_A_STATS], &ev->stats, e);
}

static int get_group(const struct nlattr *groups, uint32_t *group, struct lm_error *e)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1], *a = NULL;

	while (groups && (a = lm_next(lm_data(groups), lm_len(groups), a))) {
		const char *name;

		if (lm_parse(lm_data(a), lm_len(a), tb, CTRL_ATTR_MCAST_GRP_MAX, e))
			return -1;
		name = lm_str(tb[CTRL_ATTR_MCAST_GRP_NAME]);
		if (name && !strcmp(name, LIVEMIG_MCGRP_EVENTS))
			*group = lm_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return 0;
}

int lm_parse_family(const void *attrs, size_t len, uint16_t *id, uint32_t *group,
		    struct lm_error *e)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];

	if (lm_parse(attrs, len, tb, CTRL_ATTR_MAX, e))
		return -1;
	if (lm_len(tb[CTRL_ATTR_FAMILY_ID]) < sizeof(*id))
		return lm_fail(e, LM_FAILED, "the kernel named no family number");
	memcpy(id, lm_data(tb[CTRL_ATTR_FAMILY_ID]), sizeof(*id));
	return get_group(tb[CTRL_ATTR_MCAST_GROUPS], group, e);
}

int lm_parse_task(struct lm_task_dump *d, const void *attrs, size_t len,
		  struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_A_MAX + 1], *obj;

	if (lm_parse(attrs, len, tb, LIVEMIG_A_MAX, e))
		return -1;
	obj = tb[LIVEMIG_A_OBJ];
	if (!obj || !tb[LIVEMIG_A_OBJ_TYPE] || !tb[LIVEMIG_A_COOKIE])
		return lm_fail(e, LM_FAILED, "the module sent a state message without an object");
	if (!d->begun)
		d->cookie = lm_u32(tb[LIVEMIG_A_COOKIE]);
	if (lm_u32(tb[LIVEMIG_A_COOKIE]) != d->cookie ||
	    lm_u32(tb[LIVEMIG_A_SEQ]) != d->seq)
		return lm_fail(e, LM_FAILED, "a state message was lost (number %u came, %u was expected)",
			       lm_u32(tb[LIVEMIG_A_SEQ]), d->seq);
	d->begun = true;
	d->seq++;
	return d->cb(lm_u32(tb[LIVEMIG_A_OBJ_TYPE]), lm_data(obj), lm_len(obj), d->arg, e);
}
