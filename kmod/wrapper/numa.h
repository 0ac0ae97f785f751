/* SPDX-License-Identifier: GPL-2.0 */
/* NUMA policies, which kernels without NUMA do not have. */
#ifndef _LIVEMIG_WRAPPER_NUMA_H
#define _LIVEMIG_WRAPPER_NUMA_H

#include <linux/livemig.h>
#include <linux/mempolicy.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#ifdef CONFIG_NUMA
#define LM_MPOL_USER_NODES	(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)

/* Nodes that follow the cpuset are kept beside those that they stand for. MPOL_LOCAL,
 * which MPOL_PREFERRED for no nodes becomes, has none: there nothing was ever written.
 * Return: false when a node has a number that there is no room for.
 */
static inline bool lm_mempolicy(const struct mempolicy *pol, struct livemig_mempolicy *out)
{
	const nodemask_t *nodes = pol->flags & LM_MPOL_USER_NODES ?
				  &pol->w.user_nodemask : &pol->nodes;

	out->mode = pol->mode | (pol->flags & MPOL_MODE_FLAGS);
	out->nodes = 0;
	out->home_node = pol->home_node;
	if (pol->mode == MPOL_LOCAL)
		return true;
	out->nodes = nodes->bits[0];
	return find_next_bit(nodes->bits, MAX_NUMNODES, 64) >= MAX_NUMNODES;
}
#endif

/* set_mempolicy() of a thread. Return: 1: it is in @out, 0: there is none, -1: it
 * has nodes above 63.
 */
static inline int lm_task_mempolicy(struct task_struct *t, struct livemig_mempolicy *out)
{
	int ret = 0;

#ifdef CONFIG_NUMA
	task_lock(t);
	if (t->mempolicy)
		ret = lm_mempolicy(t->mempolicy, out) ? 1 : -1;
	task_unlock(t);
#endif
	return ret;
}

/* The same for mbind(); mmap_lock is held. */
static inline int lm_vma_mempolicy(const struct vm_area_struct *vma,
				   struct livemig_mempolicy *out)
{
	int ret = 0;

#ifdef CONFIG_NUMA
	if (vma->vm_policy) {
		ret = lm_mempolicy(vma->vm_policy, out) ? 1 : -1;
		out->start = vma->vm_start;
		out->end = vma->vm_end;
	}
#endif
	return ret;
}

#endif
