// SPDX-License-Identifier: GPL-2.0
/*
 * What a thread has asked of its CPU by prctl() and arch_prctl().
 *
 * Locking: none; single bits of a task that is frozen, or is only being looked at.
 */
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <asm/thread_info.h>
#include <net/netlink.h>
#include "../../dump.h"
#include "../../wrapper/x86_state.h"
#include "regs.h"

static u32 store_bypass(struct task_struct *t)
{
	if (task_spec_ssb_force_disable(t))
		return PR_SPEC_FORCE_DISABLE;
	if (task_spec_ssb_noexec(t))
		return PR_SPEC_DISABLE_NOEXEC;
	return task_spec_ssb_disable(t) ? PR_SPEC_DISABLE : 0;
}

static u32 indirect_branch(struct task_struct *t)
{
	if (task_spec_ib_force_disable(t))
		return PR_SPEC_FORCE_DISABLE;
	return task_spec_ib_disable(t) ? PR_SPEC_DISABLE : 0;
}

/* Here enabled is what the kernel does for the thread. */
static u32 l1d_flush(struct task_struct *t)
{
	return test_tsk_thread_flag(t, TIF_SPEC_L1D_FLUSH) ? PR_SPEC_ENABLE : 0;
}

/**
 * lm_arch_put_controls - add SPECULATION to a THREAD object
 * @obj: the object under construction
 * @t: the thread
 * @flags: LIVEMIG_THREAD_F_NO_TSC and _NO_CPUID are added where they are so
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_arch_put_controls(struct sk_buff *obj, struct task_struct *t, u32 *flags)
{
	const u32 spec[3] = { store_bypass(t), indirect_branch(t), l1d_flush(t) };

	/* (Seccomp's strict mode disables it; it will again.) */
	if (test_tsk_thread_flag(t, TIF_NOTSC) &&
	    seccomp_mode(&t->seccomp) != SECCOMP_MODE_STRICT)
		*flags |= LIVEMIG_THREAD_F_NO_TSC;
	if (test_tsk_thread_flag(t, TIF_NOCPUID))
		*flags |= LIVEMIG_THREAD_F_NO_CPUID;
	return spec[0] || spec[1] || spec[2] ?
	       nla_put(obj, LIVEMIG_THREAD_SPECULATION, sizeof(spec), spec) : 0;
}

/**
 * lm_arch_put_perm - add XCOMP_PERM to a PROCESS object
 * @obj: the object under construction
 * @leader: the main thread, which may have ended; referenced
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_arch_put_perm(struct sk_buff *obj, struct task_struct *leader)
{
	u64 perm = lm_xcomp_perm(leader);

	return perm ? nla_put_u64_64bit(obj, LIVEMIG_PROCESS_XCOMP_PERM, perm,
					LIVEMIG_PROCESS_PAD) : 0;
}
