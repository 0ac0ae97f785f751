/* SPDX-License-Identifier: GPL-2.0 */
/* Fields of task_struct that depend on the configuration. */
#ifndef _LIVEMIG_WRAPPER_SCHED_H
#define _LIVEMIG_WRAPPER_SCHED_H

#include <linux/sched.h>

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

#endif
