// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What programs set by prctl() and arch_prctl() about themselves, their memory and the
 * CPU that they run on. What this host cannot do is refused before anything is made
 * (that of newer kernels: lacks.c).
 */
#include <asm/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "internal.h"
#include "newer.h"

/* ---- threads ---- */

/* In the order of LIVEMIG_THREAD_SPECULATION. */
static const struct {
	int what;
	const char *name;
	bool by_all;	/* what the host does for all tasks is as good */
} speculation[] = {
	{ PR_SPEC_STORE_BYPASS, "speculative store bypass", true },
	{ PR_SPEC_INDIRECT_BRANCH, "indirect branch speculation", true },
	/* The kernel says of one that it does not flush that it may not. */
	{ PR_SPEC_L1D_FLUSH, "flushing the L1D cache", false },
};
#define NR_SPECULATION (sizeof(speculation) / sizeof(*speculation))

static uint32_t asked_for(const struct lm_thread *t, size_t i)
{
	size_t n;
	const uint32_t *v = lm_array(t->obj.tb[LIVEMIG_THREAD_SPECULATION], sizeof(*v), &n);

	return n == NR_SPECULATION ? v[i] : 0;
}

static int state_here(size_t i)
{
	return prctl(PR_GET_SPECULATION_CTRL, speculation[i].what, 0, 0, 0);
}

/* A CPU that is not affected, or a kernel that protects all, has no choice to offer. */
static bool as_good_here(size_t i)
{
	int is = state_here(i);

	return is == PR_SPEC_NOT_AFFECTED ||
	       (speculation[i].by_all &&
		(is == PR_SPEC_DISABLE || is == PR_SPEC_FORCE_DISABLE));
}

static bool can_choose(size_t i)
{
	int is = state_here(i);

	return is > 0 && is & PR_SPEC_PRCTL;
}

static int check_thread(const struct lm_thread *t, struct lm_error *e)
{
	for (size_t i = 0; i < NR_SPECULATION; i++)
		if (asked_for(t, i) && !can_choose(i) && !as_good_here(i))
			return lm_fail(e, LM_REFUSED,
				       "thread %u: it has chosen its mitigation against %s (PR_SET_SPECULATION_CTRL), which cannot be chosen here; use a host with that CPU feature, and without mitigations=off",
				       t->tid, speculation[i].name);
	/* (it says that CPUID is allowed, as it is anyway) */
	if (lm_u32(t->obj.tb[LIVEMIG_THREAD_FLAGS]) & LIVEMIG_THREAD_F_NO_CPUID &&
	    syscall(__NR_arch_prctl, ARCH_SET_CPUID, 1))
		return lm_fail(e, LM_REFUSED,
			       "thread %u: faulting CPUID (ARCH_SET_CPUID): this CPU has not got it; use a host with it",
			       t->tid);
	return 0;
}

void lm_prctl_thread(struct lm_batch *b, const struct lm_thread *t)
{
	const uint32_t flags = lm_u32(t->obj.tb[LIVEMIG_THREAD_FLAGS]);

	for (size_t i = 0; i < NR_SPECULATION; i++)
		if (asked_for(t, i) && can_choose(i))
			lm_batch_add(b, __NR_prctl, PR_SET_SPECULATION_CTRL,
				     speculation[i].what, asked_for(t, i), 0, 0);
	if (flags & LIVEMIG_THREAD_F_IO_FLUSHER)
		lm_batch_add(b, __NR_prctl, PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	if (flags & (LIVEMIG_THREAD_F_MCE_EARLY | LIVEMIG_THREAD_F_MCE_LATE))
		lm_batch_add(b, __NR_prctl, PR_MCE_KILL, PR_MCE_KILL_SET,
			     flags & LIVEMIG_THREAD_F_MCE_EARLY ? PR_MCE_KILL_EARLY :
			     PR_MCE_KILL_LATE, 0, 0);
	if (flags & LIVEMIG_THREAD_F_NO_TSC)
		lm_batch_add(b, __NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0);
	if (flags & LIVEMIG_THREAD_F_NO_CPUID)
		lm_batch_add(b, __NR_arch_prctl, ARCH_SET_CPUID, 0, 0, 0, 0);
}

/* ---- processes ---- */

/* The kernel's state for these is made when a thread first uses them, and by nothing
 * else: to have them in registers already it would have to be a program.
 */
#define LARGE_XFEATURES	(1ULL << 18)	/* AMX: the tiles */
#define XSTATE_HEADER	512		/* offset of its first word: what is in use */

const struct lm_thread *lm_xstate_impossible(const struct lm_process *mp)
{
	for (size_t i = 0; i < mp->nr_threads; i++) {
		const struct nlattr *a = mp->threads[i]->obj.tb[LIVEMIG_THREAD_XSTATE];
		uint64_t used;

		if (lm_len(a) < XSTATE_HEADER + sizeof(used))
			continue;
		memcpy(&used, (const char *)lm_data(a) + XSTATE_HEADER, sizeof(used));
		if (used & LARGE_XFEATURES)
			return mp->threads[i];
	}
	return NULL;
}

static uint64_t perm_of(const struct lm_process *mp)
{
	return lm_u64(mp->obj.tb[LIVEMIG_PROCESS_XCOMP_PERM]);
}

static int check_process(const struct lm_process *mp, struct lm_error *e)
{
	const struct lm_thread *t = lm_xstate_impossible(mp);
	uint64_t here = 0;

	if (t)
		return lm_fail(e, LM_REFUSED, "pid %u thread %u: " LM_XSTATE_LOST,
			       mp->pid, t->tid);
	if (perm_of(mp))
		syscall(__NR_arch_prctl, ARCH_GET_XCOMP_SUPP, &here);
	if (perm_of(mp) & ~here)
		return lm_fail(e, LM_REFUSED,
			       "pid %u: it has asked for AMX (ARCH_REQ_XCOMP_PERM), which is not to be had here (xfeatures %#llx); use a host with it",
			       mp->pid, (unsigned long long)(perm_of(mp) & ~here));
	return 0;
}

int lm_prctl_check(const struct lm_model *m, struct lm_error *e)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		if (check_process(m->procs[i], e))
			return -1;
		for (size_t j = 0; j < m->procs[i]->nr_threads; j++)
			if (check_thread(m->procs[i]->threads[j], e))
				return -1;
	}
	return 0;
}

void lm_prctl_process(struct lm_batch *b, const struct lm_process *mp)
{
	const uint32_t flags = lm_u32(mp->obj.tb[LIVEMIG_PROCESS_FLAGS]);

	if (flags & LIVEMIG_PROCESS_F_THP_DISABLE)
		lm_batch_add(b, __NR_prctl, PR_SET_THP_DISABLE, 1,
			     flags & LIVEMIG_PROCESS_F_THP_ADVISED ?
			     PR_THP_DISABLE_EXCEPT_ADVISED : 0, 0, 0);
	for (int i = 0; i < 64; i++)
		if (perm_of(mp) >> i & 1)
			lm_batch_add(b, __NR_arch_prctl, ARCH_REQ_XCOMP_PERM, i, 0, 0, 0);
}

/* Merging is allowed for all mappings at once; some were taken out since. */
static int merge(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	if (lm_remote_syscall(p->remote, e, __NR_prctl, PR_SET_MEMORY_MERGE, 1, 0, 0, 0) < 0)
		return -1;
	for (size_t i = 0; i < mm->nr_vmas; i++) {
		const struct livemig_vma *v = &mm->vmas[i];

		if (!lm_vma_kind(v)->kernel && !(v->flags & LIVEMIG_VMA_F_MERGEABLE))
			lm_remote_syscall(p->remote, NULL, __NR_madvise, v->start,
					  v->end - v->start, MADV_UNMERGEABLE);
	}
	return 0;
}

int lm_prctl_mm(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	const uint32_t flags = lm_u32(mm->obj.tb[LIVEMIG_MM_FLAGS]);
	const uint32_t bits = flags & LIVEMIG_MM_F_MDWE_NO_INHERIT ?
		PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT : PR_MDWE_REFUSE_EXEC_GAIN;

	if (flags & LIVEMIG_MM_F_MERGE_ANY && merge(p, mm, e))
		return lm_prefix(e, "pid %u: PR_SET_MEMORY_MERGE", p->pid);
	if (flags & LIVEMIG_MM_F_MDWE &&
	    lm_remote_syscall(p->remote, e, __NR_prctl, PR_SET_MDWE, bits, 0, 0, 0) < 0)
		return lm_prefix(e, "pid %u: PR_SET_MDWE", p->pid);
	return 0;
}
