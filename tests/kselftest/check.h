/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * check() of programs that say in the end whether they are what they were: what was
 * not as it must be is remembered, the first of it, and nothing is ended by it. Each
 * program has its wrong[].
 */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What is wrong first; empty: nothing. */
extern char wrong[1024];

#define check(cond) do {						\
	if (!(cond) && !*wrong)						\
		snprintf(wrong, sizeof(wrong), "%s:%d: %s (errno %d: %s)", \
			 __FILE__, __LINE__, #cond, errno, strerror(errno)); \
} while (0)

#endif
