// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The network lock: nft tables in the container's namespace whose chains drop
 * everything, IP and ARP.
 *
 * The tables "livemig" of lm_netlock() are owned by a netlink socket: the kernel
 * takes them away when it closes, so also when this process dies. Those of
 * lm_netns_quiet(), "livemig-moved", have no owner: they stay when the
 * container may run elsewhere and nobody is left here to say so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter_arp.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "netns.h"
#include "rtnl.h"

#define LOCK	"livemig"
#define MOVED	"livemig-moved"

struct lm_netlock {
	struct lm_rt rt;
	bool pass;
};

static const struct hook {
	uint8_t family;
	const char *name;
	uint32_t num;
	int32_t prio;
} hooks[] = {
	{ NFPROTO_INET, "prerouting", NF_INET_PRE_ROUTING, -300 },
	{ NFPROTO_INET, "output", NF_INET_LOCAL_OUT, -300 },
	{ NFPROTO_ARP, "input", NF_ARP_IN, 0 },
	{ NFPROTO_ARP, "output", NF_ARP_OUT, 0 },
};
static const uint8_t families[] = { NFPROTO_INET, NFPROTO_ARP };

/* A batch: nf_tables takes all of it or nothing. */
struct batch {
	char buf[8192];
	size_t len;
	int acks;
};

static struct nlmsghdr *put(struct batch *b, uint16_t type, uint16_t flags,
			    uint8_t family, uint16_t res)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(b->buf + b->len);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(res);
	return nlh;
}

static void done(struct batch *b, const struct nlmsghdr *nlh)
{
	b->len += MNL_ALIGN(nlh->nlmsg_len);
	b->acks += !!(nlh->nlmsg_flags & NLM_F_ACK);
}

static struct nlmsghdr *put_nft(struct batch *b, int msg, uint16_t flags, uint8_t family)
{
	return put(b, (NFNL_SUBSYS_NFTABLES << 8) | msg, flags | NLM_F_ACK, family, 0);
}

static void begin(struct batch *b)
{
	b->len = 0;
	b->acks = 0;
	done(b, put(b, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
}

static void put_drop_chain(struct batch *b, const char *table, const struct hook *h)
{
	struct nlmsghdr *nlh = put_nft(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL,
				       h->family);
	struct nlattr *nest;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, h->name);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_DROP));
	nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(h->num));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl(h->prio));
	mnl_attr_nest_end(nlh, nest);
	done(b, nlh);
}

static struct nlattr *begin_expr(struct nlmsghdr *nlh, const char *name, struct nlattr **data)
{
	struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);

	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, name);
	*data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	return elem;
}

static void end_expr(struct nlmsghdr *nlh, struct nlattr *elem, struct nlattr *data)
{
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, elem);
}

/* meta mark LM_NETLOCK_MARK accept: what we send ourselves. The tasks are stopped. */
static void put_pass_rule(struct batch *b, const char *table, const struct hook *h)
{
	struct nlmsghdr *nlh = put_nft(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, h->family);
	const uint32_t mark = LM_NETLOCK_MARK;
	struct nlattr *list, *elem, *data, *value, *verdict;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, h->name);
	list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	elem = begin_expr(nlh, "meta", &data);
	mnl_attr_put_u32(nlh, NFTA_META_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_META_KEY, htonl(NFT_META_MARK));
	end_expr(nlh, elem, data);
	elem = begin_expr(nlh, "cmp", &data);
	mnl_attr_put_u32(nlh, NFTA_CMP_SREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CMP_OP, htonl(NFT_CMP_EQ));
	value = mnl_attr_nest_start(nlh, NFTA_CMP_DATA);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, sizeof(mark), &mark);
	mnl_attr_nest_end(nlh, value);
	end_expr(nlh, elem, data);
	elem = begin_expr(nlh, "immediate", &data);
	mnl_attr_put_u32(nlh, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	value = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl(NF_ACCEPT));
	mnl_attr_nest_end(nlh, verdict);
	mnl_attr_nest_end(nlh, value);
	end_expr(nlh, elem, data);
	mnl_attr_nest_end(nlh, list);
	done(b, nlh);
}

/* Return: 0, or -1 with errno. */
static int run(struct lm_rt *rt, struct batch *b)
{
	const struct nlmsghdr *h;
	char buf[8192];
	int n, err = 0;

	done(b, put(b, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES));
	if (mnl_socket_sendto(rt->nl, b->buf, b->len) < 0)
		return -1;
	/* A batch that fails is answered by fewer messages. */
	while (b->acks > 0 && !err) {
		n = mnl_socket_recvfrom(rt->nl, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		for (h = (void *)buf; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
			const struct nlmsgerr *ack = mnl_nlmsg_get_payload(h);

			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			b->acks--;
			if (ack->error && !err)
				err = -ack->error;
		}
	}
	errno = err;
	return err ? -1 : 0;
}

static int drop_all(struct lm_rt *rt, const char *table, uint32_t flags, bool pass)
{
	struct nlmsghdr *nlh;
	struct batch b;

	begin(&b);
	for (size_t i = 0; i < sizeof(families); i++) {
		nlh = put_nft(&b, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, families[i]);
		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
		mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, htonl(flags));
		done(&b, nlh);
	}
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		put_drop_chain(&b, table, &hooks[i]);
	for (size_t i = 0; pass && i < sizeof(hooks) / sizeof(*hooks); i++)
		if (hooks[i].family == NFPROTO_INET)
			put_pass_rule(&b, table, &hooks[i]);
	return run(rt, &b);
}

static int hold(void *arg, struct lm_error *e)
{
	struct lm_netlock *l = arg;

	if (lm_rt_open(&l->rt, NETLINK_NETFILTER, e) < 0)
		return -1;
	if (drop_all(&l->rt, LOCK, NFT_TABLE_F_OWNER, l->pass) == 0)
		return 0;
	if (errno == EEXIST || errno == EPERM)
		lm_fail_errno(e, LM_REFUSED,
			      "another tool holds the network lock (nft table " LOCK ") of this namespace");
	else
		lm_fail_errno(e, LM_FAILED,
			      "cannot lock the network with nf_tables (is that module there?)");
	lm_rt_close(&l->rt);
	return -1;
}

int lm_netlock(int nsfd, bool pass, struct lm_netlock **lock, struct lm_error *e)
{
	struct lm_netlock *l = calloc(1, sizeof(*l));

	if (!l)
		return lm_fail(e, LM_FAILED, "no memory");
	l->pass = pass;
	if (lm_in_netns(nsfd, hold, l, e) < 0) {
		free(l);
		return -1;
	}
	*lock = l;
	return 0;
}

void lm_netunlock(struct lm_netlock *l)
{
	if (!l)
		return;
	lm_rt_close(&l->rt);
	free(l);
}

static int silence(void *arg, struct lm_error *e)
{
	struct lm_rt rt;
	int ret = 0;

	if (lm_rt_open(&rt, NETLINK_NETFILTER, e) < 0)
		return -1;
	if (drop_all(&rt, MOVED, 0, false) < 0 && errno != EEXIST)
		ret = lm_fail_errno(e, LM_FAILED, "cannot silence the network namespace");
	lm_rt_close(&rt);
	return ret;
}

static int unsilence(void *arg, struct lm_error *e)
{
	struct nlmsghdr *nlh;
	struct lm_rt rt;
	struct batch b;
	struct lm_error why = { 0 };
	int ret = 0;

	if (lm_rt_open(&rt, NETLINK_NETFILTER, &why) < 0) {
		if (why.err == EPROTONOSUPPORT)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	begin(&b);
	for (size_t i = 0; i < sizeof(families); i++) {
		nlh = put_nft(&b, NFT_MSG_DELTABLE, 0, families[i]);
		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, MOVED);
		done(&b, nlh);
	}
	/* (a host without nf_tables has none either) */
	if (run(&rt, &b) < 0 && errno != ENOENT && errno != EOPNOTSUPP)
		ret = lm_fail_errno(e, LM_OPERATOR,
				    "cannot remove the nft tables " MOVED " of the container's network namespace");
	lm_rt_close(&rt);
	return ret;
}

int lm_netns_quiet(int nsfd, bool quiet, struct lm_error *e)
{
	return lm_in_netns(nsfd, quiet ? silence : unsilence, NULL, e);
}
