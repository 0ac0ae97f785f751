// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program with one thread in each system call that waits. It is moved while
 * all of them wait, and ends the calls afterwards: each must return what it
 * would have returned, and none before.
 *
 * usage: calls all|ipc FILE
 *
 * "ipc" are those of message queues, in an ipc namespace of its own (calls_ipc.c); "all"
 * are all others (calls_all.c).
 *
 * FILE.ready says that all wait, FILE.go asks for the verdict, which goes to FILE.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "touch.h"

#define LIMIT	120		/* seconds, for each to end */

char locked[256];
static struct call *calls = all_calls;

void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void on_usr1(int sig)
{
	pid_t tid = syscall(SYS_gettid);

	for (int i = 0; calls[i].name; i++)
		if (calls[i].tid == tid)
			calls[i].word = 1;
}

static void *run(void *arg)
{
	struct call *c = arg;

	c->tid = syscall(SYS_gettid);
	__atomic_store_n(&c->called, 1, __ATOMIC_SEQ_CST);
	c->good = c->wait(c);
	__atomic_store_n(&c->returned, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static int sleeps(const struct call *c)
{
	char path[64], line[256], *p;
	int ret = 0;
	FILE *f;

	if (!__atomic_load_n(&c->called, __ATOMIC_SEQ_CST))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", c->tid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		ret = p[2] == 'S';
	if (f)
		fclose(f);
	return ret;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_usr1 };
	char go[256], verdict[2048] = "";
	struct timespec limit;
	sigset_t set;

	if (argc != 3)
		return 1;
	snprintf(go, sizeof(go), "%s.go", argv[2]);
	snprintf(locked, sizeof(locked), "%s.lock", argv[2]);
	if (!strcmp(argv[1], "ipc")) {
		calls = ipc_calls;
		if (unshare(CLONE_NEWIPC))
			fail("unshare");
	}
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; calls[i].name; i++) {
		if (calls[i].begin)
			calls[i].begin(&calls[i]);
		pthread_create(&calls[i].thread, NULL, run, &calls[i]);
	}
	for (int i = 0; calls[i].name; i++)
		while (!sleeps(&calls[i]))
			usleep(1000);
	touch(argv[2], ".ready", "");
	while (access(go, F_OK))
		usleep(10000);
	for (int i = 0; calls[i].name; i++) {
		struct call *c = &calls[i];
		const char *what = NULL;

		if (__atomic_load_n(&c->returned, __ATOMIC_SEQ_CST)) {
			what = "returned too early";
		} else {
			/* A call that is just being made again misses a wakeup. */
			while (!sleeps(c))
				usleep(1000);
			c->end(c);
			clock_gettime(CLOCK_REALTIME, &limit);
			limit.tv_sec += LIMIT;
			if (pthread_timedjoin_np(c->thread, NULL, &limit))
				what = "does not return";
			else if (!c->good)
				what = "wrong result";
		}
		if (what)
			snprintf(verdict + strlen(verdict),
				 sizeof(verdict) - strlen(verdict), "%s: %s\n",
				 c->name, what);
	}
	touch(argv[2], "", *verdict ? verdict : "ok");
	return 0;
}
