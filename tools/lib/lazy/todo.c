// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../grow.h"
#include "../search.h"
#include "todo.h"

/* The first range that ends behind @addr. */
static size_t index_of(const struct lm_todo *t, uint64_t addr)
{
	return lm_first_behind(t->v, t->n, addr);
}

/* Room for one more at @i. */
static int insert(struct lm_todo *t, size_t i, struct lm_todo_range r)
{
	if (lm_grow(&t->v, t->n, sizeof(*t->v)))
		return -ENOMEM;
	memmove(&t->v[i + 1], &t->v[i], (t->n - i) * sizeof(*t->v));
	t->v[i] = r;
	t->n++;
	return 0;
}

int lm_todo_cut(struct lm_todo *t, uint64_t start, uint64_t end)
{
	size_t i = index_of(t, start), n = 0;

	if (i < t->n && t->v[i].start < start) {
		struct lm_todo_range *r = &t->v[i];

		if (r->end > end) {
			struct lm_todo_range rest = {
				end, r->end, r->from + (end - r->start),
			};

			r->end = start;
			return insert(t, i + 1, rest);
		}
		r->end = start;
		i++;
	}
	while (i + n < t->n && t->v[i + n].end <= end)
		n++;
	if (i + n < t->n && t->v[i + n].start < end) {
		t->v[i + n].from += end - t->v[i + n].start;
		t->v[i + n].start = end;
	}
	if (n)
		memmove(&t->v[i], &t->v[i + n], (t->n - i - n) * sizeof(*t->v));
	t->n -= n;
	return 0;
}

int lm_todo_add(struct lm_todo *t, uint64_t start, uint64_t end, uint64_t from)
{
	if (start >= end)
		return 0;
	return lm_todo_cut(t, start, end) ?:
	       insert(t, index_of(t, start), (struct lm_todo_range){ start, end, from });
}

/* @r where nothing is. */
static int add_to_gaps(struct lm_todo *t, struct lm_todo_range r)
{
	while (r.start < r.end) {
		const size_t i = index_of(t, r.start);
		const struct lm_todo_range *next = i < t->n ? &t->v[i] : NULL;
		uint64_t end = next && next->start < r.end ? next->start : r.end;
		uint64_t resume = next && next->start < r.end ? next->end : r.end;

		if (r.start < end &&
		    insert(t, i, (struct lm_todo_range){ r.start, end, r.from }))
			return -ENOMEM;
		r.from += resume - r.start;
		r.start = resume;
	}
	return 0;
}

int lm_todo_move(struct lm_todo *t, uint64_t from, uint64_t to, uint64_t len,
		 struct lm_todo *moved)
{
	int ret = 0;

	moved->n = 0;
	for (size_t i = index_of(t, from); i < t->n && t->v[i].start < from + len; i++) {
		const struct lm_todo_range *r = &t->v[i];
		uint64_t start = r->start > from ? r->start : from;
		uint64_t end = r->end < from + len ? r->end : from + len;

		ret = ret ?: lm_todo_add(moved, start - from + to, end - from + to,
					 r->from + (start - r->start));
	}
	ret = ret ?: lm_todo_cut(t, from, from + len);
	for (size_t i = 0; i < moved->n; i++)
		ret = ret ?: add_to_gaps(t, moved->v[i]);
	return ret;
}

int lm_todo_unmove(struct lm_todo *t, const struct lm_todo *moved, uint64_t start,
		   uint64_t end)
{
	for (size_t i = index_of(moved, start); i < moved->n; i++) {
		const struct lm_todo_range *m = &moved->v[i], *r;
		uint64_t at = m->start > start ? m->start : start;
		uint64_t stop = m->end < end ? m->end : end, next;

		for (; at < stop; at = next) {
			size_t j = index_of(t, at);

			r = j < t->n ? &t->v[j] : NULL;
			if (!r || r->start >= stop)
				break;
			next = r->end;
			if (r->from - r->start == m->from - m->start &&
			    lm_todo_cut(t, r->start > at ? r->start : at,
					next < stop ? next : stop))
				return -ENOMEM;
		}
	}
	return 0;
}

int lm_todo_copy(struct lm_todo *to, const struct lm_todo *from)
{
	*to = (struct lm_todo){ 0 };
	for (; to->n < from->n; to->n++) {
		if (lm_grow(&to->v, to->n, sizeof(*to->v))) {
			lm_todo_free(to);
			return -ENOMEM;
		}
		to->v[to->n] = from->v[to->n];
	}
	return 0;
}

void lm_todo_free(struct lm_todo *t)
{
	free(t->v);
	*t = (struct lm_todo){ 0 };
}

const struct lm_todo_range *lm_todo_find(const struct lm_todo *t, uint64_t addr)
{
	size_t i = index_of(t, addr);

	return i < t->n && t->v[i].start <= addr ? &t->v[i] : NULL;
}
