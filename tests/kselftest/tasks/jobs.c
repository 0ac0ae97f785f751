// SPDX-License-Identifier: GPL-2.0-or-later
/* Stopped children, what parents and children are told when the other ends. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

#define PPID	4	/* in /proc/PID/stat */

static pid_t told, untold, parent, member;
static volatile sig_atomic_t signals;
static int ends[2];

static void count(int sig)
{
	signals++;
}

/* ---- stopped: the one is known to be so, the other not yet ---- */

static void set_stopped(void)
{
	int status;

	told = waiter(NULL);
	untold = waiter(NULL);
	check(!kill(told, SIGSTOP) && !kill(untold, SIGSTOP));
	check(waitpid(told, &status, WUNTRACED) == told && WIFSTOPPED(status));
	check(wait_state(untold, "T"));
}

static void get_stopped(void)
{
	int status;

	check(wait_state(told, "T") && wait_state(untold, "T"));
	check(waitpid(untold, &status, WUNTRACED) == untold);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	check(!kill(told, SIGUSR1) && !kill(untold, SIGUSR1));
	check(wait_state(told, "T") && wait_state(untold, "T"));
	check(!kill(told, SIGCONT) && !kill(untold, SIGCONT));
	check(status_of(told) == 7 << 8 && status_of(untold) == 7 << 8);
}

/* ---- a child whose end is told by another signal than SIGCHLD ---- */

static void set_exitsig(void)
{
	signal(SIGUSR2, count);
	told = syscall(SYS_clone, SIGUSR2, 0, 0, 0, 0);
	if (!told)
		wait_here();
}

static void get_exitsig(void)
{
	check(!signals);
	check(!kill(told, SIGUSR1));
	check(status_of(told) == 7 << 8);
	check(signals == 1);
}

/* ---- one that waits in vfork() until its child has been stopped once ---- */

static void start_vfork(void)
{
	sigset_t usr1;
	pid_t pid;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pid = vfork();
	if (!pid) {
		/* (one of the calls that return EINTR after any stop) */
		if (write(ends[1], "", 1) == 1)
			sigwaitinfo(&usr1, NULL);
		_exit(3);
	}
	if (status_of(pid) != 3 << 8)
		_exit(8);
	wait_here();
}

static void set_vforked(void)
{
	char c;

	check(!pipe(ends));
	parent = fork();
	if (!parent)
		start_vfork();
	check(read(ends[0], &c, 1) == 1);
}

static void get_vforked(void)
{
	check(!kill(parent, SIGUSR1) && status_of(parent) == 7 << 8);
}

/* ---- a child that becomes an orphan, and is sent a signal then ---- */

static void want_signal(void)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
}

static void be_parent(void)
{
	pid_t pids[2] = { waiter(want_signal), waiter(NULL) };

	check(write(ends[1], pids, sizeof(pids)) == sizeof(pids));
}

static void set_orphans(void)
{
	pid_t pids[2];

	check(!pipe(ends) && !prctl(PR_SET_CHILD_SUBREAPER, 1));
	parent = waiter(be_parent);
	check(read(ends[0], pids, sizeof(pids)) == sizeof(pids));
	member = pids[0];
	untold = pids[1];
}

static void get_orphans(void)
{
	check(stat_field(member, PPID) == parent);
	check(!kill(parent, SIGUSR1) && status_of(parent) == 7 << 8);
	check(status_of(member) == 7 << 8);
	check(stat_field(untold, PPID) == getpid());
	check(!kill(untold, SIGUSR1) && status_of(untold) == 7 << 8);
}

const struct test job_tests[] = {
	{ "stopped", set_stopped, get_stopped },
	{ "exitsig", set_exitsig, get_exitsig },
	{ "vforked", set_vforked, get_vforked },
	{ "orphans", set_orphans, get_orphans },
	{ }
};
