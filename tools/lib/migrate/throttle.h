/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The last resort of rounds that do not get ahead of a program: it gets less of the
 * processors, by cpu.max of its cgroup.
 */
#ifndef LM_THROTTLE_H
#define LM_THROTTLE_H

#include <limits.h>
#include <stdint.h>

#include "../error.h"

struct lm_undo;

struct lm_throttle {
	struct lm_undo *undo;
	uint32_t percent;	/* of one processor; 0: it has what it had */
};

/* Could it be done? LM_REFUSED. @dir: the container's cgroup. */
int lm_throttle_check(const char *dir, struct lm_error *e);
/* Half of what it has. Return: 1; 0: it has too little already; -1. */
int lm_throttle_more(struct lm_throttle *t, const char *dir, struct lm_error *e);
/* As it was. The death of this process does it, too. */
void lm_throttle_end(struct lm_throttle *t);

#endif
