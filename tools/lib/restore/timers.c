// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Timers of a process: interval timers, and those of timer_create(). They are
 * armed when nearly all else is there, as their clocks run already. Signals are
 * blocked: what expires now, and what had expired before the dump, is pending.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "internal.h"

#define NSEC 1000000000ULL
/* Of one timer: calls and bytes of data. */
#define CALLS 5
#define BYTES 512

/* What CPU clocks count: bits 0 and 1. */
#define CPU_PROF 0
#define CPU_VIRT 1

/* A CPU clock: bit 2 says that it is a thread's, whose inverted id is above. */
#define THREAD_CLOCK(clock, tid) ((int)(~(tid) << 3) | ((clock) & 7))

struct run {
	struct lm_proc *p;
	const struct lm_process *mp;
	struct lm_batch *b;
	int64_t realtime;		/* at the dump */
	struct lm_error *e;
};

/* The module adds what was used before: CPU clocks jump by so much. */
static uint64_t jump(const struct lm_process *mp, int clock, uint32_t tid)
{
	uint64_t sum = 0;
	size_t n;

	for (size_t i = 0; i <= mp->nr_threads; i++) {
		const struct lm_thread *t = i ? mp->threads[i - 1] : NULL;
		const struct livemig_cputime *c = lm_array(t ?
				t->obj.tb[LIVEMIG_THREAD_CPUTIME] :
				mp->obj.tb[LIVEMIG_PROCESS_CPUTIME],
				sizeof(*c), &n);

		if (!n || (tid && (!t || t->tid != tid)))
			continue;
		switch (clock & 3) {
		case CPU_PROF:
			sum += c->user + c->system;
			break;
		case CPU_VIRT:
			sum += c->user;
			break;
		default:
			sum += c->runtime;
		}
	}
	return sum;
}

static struct timespec at(uint64_t ns)
{
	return (struct timespec){ ns / NSEC, ns % NSEC };
}

static int room(struct run *run)
{
	int ret;

	if (lm_batch_room(run->b, CALLS, BYTES))
		return 0;
	ret = lm_batch_run(run->b, run->e);
	lm_batch_reset(run->b);
	return ret;
}

static void add_itimers(struct run *run, const struct lm_process *mp)
{
	size_t n;
	const struct livemig_itimer *t =
		lm_array(mp->obj.tb[LIVEMIG_PROCESS_ITIMERS], sizeof(*t), &n);

	for (size_t i = 0; i < n && i <= ITIMER_PROF; i++) {
		uint64_t value = t[i].value + (i == ITIMER_REAL ? 0 :
				jump(mp, i == ITIMER_PROF ? CPU_PROF : CPU_VIRT, 0));
		struct itimerval v = {
			.it_value = { value / NSEC, value / 1000 % 1000000 },
			.it_interval = { t[i].interval / NSEC,
					 t[i].interval / 1000 % 1000000 },
		};

		if (!t[i].value)
			continue;
		if (!v.it_value.tv_sec && !v.it_value.tv_usec)
			v.it_value.tv_usec = 1;
		lm_batch_add(run->b, __NR_setitimer, i,
			     LM_DATA(lm_batch_data(run->b, &v, sizeof(v))), 0);
	}
}

static void tell_module(struct run *run, uint32_t op, uint32_t id, uint32_t overrun)
{
	struct livemig_ioc_timer arg = { .op = op, .id = id, .overrun = overrun };

	lm_batch_add(run->b, __NR_ioctl,
		     lm_remote_fd_base(run->p->remote) + LM_HELPER_FD_DEV,
		     LIVEMIG_IOC_TIMER,
		     LM_DATA(lm_batch_data(run->b, &arg, sizeof(arg))));
}

/* A thread, as it is called where the helper is. */
static uint32_t there(const struct run *run, uint32_t tid)
{
	return tid ? lm_tid_of(run->mp, tid, run->p->depth) : 0;
}

static void create(struct run *run, const struct livemig_timer *t)
{
	int clock = t->cpu_thread ?
		    THREAD_CLOCK(t->clock, there(run, t->cpu_thread)) : t->clock;
	struct sigevent ev = {
		.sigev_value.sival_ptr = (void *)(uintptr_t)t->value,
		.sigev_signo = t->signo,
		.sigev_notify = t->notify,
	};

	ev._sigev_un._tid = there(run, t->target);
	tell_module(run, LIVEMIG_TIMER_NEXT, t->id, 0);
	lm_batch_add(run->b, __NR_timer_create, clock,
		     LM_DATA(lm_batch_data(run->b, &ev, sizeof(ev))),
		     LM_DATA(lm_batch_data(run->b, NULL, 8)));
}

static void arm(struct run *run, const struct lm_process *mp,
		const struct livemig_timer *t)
{
	bool abs = t->flags & LIVEMIG_TIMER_F_ABSTIME;
	uint64_t value = t->left + (abs ? run->realtime : 0) +
			 (t->clock < 0 ? jump(mp, t->clock, t->cpu_thread) : 0);
	struct itimerspec it = {
		.it_value = at(value),
		.it_interval = at(t->interval),
	};

	if (t->left)
		lm_batch_add(run->b, __NR_timer_settime, t->id,
			     abs ? TIMER_ABSTIME : 0,
			     LM_DATA(lm_batch_data(run->b, &it, sizeof(it))), 0);
}

static void add_signal(struct run *run, const struct livemig_timer *t)
{
	siginfo_t info = { .si_signo = t->signo, .si_code = SI_TIMER };
	size_t at;

	if (!(t->flags & LIVEMIG_TIMER_F_PENDING))
		return;
	info.si_timerid = t->id;
	info.si_overrun = t->pending_overrun;
	info.si_ptr = (void *)(uintptr_t)t->value;
	at = lm_batch_data(run->b, &info, sizeof(info));
	if (t->target)
		lm_batch_add(run->b, __NR_rt_tgsigqueueinfo,
			     lm_remote_self(run->p->remote), there(run, t->target), t->signo, LM_DATA(at));
	else
		lm_batch_add(run->b, __NR_rt_sigqueueinfo, lm_remote_self(run->p->remote),
			     t->signo, LM_DATA(at));
}

static int add_timers(struct run *run, const struct lm_process *mp)
{
	const struct nlattr *a = mp->time.tb[LIVEMIG_TIME_TIMERS];
	const struct nlattr *next = mp->time.tb[LIVEMIG_TIME_NEXT_TIMER];
	const struct livemig_timer *t;
	size_t n;

	t = lm_array(a, sizeof(*t), &n);
	for (size_t i = 0; i < n; i++) {
		if (room(run))
			return -1;
		create(run, &t[i]);
		arm(run, mp, &t[i]);
		/* Arming forgets it. Also makes sure that it got its id. */
		tell_module(run, LIVEMIG_TIMER_OVERRUN, t[i].id,
			    t[i].flags & LIVEMIG_TIMER_F_PENDING ?
			    t[i].pending_overrun : t[i].overrun);
		add_signal(run, &t[i]);
	}
	if (room(run))
		return -1;
	if (next)
		tell_module(run, LIVEMIG_TIMER_NEXT, lm_u32(next), 0);
	return 0;
}

int lm_timers_make(struct lm_restorer *r, struct lm_proc *p,
		   const struct lm_process *mp, struct lm_error *e)
{
	struct run run = { .p = p, .mp = mp, .e = e, .b = lm_batch_new(p->remote) };
	const struct livemig_clocks *c;
	size_t n;
	int ret;

	if (!run.b)
		return lm_fail(e, LM_FAILED, "out of memory");
	c = lm_array(mp->time.tb[LIVEMIG_TIME_CLOCKS], sizeof(*c), &n);
	if (n)
		run.realtime = c->realtime;
	add_itimers(&run, mp);
	ret = add_timers(&run, mp) || lm_batch_run(run.b, e) ? -1 : 0;
	lm_batch_free(run.b);
	return ret;
}
