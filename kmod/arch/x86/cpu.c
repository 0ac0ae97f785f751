// SPDX-License-Identifier: GPL-2.0
/*
 * x86: what a peer must know of this host's CPU and vdso.
 *
 * Locking: none; nothing here changes while the kernel runs.
 */
#include <linux/elf.h>
#include <linux/mm_types.h>
#include <linux/regset.h>
#include <linux/sched.h>
#include <linux/xxhash.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/vdso.h>

#include "arch.h"

/**
 * lm_xstate_size() - size of the extended state of a task
 *
 * Return: bytes of an NT_X86_XSTATE note, 0 when there is none.
 */
u32 lm_xstate_size(void)
{
	const struct user_regset_view *view = task_user_regset_view(current);
	unsigned int i;

	for (i = 0; i < view->n; i++)
		if (view->regsets[i].core_note_type == NT_X86_XSTATE)
			return view->regsets[i].n * view->regsets[i].size;
	return 0;
}

/**
 * lm_xfeatures() - which extended states there are
 *
 * Return: XCR0, 0 when the CPU has no XSAVE.
 */
u64 lm_xfeatures(void)
{
	return boot_cpu_has(X86_FEATURE_OSXSAVE) ?
	       xgetbv(XCR_XFEATURE_ENABLED_MASK) : 0;
}

/**
 * lm_vdso_id() - fingerprint of a vdso
 * @mm: whose
 *
 * Equal numbers mean equal code at equal offsets, so that a return address
 * inside of it stays right. The image is what the pages of the mapping show.
 *
 * Return: xxh64 of the image, 0 when @mm has none.
 */
u64 lm_vdso_id(struct mm_struct *mm)
{
	const struct vdso_image *image = mm->context.vdso_image;

	return image ? xxh64(image->data, image->size, 0) : 0;
}
