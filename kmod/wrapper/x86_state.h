/* SPDX-License-Identifier: GPL-2.0 */
/*
 * State of x86 threads that older kernels do not know.
 */
#ifndef _LIVEMIG_WRAPPER_X86_STATE_H
#define _LIVEMIG_WRAPPER_X86_STATE_H

#include <linux/version.h>
#include <linux/sched.h>
#include <linux/mm_types.h>
#include <asm/fpu/xstate.h>
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

/* Features with much state, which the process of this main thread has asked for. From
 * 6.16 on struct fpu lies behind the task: x86_task_fpu(), which is a function that is
 * not exported where the kernel was made with X86_DEBUG_FPU.
 */
static inline u64 lm_xcomp_perm(struct task_struct *leader)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	const struct fpu *fpu = (const void *)(leader + 1);
	u64 perm = READ_ONCE(fpu->perm.__state_perm);
#else
	u64 perm = READ_ONCE(leader->thread.fpu.perm.__state_perm);
#endif

	return perm & XFEATURE_MASK_USER_DYNAMIC;
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
