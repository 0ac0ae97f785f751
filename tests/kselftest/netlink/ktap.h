/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line a test, KTAP. A test ends the program only when nothing after it
 * could be judged (need()).
 */
#ifndef KTAP_H
#define KTAP_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* (weak: one of each for all files of a program) */
__attribute__((weak)) int ktap_n, ktap_failed;

static inline bool check_at(bool ok, const char *file, int line, const char *name)
{
	ktap_n++;
	if (!ok) {
		printf("# %s:%d\n", file, line);
		ktap_failed++;
	}
	printf("%sok %d - %s\n", ok ? "" : "not ", ktap_n, name);
	fflush(stdout);
	return ok;
}

#define check(cond, name) check_at(cond, __FILE__, __LINE__, name)

#define need(cond, name) do {						\
	if (!check(cond, name)) {					\
		printf("Bail out! nothing else can be judged\n");	\
		exit(1);						\
	}								\
} while (0)

static inline void ktap_begin(void)
{
	printf("TAP version 13\n");
	fflush(stdout);		/* children must not print it again */
}

/* The plan comes last. Return: the exit status. */
static inline int ktap_end(void)
{
	printf("1..%d\n", ktap_n);
	return ktap_failed ? 1 : 0;
}

#endif
