// SPDX-License-Identifier: GPL-2.0-or-later
/* Locks and leases. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2;
static pid_t child;

static bool try_lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_start = start, .l_len = len };

	return !fcntl(fd, cmd, &l);
}

/* Who else wants a lock: a process with files of its own. */
static bool others_get(int cmd, int type, off_t start)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid) {
		int fd = open(name("data"), O_RDWR);

		if (cmd >= 0)
			_exit(!try_lock(fd, cmd, type, start, 1));
		_exit(flock(fd, type | LOCK_NB) != 0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

static void set_locks(void)
{
	write_file(name("data"), "0123456789");
	fd1 = open(name("data"), O_RDWR);
	fd2 = open(name("data"), O_RDWR);
	check(!flock(fd1, LOCK_SH));
	check(try_lock(fd1, F_SETLK, F_WRLCK, 10, 5));
	check(try_lock(fd2, F_SETLK, F_RDLCK, 20, 70));
	check(try_lock(fd2, F_SETLK, F_RDLCK, 200, 0));		/* to the end */
	check(try_lock(fd2, F_OFD_SETLK, F_WRLCK, 3, 2));
	/* The child has our open files, and a lock of its own. */
	child = fork();
	if (!child) {
		if (!try_lock(fd1, F_SETLK, F_WRLCK, 100, 1))
			_exit(1);
		write_file(name("locked"), "");
		for (;;)
			pause();
	}
	wait_for(name("locked"));
}

static void get_locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 100, .l_len = 1 };

	check(others_get(-1, LOCK_SH, 0) && !others_get(-1, LOCK_EX, 0));
	check(!others_get(F_SETLK, F_RDLCK, 10) && !others_get(F_SETLK, F_WRLCK, 14));
	check(others_get(F_SETLK, F_WRLCK, 15) && others_get(F_SETLK, F_WRLCK, 9));
	check(others_get(F_SETLK, F_RDLCK, 20) && !others_get(F_SETLK, F_WRLCK, 89));
	check(others_get(F_SETLK, F_WRLCK, 90) && !others_get(F_SETLK, F_WRLCK, 1 << 30));
	check(!others_get(F_SETLK, F_RDLCK, 4) && others_get(F_SETLK, F_WRLCK, 5));
	check(!fcntl(fd1, F_GETLK, &l) && l.l_type == F_WRLCK && l.l_pid == child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	check(others_get(F_SETLK, F_WRLCK, 100));
	check(!flock(fd1, LOCK_UN) && others_get(-1, LOCK_EX, 0));
	close(fd1);			/* takes all our POSIX locks with it */
	check(others_get(F_SETLK, F_WRLCK, 10) && !others_get(F_SETLK, F_RDLCK, 4));
}

static volatile sig_atomic_t lease_fd = -1;

static void on_break(int sig, siginfo_t *si, void *context)
{
	lease_fd = si->si_fd;
}

/* Somebody opens the file: who has the lease is told, and gives it up. */
static bool broken_by(int flags, const char *file, int owner)
{
	int status = 1;
	pid_t pid;

	lease_fd = -1;
	pid = fork();
	if (!pid)
		_exit(open(file, flags) < 0);
	for (int i = 0; i < 3000 && lease_fd < 0; i++)
		usleep(10000);
	if (lease_fd != owner || fcntl(owner, F_SETLEASE, F_UNLCK))
		return false;
	return waitpid(pid, &status, 0) == pid && !status;
}

static void set_lease(void)
{
	struct sigaction sa = { .sa_sigaction = on_break, .sa_flags = SA_SIGINFO };

	write_file(name("read"), "");
	write_file(name("write"), "");
	sigaction(SIGRTMIN + 1, &sa, NULL);
	fd1 = open(name("read"), O_RDONLY);
	fd2 = open(name("write"), O_RDWR);
	check(!fcntl(fd1, F_SETLEASE, F_RDLCK) && !fcntl(fd2, F_SETLEASE, F_WRLCK));
	check(!fcntl(fd1, F_SETSIG, SIGRTMIN + 1) && !fcntl(fd2, F_SETSIG, SIGRTMIN + 1));
}

static void get_lease(void)
{
	check(fcntl(fd1, F_GETLEASE) == F_RDLCK && fcntl(fd2, F_GETLEASE) == F_WRLCK);
	check(fcntl(fd1, F_GETOWN) == getpid() && fcntl(fd1, F_GETSIG) == SIGRTMIN + 1);
	check(broken_by(O_RDWR, name("read"), fd1));
	check(broken_by(O_RDONLY, name("write"), fd2));
	check(fcntl(fd1, F_GETLEASE) == F_UNLCK);
}

const struct test lock_tests[] = {
	{ "locks", set_locks, get_locks },
	{ "lease", set_lease, get_lease },
	{ }
};
