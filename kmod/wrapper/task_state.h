/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Members of struct task_struct and its satellites that moved between kernels.
 */
#ifndef _LIVEMIG_WRAPPER_TASK_STATE_H
#define _LIVEMIG_WRAPPER_TASK_STATE_H

#include <linux/version.h>
#include <linux/capability.h>
#include <linux/livemig.h>
#include <linux/sched.h>
#include <linux/sched/coredump.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <linux/sched/exec_state.h>
#endif

/* The futex state became a struct of its own in 7.0. */
static inline u64 lm_robust_list(struct task_struct *t)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	return (u64)(unsigned long)t->futex.robust_list;
#else
	return (u64)(unsigned long)t->robust_list;
#endif
}

/* rseq: its length is a member from 6.3 on, struct rseq_data from 6.19 on. */
static inline u64 lm_rseq_addr(struct task_struct *t)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return (u64)(unsigned long)t->rseq.usrptr;
#else
	return (u64)(unsigned long)t->rseq;
#endif
}

static inline u32 lm_rseq_len(struct task_struct *t)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return t->rseq.len;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return t->rseq_len;
#else
	return 32;
#endif
}

static inline u32 lm_rseq_sig(struct task_struct *t)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return t->rseq.sig;
#else
	return t->rseq_sig;
#endif
}

/* PR_RSEQ_SLICE_EXTENSION: from 7.0 on. */
static inline bool lm_rseq_has_slice(struct task_struct *t)
{
#ifdef CONFIG_RSEQ_SLICE_EXTENSION
	return t->rseq.slice.state.enabled;
#else
	return false;
#endif
}

/* kernel_cap_t is one number from 6.3 on. */
static inline u64 lm_cap_bits(kernel_cap_t c)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return c.val;
#else
	return (u64)c.cap[1] << 32 | c.cap[0];
#endif
}

/* When a poll() that is to be restarted ends, CLOCK_MONOTONIC; one struct
 * timespec64 from 6.18 on.
 */
static inline s64 lm_poll_end_ns(const struct restart_block *r)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return timespec64_to_ns(&r->poll.end_time);
#else
	return (s64)r->poll.tv_sec * NSEC_PER_SEC + r->poll.tv_nsec;
#endif
}

/* The user namespace whose root may look into it, by number, 0: the initial one. It
 * moved from the mm to the task in 7.2.
 */
static inline u32 lm_exec_user_ns(struct task_struct *t, struct mm_struct *mm)
{
	const struct user_namespace *ns;
	u32 nr;

	rcu_read_lock();
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	ns = rcu_dereference(t->exec_state)->user_ns;
#else
	ns = mm->user_ns;
#endif
	nr = ns == &init_user_ns ? 0 : ns->ns.inum;
	rcu_read_unlock();
	return nr;
}

/* What a task shows of itself moved from the mm to the task in 7.2. */
static inline u32 lm_dumpable(struct task_struct *t, struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	u32 ret;

	rcu_read_lock();
	ret = READ_ONCE(rcu_dereference(t->exec_state)->dumpable);
	rcu_read_unlock();
	return ret;
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return __mm_flags_get_dumpable(mm);
#else
	return mm->flags & MMF_DUMPABLE_MASK;
#endif
}

/* mm->flags is a bitmap with accessors from 6.18 on. */
static inline bool lm_mm_test(struct mm_struct *mm, int flag)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return mm_flags_test(flag, mm);
#else
	return test_bit(flag, &mm->flags);
#endif
}

/* What PR_SET_THP_DISABLE has set: of two kinds from 6.18 on. */
static inline u32 lm_mm_thp_disabled(struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	if (lm_mm_test(mm, MMF_DISABLE_THP_EXCEPT_ADVISED))
		return LIVEMIG_PROCESS_F_THP_DISABLE | LIVEMIG_PROCESS_F_THP_ADVISED;
	return lm_mm_test(mm, MMF_DISABLE_THP_COMPLETELY) ?
	       LIVEMIG_PROCESS_F_THP_DISABLE : 0;
#else
	return lm_mm_test(mm, MMF_DISABLE_THP) ? LIVEMIG_PROCESS_F_THP_DISABLE : 0;
#endif
}

/* enum livemig_mm_flags: what prctl() has set, from 6.3, 6.4 and 6.6 on. */
static inline u32 lm_mm_flags(struct mm_struct *mm)
{
	u32 flags = 0;

#ifdef MMF_HAS_MDWE
	if (lm_mm_test(mm, MMF_HAS_MDWE))
		flags |= LIVEMIG_MM_F_MDWE;
#endif
#ifdef MMF_HAS_MDWE_NO_INHERIT
	if (lm_mm_test(mm, MMF_HAS_MDWE_NO_INHERIT))
		flags |= LIVEMIG_MM_F_MDWE_NO_INHERIT;
#endif
#ifdef MMF_VM_MERGE_ANY
	if (lm_mm_test(mm, MMF_VM_MERGE_ANY))
		flags |= LIVEMIG_MM_F_MERGE_ANY;
#endif
	return flags;
}

static inline u32 lm_mm_coredump_filter(struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	unsigned long flags = __mm_flags_get_word(mm);
#else
	unsigned long flags = READ_ONCE(mm->flags);
#endif

	return (flags & MMF_DUMP_FILTER_MASK) >> MMF_DUMP_FILTER_SHIFT;
}

#endif
