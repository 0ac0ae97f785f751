// SPDX-License-Identifier: LGPL-2.1-or-later
/* Describing a network namespace: lm_netns_dump(). What would be lost without a
 * word (iptables, device kinds) is refused by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/lwtunnel.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include "parts.h"

#ifndef IFAPROT_KERNEL_LL
#define IFA_PROTO		11
#define IFAPROT_KERNEL_LL	3
#endif

#define ROUTE_MAX 4096	/* image-format.rst */
#define DUMP_TRIES 5

struct describe {
	struct lm_buf *b;
	struct lm_rt here;	/* in the caller's namespace */
	struct lm_rt rt;	/* in the container's */
	int host_fd;
	int host_nsid;		/* the caller's namespace, as the container's sees it */
	struct lm_link *links;	/* the container's, in the order of the record */
	size_t nr_links;
	struct lm_kroutes kernels;
	struct lm_error *e;
};

static bool is_kind(const struct lm_link *l, const char *kind)
{
	return !strcmp(l->kind, kind);
}

/* The other end of a veth, or the device below a macvlan: on the host. */
static int host_end(struct describe *d, const struct lm_link *l, struct lm_link *end)
{
	if (l->lower_nsid < 0 || l->lower_nsid != d->host_nsid)
		return lm_fail(d->e, LM_REFUSED,
			       "network device %s: a %s whose other end is not on the host: not supported",
			       l->name, l->kind);
	if (lm_rt_link(&d->here, NULL, l->lower, end) < 0)
		return lm_fail_errno(d->e, LM_FAILED, "network device %s: no device %d on the host",
				     l->name, l->lower);
	return 0;
}

static int put_host_end(struct describe *d, const struct lm_link *l)
{
	struct lm_link end, bridge;

	if (host_end(d, l, &end) < 0)
		return -1;
	if (is_kind(l, "macvlan")) {
		lm_put_str(d->b, LM_LINK_PARENT, end.name);
		lm_put_u32(d->b, LM_LINK_MODE, l->mode);
		return 0;
	}
	lm_put_str(d->b, LM_LINK_PEER, end.name);
	if (end.master && lm_rt_link(&d->here, NULL, end.master, &bridge) == 0)
		lm_put_str(d->b, LM_LINK_PARENT, bridge.name);
	return 0;
}

static int put_links(struct describe *d)
{
	size_t n = 0, mark;

	if (lm_rt_links(&d->rt, &d->links, &d->nr_links) < 0)
		return lm_fail_errno(d->e, LM_FAILED, "cannot list the network devices");
	/* (what is told of the devices may be what gives the host its number there) */
	if (lm_nsid_ask(&d->rt, d->host_fd, &d->host_nsid, d->e) < 0)
		return -1;
	for (size_t i = 0; i < d->nr_links; i++) {
		struct lm_link *l = &d->links[i];

		if (lm_is_fallback(l))
			continue;
		if (!is_kind(l, "lo") && !is_kind(l, "veth") && !is_kind(l, "macvlan") &&
		    !is_kind(l, "dummy"))
			return lm_fail(d->e, LM_REFUSED, "network device %s: %s: not supported",
				       l->name, l->kind[0] ? l->kind : "hardware");
		d->links[n++] = *l;
		mark = lm_nest_start(d->b, LM_NETNS_LINK);
		lm_put_u32(d->b, LM_LINK_INDEX, l->index);
		lm_put_str(d->b, LM_LINK_NAME, l->name);
		lm_put_str(d->b, LM_LINK_KIND, l->kind);
		lm_put_u32(d->b, LM_LINK_MTU, l->mtu);
		if (l->has_mac && !is_kind(l, "lo"))
			lm_put(d->b, LM_LINK_MAC, l->mac, sizeof(l->mac));
		if (l->flags & IFF_UP)
			lm_put_flag(d->b, LM_LINK_UP);
		if (lm_link_dump(&d->rt, l, d->b, d->e) < 0)
			return -1;
		if ((is_kind(l, "veth") || is_kind(l, "macvlan")) && put_host_end(d, l) < 0)
			return -1;
		lm_nest_end(d->b, mark);
	}
	d->nr_links = n;
	return 0;
}

/* Place of a device in the record, or -1. */
static int place(const struct describe *d, int index)
{
	for (size_t i = 0; i < d->nr_links; i++)
		if (d->links[i].index == index)
			return i;
	return -1;
}

/* fe80::/64 made from the MAC comes by itself wherever the MAC goes. */
static bool is_automatic(const struct describe *d, const struct ifaddrmsg *ifa,
			 const struct nlmsghdr *nlh)
{
	const struct nlattr *a, *addr = NULL;
	const uint8_t *ip, *mac;
	int n = place(d, ifa->ifa_index);

	if (ifa->ifa_family != AF_INET6 || ifa->ifa_scope != RT_SCOPE_LINK)
		return false;
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(a) == IFA_PROTO && mnl_attr_get_u8(a) == IFAPROT_KERNEL_LL)
			return true;
		if (mnl_attr_get_type(a) == IFA_ADDRESS)
			addr = a;
	}
	if (!addr || n < 0 || mnl_attr_get_payload_len(addr) != 16)
		return false;
	ip = mnl_attr_get_payload(addr);
	mac = d->links[n].mac;
	return ip[8] == (mac[0] ^ 2) && ip[9] == mac[1] && ip[10] == mac[2] &&
	       ip[11] == 0xff && ip[12] == 0xfe && ip[13] == mac[3] &&
	       ip[14] == mac[4] && ip[15] == mac[5];
}

static int addr_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	struct describe *d = arg;
	struct ifaddrmsg *copy;
	int n = place(d, ifa->ifa_index);

	lm_kroutes_addr(&d->kernels, nlh);
	if (n < 0 || is_automatic(d, ifa, nlh))
		return MNL_CB_OK;
	copy = malloc(len);
	if (!copy)
		return MNL_CB_ERROR;
	memcpy(copy, ifa, len);
	copy->ifa_index = n;
	lm_put(d->b, LM_NETNS_ADDR, copy, len);
	free(copy);
	return MNL_CB_OK;
}

static int put_addrs(struct describe *d)
{
	static const int families[] = { AF_INET, AF_INET6 };
	char buf[256];

	for (size_t i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct ifaddrmsg *ifa;

		nlh->nlmsg_type = RTM_GETADDR;
		nlh->nlmsg_flags = NLM_F_DUMP;
		ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
		ifa->ifa_family = families[i];
		if (lm_rt_talk(&d->rt, nlh, addr_cb, d) < 0 && errno != EOPNOTSUPP)
			return lm_fail_errno(d->e, LM_FAILED, "cannot list the addresses");
	}
	return 0;
}

/* Put places for indexes in a copy of a route. Return: false: not ours. */
static bool relocate_route(struct describe *d, void *route, size_t len)
{
	struct nlattr *a;
	char *p = (char *)route + sizeof(struct rtmsg), *end = (char *)route + len;

	for (; p + sizeof(*a) <= end && mnl_attr_ok(a = (void *)p, end - p);
	     p += MNL_ALIGN(a->nla_len)) {
		int type = mnl_attr_get_type(a), n;

		if (type == RTA_OIF) {
			n = place(d, mnl_attr_get_u32(a));
			if (n < 0)
				return false;
			*(uint32_t *)mnl_attr_get_payload(a) = n;
		}
		if (type == RTA_MULTIPATH) {
			struct rtnexthop *nh = mnl_attr_get_payload(a);
			int left = mnl_attr_get_payload_len(a);

			for (; RTNH_OK(nh, left); left -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
				n = place(d, nh->rtnh_ifindex);
				if (n < 0)
					return false;
				nh->rtnh_ifindex = n;
			}
		}
	}
	return true;
}

static int route_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	struct describe *d = arg;
	const struct nlattr *a;
	void *copy;

	mnl_attr_for_each(a, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(a) == RTA_NH_ID) {
			lm_fail(d->e, LM_REFUSED, "route by nexthop object: not supported");
			return MNL_CB_ERROR;
		}
		if (mnl_attr_get_type(a) == RTA_ENCAP_TYPE &&
		    mnl_attr_get_u16(a) == LWTUNNEL_ENCAP_BPF) {
			lm_fail(d->e, LM_REFUSED, "route through a BPF program: not supported");
			return MNL_CB_ERROR;
		}
	}
	if (rtm->rtm_flags & RTM_F_CLONED || lm_kroutes_own(&d->kernels, nlh))
		return MNL_CB_OK;
	if (len > ROUTE_MAX) {
		lm_fail(d->e, LM_REFUSED, "route with very many next hops: not supported");
		return MNL_CB_ERROR;
	}
	copy = malloc(len);
	if (!copy)
		return MNL_CB_ERROR;
	memcpy(copy, rtm, len);
	if (relocate_route(d, copy, len))
		lm_put(d->b, LM_NETNS_ROUTE, copy, len);
	free(copy);
	return MNL_CB_OK;
}

static int put_routes(struct describe *d)
{
	static const int families[] = { AF_INET, AF_INET6 };
	char buf[256];

	for (size_t i = 0; i < 2; i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct rtmsg *rtm;

		nlh->nlmsg_type = RTM_GETROUTE;
		nlh->nlmsg_flags = NLM_F_DUMP;
		rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
		rtm->rtm_family = families[i];
		if (lm_rt_talk(&d->rt, nlh, route_cb, d) < 0 && errno != EOPNOTSUPP)
			return lm_fail_errno(d->e, LM_FAILED, "cannot list the routes");
	}
	return 0;
}

/* The older kind; nf_tables moves (nft.h). */
static int check_iptables(struct describe *d)
{
	static const char *const legacy[] = { "/proc/thread-self/net/ip_tables_names",
					      "/proc/thread-self/net/ip6_tables_names",
					      "/proc/thread-self/net/arp_tables_names" };
	char buf[256];

	for (int i = 0; i < 3; i++) {
		int fd = open(legacy[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf));

		if (fd >= 0)
			close(fd);
		if (n > 0)
			return lm_fail(d->e, LM_REFUSED,
				       "iptables table %.*s in the network namespace: not supported; use iptables-nft",
				       (int)strcspn(buf, "\n"), buf);
	}
	return 0;
}

static int describe(void *arg, struct lm_error *e)
{
	struct describe *d = arg;
	int ret = -1;

	if (lm_rt_open(&d->rt, NETLINK_ROUTE, e) < 0)
		return -1;
	if (put_links(d) < 0)
		goto out;
	d->kernels.links = d->links;
	d->kernels.nr_links = d->nr_links;
	if (put_addrs(d) < 0 || put_routes(d) < 0 ||
	    lm_kroutes_put_gone(&d->kernels, d->b, d->e) < 0 ||
	    lm_net_refuse(&d->rt, d->links, d->nr_links, d->e) < 0 ||
	    lm_neigh_dump(&d->rt, d->links, d->nr_links, d->b, d->e) < 0 ||
	    lm_addrlabels_dump(&d->rt, d->links, d->nr_links, d->b, d->e) < 0 ||
	    lm_mptcp_dump(d->links, d->nr_links, d->b, d->e) < 0 ||
	    lm_nsid_dump(&d->rt, d->links, d->nr_links, d->host_nsid, d->b, d->e) < 0 ||
	    lm_rules_dump(&d->rt, d->b, d->e) < 0 || check_iptables(d) < 0)
		goto out;
	ret = lm_net_sysctl_dump(d->links, d->nr_links, d->b, d->e);
out:
	free(d->kernels.v);
	d->kernels.v = NULL;
	lm_rt_close(&d->rt);
	return ret;
}

int lm_netns_dump(int nsfd, struct lm_buf *b, struct lm_error *e)
{
	struct lm_error own = { 0 };
	struct describe d = { .b = b, .e = e ? e : &own };
	uint32_t ino = lm_ns_ino(nsfd);
	char name[256];
	size_t begin;
	int ret = -1;

	lm_put_u32(b, LM_NETNS_INO, ino);
	if (lm_netns_name(ino, name, sizeof(name)))
		lm_put_str(b, LM_NETNS_NAME, name);
	d.host_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (d.host_fd < 0)
		return lm_fail_errno(d.e, LM_FAILED, "cannot open my own network namespace");
	if (lm_rt_open(&d.here, NETLINK_ROUTE, d.e) == 0) {
		begin = b->len;
		ret = lm_in_netns(nsfd, describe, &d, d.e);
		/* (it runs, and may change anything meanwhile) */
		for (int i = 1; ret && d.rt.interrupted && i < DUMP_TRIES; i++) {
			b->len = begin;
			free(d.links);
			d = (struct describe){
				.b = b, .e = d.e, .here = d.here, .host_fd = d.host_fd,
			};
			*d.e = (struct lm_error){ 0 };
			ret = lm_in_netns(nsfd, describe, &d, d.e);
		}
		lm_rt_close(&d.here);
	}
	close(d.host_fd);
	free(d.links);
	return ret;
}
