// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Describing a ruleset: see nft.h. What the kernel says about an object beyond what
 * makes one (its handle, how often it is used) is left out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "nft.h"
#include "rtnl.h"

#define TRIES		10
#define PIECE		32768	/* of the elements of a set */
/* In all messages the table is the first attribute; and of sets and chains the name. */
#define NFTA_TABLE	1

/* Newer than some headers. */
#ifndef NFT_TABLE_F_OWNER
#define NFT_TABLE_F_OWNER 2
#endif
#define NFTA_SET_TYPE	19
#define NFTA_SET_COUNT	20

/* Chains that are part of a rule ("jump { ... }") have a number for a name. */
#define INNER_CHAIN	"__chain"

struct set {
	uint8_t family;
	bool intervals;
	char table[NFT_NAME_MAXLEN], name[NFT_NAME_MAXLEN];
};

struct inner_rule {
	uint64_t chain;
	size_t nr;
	struct lm_buf msg;
};

struct dump {
	struct lm_rt rt;
	struct lm_buf *b;
	struct inner_rule *inner;
	size_t nr_inner;
	bool inner_chains, nat;
	struct set *sets;
	size_t nr_sets;
	struct lm_error *e;
	size_t total;		/* bytes so far, as they are set */
};

struct kind {
	const char *name;
	uint16_t get, new;
	uint16_t left_out[3];
};

/* In the order in which they need each other; elements come before rules. */
static const struct kind before[] = {
	{ "tables", NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE,
	  { NFTA_TABLE_USE, NFTA_TABLE_HANDLE, NFTA_TABLE_OWNER } },
	{ "chains", NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, { NFTA_CHAIN_HANDLE, NFTA_CHAIN_USE } },
	{ "flowtables", NFT_MSG_GETFLOWTABLE, NFT_MSG_NEWFLOWTABLE,
	  { NFTA_FLOWTABLE_USE, NFTA_FLOWTABLE_HANDLE } },
	{ "sets", NFT_MSG_GETSET, NFT_MSG_NEWSET, { NFTA_SET_HANDLE, NFTA_SET_TYPE, NFTA_SET_COUNT } },
	{ "objects", NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, { NFTA_OBJ_USE, NFTA_OBJ_HANDLE } },
};
static const struct kind elements = { "elements", NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM, { 0 } };
static const struct kind inner_rules = { "rules", NFT_MSG_GETRULE, NFT_MSG_NEWRULE,
					 { NFTA_RULE_HANDLE, NFTA_RULE_POSITION } };
static const struct kind rules = { "rules", NFT_MSG_GETRULE, NFT_MSG_NEWRULE,
				   { NFTA_RULE_HANDLE, NFTA_RULE_POSITION } };

bool lm_nft_is_lock(const char *table)
{
	return !strcmp(table, "livemig") || !strcmp(table, "livemig-moved");
}

/* ---- one message ---- */

/* An attribute of a message or (@nest not NULL) in a nest; NULL: it has none. */
static const struct nlattr *attr(const struct nlmsghdr *nlh, const struct nlattr *nest,
				 uint16_t type)
{
	const struct nlattr *a;

	if (nest) {
		mnl_attr_for_each_nested(a, nest)
			if (mnl_attr_get_type(a) == type)
				return a;
	} else {
		mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
			if (mnl_attr_get_type(a) == type)
				return a;
	}
	return NULL;
}

static uint32_t be32(const struct nlattr *a)
{
	uint32_t v = 0;

	if (a && mnl_attr_get_payload_len(a) == sizeof(v))
		memcpy(&v, mnl_attr_get_payload(a), sizeof(v));
	return ntohl(v);
}

static const char *text(const struct nlattr *a)
{
	return a && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(a) : "";
}

static bool is_left_out(const struct kind *k, const struct nlattr *a)
{
	for (size_t i = 0; i < 3; i++)
		if (k->left_out[i] && mnl_attr_get_type(a) == k->left_out[i])
			return true;
	return false;
}

static void start(struct lm_buf *msg, const struct kind *k, uint8_t family)
{
	const uint16_t head[2] = { k->new, 0 };
	const struct nfgenmsg nfg = { .nfgen_family = family, .version = NFNETLINK_V0 };

	lm_buf_add(msg, head, sizeof(head));
	lm_buf_add(msg, &nfg, sizeof(nfg));
}

static void copy(struct lm_buf *msg, const struct nlattr *a)
{
	static const char zero[NLA_ALIGNTO];

	lm_buf_add(msg, a, a->nla_len);
	lm_buf_add(msg, zero, NLA_ALIGN(a->nla_len) - a->nla_len);
}

static int end(struct dump *d, struct lm_buf *msg, const struct kind *k)
{
	int ret = 0;

	d->total += msg->len + LM_NFT_AROUND;
	if (msg->len > LM_NFT_MSG_MAX)
		ret = lm_fail(d->e, LM_REFUSED, "nft %s: one is larger than %d bytes: not supported",
			      k->name, LM_NFT_MSG_MAX);
	else if (d->total > LM_NFT_TOTAL_MAX)
		ret = lm_fail(d->e, LM_REFUSED, LM_NFT_TOO_LARGE, LM_NFT_TOTAL_MAX >> 20);
	else if (msg->oom)
		ret = lm_fail(d->e, LM_FAILED, "no memory");
	else
		lm_put(d->b, LM_NFT_MSG, msg->data, msg->len);
	lm_buf_free(msg);
	return ret;
}

/* ---- what xtables modules need to be told beside the rule ---- */

/* Loads the protocol above IP into a register? Return: which, or 0. */
static uint32_t protocol_register(const char *name, const struct nlattr *data, uint8_t family)
{
	if (!strcmp(name, "meta"))
		return be32(attr(NULL, data, NFTA_META_KEY)) == NFT_META_L4PROTO ?
			be32(attr(NULL, data, NFTA_META_DREG)) : 0;
	if (strcmp(name, "payload") ||
	    be32(attr(NULL, data, NFTA_PAYLOAD_BASE)) != NFT_PAYLOAD_NETWORK_HEADER ||
	    be32(attr(NULL, data, NFTA_PAYLOAD_LEN)) != 1 ||
	    be32(attr(NULL, data, NFTA_PAYLOAD_OFFSET)) != (family == AF_INET6 ? 6 : 9))
		return 0;
	return be32(attr(NULL, data, NFTA_PAYLOAD_DREG));
}

/* As iptables-nft says it when it makes such a rule; the kernel does not repeat it. */
static void put_compat(struct lm_buf *msg, const struct nlattr *exprs, uint8_t family)
{
	struct { struct nlattr nest, proto; uint32_t p; struct nlattr flags; uint32_t f; } c = {
		{ sizeof(c), NFTA_RULE_COMPAT | NLA_F_NESTED },
		{ sizeof(struct nlattr) + 4, NFTA_RULE_COMPAT_PROTO }, 0,
		{ sizeof(struct nlattr) + 4, NFTA_RULE_COMPAT_FLAGS }, 0,
	};
	const struct nlattr *a, *value;
	bool xtables = false;
	uint32_t reg = 0;

	mnl_attr_for_each_nested(a, exprs) {
		const struct nlattr *data = attr(NULL, a, NFTA_EXPR_DATA);
		const char *name = text(attr(NULL, a, NFTA_EXPR_NAME));

		if (!strcmp(name, "match") || !strcmp(name, "target"))
			xtables = true;
		if (!data || xtables)
			continue;
		value = attr(NULL, data, NFTA_CMP_DATA);
		value = value && !strcmp(name, "cmp") ? attr(NULL, value, NFTA_DATA_VALUE) : NULL;
		if (value && reg && be32(attr(NULL, data, NFTA_CMP_SREG)) == reg &&
		    mnl_attr_get_payload_len(value) == 1) {
			c.p = htonl(mnl_attr_get_u8(value));
			if (be32(attr(NULL, data, NFTA_CMP_OP)) == NFT_CMP_NEQ)
				c.f = htonl(NFT_RULE_COMPAT_F_INV);
		}
		reg = protocol_register(name, data, family);
	}
	if (xtables)
		lm_buf_add(msg, &c, sizeof(c));
}

/* ---- lists of messages ---- */

static int note_set(struct dump *d, const struct nlmsghdr *nlh, uint8_t family)
{
	uint32_t flags = be32(attr(nlh, NULL, NFTA_SET_FLAGS));
	struct set *s = realloc(d->sets, (d->nr_sets + 1) * sizeof(*s));

	if (!s)
		return lm_fail(d->e, LM_FAILED, "no memory");
	d->sets = s;
	s += d->nr_sets++;
	s->family = family;
	s->intervals = flags & NFT_SET_INTERVAL && !(flags & NFT_SET_CONCAT);
	snprintf(s->table, sizeof(s->table), "%s", text(attr(nlh, NULL, NFTA_SET_TABLE)));
	snprintf(s->name, sizeof(s->name), "%s", text(attr(nlh, NULL, NFTA_SET_NAME)));
	return 0;
}

struct listing {
	struct dump *d;
	const struct kind *k;
};

static bool is_inner(const char *chain)
{
	return !strncmp(chain, INNER_CHAIN, strlen(INNER_CHAIN));
}

/* Is it a rule for the other list? */
static bool is_elsewhere(const struct listing *l, const struct nlmsghdr *nlh)
{
	return l->k->new == NFT_MSG_NEWRULE &&
	       is_inner(text(attr(nlh, NULL, NFTA_RULE_CHAIN))) != (l->k == &inner_rules);
}

static int note_inner(struct dump *d, const char *chain, struct lm_buf *msg)
{
	struct inner_rule *r = realloc(d->inner, (d->nr_inner + 1) * sizeof(*r));

	if (!r) {
		lm_buf_free(msg);
		return lm_fail(d->e, LM_FAILED, "no memory");
	}
	d->inner = r;
	r[d->nr_inner] = (struct inner_rule){ strtoull(chain + strlen(INNER_CHAIN), NULL, 10),
					      d->nr_inner, *msg };
	d->nr_inner++;
	return 0;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct listing *l = arg;
	struct dump *d = l->d;
	const char *table = text(attr(nlh, NULL, NFTA_TABLE));
	struct lm_buf msg = { 0 };
	const struct nlattr *a;

	if (lm_nft_is_lock(table) || is_elsewhere(l, nlh))
		return MNL_CB_OK;
	if (l->k->new == NFT_MSG_NEWTABLE &&
	    be32(attr(nlh, NULL, NFTA_TABLE_FLAGS)) & NFT_TABLE_F_OWNER) {
		lm_fail(d->e, LM_REFUSED, "nft table %s, which belongs to an open socket: not supported",
			table);
		return MNL_CB_ERROR;
	}
	if (l->k->new == NFT_MSG_NEWSET && note_set(d, nlh, nfg->nfgen_family) < 0)
		return MNL_CB_ERROR;
	if (l->k->new == NFT_MSG_NEWCHAIN) {
		d->inner_chains |= is_inner(text(attr(nlh, NULL, NFTA_CHAIN_NAME)));
		d->nat |= !strcmp(text(attr(nlh, NULL, NFTA_CHAIN_TYPE)), "nat");
	}
	start(&msg, l->k, nfg->nfgen_family);
	mnl_attr_for_each(a, nlh, sizeof(*nfg))
		if (!is_left_out(l->k, a))
			copy(&msg, a);
	a = l->k->new == NFT_MSG_NEWRULE ? attr(nlh, NULL, NFTA_RULE_EXPRESSIONS) : NULL;
	if (a)
		put_compat(&msg, a, nfg->nfgen_family);
	if (l->k == &inner_rules ?
	    note_inner(d, text(attr(nlh, NULL, NFTA_RULE_CHAIN)), &msg) < 0 :
	    end(d, &msg, l->k) < 0)
		return MNL_CB_ERROR;
	return MNL_CB_OK;
}

static struct nlmsghdr *request(char *buf, const struct kind *k, uint8_t family)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | k->get;
	nlh->nlmsg_flags = NLM_F_DUMP;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}

static int talk(struct dump *d, struct nlmsghdr *nlh, const struct kind *k, mnl_cb_t cb, void *arg)
{
	if (lm_rt_talk(&d->rt, nlh, cb, arg) == 0)
		return 0;
	if (!d->e->code)
		lm_fail_errno(d->e, LM_FAILED, "cannot list the nft %s", k->name);
	return -1;
}

static int list(struct dump *d, const struct kind *k)
{
	struct listing l = { d, k };
	char buf[256];

	return talk(d, request(buf, k, AF_UNSPEC), k, take, &l);
}

/* ---- elements ---- */

struct elements {
	struct lm_buf all;	/* NFTA_LIST_ELEMs, one after the other */
	size_t nr;
};

static int take_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *list = attr(nlh, NULL, NFTA_SET_ELEM_LIST_ELEMENTS), *a;
	struct elements *el = arg;

	if (!list)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(a, list) {
		copy(&el->all, a);
		el->nr++;
	}
	return MNL_CB_OK;
}

/* An interval is its first value, and the one after its last: flagged. They are
 * accepted in ascending order, and told in another one.
 */
static int compare(const void *a, const void *b)
{
	const struct nlattr *x = *(const struct nlattr *const *)a;
	const struct nlattr *y = *(const struct nlattr *const *)b;
	const struct nlattr *kx = attr(NULL, x, NFTA_SET_ELEM_KEY);
	const struct nlattr *ky = attr(NULL, y, NFTA_SET_ELEM_KEY);
	uint32_t ex = be32(attr(NULL, x, NFTA_SET_ELEM_FLAGS)) & NFT_SET_ELEM_INTERVAL_END;
	uint32_t ey = be32(attr(NULL, y, NFTA_SET_ELEM_FLAGS)) & NFT_SET_ELEM_INTERVAL_END;
	int ret;

	kx = kx ? attr(NULL, kx, NFTA_DATA_VALUE) : NULL;
	ky = ky ? attr(NULL, ky, NFTA_DATA_VALUE) : NULL;
	if (!kx || !ky)		/* what matches everything else has no key */
		return !kx - !ky;
	if (kx->nla_len != ky->nla_len)
		return kx->nla_len - ky->nla_len;
	ret = memcmp(kx + 1, ky + 1, kx->nla_len - sizeof(*kx));
	return ret ? ret : !ex - !ey;
}

static int put_elements(struct dump *d, const struct set *s, const struct nlattr **v, size_t n)
{
	struct lm_buf names = { 0 }, msg = { 0 };
	size_t i = 0;
	struct nlattr nest;

	lm_put_str(&names, NFTA_SET_ELEM_LIST_TABLE, s->table);
	lm_put_str(&names, NFTA_SET_ELEM_LIST_SET, s->name);
	while (i < n) {
		size_t from = i, len = sizeof(nest);

		do
			len += NLA_ALIGN(v[i++]->nla_len);
		while (i < n && len + v[i]->nla_len < PIECE);
		nest.nla_type = NFTA_SET_ELEM_LIST_ELEMENTS | NLA_F_NESTED;
		nest.nla_len = len < UINT16_MAX ? len : UINT16_MAX;
		start(&msg, &elements, s->family);
		lm_buf_add(&msg, names.data, names.len);
		lm_buf_add(&msg, &nest, sizeof(nest));
		for (; from < i; from++)
			copy(&msg, v[from]);
		if (end(d, &msg, &elements) < 0)
			break;
	}
	lm_buf_free(&names);
	return i < n || d->e->code ? -1 : 0;
}

static int list_elements(struct dump *d, const struct set *s)
{
	struct elements el = { 0 };
	const struct nlattr **v = NULL, *a;
	char buf[1024];
	struct nlmsghdr *nlh = request(buf, &elements, s->family);
	size_t n = 0;
	int ret = -1;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, s->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, s->name);
	if (talk(d, nlh, &elements, take_elements, &el) < 0)
		goto out;
	v = calloc(el.nr + 1, sizeof(*v));
	if (el.all.oom || !v) {
		lm_fail(d->e, LM_FAILED, "no memory");
		goto out;
	}
	for (a = (void *)el.all.data; n < el.nr; a = mnl_attr_next(a))
		v[n++] = a;
	if (s->intervals)
		qsort(v, n, sizeof(*v), compare);
	ret = put_elements(d, s, v, n);
out:
	free(v);
	lm_buf_free(&el.all);
	return ret;
}

/* ---- rules in rules ---- */

/* A chain that is part of a rule takes no more rules when that rule is there. Those
 * that are part of its own rules have higher numbers.
 */
static int innermost(const void *a, const void *b)
{
	const struct inner_rule *x = a, *y = b;

	if (x->chain != y->chain)
		return x->chain < y->chain ? 1 : -1;
	return x->nr < y->nr ? -1 : 1;
}

static int list_inner(struct dump *d)
{
	if (!d->inner_chains)
		return 0;
	if (list(d, &inner_rules) < 0)
		return -1;
	qsort(d->inner, d->nr_inner, sizeof(*d->inner), innermost);
	for (size_t i = 0; i < d->nr_inner; i++)
		if (end(d, &d->inner[i].msg, &inner_rules) < 0)
			return -1;
	return 0;
}

static void free_dump(struct dump *d)
{
	for (size_t i = 0; i < d->nr_inner; i++)
		lm_buf_free(&d->inner[i].msg);
	free(d->inner);
	free(d->sets);
	lm_rt_close(&d->rt);
}

/* ---- what the rules have done to connections ---- */

static int translated(const struct nlmsghdr *nlh, void *arg)
{
	const struct dump *d = arg;

	if (!(be32(attr(nlh, NULL, CTA_STATUS)) & IPS_NAT_MASK))
		return MNL_CB_OK;
	lm_fail(d->e, LM_REFUSED,
		"connection through NAT in the network namespace: not supported; it ends, or \"conntrack -F\" forgets it");
	return MNL_CB_ERROR;
}

/* Entries of conntrack stay behind. It makes new ones of connections under way, but
 * what they were translated to only the old ones know.
 */
static int check_nat(struct dump *d)
{
	char buf[256];
	struct nlmsghdr *nlh;

	if (!d->nat)
		return 0;
	nlh = request(buf, &rules, AF_UNSPEC);
	nlh->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET;
	if (lm_rt_talk(&d->rt, nlh, translated, d) == 0)
		return 0;
	if (!d->e->code)
		lm_fail_errno(d->e, LM_FAILED, "cannot list the connections that NAT knows");
	return -1;
}

/* ---- all ---- */

static int list_all(struct dump *d)
{
	/* (a kernel without nf_tables has none) */
	if (list(d, &before[0]) < 0) {
		if (d->e->err != EINVAL && d->e->err != EOPNOTSUPP)
			return -1;
		memset(d->e, 0, sizeof(*d->e));
	}
	if (!d->b->len)
		return 0;
	for (size_t i = 1; i < sizeof(before) / sizeof(*before); i++)
		if (list(d, &before[i]) < 0)
			return -1;
	for (size_t i = 0; i < d->nr_sets; i++)
		if (list_elements(d, &d->sets[i]) < 0)
			return -1;
	return list_inner(d) < 0 || list(d, &rules) < 0 ? -1 : check_nat(d);
}

static int describe(void *arg, struct lm_error *e)
{
	struct lm_buf *b = arg;
	struct lm_error own = { 0 };
	int ret = -1;

	/* A list that changes while it is told says so: EINTR. */
	for (int i = 0; i < TRIES && ret < 0; i++) {
		struct dump d = { .b = b, .e = &own };

		lm_buf_free(b);
		memset(&own, 0, sizeof(own));
		if (lm_rt_open(&d.rt, NETLINK_NETFILTER, &own) < 0)
			break;
		ret = list_all(&d);
		free_dump(&d);
		if (ret < 0 && own.err != EINTR)
			break;
	}
	if (ret == 0)
		return b->oom ? lm_fail(e, LM_FAILED, "no memory") : 0;
	lm_buf_free(b);
	if (e)
		*e = own;
	return -1;
}

int lm_nft_dump(int nsfd, struct lm_buf *b, struct lm_error *e)
{
	return lm_in_netns(nsfd, describe, b, e);
}
