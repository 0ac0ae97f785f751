// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * NUMA policies of threads and mappings: from which nodes memory is taken from now on.
 * What is there stays where it was filled.
 */
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node 450
#endif

#define NODES		64	/* in livemig_mempolicy */
#define MAX_NODE	(NODES + 1) /* the kernel takes one less */
#define WORDS		16	/* as many as any kernel has */

static const struct livemig_mempolicy *policy_of(const struct lm_thread *t)
{
	size_t n;
	const struct livemig_mempolicy *p =
		lm_array(t->obj.tb[LIVEMIG_THREAD_MEMPOLICY], sizeof(*p), &n);

	return n ? p : NULL;
}

/* (images are older than the module that leaves those of MPOL_LOCAL out) */
static uint64_t nodes_of(const struct livemig_mempolicy *p)
{
	return (p->mode & ~MPOL_MODE_FLAGS) == MPOL_LOCAL ? 0 : p->nodes;
}

static uint64_t nodes_here(void)
{
	unsigned long nodes[WORDS] = { 0 };

	return syscall(__NR_get_mempolicy, NULL, nodes, sizeof(nodes) * 8, NULL,
		       MPOL_F_MEMS_ALLOWED) ? 0 : nodes[0];
}

static int check(uint32_t pid, const struct livemig_mempolicy *p, uint64_t here,
		 struct lm_error *e)
{
	uint64_t missing = nodes_of(p) & ~here;

	/* (relative ones are counted from those that there are) */
	if (!here)
		return lm_fail(e, LM_REFUSED,
			       "pid %u: it has a NUMA policy, and this kernel has no NUMA", pid);
	if (!missing || p->mode & MPOL_F_RELATIVE_NODES)
		return 0;
	return lm_fail(e, LM_REFUSED,
		       "pid %u: its memory is to be on NUMA node %d, which is not here (set_mempolicy, mbind); use a host with that node",
		       pid, __builtin_ctzll(missing));
}

bool lm_numa_uses(const struct lm_process *p, uint32_t mode)
{
	for (size_t i = 0; i < p->nr_threads; i++)
		if (policy_of(p->threads[i]) &&
		    (policy_of(p->threads[i])->mode & ~(uint32_t)MPOL_MODE_FLAGS) == mode)
			return true;
	for (size_t i = 0; p->mm && i < p->mm->nr_policies; i++)
		if ((p->mm->policies[i].mode & ~(uint32_t)MPOL_MODE_FLAGS) == mode)
			return true;
	return false;
}

int lm_numa_check(const struct lm_model *m, struct lm_error *e)
{
	const uint64_t here = nodes_here();

	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];

		for (size_t j = 0; j < p->nr_threads; j++)
			if (policy_of(p->threads[j]) &&
			    check(p->pid, policy_of(p->threads[j]), here, e))
				return -1;
		for (size_t j = 0; p->mm && j < p->mm->nr_policies; j++)
			if (check(p->pid, &p->mm->policies[j], here, e))
				return -1;
	}
	return 0;
}

void lm_numa_thread(struct lm_batch *b, const struct lm_thread *t)
{
	const struct livemig_mempolicy *p = policy_of(t);
	uint64_t nodes = p ? nodes_of(p) : 0;

	if (p)
		lm_batch_add(b, __NR_set_mempolicy, p->mode,
			     LM_DATA(lm_batch_data(b, &nodes, sizeof(nodes))), MAX_NODE);
}

static int bind(struct lm_proc *p, const struct livemig_mempolicy *v, struct lm_error *e)
{
	const uint64_t len = v->end - v->start, nodes = nodes_of(v);
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret;

	lm_batch_add(b, __NR_mbind, v->start, len, v->mode,
		     LM_DATA(lm_batch_data(b, &nodes, sizeof(nodes))), MAX_NODE, 0);
	if (v->home_node >= 0)
		lm_batch_add(b, __NR_set_mempolicy_home_node, v->start, len,
			     v->home_node, 0);
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret ? lm_prefix(e, "pid %u: NUMA policy", p->pid) : 0;
}

int lm_numa_mm(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	for (size_t i = 0; i < mm->nr_policies; i++)
		if (bind(p, &mm->policies[i], e))
			return -1;
	return 0;
}
