// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks that are held, and waited for, while they are moved. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

static pthread_mutex_t *lock;	/* shared by processes */
static pid_t holder, waiting;

static void make_lock(int robust, int protocol)
{
	pthread_mutexattr_t attr;

	lock = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	check(lock != MAP_FAILED);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, robust);
	pthread_mutexattr_setprotocol(&attr, protocol);
	check(!pthread_mutex_init(lock, &attr));
}

static void hold(void)
{
	if (pthread_mutex_lock(lock))
		_exit(1);
}

/* A child that waits for the lock and says what it got. */
static pid_t contend(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(pthread_mutex_lock(lock) == EOWNERDEAD ? 3 : 4);
	check(wait_state(pid, "S"));
	return pid;
}

/* Its holder dies: who waits is told. */
static void set_robust(void)
{
	make_lock(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
	holder = waiter(hold);
	waiting = contend();
}

static void get_robust(void)
{
	check(pthread_mutex_trylock(lock) == EBUSY);
	check(wait_state(waiting, "S"));
	kill(holder, SIGUSR1);
	check(WEXITSTATUS(status_of(holder)) == 7);
	check(WEXITSTATUS(status_of(waiting)) == 3);
}

static void set_robust_pi(void)
{
	make_lock(PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_INHERIT);
	holder = waiter(hold);
	waiting = contend();
}

/* The kernel knows again who waits for whom. */
static volatile int got;
static pthread_t thread;
static volatile pid_t tid;

static void *wait_for_lock(void *arg)
{
	tid = syscall(SYS_gettid);
	got = pthread_mutex_lock(lock) ? -1 : 1;
	pthread_mutex_unlock(lock);
	return arg;
}

static void set_pi(void)
{
	make_lock(PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
	hold();
	check(!pthread_create(&thread, NULL, wait_for_lock, NULL));
	while (!tid)
		usleep(1000);
	check(wait_state(tid, "S"));
}

static void get_pi(void)
{
	check(!got && wait_state(tid, "S"));
	check(!pthread_mutex_unlock(lock));
	check(!pthread_join(thread, NULL) && got == 1);
}

const struct test futex_tests[] = {
	{ "robust", set_robust, get_robust },
	{ "robust-pi", set_robust_pi, get_robust },
	{ "pi", set_pi, get_pi },
	{ 0 }
};
