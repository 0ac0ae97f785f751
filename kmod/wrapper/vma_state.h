/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flags of mappings that older kernels do not know.
 */
#ifndef _LIVEMIG_WRAPPER_VMA_STATE_H
#define _LIVEMIG_WRAPPER_VMA_STATE_H

#include <linux/mm.h>
#include <linux/pkeys.h>

/* mseal(): from 6.10 on. */
static inline bool lm_vma_sealed(const struct vm_area_struct *vma)
{
#ifdef VM_SEALED
	return vma->vm_flags & VM_SEALED;
#else
	return false;
#endif
}

/* MAP_DROPPABLE: from 6.11 on. */
static inline bool lm_vma_droppable(const struct vm_area_struct *vma)
{
#ifdef VM_DROPPABLE
	return vma->vm_flags & VM_DROPPABLE;
#else
	return false;
#endif
}

/* MADV_GUARD_INSTALL was used: told from 6.18 on. */
static inline bool lm_vma_guarded(const struct vm_area_struct *vma)
{
#ifdef VM_MAYBE_GUARD
	return vma->vm_flags & VM_MAYBE_GUARD;
#else
	return false;
#endif
}

static inline bool lm_vma_shadow_stack(const struct vm_area_struct *vma)
{
#ifdef VM_SHADOW_STACK
	return vma->vm_flags & VM_SHADOW_STACK;
#else
	return false;
#endif
}

static inline bool lm_vma_userfaultfd(const struct vm_area_struct *vma)
{
#ifdef CONFIG_USERFAULTFD
	return vma->vm_userfaultfd_ctx.ctx;
#else
	return false;
#endif
}

static inline u16 lm_vma_pkey(const struct vm_area_struct *vma)
{
#ifdef CONFIG_ARCH_HAS_PKEYS
	return (vma->vm_flags & ARCH_VM_PKEY_FLAGS) >> VM_PKEY_SHIFT;
#else
	return 0;
#endif
}

/* The kernel's name of a mapping that it made itself: "[vdso]", ... */
static inline const char *lm_vma_special(struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->name ? vma->vm_ops->name(vma) : NULL;
}

#endif
