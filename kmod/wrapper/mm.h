/* SPDX-License-Identifier: GPL-2.0 */
/* Address spaces: flags of VMAs and foreign pages. */
#ifndef _LIVEMIG_WRAPPER_MM_H
#define _LIVEMIG_WRAPPER_MM_H

#include <linux/mm.h>
#include <linux/version.h>

/* Caller holds mmap_lock for writing. vm_flags is const from 6.3 on. */
static inline void lm_vma_set_flags(struct vm_area_struct *vma,
				    unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

static inline void lm_vma_clear_flags(struct vm_area_struct *vma,
				      unsigned long flags)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_clear(vma, flags);
#else
	vma->vm_flags &= ~flags;
#endif
}

/* Caller holds mmap_lock and drops the references with put_page(). The vmas
 * argument went with 6.5.
 */
static inline long lm_get_user_pages(struct mm_struct *mm, unsigned long addr,
				     unsigned long n, unsigned int flags,
				     struct page **pages)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	return get_user_pages_remote(mm, addr, n, flags, pages, NULL);
#else
	return get_user_pages_remote(mm, addr, n, flags, pages, NULL, NULL);
#endif
}

/*
 * May a device, or somebody by another mapping, write to an anonymous page behind its page
 * table entry. Not all of them pin it (up to 6.4 direct I/O does not, later that of NFS,
 * and ptrace()), so any reference that is no mapping counts. That is too often true
 * (batches of the LRU lists), which costs a hash.
 */
static inline bool lm_page_in_io(struct page *page)
{
	struct folio *folio = page_folio(page);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	/* (before that a large folio's mappings are counted by what is not exported) */
	long before = folio_ref_count(folio), refs = folio_mapcount(folio);

	if (folio_test_swapcache(folio))
		refs += folio_nr_pages(folio);
	/* A mapping may go while they are counted. */
	if (max_t(long, before, folio_ref_count(folio)) > refs)
		return true;
#elif LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	long i, nr = folio_nr_pages(folio), refs = 0, before = folio_ref_count(folio);

	for (i = 0; i < nr; i++)	/* folio_mapcount() is not exported */
		refs += atomic_read(&folio_page(folio, i)->_mapcount) + 1;
	if (nr > 1) {
		refs += compound_mapcount(&folio->page);
		if (PageDoubleMap(&folio->page))
			refs -= nr;
	}
	if (folio_test_swapcache(folio))
		refs += nr;
	if (max_t(long, before, folio_ref_count(folio)) > refs)
		return true;
#endif
	return folio_maybe_dma_pinned(folio);
}

#endif
