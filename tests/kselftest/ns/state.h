/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the program state share. */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "../check.h"

struct test {
	const char *name;
	void (*set)(void);	/* before the move */
	void (*get)(void);	/* after it */
};

extern const struct test pid_tests[];	/* pids.c */

/* FILE.suffix */
const char *beside(const char *suffix);
void write_file(const char *file, const char *text);
/* The first line, "" when it cannot be read. */
const char *text_of(const char *file);
unsigned long ns_ino(pid_t pid, const char *kind);

/* A child that calls @set, and when it is asked @get. */
pid_t child(void (*set)(void), bool (*get)(void));
bool child_says_yes(pid_t pid);

#endif
