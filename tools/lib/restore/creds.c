// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The last calls of a thread before it becomes: attributes of its own, and
 * credentials, which come last, as all else may need privilege. SECBIT_
 * NO_SETUID_FIXUP keeps the capabilities until the final capset().
 */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "internal.h"

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

/* What the coordinator has, and so the helper. */
static uint64_t all_caps(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(__NR_capget, &h, d))
		return 0;
	return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static void add_ids(struct lm_batch *b, const struct lm_thread *t,
		    const struct livemig_creds *c)
{
	const struct nlattr *groups = t->obj.tb[LIVEMIG_THREAD_GROUPS];

	lm_batch_add(b, __NR_setgroups, lm_len(groups) / 4,
		     LM_DATA(lm_batch_data(b, groups ? lm_data(groups) : "",
					   lm_len(groups))));
	lm_batch_add(b, __NR_setresgid, c->gid, c->egid, c->sgid);
	lm_batch_add(b, __NR_setresuid, c->uid, c->euid, c->suid);
	/* They return the former id, not an error. */
	lm_batch_add(b, __NR_setfsgid, c->fsgid);
	lm_batch_add(b, __NR_setfsuid, c->fsuid);
}

static void add_creds(struct lm_batch *b, const struct lm_thread *t,
		      const struct livemig_creds *c)
{
	uint64_t all = all_caps();

	lm_batch_add(b, __NR_prctl, PR_SET_SECUREBITS,
		     SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS, 0, 0, 0);
	add_ids(b, t, c);
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

void lm_creds_batch(struct lm_batch *b, const struct lm_thread *t)
{
	const struct livemig_creds *c;
	uint64_t slack = lm_u64(t->obj.tb[LIVEMIG_THREAD_TIMERSLACK]);
	size_t n;

	if (slack)
		lm_batch_add(b, __NR_prctl, PR_SET_TIMERSLACK, slack, 0, 0, 0);
	if (t->obj.tb[LIVEMIG_THREAD_PERSONALITY])
		lm_batch_add(b, __NR_personality,
			     lm_u32(t->obj.tb[LIVEMIG_THREAD_PERSONALITY]));
	c = lm_array(t->obj.tb[LIVEMIG_THREAD_CREDS], sizeof(*c), &n);
	if (n)
		add_creds(b, t, c);
	if (lm_u32(t->obj.tb[LIVEMIG_THREAD_FLAGS]) &
	    LIVEMIG_THREAD_F_NO_NEW_PRIVS)
		lm_batch_add(b, __NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
