// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Timerfds: clock, remaining time, interval and expirations that nobody has
 * read yet are in the fdinfo, with the time of day when that was read. A timer that
 * was due while the container was frozen fires on arrival.
 *
 * A periodic one that has expired stands still until somebody asks for its state: only
 * then the kernel counts how often it would have expired since, and knows when it will the
 * next time. So it is asked, and what the fdinfo is then is a DATA record. That is a moment
 * after the container's clocks were read, and is put back by it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"

#define NS		1000000000LL
#define SEC_MAX		(1LL << 32)
#define FOREVER		(INT64_MAX / 2 / NS)	/* (what comes to it is added to the time) */
/* Longer than any stop: then somebody has set the clock. */
#define LATE_MAX	(600 * NS)

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

static int read_time(const char *text, const char *key, struct timespec *ts)
{
	const char *value = lm_kind_line(text, key);
	long long sec;
	long nsec;

	if (!value || sscanf(value, "(%lld, %ld)", &sec, &nsec) != 2 ||
	    sec < 0 || nsec < 0 || nsec >= NS)
		return -1;
	ts->tv_sec = sec < FOREVER ? sec : FOREVER;
	ts->tv_nsec = nsec;
	return 0;
}

static int parse_text(const char *text, struct timer *t, struct lm_error *e)
{
	const char *clock = lm_kind_line(text, "clockid");
	const char *ticks = lm_kind_line(text, "ticks");
	const char *flags = lm_kind_line(text, "settime flags");

	if (!clock || !ticks || !flags || read_time(text, "it_value", &t->it.it_value) ||
	    read_time(text, "it_interval", &t->it.it_interval))
		return lm_fail(e, LM_REFUSED, "timerfd: the kernel does not tell its state");
	if (read_time(text, "realtime", &t->realtime))
		t->realtime = (struct timespec){ 0 };
	t->clock = atoi(clock);
	t->ticks = strtoull(ticks, NULL, 10);
	t->flags = strtol(flags, NULL, 8);
	return 0;
}

static bool is_time_of_day(const struct timer *t)
{
	return (t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM) &&
	       t->realtime.tv_sec;
}

static int64_t ns_of(const struct timespec *ts)
{
	return (ts->tv_sec < SEC_MAX ? ts->tv_sec : SEC_MAX) * NS + ts->tv_nsec;
}

/* To what it was @ns before: then it had expired less often, and more was left. */
static void put_back(struct timer *t, int64_t ns)
{
	int64_t left = ns_of(&t->it.it_value), interval = ns_of(&t->it.it_interval), more;

	if (!left)		/* it has expired once more since it was asked */
		left = interval;
	if (ns <= 0 || ns > LATE_MAX || !interval || left >= SEC_MAX * NS)
		return;
	left += ns;
	more = (left - 1) / interval;
	if (more && (uint64_t)more >= t->ticks)
		more = t->ticks - 1;
	left -= more * interval;
	t->ticks -= more;
	t->it.it_value = (struct timespec){ left / NS, left % NS };
}

static int parse(const struct lm_file *f, struct timer *t, struct lm_error *e)
{
	const struct lm_data *d = f->nr_data ? f->data[0] : NULL;
	const char *text = d ? d->bytes : NULL;
	struct timer before;

	if (parse_text(f->fdinfo, &before, e))
		return -1;
	*t = before;
	if (!d)
		return 0;
	if (!d->len || text[d->len - 1] || parse_text(text, t, e) || !t->ticks)
		return lm_fail(e, LM_REFUSED, "timerfd: its state is malformed");
	if (!is_time_of_day(t) || !(t->flags & TFD_TIMER_ABSTIME))
		put_back(t, ns_of(&t->realtime) - ns_of(&before.realtime));
	return 0;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	struct timer t;

	return parse(f, &t, e);
}

static bool is_zero(const struct timespec *ts)
{
	return !ts->tv_sec && !ts->tv_nsec;
}

static int put_fdinfo(int fd, const struct lm_file *f, struct lm_out *out, struct lm_error *e)
{
	struct lm_buf b = { 0 };
	struct timespec now;
	char text[1024];
	ssize_t n = -1;
	int info;

	snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", fd);
	info = open(text, O_RDONLY | O_CLOEXEC);
	if (info >= 0) {
		n = read(info, text, sizeof(text) - 64);
		close(info);
	}
	if (n < 0)
		return lm_fail_errno(e, LM_FAILED, "timerfd: its state");
	clock_gettime(CLOCK_REALTIME, &now);
	n += sprintf(text + n, "realtime: (%lld, %ld)\n", (long long)now.tv_sec, now.tv_nsec);
	lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
	lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_RECV);
	lm_put(&b, LIVEMIG_DATA_BYTES, text, n + 1);
	return lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e);
}

static int dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		struct lm_error *e)
{
	struct itimerspec it;
	struct timer t;
	int fd, ret;

	if (parse(f, &t, e))
		return -1;
	if (!t.ticks || !is_zero(&t.it.it_value) || is_zero(&t.it.it_interval))
		return 0;
	fd = lm_kind_grab(f, e);
	if (fd < 0)
		return -1;
	ret = timerfd_gettime(fd, &it) ? lm_fail_errno(e, LM_FAILED, "timerfd: its state") :
					 put_fdinfo(fd, f, out, e);
	close(fd);
	return ret;
}

/* What remains counts from now on, but a time of day stays what it was; a timer that is
 * due stays armed.
 */
static void rearm(struct timer *t)
{
	struct timespec *v = &t->it.it_value, now;

	/* (one that was due after it was asked has to begin anew) */
	if (is_zero(v))
		*v = t->it.it_interval;
	if (is_zero(v))
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
	.dump	= dump,
	.open	= timerfd_open,
	.resume	= timerfd_resume,
};
