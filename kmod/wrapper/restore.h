/* SPDX-License-Identifier: GPL-2.0 */
/* What a task writes into itself, where the place of it moved between kernels. */
#ifndef _LIVEMIG_WRAPPER_RESTORE_H
#define _LIVEMIG_WRAPPER_RESTORE_H

#include <linux/version.h>
#include <linux/namei.h>
#include <linux/fs.h>
#include <linux/livemig.h>
#include <linux/restart_block.h>
#include <linux/resume_user_mode.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
#include <linux/sched/exec_state.h>
#endif

#include "sched.h"

/* Does it sleep uninterruptibly, switched out and off the run queue. A task that
 * sleeps may stay queued for a while from 6.12 on.
 */
static inline bool lm_task_parked(struct task_struct *t)
{
	if (!(READ_ONCE(t->__state) & TASK_UNINTERRUPTIBLE))
		return false;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	if (READ_ONCE(t->on_rq) && !READ_ONCE(t->se.sched_delayed))
		return false;
#else
	if (READ_ONCE(t->on_rq))
		return false;
#endif
	return !lm_task_on_cpu(t);
}

/* Where the user namespace is whose root may look into current, who alone replaces
 * it. Processes share it as they share their mm.
 */
static inline struct user_namespace **lm_exec_user_ns_place(void)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
	return &rcu_dereference_protected(current->exec_state, true)->user_ns;
#else
	return &current->mm->user_ns;
#endif
}

/* The futex state became a struct of its own in 7.0. */
static inline void lm_set_robust_list(u64 addr)
{
	struct robust_list_head __user *head = u64_to_user_ptr(addr);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 0, 0)
	current->futex.robust_list = head;
#else
	current->robust_list = head;
#endif
}

/* The length of struct rseq is the caller's choice from 6.3 on. */
static inline bool lm_rseq_supported(u32 len)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	return len >= 32 && len <= PAGE_SIZE;
#else
	return len == 32;
#endif
}

/* Register an rseq, and let the kernel look at it before the task returns to
 * user mode, as after a migration to another CPU. struct rseq_data from 6.19 on; that
 * looks for a sequence that was interrupted only if an interrupt was why the task left
 * user mode.
 */
static inline void lm_set_rseq(const struct livemig_rseq *q)
{
	if (!q->addr)
		return;
	preempt_disable();
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	current->rseq.usrptr = u64_to_user_ptr(q->addr);
	current->rseq.len = q->len;
	current->rseq.sig = q->sig;
	current->rseq.event.has_rseq = q->len > 32 ? 2 : 1;
	current->rseq.event.user_irq = true;
	rseq_force_update();
#else
	current->rseq_sig = q->sig;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	current->rseq_len = q->len;
#endif
	current->rseq = u64_to_user_ptr(q->addr);
	__set_bit(RSEQ_EVENT_MIGRATE_BIT, &current->rseq_event_mask);
	set_tsk_thread_flag(current, TIF_NOTIFY_RESUME);
#endif
	preempt_enable();
}

/* To what is mounted on a path; for lookups with flags, too, from 6.4 on. */
static inline void lm_follow_down(struct path *path)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	follow_down(path, 0);
#else
	follow_down(path);
#endif
}

/* Of an executable that runs; with an exception for fanotify from 6.13 on. */
static inline int lm_exe_deny_write(struct file *f)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return exe_file_deny_write_access(f);
#else
	return deny_write_access(f);
#endif
}

static inline void lm_exe_allow_write(struct file *f)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	exe_file_allow_write_access(f);
#else
	allow_write_access(f);
#endif
}

/* When a poll() that goes on ends; one struct timespec64 from 6.18 on. */
static inline void lm_set_poll_end(struct restart_block *r, ktime_t end)
{
	struct timespec64 ts = ktime_to_timespec64(end);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	r->poll.end_time = ts;
#else
	r->poll.tv_sec = ts.tv_sec;
	r->poll.tv_nsec = ts.tv_nsec;
#endif
}

#endif
