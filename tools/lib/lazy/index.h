/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where in an image the bytes of a page are: of the PAGES records only places are
 * noted, their entries are read again when somebody asks. What a later record says
 * of a page goes before what an earlier one says.
 */
#ifndef LM_LAZY_INDEX_H
#define LM_LAZY_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "../record.h"

struct lm_index;

struct lm_index *lm_index_new(void);
void lm_index_free(struct lm_index *x);

/* The PAGES record that lm_in_next() has just given; its payload is left where it is.
 * Heads are as good as their checksums.
 */
int lm_index_note(struct lm_index *x, struct lm_in *in, const struct lm_record *rec,
		  struct lm_error *e);

/* How @n pages from @addr on are. HOLE: nothing, what a fresh mapping shows. */
struct lm_found {
	enum livemig_page_kind kind;
	uint64_t end;		/* it is the same up to here; DATA: of one page */
	uint64_t hash, offset;	/* of DATA: in the image */
};

/* @fd: the image; its position is changed. @mm: an address space of the source. */
int lm_index_find(struct lm_index *x, int fd, uint32_t mm, uint64_t addr,
		  struct lm_found *f, struct lm_error *e);

/* All records, in their order. @use: their number, space and id; not 0 ends it. */
int lm_index_each(const struct lm_index *x,
		  int (*use)(uint64_t start, uint32_t space, uint32_t id, void *arg),
		  void *arg);

#endif
