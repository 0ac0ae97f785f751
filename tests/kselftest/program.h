/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that knows what must become of it, for areas that dump and restore
 * (move.sh): "PROGRAM TEST FILE" sets the state of TEST up, makes FILE.ready, waits
 * until FILE.go is there (meanwhile it is moved), looks again, and writes "ok" or
 * what is wrong to FILE. The area defines all_tests; program.c is the rest.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>

#include "check.h"

struct test {
	const char *name;
	void (*set)(void), (*get)(void);	/* may be NULL */
};

/* Tables, each up to an entry without a name; NULL is the end. */
extern const struct test *const all_tests[];

/* "FILE.@suffix"; good for four calls. */
const char *name(const char *suffix);
void write_file(const char *file, const char *text);	/* or exits */
void wait_for(const char *file);		/* until it is there */

#endif
