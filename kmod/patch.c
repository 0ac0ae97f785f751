// SPDX-License-Identifier: GPL-2.0
/*
 * PATCHES records: pages of which the receiver has something. It knows the
 * version before, and is told the pieces that changed; or it has another page
 * with the same bytes, and is told which.
 *
 * What is equal is found by comparing bytes with those that were sent, never by
 * their hash alone: a program could make two pages with one hash, and would
 * have the one replace the other in somebody else's memory.
 *
 * The order of records: pages of one space are sent once in a round, and a copy
 * is told only of a page that was sent before in the same round. So it is enough
 * that PAGES which were collected go first, and that both are written when
 * another space begins.
 *
 * Locking: owned by the round, which has s->lock.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/xxhash.h>

#include "patch.h"
#include "stream.h"
#include "versions.h"

#define PIECE		LIVEMIG_PATCH_PIECE
#define PIECES		(PAGE_SIZE / PIECE)
/* A difference of more pieces is not worth the work at both ends. */
#define PIECES_MAX	48
/* What one page can need, with what comes before and after it. */
#define ROOM		(sizeof(struct livemig_patch) +			\
			 sizeof(struct livemig_patch_from) + 8 + 1 +	\
			 PIECES_MAX * (1 + PIECE) + 8)

/**
 * lm_patches_new() - get ready to write PATCHES in a round
 * @versions: what was sent; it stays the caller's
 *
 * Context: may sleep.
 * Return: it, or NULL.
 */
struct lm_patches *lm_patches_new(struct lm_versions *versions)
{
	struct lm_patches *p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);

	if (!p)
		return NULL;
	p->versions = versions;
	p->buf = kvmalloc(LIVEMIG_PATCHES_MAX, GFP_KERNEL_ACCOUNT);
	if (!p->buf) {
		kfree(p);
		return NULL;
	}
	return p;
}

/**
 * lm_patches_free() - the end of it, and of what was not written
 * @p: NULL is fine
 */
void lm_patches_free(struct lm_patches *p)
{
	if (!p)
		return;
	kvfree(p->buf);
	kfree(p);
}

/* ---- the record ---- */

static struct livemig_patch *last_item(struct lm_patches *p)
{
	return (struct livemig_patch *)(p->buf + p->item);
}

/* The last item has all that it will have. */
static void end_item(struct lm_patches *p)
{
	u32 pad = -p->used & 7;

	if (!p->nr_items)
		return;
	memset(p->buf + p->used, 0, pad);
	p->used += pad;
	last_item(p)->len = cpu_to_le32(p->used - p->item -
					sizeof(struct livemig_patch));
}

/**
 * lm_patches_flush() - write the record under way, after the PAGES before it
 * @st: the stream
 *
 * Context: sleeps.
 * Return: 0, or an error of writing.
 */
int lm_patches_flush(struct lm_stream *st)
{
	struct lm_patches *p = st->patches;
	struct livemig_rec *rec;
	int err;

	if (!p || !p->used)
		return 0;
	err = lm_stream_flush(st);
	if (err)
		return err;
	end_item(p);
	rec = (struct livemig_rec *)p->buf;
	*rec = (struct livemig_rec) {
		.magic = cpu_to_le32(LIVEMIG_REC_MAGIC),
		.type = cpu_to_le16(LIVEMIG_OBJ_PATCHES),
		.version = 1,
		.flags = LIVEMIG_REC_F_REQUIRED,
		.head_len = cpu_to_le32(p->used - sizeof(*rec)),
		.seq = cpu_to_le64(~0ULL),
	};
	*(struct livemig_pages *)(rec + 1) = (struct livemig_pages) {
		.space = cpu_to_le32(st->space),
		.id = cpu_to_le32(st->id),
		.round = cpu_to_le32(st->round),
		.nr_entries = cpu_to_le32(p->nr_items),
	};
	rec->checksum = cpu_to_le64(xxh64(p->buf, p->used, 0));
	err = lm_stream_bytes(st, p->buf, p->used);
	p->used = 0;
	p->nr_items = 0;
	return err;
}

/* Does the last item go on with this page. */
static bool goes_on(struct lm_patches *p, enum livemig_patch_kind kind, u64 addr,
		    const struct lm_version *from)
{
	const struct livemig_patch *item = last_item(p);
	const struct livemig_patch_from *was = (const void *)(item + 1);

	if (!p->nr_items || p->next != addr ||
	    (le64_to_cpu(item->addr) & ~PAGE_MASK) != kind)
		return false;
	return !from || (p->next_from == from->addr &&
			 le32_to_cpu(was->space) == from->space &&
			 le32_to_cpu(was->id) == from->id);
}

static void begin_item(struct lm_patches *p, enum livemig_patch_kind kind,
		       u64 addr, const struct lm_version *from)
{
	end_item(p);
	p->item = p->used;
	p->nr_items++;
	*last_item(p) = (struct livemig_patch) {
		.addr = cpu_to_le64(addr | kind),
	};
	p->used += sizeof(struct livemig_patch);
	if (!from)
		return;
	*(struct livemig_patch_from *)(p->buf + p->used) =
		(struct livemig_patch_from) {
			.addr = cpu_to_le64(from->addr),
			.space = cpu_to_le32(from->space),
			.id = cpu_to_le32(from->id),
		};
	p->used += sizeof(struct livemig_patch_from);
}

/* Makes room for one more page, whose hash follows. */
static int begin_page(struct lm_stream *st, enum livemig_patch_kind kind,
		      u64 addr, u64 hash, const struct lm_version *from)
{
	struct lm_patches *p = st->patches;
	__le64 value = cpu_to_le64(hash);
	int err;

	if (p->used + ROOM > LIVEMIG_PATCHES_MAX) {
		err = lm_patches_flush(st);
		if (err)
			return err;
	}
	if (!p->used)
		p->used = sizeof(struct livemig_rec) + sizeof(struct livemig_pages);
	if (!goes_on(p, kind, addr, from))
		begin_item(p, kind, addr, from);
	le32_add_cpu(&last_item(p)->pages, 1);
	p->next = addr + PAGE_SIZE;
	p->next_from = from ? from->addr + PAGE_SIZE : 0;
	memcpy(p->buf + p->used, &value, sizeof(value));
	p->used += sizeof(value);
	return 0;
}

/* ---- pages ---- */

/* The pieces in which two pages differ. Return: how many; more than PIECES_MAX
 * are not counted.
 */
static unsigned int differ(const u8 *a, const u8 *b, u8 *piece)
{
	unsigned int i, n = 0;

	for (i = 0; i < PIECES && n <= PIECES_MAX; i++) {
		if (!memcmp(a + i * PIECE, b + i * PIECE, PIECE))
			continue;
		if (n < PIECES_MAX)
			piece[n] = i;
		n++;
	}
	return n;
}

static int write_delta(struct lm_stream *st, u64 addr, u64 hash, const u8 *bytes,
		       const u8 *piece, unsigned int n)
{
	struct lm_patches *p = st->patches;
	unsigned int i;
	int err;

	err = begin_page(st, LIVEMIG_PATCH_DELTA, addr, hash, NULL);
	if (err)
		return err;
	p->buf[p->used++] = n;
	memcpy(p->buf + p->used, piece, n);
	p->used += n;
	for (i = 0; i < n; i++, p->used += PIECE)
		memcpy(p->buf + p->used, bytes + piece[i] * PIECE, PIECE);
	return 0;
}

/**
 * lm_patch_page() - write a page by what the receiver has, if that pays
 * @st: the stream, with patches
 * @addr: of the page
 * @old: hash of what the receiver has of it; not a hash: nothing that is known
 * @hash: of its bytes now
 * @page: the bytes, which do not change
 * @like: set to the page with the same bytes that it was told to be a copy of; NULL:
 * it was not. Until the next lm_version_put().
 *
 * Context: sleeps.
 * Return: 1; 0: it must be sent as it is; or an error of writing.
 */
int lm_patch_page(struct lm_stream *st, u64 addr, u64 old, u64 hash,
		  struct page *page, struct page **like)
{
	struct lm_patches *p = st->patches;
	struct lm_version *v;
	u8 piece[PIECES_MAX];
	unsigned int n;
	int ret = 0;
	u8 *bytes;

	*like = NULL;
	bytes = kmap_local_page(page);
	v = lm_version_with(p->versions, hash, st->round);
	if (v && !memcmp(bytes, page_address(v->page), PAGE_SIZE)) {
		*like = v->page;
		ret = begin_page(st, LIVEMIG_PATCH_COPY, addr, hash, v) ?: 1;
		goto out;
	}
	v = lm_version_of(p->versions, st->space, st->id, addr);
	if (!v || v->hash != old)
		goto out;
	n = differ(bytes, page_address(v->page), piece);
	if (n <= PIECES_MAX)
		ret = write_delta(st, addr, hash, bytes, piece, n) ?: 1;
out:
	kunmap_local(bytes);
	return ret;
}
