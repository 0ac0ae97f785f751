// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is signalled. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* ---- those of somebody who is not root ---- */

#define USER	1000

static volatile sig_atomic_t stray;
static int go[2], done[2];

static void on_stray(int sig)
{
	stray = sig;
}

static bool opens(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_NOCTTY);

	close(fd);
	return fd >= 0;
}

static bool opens_fd(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return opens(path, flags);
}

static bool is_mine(int fd, mode_t mode)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_uid == USER && (st.st_mode & 07777) == mode;
}

/* What it has made it may open again, and nobody else is signalled by it. Return: what is
 * wrong, 0: nothing.
 */
static int user(void)
{
	int mem, master, slave;
	char name[32], c;

	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		return 1;
	mem = memfd_create("mine", 0);
	master = posix_openpt(O_RDWR | O_NOCTTY);
	if (mem < 0 || pipe(p) || fchmod(mem, 0640) || fchmod(p[0], 0620) || grantpt(master) ||
	    unlockpt(master) || ptsname_r(master, name, sizeof(name)))
		return 2;
	slave = open(name, O_RDWR | O_NOCTTY);
	if (slave < 0 || fchmod(slave, 0600))
		return 3;
	if (fcntl(p[0], F_SETOWN, getppid()) || fcntl(p[0], F_SETSIG, SIGRTMIN + 5) ||
	    fcntl(p[0], F_SETFL, O_ASYNC) || write(p[1], "x", 1) != 1)
		return 4;
	if (write(done[1], "", 1) != 1 || read(go[0], &c, 1) != 1)
		return 5;
	if (!is_mine(mem, 0640) || !is_mine(p[0], 0620) || !is_mine(slave, 0600))
		return 6;
	if (!opens_fd(mem, O_RDWR) || !opens_fd(p[1], O_WRONLY) || !opens(name, O_RDWR))
		return 7;
	return write(p[1], "x", 1) != 1 ? 8 : 0;
}

static void set_reopen(void)
{
	char c;

	signal(SIGRTMIN + 5, on_stray);
	check(!pipe(go) && !pipe(done));
	tid = fork();
	if (!tid)
		_exit(user());
	check(read(done[0], &c, 1) == 1);
	usleep(100000);
	check(!stray);
}

static void get_reopen(void)
{
	int status;

	check(write(go[1], "", 1) == 1);
	check(waitpid(tid, &status, 0) == tid);
	if (status)
		printf("# the user: %d\n", WEXITSTATUS(status));
	check(!status);
	usleep(100000);
	check(!stray);
}

const struct test owner_tests[] = {
	{ "reopen", set_reopen, get_reopen },
	{ "owner", set_owner, get_owner },
	{ "ownthread", set_ownthread, get_ownthread },
	{ }
};
