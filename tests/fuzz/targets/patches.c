// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages told by what the reader has: the head of a PATCHES record. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int use(const struct lm_patch *p, void *pages, struct lm_error *e)
{
	static uint8_t page[LIVEMIG_REC_PAGE];
	unsigned int *n = pages;

	if (p->addr % LIVEMIG_REC_PAGE || p->space > LIVEMIG_PAGES_SPACE_SHMEM)
		abort();
	if (p->kind == LIVEMIG_PATCH_DELTA)
		lm_patch_delta(p, page);
	return ++*n > 1 << 16;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lm_record rec = { .type = LIVEMIG_OBJ_PATCHES, .head_len = size };
	struct lm_error e = { 0 };
	unsigned int pages = 0;
	void *head;

	if (size > LIVEMIG_PATCHES_MAX)
		return 0;
	/* exactly as long as it says, so that one byte too far shows */
	head = malloc(size + !size);
	memcpy(head, data, size);
	rec.head = head;
	/* never without a reason */
	if (lm_patches_each(&rec, use, &pages, &e) < 0 && (e.code != LM_REFUSED || !*e.msg))
		abort();
	free(head);
	return 0;
}
