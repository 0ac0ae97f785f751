// SPDX-License-Identifier: GPL-2.0-or-later
/* Children that have ended and that nobody has waited for. */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

enum { NAMED, KILLED, DUMPED, BUSY, LEADER, SILENT, NR };
#define BUSY_US		200000
#define NAME		"zombie one"
#define UID		1234

static pid_t pids[NR], member, parent;
static siginfo_t before[NR];
static volatile sig_atomic_t signals;
static int ends[2];

static void count(int sig)
{
	signals++;
}

static long used_us(const struct rusage *ru)
{
	return (ru->ru_utime.tv_sec + ru->ru_stime.tv_sec) * 1000000L +
	       ru->ru_utime.tv_usec + ru->ru_stime.tv_usec;
}

static void child(int which)
{
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };
	struct rusage ru = { 0 };
	pid_t pid;

	switch (which) {
	case NAMED:
		prctl(PR_SET_NAME, NAME);
		if (setreuid(UID, UID))
			_exit(1);
		_exit(3);
	case KILLED:
		raise(SIGTERM);
		break;
	case DUMPED:
		if (chdir("/tmp") || setrlimit(RLIMIT_CORE, &core))
			_exit(1);
		abort();
	case BUSY:
		while (used_us(&ru) < BUSY_US)
			getrusage(RUSAGE_SELF, &ru);
		_exit(0);
	case LEADER:
		setsid();
		pid = waiter(NULL);
		if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		_exit(5);
	case SILENT:
		_exit(6);
	}
	_exit(99);
}

static void set_zombies(void)
{
	signal(SIGCHLD, count);
	check(!pipe(ends) && !prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int i = 0; i < NR; i++) {
		pids[i] = i == SILENT ? syscall(SYS_clone, 0, 0, 0, 0, 0) : fork();
		if (!pids[i])
			child(i);
		check(wait_state(pids[i], "Z"));
		check(!waitid(P_PID, pids[i], &before[i],
			      WEXITED | WNOWAIT | __WALL));
	}
	check(read(ends[0], &member, sizeof(member)) == sizeof(member));
	check(getsid(member) == pids[LEADER]);
}

static void get_zombies(void)
{
	int seen = signals, status;
	struct rusage ru;
	siginfo_t after;

	check(seen == NR - 1);
	check(!strcmp(status_line(pids[NAMED], "Name"), NAME));
	check(stat_field(pids[NAMED], 4) == getpid());
	check(getsid(member) == pids[LEADER]);
	check(waitpid(pids[SILENT], &status, 0) < 0 && errno == ECHILD);
	for (int i = 0; i < NR; i++) {
		check(wait_state(pids[i], "Z"));
		check(!waitid(P_PID, pids[i], &after, WEXITED | WNOWAIT | __WALL));
		check(after.si_code == before[i].si_code);
		check(after.si_status == before[i].si_status);
		check(after.si_uid == before[i].si_uid);
		check(wait4(pids[i], &status, __WALL, &ru) == pids[i]);
		if (i == BUSY)
			check(used_us(&ru) >= BUSY_US);
	}
	check(WIFEXITED(status) && WEXITSTATUS(status) == 6);
	check(!kill(member, SIGUSR1) && status_of(member) == 7 << 8);
	check(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
	check(signals == seen + 1);	/* that of @member */
}

/* ---- somebody else's, who waits for it later ---- */

static void parent_of_zombie(void)
{
	int status = -1;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(4);
	if (!wait_state(pid, "Z"))
		_exit(1);
	if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	wait_usr1();
	_exit(waitpid(pid, &status, 0) == pid && status == 4 << 8 ? 0 : 1);
}

static void set_theirs(void)
{
	check(!pipe(ends));
	parent = fork();
	if (!parent)
		parent_of_zombie();
	check(read(ends[0], &member, sizeof(member)) == sizeof(member));
}

static void get_theirs(void)
{
	check(wait_state(member, "Z") && stat_field(member, 4) == parent);
	check(!kill(parent, SIGUSR1) && status_of(parent) == 0);
	check(kill(member, 0) && errno == ESRCH);
}

const struct test zombie_tests[] = {
	{ "zombies", set_zombies, get_zombies },
	{ "theirs", set_theirs, get_theirs },
	{ }
};
