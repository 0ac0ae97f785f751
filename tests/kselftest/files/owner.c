// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is signalled. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

static int p[2], lone;

static volatile sig_atomic_t sigio_fd = -1;

static void on_sigio(int sig, siginfo_t *si, void *context)
{
	sigio_fd = si->si_fd;
}

static void set_owner(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigio, .sa_flags = SA_SIGINFO };
	struct f_owner_ex ex = { F_OWNER_PGRP, getpgrp() };

	sigaction(SIGRTMIN + 1, &sa, NULL);
	check(!pipe(p));
	check(!fcntl(p[0], F_SETOWN, getpid()));
	check(!fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
	check(!fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	check(!fcntl(p[1], F_SETOWN_EX, &ex));
	lone = open("/dev/null", O_RDONLY);
	check(!fcntl(lone, F_SETSIG, SIGRTMIN + 3));
}

static void get_owner(void)
{
	struct f_owner_ex ex = { 0 };

	check(fcntl(p[0], F_GETSIG) == SIGRTMIN + 1);
	check(fcntl(lone, F_GETSIG) == SIGRTMIN + 3 && !fcntl(lone, F_GETOWN));
	check((fcntl(p[0], F_GETFL) & (O_ASYNC | O_NONBLOCK)) ==
	      (O_ASYNC | O_NONBLOCK));
	check(!fcntl(p[1], F_GETOWN_EX, &ex) && ex.type == F_OWNER_PGRP &&
	      ex.pid == getpgrp());
	check(write(p[1], "x", 1) == 1);
	for (int i = 0; i < 3000 && sigio_fd < 0; i++)
		usleep(10000);
	check(sigio_fd == p[0]);
}

static volatile pid_t tid, told;

static void *waits(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	tid = syscall(SYS_gettid);
	while (!sigwait(&set, &sig))
		told = syscall(SYS_gettid);
	return NULL;
}

/* A thread gets it, and no other. */
static void set_ownthread(void)
{
	struct f_owner_ex ex = { .type = F_OWNER_TID };
	pthread_t t;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	check(!pthread_create(&t, NULL, waits, NULL));
	while (!tid)
		usleep(1000);
	check(!pipe(p));
	ex.pid = tid;
	check(!fcntl(p[0], F_SETOWN_EX, &ex) && !fcntl(p[0], F_SETSIG, SIGRTMIN + 2));
	check(!fcntl(p[0], F_SETFL, O_ASYNC));
}

static void get_ownthread(void)
{
	struct f_owner_ex ex;

	check(!fcntl(p[0], F_GETOWN_EX, &ex) && ex.type == F_OWNER_TID && ex.pid == tid);
	check(write(p[1], "x", 1) == 1);
	for (int i = 0; i < 3000 && !told; i++)
		usleep(10000);
	check(told == tid);
}

const struct test owner_tests[] = {
	{ "owner", set_owner, get_owner },
	{ "ownthread", set_ownthread, get_ownthread },
	{ }
};
