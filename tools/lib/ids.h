/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where in an array the element with an id is: a hash table of numbers. */
#ifndef LM_IDS_H
#define LM_IDS_H

#include <stddef.h>
#include <stdint.h>

struct lm_ids {
	struct lm_id_slot {
		uint32_t id;
		uint32_t at;	/* index + 1; 0: free */
	} *slot;
	size_t nr, cap;		/* cap: a power of two, or 0 */
};

/* The index that was put for @id, or -1. */
long lm_ids_get(const struct lm_ids *t, uint32_t id);
/* @id is not there yet. Return: 0, or -1: out of memory. */
int lm_ids_put(struct lm_ids *t, uint32_t id, size_t index);
void lm_ids_free(struct lm_ids *t);

#endif
