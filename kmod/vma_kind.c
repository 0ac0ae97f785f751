// SPDX-License-Identifier: GPL-2.0
/*
 * The table of the kinds of mappings: how each is known, what of it cannot be
 * moved, and what object it shows.
 *
 * Locking: match and refusal are called with mmap_lock held for reading; object
 * without it, with a reference on the file.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/string.h>
#include "aio.h"
#include "file_kinds.h"
#include "shmem.h"
#include "state.h"
#include "vma_kind.h"
#include "wrapper/file_state.h"
#include "wrapper/vma_state.h"

static bool is_shared(const struct vm_area_struct *vma)
{
	return vma->vm_flags & VM_MAYSHARE;
}

/* ---- what the kernel maps ---- */

bool lm_vma_is_vdso(struct vm_area_struct *vma)
{
	const char *special = lm_vma_special(vma);

	return special && (!strcmp(special, "[vdso]") ||
			   !strncmp(special, "[vvar", 5));
}

static bool is_special(struct vm_area_struct *vma)
{
	return lm_vma_special(vma);
}

static const char *special_refusal(struct vm_area_struct *vma, bool *transient)
{
	return lm_vma_special(vma);
}

/* ---- memory without a file ---- */

/* A private mapping of /dev/zero is anonymous memory. */
static bool is_anon(struct vm_area_struct *vma)
{
	const struct file *f = vma->vm_file;

	return !f || (S_ISCHR(file_inode(f)->i_mode) && vma_is_anonymous(vma));
}

static bool is_ring(struct vm_area_struct *vma)
{
	return lm_is_ring(vma);
}

static const char *ring_refusal(struct vm_area_struct *vma, bool *transient)
{
	return lm_ring_unsupported(vma, transient);
}

/* ---- shared memory objects ---- */

static bool is_shmem(struct vm_area_struct *vma)
{
	return lm_is_shmem_object(vma->vm_file) && is_shared(vma);
}

static bool is_shmem_private(struct vm_area_struct *vma)
{
	return lm_is_shmem_object(vma->vm_file);
}

static const char *shmem_refusal(struct vm_area_struct *vma, bool *transient)
{
	const struct file *f = vma->vm_file;

	if (!is_vm_hugetlb_page(vma))
		return NULL;
	if (!strncmp(f->f_path.dentry->d_name.name, "SYSV", 4))
		return "System V shared memory in huge pages";
	if (!is_shared(vma) && file_inode(f)->i_blkbits != PMD_SHIFT)
		return "private memory in huge pages of another size than 2 MB";
	return NULL;
}

static int shmem_object(struct lm_dump *d, struct task_struct *t, struct file *f,
			u32 *id)
{
	return lm_shmem_object(d, f, id);
}

/* ---- files ---- */

static bool is_file_shared(struct vm_area_struct *vma)
{
	return is_shared(vma);
}

static bool is_file_private(struct vm_area_struct *vma)
{
	return true;
}

static const char *file_refusal(struct vm_area_struct *vma, bool *transient)
{
	if (is_vm_hugetlb_page(vma))
		return "mapping of a hugetlb file";
	if (!strcmp(file_inode(vma->vm_file)->i_sb->s_type->name, "secretmem"))
		return "secret memory (memfd_secret)";
	if (!strcmp(lm_anon_name(vma->vm_file), "[io_uring]"))
		return "mapping of an io_uring";
	if (!strcmp(lm_anon_name(vma->vm_file), "[perf_event]"))
		return "mapping of a perf event";
	return NULL;
}

static int file_object(struct lm_dump *d, struct task_struct *t, struct file *f,
		       u32 *id)
{
	if (!S_ISREG(file_inode(f)->i_mode))
		return lm_unsupported_path(d, t, -1, NULL, "mapping of",
					   lm_file_path(f));
	return lm_mapped_file(d, t, f, id);
}

/* The first that matches is the kind of a mapping; the last one always does. */
static const struct lm_vma_kind kinds[] = {
	{ LIVEMIG_VMA_VDSO, lm_vma_is_vdso },
	{ LIVEMIG_VMA_ANON, is_special, special_refusal },
	{ LIVEMIG_VMA_ANON, is_anon },
	{ LIVEMIG_VMA_AIO_RING, is_ring, ring_refusal },
	{ LIVEMIG_VMA_SHMEM, is_shmem, shmem_refusal, shmem_object },
	{ LIVEMIG_VMA_SHMEM_PRIVATE, is_shmem_private, shmem_refusal, shmem_object },
	{ LIVEMIG_VMA_FILE_SHARED, is_file_shared, file_refusal, file_object },
	{ LIVEMIG_VMA_FILE_PRIVATE, is_file_private, file_refusal, file_object },
};

/**
 * lm_vma_kind - find the entry of a mapping
 * @vma: the mapping
 */
const struct lm_vma_kind *lm_vma_kind(struct vm_area_struct *vma)
{
	const struct lm_vma_kind *k = kinds;

	while (!k->match(vma))
		k++;
	return k;
}

/**
 * lm_vma_refusal - tell what stands in the way of moving a mapping
 * @kind: its kind
 * @vma: the mapping
 * @transient: set where that may be over in a moment
 *
 * Return: the reason, or NULL.
 */
const char *lm_vma_refusal(const struct lm_vma_kind *kind,
			   struct vm_area_struct *vma, bool *transient)
{
	const char *why = kind->refusal ? kind->refusal(vma, transient) : NULL;

	if (why || kind->kind == LIVEMIG_VMA_VDSO)
		return why;
	if (lm_vma_userfaultfd(vma))
		return "userfaultfd";
	if (vma->vm_flags & (VM_PFNMAP | VM_IO | VM_MIXEDMAP))
		return "mapping of a device";
	if (vma->vm_flags & VM_SYNC)
		return "MAP_SYNC mapping";
	if (lm_vma_shadow_stack(vma))
		return "shadow stack";
	return NULL;
}
