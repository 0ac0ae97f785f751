// SPDX-License-Identifier: GPL-2.0-or-later
/* Pidfds. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2;
static pid_t child;

static void set_pidfd(void)
{
	child = fork();
	if (!child)
		for (;;)
			pause();
	fd1 = syscall(SYS_pidfd_open, child, 0);
	fd2 = syscall(SYS_pidfd_open, getpid(), 0);
	check(!fcntl(fd1, F_SETFL, O_NONBLOCK));
}

static void get_pidfd(void)
{
	struct pollfd p = { .fd = fd1, .events = POLLIN };
	siginfo_t si = { .si_pid = 0 };

	check(fcntl(fd1, F_GETFL) & O_NONBLOCK);
	check(poll(&p, 1, 0) == 0);
	check(!syscall(SYS_pidfd_send_signal, fd2, 0, NULL, 0));
	check(!syscall(SYS_pidfd_send_signal, fd1, SIGKILL, NULL, 0));
	check(poll(&p, 1, -1) == 1);
	check(!waitid(P_PIDFD, fd1, &si, WEXITED) && si.si_pid == child);
}

static void set_deadpidfd(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	fd1 = syscall(SYS_pidfd_open, pid, 0);
	check(fd1 >= 0 && waitpid(pid, NULL, 0) == pid);
	check(!fcntl(fd1, F_SETFL, O_NONBLOCK));
}

static void get_deadpidfd(void)
{
	struct pollfd p = { .fd = fd1, .events = POLLIN };

	check(fcntl(fd1, F_GETFL) & O_NONBLOCK);
	check(poll(&p, 1, 0) == 1 && p.revents & POLLIN);
	check(syscall(SYS_pidfd_send_signal, fd1, SIGUSR1, NULL, 0) && errno == ESRCH);
	check(waitid(P_PIDFD, fd1, NULL, WEXITED) && errno == ECHILD);
}

const struct test pidfd_tests[] = {
	{ "pidfd", set_pidfd, get_pidfd },
	{ "deadpidfd", set_deadpidfd, get_deadpidfd },
	{ }
};
