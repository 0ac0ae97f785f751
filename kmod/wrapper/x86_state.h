/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of x86 threads that older kernels do not know.
 */
#ifndef _LIVEMIG_WRAPPER_X86_STATE_H
#define _LIVEMIG_WRAPPER_X86_STATE_H

#include <linux/version.h>
#include <linux/sched.h>
#include <linux/mm_types.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#include <asm/shstk.h>
#include <asm/prctl.h>
#endif

/* User shadow stacks: from 6.6 on. */
static inline bool lm_has_shadow_stack(struct task_struct *t)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0) && \
	defined(CONFIG_X86_USER_SHADOW_STACK)
	return t->thread.features & ARCH_SHSTK_SHSTK;
#else
	return false;
#endif
}

/* Linear address masking: from 6.4 on. */
static inline bool lm_has_lam(struct task_struct *t)
{
	bool ret = false;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0) && \
	defined(CONFIG_ADDRESS_MASKING)
	task_lock(t);
	ret = t->mm && READ_ONCE(t->mm->context.lam_cr3_mask);
	task_unlock(t);
#endif
	return ret;
}

#endif
