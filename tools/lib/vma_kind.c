// SPDX-License-Identifier: LGPL-2.1-or-later
#include "vma_kind.h"
#include "restore/internal.h"

static const struct lm_vma_kind kinds[] = {
	[LIVEMIG_VMA_ANON] = { .name = "anonymous", .private = true, .own = true },
	[LIVEMIG_VMA_FILE_PRIVATE] = { .name = "private file", .object = LM_VMA_FILE,
				       .private = true, .own = true },
	[LIVEMIG_VMA_FILE_SHARED] = { .name = "shared file", .object = LM_VMA_FILE },
	[LIVEMIG_VMA_SHMEM] = { .name = "shared memory", .object = LM_VMA_SHMEM },
	[LIVEMIG_VMA_VDSO] = { .name = "vdso", .kernel = true },
	[LIVEMIG_VMA_SHMEM_PRIVATE] = { .name = "private shared memory",
					.object = LM_VMA_SHMEM,
					.private = true, .own = true },
	[LIVEMIG_VMA_VSYSCALL] = { .name = "vsyscall", .kernel = true },
	[LIVEMIG_VMA_AIO_RING] = { .name = "AIO ring", .own = true, .not_inherited = true,
				  .make = lm_ring_make, .unmake = lm_ring_unmake },
};

const struct lm_vma_kind *lm_vma_kind_nr(size_t nr)
{
	return nr < sizeof(kinds) / sizeof(*kinds) ? &kinds[nr] : NULL;
}

const struct lm_vma_kind *lm_vma_kind(const struct livemig_vma *v)
{
	static const struct lm_vma_kind unknown = { .name = "unknown" };
	const struct lm_vma_kind *k = lm_vma_kind_nr(v->kind);

	return k ? k : &unknown;
}
