/* SPDX-License-Identifier: GPL-2.0 */
/* Is a mapping shmem's: shmem_mapping() is exported from 6.12 on, before that
 * shmem_aops is.
 */
#ifndef _LIVEMIG_WRAPPER_SHMEM_H
#define _LIVEMIG_WRAPPER_SHMEM_H

#include <linux/shmem_fs.h>
#include <linux/version.h>

static inline bool lm_shmem_mapping(struct address_space *mapping)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return shmem_mapping(mapping);
#else
	return mapping->a_ops == &shmem_aops;
#endif
}

#endif
