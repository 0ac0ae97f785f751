// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes that share what others have for themselves. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tasks.h"

#define SEEN	50	/* an fd that is opened after the move */
#define MADE	51	/* another one, by a child */

static pid_t child, apart;
static int told[2], locked, nr_fds;

static pid_t clone_child(unsigned long flags, void (*run)(void))
{
	pid_t pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);

	if (!pid) {
		run();
		_exit(9);
	}
	check(pid > 0);
	return pid;
}

static void tell(void)
{
	if (write(told[1], "", 1) != 1)
		_exit(9);
}

static void hear(int n)
{
	char c;

	while (n--)
		check(read(told[0], &c, 1) == 1);
}

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* POSIX locks are the table's: to who shares it there is none. */
static bool is_locked(void)
{
	struct flock l = { .l_type = F_WRLCK };

	return !fcntl(locked, F_GETLK, &l) && l.l_type != F_UNLCK;
}

/* Opens MADE, which its parent and grandparent see. */
static void grandchild(void)
{
	tell();
	wait_usr1();
	_exit(is_open(SEEN) && !is_locked() && dup2(locked, MADE) == MADE ? 7 : 8);
}

static void sharer(void)
{
	pid_t pid = clone_child(CLONE_FILES, grandchild);

	tell();
	wait_usr1();
	kill(pid, SIGUSR1);
	_exit(status_of(pid) == 7 << 8 && is_open(SEEN) && is_open(MADE) ? 7 : 8);
}

static void stranger(void)
{
	int n = count_fds();

	tell();
	wait_usr1();
	_exit(count_fds() == n && !is_open(SEEN) && !is_open(MADE) && is_locked() ? 7 : 8);
}

/* A child and its child with the same table, and one with a copy of it. */
static void set_files(void)
{
	struct flock l = { .l_type = F_WRLCK };
	char file[sizeof(mark_file) + 8];

	check(!pipe(told));
	snprintf(file, sizeof(file), "%s.lock", mark_file);
	locked = open(file, O_RDWR | O_CREAT, 0600);
	check(locked >= 0 && !fcntl(locked, F_SETLK, &l));
	child = clone_child(CLONE_FILES, sharer);
	apart = clone_child(0, stranger);
	hear(3);
	check(is_locked() == false);
	nr_fds = count_fds();
}

static void get_files(void)
{
	check(count_fds() == nr_fds && !is_open(SEEN));
	check(dup2(locked, SEEN) == SEEN);
	kill(child, SIGUSR1);
	check(status_of(child) == 7 << 8);
	check(is_open(MADE) && count_fds() == nr_fds + 2);
	kill(apart, SIGUSR1);
	check(status_of(apart) == 7 << 8);
}

/* One shares its table with a brother. */
static void brother(void)
{
	clone_child(CLONE_FILES | CLONE_PARENT, wait_here);
	tell();
	wait_here();
}

static void set_siblings(void)
{
	check(!pipe(told));
	child = clone_child(0, brother);
	hear(1);
}

static void get_siblings(void)
{
	kill(child, SIGUSR1);
	check(status_of(child) == 7 << 8);
}

const struct test shared_tests[] = {
	{ "files", set_files, get_files },
	{ "siblings", set_siblings, get_siblings },
	{ 0 }
};
