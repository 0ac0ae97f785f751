// SPDX-License-Identifier: GPL-2.0-or-later
/* Pid namespaces: everybody is called what they were called, at each level. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "state.h"

static pid_t kid, tid, tid_now;
static timer_t timer;
static volatile sig_atomic_t rung;

/* ---- the program is init of a namespace of its own ---- */

static void nothing(void)
{
}

static void own_session(void)
{
	check(setsid() == getpid());
}

static bool is_leader(void)
{
	return getppid() == 1 && getsid(0) == getpid() && getpgid(0) == getpid();
}

static void *second_thread(void *arg)
{
	tid = syscall(SYS_gettid);
	while (access(beside("go"), F_OK))
		usleep(20000);
	tid_now = syscall(SYS_gettid);
	return NULL;
}

static pthread_t thread;

static void ring(int sig)
{
	rung = 1;
}

/* A timer whose signal is for a thread. */
static void start_timer(void)
{
	struct sigevent ev = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGUSR2,
	};
	struct itimerspec it = { .it_value.tv_sec = 1, .it_interval.tv_sec = 1 };

	ev._sigev_un._tid = syscall(SYS_gettid);
	signal(SIGUSR2, ring);
	check(!timer_create(CLOCK_MONOTONIC, &ev, &timer));
	check(!timer_settime(timer, 0, &it, NULL));
}

static void set_init(void)
{
	check(getpid() == 1);
	kid = child(own_session, is_leader);
	check(!pthread_create(&thread, NULL, second_thread, NULL));
	while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	start_timer();
}

static void get_init(void)
{
	pid_t pid;
	int status;

	check(getpid() == 1 && getppid() == 0);
	check(kid > 1 && !kill(kid, 0));
	check(getsid(kid) == kid);
	check(child_says_yes(kid));
	check(!pthread_join(thread, NULL));
	check(tid > 1 && tid_now == tid);
	rung = 0;
	for (int i = 0; i < 6000 && !rung; i++)
		usleep(20000);
	check(rung);
	/* Nobody else is in it. */
	for (pid = 2; pid < 300; pid++)
		check(kill(pid, 0));
	pid = fork();
	if (!pid)
		_exit(getppid() == 1 ? 5 : 6);
	check(waitpid(pid, &status, 0) == pid && status == 5 << 8);
}

/* ---- it has children in one ---- */

static pid_t inner_init, inner_kid;

static bool is_init(void)
{
	return getpid() == 1 && getppid() == 0 && child_says_yes(2);
}

static bool is_second(void)
{
	return getpid() == 2 && getppid() == 1;
}

static bool is_third(void)
{
	return getpid() == 3 && getppid() == 0;
}

static void with_child(void)
{
	check(getpid() == 1);
	check(child(nothing, is_second) == 2);
}

static void set_nested(void)
{
	check(!unshare(CLONE_NEWPID));
	inner_init = child(with_child, is_init);
	inner_kid = child(nothing, is_third);
}

static void get_nested(void)
{
	pid_t pid;
	int status;

	check(inner_init > 1 && inner_kid > 1);
	/* It still gives birth to children in there. */
	pid = fork();
	if (!pid)
		_exit(getpid() > 3 && getppid() == 0 ? 5 : 6);
	check(waitpid(pid, &status, 0) == pid && status == 5 << 8);
	check(child_says_yes(inner_kid));
	check(child_says_yes(inner_init));
}

/* ---- it was sent into one by somebody outside ---- */

static pid_t self;

static void set_entered(void)
{
	self = getpid();
	check(self > 1 && getppid() == 0 && getsid(0) == self);
}

static void get_entered(void)
{
	check(getpid() == self && getppid() == 0 && getsid(0) == self);
	check(!kill(1, 0));
}

const struct test pid_tests[] = {
	{ "init", set_init, get_init },
	{ "nested", set_nested, get_nested },
	{ "entered", set_entered, get_entered },
	{ NULL }
};
