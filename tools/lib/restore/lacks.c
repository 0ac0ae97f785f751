// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What newer kernels can do with memory, and this one perhaps cannot: found out before
 * anything is made, while the container still runs elsewhere.
 */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "internal.h"
#include "newer.h"

#define PAGE	LIVEMIG_REC_PAGE

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

static bool has(const struct lm_mm *mm, uint32_t flag)
{
	for (size_t i = 0; i < mm->nr_vmas; i++)
		if (mm->vmas[i].flags & flag)
			return true;
	return false;
}

static bool sealed(const struct lm_mm *mm)
{
	return has(mm, LIVEMIG_VMA_F_SEALED);
}

static bool droppable(const struct lm_mm *mm)
{
	return has(mm, LIVEMIG_VMA_F_DROPPABLE);
}

static bool guarded(const struct lm_mm *mm)
{
	return mm->obj.tb[LIVEMIG_MM_GUARDS];
}

int lm_check_lacks(const struct lm_restorer *r, struct lm_error *e)
{
	static const struct {
		const char *what, *since;
		bool (*needed)(const struct lm_mm *mm);
		bool (*here)(void);
	} all[] = {
		{ "sealed memory (mseal)", "6.10", sealed, can_seal },
		{ "droppable memory (MAP_DROPPABLE)", "6.11", droppable, can_drop },
		{ "guard regions (MADV_GUARD_INSTALL)", "6.13", guarded, can_guard },
	};
	struct utsname u;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (size_t j = 0; j < r->m.nr_procs; j++) {
			const struct lm_process *p = r->m.procs[j];

			if (!p->mm || !all[i].needed(p->mm) || all[i].here())
				continue;
			uname(&u);
			return lm_fail(e, LM_REFUSED,
				       "pid %u: %s: Linux %s has that, this is %s; use a host with a newer kernel",
				       p->pid, all[i].what, all[i].since, u.release);
		}
	return 0;
}
