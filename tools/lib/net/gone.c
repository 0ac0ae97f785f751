// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Routes that the kernel makes for an address, and that somebody has deleted (plugins of
 * container runtimes do so): the destination, where the addresses make them again,
 * deletes them, too. What is written down here in excess does nothing there, as what
 * the source does not have is deleted only.
 *
 * Of IPv6 that are prefixes of global addresses: other routes come and go by themselves.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "parts.h"
#include "../grow.h"

#define MSG_MAX 64
#define MALFORMED "the record of a deleted route is malformed"

/* One that there is for an address. */
struct route {
	uint8_t dst[16], dst_len, type;
	uint32_t table;
	size_t device;
	bool is_there;
};

struct dump {
	const struct lm_link *links;
	size_t nr_links;
	uint8_t family;
	struct route *v;
	size_t nr;
	bool oom;
};

static size_t addr_len(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static bool same(const struct route *r, const struct route *s)
{
	return !memcmp(r->dst, s->dst, 16) && r->dst_len == s->dst_len && r->type == s->type &&
	       r->table == s->table && r->device == s->device;
}

/* The kernel makes such a route for an address of device @n. */
static void expect(struct dump *d, size_t n, uint8_t type, const uint8_t *addr, uint8_t len)
{
	struct route r = {
		.dst_len = len, .type = type, .device = n,
		.table = type == RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
	};

	for (int i = 0; i < len; i++)
		r.dst[i / 8] |= addr[i / 8] & 0x80 >> i % 8;
	for (size_t i = 0; i < d->nr; i++)
		if (same(&d->v[i], &r))
			return;
	if (lm_grow(&d->v, d->nr, sizeof(*d->v)))
		d->oom = true;
	else
		d->v[d->nr++] = r;
}

static void expect_inet(struct dump *d, size_t n, const struct ifaddrmsg *ifa, uint32_t flags,
			const uint8_t *const *at)
{
	const uint8_t *local = at[IFA_LOCAL], *addr = at[IFA_ADDRESS];
	uint8_t last[4];

	if (!local || !addr)
		return;
	expect(d, n, RTN_LOCAL, local, 32);
	if (at[IFA_BROADCAST])
		expect(d, n, RTN_BROADCAST, at[IFA_BROADCAST], 32);
	if (flags & IFA_F_SECONDARY || !addr[0] || ifa->ifa_prefixlen > 32 ||
	    (ifa->ifa_prefixlen == 32 && !memcmp(local, addr, 4)))
		return;
	if (!(flags & IFA_F_NOPREFIXROUTE))
		expect(d, n, d->links[n].flags & IFF_LOOPBACK ? RTN_LOCAL : RTN_UNICAST,
		       addr, ifa->ifa_prefixlen);
	if (ifa->ifa_prefixlen >= 31)
		return;
	memcpy(last, addr, 4);
	for (int i = ifa->ifa_prefixlen; i < 32; i++)
		last[i / 8] |= 0x80 >> i % 8;
	expect(d, n, RTN_BROADCAST, last, 32);
}

static void expect_inet6(struct dump *d, size_t n, const struct ifaddrmsg *ifa, uint32_t flags,
			 const uint8_t *const *at)
{
	const uint8_t *addr = at[IFA_LOCAL] ? at[IFA_LOCAL] : at[IFA_ADDRESS];

	/* (one that is not in use yet may not have it yet) */
	if (addr && ifa->ifa_scope == RT_SCOPE_UNIVERSE && ifa->ifa_prefixlen <= 128 &&
	    !(flags & (IFA_F_NOPREFIXROUTE | IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		expect(d, n, RTN_UNICAST, addr, ifa->ifa_prefixlen);
}

static int take_addr(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const uint8_t *at[IFA_BROADCAST + 1] = { NULL };
	uint32_t flags = ifa->ifa_flags;
	const struct nlattr *a;
	struct dump *d = arg;
	size_t n = 0;

	if (ifa->ifa_family != d->family)
		return MNL_CB_OK;
	while (n < d->nr_links && d->links[n].index != (int)ifa->ifa_index)
		n++;
	/* (it gets them when its device is set up) */
	if (n == d->nr_links || !(d->links[n].flags & IFF_UP))
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		uint16_t type = mnl_attr_get_type(a);

		if (type == IFA_FLAGS)
			flags = mnl_attr_get_u32(a);
		if (type <= IFA_BROADCAST &&
		    mnl_attr_get_payload_len(a) == addr_len(d->family))
			at[type] = mnl_attr_get_payload(a);
	}
	if (d->family == AF_INET)
		expect_inet(d, n, ifa, flags, at);
	else
		expect_inet6(d, n, ifa, flags, at);
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct route r = {
		.dst_len = rtm->rtm_dst_len, .type = rtm->rtm_type, .table = rtm->rtm_table,
	};
	const struct nlattr *a;
	struct dump *d = arg;
	int device = 0;

	if (rtm->rtm_family != d->family || rtm->rtm_protocol != RTPROT_KERNEL)
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(a) == RTA_TABLE)
			r.table = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_OIF)
			device = mnl_attr_get_u32(a);
		if (mnl_attr_get_type(a) == RTA_DST && mnl_attr_get_payload_len(a) <= 16)
			memcpy(r.dst, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
	}
	while (r.device < d->nr_links && d->links[r.device].index != device)
		r.device++;
	for (size_t i = 0; i < d->nr; i++)
		if (same(&d->v[i], &r))
			d->v[i].is_there = true;
	return MNL_CB_OK;
}

/* Addresses first: of one that comes meanwhile the routes are not missing. */
static int list(struct lm_rt *rt, struct dump *d)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	struct rtmsg *rtm;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_DUMP;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = d->family;
	if (lm_rt_talk(rt, nlh, take_addr, d) < 0)
		return -1;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_GETROUTE;
	nlh->nlmsg_flags = NLM_F_DUMP;
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = d->family;
	rtm->rtm_protocol = RTPROT_KERNEL;
	if (lm_rt_talk(rt, nlh, take_route, d) < 0)
		return -1;
	errno = ENOMEM;
	return d->oom ? -1 : 0;
}

static void put(struct lm_buf *b, uint8_t family, const struct route *r)
{
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = family;
	rtm->rtm_dst_len = r->dst_len;
	rtm->rtm_table = r->table;
	rtm->rtm_protocol = RTPROT_KERNEL;
	rtm->rtm_scope = RT_SCOPE_NOWHERE;	/* any */
	rtm->rtm_type = r->type;
	mnl_attr_put(nlh, RTA_DST, addr_len(family), r->dst);
	mnl_attr_put_u32(nlh, RTA_OIF, r->device);
	lm_put(b, LM_NETNS_NO_ROUTE, rtm, mnl_nlmsg_get_payload_len(nlh));
}

int lm_gone_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		 struct lm_buf *b, struct lm_error *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	int ret = 0;

	for (size_t i = 0; i < sizeof(families) && ret == 0; i++) {
		struct dump d = { .links = links, .nr_links = nr_links, .family = families[i] };
		bool none = list(rt, &d) < 0;

		/* (a host may have no IPv6) */
		if (none && errno != EOPNOTSUPP)
			ret = lm_fail_errno(e, LM_FAILED, "cannot list the kernel's routes");
		for (size_t j = 0; !none && j < d.nr; j++)
			if (!d.v[j].is_there)
				put(b, d.family, &d.v[j]);
		free(d.v);
	}
	return ret;
}

int lm_gone_make(struct lm_rt *rt, const int *index, size_t nr_links,
		 const struct nlattr *rec, struct lm_error *e)
{
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	const struct nlattr *a = NULL;
	struct rtmsg *rtm;
	bool on = false;

	if (lm_len(rec) < sizeof(*rtm) || lm_len(rec) > MSG_MAX)
		return lm_fail(e, LM_REFUSED, MALFORMED);
	nlh->nlmsg_type = RTM_DELROUTE;
	rtm = mnl_nlmsg_put_extra_header(nlh, lm_len(rec));
	memcpy(rtm, lm_data(rec), lm_len(rec));
	while ((a = lm_next(rtm + 1, lm_len(rec) - sizeof(*rtm), a))) {
		if (lm_type(a) != RTA_OIF)
			continue;
		if (lm_len(a) != 4 || lm_u32(a) >= nr_links)
			return lm_fail(e, LM_REFUSED, MALFORMED);
		*(uint32_t *)mnl_attr_get_payload(a) = index[lm_u32(a)];
		on = true;
	}
	if (!on || rtm->rtm_protocol != RTPROT_KERNEL ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return lm_fail(e, LM_REFUSED, MALFORMED);
	if (lm_rt_talk(rt, nlh, NULL, NULL) == 0 || errno == ESRCH)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "cannot delete a route%s", rt->text);
}
