/* SPDX-License-Identifier: GPL-2.0 */
/* Looking through the page tables of one mm. See walk.c. */
#ifndef _LIVEMIG_WALK_H
#define _LIVEMIG_WALK_H

#include <linux/list.h>
#include <linux/livemig.h>
#include <linux/types.h>

#include "sent.h"

struct lm_stats;
struct mm_struct;
struct page;

/* Pages to be written. */
struct lm_span {
	unsigned long addr;
	u32 pages;
	u32 kind;		/* DATA or ZERO, with LIVEMIG_PAGE_F_HUGE */
};

struct lm_walk {
	struct mm_struct *mm;
	struct lm_objs *objs;	/* collects shared memory objects */
	struct lm_sent *sent;	/* NULL: nothing is known of the receiver */
	struct lm_stats *st;
	u32 flags;		/* enum livemig_pages_flags */
	bool clear;		/* take the marks away */
	bool all;		/* everything counts as dirty */
	bool ksm;		/* it has had pages that KSM may have merged */
	u32 round;		/* of this mm, counts walks that clear, from 1 */

	/* VMAs that had VM_SOFTDIRTY, in ascending order. */
	struct livemig_range *fresh;
	unsigned int nr_fresh, max_fresh, next_fresh;

	/* One window: from @from up to @pos. */
	unsigned long from, pos;
	bool done;		/* the last window */
	struct lm_span *spans;	/* LM_SPANS_MAX of them; NULL: only count */
	unsigned int nr_spans;
};

/* 64 KB; the pages of one table always fit. */
#define LM_SPANS_MAX	((64U << 10) / sizeof(struct lm_span))

void lm_walk_fresh(struct lm_walk *w);
int lm_walk_window(struct lm_walk *w);
unsigned long lm_walk_mapped(struct mm_struct *mm, unsigned long addr,
			     unsigned long end);
unsigned int lm_walk_writable(struct mm_struct *mm, unsigned long addr,
			      unsigned int n, struct page **pages);

#endif
