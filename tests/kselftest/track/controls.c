// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The negative controls: each flag breaks the tracker in one way, and the
 * comparison of exact.c must see it. They prove that it can.
 */
#include <linux/livemig.h>
#include <sched.h>

#include "judge.h"
#include "ktap.h"

static struct fam nl;

static void control(const char *name, unsigned int what, unsigned int flags,
		    int procs)
{
	struct trial t = { .what = what, .flags = flags, .rounds = 10,
			   .procs = procs };
	struct verdict v;
	int try;

	/* Losing a page takes the right moment. */
	for (try = 0; try < 40; try++) {
		trial_run(&nl, &t, &v);
		if (v.err || v.bad)
			break;
	}
	printf("# %s: %ld pages lost in try %d, err %d\n", name, v.bad, try + 1,
	       v.err);
	check(!v.err && v.bad > 0 && v.bad < 1000000, name);
}

int main(void)
{
	cpu_set_t set;

	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	control("VM_SOFTDIRTY left set loses pages", M_MPROT,
		LIVEMIG_PAGES_F_UNSAFE_NOVMA, 1);
	control("trusting the entries of shared memory loses pages",
		M_SHARED | M_ZAP, LIVEMIG_PAGES_F_UNSAFE_SHMEM, 1);
	/* The writer never leaves CPU 0, so we must. */
	CPU_ZERO(&set);
	CPU_SET(1, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		printf("ok %d no TLB flush loses pages # SKIP one CPU only\n",
		       ++ktap_n);
		return ktap_end();
	}
	control("no TLB flush loses pages", M_TIGHT,
		LIVEMIG_PAGES_F_UNSAFE_NOFLUSH, 1);
	return ktap_end();
}
