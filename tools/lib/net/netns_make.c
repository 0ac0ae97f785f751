// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making a network namespace again out of its record. Until lm_netns_open_up()
 * it is locked (nothing gets in or out, no ARP either) and has no name: when
 * this process dies, the last fd goes and with it the namespace and its links.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>

#include "parts.h"
#include "../grow.h"
#include "../ns/user.h"

#define RUN_NETNS "/run/netns"

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP	(1 << 16)	/* (linux/if.h and net/if.h exclude each other) */
#endif

struct lm_netns_made {
	int nsfd;
	char name[256];			/* "" = it has none */
	bool bound;			/* ... and it is in RUN_NETNS */
	struct lm_netlock *lock;
	pthread_t announcer;
	bool announcing;
};

struct make {
	const void *attrs;
	size_t len;
	const char *parent;
	int host_fd;			/* the caller's namespace */
	struct lm_rt here, rt;		/* there, and in the new one */
	struct lm_netns_made *n;
	const struct nlattr **settings;
	size_t nr_settings;
	int *index;			/* of the links, in the record's order */
	size_t nr_links;
	bool taken;			/* an index is another device's */
	struct lm_error *e;
};

/* All attributes of @attrs, several of one type included. */
#define for_each(a, m) \
	for ((a) = (m)->attrs; \
	     mnl_attr_ok((a), (const char *)(m)->attrs + (m)->len - (const char *)(a)); \
	     (a) = mnl_attr_next(a))

static void *birth(void *arg)
{
	int *fd = arg;

	if (unshare(CLONE_NEWNET) < 0)
		*fd = -errno;
	else
		*fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (*fd == -1)
		*fd = -errno;
	return NULL;
}

static int new_netns(struct lm_error *e)
{
	pthread_t t;
	int fd = -1;

	errno = pthread_create(&t, NULL, birth, &fd);
	if (errno)
		return lm_fail_errno(e, LM_FAILED, "cannot start a thread");
	pthread_join(t, NULL);
	if (fd >= 0)
		return fd;
	errno = -fd;
	return lm_fail_errno(e, LM_FAILED, "cannot make a network namespace");
}

static int find_parent(struct make *m, const char *saved, const char *dev,
		       struct lm_link *l)
{
	const char *name = m->parent ? m->parent : saved;

	if (lm_rt_link(&m->here, name, 0, l) == 0)
		return 0;
	return lm_fail(m->e, LM_REFUSED,
		       "network device %s needs %s, which is not here: create it, or name another parent",
		       dev, name);
}

static void put_veth(struct nlmsghdr *nlh, const char *peer, uint32_t mtu, int host_fd)
{
	struct nlattr *info, *data, *other;

	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	other = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, host_fd);
	if (mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	mnl_attr_nest_end(nlh, other);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

static int place_host_end(struct make *m, const char *dev, int bridge)
{
	char buf[512];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_NEWLINK, 0, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, dev);
	if (bridge)
		mnl_attr_put_u32(nlh, IFLA_MASTER, bridge);
	return lm_rt_do(&m->here, nlh, m->e, "cannot set %s up in its bridge", dev);
}

/*
 * A macvlan is made by its lower device, and then its index has to be free on the
 * host, and its name: "eth0" is not. So it is made into a namespace in between, by the
 * name that the kernel gives it, and gets its own and its index on moving from there;
 * that namespace goes with this process, too.
 */
#define BETWEEN "macvlan0"

struct reindex {
	struct make *m;
	const char *name;
	int index;
};

static int move_in(void *arg, struct lm_error *e)
{
	struct reindex *r = arg;
	struct nlmsghdr *nlh;
	struct lm_link l;
	struct lm_rt rt;
	char buf[512];
	int ret;

	if (lm_rt_open(&rt, NETLINK_ROUTE, e) < 0)
		return -1;
	if (lm_rt_link(&rt, BETWEEN, 0, &l) < 0) {
		ret = lm_fail_errno(e, LM_FAILED, "network device %s is not there", r->name);
	} else {
		nlh = lm_link_message(buf, RTM_NEWLINK, 0, l.index);
		mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, r->m->n->nsfd);
		mnl_attr_put_strz(nlh, IFLA_IFNAME, r->name);
		if (r->index)
			mnl_attr_put_u32(nlh, IFLA_NEW_IFINDEX, r->index);
		ret = lm_rt_do(&rt, nlh, e, "cannot move network device %s", r->name);
		r->m->taken = ret < 0 && errno == EBUSY;
	}
	lm_rt_close(&rt);
	return ret;
}

static int make_macvlan(struct make *m, struct nlmsghdr *nlh, const char *name, int index)
{
	struct reindex r = { m, name, index };
	int between = new_netns(m->e), ret;

	if (between < 0)
		return -1;
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, between);
	ret = lm_rt_do(&m->here, nlh, m->e, "cannot make network device %s (macvlan)", name);
	if (ret == 0)
		ret = lm_in_netns(between, move_in, &r, m->e);
	close(between);
	return ret;
}

/* Any device but lo: made from inside, as only there the index that it had is
 * sure to be free.
 */
static int make_device(struct make *m, const struct nlattr **tb)
{
	const char *name = lm_str(tb[LM_LINK_NAME]), *kind = lm_str(tb[LM_LINK_KIND]);
	const char *peer = lm_str(tb[LM_LINK_PEER]), *parent = lm_str(tb[LM_LINK_PARENT]);
	bool macvlan = !strcmp(kind, "macvlan"), veth = !strcmp(kind, "veth");
	uint32_t mtu = lm_u32(tb[LM_LINK_MTU]);
	struct lm_link up, taken;
	struct nlattr *info;
	struct nlmsghdr *nlh;
	char buf[2048];

	up.index = 0;
	if (parent && find_parent(m, parent, name, &up) < 0)
		return -1;
	if (veth && !peer)
		return lm_fail(m->e, LM_REFUSED, "network device %s: a veth without a peer", name);
	if (macvlan && !parent)
		return lm_fail(m->e, LM_REFUSED, "network device %s: a macvlan without a parent", name);
	if (veth && lm_rt_link(&m->here, peer, 0, &taken) == 0)
		return lm_fail(m->e, LM_REFUSED,
			       "network device %s, the host's end of %s, exists here already: remove it",
			       peer, name);

	nlh = lm_link_message(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
			      macvlan ? 0 : lm_u32(tb[LM_LINK_INDEX]));
	if (!macvlan)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	if (mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	if (lm_len(tb[LM_LINK_MAC]) == 6)
		mnl_attr_put(nlh, IFLA_ADDRESS, 6, lm_data(tb[LM_LINK_MAC]));
	if (macvlan)
		mnl_attr_put_u32(nlh, IFLA_LINK, up.index);
	if (veth) {
		put_veth(nlh, peer, mtu, m->host_fd);
	} else {
		info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
		if (macvlan)
			lm_macvlan_put(nlh, tb);
		mnl_attr_nest_end(nlh, info);
	}
	if (macvlan)
		return make_macvlan(m, nlh, name, lm_u32(tb[LM_LINK_INDEX]));
	if (lm_rt_do(&m->rt, nlh, m->e, "cannot make network device %s (%s)", name, kind) < 0) {
		m->taken = errno == EEXIST;
		return -1;
	}
	return veth ? place_host_end(m, peer, up.index) : 0;
}

static int make_link(struct make *m, const struct nlattr *nest)
{
	const struct nlattr *tb[LM_LINK_MAX + 1];
	const char *name, *kind;
	struct lm_link l;

	if (lm_parse(lm_data(nest), lm_len(nest), tb, LM_LINK_MAX, m->e) < 0)
		return -1;
	name = lm_str(tb[LM_LINK_NAME]);
	kind = lm_str(tb[LM_LINK_KIND]);
	if (!name || !kind || !*name || strlen(name) >= IFNAMSIZ)
		return lm_fail(m->e, LM_REFUSED, "the record of a network device is malformed");
	if (strcmp(kind, "lo") && strcmp(kind, "veth") && strcmp(kind, "macvlan") &&
	    strcmp(kind, "dummy"))
		return lm_fail(m->e, LM_REFUSED, "network device %s: %s: not supported", name, kind);
	if (strcmp(kind, "lo") && make_device(m, tb) < 0)
		return -1;
	if (lm_rt_link(&m->rt, name, 0, &l) < 0)
		return lm_fail_errno(m->e, LM_FAILED, "network device %s is not there", name);
	if (lm_grow(&m->index, m->nr_links, sizeof(*m->index)))
		return lm_fail(m->e, LM_FAILED, "no memory");
	m->index[m->nr_links++] = l.index;
	if (lm_link_make(&m->rt, l.index, nest, m->e) < 0)
		return -1;
	/* (what its addresses do depends on them, and some come when it goes up) */
	if (lm_net_sysctl_make(m->settings, m->nr_settings, name, m->e) < 0)
		return -1;
	if (!tb[LM_LINK_UP])
		return 0;
	if (lm_rt_flags(&m->rt, l.index, IFF_UP, IFF_UP) < 0)
		return lm_fail_errno(m->e, LM_FAILED, "cannot set %s up%s", name, m->rt.text);
	return 0;
}

static bool index_of(struct make *m, uint32_t place, uint32_t *index)
{
	if (place >= m->nr_links)
		return false;
	*index = m->index[place];
	return true;
}

/* A message with @payload, which the record has without its netlink header. */
static struct nlmsghdr *replay(char *buf, size_t size, const struct nlattr *a,
			       uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh;

	if (lm_len(a) + MNL_NLMSG_HDRLEN > size)
		return NULL;
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_CREATE | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, lm_len(a)), lm_data(a), lm_len(a));
	return nlh;
}

static int make_addr(struct make *m, const struct nlattr *a)
{
	struct ifaddrmsg *ifa;
	struct nlmsghdr *nlh;
	char buf[1024];

	if (lm_len(a) < sizeof(*ifa) || !(nlh = replay(buf, sizeof(buf), a, RTM_NEWADDR, 0)))
		return lm_fail(m->e, LM_REFUSED, "the record of an address is malformed");
	ifa = mnl_nlmsg_get_payload(nlh);
	if (!index_of(m, ifa->ifa_index, &ifa->ifa_index))
		return lm_fail(m->e, LM_REFUSED, "the record of an address is malformed");
	if (lm_rt_talk(&m->rt, nlh, NULL, NULL) < 0 && errno != EEXIST)
		return lm_fail_errno(m->e, LM_FAILED, "cannot set an address%s", m->rt.text);
	return 0;
}

/* Append a route message without what only the kernel says, with this host's
 * indexes. Return: false: malformed.
 */
static bool localize_route(struct make *m, const struct nlattr *rec, struct nlmsghdr *nlh)
{
	const struct rtmsg *saved = lm_data(rec);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	const char *end = (const char *)saved + lm_len(rec);
	const struct nlattr *a = (const void *)((const char *)saved + MNL_ALIGN(sizeof(*rtm)));
	uint32_t index;

	*rtm = *saved;
	rtm->rtm_flags &= RTNH_F_ONLINK;
	for (; mnl_attr_ok(a, end - (const char *)a); a = mnl_attr_next(a)) {
		uint16_t type = mnl_attr_get_type(a);
		struct rtnexthop *nh;
		struct nlattr *copy;
		int left;

		if (type == RTA_CACHEINFO || type == RTA_UID)
			continue;
		copy = mnl_nlmsg_get_payload_tail(nlh);
		mnl_attr_put(nlh, a->nla_type, mnl_attr_get_payload_len(a),
			     mnl_attr_get_payload(a));
		if (type == RTA_OIF) {
			if (mnl_attr_get_payload_len(a) != 4 ||
			    !index_of(m, mnl_attr_get_u32(a), &index))
				return false;
			*(uint32_t *)mnl_attr_get_payload(copy) = index;
		}
		if (type != RTA_MULTIPATH)
			continue;
		nh = mnl_attr_get_payload(copy);
		left = mnl_attr_get_payload_len(copy);
		for (; RTNH_OK(nh, left); left -= RTNH_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
			if (!index_of(m, nh->rtnh_ifindex, &index))
				return false;
			nh->rtnh_ifindex = index;
			nh->rtnh_flags &= RTNH_F_ONLINK;
		}
	}
	return true;
}

static int make_route(struct make *m, const struct nlattr *a)
{
	struct nlmsghdr *nlh;
	char buf[8192];

	if (lm_len(a) < sizeof(struct rtmsg) || lm_len(a) > sizeof(buf) / 2) {
		errno = EINVAL;
		return -1;
	}
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_APPEND;
	if (!localize_route(m, a, nlh)) {
		errno = EINVAL;
		return -1;
	}
	return lm_rt_talk(&m->rt, nlh, NULL, NULL) < 0 && errno != EEXIST ? -1 : 0;
}

/* All of one type. Return: their number, or -1. */
static ssize_t collect(struct make *m, uint16_t type, const struct nlattr ***all)
{
	const struct nlattr *a;
	size_t n = 0;

	for_each(a, m)
		n += mnl_attr_get_type(a) == type;
	*all = calloc(n + 1, sizeof(**all));
	if (!*all)
		return lm_fail(m->e, LM_FAILED, "no memory");
	n = 0;
	for_each(a, m)
		if (mnl_attr_get_type(a) == type)
			(*all)[n++] = a;
	return n;
}

static int make_rules(struct make *m)
{
	const struct nlattr **rules;
	ssize_t n = collect(m, LM_NETNS_RULE, &rules);
	int ret = n > 0 ? lm_rules_make(&m->rt, rules, n, m->e) : n;

	free(rules);
	return ret;
}

/* A gateway must be reachable when its route is set: those that fail are tried
 * again as long as others succeed. It may be reachable by the rules of a fresh
 * namespace, or by its own.
 */
static int make_routes(struct make *m)
{
	const struct nlattr **todo;
	ssize_t n = collect(m, LM_NETNS_ROUTE, &todo), left;
	bool ruled = false;
	int ret = n < 0 ? -1 : 0;

	while (ret == 0 && (n || !ruled)) {
		left = 0;
		for (ssize_t i = 0; i < n; i++)
			if (make_route(m, todo[i]) < 0)
				todo[left++] = todo[i];
		if (left == n && ruled)
			ret = lm_fail_errno(m->e, LM_FAILED, "cannot set a route%s", m->rt.text);
		else if (left == n || !left)
			ret = ruled ? 0 : make_rules(m), ruled = true;
		n = left;
	}
	free(todo);
	return ret;
}

static bool is_settling(struct make *m)
{
	const unsigned int has = IFF_UP | IFF_LOWER_UP;
	struct lm_link *links;
	bool found = false;
	size_t n;

	if (lm_rt_links(&m->rt, &links, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		found |= (links[i].flags & (has | IFF_RUNNING)) == has;
	free(links);
	return found;
}

/* When a device is there for good (a work item of the kernel sees to it), IPv6 takes
 * the device's MTU for its own.
 */
static void settle_mtu(struct make *m)
{
	const struct timespec ms = { 0, 1000000 };
	size_t i = 0;

	while (i < m->nr_settings && !strstr(lm_str(m->settings[i]), "/mtu="))
		i++;
	for (int n = 0; i < m->nr_settings && n < 500 && is_settling(m); n++)
		nanosleep(&ms, NULL);
}

/* What its devices have besides: when addresses and routes are set. */
static int make_others(struct make *m)
{
	const struct nlattr *a;
	int ret = 0;

	for_each(a, m) {
		switch (mnl_attr_get_type(a)) {
		case LM_NETNS_NO_ROUTE:
			ret = lm_kroutes_make_gone(&m->rt, m->index, m->nr_links, a, m->e);
			break;
		case LM_NETNS_NEIGH:
			ret = lm_neigh_make(&m->rt, m->index, m->nr_links, a, m->e);
			break;
		case LM_NETNS_ADDRLABEL:
			ret = lm_addrlabel_make(&m->rt, m->index, m->nr_links, a, m->e);
			break;
		case LM_NETNS_MPTCP:
			ret = lm_mptcp_make(m->index, m->nr_links, a, m->e);
			break;
		}
		if (ret < 0)
			return -1;
	}
	return 0;
}

static int furnish(void *arg, struct lm_error *e)
{
	struct make *m = arg;
	const struct nlattr *a;
	ssize_t n = collect(m, LM_NETNS_SYSCTL, &m->settings);
	int ret = -1;

	if (n < 0 || lm_rt_open(&m->rt, NETLINK_ROUTE, e) < 0) {
		free(m->settings);
		return -1;
	}
	m->nr_settings = n;
	/* (they are there with the module, which otherwise comes with the first rule) */
	if (lm_net_sysctl_below(m->settings, n, "net/netfilter/nf_conntrack_"))
		lm_netns_warm_conntrack();
	lm_dad_off();
	if (lm_net_sysctl_make(m->settings, n, NULL, e) < 0)
		goto out;
	for_each(a, m)
		if (mnl_attr_get_type(a) == LM_NETNS_NSID &&
		    lm_nsid_make(&m->rt, m->host_fd, a, e) < 0)
			goto out;
	for_each(a, m)
		if (mnl_attr_get_type(a) == LM_NETNS_LINK && make_link(m, a) < 0)
			goto out;
	for_each(a, m)
		if (mnl_attr_get_type(a) == LM_NETNS_ADDR && make_addr(m, a) < 0)
			goto out;
	if (make_routes(m) < 0 || make_others(m) < 0)
		goto out;
	lm_dad_on(&m->rt);
	settle_mtu(m);
	/* Once more: the kernel has changed some on the way. */
	ret = lm_net_sysctl_make(m->settings, n, "", e);
out:
	lm_rt_close(&m->rt);
	free(m->settings);
	return ret;
}

static int check_name(const char *name, struct lm_error *e)
{
	char path[512];

	if (!*name || *name == '.' || strchr(name, '/') || strlen(name) > NAME_MAX)
		return lm_fail(e, LM_REFUSED, "\"%s\" is no name for a network namespace", name);
	snprintf(path, sizeof(path), RUN_NETNS "/%s", name);
	if (access(path, F_OK) == 0)
		return lm_fail(e, LM_REFUSED,
			       "network namespace %s exists here already: \"ip netns delete %s\"",
			       name, name);
	return 0;
}

/* With what is in the record. @quiet: and nothing else. */
static int make_netns(struct make *m, int user, bool quiet)
{
	const struct lm_ns_birth birth_there = { .kind = &lm_ns_net, .user = user };
	struct lm_netns_made *n = m->n;
	sigset_t signals;
	int off = quiet ? lm_fallback_off(&signals) : -1;

	n->nsfd = user ? lm_ns_born(&birth_there, m->e) : new_netns(m->e);
	lm_fallback_on(off, &signals);
	m->nr_links = 0;
	m->taken = false;
	if (n->nsfd < 0 || lm_netlock(n->nsfd, true, &n->lock, m->e) < 0)
		return -1;
	return lm_in_netns(n->nsfd, furnish, m, m->e);
}

static void unmake(struct lm_netns_made *n)
{
	lm_netns_clear(n->nsfd, NULL);
	lm_netunlock(n->lock);
	n->lock = NULL;
	close(n->nsfd);
	n->nsfd = -1;
}

int lm_netns_make(const void *attrs, size_t len, int user, const char *parent,
		  struct lm_netns_made **made, struct lm_error *e)
{
	const struct nlattr *tb[LM_NETNS_MAX + 1];
	struct make m = { .attrs = attrs, .len = len, .parent = parent, .e = e };
	struct lm_error first = { 0 };
	struct lm_netns_made *n;
	int ret = -1;

	if (lm_parse(attrs, len, tb, LM_NETNS_MAX, e) < 0)
		return -1;
	if (tb[LM_NETNS_NAME] && !lm_str(tb[LM_NETNS_NAME]))
		return lm_fail(e, LM_REFUSED, "the record of the network namespace is malformed");
	if (tb[LM_NETNS_NAME] && check_name(lm_str(tb[LM_NETNS_NAME]), e) < 0)
		return -1;
	n = calloc(1, sizeof(*n));
	if (!n)
		return lm_fail(e, LM_FAILED, "no memory");
	m.n = n;
	n->nsfd = -1;
	if (tb[LM_NETNS_NAME])
		snprintf(n->name, sizeof(n->name), "%s", lm_str(tb[LM_NETNS_NAME]));
	m.host_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (m.host_fd < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot open my own network namespace");
	} else if (lm_rt_open(&m.here, NETLINK_ROUTE, e) == 0) {
		m.e = &first;
		ret = make_netns(&m, user, false);
		m.e = e;
		if (ret < 0 && m.taken) {
			unmake(n);
			ret = make_netns(&m, user, true);
		} else if (ret < 0 && e) {
			*e = first;
		}
		lm_rt_close(&m.here);
	}
	free(m.index);
	if (m.host_fd >= 0)
		close(m.host_fd);
	if (ret < 0) {
		lm_netns_remove(n);
		return -1;
	}
	*made = n;
	return n->nsfd;
}

/* As `ip netns add` does it, so that `ip netns` knows the namespace. */
static int bind_name(struct lm_netns_made *n, struct lm_error *e)
{
	char path[512], src[64];
	int fd;

	mkdir(RUN_NETNS, 0755);
	if (mount("", RUN_NETNS, "none", MS_SHARED | MS_REC, NULL) < 0 && errno == EINVAL) {
		if (mount(RUN_NETNS, RUN_NETNS, "none", MS_BIND | MS_REC, NULL) < 0 ||
		    mount("", RUN_NETNS, "none", MS_SHARED | MS_REC, NULL) < 0)
			return lm_fail_errno(e, LM_FAILED, "cannot prepare " RUN_NETNS);
	}
	snprintf(path, sizeof(path), RUN_NETNS "/%s", n->name);
	snprintf(src, sizeof(src), "/proc/self/fd/%d", n->nsfd);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make %s", path);
	close(fd);
	if (mount(src, path, "none", MS_BIND, NULL) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot bind the network namespace to %s", path);
		unlink(path);
		return -1;
	}
	n->bound = true;
	return 0;
}

static void *announcer(void *arg)
{
	static const int pause_ms[] = { 60, 200 };
	struct lm_netns_made *n = arg;

	if (setns(n->nsfd, CLONE_NEWNET) < 0)
		return NULL;
	for (int i = 0; i < 2; i++) {
		struct timespec t = { 0, pause_ms[i] * 1000000L };

		nanosleep(&t, NULL);
		lm_net_announce();
	}
	return NULL;
}

int lm_netns_open_up(struct lm_netns_made *n, struct lm_error *e)
{
	lm_netunlock(n->lock);
	n->lock = NULL;
	/* The first announcement is what ends the outage, the others are for
	 * the case that it was lost.
	 */
	lm_netns_announce(n->nsfd);
	n->announcing = pthread_create(&n->announcer, NULL, announcer, n) == 0;
	return 0;
}

int lm_netns_publish(struct lm_netns_made *n, struct lm_error *e)
{
	return n->name[0] && !n->bound ? bind_name(n, e) : 0;
}

void lm_netns_shut(struct lm_netns_made *n)
{
	if (!n->lock)
		lm_netlock(n->nsfd, false, &n->lock, NULL);
}

void lm_netns_free(struct lm_netns_made *n)
{
	if (!n)
		return;
	if (n->announcing)
		pthread_join(n->announcer, NULL);
	lm_netunlock(n->lock);
	if (n->nsfd >= 0)
		close(n->nsfd);
	free(n);
}

static int delete_links(void *arg, struct lm_error *e)
{
	struct lm_link *links;
	struct lm_rt rt;
	size_t nr;
	int ret = 0;

	if (lm_rt_open(&rt, NETLINK_ROUTE, e) < 0)
		return -1;
	if (lm_rt_links(&rt, &links, &nr) < 0) {
		ret = lm_fail_errno(e, LM_FAILED, "cannot list the network devices");
		nr = 0;
		links = NULL;
	}
	for (size_t i = 0; i < nr; i++)
		if ((!strcmp(links[i].kind, "veth") || !strcmp(links[i].kind, "macvlan") ||
		     !strcmp(links[i].kind, "dummy")) &&
		    lm_rt_del_link(&rt, links[i].index) < 0 && errno != ENODEV)
			ret = lm_fail_errno(e, LM_OPERATOR, "cannot delete network device %s%s",
					    links[i].name, rt.text);
	free(links);
	lm_rt_close(&rt);
	return ret;
}

int lm_netns_clear(int nsfd, struct lm_error *e)
{
	char name[256], path[512];
	int ret = lm_in_netns(nsfd, delete_links, NULL, e);

	while (lm_netns_name(lm_ns_ino(nsfd), name, sizeof(name))) {
		snprintf(path, sizeof(path), RUN_NETNS "/%s", name);
		if (umount2(path, MNT_DETACH) < 0 || unlink(path) < 0) {
			if (errno == EBUSY || errno == ENOENT)
				continue;
			return lm_fail_errno(e, LM_OPERATOR, "cannot remove %s", path);
		}
	}
	return ret;
}

void lm_netns_remove(struct lm_netns_made *n)
{
	if (!n)
		return;
	if (n->nsfd >= 0)
		lm_netns_clear(n->nsfd, NULL);
	lm_netns_free(n);
}
