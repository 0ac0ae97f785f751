// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a network namespace can hold and what does not move: refused by name. Asking must
 * not make the kernel load modules: who has not loaded them has nothing of theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/bpf.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/nexthop.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/xfrm.h>
#include <sys/syscall.h>

#include "parts.h"

/* enum bpf_attach_type; newer than some headers. */
#define TCX_INGRESS	46
#define TCX_EGRESS	47

#define NET "/proc/thread-self/net/"

struct ask {
	const struct lm_link *links, *l;
	size_t nr_links;
	const char *what;
	struct lm_error *e;
};

/* ---- traffic control ---- */

/* The kernel's own have no handle. */
static int qdisc(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *t = mnl_nlmsg_get_payload(nlh);
	const char *kind = "";
	const struct nlattr *a;
	struct ask *q = arg;

	mnl_attr_for_each(a, nlh, sizeof(*t))
		if (mnl_attr_get_type(a) == TCA_KIND)
			kind = mnl_attr_get_str(a);
	for (size_t i = 0; t->tcm_handle && i < q->nr_links; i++) {
		if (q->links[i].index != t->tcm_ifindex)
			continue;
		lm_fail(q->e, LM_REFUSED, "network device %s: qdisc %s %x: (tc): not supported",
			q->links[i].name, kind, TC_H_MAJ(t->tcm_handle) >> 16);
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK;
}

static int filter(const struct nlmsghdr *nlh, void *arg)
{
	struct ask *q = arg;

	lm_fail(q->e, LM_REFUSED, "network device %s: filter (tc): not supported", q->l->name);
	return MNL_CB_ERROR;
}

static int any(const struct nlmsghdr *nlh, void *arg)
{
	struct ask *q = arg;

	lm_fail(q->e, LM_REFUSED, "%s in the network namespace: not supported", q->what);
	return MNL_CB_ERROR;
}

static int dump(struct lm_rt *rt, struct nlmsghdr *nlh, mnl_cb_t cb, struct ask *q)
{
	nlh->nlmsg_flags = NLM_F_DUMP;
	if (lm_rt_talk(rt, nlh, cb, q) == 0 ||
	    (!q->e->code && (errno == EOPNOTSUPP || errno == EAFNOSUPPORT)))
		return 0;
	return lm_fail_errno(q->e, LM_FAILED, "cannot list: %s", q->what);
}

static int check_tc(struct lm_rt *rt, struct ask *q)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *t;

	q->what = "qdiscs";
	nlh->nlmsg_type = RTM_GETQDISC;
	mnl_nlmsg_put_extra_header(nlh, sizeof(*t));
	if (dump(rt, nlh, qdisc, q) < 0)
		return -1;
	q->what = "filters";
	for (size_t i = 0; i < q->nr_links; i++) {
		q->l = &q->links[i];
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = RTM_GETTFILTER;
		t = mnl_nlmsg_put_extra_header(nlh, sizeof(*t));
		t->tcm_ifindex = q->l->index;
		if (dump(rt, nlh, filter, q) < 0)
			return -1;
	}
	return 0;
}

static int action(const struct nlmsghdr *nlh, void *arg)
{
	struct ask *q = arg;

	lm_fail(q->e, LM_REFUSED, "action %s (tc) in the network namespace: not supported",
		q->what);
	return MNL_CB_ERROR;
}

/* Those that no filter has: they can be made without one. To list a kind whose module is
 * not loaded does not load it.
 */
static int check_actions(struct lm_rt *rt, struct ask *q)
{
	static const char *const kinds[] = {
		"bpf", "connmark", "csum", "ct", "ctinfo", "gact", "gate", "ife", "ipt",
		"mirred", "mpls", "nat", "pedit", "police", "sample", "simple", "skbedit",
		"skbmod", "tunnel_key", "vlan", "xt",
	};
	struct nlattr *all, *first;
	struct nlmsghdr *nlh;
	char buf[256];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		q->what = kinds[i];
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = RTM_GETACTION;
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct tcamsg));
		all = mnl_attr_nest_start(nlh, TCA_ACT_TAB);
		first = mnl_attr_nest_start(nlh, 1);
		mnl_attr_put_strz(nlh, TCA_ACT_KIND, kinds[i]);
		mnl_attr_nest_end(nlh, first);
		mnl_attr_nest_end(nlh, all);
		if (dump(rt, nlh, action, q) < 0)
			return -1;
	}
	return 0;
}

/* ---- BPF ---- */

/* @on: a device's index, or an fd of the namespace. */
static bool has_program(int on, unsigned int type)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = on;
	attr.query.attach_type = type;
	return syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) == 0 &&
	       attr.query.prog_cnt;
}

static int check_bpf(struct ask *q)
{
	bool found;
	int fd;

	for (size_t i = 0; i < q->nr_links; i++)
		if (has_program(q->links[i].index, TCX_INGRESS) ||
		    has_program(q->links[i].index, TCX_EGRESS))
			return lm_fail(q->e, LM_REFUSED,
				       "network device %s: a BPF program (tcx): not supported",
				       q->links[i].name);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	found = fd >= 0 && (has_program(fd, BPF_FLOW_DISSECTOR) || has_program(fd, BPF_SK_LOOKUP));
	if (fd >= 0)
		close(fd);
	return !found ? 0 :
	       lm_fail(q->e, LM_REFUSED, "a BPF program of the network namespace: not supported");
}

static int check_nexthops(struct lm_rt *rt, struct ask *q)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	q->what = "nexthop object";
	nlh->nlmsg_type = RTM_GETNEXTHOP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nhmsg));
	return dump(rt, nlh, any, q);
}

/* Addresses that a device takes since somebody has said so (ip maddr add), and not a
 * socket that is a member.
 */
static int check_mcast(struct ask *q)
{
	FILE *f = fopen(NET "dev_mcast", "re");
	char line[256], name[64], mac[130];
	int set, ret = 0;

	while (f && ret == 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %63s %*d %d %129s", name, &set, mac) == 3 && set)
			ret = lm_fail(q->e, LM_REFUSED,
				      "network device %s: multicast address %s (ip maddr): not supported",
				      name, mac);
	if (f)
		fclose(f);
	return ret;
}

/* ---- IPsec ---- */

/* Do the kernel's sockets have one of @protocol? */
static bool has_netlink(int protocol)
{
	FILE *f = fopen(NET "netlink", "re");
	char line[256];
	bool found = false;
	int is;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %d", &is) == 1 && is == protocol;
	if (f)
		fclose(f);
	return found;
}

static int no_default(const struct nlmsghdr *nlh, void *arg)
{
	const struct xfrm_userpolicy_default *p = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*p) ||
	    (p->in != XFRM_USERPOLICY_BLOCK && p->fwd != XFRM_USERPOLICY_BLOCK &&
	     p->out != XFRM_USERPOLICY_BLOCK))
		return MNL_CB_OK;
	return any(nlh, arg);
}

static int check_xfrm(struct ask *q)
{
	static const struct { uint16_t type; const char *what; } lists[] = {
		{ XFRM_MSG_GETSA, "IPsec state (ip xfrm state)" },
		{ XFRM_MSG_GETPOLICY, "IPsec policy (ip xfrm policy)" },
	};
	struct nlmsghdr *nlh;
	struct lm_rt rt;
	char buf[256];
	int ret = 0;

	/* (PF_KEY can set them, too) */
	if (!has_netlink(NETLINK_XFRM) && access(NET "pfkey", F_OK) < 0)
		return 0;
	if (lm_rt_open(&rt, NETLINK_XFRM, NULL) < 0)
		return errno == EPROTONOSUPPORT ? 0 :
		       lm_fail_errno(q->e, LM_FAILED, "cannot ask for IPsec states");
	for (size_t i = 0; i < 2 && ret == 0; i++) {
		q->what = lists[i].what;
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = lists[i].type;
		ret = dump(&rt, nlh, any, q);
	}
	if (ret == 0) {
		q->what = "IPsec default policy (ip xfrm policy setdefault)";
		nlh = mnl_nlmsg_put_header(buf);
		nlh->nlmsg_type = XFRM_MSG_GETDEFAULT;
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct xfrm_userpolicy_default));
		/* (older kernels have none) */
		lm_rt_talk(&rt, nlh, no_default, q);
		ret = q->e->code ? -1 : 0;
	}
	lm_rt_close(&rt);
	return ret;
}

/* ---- netfilter's others ---- */

static int check_ipset(struct ask *q)
{
	char buf[256];
	struct nlmsghdr *nlh;
	struct nfgenmsg *nfg;
	struct lm_rt rt;
	int ret;

	if (access("/sys/module/ip_set", F_OK) < 0)
		return 0;
	if (lm_rt_open(&rt, NETLINK_NETFILTER, q->e) < 0)
		return -1;
	q->what = "ipset";
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = (NFNL_SUBSYS_IPSET << 8) | IPSET_CMD_LIST;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = AF_INET;
	nfg->version = NFNETLINK_V0;
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL_MIN);
	ret = dump(&rt, nlh, any, q);
	lm_rt_close(&rt);
	return ret;
}

static int check_ipvs(struct ask *q)
{
	FILE *f = fopen(NET "ip_vs", "re");
	char line[256];
	int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n <= 3 ? 0 :	/* its head */
	       lm_fail(q->e, LM_REFUSED, "IPVS service in the network namespace: not supported");
}

int lm_net_refuse(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		  struct lm_error *e)
{
	struct ask q = { .links = links, .nr_links = nr_links, .e = e };

	return check_tc(rt, &q) < 0 || check_actions(rt, &q) < 0 || check_bpf(&q) < 0 ||
	       check_nexthops(rt, &q) < 0 || check_mcast(&q) < 0 || check_xfrm(&q) < 0 ||
	       check_ipset(&q) < 0 || check_ipvs(&q) < 0 ? -1 : 0;
}
