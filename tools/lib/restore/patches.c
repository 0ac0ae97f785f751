// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * PATCHES records: pages that are made of what is here. The hash of the result
 * says whether it is what the source has.
 */
#include <inttypes.h>
#include <string.h>
#include <xxhash.h>

#include "internal.h"

/* Where it belongs there may be what a process was born with (inherit.c): to that
 * a patched page is one like any other.
 */
static int inherit(struct lm_restorer *r, const struct lm_patch *p, struct lm_error *e)
{
	const struct livemig_page_entry entry = { .addr = p->addr | LIVEMIG_PAGE_DATA };
	struct lm_proc *proc;

	if (p->space != LIVEMIG_PAGES_SPACE_MM)
		return 0;
	proc = lm_proc_of_mm(r, p->id);
	if (!proc && lm_inherit_birth(r, p->id, e))
		return -1;
	proc = proc ?: lm_proc_of_mm(r, p->id);
	return proc ? lm_inherit_pages(proc, &entry, 1, e) : 0;
}

static int patch(const struct lm_patch *p, void *restorer, struct lm_error *e)
{
	struct lm_restorer *r = restorer;
	unsigned char page[LIVEMIG_REC_PAGE];
	bool copy = p->kind == LIVEMIG_PATCH_COPY;

	if (inherit(r, p, e) ||
	    lm_page_read(r, copy ? p->from.space : p->space,
			 copy ? p->from.id : p->id,
			 copy ? p->from.addr : p->addr, page, e))
		return -1;
	if (!copy)
		lm_patch_delta(p, page);
	if (XXH64(page, sizeof(page), 0) != p->hash)
		return lm_fail(e, LM_FAILED,
			       "the page at %#" PRIx64 " of %s %u is not what its difference was made from (wrong hash)",
			       p->addr, p->space == LIVEMIG_PAGES_SPACE_MM ?
			       "memory" : "shared memory", p->id);
	return lm_page_write(r, p->space, p->id, p->addr, page, e);
}

int lm_patches_record(struct lm_restorer *r, const struct lm_record *rec,
		      struct lm_error *e)
{
	return lm_patches_each(rec, patch, r, e);
}
