/* SPDX-License-Identifier: GPL-2.0 */
/* Kinds of mappings. See vma_kind.c. */
#ifndef _LIVEMIG_VMA_KIND_H
#define _LIVEMIG_VMA_KIND_H

#include <linux/types.h>

struct file;
struct lm_dump;
struct task_struct;
struct vm_area_struct;

struct lm_vma_kind {
	u16 kind;		/* enum livemig_vma_kind */
	bool (*match)(struct vm_area_struct *vma);
	/* Why it cannot be moved, or NULL. NULL instead of it: it always can.
	 * @transient: set where that may be over in a moment.
	 */
	const char *(*refusal)(struct vm_area_struct *vma, bool *transient);
	/* The id of what @f, the mapping's file, is; dumps it at first sight.
	 * NULL: the mapping has no object. Return: 0, -ENOMEM, -EMSGSIZE.
	 */
	int (*object)(struct lm_dump *d, struct task_struct *t, struct file *f,
		      u32 *id);
};

const struct lm_vma_kind *lm_vma_kind(struct vm_area_struct *vma);
const char *lm_vma_refusal(const struct lm_vma_kind *kind,
			   struct vm_area_struct *vma, bool *transient);
/* The pages that user space calls instead of the kernel, and their data. */
bool lm_vma_is_vdso(struct vm_area_struct *vma);

#endif
