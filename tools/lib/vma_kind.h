/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds of mappings: what dump, check and restore have to know of each. */
#ifndef LM_VMA_KIND_H
#define LM_VMA_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/livemig.h>

struct lm_batch;
struct lm_error;
struct lm_proc;

enum lm_vma_object {
	LM_VMA_NO_OBJECT,
	LM_VMA_FILE,		/* ->object is the id of a FILE */
	LM_VMA_SHMEM,		/* ... of a SHMEM */
};

struct lm_vma_kind {
	const char *name;	/* for people */
	enum lm_vma_object object;
	bool private;		/* MAP_PRIVATE: writes are not seen by others */
	bool own;		/* its pages are those of the address space */
	bool kernel;		/* comes with the kernel: nobody maps it */
	bool not_inherited;	/* what a child gets by fork() is none, or nothing at all */
	/* Restore: makes one that mmap() cannot, NULL: it can; and what is called before
	 * it is unmapped.
	 */
	int (*make)(struct lm_proc *p, const struct livemig_vma *v, struct lm_error *e);
	void (*unmake)(struct lm_batch *b, const struct livemig_vma *v);
};

/* The kind of @v, never NULL: lm_model_check() refuses those that are not known. */
const struct lm_vma_kind *lm_vma_kind(const struct livemig_vma *v);
/* By number, from 0 on; NULL: there is none. */
const struct lm_vma_kind *lm_vma_kind_nr(size_t nr);

#endif
