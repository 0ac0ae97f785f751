/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LIVEMIG_WRAPPER_SHMEM_H
#define _LIVEMIG_WRAPPER_SHMEM_H

#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/version.h>

/* Is a mapping shmem's: shmem_mapping() is exported from 6.12 on, before that
 * shmem_aops is.
 */
static inline bool lm_shmem_mapping(struct address_space *mapping)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return shmem_mapping(mapping);
#else
	return mapping->a_ops == &shmem_aops;
#endif
}

/* SEEK_DATA of hugetlbfs, which takes all below i_size for data: from @pos on, where
 * the next page is, or -ENXIO. Indexes in the page cache of such files count huge
 * pages before 6.7.
 */
static inline loff_t lm_hugetlb_data(struct address_space *mapping, loff_t pos)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	unsigned int shift = PAGE_SHIFT;
#else
	unsigned int shift = mapping->host->i_blkbits;
#endif
	unsigned long index = pos >> shift;

	if (!xa_find(&mapping->i_pages, &index, ULONG_MAX, XA_PRESENT))
		return -ENXIO;
	return max_t(loff_t, pos, (loff_t)index << shift);
}

#endif
