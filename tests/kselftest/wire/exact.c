// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that changes in every way, sent by differences and copies, against
 * ground truth: as ../track/exact.c.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/livemig.h>

#include "judge.h"
#include "ktap.h"

static struct fam nl;

static void trial(const char *name, unsigned int what, int procs, int rounds)
{
	struct trial t = { .what = what, .rounds = rounds, .procs = procs,
			   .flags = LIVEMIG_PAGES_F_PATCHES };
	struct verdict v;

	if (getenv("VM_KERNEL") && !strcmp(getenv("VM_KERNEL"), "debug"))
		t.rounds = rounds < 8 ? 2 : rounds / 4;	/* (the first has no differences) */
	trial_run(&nl, &t, &v);
	printf("# %s: first %llu pages, then %llu whole, %llu differences, %llu copies; last %llu, %llu, %llu; err %d\n",
	       name, (unsigned long long)v.first.v[LIVEMIG_STATS_DATA],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_DATA],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_DELTA],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_COPY],
	       (unsigned long long)v.last.v[LIVEMIG_STATS_DATA],
	       (unsigned long long)v.last.v[LIVEMIG_STATS_DELTA],
	       (unsigned long long)v.last.v[LIVEMIG_STATS_COPY], v.err);
	check(!v.err && !v.bad && v.sum.v[LIVEMIG_STATS_DELTA] &&
	      v.last.v[LIVEMIG_STATS_DELTA], name);
}

int main(void)
{
	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	trial("writers", M_WRITE, 1, 10);
	trial("shared memory", M_WRITE | M_SHARED | M_ZAP, 2, 10);
	trial("mappings that come, go and move, swap",
	      M_WRITE | M_CHURN | M_MPROT | M_REMAP | M_SWAP, 1, 10);
	trial("fork", M_WRITE | M_FORK, 1, 5);
	return ktap_end();
}
