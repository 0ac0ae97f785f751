/* SPDX-License-Identifier: GPL-2.0 */
/* Page tables as they are reached on each kernel. */
#ifndef _LIVEMIG_WRAPPER_PGTABLE_H
#define _LIVEMIG_WRAPPER_PGTABLE_H

#include <linux/mm.h>
#include <linux/mm_inline.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#include <linux/leafops.h>
#endif

static inline bool lm_pmd_is_table(pmd_t pmd)
{
	return !pmd_none(pmd) && pmd_present(pmd) && !pmd_leaf(pmd) &&
	       !pmd_bad(pmd);
}

/* A guard region (MADV_GUARD_INSTALL, from 6.13 on): there is no page. */
static inline bool lm_pte_guard(pte_t pte)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return softleaf_is_guard_marker(softleaf_from_pte(pte));
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return is_guard_swp_entry(pte_to_swp_entry(pte));
#else
	return false;
#endif
}

/* Is a page on its way to another place in memory? */
static inline bool lm_pte_migration(pte_t pte)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return softleaf_is_migration(softleaf_from_pte(pte));
#else
	return is_migration_entry(pte_to_swp_entry(pte));
#endif
}

/*
 * Map and lock the page table below @pmd. NULL: there is none (any more).
 * Undo it with pte_unmap_unlock(). From 6.5 on a table can be freed under the
 * mmap_lock for reading, and pte_offset_map_lock() is not exported: hold RCU,
 * lock, and look again.
 */
#ifdef __CHECKER__	/* cannot follow a lock that is taken sometimes */
pte_t *__lm_pte_lock(struct mm_struct *mm, pmd_t *pmd, unsigned long addr,
		     spinlock_t **ptlp);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define __lm_pte_rcu()	__acquire(RCU)
#else
#define __lm_pte_rcu()	do { } while (0)
#endif
#define lm_pte_lock(mm, pmd, addr, ptlp)				\
({									\
	pte_t *__pte = __lm_pte_lock(mm, pmd, addr, ptlp);		\
									\
	if (__pte) {							\
		__lm_pte_rcu();						\
		__acquire(*(ptlp));					\
	}								\
	__pte;								\
})
#else
static inline pte_t *lm_pte_lock(struct mm_struct *mm, pmd_t *pmd,
				 unsigned long addr, spinlock_t **ptlp)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	for (;;) {
		spinlock_t *ptl;
		pte_t *pte;
		pmd_t val;

		rcu_read_lock();
		val = pmdp_get_lockless(pmd);
		if (!lm_pmd_is_table(val)) {
			rcu_read_unlock();
			return NULL;
		}
		pte = __pte_map(&val, addr);
		ptl = pte_lockptr(mm, &val);
		spin_lock(ptl);
		if (likely(pmd_same(val, pmdp_get_lockless(pmd)))) {
			*ptlp = ptl;
			return pte;
		}
		pte_unmap_unlock(pte, ptl);
	}
#else
	if (!lm_pmd_is_table(READ_ONCE(*pmd)))
		return NULL;
	return pte_offset_map_lock(mm, pmd, addr, ptlp);
#endif
}
#endif

#endif
