/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flags of mappings that older kernels do not know.
 */
#ifndef _LIVEMIG_WRAPPER_VMA_STATE_H
#define _LIVEMIG_WRAPPER_VMA_STATE_H

#include <linux/mm.h>
#include <linux/pkeys.h>
#include <linux/sched/coredump.h>
#include <linux/version.h>

/* mseal(): from 6.10 on. */
#ifdef VM_SEALED
#define LM_VM_SEALED	VM_SEALED
#else
#define LM_VM_SEALED	0
#endif

/* MAP_DROPPABLE: from 6.11 on. */
#ifdef VM_DROPPABLE
#define LM_VM_DROPPABLE	VM_DROPPABLE
#else
#define LM_VM_DROPPABLE	0
#endif

/* Has it (or had it) breakpoints of uprobes; mm->flags is a bitmap of its own
 * type from 6.18 on.
 */
static inline bool lm_mm_has_uprobes(struct mm_struct *mm)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
	return mm_flags_test(MMF_HAS_UPROBES, mm);
#else
	return test_bit(MMF_HAS_UPROBES, &mm->flags);
#endif
}

/* MADV_GUARD_INSTALL was used: told from 6.19 on. */
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

/* What the program calls it. mmap_lock is held; shared memory can have one from 6.2
 * on, and before the name lay in the place of something that files have.
 */
static inline const char *lm_vma_anon_name(const struct vm_area_struct *vma)
{
#ifdef CONFIG_ANON_VMA_NAME
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	if (vma->vm_file)
		return NULL;
#endif
	return vma->anon_name ? vma->anon_name->name : NULL;
#else
	return NULL;
#endif
}

/* The kernel's name of a mapping that it made itself: "[vdso]", ... */
static inline const char *lm_vma_special(struct vm_area_struct *vma)
{
	return vma->vm_ops && vma->vm_ops->name ? vma->vm_ops->name(vma) : NULL;
}

#endif
