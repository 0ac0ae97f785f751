/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of a process that is still missing: ranges that ascend, each with the
 * address that it had in the image. What the program moves moves in here, what it
 * drops goes.
 */
#ifndef LM_LAZY_TODO_H
#define LM_LAZY_TODO_H

#include <stddef.h>
#include <stdint.h>

struct lm_todo_range {
	uint64_t start, end;
	uint64_t from;		/* what @start was called on the source */
};

struct lm_todo {
	struct lm_todo_range *v;
	size_t n;
};

/* They return 0 or -ENOMEM. Where [start, end) is in there already it is replaced. */
int lm_todo_add(struct lm_todo *t, uint64_t start, uint64_t end, uint64_t from);
int lm_todo_cut(struct lm_todo *t, uint64_t start, uint64_t end);
/* What there is at @from goes to @to, where nothing is; it is in @moved (which is not
 * empty but for the first time), too.
 */
int lm_todo_move(struct lm_todo *t, uint64_t from, uint64_t to, uint64_t len,
		 struct lm_todo *moved);
/* Of that, [start, end) did not get there. */
int lm_todo_unmove(struct lm_todo *t, const struct lm_todo *moved, uint64_t start,
		   uint64_t end);
int lm_todo_copy(struct lm_todo *to, const struct lm_todo *from);
void lm_todo_free(struct lm_todo *t);
/* The range that @addr is in, or NULL. */
const struct lm_todo_range *lm_todo_find(const struct lm_todo *t, uint64_t addr);

#endif
