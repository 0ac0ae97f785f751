// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Routes that the kernel makes for an address come by themselves wherever the address
 * goes. But somebody may have deleted one (plugins of container runtimes do so): the
 * destination deletes it, too. What is written down here in excess does nothing there, as
 * what the source does not have is deleted only. And somebody may say of a route that it
 * is the kernel's (NetworkManager does so): that one moves like others.
 *
 * Of IPv6 the first are prefixes of global addresses, the second those through a gateway
 * or with a metric of their own, but none that expires: other routes come and go by
 * themselves.
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
#define METRIC6 256	/* IP6_RT_PRIO_ADDRCONF of the kernel */
#define MALFORMED "the record of a deleted route is malformed"

/* One that there is for an address. */
struct lm_kroute {
	uint8_t family, dst[16], dst_len, type;
	uint32_t table, metric;
	size_t device;
	bool is_there;
};

static size_t addr_len(uint8_t family)
{
	return family == AF_INET ? 4 : 16;
}

static bool same(const struct lm_kroute *r, const struct lm_kroute *s)
{
	return r->family == s->family && !memcmp(r->dst, s->dst, 16) &&
	       r->dst_len == s->dst_len && r->type == s->type && r->table == s->table &&
	       r->metric == s->metric && r->device == s->device;
}

/* An address, and what the kernel makes for it. */
struct address {
	struct lm_kroutes *k;
	const struct ifaddrmsg *ifa;
	const uint8_t *at[IFA_BROADCAST + 1];
	uint32_t flags, metric;
	size_t device;
};

static void expect(const struct address *a, uint8_t type, uint32_t metric,
		   const uint8_t *addr, uint8_t len)
{
	struct lm_kroutes *k = a->k;
	struct lm_kroute r = {
		.family = a->ifa->ifa_family, .dst_len = len, .type = type,
		.table = type == RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
		.metric = metric, .device = a->device,
	};

	for (int i = 0; i < len; i++)
		r.dst[i / 8] |= addr[i / 8] & 0x80 >> i % 8;
	for (size_t i = 0; i < k->nr; i++)
		if (same(&k->v[i], &r))
			return;
	if (lm_grow(&k->v, k->nr, sizeof(*k->v)))
		k->oom = true;
	else
		k->v[k->nr++] = r;
}

static void expect_inet(const struct address *a)
{
	const uint8_t *local = a->at[IFA_LOCAL], *addr = a->at[IFA_ADDRESS];
	bool loopback = a->k->links[a->device].flags & IFF_LOOPBACK;
	uint8_t len = a->ifa->ifa_prefixlen, last[4];

	if (!local || !addr)
		return;
	expect(a, RTN_LOCAL, 0, local, 32);
	if (a->at[IFA_BROADCAST])
		expect(a, RTN_BROADCAST, 0, a->at[IFA_BROADCAST], 32);
	if (a->flags & IFA_F_SECONDARY || len > 32 || !(addr[0] >> (len < 8 ? 8 - len : 0)) ||
	    (len == 32 && !memcmp(local, addr, 4)))
		return;
	if (!(a->flags & IFA_F_NOPREFIXROUTE))
		expect(a, loopback ? RTN_LOCAL : RTN_UNICAST, a->metric, addr, len);
	if (len >= 31)
		return;
	memcpy(last, addr, 4);
	for (int i = len; i < 32; i++)
		last[i / 8] |= 0x80 >> i % 8;
	expect(a, RTN_BROADCAST, 0, last, 32);
}

static void expect_inet6(const struct address *a)
{
	const uint8_t *addr = a->at[IFA_LOCAL] ? a->at[IFA_LOCAL] : a->at[IFA_ADDRESS];

	/* (one that is not in use yet may not have it yet) */
	if (addr && a->ifa->ifa_scope == RT_SCOPE_UNIVERSE && a->ifa->ifa_prefixlen <= 128 &&
	    !(a->flags & (IFA_F_NOPREFIXROUTE | IFA_F_TENTATIVE | IFA_F_DADFAILED)))
		expect(a, RTN_UNICAST, a->metric ? a->metric : METRIC6, addr,
		       a->ifa->ifa_prefixlen);
}

void lm_kroutes_addr(struct lm_kroutes *k, const struct nlmsghdr *nlh)
{
	struct address addr = { .k = k, .ifa = mnl_nlmsg_get_payload(nlh) };
	const struct nlattr *a;

	while (addr.device < k->nr_links &&
	       k->links[addr.device].index != (int)addr.ifa->ifa_index)
		addr.device++;
	/* (it gets them when its device is set up) */
	if (addr.device == k->nr_links || !(k->links[addr.device].flags & IFF_UP))
		return;
	addr.flags = addr.ifa->ifa_flags;
	mnl_attr_for_each(a, nlh, sizeof(*addr.ifa)) {
		uint16_t type = mnl_attr_get_type(a);

		if (type == IFA_FLAGS)
			addr.flags = mnl_attr_get_u32(a);
		if (type == IFA_RT_PRIORITY)
			addr.metric = mnl_attr_get_u32(a);
		if (type <= IFA_BROADCAST &&
		    mnl_attr_get_payload_len(a) == addr_len(addr.ifa->ifa_family))
			addr.at[type] = mnl_attr_get_payload(a);
	}
	if (addr.ifa->ifa_family == AF_INET)
		expect_inet(&addr);
	else
		expect_inet6(&addr);
}

/* What is known of a route besides. */
struct more {
	bool special;		/* a gateway, a TOS: no route of an address has them */
	bool expires;
	const uint8_t *src;	/* preferred source; or NULL */
};

static bool has_address(const struct lm_kroutes *k, uint8_t family, const uint8_t *addr)
{
	for (size_t i = 0; i < k->nr; i++)
		if (k->v[i].family == family && k->v[i].type == RTN_LOCAL &&
		    k->v[i].dst_len == 32 && !memcmp(k->v[i].dst, addr, addr_len(family)))
			return true;
	return false;
}

/* One that no address makes that was told of; but one may have come since, or a device
 * been set up.
 */
static bool comes_by_itself(const struct lm_kroutes *k, const struct lm_kroute *r,
			    const struct more *m)
{
	if (r->table != RT_TABLE_MAIN)
		return true;
	if (r->device < k->nr_links && !(k->links[r->device].flags & IFF_UP))
		return true;
	if (r->family == AF_INET)
		return m->src && !m->special && !has_address(k, AF_INET, m->src);
	return m->expires || (!m->special && r->metric == METRIC6);
}

bool lm_kroutes_own(struct lm_kroutes *k, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct rta_cacheinfo *info;
	struct lm_kroute r = {
		.family = rtm->rtm_family, .dst_len = rtm->rtm_dst_len,
		.type = rtm->rtm_type, .table = rtm->rtm_table,
	};
	struct more more = { .special = rtm->rtm_tos };
	const struct nlattr *a;
	int device = 0;

	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		switch (mnl_attr_get_type(a)) {
		case RTA_TABLE:
			r.table = mnl_attr_get_u32(a);
			break;
		case RTA_OIF:
			device = mnl_attr_get_u32(a);
			break;
		case RTA_PRIORITY:
			r.metric = mnl_attr_get_u32(a);
			break;
		case RTA_DST:
			if (mnl_attr_get_payload_len(a) <= sizeof(r.dst))
				memcpy(r.dst, mnl_attr_get_payload(a),
				       mnl_attr_get_payload_len(a));
			break;
		case RTA_GATEWAY:
		case RTA_VIA:
		case RTA_MULTIPATH:
			more.special = true;
			break;
		case RTA_PREFSRC:
			if (mnl_attr_get_payload_len(a) == addr_len(rtm->rtm_family))
				more.src = mnl_attr_get_payload(a);
			break;
		case RTA_CACHEINFO:
			info = mnl_attr_get_payload(a);
			more.expires = mnl_attr_get_payload_len(a) >= sizeof(*info) &&
				       info->rta_expires;
		}
	}
	if (rtm->rtm_protocol != RTPROT_KERNEL ||
	    (r.table != RT_TABLE_MAIN && r.table != RT_TABLE_LOCAL))
		return false;
	while (r.device < k->nr_links && k->links[r.device].index != device)
		r.device++;
	for (size_t i = 0; i < k->nr && !more.special; i++) {
		if (same(&k->v[i], &r)) {
			k->v[i].is_there = true;
			return true;
		}
	}
	return comes_by_itself(k, &r, &more);
}

static void put(struct lm_buf *b, const struct lm_kroute *r)
{
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN] __attribute__((aligned(4)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = r->family;
	rtm->rtm_dst_len = r->dst_len;
	rtm->rtm_table = r->table;
	rtm->rtm_protocol = RTPROT_KERNEL;
	rtm->rtm_scope = RT_SCOPE_NOWHERE;	/* any */
	rtm->rtm_type = r->type;
	mnl_attr_put(nlh, RTA_DST, addr_len(r->family), r->dst);
	mnl_attr_put_u32(nlh, RTA_OIF, r->device);
	if (r->metric)
		mnl_attr_put_u32(nlh, RTA_PRIORITY, r->metric);
	lm_put(b, LM_NETNS_NO_ROUTE, rtm, mnl_nlmsg_get_payload_len(nlh));
}

int lm_kroutes_put_gone(const struct lm_kroutes *k, struct lm_buf *b, struct lm_error *e)
{
	if (k->oom)
		return lm_fail(e, LM_FAILED, "no memory");
	for (size_t i = 0; i < k->nr; i++)
		if (!k->v[i].is_there)
			put(b, &k->v[i]);
	return 0;
}

int lm_kroutes_make_gone(struct lm_rt *rt, const int *index, size_t nr_links,
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
