// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory in huge pages of hugetlb: are there enough of them, and what is in them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

uint32_t lm_huge_shift(const struct lm_shmem *s)
{
	return s ? lm_u32(s->obj.tb[LIVEMIG_SHMEM_HUGE_SHIFT]) : 0;
}

/* ---- are there enough ---- */

static uint64_t number(const char *dir, const char *file)
{
	char text[32];

	return lm_text_read(dir, file, text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

/* Pages of 2^@shift bytes that nobody has and nobody was promised. */
static uint64_t available(uint32_t shift, char *dir, size_t size)
{
	uint64_t have, promised;

	snprintf(dir, size, "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB",
		 (UINT64_C(1) << shift) / 1024);
	have = number(dir, "free_hugepages") + number(dir, "nr_overcommit_hugepages");
	promised = number(dir, "resv_hugepages") + number(dir, "surplus_hugepages");
	return have > promised ? have - promised : 0;
}

/* What mmap() will ask for @s in @mm: @kind is LIVEMIG_VMA_SHMEM or ..._PRIVATE. */
static uint64_t reserved(const struct lm_mm *mm, const struct lm_shmem *s, uint32_t kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < mm->nr_vmas; i++) {
		const struct livemig_vma *v = &mm->vmas[i];

		if (v->kind == kind && v->object == s->id &&
		    !(v->flags & LIVEMIG_VMA_F_NORESERVE))
			sum += v->end - v->start;
	}
	return sum < s->size ? sum : s->size;
}

/* Processes with the same object have it from the same fork: what they do not share
 * is known when their pages come.
 */
static uint64_t needed(const struct lm_model *m, const struct lm_shmem *s, uint32_t kind)
{
	uint64_t most = 0;

	for (size_t i = 0; i < m->nr_mms; i++) {
		uint64_t n = reserved(m->mms[i], s, kind);

		if (n > most)
			most = n;
	}
	return most;
}

int lm_huge_check(const struct lm_model *m, struct lm_error *e)
{
	static const uint32_t shifts[] = { 21, 30 };

	for (size_t i = 0; i < sizeof(shifts) / sizeof(*shifts); i++) {
		uint32_t shift = shifts[i];
		uint64_t need = 0, have;
		char dir[80];

		for (size_t j = 0; j < m->nr_shmems; j++)
			if (lm_huge_shift(m->shmems[j]) == shift)
				need += needed(m, m->shmems[j], LIVEMIG_VMA_SHMEM) +
					needed(m, m->shmems[j], LIVEMIG_VMA_SHMEM_PRIVATE);
		need >>= shift;
		have = need ? available(shift, dir, sizeof(dir)) : 0;
		if (need > have)
			return lm_fail(e, LM_REFUSED,
				       "it needs %" PRIu64 " huge pages of %u MB, of which %" PRIu64 " are free here; raise %s%s",
				       need, 1U << (shift - 20), have,
				       shift == 21 ? "vm.nr_hugepages" : dir,
				       shift == 21 ? "" : "/nr_hugepages");
	}
	return 0;
}

/* ---- what is in them ---- */

void lm_huge_close(struct lm_huge_window *w)
{
	if (w->at)
		munmap(w->at, w->len);
	w->at = NULL;
}

/* A page that is not there reads as zeros, and stays so: a hole punched in the object
 * would take what private mappings of it have of their own.
 */
static bool is_zero(int fd, const unsigned char *page, size_t len, uint64_t off)
{
	unsigned char there[LIVEMIG_REC_PAGE];
	ssize_t n;

	if (*page || memcmp(page, page + 1, len - 1))
		return false;
	n = pread(fd, there, len, off);
	return n <= 0 || (!*there && !memcmp(there, there + 1, n - 1));
}

int lm_huge_write(struct lm_huge_window *w, int fd, uint32_t shift, const void *page,
		  size_t len, uint64_t off)
{
	uint64_t size = UINT64_C(1) << shift, from = off & -size;

	if (is_zero(fd, page, len, off))
		return 0;
	if (!w->at || w->from != from) {
		void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, from);

		if (at == MAP_FAILED)
			return -1;
		lm_huge_close(w);
		*w = (struct lm_huge_window){ .at = at, .from = from, .len = size };
	}
	memcpy(w->at + (off - from), page, len);
	return 0;
}
