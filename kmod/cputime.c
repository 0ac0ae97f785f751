// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time: of each thread, of those that have ended, of children that were
 * waited for. On the restoring side it is added to what the helper has used, and
 * to the clock by which armed timers of the process expire: they are armed before
 * with that much more.
 *
 * Locking: a thread's own is only read while it is frozen, or inexactly, and
 * written by itself; ->siglock for that of the process.
 */
#include <linux/preempt.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/seqlock.h>
#include <net/netlink.h>
#include <linux/livemig.h>
#include "cputime.h"
#include "signals.h"

/* Thirty years on a thousand CPUs: what the kernel adds to it does not wrap around. */
#define MOST	(1ULL << 60)

/**
 * lm_put_thread_cputime - add its CPU time to a THREAD object
 * @t: the thread
 * @obj: the object under construction
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_put_thread_cputime(struct task_struct *t, struct sk_buff *obj)
{
	struct livemig_cputime c = {
		.user = t->utime,
		.system = t->stime,
		.runtime = t->se.sum_exec_runtime,
	};

	return nla_put(obj, LIVEMIG_THREAD_CPUTIME, sizeof(c), &c);
}

/**
 * lm_put_process_cputime - add the CPU time of others to a PROCESS object
 * @t: a thread of the process
 * @obj: the object under construction
 *
 * Takes siglock.
 * Return: 0, -ESRCH when it is exiting, or -EMSGSIZE.
 */
int lm_put_process_cputime(struct task_struct *t, struct sk_buff *obj)
{
	struct sighand_struct *sighand = lm_lock_sighand(t);
	const struct signal_struct *sig = t->signal;
	struct livemig_cputime c[2];

	if (!sighand)
		return -ESRCH;
	c[0] = (struct livemig_cputime){
		.user = sig->utime,
		.system = sig->stime,
		.runtime = sig->sum_sched_runtime,
	};
	c[1] = (struct livemig_cputime){
		.user = sig->cutime,
		.system = sig->cstime,
	};
	lm_unlock_sighand(sighand);
	return nla_put(obj, LIVEMIG_PROCESS_CPUTIME, sizeof(c), c);
}

/**
 * lm_check_cputime - can this be a time that was used
 * @c: the time
 *
 * Return: 0 or -EINVAL.
 */
int lm_check_cputime(const struct livemig_cputime *c)
{
	return c->user > MOST || c->system > MOST || c->runtime > MOST ?
	       -EINVAL : 0;
}

/**
 * lm_sum_cputime - one more thread of a process
 * @sum: of those before; both are checked
 * @c: its time
 *
 * What wraps around becomes a divisor in the kernel.
 *
 * Return: 0 or -EINVAL.
 */
int lm_sum_cputime(struct livemig_cputime *sum, const struct livemig_cputime *c)
{
	sum->user += c->user;
	sum->system += c->system;
	sum->runtime += c->runtime;
	return sum->user + sum->system > MOST ? -EINVAL : lm_check_cputime(sum);
}

/* The clock of the process for its timers: it runs while one is armed. */
static void advance(const struct livemig_cputime *c)
{
	struct signal_struct *sig = current->signal;
	struct task_cputime_atomic *clock = &sig->cputimer.cputime_atomic;

	if (!READ_ONCE(sig->posix_cputimers.timers_active))
		return;
	atomic64_add(c->user, &clock->utime);
	atomic64_add(c->system, &clock->stime);
	atomic64_add(c->runtime, &clock->sum_exec_runtime);
}

/**
 * lm_add_thread_cputime - current has used more
 * @c: how much
 */
void lm_add_thread_cputime(const struct livemig_cputime *c)
{
	struct sched_entity *se = &current->se;

	/* The tick accounts too. */
	local_irq_disable();
	current->utime += c->user;
	current->stime += c->system;
	se->sum_exec_runtime += c->runtime;
	/* It is no time of its present turn on the CPU. */
	se->prev_sum_exec_runtime += c->runtime;
	advance(c);
	local_irq_enable();
}

/**
 * lm_add_process_cputime - current's process has had threads and children
 * @c: two: of threads that have ended, of children
 *
 * Takes siglock.
 */
void lm_add_process_cputime(const struct livemig_cputime *c)
{
	struct sighand_struct *sighand = lm_lock_sighand(current);
	struct signal_struct *sig = current->signal;

	if (!sighand)
		return;
	write_seqlock(&sig->stats_lock);
	sig->utime += c[0].user;
	sig->stime += c[0].system;
	sig->sum_sched_runtime += c[0].runtime;
	sig->cutime += c[1].user;
	sig->cstime += c[1].system;
	advance(&c[0]);
	write_sequnlock(&sig->stats_lock);
	lm_unlock_sighand(sighand);
}
