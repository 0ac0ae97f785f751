// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What Multipath TCP may use (ip mptcp): endpoints and limits, as the messages that set
 * them. Limits are written down where they are not those of a fresh namespace.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>

#include "parts.h"

#define MSG_MAX 256
#define THERE "/proc/sys/net/mptcp"
#define IMPLICIT (1 << 4)	/* MPTCP_PM_ADDR_FLAG_IMPLICIT */
#define MALFORMED "the record of an MPTCP endpoint or limit is malformed"

struct limits {
	uint32_t accept, subflows;
};

struct dump {
	const struct lm_link *links;
	size_t nr_links;
	struct lm_buf *b;
	struct lm_error *e;
};

static struct limits fresh;

static struct nlmsghdr *message(void *buf, uint16_t family, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	nlh->nlmsg_type = family;
	g->cmd = cmd;
	g->version = MPTCP_PM_VER;
	return nlh;
}

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)arg = mnl_attr_get_u16(a);
	return MNL_CB_OK;
}

/* A socket and the number of the family. (To ask for one that is not there would have the
 * kernel look for a module.)
 */
static int open_family(struct lm_rt *rt, uint16_t *family, struct lm_error *e)
{
	struct nlmsghdr *nlh;
	char buf[256];

	if (access(THERE, F_OK) < 0)
		return lm_fail(e, LM_REFUSED, "MPTCP endpoints or limits: this kernel has no MPTCP");
	if (lm_rt_open(rt, NETLINK_GENERIC, e) < 0)
		return -1;
	*family = 0;
	nlh = message(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, MPTCP_PM_NAME);
	if (lm_rt_talk(rt, nlh, take_family, family) == 0 && *family)
		return 0;
	lm_fail_errno(e, LM_FAILED, "cannot ask for the endpoints of MPTCP");
	lm_rt_close(rt);
	return -1;
}

static int take_limits(const struct nlmsghdr *nlh, void *arg)
{
	struct limits *l = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == MPTCP_PM_ATTR_RCV_ADD_ADDRS)
			l->accept = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == MPTCP_PM_ATTR_SUBFLOWS)
			l->subflows = mnl_attr_get_u32(a);
	}
	return MNL_CB_OK;
}

static int get_limits(struct lm_rt *rt, uint16_t family, struct limits *l)
{
	char buf[256];

	return lm_rt_talk(rt, message(buf, family, MPTCP_PM_CMD_GET_LIMITS), take_limits, l);
}

void lm_mptcp_fresh(void)
{
	uint16_t family;
	struct lm_rt rt;

	if (access(THERE, F_OK) < 0 || open_family(&rt, &family, NULL) < 0)
		return;
	get_limits(&rt, family, &fresh);
	lm_rt_close(&rt);
}

/* The place of its device. Return: false: it is not in the record. */
static bool relocate(const struct dump *d, struct nlattr *index)
{
	for (size_t i = 0; i < d->nr_links; i++)
		if (d->links[i].index == (int)mnl_attr_get_u32(index)) {
			*(uint32_t *)mnl_attr_get_payload(index) = i;
			return true;
		}
	return false;
}

static int take_endpoint(const struct nlmsghdr *nlh, void *arg)
{
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	char copy[MSG_MAX] __attribute__((aligned(4)));
	struct genlmsghdr *g = (void *)copy;
	const struct nlattr *nest = NULL;
	struct nlattr *a, *index = NULL;
	struct dump *d = arg;
	uint32_t flags = 0;

	if (len > sizeof(copy)) {
		errno = EMSGSIZE;
		return MNL_CB_ERROR;
	}
	memcpy(copy, mnl_nlmsg_get_payload(nlh), len);
	g->cmd = MPTCP_PM_CMD_ADD_ADDR;
	while ((nest = lm_next(g + 1, len - sizeof(*g), nest)))
		if (lm_type(nest) == MPTCP_PM_ATTR_ADDR)
			break;
	if (!nest)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(a, nest) {
		if (mnl_attr_get_type(a) == MPTCP_PM_ADDR_ATTR_FLAGS)
			flags = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == MPTCP_PM_ADDR_ATTR_IF_IDX)
			index = a;
	}
	if (flags & IMPLICIT)	/* the kernel's, of a connection */
		return MNL_CB_OK;
	if (index && !relocate(d, index)) {
		lm_fail(d->e, LM_REFUSED,
			"MPTCP endpoint of a device that does not move: not supported");
		return MNL_CB_ERROR;
	}
	lm_put(d->b, LM_NETNS_MPTCP, copy, len);
	return MNL_CB_OK;
}

static void put_limits(struct lm_buf *b, const struct limits *l)
{
	char buf[MSG_MAX];
	struct nlmsghdr *nlh = message(buf, 0, MPTCP_PM_CMD_SET_LIMITS);

	mnl_attr_put_u32(nlh, MPTCP_PM_ATTR_RCV_ADD_ADDRS, l->accept);
	mnl_attr_put_u32(nlh, MPTCP_PM_ATTR_SUBFLOWS, l->subflows);
	lm_put(b, LM_NETNS_MPTCP, mnl_nlmsg_get_payload(nlh), mnl_nlmsg_get_payload_len(nlh));
}

int lm_mptcp_dump(const struct lm_link *links, size_t nr_links, struct lm_buf *b,
		  struct lm_error *e)
{
	struct dump d = { links, nr_links, b, e };
	struct limits l = { 0 };
	struct nlmsghdr *nlh;
	uint16_t family;
	struct lm_rt rt;
	char buf[256];
	int ret;

	if (access(THERE, F_OK) < 0)
		return 0;
	lm_net_fresh();
	if (open_family(&rt, &family, e) < 0)
		return -1;
	nlh = message(buf, family, MPTCP_PM_CMD_GET_ADDR);
	nlh->nlmsg_flags = NLM_F_DUMP;
	ret = get_limits(&rt, family, &l);
	if (ret == 0 && memcmp(&l, &fresh, sizeof(l)))
		put_limits(b, &l);
	if (ret == 0)
		ret = lm_rt_talk(&rt, nlh, take_endpoint, &d);
	if (ret < 0 && !e->code)
		lm_fail_errno(e, LM_FAILED, "cannot ask for the endpoints of MPTCP");
	lm_rt_close(&rt);
	return ret;
}

/* A device's place becomes its index. */
static bool localize(struct nlmsghdr *nlh, const int *index, size_t nr_links)
{
	struct nlattr *nest, *a;

	mnl_attr_for_each(nest, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(nest) != MPTCP_PM_ATTR_ADDR)
			continue;
		mnl_attr_for_each_nested(a, nest) {
			if (mnl_attr_get_type(a) != MPTCP_PM_ADDR_ATTR_IF_IDX)
				continue;
			if (mnl_attr_get_payload_len(a) != 4 || mnl_attr_get_u32(a) >= nr_links)
				return false;
			*(uint32_t *)mnl_attr_get_payload(a) = index[mnl_attr_get_u32(a)];
		}
	}
	return true;
}

int lm_mptcp_make(const int *index, size_t nr_links, const struct nlattr *rec,
		  struct lm_error *e)
{
	const struct genlmsghdr *g = lm_data(rec);
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	uint16_t family;
	struct lm_rt rt;
	int ret = -1;

	if (lm_len(rec) < sizeof(*g) || lm_len(rec) > MSG_MAX ||
	    (g->cmd != MPTCP_PM_CMD_ADD_ADDR && g->cmd != MPTCP_PM_CMD_SET_LIMITS))
		return lm_fail(e, LM_REFUSED, MALFORMED);
	memcpy(mnl_nlmsg_put_extra_header(nlh, lm_len(rec)), g, lm_len(rec));
	if (!localize(nlh, index, nr_links))
		return lm_fail(e, LM_REFUSED, MALFORMED);
	if (open_family(&rt, &family, e) < 0)
		return -1;
	nlh->nlmsg_type = family;
	ret = lm_rt_do(&rt, nlh, e, "cannot set an MPTCP endpoint or limit");
	lm_rt_close(&rt);
	return ret;
}
