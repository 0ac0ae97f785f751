// SPDX-License-Identifier: GPL-2.0
/*
 * What the receiver has of a space. Locking: see sent.h.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "sent.h"

static void chunk_free(struct lm_chunk *c)
{
	kfree(c->value);
	kfree(c);
}

/**
 * lm_sent_init() - an empty table
 * @sent: the table
 */
void lm_sent_init(struct lm_sent *sent)
{
	xa_init(&sent->chunks);
}

/**
 * lm_sent_free() - forget everything; the table is empty afterwards
 * @sent: the table
 *
 * Context: may sleep.
 */
void lm_sent_free(struct lm_sent *sent)
{
	struct lm_chunk *c;
	unsigned long i;

	xa_for_each(&sent->chunks, i, c) {
		chunk_free(c);
		cond_resched();
	}
	xa_destroy(&sent->chunks);
}

/**
 * lm_sent_stale() - the receiver may have other bytes than was thought
 * @sent: the table
 *
 * For use after a round failed: what was sent must be sent again, and what goes
 * is still told as a hole. Context: may sleep.
 */
void lm_sent_stale(struct lm_sent *sent)
{
	struct lm_chunk *c;
	unsigned long i;
	int k;

	xa_for_each(&sent->chunks, i, c) {
		bitmap_zero(c->seen, LM_CHUNK_PAGES);
		c->table_round = 0;
		for (k = 0; c->value && k < LM_CHUNK_PAGES; k++)
			if (c->value[k] != LM_SENT_NOT)
				c->value[k] = LM_SENT_STALE;
		cond_resched();
	}
}

/**
 * lm_sent_chunk() - the chunk that a page is in
 * @sent: the table
 * @index: of the page
 * @make: make it when there is none; then this sleeps
 *
 * Return: the chunk, or NULL: there is none, or no memory for it.
 */
struct lm_chunk *lm_sent_chunk(struct lm_sent *sent, unsigned long index,
			       bool make)
{
	struct lm_chunk *c = xa_load(&sent->chunks, index >> LM_CHUNK_SHIFT);

	if (c || !make)
		return c;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (c && xa_err(xa_store(&sent->chunks, index >> LM_CHUNK_SHIFT, c,
				 GFP_KERNEL_ACCOUNT))) {
		kfree(c);
		return NULL;
	}
	return c;
}

/**
 * lm_chunk_heat() - a page was written since the walk before
 * @c: its chunk
 * @index: of the page
 *
 * One whose bytes the receiver has not got counts as new: the writes that made
 * it tell nothing about those to come.
 *
 * Return: whether it is hot, that is, this was so in the walk before, too.
 */
bool lm_chunk_heat(struct lm_chunk *c, unsigned long index)
{
	if (lm_chunk_value(c, index) <= LM_SENT_STALE) {
		lm_chunk_cool(c, index);
		return false;
	}
	return __test_and_set_bit(index % LM_CHUNK_PAGES, c->warm);
}

/**
 * lm_chunk_cool() - a page was not written since the walk before
 * @c: its chunk
 * @index: of the page
 */
void lm_chunk_cool(struct lm_chunk *c, unsigned long index)
{
	__clear_bit(index % LM_CHUNK_PAGES, c->warm);
}

/**
 * lm_sent_value() - what the receiver has of a page
 * @sent: the table
 * @index: of the page
 *
 * Return: enum lm_sent_value, or the hash.
 */
u64 lm_sent_value(struct lm_sent *sent, unsigned long index)
{
	return lm_chunk_value(lm_sent_chunk(sent, index, false), index);
}

/**
 * lm_sent_set() - note what the receiver has of a page from now on
 * @sent: the table
 * @index: of the page
 * @value: as lm_sent_value()
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int lm_sent_set(struct lm_sent *sent, unsigned long index, u64 value)
{
	struct lm_chunk *c = lm_sent_chunk(sent, index, true);

	if (!c)
		return -ENOMEM;
	if (!c->value) {
		c->value = kcalloc(LM_CHUNK_PAGES, sizeof(*c->value),
				   GFP_KERNEL_ACCOUNT);
		if (!c->value)
			return -ENOMEM;
	}
	c->value[index % LM_CHUNK_PAGES] = value;
	return 0;
}

/**
 * lm_sent_see() - a page is there in this round
 * @sent: the table
 * @index: of the page
 *
 * Context: may sleep.
 * Return: 0 or -ENOMEM.
 */
int lm_sent_see(struct lm_sent *sent, unsigned long index)
{
	struct lm_chunk *c = lm_sent_chunk(sent, index, true);

	if (!c)
		return -ENOMEM;
	__set_bit(index % LM_CHUNK_PAGES, c->seen);
	return 0;
}

/* Tells the holes of one chunk; @used: whether a page of it is left. */
static int chunk_holes(struct lm_chunk *c, unsigned long base, bool *used,
		       int (*hole)(void *arg, unsigned long index,
				   unsigned long n), void *arg)
{
	unsigned long i, n = 0;
	int err = 0;

	*used = !bitmap_empty(c->seen, LM_CHUNK_PAGES);
	for (i = 0; c->value && i < LM_CHUNK_PAGES; i++) {
		if (test_bit(i, c->seen)) {
			;
		} else if (c->value[i] == LM_SENT_GONE) {
			c->value[i] = LM_SENT_NOT;	/* that round went well */
		} else if (c->value[i] != LM_SENT_NOT) {
			c->value[i] = LM_SENT_GONE;
			*used = true;
			n++;
			continue;
		}
		if (n && !err)
			err = hole(arg, base + i - n, n);
		n = 0;
	}
	if (n && !err)
		err = hole(arg, base + LM_CHUNK_PAGES - n, n);
	bitmap_zero(c->seen, LM_CHUNK_PAGES);
	return err;
}

/**
 * lm_sent_holes() - pages that the receiver has and that were not seen
 * @sent: the table
 * @first: index of the first page to look at, a multiple of LM_CHUNK_PAGES
 * @last: the last one
 * @hole: called for each run of such pages, which count as not sent then
 * @arg: for @hole
 *
 * The marks of lm_sent_see() are gone afterwards. Context: may sleep.
 * Return: 0 or what @hole returned to end it.
 */
int lm_sent_holes(struct lm_sent *sent, unsigned long first, unsigned long last,
		  int (*hole)(void *arg, unsigned long index, unsigned long n),
		  void *arg)
{
	struct lm_chunk *c;
	unsigned long i;
	bool used;
	int err;

	xa_for_each_range(&sent->chunks, i, c, first >> LM_CHUNK_SHIFT,
			  last >> LM_CHUNK_SHIFT) {
		err = chunk_holes(c, i << LM_CHUNK_SHIFT, &used, hole, arg);
		if (err)
			return err;
		if (!used) {
			xa_erase(&sent->chunks, i);
			chunk_free(c);
		}
		cond_resched();
	}
	return 0;
}
