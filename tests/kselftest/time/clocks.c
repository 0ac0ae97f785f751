// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that looks at its clocks all the time while it is moved. Its time
 * namespace is far ahead of the host, a second behind, or the host's own.
 *
 * usage: clocks [ahead|behind|host|two|children FILE]
 *
 * FILE.ready says that it has begun, FILE.go asks for the verdict, which goes
 * to FILE. Its name tells too: "ok-N", counting, or what is wrong.
 * "two" and "children" have time namespaces that cannot be moved.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "touch.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME	0x80
#endif
#define NSEC		1000000000LL
#define AHEAD		1000000		/* seconds; BOOTTIME twice that */
#define JUMP		(AHEAD / 2 * NSEC)	/* no machine is so slow */
#define SOON		(4 * NSEC)

static const char *wrong;

static int64_t ns(const struct timespec *t)
{
	return t->tv_sec * NSEC + t->tv_nsec;
}

static struct timespec at(int64_t t)
{
	return (struct timespec){ t / NSEC, t % NSEC };
}

static int64_t by_vdso(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return ns(&t);
}

static int64_t by_syscall(clockid_t clock)
{
	struct timespec t;

	syscall(SYS_clock_gettime, clock, &t);
	return ns(&t);
}

static void check(int good, const char *what)
{
	if (!good && !wrong)
		wrong = what;
}

/* Ticks since boot, as /proc/PID/stat has them. */
static long start_time(void)
{
	char line[1024], *p;
	long ticks = -1;
	FILE *f = fopen("/proc/self/stat", "r");

	if (f && fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		for (int i = 0; p && i < 20; i++)
			p = strchr(p + 1, ' ');
	else
		p = NULL;
	if (p)
		ticks = atol(p + 1);
	if (f)
		fclose(f);
	return ticks;
}

static int64_t uptime(void)
{
	double up = 0;
	FILE *f = fopen("/proc/uptime", "r");

	if (!f || fscanf(f, "%lf", &up) != 1)
		up = 0;
	if (f)
		fclose(f);
	return up * 1e9 + 0.5;
}

static void look(clockid_t clock, int64_t *last)
{
	int64_t a = by_vdso(clock), b = by_syscall(clock), c = by_vdso(clock);

	check(a <= b && b <= c, "vdso and system call disagree");
	check(a >= *last, "a clock went back");
	check(a - *last < JUMP, "a clock jumped ahead");
	*last = c;
}

static void look_at_all(int64_t *mono, int64_t *boot, long start)
{
	int64_t before, up;

	look(CLOCK_MONOTONIC, mono);
	look(CLOCK_BOOTTIME, boot);
	before = by_syscall(CLOCK_BOOTTIME);
	up = uptime();
	check(up + NSEC / 50 >= before && up <= by_syscall(CLOCK_BOOTTIME) + NSEC / 50,
	      "uptime is not that of CLOCK_BOOTTIME");
	check(start_time() == start, "another start time");
}

/* ---- deadlines: each ends soon by the clock, whatever the host's is ---- */

static void *sleeps(void *arg)
{
	int64_t end = by_syscall(CLOCK_MONOTONIC) + SOON;
	struct timespec t = at(end);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	check(by_syscall(CLOCK_MONOTONIC) >= end, "an absolute sleep ended early");
	return NULL;
}

static void *sleeps_boottime(void *arg)
{
	int64_t end = by_syscall(CLOCK_BOOTTIME) + SOON;
	struct timespec t = at(end);

	while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	check(by_syscall(CLOCK_BOOTTIME) >= end, "an absolute sleep ended early");
	return NULL;
}

static void *sleeps_relative(void *arg)
{
	int64_t end = by_syscall(CLOCK_MONOTONIC) + SOON;
	struct timespec t = at(SOON);

	check(!clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL),
	      "a relative sleep was interrupted");
	check(by_syscall(CLOCK_MONOTONIC) >= end, "a relative sleep ended early");
	return NULL;
}

static void *waits(void *arg)
{
	int64_t end = by_syscall(CLOCK_MONOTONIC) + SOON;
	struct timespec t = at(end);
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_condattr_t attr;
	pthread_cond_t c;
	int ret = 0;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c, &attr);
	pthread_mutex_lock(&m);
	while (!ret)
		ret = pthread_cond_timedwait(&c, &m, &t);
	check(ret == ETIMEDOUT && by_syscall(CLOCK_MONOTONIC) >= end,
	      "a condition timed out early");
	return NULL;
}

static void *polls_timerfd(void *arg)
{
	int64_t end = by_syscall(CLOCK_MONOTONIC) + SOON;
	struct itimerspec it = { .it_value = at(end) };
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	uint64_t ticks = 0;

	check(!timerfd_settime(fd, TFD_TIMER_ABSTIME, &it, NULL) &&
	      read(fd, &ticks, sizeof(ticks)) == sizeof(ticks) && ticks == 1,
	      "timerfd");
	check(by_syscall(CLOCK_MONOTONIC) >= end, "a timerfd expired early");
	return NULL;
}

/* A deadline that comes much later than the test. */
static void *sleeps_on(void *arg)
{
	struct timespec t = at(by_syscall(CLOCK_MONOTONIC) + JUMP);

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
	check(0, "a long sleep ended");
	return NULL;
}

/* ---- namespaces ---- */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void write_offset(const char *text)
{
	int fd = open("/proc/self/timens_offsets", O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("timens_offsets");
	close(fd);
}

static void enter(long mono, long boot)
{
	char text[64];
	int fd;

	if (unshare(CLONE_NEWTIME))
		die("unshare");
	snprintf(text, sizeof(text), "monotonic %ld 0", mono);
	write_offset(text);
	snprintf(text, sizeof(text), "boottime %ld 0", boot);
	write_offset(text);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWTIME))
		die("setns");
	close(fd);
}

static void prepare(const char *mode)
{
	if (!strcmp(mode, "ahead")) {
		enter(AHEAD, 2 * AHEAD);
	} else if (!strcmp(mode, "behind")) {
		enter(-1, -1);
	} else if (!strcmp(mode, "children")) {
		if (unshare(CLONE_NEWTIME))
			die("unshare");
	} else if (!strcmp(mode, "two") && !fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter(AHEAD, AHEAD);
		pause();
	}
}

int main(int argc, char **argv)
{
	static void *(*const soon[])(void *) = {
		sleeps, sleeps_boottime, sleeps_relative, waits, polls_timerfd,
	};
	const char *mode = argc > 1 ? argv[1] : "ahead";
	const char *file = argc > 2 ? argv[2] : NULL;
	pthread_t t[sizeof(soon) / sizeof(*soon)], on;
	int64_t mono, boot;
	char go[256] = "", name[16];
	long start;

	prepare(mode);
	mono = by_vdso(CLOCK_MONOTONIC);
	boot = by_vdso(CLOCK_BOOTTIME);
	start = start_time();
	check(start > 0, "no start time");
	pthread_create(&on, NULL, sleeps_on, NULL);
	for (size_t i = 0; i < sizeof(soon) / sizeof(*soon); i++)
		pthread_create(&t[i], NULL, soon[i], NULL);
	if (file) {
		snprintf(go, sizeof(go), "%s.go", file);
		touch(file, ".ready", "");
	}
	for (unsigned int n = 0; !*go || access(go, F_OK); n++) {
		look_at_all(&mono, &boot, start);
		snprintf(name, sizeof(name), "ok-%u", n);
		prctl(PR_SET_NAME, wrong ?: name);
		usleep(10000);
	}
	for (size_t i = 0; i < sizeof(soon) / sizeof(*soon); i++)
		pthread_join(t[i], NULL);
	look_at_all(&mono, &boot, start);
	touch(file, "", wrong ?: "ok");
	return 0;
}
