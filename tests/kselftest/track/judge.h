/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container of mutators, tracked through some rounds, and what came of it. */
#ifndef JUDGE_H
#define JUDGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "box.h"
#include "mutate.h"
#include "round.h"

struct trial {
	unsigned int what;	/* M_* */
	unsigned int flags;	/* UNSAFE_*, PATCHES, HOT of every round */
	int rounds;
	int procs;		/* 1 or 2 */
};

struct verdict {
	int err;		/* of a round, or of freezing */
	long bad;		/* pages that differ */
	long bad_in[16];	/* by region */
	struct stats first, last, sum;
};

/* Makes the container, @rounds live rounds, freezes, the final round, compares,
 * ends it.
 */
void trial_run(struct fam *nl, const struct trial *t, struct verdict *v);
/* The memory of frozen process @pid, which has address space @mm, compared. */
void judge(struct shadow *s, pid_t pid, uint32_t mm, struct verdict *v);

#endif
