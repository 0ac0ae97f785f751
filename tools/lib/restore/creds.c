// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The last calls of a thread before it becomes: attributes of its own, and
 * credentials, which come last, as all else may need privilege. SECBIT_
 * NO_SETUID_FIXUP keeps the capabilities until the final capset().
 */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "internal.h"
#include "../ns/user.h"

#define NR_CAPS 64

static size_t cap_header(struct lm_batch *b)
{
	const struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return lm_batch_data(b, &h, sizeof(h));
}

static void add_capset(struct lm_batch *b, uint64_t effective, uint64_t permitted,
		       uint64_t inheritable)
{
	struct __user_cap_data_struct d[2] = {
		{ effective, permitted, inheritable },
		{ effective >> 32, permitted >> 32, inheritable >> 32 },
	};
	/* Two calls of lm_batch_data() have no order within one expression. */
	size_t head = cap_header(b), data = lm_batch_data(b, d, sizeof(d));

	lm_batch_add(b, __NR_capset, LM_DATA(head), LM_DATA(data));
}

/* What the coordinator has, and so the helper. Who enters a user namespace gets all
 * that there are.
 */
static uint64_t all_caps(bool in_user)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2] = { 0 };
	uint64_t all = 0;

	for (int i = 0; in_user && i < NR_CAPS; i++)
		if (prctl(PR_CAPBSET_READ, i) >= 0)
			all |= 1ULL << i;
	if (in_user || syscall(__NR_capget, &h, d))
		return all;
	return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static const struct livemig_creds *creds_of(const struct lm_thread *t)
{
	size_t n;
	const struct livemig_creds *c =
		lm_array(t->obj.tb[LIVEMIG_THREAD_CREDS], sizeof(*c), &n);

	return n ? c : NULL;
}

static void add_ids(struct lm_batch *b, const uint32_t *groups, size_t n,
		    const struct livemig_creds *c)
{
	lm_batch_add(b, __NR_setgroups, n,
		     LM_DATA(lm_batch_data(b, groups, n * sizeof(*groups))));
	lm_batch_add(b, __NR_setresgid, c->gid, c->egid, c->sgid);
	lm_batch_add(b, __NR_setresuid, c->uid, c->euid, c->suid);
	/* They return the former id, not an error. */
	lm_batch_add(b, __NR_setfsgid, c->fsgid);
	lm_batch_add(b, __NR_setfsuid, c->fsuid);
}

void lm_creds_ids(struct lm_batch *b, const struct lm_thread *t)
{
	const struct livemig_creds *c = creds_of(t);
	size_t n;
	const uint32_t *groups = lm_array(t->obj.tb[LIVEMIG_THREAD_GROUPS],
					  sizeof(*groups), &n);

	if (c)
		add_ids(b, groups, n, c);
}

static bool same_ids(const struct lm_thread *t, const struct lm_thread *other)
{
	const struct nlattr *g = t->obj.tb[LIVEMIG_THREAD_GROUPS];
	const struct nlattr *h = other->obj.tb[LIVEMIG_THREAD_GROUPS];
	const struct livemig_creds *c = creds_of(t), *d = creds_of(other);

	return c && d && !memcmp(c, d, offsetof(struct livemig_creds, securebits)) &&
	       lm_len(g) == lm_len(h) && !memcmp(lm_data(g), lm_data(h), lm_len(g));
}

/* What @user calls the ids of @t; @groups: room for so many (NULL: only look). */
static bool ids_inside(const struct lm_obj *user, const struct lm_thread *t,
		       struct livemig_creds *c, uint32_t *groups)
{
	uint32_t *uids[] = { &c->uid, &c->euid, &c->suid, &c->fsuid }, other;
	uint32_t *gids[] = { &c->gid, &c->egid, &c->sgid, &c->fsgid };
	size_t n;
	const uint32_t *from = lm_array(t->obj.tb[LIVEMIG_THREAD_GROUPS],
					sizeof(*from), &n);

	*c = *creds_of(t);
	for (size_t i = 0; i < 4; i++)
		if (!lm_user_inside(user, LM_NS_UID_MAP, *uids[i], uids[i]) ||
		    !lm_user_inside(user, LM_NS_GID_MAP, *gids[i], gids[i]))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!lm_user_inside(user, LM_NS_GID_MAP, from[i], groups ? &groups[i] : &other))
			return false;
	return true;
}

const struct lm_thread *lm_creds_impossible(const struct lm_model *m,
					    const struct lm_process *mp)
{
	const struct lm_obj *user = lm_user_of(m, mp);
	const struct lm_thread *leader = lm_leader(mp);
	struct livemig_creds c;

	for (size_t i = 0; user && leader && i < mp->nr_threads; i++) {
		const struct lm_thread *t = mp->threads[i];

		if (t != leader && creds_of(t) && !same_ids(t, leader) &&
		    !ids_inside(user, t, &c, NULL))
			return t;
	}
	return NULL;
}

/* Born in @user with the ids of another thread, it has others. */
static int add_own_ids(struct lm_batch *b, const struct lm_obj *user,
		       const struct lm_thread *t, struct lm_error *e)
{
	uint32_t n = lm_len(t->obj.tb[LIVEMIG_THREAD_GROUPS]) / sizeof(uint32_t);
	uint32_t *groups = malloc((n + 1) * sizeof(*groups));
	struct livemig_creds c;
	int ret = 0;

	if (!groups)
		return lm_fail(e, LM_FAILED, "out of memory");
	if (ids_inside(user, t, &c, groups))
		add_ids(b, groups, n, &c);
	else
		ret = lm_fail(e, LM_REFUSED, LM_IDS_OUTSIDE);
	free(groups);
	return ret;
}

/* (It has all, and nothing takes them away when ids change.) */
static void add_caps(struct lm_batch *b, const struct livemig_creds *c, uint64_t all)
{
	/* While all is allowed, and before the bounding set forbids it. */
	add_capset(b, all, all, c->cap_inheritable);
	for (int i = 0; i < NR_CAPS; i++)
		if (all >> i & 1 && !(c->cap_bounding >> i & 1))
			lm_batch_add(b, __NR_prctl, PR_CAPBSET_DROP, i, 0, 0, 0);
	for (int i = 0; i < NR_CAPS; i++)
		if (c->cap_ambient >> i & 1)
			lm_batch_add(b, __NR_prctl, PR_CAP_AMBIENT,
				     PR_CAP_AMBIENT_RAISE, i, 0, 0);
	lm_batch_add(b, __NR_prctl, PR_SET_SECUREBITS, c->securebits, 0, 0, 0);
	add_capset(b, c->cap_effective, c->cap_permitted, c->cap_inheritable);
}

static int add_creds(const struct lm_restorer *r, const struct lm_proc *p,
		     struct lm_batch *b, const struct lm_process *mp,
		     const struct lm_thread *t, struct lm_error *e)
{
	const struct lm_obj *user = lm_user_of(&r->m, mp);

	if (user && !p->in_user)
		lm_user_batch(p, b, t);
	lm_batch_add(b, __NR_prctl, PR_SET_SECUREBITS,
		     SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS, 0, 0, 0);
	if (!user)
		lm_creds_ids(b, t);
	else if (p->in_user && !same_ids(t, lm_leader(mp)) &&
		 add_own_ids(b, user, t, e))
		return -1;
	add_caps(b, creds_of(t), all_caps(user));
	return 0;
}

int lm_creds_batch(const struct lm_restorer *r, const struct lm_proc *p,
		   struct lm_batch *b, const struct lm_process *mp,
		   const struct lm_thread *t, struct lm_error *e)
{
	uint64_t slack = lm_u64(t->obj.tb[LIVEMIG_THREAD_TIMERSLACK]);

	if (slack)
		lm_batch_add(b, __NR_prctl, PR_SET_TIMERSLACK, slack, 0, 0, 0);
	if (t->obj.tb[LIVEMIG_THREAD_PERSONALITY])
		lm_batch_add(b, __NR_personality,
			     lm_u32(t->obj.tb[LIVEMIG_THREAD_PERSONALITY]));
	if (creds_of(t) && add_creds(r, p, b, mp, t, e))
		return -1;
	if (lm_u32(t->obj.tb[LIVEMIG_THREAD_FLAGS]) &
	    LIVEMIG_THREAD_F_NO_NEW_PRIVS)
		lm_batch_add(b, __NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return 0;
}
