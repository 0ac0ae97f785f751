// SPDX-License-Identifier: GPL-2.0-or-later
/* Working directories and umasks that a thread has alone, or processes share. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

#define MASK	0123

static bool is_at(const char *dir)
{
	char cwd[512];

	return getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, dir);
}

/* ---- a thread of its own ---- */

static pthread_t thread;
static volatile int turn, done;

static void *apart(void *arg)
{
	check(!unshare(CLONE_FS) && !chdir("/usr"));
	umask(MASK);
	done = 1;
	while (!turn)
		usleep(1000);
	check(is_at("/usr"));
	check(!chdir("/"));
	check(umask(0) == MASK);
	return NULL;
}

static void set_apart(void)
{
	check(!chdir("/etc"));
	umask(0146);
	check(!pthread_create(&thread, NULL, apart, NULL));
	while (!done)
		usleep(1000);
}

static void get_apart(void)
{
	turn = 1;
	check(!pthread_join(thread, NULL));
	check(is_at("/etc") && umask(0) == 0146);
}

/* ---- a child that shares them with its parent ---- */

static pid_t child;

static void set_together(void)
{
	check(!chdir("/etc"));
	child = syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
	if (!child) {
		wait_usr1();
		umask(MASK);
		_exit(is_at("/etc") && !chdir("/usr") ? 7 : 1);
	}
}

static void get_together(void)
{
	check(!kill(child, SIGUSR1) && status_of(child) == 7 << 8);
	check(is_at("/usr") && umask(0) == MASK);
}

const struct test fs_tests[] = {
	{ "apart", set_apart, get_apart },
	{ "together", set_together, get_together },
	{ }
};
