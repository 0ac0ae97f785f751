/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the receiver has: for each page of a space (an mm or a shared memory
 * object) the hash of the bytes that were last written to the stream. 8 bytes a
 * page, in chunks of 512 pages, which on x86 are the pages of one page table.
 *
 * Locking: owned by the round, which has s->lock.
 */
#ifndef _LIVEMIG_SENT_H
#define _LIVEMIG_SENT_H

#include <linux/bitmap.h>
#include <linux/xarray.h>

#define LM_CHUNK_SHIFT	9
#define LM_CHUNK_PAGES	(1UL << LM_CHUNK_SHIFT)

/* Values that are not the hash of a page. */
enum lm_sent_value {
	LM_SENT_NOT,		/* the receiver does not have it */
	LM_SENT_GONE,		/* told as a hole; its round may still fail */
	LM_SENT_STALE,		/* it may have it, with unknown bytes */
	LM_SENT_ZERO,		/* it has zeros */
	LM_SENT_HASHES,		/* hashes begin here */
};

struct lm_chunk {
	u64 *value;		/* LM_CHUNK_PAGES of them; NULL: none was sent */
	DECLARE_BITMAP(seen, LM_CHUNK_PAGES); /* there in this round */
	DECLARE_BITMAP(warm, LM_CHUNK_PAGES); /* written before the last walk */
	unsigned long table;	/* walk.c: pfn of the page table, ... */
	u32 table_round;	/* ... the round in which it was seen here, ... */
	bool moved;		/* ... and whether it is another than before */
};

struct lm_sent {
	struct xarray chunks;	/* by page index >> LM_CHUNK_SHIFT */
};

void lm_sent_init(struct lm_sent *sent);
void lm_sent_free(struct lm_sent *sent);
void lm_sent_stale(struct lm_sent *sent);
struct lm_chunk *lm_sent_chunk(struct lm_sent *sent, unsigned long index,
			       bool make);
bool lm_chunk_heat(struct lm_chunk *c, unsigned long index);
void lm_chunk_cool(struct lm_chunk *c, unsigned long index);
u64 lm_sent_value(struct lm_sent *sent, unsigned long index);
int lm_sent_set(struct lm_sent *sent, unsigned long index, u64 value);
int lm_sent_see(struct lm_sent *sent, unsigned long index);
int lm_sent_holes(struct lm_sent *sent, unsigned long first, unsigned long last,
		  int (*hole)(void *arg, unsigned long index, unsigned long n),
		  void *arg);

/* In a chunk that may be NULL. */
static inline u64 lm_chunk_value(const struct lm_chunk *c, unsigned long index)
{
	return c && c->value ? c->value[index % LM_CHUNK_PAGES] : LM_SENT_NOT;
}

/* The value for a page with this xxh64. */
static inline u64 lm_sent_hash(u64 hash)
{
	return hash < LM_SENT_HASHES ? LM_SENT_STALE : hash;
}

#endif
