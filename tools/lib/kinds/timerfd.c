// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Timerfds: clock, remaining time, interval and expirations that nobody has
 * read yet are in the fdinfo, with the time of day when that was read. A timer that
 * was due while the container was frozen fires on arrival.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"

#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS	_IOW('T', 0, uint64_t)
#endif

struct timer {
	int clock, flags;
	uint64_t ticks;
	struct itimerspec it;
	struct timespec realtime;	/* at the dump; 0: not told */
};

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_TIMERFD;
}

static int read_time(const struct lm_file *f, const char *key,
		     struct timespec *ts)
{
	const char *text = lm_kind_fdinfo(f, key);
	long long sec;
	long nsec;

	if (!text || sscanf(text, "(%lld, %ld)", &sec, &nsec) != 2 ||
	    sec < 0 || nsec < 0 || nsec > 999999999)
		return -1;
	ts->tv_sec = sec;
	ts->tv_nsec = nsec;
	return 0;
}

static int parse(const struct lm_file *f, struct timer *t, struct lm_error *e)
{
	const char *clock = lm_kind_fdinfo(f, "clockid");
	const char *ticks = lm_kind_fdinfo(f, "ticks");
	const char *flags = lm_kind_fdinfo(f, "settime flags");

	if (!clock || !ticks || !flags || read_time(f, "it_value", &t->it.it_value) ||
	    read_time(f, "it_interval", &t->it.it_interval))
		return lm_fail(e, LM_REFUSED, "timerfd: the kernel does not tell its state");
	if (read_time(f, "realtime", &t->realtime))
		t->realtime = (struct timespec){ 0 };
	t->clock = atoi(clock);
	t->ticks = strtoull(ticks, NULL, 10);
	t->flags = strtol(flags, NULL, 8);
	return 0;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	struct timer t;

	return parse(f, &t, e);
}

static bool is_time_of_day(const struct timer *t)
{
	return (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM) &&
	       t->realtime.tv_sec;
}

/* What remains counts from now on, but a time of day stays what it was; a timer that is
 * due stays armed.
 */
static void rearm(struct timer *t)
{
	struct timespec *v = &t->it.it_value, now;
	bool zero = !v->tv_sec && !v->tv_nsec;
	bool periodic = t->it.it_interval.tv_sec || t->it.it_interval.tv_nsec;

	if (zero && periodic)
		*v = t->it.it_interval;
	else if (zero)
		return;
	if (!(t->flags & TFD_TIMER_ABSTIME))
		return;
	if (is_time_of_day(t))
		now = t->realtime;
	else
		clock_gettime(t->clock, &now);
	v->tv_sec += now.tv_sec;
	v->tv_nsec += now.tv_nsec;
	if (v->tv_nsec >= 1000000000) {
		v->tv_nsec -= 1000000000;
		v->tv_sec++;
	}
}

static int timerfd_open(struct lm_restorer *r, struct lm_file *f,
			struct lm_error *e)
{
	struct timer t;

	if (parse(f, &t, e))
		return -1;
	f->fd = timerfd_create(t.clock, TFD_CLOEXEC);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "timerfd of clock %d", t.clock);
	return lm_kind_setfl(f, e);
}

/* As late as can be: until here the container's time stands still. */
static int timerfd_resume(struct lm_restorer *r, struct lm_file *f,
			  struct lm_error *e)
{
	struct timer t;

	if (parse(f, &t, e))
		return -1;
	rearm(&t);
	if (timerfd_settime(f->fd, t.flags, &t.it, NULL))
		return lm_fail_errno(e, LM_FAILED, "timerfd of clock %d", t.clock);
	if (t.ticks && ioctl(f->fd, TFD_IOC_SET_TICKS, &t.ticks))
		return lm_fail_errno(e, LM_FAILED, "timerfd: %llu expirations",
				     (unsigned long long)t.ticks);
	return 0;
}

const struct lm_file_kind lm_kind_timerfd = {
	.name	= "timerfd",
	.match	= match,
	.check	= check,
	.open	= timerfd_open,
	.resume	= timerfd_resume,
};
