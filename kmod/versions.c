// SPDX-License-Identifier: GPL-2.0
/*
 * A bounded memory of what was sent: the bytes of some pages as the receiver
 * has them, to say of a page only what is different in it, or that it is like
 * another one.
 *
 * Pages find their place by where they belong, in sets of a few. Pages that are
 * sent for the first time replace each other in turn. One that was sent before,
 * that is, one that changes, stays as long as it is of use: when there are more
 * of these than places, some keep theirs, as all would lose by taking turns.
 *
 * Locking: see versions.h.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "versions.h"

#define WAYS		8
#define HASH_WAYS	4
#define HEAT_MAX	7
/* With 8 bytes a page for the hashes this is what a session may use. */
#define MEMORY_MAX	(48UL << 20)

struct lm_versions {
	u32 nr_sets;
	u32 nr_buckets;		/* a power of two */
	u32 turn;
	u32 *by_hash;		/* HASH_WAYS a bucket: place + 1 of a page whose hash
				 * belongs there, or did
				 */
	struct lm_version place[];
};

/**
 * lm_versions_new() - an empty memory
 *
 * It grows with what is put in, up to 48 MB or a 32nd of the host's memory.
 * Context: may sleep.
 * Return: it, or NULL.
 */
struct lm_versions *lm_versions_new(void)
{
	unsigned long pages = min(MEMORY_MAX >> PAGE_SHIFT, totalram_pages() / 32);
	u32 nr_sets = max(pages / WAYS, 1UL);
	struct lm_versions *v;

	v = kvzalloc(struct_size(v, place, nr_sets * WAYS), GFP_KERNEL_ACCOUNT);
	if (!v)
		return NULL;
	v->nr_sets = nr_sets;
	v->nr_buckets = roundup_pow_of_two(nr_sets * WAYS) / HASH_WAYS;
	v->by_hash = kvcalloc(v->nr_buckets, HASH_WAYS * sizeof(*v->by_hash),
			      GFP_KERNEL_ACCOUNT);
	if (!v->by_hash) {
		kvfree(v);
		return NULL;
	}
	return v;
}

/**
 * lm_versions_forget() - nobody knows what the receiver has
 * @v: the memory; NULL is fine
 *
 * Context: may sleep.
 */
void lm_versions_forget(struct lm_versions *v)
{
	u32 i;

	for (i = 0; v && i < v->nr_sets * WAYS; i++) {
		if (v->place[i].page)
			put_page(v->place[i].page);
		v->place[i] = (struct lm_version) {};
		cond_resched();
	}
}

/**
 * lm_versions_free() - the end of it
 * @v: the memory; NULL is fine
 *
 * Context: may sleep.
 */
void lm_versions_free(struct lm_versions *v)
{
	if (!v)
		return;
	lm_versions_forget(v);
	kvfree(v->by_hash);
	kvfree(v);
}

static struct lm_version *set_of(struct lm_versions *v, u32 space, u32 id,
				 u64 addr)
{
	u32 key = hash_64((addr >> PAGE_SHIFT) ^ (u64)id << 36 ^ (u64)space << 35,
			  32);

	return v->place + ((u64)key * v->nr_sets >> 32) * WAYS;
}

static bool is_of(const struct lm_version *x, u32 space, u32 id, u64 addr)
{
	return x->page && x->addr == addr && x->id == id && x->space == space;
}

/**
 * lm_version_of() - the bytes that were sent of a page
 * @v: the memory
 * @space: enum livemig_pages_space
 * @id: in which the page is
 * @addr: of the page
 *
 * They count only if ->hash is that of the last time it was sent.
 *
 * Return: them, or NULL; until the next lm_version_put().
 */
struct lm_version *lm_version_of(struct lm_versions *v, u32 space, u32 id,
				 u64 addr)
{
	struct lm_version *x = set_of(v, space, id, addr);
	int i;

	for (i = 0; i < WAYS; i++)
		if (is_of(&x[i], space, id, addr))
			return &x[i];
	return NULL;
}

static u32 *bucket_of(const struct lm_versions *v, u64 hash)
{
	return v->by_hash + (hash & (v->nr_buckets - 1)) * HASH_WAYS;
}

/**
 * lm_version_with() - a page that may have the same bytes as another
 * @v: the memory
 * @hash: of the bytes
 * @round: the one under way; only what the receiver has since then counts, as
 * that does not change any more before the round ends
 *
 * Return: it, or NULL; until the next lm_version_put().
 */
struct lm_version *lm_version_with(struct lm_versions *v, u64 hash, u32 round)
{
	const u32 *bucket = bucket_of(v, hash);
	struct lm_version *x;
	int i;

	for (i = 0; i < HASH_WAYS; i++) {
		if (!bucket[i])
			continue;
		x = &v->place[bucket[i] - 1];
		if (x->page && x->hash == hash && x->round == round)
			return x;
	}
	return NULL;
}

/* @x is the page with its hash from now on. */
static void note_hash(struct lm_versions *v, const struct lm_version *x)
{
	u32 *bucket = bucket_of(v, x->hash);
	u32 i, at = v->turn % HASH_WAYS;

	for (i = 0; i < HASH_WAYS; i++) {
		const struct lm_version *y;

		y = bucket[i] ? &v->place[bucket[i] - 1] : NULL;
		if (!y || bucket_of(v, y->hash) != bucket) {
			at = i;
		} else if (y->hash == x->hash) {
			at = i;
			break;
		}
	}
	bucket[at] = x - v->place + 1;
}

/* The place for a new page; NULL: those that are there are worth more. A copy is
 * worth less than any: others are told to be like the page that it is a copy of.
 */
static struct lm_version *place_for(struct lm_versions *v,
				    const struct lm_version *new, bool copy)
{
	struct lm_version *x = set_of(v, new->space, new->id, new->addr), *worst;
	u32 i, turn = v->turn++;

	worst = &x[turn % WAYS];
	for (i = 0; i < WAYS; i++) {
		struct lm_version *y = &x[(turn + i) % WAYS];

		if (!y->page)
			return y;
		if (y->heat < worst->heat)
			worst = y;
	}
	if (copy)
		return NULL;
	if (worst->heat > new->heat) {
		worst->heat--;
		return NULL;
	}
	/* Of equals that change one in so many gives way. */
	if (worst->heat && turn % (4 * WAYS))
		return NULL;
	return worst;
}

/**
 * lm_version_put() - a page was sent
 * @v: the memory
 * @new: the page; ->page passes over in any case, its bytes must not change
 * @copy: it was told as a copy, and ->page is that of the other
 *
 * Context: any.
 */
void lm_version_put(struct lm_versions *v, const struct lm_version *new, bool copy)
{
	struct lm_version *x = lm_version_of(v, new->space, new->id, new->addr);
	u32 heat = new->heat;

	if (x)
		heat = min_t(u32, x->heat + 1, HEAT_MAX);
	else
		x = place_for(v, new, copy);
	if (!x) {
		put_page(new->page);
		return;
	}
	if (x->page)
		put_page(x->page);
	*x = *new;
	x->heat = heat;
	if (!copy)
		note_hash(v, x);
}
