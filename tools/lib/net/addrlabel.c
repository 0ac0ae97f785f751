// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Labels of IPv6 addresses, by which the kernel chooses its own among several (RFC 6724).
 * Where they are those of a fresh namespace nothing is written down; otherwise all of
 * them, after one without attributes, which stands for: there are no others.
 */
#include <errno.h>
#include <string.h>
#include <linux/if_addrlabel.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "parts.h"

#define MSG_MAX 128
#define NR_FRESH (sizeof(fresh) / sizeof(*fresh))
#define MALFORMED "the record of an address label is malformed"

static const struct {
	uint8_t prefix[16], len;
	uint32_t label;
} fresh[] = {
	{ { 0 }, 0, 1 },
	{ { 0xfc }, 7, 5 },
	{ { 0xfe, 0xc0 }, 10, 11 },
	{ { 0x20, 0x02 }, 16, 2 },
	{ { 0x3f, 0xfe }, 16, 12 },
	{ { 0x20, 0x01 }, 32, 6 },
	{ { 0x20, 0x01, 0, 0x10 }, 28, 7 },
	{ { [10] = 0xff, 0xff }, 96, 4 },
	{ { 0 }, 96, 3 },
	{ { [15] = 1 }, 128, 0 },
};

struct list {
	struct lm_buf all;	/* as attributes LM_NETNS_ADDRLABEL */
	size_t nr, nr_fresh;
	const struct lm_link *links;	/* NULL: indexes stay what they are */
	size_t nr_links;
};

static bool is_fresh(const struct ifaddrlblmsg *m, const uint8_t *prefix, uint32_t label)
{
	for (size_t i = 0; i < NR_FRESH; i++)
		if (!m->ifal_index && m->ifal_prefixlen == fresh[i].len &&
		    label == fresh[i].label && !memcmp(prefix, fresh[i].prefix, 16))
			return true;
	return false;
}

/* A device that is not there any more needs no label. */
static bool relocate(const struct list *l, struct ifaddrlblmsg *m)
{
	if (!l->links)
		return true;
	if (!m->ifal_index) {
		m->ifal_index = -1;
		return true;
	}
	for (size_t i = 0; i < l->nr_links; i++)
		if (l->links[i].index == (int)m->ifal_index) {
			m->ifal_index = i;
			return true;
		}
	return false;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrlblmsg *m = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a, *prefix = NULL, *label = NULL;
	char buf[MSG_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *copy = mnl_nlmsg_put_header(buf);
	struct ifaddrlblmsg *to = mnl_nlmsg_put_extra_header(copy, sizeof(*to));
	struct list *l = arg;

	mnl_attr_for_each(a, nlh, sizeof(*m)) {
		if (mnl_attr_get_type(a) == IFAL_ADDRESS && mnl_attr_get_payload_len(a) == 16)
			prefix = a;
		if (mnl_attr_get_type(a) == IFAL_LABEL && mnl_attr_get_payload_len(a) == 4)
			label = a;
	}
	if (!prefix || !label)
		return MNL_CB_OK;
	to->ifal_family = AF_INET6;
	to->ifal_prefixlen = m->ifal_prefixlen;
	to->ifal_index = m->ifal_index;
	mnl_attr_put(copy, IFAL_ADDRESS, 16, mnl_attr_get_payload(prefix));
	mnl_attr_put_u32(copy, IFAL_LABEL, mnl_attr_get_u32(label));
	l->nr_fresh += is_fresh(m, mnl_attr_get_payload(prefix), mnl_attr_get_u32(label));
	l->nr++;
	if (relocate(l, to))
		lm_put(&l->all, LM_NETNS_ADDRLABEL, to, mnl_nlmsg_get_payload_len(copy));
	return MNL_CB_OK;
}

static int list(struct lm_rt *rt, struct list *l, struct lm_error *e)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrlblmsg *m;

	nlh->nlmsg_type = RTM_GETADDRLABEL;
	nlh->nlmsg_flags = NLM_F_DUMP;
	m = mnl_nlmsg_put_extra_header(nlh, sizeof(*m));
	m->ifal_family = AF_INET6;
	if (lm_rt_talk(rt, nlh, take, l) == 0)
		return l->all.oom ? lm_fail(e, LM_FAILED, "no memory") : 0;
	/* (without IPv6 nobody has set any) */
	l->nr = l->nr_fresh = NR_FRESH;
	return errno == EAFNOSUPPORT || errno == EOPNOTSUPP ? 0 :
	       lm_fail_errno(e, LM_FAILED, "cannot list the address labels");
}

int lm_addrlabels_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		       struct lm_buf *b, struct lm_error *e)
{
	const struct ifaddrlblmsg only = { .ifal_family = AF_INET6 };
	struct list l = { .links = links, .nr_links = nr_links };
	int ret = list(rt, &l, e);

	if (ret == 0 && (l.nr != NR_FRESH || l.nr_fresh != NR_FRESH)) {
		lm_put(b, LM_NETNS_ADDRLABEL, &only, sizeof(only));
		lm_buf_add(b, l.all.data, l.all.len);
	}
	lm_buf_free(&l.all);
	return ret;
}

/* ---- setting them ---- */

/* @index NULL: as in delete_all(), where the kernel has told it. */
static int say(struct lm_rt *rt, const struct nlattr *rec, uint16_t type, const int *index,
	       size_t nr_links, struct lm_error *e)
{
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrlblmsg *m = mnl_nlmsg_put_extra_header(nlh, lm_len(rec));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = type == RTM_NEWADDRLABEL ? NLM_F_CREATE | NLM_F_EXCL : 0;
	memcpy(m, lm_data(rec), lm_len(rec));
	if (index && m->ifal_index != UINT32_MAX && m->ifal_index >= nr_links)
		return lm_fail(e, LM_REFUSED, MALFORMED);
	if (index)
		m->ifal_index = m->ifal_index == UINT32_MAX ? 0 : index[m->ifal_index];
	return lm_rt_do(rt, nlh, e, "cannot set an address label");
}

static int delete_all(struct lm_rt *rt, struct lm_error *e)
{
	const struct nlattr *a = NULL;
	struct list l = { .links = NULL };
	int ret = list(rt, &l, e);

	while (ret == 0 && (a = lm_next(l.all.data, l.all.len, a)))
		ret = say(rt, a, RTM_DELADDRLABEL, NULL, 0, e);
	lm_buf_free(&l.all);
	return ret;
}

int lm_addrlabel_make(struct lm_rt *rt, const int *index, size_t nr_links,
		      const struct nlattr *rec, struct lm_error *e)
{
	const struct ifaddrlblmsg *m = lm_data(rec);

	if (lm_len(rec) < sizeof(*m) || lm_len(rec) > MSG_MAX || m->ifal_family != AF_INET6)
		return lm_fail(e, LM_REFUSED, MALFORMED);
	if (lm_len(rec) == sizeof(*m))
		return delete_all(rt, e);
	return say(rt, rec, RTM_NEWADDRLABEL, index, nr_links, e);
}
