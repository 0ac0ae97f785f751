/* SPDX-License-Identifier: GPL-2.0 */
/* PATCHES records. See patch.c. */
#ifndef _LIVEMIG_PATCH_H
#define _LIVEMIG_PATCH_H

#include <linux/types.h>

struct lm_stream;
struct lm_versions;
struct page;

struct lm_patches {
	struct lm_versions *versions;
	u8 *buf;		/* LIVEMIG_PATCHES_MAX bytes: a record */
	u32 used;		/* 0: nothing in it */
	u32 item;		/* where the last item begins */
	u32 nr_items;
	u64 next, next_from;	/* what would go on with it */
};

struct lm_patches *lm_patches_new(struct lm_versions *versions);
void lm_patches_free(struct lm_patches *p);
int lm_patch_page(struct lm_stream *st, u64 addr, u64 old, u64 hash,
		  struct page *page, struct page **like);
int lm_patches_flush(struct lm_stream *st);

#endif
