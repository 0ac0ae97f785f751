/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Things that cannot be moved: set() makes one, get() shows that it is still there, and
 * works, when that was said. One file for each sort of things; main.c asks migctl.
 */
#ifndef REFUSED_H
#define REFUSED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../check.h"

/* What the line tells of. */
enum of { OF_PROCESS, OF_FILE, OF_ALL, OF_NOTHING /* it moves */ };

struct thing {
	const char *name;
	void (*set)(void), (*get)(void);	/* get may be NULL */
	enum of of;
	const char *what;			/* "%" is FILE, see name() */
};

/* Tables, each up to an entry without a name. */
extern const struct thing task_things[], space_things[], memory_things[], file_things[];
extern const struct thing ring_things[], socket_things[];

/* This kernel or machine has not got it: the test is skipped. */
#define need(cond) do {							\
	if (!(cond) && !*wrong)						\
		snprintf(wrong, sizeof(wrong), "none: %s: %s", #cond,	\
			 strerror(errno));				\
	if (*wrong)							\
		return;							\
} while (0)

/* "FILE.@suffix", FILE is in a directory for the tests; good for four calls. */
const char *name(const char *suffix);
void write_file(const char *file, const char *text);	/* or exits */
int file_with(const char *path, const char *text);	/* open for reading and writing */
bool run(const char *command);				/* of the shell */

/* A thread, or a child, that does @set, and @get when it is asked. @set false: it is
 * skipped. Each test may have one.
 */
void thread(bool (*set)(void), bool (*get)(void));
bool thread_says_yes(void);
pid_t child(bool (*set)(void), bool (*get)(void));
/* A child whose main thread has ended: another does it. */
pid_t orphan_thread(bool (*set)(void), bool (*get)(void));
bool child_says_yes(pid_t pid);

/* Begins again, at set(), by an exec of the program at @exe; false: it has. */
bool again(const char *exe);
/* The same in a mount namespace of its own. */
bool again_in_mounts(void);
/* A child that leaves the container does @what and ends, with its parent at the latest. */
void outside(void (*what)(void));
/* The cgroup @name below the container's; it is removed in the end. */
const char *cgroup_below(const char *name);

#endif
