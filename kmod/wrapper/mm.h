/* SPDX-License-Identifier: GPL-2.0 */
/* Address spaces: flags of VMAs and foreign pages. */
#ifndef _LIVEMIG_WRAPPER_MM_H
#define _LIVEMIG_WRAPPER_MM_H

#include <linux/mm.h>
#include <linux/version.h>

/* Caller holds mmap_lock for writing. vm_flags is const from 6.3 on. */
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

#endif
