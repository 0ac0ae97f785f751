// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>

#include "../grow.h"
#include "../record.h"
#include "../search.h"
#include "missing.h"

#define PAGE	LIVEMIG_REC_PAGE

struct lm_missing_mm *lm_missing_of(const struct lm_missing *x, uint32_t mm)
{
	/* (those that are added are most often of the last one) */
	if (x->n && x->mm[x->n - 1].mm == mm)
		return &x->mm[x->n - 1];
	for (size_t i = 0; i < x->n; i++)
		if (x->mm[i].mm == mm)
			return &x->mm[i];
	return NULL;
}

int lm_missing_add(struct lm_missing *x, uint32_t mm, uint64_t start, uint64_t end)
{
	struct lm_missing_mm *m = lm_missing_of(x, mm);
	size_t pages = (end - start) / PAGE;

	if (start >= end || (m && m->n && start < m->v[m->n - 1].end))
		return -EINVAL;
	if (!m) {
		if (lm_grow(&x->mm, x->n, sizeof(*x->mm)))
			return -ENOMEM;
		m = &x->mm[x->n++];
		*m = (struct lm_missing_mm){ .mm = mm };
	}
	if (m->n && m->v[m->n - 1].end == start) {
		m->v[m->n - 1].end = end;
	} else {
		if (lm_grow(&m->v, m->n, sizeof(*m->v)))
			return -ENOMEM;
		m->v[m->n++] = (struct lm_missing_range){ start, end, m->pages };
	}
	m->pages += pages;
	m->left += pages;
	return 0;
}

int lm_missing_ready(struct lm_missing *x)
{
	for (size_t i = 0; i < x->n; i++) {
		x->mm[i].state = calloc(x->mm[i].pages, 1);
		if (!x->mm[i].state)
			return -ENOMEM;
	}
	return 0;
}

/* The first range that ends behind @addr. */
static size_t range_of(const struct lm_missing_mm *m, uint64_t addr)
{
	return lm_first_behind(m->v, m->n, addr);
}

uint8_t *lm_missing_find(struct lm_missing_mm *m, uint64_t addr, uint64_t *end)
{
	size_t i = range_of(m, addr);

	if (i < m->n && m->v[i].start <= addr)
		return &m->state[m->v[i].first + (addr - m->v[i].start) / PAGE];
	*end = i < m->n ? m->v[i].start : UINT64_MAX;
	return NULL;
}

bool lm_missing_any(const struct lm_missing_mm *m, uint64_t start, uint64_t end)
{
	size_t i = range_of(m, start);

	return i < m->n && m->v[i].start < end;
}

uint8_t *lm_missing_next(struct lm_missing_mm *m, uint64_t *addr)
{
	for (; m->range < m->n; m->range++, m->at = 0) {
		const struct lm_missing_range *r = &m->v[m->range];

		for (m->at = m->at ?: r->start; m->at < r->end; m->at += PAGE) {
			uint8_t *s = &m->state[r->first + (m->at - r->start) / PAGE];

			*addr = m->at;
			if (*s == LM_MISSING)
				return s;
		}
	}
	return NULL;
}

void lm_missing_free(struct lm_missing *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->mm[i].v);
		free(x->mm[i].state);
	}
	free(x->mm);
	*x = (struct lm_missing){ 0 };
}
