// SPDX-License-Identifier: GPL-2.0-or-later
/* Pid namespaces: everybody is called what they were called, at each level. */
#include <fcntl.h>
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
static int owned[2];
static pid_t owner;

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

/* With so many groups of its own that much of what /proc/PID/status tells is these. */
static void *idle(void *arg)
{
	gid_t groups[1000];

	for (unsigned int i = 0; i < 1000; i++)
		groups[i] = 4000000000 + i;
	check(!syscall(SYS_setgroups, 1000, groups));
	__atomic_store_n(&owner, syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

/* A pipe that tells a thread. */
static void own_pipe(void)
{
	struct f_owner_ex ex = { .type = F_OWNER_TID };
	pthread_t t;

	check(!pthread_create(&t, NULL, idle, NULL));
	while (!__atomic_load_n(&owner, __ATOMIC_ACQUIRE))
		usleep(1000);
	ex.pid = owner;
	check(!pipe(owned) && !fcntl(owned[0], F_SETOWN_EX, &ex));
}

static void set_init(void)
{
	check(getpid() == 1);
	kid = child(own_session, is_leader);
	check(!pthread_create(&thread, NULL, second_thread, NULL));
	while (!__atomic_load_n(&tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	start_timer();
	own_pipe();
}

static void get_init(void)
{
	struct f_owner_ex ex = { 0 };
	pid_t pid;
	int status;

	check(getpid() == 1 && getppid() == 0);
	check(!fcntl(owned[0], F_GETOWN_EX, &ex));
	check(ex.type == F_OWNER_TID && ex.pid == owner);
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
		check(pid == owner || kill(pid, 0));
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

/* ---- one in another in another ... ---- */

#define DEEPEST	12

static int level;
static pid_t below;

static bool is_deep(void)
{
	return getpid() == 1 && getppid() == 0 &&
	       (level == DEEPEST || child_says_yes(below));
}

static void dig(void)
{
	if (level)
		check(getpid() == 1);
	if (++level == DEEPEST)
		return;
	check(!unshare(CLONE_NEWPID));
	below = child(dig, is_deep);
}

static void set_deepest(void)
{
	dig();
}

static void get_deepest(void)
{
	check(child_says_yes(below));
}

/* ---- what is told from inside and from outside of one cannot be told of who has ended,
 * nor of who is outside
 */

static bool is_alone(void)
{
	return getpid() == 1 && getpgid(0) == 0;
}

static void nothing_inside(void)
{
	check(!unshare(CLONE_NEWPID));
	inner_init = child(nothing, is_alone);
}

static bool inner_says_yes(void)
{
	return child_says_yes(inner_init);
}

/* The group of a job of a shell, say. */
static void lead_group(void)
{
	check(!setpgid(0, 0));
	nothing_inside();
}

static void set_group(void)
{
	kid = child(lead_group, inner_says_yes);
}

static void get_kid(void)
{
	check(child_says_yes(kid));
}

static bool is_orphan(void)
{
	return getppid() == 1 && getsid(0) == 2;
}

/* Daemons do it like that. */
static void with_daemon(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		setsid();
		_exit(child(nothing, is_orphan) != 3);
	}
	check(pid == 2 && waitpid(pid, &status, 0) == pid && !status);
}

static bool daemon_says_yes(void)
{
	return child_says_yes(3);
}

static void set_leaderless(void)
{
	check(!unshare(CLONE_NEWPID));
	kid = child(with_daemon, daemon_says_yes);
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
	{ "deepest", set_deepest, get_deepest },
	{ "group", set_group, get_kid },
	{ "leaderless", set_leaderless, get_kid },
	{ NULL }
};
