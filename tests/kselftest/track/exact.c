// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tracking against ground truth: memory that changes in every way through live
 * rounds, then frozen, one last round, and compared byte for byte.
 *
 * exact [PART OF A NAME]: only the tests that have it in their name.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/livemig.h>

#include "judge.h"
#include "ktap.h"

static struct fam nl;
static const char *only = "";

static void trial(const char *name, unsigned int what, int procs, int rounds,
		  unsigned int flags)
{
	struct trial t = { .what = what, .rounds = rounds, .procs = procs,
			   .flags = flags };
	struct verdict v;

	if (!strstr(name, only))
		return;
	/* Everything takes five to ten times as long there. */
	if (getenv("VM_KERNEL") && !strcmp(getenv("VM_KERNEL"), "debug"))
		t.rounds = rounds / 4;
	trial_run(&nl, &t, &v);
	printf("# %s: first %llu pages, then %llu dirty, %llu sent, %llu same, %llu holes; last %llu dirty, %llu sent; err %d\n",
	       name, (unsigned long long)v.first.v[LIVEMIG_STATS_DATA],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_DIRTY],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_DATA],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_SAME],
	       (unsigned long long)v.sum.v[LIVEMIG_STATS_HOLE],
	       (unsigned long long)v.last.v[LIVEMIG_STATS_DIRTY],
	       (unsigned long long)v.last.v[LIVEMIG_STATS_DATA], v.err);
	check(!v.err && !v.bad, name);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		only = argv[1];
	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	trial("writers", M_WRITE, 1, 10, 0);
	trial("mmap, munmap, DONTNEED", M_CHURN, 1, 10, 0);
	trial("mprotect", M_MPROT, 1, 10, 0);
	trial("shared memory, zapped", M_SHARED | M_ZAP, 2, 10, 0);
	trial("mremap of whole tables, small and of huge pages", M_REMAP, 1, 20, 0);
	trial("swap", M_WRITE | M_SWAP, 1, 10, 0);
	trial("fork", M_WRITE | M_FORK, 1, 10, 0);
	trial("one CPU without a system call", M_TIGHT, 1, 10, 0);
	trial("everything, two processes", M_WRITE | M_CHURN | M_MPROT |
	      M_SHARED | M_ZAP | M_FORK | M_REMAP | M_SWAP, 2, 20, 0);
	trial("writers, hot pages", M_WRITE, 1, 10, LIVEMIG_PAGES_F_HOT);
	trial("everything, hot pages", M_WRITE | M_CHURN | M_MPROT |
	      M_SHARED | M_ZAP | M_FORK | M_REMAP | M_SWAP, 2, 20,
	      LIVEMIG_PAGES_F_HOT);
	return ktap_end();
}
