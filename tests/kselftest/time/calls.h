/* SPDX-License-Identifier: GPL-2.0-or-later */
/* System calls that wait, for the program calls: each is an entry of a table. */
#ifndef CALLS_H
#define CALLS_H

#include <pthread.h>

#define FAR	100000		/* seconds */

struct call {
	const char *name;
	/* In the thread: the call. Return: whether its result is right. */
	int (*wait)(struct call *c);
	/* In the first thread: before it begins, and what ends it. */
	void (*begin)(struct call *c);
	void (*end)(struct call *c);
	int fd[2], other;
	int word, tid, good, called, returned;
	unsigned long ring;
	pthread_t thread;
};

/* Tables, each up to an entry without a name. */
extern struct call all_calls[], ipc_calls[];

extern char locked[256];	/* FILE.lock */

/* Ends the program. */
void fail(const char *what);

#endif
