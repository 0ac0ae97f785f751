// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The container's network namespace. It is made as soon as a round tells of
 * it, so that nothing of that is left for the stop; it stays locked and silent
 * until the commit. If a later round tells something else, it is made again.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "../net/nft.h"
#include "../ns/user.h"

void lm_net_drop(struct lm_restorer *r)
{
	/* (those who are in it join another one) */
	for (size_t i = 0; i < r->nr_procs; i++)
		r->procs[i]->in_net = false;
	if (r->net)
		lm_netns_remove(r->net);
	r->net = NULL;
	r->netns = -1;
	lm_buf_free(&r->rules);
	free(r->net_as);
	r->net_as = NULL;
}

/* The user namespace that it belongs to: as lm_user_fd(). */
static int owner_fd(const struct lm_restorer *r, struct lm_error *e)
{
	const struct nlattr *tb[LM_NETNS_MAX + 1];

	if (lm_parse(r->m.netns[0]->raw, r->m.netns[0]->len, tb, LM_NETNS_MAX, e))
		return -1;
	return lm_user_fd(r, lm_ns_owner(&r->m, &lm_ns_net, lm_u32(tb[LM_NETNS_INO])), e);
}

int lm_net_sync(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_obj *o = r->m.nr_netns ? r->m.netns[0] : NULL;
	int user;

	if (o && r->net && o->len == r->net_as_len &&
	    !memcmp(o->raw, r->net_as, o->len))
		return 0;
	lm_net_drop(r);
	if (!o)
		return 0;
	r->net_as = malloc(o->len);
	if (!r->net_as)
		return lm_fail(e, LM_FAILED, "out of memory");
	memcpy(r->net_as, o->raw, o->len);
	r->net_as_len = o->len;
	user = owner_fd(r, e);
	if (user >= 0)
		r->netns = lm_netns_make(o->raw, o->len, user, r->o.net_parent, &r->net, e);
	return r->netns < 0 ? -1 : 0;
}

static int load_rules(struct lm_restorer *r, const struct lm_buf *all, struct lm_error *e)
{
	const struct nlattr **v, *a = NULL;
	size_t n = 0;
	int ret;

	while ((a = lm_next(all->data, all->len, a)))
		n++;
	v = calloc(n + 1, sizeof(*v));
	if (!v)
		return lm_fail(e, LM_FAILED, "out of memory");
	n = 0;
	while ((a = lm_next(all->data, all->len, a)))
		v[n++] = a;
	ret = lm_nft_load(r->netns, v, n, e);
	free(v);
	return ret;
}

/* Rules that count differ in each round: they are replaced, and the namespace stays. */
int lm_net_rules(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_model *m = &r->m;
	struct lm_buf all = { 0 };

	for (size_t i = 0; i < m->nr_nft; i++)
		lm_buf_add(&all, m->nft[i]->raw, m->nft[i]->len);
	if (all.oom || r->netns < 0 || (all.len == r->rules.len &&
					(!all.len || !memcmp(all.data, r->rules.data, all.len)))) {
		bool oom = all.oom;

		lm_buf_free(&all);
		return oom ? lm_fail(e, LM_FAILED, "out of memory") : 0;
	}
	lm_buf_free(&r->rules);
	r->rules = all;
	return load_rules(r, &all, e);
}
