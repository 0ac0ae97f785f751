// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Making a ruleset again: see nft.h. It is one batch, of which nf_tables takes all or
 * nothing, so a ruleset that is there is replaced without a moment without any.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nft.h"
#include "rtnl.h"

struct load {
	const struct nlattr *const *msgs;
	size_t n;
	struct lm_rt rt;
	char *buf;
	size_t len;
	uint32_t seq;		/* of the next message, then of msgs[0] */
	struct nlmsghdr *last;
	struct lm_error *e;
};

static const struct {
	uint16_t type;
	const char *name;
} known[] = {
	{ NFT_MSG_NEWTABLE, "table" }, { NFT_MSG_NEWCHAIN, "chain" }, { NFT_MSG_NEWRULE, "rule" },
	{ NFT_MSG_NEWSET, "set" }, { NFT_MSG_NEWSETELEM, "elements" }, { NFT_MSG_NEWOBJ, "object" },
	{ NFT_MSG_NEWFLOWTABLE, "flowtable" },
};

static const char *name_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].type == type)
			return known[i].name;
	return NULL;
}

static uint16_t type_of(const struct nlattr *msg)
{
	return *(const uint16_t *)lm_data(msg);
}

/* The table, which is the first attribute; NULL: malformed. */
static const char *table_of(const struct nlattr *msg)
{
	const char *p = (const char *)lm_data(msg) + 4 + sizeof(struct nfgenmsg);
	const char *end = (const char *)lm_data(msg) + lm_len(msg);
	const struct nlattr *a = (const void *)p;

	if (p >= end || !mnl_attr_ok(a, end - p) || mnl_attr_get_type(a) != NFTA_TABLE_NAME ||
	    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0)
		return NULL;
	return mnl_attr_get_str(a);
}

static int check(const struct load *l)
{
	size_t total = 0;

	for (size_t i = 0; i < l->n; i++) {
		const struct nlattr *m = l->msgs[i];

		if (lm_len(m) < 4 + sizeof(struct nfgenmsg) || !name_of(type_of(m)) ||
		    !table_of(m) || lm_nft_is_lock(table_of(m)))
			return lm_fail(l->e, LM_REFUSED, "the record of an nft ruleset is malformed");
		total += lm_len(m) + LM_NFT_AROUND;
	}
	return total > LM_NFT_TOTAL_MAX ? lm_fail(l->e, LM_REFUSED, LM_NFT_TOO_LARGE,
						  LM_NFT_TOTAL_MAX >> 20) : 0;
}

static struct nlmsghdr *begin(struct load *l, uint16_t type, uint16_t flags, const struct nfgenmsg *nfg)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(l->buf + l->len);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = l->seq++;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg)), nfg, sizeof(*nfg));
	return nlh;
}

static void end(struct load *l, struct nlmsghdr *nlh)
{
	l->last = nlh;
	l->len += MNL_ALIGN(nlh->nlmsg_len);
}

static void put_edge(struct load *l, uint16_t type)
{
	const struct nfgenmsg nfg = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	const struct nlmsghdr *nlh = begin(l, type, 0, &nfg);

	l->len += MNL_ALIGN(nlh->nlmsg_len);
}

static void put_message(struct load *l, size_t i)
{
	const char *p = lm_data(l->msgs[i]);
	size_t len = lm_len(l->msgs[i]) - 4 - sizeof(struct nfgenmsg);
	uint16_t type = type_of(l->msgs[i]);
	struct nlmsghdr *nlh;
	struct nfgenmsg nfg;

	memcpy(&nfg, p + 4, sizeof(nfg));
	nfg.res_id = 0;
	nlh = begin(l, (NFNL_SUBSYS_NFTABLES << 8) | type,
		    NLM_F_CREATE | (type == NFT_MSG_NEWRULE ? NLM_F_APPEND : 0), &nfg);
	memcpy(mnl_nlmsg_put_extra_header(nlh, len), p + 4 + sizeof(nfg), len);
	/* By which a batch may name a set; here all are named by their names. */
	if (type == NFT_MSG_NEWSET)
		mnl_attr_put_u32(nlh, NFTA_SET_ID, htonl(i + 1));
	end(l, nlh);
}

struct old {
	struct load *l;
	size_t cap;
};

/* What is there goes. */
static int put_delete(const struct nlmsghdr *nlh, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct nfgenmsg mine = { .nfgen_family = nfg->nfgen_family };
	const struct nlattr *a;
	struct nlmsghdr *del;
	struct old *o = arg;

	mnl_attr_for_each(a, nlh, sizeof(*nfg)) {
		if (mnl_attr_get_type(a) != NFTA_TABLE_NAME || lm_nft_is_lock(mnl_attr_get_str(a)))
			continue;
		if (o->l->len + LM_NFT_AROUND + a->nla_len > o->cap) {
			errno = ENOSPC;
			return MNL_CB_ERROR;
		}
		del = begin(o->l, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELTABLE, 0, &mine);
		mnl_attr_put_strz(del, NFTA_TABLE_NAME, mnl_attr_get_str(a));
		end(o->l, del);
	}
	return MNL_CB_OK;
}

static int put_deletes(struct load *l, size_t cap)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct old o = { l, cap };

	nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
	nlh->nlmsg_flags = NLM_F_DUMP;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	return lm_rt_talk(&l->rt, nlh, put_delete, &o) < 0 ?
		lm_fail_errno(l->e, LM_FAILED, "cannot list the nft tables") : 0;
}

static int refused(const struct load *l, const struct nlmsghdr *h)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(h);
	size_t i = h->nlmsg_seq - l->seq;

	errno = -err->error;
	if (i >= l->n)
		return lm_fail_errno(l->e, LM_REFUSED, "cannot replace the nft ruleset");
	return lm_fail_errno(l->e, LM_REFUSED,
			     "nft table %s: this kernel does not take the %s (is a module of it missing?)",
			     table_of(l->msgs[i]), name_of(type_of(l->msgs[i])));
}

/* Only the last message asks for an answer; others have one if they fail. */
static int wait_answer(struct load *l)
{
	const struct nlmsghdr *h;
	char buf[16384];
	int n;

	for (;;) {
		n = mnl_socket_recvfrom(l->rt.nl, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return lm_fail_errno(l->e, LM_FAILED, "setting the nft ruleset");
		for (h = (void *)buf; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
			if (h->nlmsg_type != NLMSG_ERROR)
				continue;
			if (((const struct nlmsgerr *)mnl_nlmsg_get_payload(h))->error)
				return refused(l, h);
			if (h->nlmsg_seq == l->last->nlmsg_seq)
				return 0;
		}
	}
}

static int send_all(struct load *l, uint32_t first)
{
	int room = 2 * l->len + 65536;

	if (setsockopt(mnl_socket_get_fd(l->rt.nl), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0 ||
	    mnl_socket_sendto(l->rt.nl, l->buf, l->len) < 0)
		return lm_fail_errno(l->e, LM_FAILED, "cannot send the nft ruleset");
	l->seq = first;
	return wait_answer(l);
}

static int load_all(struct load *l)
{
	const size_t deletes = 1 << 20;		/* of thousands of tables */
	size_t cap = deletes + LM_NFT_AROUND;	/* (the end of the batch) */
	uint32_t first;
	int ret = -1;

	for (size_t i = 0; i < l->n; i++)
		cap += lm_len(l->msgs[i]) + LM_NFT_AROUND;
	l->buf = malloc(cap);
	if (!l->buf)
		return lm_fail(l->e, LM_FAILED, "no memory");
	l->seq = 1 << 16;		/* not those of lm_rt_talk() */
	put_edge(l, NFNL_MSG_BATCH_BEGIN);
	if (put_deletes(l, deletes) == 0) {
		first = l->seq;
		for (size_t i = 0; i < l->n; i++)
			put_message(l, i);
		if (l->last)
			l->last->nlmsg_flags |= NLM_F_ACK;
		put_edge(l, NFNL_MSG_BATCH_END);
		ret = l->last ? send_all(l, first) : 0;
	}
	free(l->buf);
	return ret;
}

static int load(void *arg, struct lm_error *e)
{
	struct load *l = arg;
	int ret;

	l->e = e;
	if (check(l) < 0 || lm_rt_open(&l->rt, NETLINK_NETFILTER, e) < 0)
		return -1;
	ret = load_all(l);
	lm_rt_close(&l->rt);
	return ret;
}

int lm_nft_load(int nsfd, const struct nlattr *const *msgs, size_t n, struct lm_error *e)
{
	struct load l = { .msgs = msgs, .n = n };

	return lm_in_netns(nsfd, load, &l, e);
}
