// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What newer kernels can do, and this one perhaps cannot: found out before
 * anything is made, while the container still runs elsewhere.
 */
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"
#include "newer.h"

#define PAGE	LIVEMIG_REC_PAGE
#define WEIGHTED_INTERLEAVE 6	/* MPOL_WEIGHTED_INTERLEAVE, linux/mempolicy.h of 6.9 */

static bool can_seal(void)
{
	return !syscall(__NR_mseal, 0, 0, 0);
}

static bool can_map(int flags, int advice)
{
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	bool can = p != MAP_FAILED && (!advice || !madvise(p, PAGE, advice));

	if (p != MAP_FAILED)
		munmap(p, PAGE);
	return can;
}

static bool can_drop(void)
{
	return can_map(MAP_DROPPABLE, 0);
}

static bool can_guard(void)
{
	return can_map(MAP_PRIVATE, MADV_GUARD_INSTALL);
}

static bool can_deny_exec(void)
{
	return prctl(PR_GET_MDWE, 0, 0, 0, 0) >= 0;
}

static bool can_merge(void)
{
	return prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) >= 0;
}

/* Of what cannot be tried without doing it to ourselves. */
static bool is_since(unsigned int major, unsigned int minor)
{
	unsigned int is_major = 0, is_minor = 0;
	struct utsname u;

	uname(&u);
	sscanf(u.release, "%u.%u", &is_major, &is_minor);
	return is_major > major || (is_major == major && is_minor >= minor);
}

static bool can_deny_once(void)
{
	return can_deny_exec() && is_since(6, 6);
}

static bool can_advise(void)
{
	return is_since(6, 18);
}

/* -1: the kernel's own, which we have. */
static bool can_clamp(void)
{
	const struct sched_attr a = {
		.size = sizeof(a),
		.sched_flags = SCHED_FLAG_KEEP_ALL | SCHED_FLAG_UTIL_CLAMP_MIN,
		.sched_util_min = UINT32_MAX,
	};

	return !syscall(__NR_sched_setattr, 0, &a, 0);
}

static bool can_slice(void)
{
	return is_since(6, 12);
}

static bool has(const struct lm_mm *mm, uint32_t flag)
{
	for (size_t i = 0; i < mm->nr_vmas; i++)
		if (mm->vmas[i].flags & flag)
			return true;
	return false;
}

static bool sealed(const struct lm_process *p)
{
	return has(p->mm, LIVEMIG_VMA_F_SEALED);
}

static bool droppable(const struct lm_process *p)
{
	return has(p->mm, LIVEMIG_VMA_F_DROPPABLE);
}

static bool guarded(const struct lm_process *p)
{
	return p->mm->obj.tb[LIVEMIG_MM_GUARDS];
}

static uint32_t mm_flags(const struct lm_process *p)
{
	return lm_u32(p->mm->obj.tb[LIVEMIG_MM_FLAGS]);
}

static bool denies_exec(const struct lm_process *p)
{
	return mm_flags(p) & LIVEMIG_MM_F_MDWE;
}

static bool denies_once(const struct lm_process *p)
{
	return mm_flags(p) & LIVEMIG_MM_F_MDWE_NO_INHERIT;
}

static bool merges(const struct lm_process *p)
{
	return mm_flags(p) & LIVEMIG_MM_F_MERGE_ANY;
}

static bool advised(const struct lm_process *p)
{
	return lm_u32(p->obj.tb[LIVEMIG_PROCESS_FLAGS]) & LIVEMIG_PROCESS_F_THP_ADVISED;
}

static bool clamped(const struct lm_process *p)
{
	for (size_t i = 0; i < p->nr_threads; i++)
		if (lm_attrs_has_clamp(p->threads[i]))
			return true;
	return false;
}

static bool sliced(const struct lm_process *p)
{
	for (size_t i = 0; i < p->nr_threads; i++)
		if (lm_attrs_has_slice(p->threads[i]))
			return true;
	return false;
}

static bool weights_nodes(const struct lm_process *p)
{
	return lm_numa_uses(p, WEIGHTED_INTERLEAVE);
}

static bool can_weight(void)
{
	return is_since(6, 9);
}

int lm_check_lacks(const struct lm_restorer *r, struct lm_error *e)
{
	static const struct {
		const char *what, *since;
		bool (*needed)(const struct lm_process *p);
		bool (*here)(void);
	} all[] = {
		{ "sealed memory (mseal)", "6.10", sealed, can_seal },
		{ "droppable memory (MAP_DROPPABLE)", "6.11", droppable, can_drop },
		{ "guard regions (MADV_GUARD_INSTALL)", "6.13", guarded, can_guard },
		{ "PR_SET_MDWE", "6.3", denies_exec, can_deny_exec },
		{ "PR_SET_MDWE for one process", "6.6", denies_once, can_deny_once },
		{ "PR_SET_MEMORY_MERGE", "6.4", merges, can_merge },
		{ "huge pages only where they are advised (PR_SET_THP_DISABLE)", "6.18",
		  advised, can_advise },
		{ "limits of utilization (sched_setattr, CONFIG_UCLAMP_TASK)", "5.3",
		  clamped, can_clamp },
		{ "time slices (sched_setattr)", "6.12", sliced, can_slice },
		{ "MPOL_WEIGHTED_INTERLEAVE", "6.9", weights_nodes, can_weight },
	};
	struct utsname u;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (size_t j = 0; j < r->m.nr_procs; j++) {
			const struct lm_process *p = r->m.procs[j];

			if (!p->mm || !all[i].needed(p) || all[i].here())
				continue;
			uname(&u);
			return lm_fail(e, LM_REFUSED,
				       "pid %u: %s: Linux %s has that, this is %s; use a host with a newer kernel",
				       p->pid, all[i].what, all[i].since, u.release);
		}
	return 0;
}
