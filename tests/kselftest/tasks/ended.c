// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A main thread that has ended before the others: the process is there, goes on in them,
 * has files that no other process has, and ends as one does that was not moved.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

#define STATUS	3
#define LAST	9
#define TEXT	"only here"

static int ask[2], answer[2];
static pid_t child, parent;
static char threads[16];
static long long started;
static volatile sig_atomic_t signals;

static struct {
	int pair[2], ends[2], file;
} own;

static void count(int sig)
{
	signals++;
}

/* In the queues and in a file without a name is what was put there. */
static bool same_files(void)
{
	char text[3][sizeof(TEXT)] = { "" };

	return read(own.pair[1], text[0], sizeof(TEXT)) == sizeof(TEXT) &&
	       read(own.ends[0], text[1], sizeof(TEXT)) == sizeof(TEXT) &&
	       pread(own.file, text[2], sizeof(TEXT), 0) == sizeof(TEXT) &&
	       lseek(own.file, 0, SEEK_CUR) == sizeof(TEXT) &&
	       !strcmp(text[0], TEXT) && !strcmp(text[1], TEXT) && !strcmp(text[2], TEXT);
}

/* Answers a byte with 1 if all is well, then ends as a thread. */
static void *last(void *arg)
{
	static __thread long mine = 4711;
	char c;

	if (read(ask[0], &c, 1) == 1) {
		c = c == 'x' && mine == 4711 && signals == 1 && same_files();
		if (write(answer[1], &c, 1) != 1)
			_exit(98);
	}
	syscall(SYS_exit, LAST);
	return NULL;
}

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void process(void)
{
	char name[] = "/tmp/ended-XXXXXX";
	pthread_t t;

	signal(SIGUSR2, count);
	own.file = mkstemp(name);
	if (own.file < 0 || unlink(name) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, own.pair) || pipe(own.ends) ||
	    write(own.pair[0], TEXT, sizeof(TEXT)) != sizeof(TEXT) ||
	    write(own.ends[1], TEXT, sizeof(TEXT)) != sizeof(TEXT) ||
	    write(own.file, TEXT, sizeof(TEXT)) != sizeof(TEXT) ||
	    pthread_create(&t, NULL, last, NULL))
		_exit(99);
	syscall(SYS_exit, STATUS);
}

static pid_t start(void)
{
	pid_t pid;

	check(!pipe(ask) && !pipe(answer));
	pid = fork();
	if (!pid)
		process();
	check(wait_state(pid, "Z"));
	return pid;
}

/* Its threads' verdict; then the last of them ends. Return: the process's status. */
static int end(pid_t pid)
{
	char c = 'x';

	check(!kill(pid, SIGUSR2));
	check(write(ask[1], &c, 1) == 1 && read(answer[0], &c, 1) == 1 && c == 1);
	return status_of(pid);
}

static void set_ended(void)
{
	child = start();
	snprintf(threads, sizeof(threads), "%s", status_line(child, "Threads"));
	check(!strcmp(threads, "2"));
	started = stat_field(child, 22);
	check(!waitpid(child, NULL, WNOHANG));
}

static void get_ended(void)
{
	int status;

	check(wait_state(child, "Z"));
	check(!strcmp(status_line(child, "Threads"), threads));
	check(stat_field(child, 22) == started);
	check(!waitpid(child, NULL, WNOHANG));
	status = end(child);
	/* The main thread's or, on newer kernels, that of the last one. */
	check(status == STATUS << 8 || status == LAST << 8);
	check(status == end(start()));
}

/* ---- one that a signal ends ---- */

static void process_killed(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, sleeper, NULL) ||
	    pthread_create(&t, NULL, sleeper, NULL))
		_exit(99);
	syscall(SYS_exit, STATUS);
}

static void set_ended_killed(void)
{
	child = fork();
	if (!child)
		process_killed();
	check(wait_state(child, "Z"));
}

static void get_ended_killed(void)
{
	check(wait_state(child, "Z"));
	check(!strcmp(status_line(child, "Threads"), "3"));
	check(!kill(child, SIGTERM) && status_of(child) == SIGTERM);
}

/* ---- the first process of the container, init of a pid namespace or not ---- */

static void set_ended_first(void)
{
	child = waiter(NULL);
}

static void get_ended_first(void)
{
	check(wait_state(getpid(), "Z") && stat_field(child, 4) == getpid());
	check(!kill(child, SIGUSR1) && status_of(child) == 7 << 8);
}

/* ---- a child that wants to be told of the end of its parent ---- */

static void *has_child(void *arg)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_here();
	}
	if (write(answer[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(99);
	return sleeper(NULL);
}

static void set_pdeath(void)
{
	pthread_t t;

	check(!pipe(answer));
	parent = fork();
	if (!parent) {
		if (pthread_create(&t, NULL, has_child, NULL))
			_exit(99);
		syscall(SYS_exit, 0);
	}
	check(read(answer[0], &child, sizeof(child)) == sizeof(child));
	check(wait_state(parent, "Z"));
}

static void get_pdeath(void)
{
	check(stat_field(child, 4) == parent && wait_state(child, "S"));
	check(!kill(parent, SIGKILL) && status_of(parent) == SIGKILL);
}

const struct test ended_tests[] = {
	{ "ended-first", set_ended_first, get_ended_first, .leaves = true },
	{ "ended-init", set_ended_first, get_ended_first, .leaves = true },
	{ "ended-pid", set_ended_first, get_ended_first, .leaves = true },
	{ "ended-pid-killed", set_ended_first, get_ended_first, .leaves = true },
	{ "pdeath", set_pdeath, get_pdeath },
	{ "ended", set_ended, get_ended },
	{ "ended-killed", set_ended_killed, get_ended_killed },
	{ }
};
