// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that waits for times of day, and beside it for as long as is left. It is
 * moved, and meanwhile the clock on the wall is set forward by an hour: the former come
 * an hour earlier for it, the latter do not.
 *
 * usage: wall hour FILE
 *
 * FILE.ready says that it has begun, FILE.go asks for the verdict, which goes to FILE.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "../check.h"
#include "touch.h"

#define NSEC	1000000000LL
#define HOUR	3600
#define FAR	100000		/* seconds */
#define LIMIT	120000		/* milliseconds, for what is due */

char wrong[1024];

static int64_t ns(const struct timespec *t)
{
	return t->tv_sec * NSEC + t->tv_nsec;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return ns(&t);
}

/* ---- timerfds ---- */

static int far_day, far_repeated, near_day, near_left, cancel, boot;
static int64_t end;	/* of far_day and far_repeated */

static int timer(clockid_t clock, int flags, int64_t value, int64_t interval)
{
	struct itimerspec it = {
		.it_value = { value / NSEC, value % NSEC },
		.it_interval = { interval / NSEC, interval % NSEC },
	};
	int fd = timerfd_create(clock, TFD_NONBLOCK);

	check(fd >= 0 && !timerfd_settime(fd, flags, &it, NULL));
	return fd;
}

static int64_t left(int fd, int64_t *interval)
{
	struct itimerspec it = { 0 };

	check(!timerfd_gettime(fd, &it));
	if (interval)
		*interval = ns(&it.it_interval);
	return ns(&it.it_value);
}

static int settime_flags(int fd)
{
	char path[64], line[128];
	int flags = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "settime flags: %o", (unsigned int *)&flags);
	if (f)
		fclose(f);
	return flags;
}

static void timers_begin(void)
{
	end = now(CLOCK_REALTIME) + FAR * NSEC;
	far_day = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME, end, 0);
	far_repeated = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME, end, 7 * NSEC);
	near_day = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME,
			 now(CLOCK_REALTIME) + HOUR / 2 * NSEC, 0);
	near_left = timer(CLOCK_REALTIME, 0, HOUR / 2 * NSEC, 0);
	cancel = timer(CLOCK_REALTIME, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, end, 0);
	boot = timer(CLOCK_BOOTTIME, TFD_TIMER_ABSTIME, now(CLOCK_BOOTTIME) + HOUR / 2 * NSEC, 0);
}

/* Exactly then: a dump takes no five seconds between two lines of it. */
static bool ends_then(int fd)
{
	int64_t before = now(CLOCK_REALTIME), l = left(fd, NULL);

	return before + l <= end + 5 * NSEC && now(CLOCK_REALTIME) + l >= end;
}

static void timers_end(void)
{
	struct pollfd p = { .fd = near_day, .events = POLLIN };
	int64_t interval;
	uint64_t ticks;

	check(ends_then(far_day));
	check(ends_then(far_repeated) && left(far_repeated, &interval) && interval == 7 * NSEC);
	check(ends_then(cancel));
	check(settime_flags(cancel) == (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET));
	check(settime_flags(far_day) == TFD_TIMER_ABSTIME);
	check(poll(&p, 1, LIMIT) == 1 && read(near_day, &ticks, 8) == 8 && ticks == 1);
	check(read(near_left, &ticks, 8) < 0 && errno == EAGAIN && left(near_left, NULL) > 0);
	check(read(boot, &ticks, 8) < 0 && errno == EAGAIN && left(boot, NULL) > 0);
}

/* ---- threads that wait ---- */

struct waiter {
	int op, clock, seconds;
	int word, tid, result;
	bool over;
	pthread_t thread;
};

static struct waiter soon_by_day = { FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME,
				     CLOCK_REALTIME, .seconds = HOUR / 2 };
static struct waiter late_by_day = { FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME,
				     CLOCK_REALTIME, .seconds = FAR };
static struct waiter by_time = { FUTEX_WAIT_BITSET_PRIVATE, CLOCK_MONOTONIC, .seconds = HOUR / 2 };

static void *waits(void *arg)
{
	struct waiter *w = arg;
	struct timespec t;

	clock_gettime(w->clock, &t);
	t.tv_sec += w->seconds;
	__atomic_store_n(&w->tid, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	w->result = syscall(SYS_futex, &w->word, w->op, 0, &t, NULL, ~0U) ? errno : 0;
	__atomic_store_n(&w->over, true, __ATOMIC_SEQ_CST);
	return NULL;
}

static bool sleeps(const struct waiter *w)
{
	char path[64], line[256], *p;
	bool ret = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
		 __atomic_load_n(&w->tid, __ATOMIC_SEQ_CST));
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		ret = p[2] == 'S';
	if (f)
		fclose(f);
	return ret;
}

static void start(struct waiter *w)
{
	check(!pthread_create(&w->thread, NULL, waits, w));
	while (!sleeps(w))
		usleep(1000);
}

static bool is_over(struct waiter *w)
{
	return __atomic_load_n(&w->over, __ATOMIC_SEQ_CST);
}

static void waiters_end(void)
{
	for (int i = 0; i < LIMIT && !is_over(&soon_by_day); i++)
		usleep(1000);
	check(is_over(&soon_by_day) && soon_by_day.result == ETIMEDOUT);
	check(!is_over(&late_by_day) && !is_over(&by_time));
	while (!sleeps(&late_by_day) || !sleeps(&by_time))
		usleep(1000);
	check(syscall(SYS_futex, &late_by_day.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
	check(syscall(SYS_futex, &by_time.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 1);
	pthread_join(late_by_day.thread, NULL);
	pthread_join(by_time.thread, NULL);
	check(!late_by_day.result && !by_time.result);
}

int main(int argc, char **argv)
{
	char go[256];

	if (argc != 3)
		return 1;
	snprintf(go, sizeof(go), "%s.go", argv[2]);
	timers_begin();
	start(&soon_by_day);
	start(&late_by_day);
	start(&by_time);
	touch(argv[2], ".ready", wrong);
	while (access(go, F_OK))
		usleep(10000);
	timers_end();
	waiters_end();
	touch(argv[2], "", *wrong ? wrong : "ok");
	return 0;
}
