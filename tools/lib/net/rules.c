// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Rules that say which routing table to ask. Where they are those of a fresh namespace
 * nothing is written down; otherwise all of a family, in their order, after one without
 * an action, which stands for: there are no others.
 */
#include <errno.h>
#include <string.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "parts.h"

#define MSG_MAX 512
/* FRA_DSCP_MASK, of newer headers, and its value for all of the DSCP */
#define DSCP_MASK 30
#define DSCP_ALL 0x3f
#define KEPT_FLAGS (FIB_RULE_PERMANENT | FIB_RULE_INVERT | FIB_RULE_FIND_SADDR)

struct family {
	uint8_t af;
	const char *refuse;	/* ... that is not as in a fresh namespace */
	size_t nr;
	struct { uint32_t priority, table; } fresh[3];
};

static const struct family families[] = {
	{ AF_INET, NULL, 3, { { 0, RT_TABLE_LOCAL }, { 32766, RT_TABLE_MAIN },
			      { 32767, RT_TABLE_DEFAULT } } },
	{ AF_INET6, NULL, 2, { { 0, RT_TABLE_LOCAL }, { 32766, RT_TABLE_MAIN } } },
	{ RTNL_FAMILY_IPMR, "ip mrule", 1, { { 32767, RT_TABLE_DEFAULT } } },
	{ RTNL_FAMILY_IP6MR, "ip -6 mrule", 1, { { 32767, RT_TABLE_MAIN } } },
};

struct list {
	struct lm_buf all;	/* as attributes LM_NETNS_RULE */
	size_t nr, nr_fresh;
	const struct family *f;
};

static bool is_fresh(const struct nlmsghdr *nlh, const struct family *f, size_t nr)
{
	const struct fib_rule_hdr *r = mnl_nlmsg_get_payload(nlh);
	uint32_t priority = 0, table = r->table;
	const struct nlattr *a;

	if (nr >= f->nr || r->action != FR_ACT_TO_TBL || r->dst_len || r->src_len || r->tos ||
	    r->flags & ~FIB_RULE_PERMANENT)
		return false;
	mnl_attr_for_each(a, nlh, sizeof(*r)) {
		switch (mnl_attr_get_type(a)) {
		case FRA_PRIORITY:
			priority = mnl_attr_get_u32(a);
			break;
		case FRA_TABLE:
			table = mnl_attr_get_u32(a);
			break;
		case FRA_SUPPRESS_PREFIXLEN:
			if (mnl_attr_get_u32(a) != UINT32_MAX)
				return false;
			break;
		case FRA_PROTOCOL:
			if (mnl_attr_get_u8(a) != RTPROT_KERNEL)
				return false;
			break;
		default:
			return false;
		}
	}
	return priority == f->fresh[nr].priority && table == f->fresh[nr].table;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct fib_rule_hdr *r = mnl_nlmsg_get_payload(nlh);
	size_t len = mnl_nlmsg_get_payload_len(nlh);
	struct list *l = arg;
	char copy[MSG_MAX] __attribute__((aligned(4)));

	if (r->family != l->f->af)
		return MNL_CB_OK;
	if (len > sizeof(copy)) {
		errno = EMSGSIZE;
		return MNL_CB_ERROR;
	}
	l->nr_fresh += is_fresh(nlh, l->f, l->nr);
	l->nr++;
	memcpy(copy, r, len);
	((struct fib_rule_hdr *)copy)->flags &= KEPT_FLAGS;
	lm_put(&l->all, LM_NETNS_RULE, copy, len);
	return MNL_CB_OK;
}

static int list(struct lm_rt *rt, const struct family *f, struct list *l, struct lm_error *e)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct fib_rule_hdr *r;

	memset(l, 0, sizeof(*l));
	l->f = f;
	nlh->nlmsg_type = RTM_GETRULE;
	nlh->nlmsg_flags = NLM_F_DUMP;
	r = mnl_nlmsg_put_extra_header(nlh, sizeof(*r));
	r->family = f->af;
	if (lm_rt_talk(rt, nlh, take, l) == 0)
		return l->all.oom ? lm_fail(e, LM_FAILED, "no memory") : 0;
	/* (a kernel without such rules has those of a fresh namespace) */
	l->nr = l->nr_fresh = f->nr;
	return errno == EAFNOSUPPORT || errno == EOPNOTSUPP ? 0 :
	       lm_fail_errno(e, LM_FAILED, "cannot list the routing rules");
}

int lm_rules_dump(struct lm_rt *rt, struct lm_buf *b, struct lm_error *e)
{
	struct list l;
	int ret = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(*families) && ret == 0; i++) {
		const struct fib_rule_hdr only = { .family = families[i].af };

		ret = list(rt, &families[i], &l, e);
		if (ret == 0 && (l.nr != families[i].nr || l.nr_fresh != l.nr)) {
			if (families[i].refuse)
				ret = lm_fail(e, LM_REFUSED, "rules of multicast routing (%s): not supported",
					      families[i].refuse);
			lm_put(b, LM_NETNS_RULE, &only, sizeof(only));
			lm_buf_add(b, l.all.data, l.all.len);
		}
		lm_buf_free(&l.all);
	}
	return ret;
}

/* ---- setting them ---- */

static int say(struct lm_rt *rt, const struct nlattr *rule, uint16_t type, uint16_t flags)
{
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, lm_len(rule)), lm_data(rule), lm_len(rule));
	return lm_rt_talk(rt, nlh, NULL, NULL);
}

static uint32_t priority(const struct nlattr *rule)
{
	const char *attrs = (const char *)lm_data(rule) + sizeof(struct fib_rule_hdr);
	const struct nlattr *a = NULL;

	while ((a = lm_next(attrs, lm_len(rule) - sizeof(struct fib_rule_hdr), a)))
		if (lm_type(a) == FRA_PRIORITY)
			return lm_u32(a);
	return 0;
}

/* Has @is, which the kernel tells, all that @wanted has? */
static bool covers(const struct nlattr *is, const struct nlattr *wanted)
{
	const size_t head = sizeof(struct fib_rule_hdr);
	const char *p = lm_data(is), *q = lm_data(wanted);
	const struct nlattr *a = NULL, *b;

	if (memcmp(p, q, head))
		return false;
	while ((a = lm_next(q + head, lm_len(wanted) - head, a))) {
		/* (newer kernels tell that all of the DSCP counts, older ones know no other) */
		if (lm_type(a) == DSCP_MASK && lm_len(a) == 1 &&
		    *(const uint8_t *)lm_data(a) == DSCP_ALL)
			continue;
		b = NULL;
		do
			b = lm_next(p + head, lm_len(is) - head, b);
		while (b && (lm_type(b) != lm_type(a) || lm_len(b) != lm_len(a) ||
			     memcmp(lm_data(b), lm_data(a), lm_len(a))));
		if (!b)
			return false;
	}
	return true;
}

/* A kernel that does not know a selector takes the rule without it. */
static int verify(struct lm_rt *rt, const struct family *f, const struct nlattr *const *rules,
		  size_t nr, struct lm_error *e)
{
	const struct nlattr *a;
	struct list l;
	int ret = list(rt, f, &l, e);

	for (size_t i = 0; i < nr && ret == 0; i++) {
		a = NULL;
		do
			a = lm_next(l.all.data, l.all.len, a);
		while (a && !covers(a, rules[i]));
		if (!a)
			ret = lm_fail(e, LM_REFUSED,
				      "routing rule %u: this kernel does not know all of it",
				      priority(rules[i]));
	}
	lm_buf_free(&l.all);
	return ret;
}

static int make_family(struct lm_rt *rt, const struct family *f,
		       const struct nlattr *const *rules, size_t nr, struct lm_error *e)
{
	const struct nlattr *a = NULL;
	struct list l;
	int ret = list(rt, f, &l, e);

	/* (some kernels keep the first one for good) */
	while (ret == 0 && (a = lm_next(l.all.data, l.all.len, a)))
		if (say(rt, a, RTM_DELRULE, 0) < 0 && errno != EPERM)
			ret = lm_fail_errno(e, LM_FAILED, "cannot delete routing rule %u%s",
					    priority(a), rt->text);
	lm_buf_free(&l.all);
	for (size_t i = 0; i < nr && ret == 0; i++)
		if (say(rt, rules[i], RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL) < 0 &&
		    errno != EEXIST)
			ret = lm_fail_errno(e, LM_FAILED, "cannot set routing rule %u%s",
					    priority(rules[i]), rt->text);
	return ret < 0 ? -1 : verify(rt, f, rules, nr, e);
}

int lm_rules_make(struct lm_rt *rt, const struct nlattr *const *rules, size_t nr,
		  struct lm_error *e)
{
	const struct fib_rule_hdr *r;
	size_t i = 0, n;

	for (n = 0; n < nr; n++)
		if (lm_len(rules[n]) < sizeof(*r) || lm_len(rules[n]) > MSG_MAX)
			return lm_fail(e, LM_REFUSED, "the record of a routing rule is malformed");
	while (i < nr) {
		const struct family *f = families;

		r = lm_data(rules[i]);
		while (f < families + 2 && f->af != r->family)
			f++;
		if (f == families + 2 || r->action != FR_ACT_UNSPEC)
			return lm_fail(e, LM_REFUSED, "the record of a routing rule is malformed");
		for (n = ++i; i < nr; i++) {
			r = lm_data(rules[i]);
			if (r->action == FR_ACT_UNSPEC || r->family != f->af)
				break;
		}
		if (make_family(rt, f, rules + n, i - n, e) < 0)
			return -1;
	}
	return 0;
}
