// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading PATCHES records. */
#include <endian.h>
#include <string.h>

#include "record.h"

#define PAGE	LIVEMIG_REC_PAGE
#define PIECE	LIVEMIG_PATCH_PIECE

/* What is left of a record. */
struct rest {
	const uint8_t *at;
	size_t len;
};

static const void *take(struct rest *r, size_t len)
{
	const void *at = r->at;

	if (len > r->len)
		return NULL;
	r->at += len;
	r->len -= len;
	return at;
}

static int malformed(struct lm_error *e, const char *what)
{
	return lm_fail(e, LM_REFUSED, "malformed PATCHES record: %s", what);
}

static bool in_space(uint32_t space, uint64_t addr, uint64_t pages)
{
	uint64_t max = space == LIVEMIG_PAGES_SPACE_MM ? 1ULL << 47 : 1ULL << 62;

	return space <= LIVEMIG_PAGES_SPACE_SHMEM && !(addr % PAGE) && pages &&
	       addr < max && pages <= (max - addr) / PAGE;
}

/* Pieces of one page, ascending. */
static int take_pieces(struct rest *r, struct lm_patch *p, struct lm_error *e)
{
	const uint8_t *n = take(r, 1);

	if (!n || !*n || *n > PAGE / PIECE)
		return malformed(e, "number of pieces");
	p->nr_pieces = *n;
	p->piece = take(r, *n);
	p->bytes = take(r, *n * PIECE);
	if (!p->bytes)
		return malformed(e, "pieces are cut off");
	for (uint32_t i = 0; i < *n; i++)
		if (p->piece[i] >= PAGE / PIECE ||
		    (i && p->piece[i] <= p->piece[i - 1]))
			return malformed(e, "order of pieces");
	return 0;
}

static int each_page(struct rest *r, struct lm_patch *p, uint32_t pages,
		     int (*use)(const struct lm_patch *p, void *arg,
				struct lm_error *e), void *arg, struct lm_error *e)
{
	const void *hash;
	int ret;

	for (; pages; pages--) {
		hash = take(r, sizeof(p->hash));
		if (!hash)
			return malformed(e, "hashes are cut off");
		memcpy(&p->hash, hash, sizeof(p->hash));
		p->hash = le64toh(p->hash);
		if (p->kind == LIVEMIG_PATCH_DELTA && take_pieces(r, p, e))
			return -1;
		ret = use(p, arg, e);
		if (ret)
			return ret;
		p->addr += PAGE;
		p->from.addr += PAGE;
	}
	return 0;
}

/* The bytes of one item. */
static int each_item(struct rest r, struct lm_patch *p, uint32_t pages,
		     int (*use)(const struct lm_patch *p, void *arg,
				struct lm_error *e), void *arg, struct lm_error *e)
{
	const struct livemig_patch_from *from;
	int ret;

	if (p->kind == LIVEMIG_PATCH_COPY) {
		from = take(&r, sizeof(*from));
		if (!from)
			return malformed(e, "an item is cut off");
		p->from.space = le32toh(from->space);
		p->from.id = le32toh(from->id);
		p->from.addr = le64toh(from->addr);
		if (!in_space(p->from.space, p->from.addr, pages))
			return malformed(e, "origin of a copy");
	}
	ret = each_page(&r, p, pages, use, arg, e);
	if (ret)
		return ret;
	if (r.len >= 8)
		return malformed(e, "bytes that belong to nothing");
	for (size_t i = 0; i < r.len; i++)
		if (r.at[i])
			return malformed(e, "padding is not zero");
	return 0;
}

int lm_patches_each(const struct lm_record *rec,
		    int (*use)(const struct lm_patch *p, void *arg,
			       struct lm_error *e), void *arg, struct lm_error *e)
{
	struct rest r = { rec->head, rec->head_len };
	const struct livemig_pages *head = take(&r, sizeof(*head));
	const struct livemig_patch *item;
	struct lm_patch p = { 0 };
	uint64_t addr;
	int ret;

	if (rec->type != LIVEMIG_OBJ_PATCHES || !head || rec->payload_len)
		return malformed(e, "head");
	p.space = le32toh(head->space);
	p.id = le32toh(head->id);
	for (uint32_t n = le32toh(head->nr_entries); n; n--) {
		struct rest body;

		item = take(&r, sizeof(*item));
		if (!item)
			return malformed(e, "an item is cut off");
		addr = le64toh(item->addr);
		p.kind = addr % PAGE;
		p.addr = addr - p.kind;
		body.len = le32toh(item->len);
		body.at = take(&r, body.len);
		if (!body.at || body.len % 8)
			return malformed(e, "an item is cut off");
		if (addr % PAGE > LIVEMIG_PATCH_COPY)
			return malformed(e, "unknown kind");
		if (!in_space(p.space, p.addr, le32toh(item->pages)))
			return malformed(e, "impossible range of pages");
		ret = each_item(body, &p, le32toh(item->pages), use, arg, e);
		if (ret)
			return ret;
	}
	return r.len ? malformed(e, "more bytes than items") : 0;
}

void lm_patch_delta(const struct lm_patch *p, void *page)
{
	for (uint32_t i = 0; i < p->nr_pieces; i++)
		memcpy((char *)page + p->piece[i] * PIECE, p->bytes + i * PIECE, PIECE);
}
