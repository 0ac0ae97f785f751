// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program with timers of all kinds, which it looks at before and after it is
 * moved. What is to be far away is so far that no machine comes near it.
 *
 * usage: timers [once|again|foreign] FILE
 *
 * FILE.ready says that it has begun, FILE.go asks for the verdict, which goes
 * to FILE. "foreign" is a timer that cannot be moved.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "touch.h"

#define NSEC	1000000000LL
#define FAR	100000		/* seconds */
#define LIMIT	120		/* seconds for what comes soon */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static const char *wrong;
static int moved_again;
static pid_t thread_id;
static pthread_t thread;
static sigset_t mine;		/* of the first thread */

static void check(int good, const char *what)
{
	if (!good && !wrong)
		wrong = what;
}

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

/* The C library's timer_t is a pointer for some; the kernel's is a number. */
static int create(clockid_t clock, int notify, int signo, long value, pid_t tid)
{
	struct sigevent ev = { .sigev_notify = notify, .sigev_signo = signo };
	int id = -1;

	ev.sigev_value.sival_ptr = (void *)value;
	ev.sigev_notify_thread_id = tid;
	if (syscall(SYS_timer_create, clock, &ev, &id))
		return -1;
	return id;
}

static void set(int id, int flags, int64_t value, int64_t interval)
{
	struct itimerspec it = {
		.it_value = { value / NSEC, value % NSEC },
		.it_interval = { interval / NSEC, interval % NSEC },
	};

	check(!syscall(SYS_timer_settime, id, flags, &it, NULL), "timer_settime");
}

static int64_t left(int id, int64_t *interval)
{
	struct itimerspec it = { { 0 }, { 0 } };

	check(!syscall(SYS_timer_gettime, id, &it), "a timer is gone");
	if (interval)
		*interval = ns(&it.it_interval);
	return ns(&it.it_value);
}

/* ---- what is far away ---- */

static struct far {
	const char *name;
	clockid_t clock;
	int notify;
	int thread;
	int id;
	int64_t before;
} far[] = {
	{ "CLOCK_MONOTONIC", CLOCK_MONOTONIC, SIGEV_SIGNAL, 0, 0, 0 },
	{ "CLOCK_BOOTTIME", CLOCK_BOOTTIME, SIGEV_SIGNAL, 0, 0, 0 },
	{ "CLOCK_REALTIME", CLOCK_REALTIME, SIGEV_SIGNAL, 0, 0, 0 },
	{ "no signal", CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0 },
	{ "signal to a thread", CLOCK_MONOTONIC, SIGEV_THREAD_ID, 0, 0, 0 },
	{ "CPU time of the process", CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, 0, 0, 0 },
	{ "CPU time of a thread", CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, 0, 0, 0 },
	{ "CPU time of another thread", 0, SIGEV_SIGNAL, 1, 0, 0 },
};
#define NR_FAR	(int)(sizeof(far) / sizeof(*far))

static void far_begin(void)
{
	for (int i = 0; i < NR_FAR; i++) {
		struct far *f = &far[i];

		if (f->thread)
			pthread_getcpuclockid(thread, &f->clock);
		/* Ids with gaps between them. */
		syscall(SYS_timer_delete, create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0));
		f->id = create(f->clock, f->notify, SIGUSR1, i, thread_id);
		check(f->id >= 0, f->name);
		set(f->id, 0, FAR * NSEC, (i % 2) * (i + 1) * NSEC);
		f->before = left(f->id, NULL);
	}
}

static void far_end(void)
{
	int64_t interval, after;

	for (int i = 0; i < NR_FAR; i++) {
		struct far *f = &far[i];

		after = left(f->id, &interval);
		check(after <= f->before && after > f->before / 2 &&
		      interval == (i % 2) * (i + 1) * NSEC, f->name);
	}
}

static void itimers_begin(void)
{
	for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++) {
		struct itimerval it = { { i, 1000 }, { FAR, 0 } };

		check(!setitimer(i, &it, NULL), "setitimer");
	}
}

static void itimers_end(void)
{
	for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++) {
		struct itimerval it;

		check(!getitimer(i, &it) && it.it_interval.tv_sec == i &&
		      it.it_interval.tv_usec == 1000 &&
		      it.it_value.tv_sec <= FAR && it.it_value.tv_sec > FAR / 2,
		      i == ITIMER_REAL ? "ITIMER_REAL" :
		      i == ITIMER_PROF ? "ITIMER_PROF" : "ITIMER_VIRTUAL");
	}
	check(alarm(0) > FAR / 2, "alarm");
}

/* CPU time that was used: by this thread, by one that has ended, by a child. */
static int64_t used, used_here, used_by_children;

static int64_t rusage(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NSEC +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

static void *burn(void *arg)
{
	int64_t end = now(CLOCK_THREAD_CPUTIME_ID) + NSEC / 2;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
	return NULL;
}

static void used_begin(void)
{
	pthread_t t;
	pid_t pid;

	burn(NULL);
	pthread_create(&t, NULL, burn, NULL);
	pthread_join(t, NULL);
	pid = fork();
	if (!pid) {
		burn(NULL);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	used = now(CLOCK_PROCESS_CPUTIME_ID);
	used_here = now(CLOCK_THREAD_CPUTIME_ID);
	used_by_children = rusage(RUSAGE_CHILDREN);
	check(used >= NSEC && used_here >= NSEC / 2 && used < FAR / 2 * NSEC,
	      "CPU time");
}

static void used_end(void)
{
	int64_t p = now(CLOCK_PROCESS_CPUTIME_ID), t = now(CLOCK_THREAD_CPUTIME_ID);

	check(p >= used && p < used + FAR / 2 * NSEC, "CPU time of the process");
	check(t >= used_here && t < used_here + FAR / 2 * NSEC,
	      "CPU time of the thread");
	check(rusage(RUSAGE_SELF) >= used, "getrusage()");
	check(rusage(RUSAGE_CHILDREN) == used_by_children,
	      "CPU time of children");
}

/* A time of day, which does not stand still. */
static int wall;
static int64_t wall_end;

static void wall_begin(void)
{
	wall = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	wall_end = now(CLOCK_REALTIME) + FAR * NSEC;
	set(wall, TIMER_ABSTIME, wall_end, 0);
}

static void wall_check(void)
{
	int64_t before = now(CLOCK_REALTIME), l = left(wall, NULL);

	check(before + l <= wall_end + 5 * NSEC && now(CLOCK_REALTIME) + l >= wall_end,
	      "a timer at a time of day");
}

/* ---- what comes ---- */

static int idle, repeated, once, soon, to_thread, cpu;
static int thread_got;

/* SIGRTMIN + i, soon. */
static int next(int i, siginfo_t *info)
{
	struct timespec limit = { LIMIT, 0 };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + i);
	sig = sigtimedwait(&set, info, &limit);
	return sig == SIGRTMIN + i;
}

static int is_of(const siginfo_t *info, int id, long value)
{
	return info->si_code == SI_TIMER && info->si_timerid == id &&
	       info->si_ptr == (void *)value;
}

static void wait_pending(int sig)
{
	sigset_t set;

	do
		sigpending(&set);
	while (!sigismember(&set, sig));
}

static void *second(void *arg)
{
	struct timespec limit = { LIMIT, 0 };
	siginfo_t info;
	sigset_t set;

	__atomic_store_n(&thread_id, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	while (sigtimedwait(&set, &info, &limit) < 0)
		;
	__atomic_store_n(&thread_got, is_of(&info, to_thread, -3) ? 1 : -1,
			 __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return NULL;
}

static void coming_begin(void)
{
	int64_t end;

	idle = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0, 0);
	repeated = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, -1, 0);
	once = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 1, -7, 0);
	soon = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 2, -2, 0);
	to_thread = create(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 3, -3,
			   thread_id);
	cpu = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGRTMIN + 4, -4, 0);
	set(cpu, 0, NSEC / 2 + now(CLOCK_PROCESS_CPUTIME_ID), 0);
	set(soon, 0, 3 * NSEC, 0);
	set(to_thread, 0, 3 * NSEC, 0);
	set(once, 0, 1, 0);
	set(repeated, 0, NSEC / 100, NSEC / 100);
	wait_pending(SIGRTMIN);
	wait_pending(SIGRTMIN + 1);
	/* Ten of them at least are missed. */
	end = now(CLOCK_MONOTONIC) + NSEC / 5;
	while (now(CLOCK_MONOTONIC) < end)
		;
}

static void coming_end(void)
{
	siginfo_t info;

	check(next(1, &info) && is_of(&info, once, -7) && !info.si_overrun &&
	      !left(once, NULL), "a signal that was pending");
	check(next(0, &info) && is_of(&info, repeated, -1),
	      "a repeated signal that was pending");
	check(info.si_overrun >= 10, "overruns were forgotten");
	/* Moved again it is that of the expiry after the first move. */
	check(moved_again || syscall(SYS_timer_getoverrun, repeated) >= 10,
	      "timer_getoverrun() forgot them");
	check(next(0, &info) && is_of(&info, repeated, -1),
	      "a timer does not go on");
	check(next(2, &info) && is_of(&info, soon, -2), "a timer never expired");
	for (int i = 0; i < LIMIT * 100 && !__atomic_load_n(&thread_got, __ATOMIC_SEQ_CST); i++)
		usleep(10000);
	check(thread_got == 1, "the signal for a thread");
	while (left(cpu, NULL))
		;
	check(next(4, &info) && is_of(&info, cpu, -4), "a CPU timer");
	check(!left(idle, NULL), "a timer that was not armed is");
	check(create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0, 0) == cpu + 1,
	      "the id of the next timer");
}

int main(int argc, char **argv)
{
	char go[256];

	if (argc != 3)
		return 1;
	sigfillset(&mine);
	sigprocmask(SIG_BLOCK, &mine, NULL);
	snprintf(go, sizeof(go), "%s.go", argv[2]);
	if (!strcmp(argv[1], "foreign")) {
		clockid_t clock;

		check(!clock_getcpuclockid(getppid(), &clock) &&
		      create(clock, SIGEV_SIGNAL, SIGUSR1, 0, 0) >= 0, "foreign");
		touch(argv[2], ".ready", "");
		while (access(go, F_OK))
			usleep(10000);
		touch(argv[2], "", wrong ?: "ok");
		return 0;
	}
	moved_again = !strcmp(argv[1], "again");
	pthread_create(&thread, NULL, second, NULL);
	while (!__atomic_load_n(&thread_id, __ATOMIC_SEQ_CST))
		usleep(1000);
	used_begin();
	far_begin();
	itimers_begin();
	wall_begin();
	coming_begin();
	wall_check();
	touch(argv[2], ".ready", wrong ?: "");
	while (access(go, F_OK))
		usleep(10000);
	used_end();
	far_end();
	itimers_end();
	wall_check();
	coming_end();
	touch(argv[2], "", wrong ?: "ok");
	return 0;
}
