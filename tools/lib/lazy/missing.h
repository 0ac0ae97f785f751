/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What another host has of our memory: pages that were only named (LATER), by the
 * addresses that they have there, and how far each of them is.
 */
#ifndef LM_LAZY_MISSING_H
#define LM_LAZY_MISSING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lm_missing_state {
	LM_MISSING,
	LM_MISSING_ASKED,	/* it comes with what is brought */
	LM_MISSING_WANTED,	/* it comes at once, for somebody who waits */
	LM_MISSING_NOT,		/* it is there, or nobody needs it any more */
};

struct lm_missing_range {
	uint64_t start, end;
	size_t first;		/* number of its first page among all of the mm */
};

/* Of one address space of the source. */
struct lm_missing_mm {
	uint32_t mm;
	struct lm_missing_range *v;	/* ascending */
	size_t n, pages, left;	/* left: those that are not NOT */
	uint8_t *state;		/* of each page; after the first lm_missing_of() */
	size_t range;		/* where bring() goes on: in this one, ... */
	uint64_t at;		/* ... from here on; 0: from its start */
};

struct lm_missing {
	struct lm_missing_mm *mm;
	size_t n;
};

/* Return: 0, -ENOMEM, or -EINVAL: the ranges of one mm do not ascend. */
int lm_missing_add(struct lm_missing *x, uint32_t mm, uint64_t start, uint64_t end);
/* No more will be added. Return: 0 or -ENOMEM. */
int lm_missing_ready(struct lm_missing *x);
/* NULL: nothing of it is missing, or ever was. */
struct lm_missing_mm *lm_missing_of(const struct lm_missing *x, uint32_t mm);
/* The state of the page at @addr, or NULL: it was not named, nor was any up to *@end. */
uint8_t *lm_missing_find(struct lm_missing_mm *m, uint64_t addr, uint64_t *end);
/* Has any in [start, end) been named? */
bool lm_missing_any(const struct lm_missing_mm *m, uint64_t start, uint64_t end);
/* The next page that nobody has asked for; NULL: there is none. */
uint8_t *lm_missing_next(struct lm_missing_mm *m, uint64_t *addr);
void lm_missing_free(struct lm_missing *x);

#endif
