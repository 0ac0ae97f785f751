// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX timers (timer_create). Their signals are not among the pending ones of
 * a dump, but told here, at the same moment as what remains: so a timer that
 * expires while the container is looked at is seen either before or after.
 *
 * Locking: ->siglock, under which timers enter and leave the list of their
 * process, and signals the queue. A timer's own lock comes before it and is not
 * taken: of a frozen process nobody sets them.
 */
#include <linux/hrtimer.h>
#include <linux/limits.h>
#include <linux/livemig_dev.h>
#include <linux/math64.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include "signals.h"
#include "state.h"
#include "timers.h"
#include "wrapper/timers.h"

/* So many fit into an object. */
#define TIMERS_MAX	360

/* All CPU clocks of the caller: bits 0 and 1 say what counts, bit 2 that it is
 * a thread's; above are the inverted bits of a pid, here of none.
 */
#define CLOCK_FD	3
#define CPU_CLOCK(clock) ((clockid_t)((~0U << 3) | ((clock) & 7)))

static bool is_cpu_clock(clockid_t clock)
{
	return clock < 0 && (clock & CPUCLOCK_CLOCK_MASK) != CLOCK_FD;
}

static u64 thread_time(const struct task_struct *t, clockid_t clock)
{
	switch (CPUCLOCK_WHICH(clock)) {
	case CPUCLOCK_PROF:
		return t->utime + t->stime;
	case CPUCLOCK_VIRT:
		return t->utime;
	}
	return t->se.sum_exec_runtime;
}

/* It runs whenever a timer of the process is armed on it. */
static u64 process_time(const struct task_struct *t, clockid_t clock)
{
	const struct task_cputime_atomic *c = &t->signal->cputimer.cputime_atomic;

	switch (CPUCLOCK_WHICH(clock)) {
	case CPUCLOCK_PROF:
		return atomic64_read(&c->utime) + atomic64_read(&c->stime);
	case CPUCLOCK_VIRT:
		return atomic64_read(&c->utime);
	}
	return atomic64_read(&c->sum_exec_runtime);
}

/* An expiry that was @late ns ago, and those every @interval ns since. */
static void note_late(struct livemig_timer *out, u64 late)
{
	u64 rest, times = div64_u64_rem(late, out->interval, &rest);

	out->left = out->interval - rest;
	if (out->flags & LIVEMIG_TIMER_F_PENDING)
		out->pending_overrun = min_t(u64, out->pending_overrun + times,
					     INT_MAX);
}

static void take_hrtimer(const struct k_itimer *tmr, struct livemig_timer *out)
{
	const struct hrtimer *h = &tmr->it.real.timer;
	s64 left = ktime_to_ns(__hrtimer_get_remaining(h, true));

	/* A relative one of CLOCK_REALTIME runs by CLOCK_MONOTONIC. */
	if (h->base->clockid == CLOCK_REALTIME)
		out->flags |= LIVEMIG_TIMER_F_ABSTIME;
	if (hrtimer_active(h))
		out->left = max_t(s64, left, 1);
	else if (left > 0 && (out->interval || out->notify == SIGEV_NONE))
		out->left = left;
	else if (out->interval)
		note_late(out, -left);
}

/* Return: false when it is the clock of another process. */
static bool take_cpu_timer(struct lm_dump *d, struct task_struct *t,
			   const struct k_itimer *tmr, struct livemig_timer *out)
{
	const struct cpu_timer *c = &tmr->it.cpu;
	u64 now, expires = c->node.expires;
	struct task_struct *thread;

	out->clock = CPU_CLOCK(tmr->it_clock);
	if (CPUCLOCK_PERTHREAD(tmr->it_clock)) {
		thread = pid_task(c->pid, PIDTYPE_PID);
		if (!thread)	/* ended: never expires */
			return true;
		if (!same_thread_group(thread, t))
			return false;
		out->cpu_thread = pid_nr_ns(c->pid, d->pid_ns);
		now = thread_time(thread, tmr->it_clock);
	} else {
		if (pid_task(c->pid, PIDTYPE_TGID) != t)
			return false;
		now = process_time(t, tmr->it_clock);
	}
	if (!expires)
		return true;
	if (expires > now)
		out->left = expires - now;
	else if (out->interval && !c->head)
		note_late(out, now - expires);
	else
		out->left = 1;
	return true;
}

/* Return: false when it cannot be moved. Under siglock and RCU. */
static bool take_timer(struct lm_dump *d, struct task_struct *t,
		       const struct k_itimer *tmr, struct livemig_timer *out)
{
	const struct sigqueue *q = lm_timer_signal(tmr);

	*out = (struct livemig_timer){
		.id = tmr->it_id,
		.clock = tmr->it_clock,
		.notify = tmr->it_sigev_notify,
		.signo = q->info.si_signo,
		.value = (unsigned long)q->info.si_value.sival_ptr,
		.interval = ktime_to_ns(tmr->it_interval),
		.overrun = clamp_t(s64, tmr->it_overrun_last, 0, INT_MAX),
	};
	if (!list_empty(&q->list)) {
		out->flags |= LIVEMIG_TIMER_F_PENDING;
		/* It counts from -1. */
		out->pending_overrun = clamp_t(s64, tmr->it_overrun + 1 +
					       q->info.si_overrun, 0, INT_MAX);
	}
	if (out->notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID)) {
		if (pid_task(tmr->it_pid, PIDTYPE_PID))
			out->target = pid_nr_ns(tmr->it_pid, d->pid_ns);
		else
			out->notify = SIGEV_NONE;	/* nobody to tell */
	}
	if (is_cpu_clock(tmr->it_clock))
		return take_cpu_timer(d, t, tmr, out);
	switch (tmr->it_clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		take_hrtimer(tmr, out);
		return true;
	}
	return false;
}

struct found {
	struct livemig_timer *list;
	unsigned int n;
	u32 next;
	bool refused;
	clockid_t clock;	/* refused: of which clock */
};

static void take_timers(struct lm_dump *d, struct task_struct *t, struct found *f)
{
	struct sighand_struct *sighand = lm_lock_sighand(t);
	const struct k_itimer *tmr;
	struct livemig_timer spare;

	if (!sighand)
		return;
	rcu_read_lock();
	f->next = lm_next_timer(t->signal);
	lm_for_each_timer(tmr, t->signal) {
		struct livemig_timer *out = f->n < TIMERS_MAX ?
					    &f->list[f->n] : &spare;

		f->n++;
		if (!take_timer(d, t, tmr, out)) {
			f->refused = true;
			f->clock = tmr->it_clock;
		}
	}
	rcu_read_unlock();
	lm_unlock_sighand(sighand);
}

/**
 * lm_put_timers - add the POSIX timers of a process to its TIME object
 * @d: the dump
 * @t: its leader, referenced
 * @obj: the object under construction
 *
 * What cannot be moved becomes an UNSUPPORTED object. Takes siglock; sleeps.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_put_timers(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj)
{
	struct found f = {
		.list = kcalloc(TIMERS_MAX, sizeof(*f.list), GFP_KERNEL),
	};
	int err = 0;

	if (!f.list)
		return -ENOMEM;
	take_timers(d, t, &f);
	if (f.refused && is_cpu_clock(f.clock))
		err = lm_unsupported(d, t, -1, false, NULL,
				     "posix timer on the CPU time of another process");
	else if (f.refused)
		err = lm_unsupported(d, t, -1, false, NULL,
				     "posix timer of clock %d", f.clock);
	else if (f.n > TIMERS_MAX)
		err = lm_unsupported(d, t, -1, false, NULL,
				     "%u posix timers, more than %u", f.n,
				     TIMERS_MAX);
	else if (f.n)
		err = nla_put(obj, LIVEMIG_TIME_TIMERS, f.n * sizeof(*f.list),
			      f.list);
	if (!err && f.next)
		err = nla_put_u32(obj, LIVEMIG_TIME_NEXT_TIMER, f.next);
	kfree(f.list);
	return err;
}

/* ---- restoring ---- */

/**
 * lm_restore_timer - LIVEMIG_IOC_TIMER
 * @arg: the caller's argument, not yet checked
 *
 * For current's process. Takes siglock.
 * Return: 0, -EINVAL or -ENOENT.
 */
int lm_restore_timer(const struct livemig_ioc_timer *arg)
{
	struct sighand_struct *sighand;
	struct k_itimer *tmr;
	int ret = -ENOENT;

	if (arg->op > LIVEMIG_TIMER_OVERRUN || arg->id > INT_MAX ||
	    arg->overrun > INT_MAX || arg->resv)
		return -EINVAL;
	sighand = lm_lock_sighand(current);
	if (!sighand)
		return ret;
	if (arg->op == LIVEMIG_TIMER_NEXT) {
		lm_set_next_timer(current->signal, arg->id);
		ret = 0;
	} else {
		lm_for_each_timer(tmr, current->signal) {
			if (tmr->it_id != arg->id)
				continue;
			tmr->it_overrun_last = arg->overrun;
			ret = 0;
		}
	}
	lm_unlock_sighand(sighand);
	return ret;
}
