/* SPDX-License-Identifier: GPL-2.0 */
/* Rings of AIO contexts (io_setup()). */
#ifndef _LIVEMIG_AIO_H
#define _LIVEMIG_AIO_H

#include <linux/types.h>

struct vm_area_struct;

bool lm_is_ring(const struct vm_area_struct *vma);
const char *lm_ring_unsupported(const struct vm_area_struct *vma, bool *transient);

#endif
