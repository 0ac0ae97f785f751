/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that know what must become of their tasks. Each test is an entry in
 * a table of its file: set() makes the state, get() looks at it after the move
 * and check()s it. Both run in the first process of the container.
 */
#ifndef TASKS_H
#define TASKS_H

#include <stdbool.h>
#include <sys/types.h>

#include "../check.h"

struct test {
	const char *name;
	void (*set)(void);
	void (*get)(void);
	const char *(*lacks)(void);	/* why it cannot run here, or NULL */
	bool leaves;			/* the main thread ends after set() */
};

extern const struct test session_tests[], zombie_tests[], ended_tests[], seccomp_tests[];
extern const struct test attr_tests[], job_tests[], fs_tests[];
extern const struct test cpu_tests[], futex_tests[], shared_tests[], vector_tests[];
extern const struct test refuse_tests[];

/* A file that somebody writes a 1 to while the program is away, if it is there. */
extern char mark_file[512];

/* main.c */
/* A child that has called @start() and then waits: for SIGUSR1, at which it
 * exits with status 7. Returns when it waits. @start may be NULL.
 */
pid_t waiter(void (*start)(void));
void wait_usr1(void);		/* SIGUSR1 is blocked in all, from the start */
void wait_here(void);		/* what it does, without coming back */
int status_of(pid_t pid);	/* waits for it; -1: it is not there */
/* Polls /proc until the process is in one of @states; false: it never is. */
bool wait_state(pid_t pid, const char *states);
/* Field of /proc/PID/stat by its number in proc(5), 4 and up. */
long long stat_field(pid_t pid, int n);
/* The text after "@key:\t" in /proc/PID/status, or "". */
const char *status_line(pid_t pid, const char *key);

#endif
