/* SPDX-License-Identifier: GPL-2.0 */
/* Fields of task_struct that depend on the configuration. */
#ifndef _LIVEMIG_WRAPPER_SCHED_H
#define _LIVEMIG_WRAPPER_SCHED_H

#include <linux/livemig.h>
#include <linux/sched.h>
#include <linux/version.h>

/* Is @t executing. Pairs with the release in finish_task(): when it says no,
 * what was saved at the switch is visible.
 */
static inline bool lm_task_on_cpu(struct task_struct *t)
{
#ifdef CONFIG_SMP
	return smp_load_acquire(&t->on_cpu);
#else
	return t == current;
#endif
}

/* Is it a BPF program that schedules it? From 6.12 on. */
static inline bool lm_is_sched_ext(struct task_struct *t)
{
#ifdef SCHED_EXT
	return t->policy == SCHED_EXT;
#else
	return false;
#endif
}

/* What sched_setattr() has set besides the policy: time slices from 6.12 on, and
 * limits of what a task counts for where the kernel has them.
 */
static inline struct livemig_sched_hints lm_sched_hints(struct task_struct *t)
{
	struct livemig_sched_hints h = { .util_min = -1, .util_max = -1 };

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	/* (it is kept while another policy is in use, which has none) */
	if (t->se.custom_slice &&
	    (t->policy == SCHED_NORMAL || t->policy == SCHED_BATCH))
		h.slice_ns = t->se.slice;
#endif
#ifdef CONFIG_UCLAMP_TASK
	if (t->uclamp_req[UCLAMP_MIN].user_defined)
		h.util_min = t->uclamp_req[UCLAMP_MIN].value;
	if (t->uclamp_req[UCLAMP_MAX].user_defined)
		h.util_max = t->uclamp_req[UCLAMP_MAX].value;
#endif
	return h;
}

#endif
