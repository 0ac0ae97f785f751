// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The grammar of an image: HEADER, { ROUND, objects, PAGES*, ROUND_END }*, END.
 * One function for each kind of record; each may trust that those before it
 * were right.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "image.h"
#include "schema.h"

#define FORMAT		1
#define MAX_PAYLOAD	(LIVEMIG_PAGES_ENTRIES_MAX * LIVEMIG_REC_PAGE)

struct reader {
	struct lm_in in;
	struct lm_record rec;
	struct lm_image *img;
	const struct lm_image_opts *o;
};

#define bad(r, e, ...)	lm_in_bad(&(r)->in, e, __VA_ARGS__)

/* What went wrong inside the record @r, with its place. */
static int inside(struct reader *r, const struct lm_error *why, struct lm_error *e)
{
	if (why->code == LM_FAILED)
		return lm_fail(e, LM_FAILED, "%s", why->msg);
	return bad(r, e, "%s", why->msg);
}

static int read_header(struct reader *r, struct lm_error *e)
{
	struct lm_obj *h = &r->img->header;
	const char *arch;

	if (h->raw)
		return bad(r, e, "a second HEADER");
	h->raw = malloc(r->rec.head_len);
	if (!h->raw)
		return lm_fail(e, LM_FAILED, "out of memory");
	h->type = LM_REC_HEADER;
	h->len = r->rec.head_len;
	memcpy(h->raw, r->rec.head, h->len);
	if (lm_parse(h->raw, h->len, h->tb, LM_HEADER_MAX, e))
		return -1;
	if (lm_u32(h->tb[LM_HEADER_FORMAT]) != FORMAT)
		return bad(r, e, "image format %u; this migctl reads format %d",
			   lm_u32(h->tb[LM_HEADER_FORMAT]), FORMAT);
	arch = lm_str(h->tb[LM_HEADER_ARCH]);
	if (strcmp(arch, "x86_64"))
		return bad(r, e, "an image of a %s host; this is x86_64", arch);
	return 0;
}

static struct lm_image_round *this_round(struct lm_image *img)
{
	return &img->rounds[img->nr_rounds - 1];
}

static int read_round(struct reader *r, struct lm_error *e)
{
	const struct nlattr *tb[LM_ROUND_MAX + 1];
	struct lm_image *img = r->img;
	struct lm_image_round *p;

	if (lm_parse(r->rec.head, r->rec.head_len, tb, LM_ROUND_MAX, e))
		return -1;
	if (img->in_round)
		return bad(r, e, "a ROUND within a round");
	if (img->nr_rounds && this_round(img)->final)
		return bad(r, e, "a ROUND after the final one");
	if (lm_u32(tb[LM_ROUND_NR]) != img->nr_rounds)
		return bad(r, e, "ROUND %u where %zu was expected",
			   lm_u32(tb[LM_ROUND_NR]), img->nr_rounds);
	p = reallocarray(img->rounds, img->nr_rounds + 1, sizeof(*p));
	if (!p)
		return lm_fail(e, LM_FAILED, "out of memory");
	img->rounds = p;
	p[img->nr_rounds] = (struct lm_image_round){
		.nr = img->nr_rounds,
		.final = tb[LM_ROUND_FINAL],
	};
	img->nr_rounds++;
	img->in_round = true;
	img->pages = false;
	lm_model_free(&img->model);
	return 0;
}

static int count_is(struct reader *r, const struct nlattr *a, const char *what,
		    uint64_t seen, struct lm_error *e)
{
	if (!a || lm_u64(a) == seen)
		return 0;
	return bad(r, e, "the round is said to have %llu %s, but there were %llu",
		   (unsigned long long)lm_u64(a), what, (unsigned long long)seen);
}

static int read_round_end(struct reader *r, struct lm_error *e)
{
	const struct nlattr *tb[LM_ROUND_MAX + 1];
	struct lm_image_round *p;
	struct lm_error why = { 0 };

	if (lm_parse(r->rec.head, r->rec.head_len, tb, LM_ROUND_MAX, e))
		return -1;
	if (!r->img->in_round)
		return bad(r, e, "a ROUND_END without a ROUND");
	p = this_round(r->img);
	if (lm_u32(tb[LM_ROUND_NR]) != p->nr)
		return bad(r, e, "ROUND_END %u ends round %u", lm_u32(tb[LM_ROUND_NR]), p->nr);
	if (count_is(r, tb[LM_ROUND_DATA], "data pages", p->data, e) ||
	    count_is(r, tb[LM_ROUND_ZERO], "zero pages", p->zero, e) ||
	    count_is(r, tb[LM_ROUND_HOLE], "holes", p->hole, e) ||
	    count_is(r, tb[LM_ROUND_BYTES], "bytes of pages", p->bytes, e))
		return -1;
	p->ns = lm_u64(tb[LM_ROUND_NS]);
	r->img->in_round = false;
	/* (a running container changes while it is listed: only the final model
	 * has to be consistent)
	 */
	if (p->final && lm_model_finish(&r->img->model, &why))
		return inside(r, &why, e);
	return 0;
}

static int read_object(struct reader *r, struct lm_error *e)
{
	struct lm_error why = { 0 };

	if (!r->img->in_round)
		return bad(r, e, "%s outside of a round", lm_schema(r->rec.type)->name);
	if (lm_model_add(&r->img->model, r->rec.type, r->rec.head, r->rec.head_len, &why))
		return inside(r, &why, e);
	return 0;
}

/* Is [addr, addr + len) mapped? Entries mostly ascend: *@vma is where the one
 * before was found. (A disorder of the VMAs is found at the end of the round.)
 */
static bool mapped(const struct lm_mm *mm, uint64_t addr, uint64_t len, size_t *vma)
{
	uint64_t end = addr + len;
	size_t i = *vma;

	if (i < mm->nr_vmas && mm->vmas[i].start > addr)
		i = 0;
	for (; i < mm->nr_vmas && addr < end; i++) {
		if (mm->vmas[i].start <= addr && mm->vmas[i].end > addr) {
			addr = mm->vmas[i].end;
			*vma = i;
		}
	}
	return addr >= end;
}

/* In the final round all that is named must be there. */
static int check_space(struct reader *r, const struct livemig_pages *p,
		       const struct livemig_page_entry *entries, uint32_t n,
		       struct lm_error *e)
{
	bool is_mm = le32toh(p->space) == LIVEMIG_PAGES_SPACE_MM;
	const struct lm_mm *mm = is_mm ? lm_model_mm(&r->img->model, le32toh(p->id)) : NULL;
	const struct lm_shmem *sh = is_mm ? NULL :
		lm_model_shmem(&r->img->model, le32toh(p->id));
	size_t vma = 0;

	if (!mm && !sh)
		return bad(r, e, "pages of %s %u, which does not exist",
			   is_mm ? "mm" : "shared memory", le32toh(p->id));
	for (uint32_t i = 0; i < n; i++) {
		uint64_t low = le64toh(entries[i].addr) & (LIVEMIG_REC_PAGE - 1);
		uint64_t addr = le64toh(entries[i].addr) - low;
		uint64_t len = LIVEMIG_REC_PAGE;

		if ((low & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_HOLE)
			continue;
		if ((low & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_ZERO)
			len *= le64toh(entries[i].value);
		if (mm ? !mapped(mm, addr, len, &vma) :
		    addr + len > ((sh->size + LIVEMIG_REC_PAGE - 1) & -(uint64_t)LIVEMIG_REC_PAGE))
			return bad(r, e, "page %#llx lies outside of %s %u",
				   (unsigned long long)addr,
				   is_mm ? "the mappings of mm" : "shared memory",
				   le32toh(p->id));
	}
	return 0;
}

static int check_hashes(struct reader *r, const struct livemig_page_entry *entries,
			uint32_t n, struct lm_error *e)
{
	const char *page = r->img->payload;

	if (lm_in_payload(&r->in, r->img->payload, r->rec.payload_len, e))
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t addr = le64toh(entries[i].addr);

		if ((addr & LIVEMIG_PAGE_KIND_MASK) != LIVEMIG_PAGE_DATA)
			continue;
		if (XXH64(page, LIVEMIG_REC_PAGE, 0) != le64toh(entries[i].value))
			return bad(r, e, "damaged: page %#llx does not have its hash",
				   (unsigned long long)(addr & -(uint64_t)LIVEMIG_REC_PAGE));
		page += LIVEMIG_REC_PAGE;
	}
	return 0;
}

static int read_pages(struct reader *r, struct lm_error *e)
{
	const struct livemig_page_entry *entries;
	const struct livemig_pages *p;
	struct lm_image_round *round;
	struct lm_error why = { 0 };
	uint32_t n;

	if (!r->img->in_round)
		return bad(r, e, "PAGES outside of a round");
	round = this_round(r->img);
	if (lm_pages_check(&r->rec, &p, &entries, &n, &why))
		return inside(r, &why, e);
	if (le32toh(p->round) != round->nr)
		return bad(r, e, "PAGES of round %u in round %u", le32toh(p->round),
			   round->nr);
	for (uint32_t i = 0; i < n; i++) {
		switch (le64toh(entries[i].addr) & LIVEMIG_PAGE_KIND_MASK) {
		case LIVEMIG_PAGE_DATA:
			round->data++;
			break;
		case LIVEMIG_PAGE_ZERO:
			round->zero += le64toh(entries[i].value);
			break;
		case LIVEMIG_PAGE_HOLE:
			round->hole += le64toh(entries[i].value);
			break;
		default:
			return bad(r, e, "pages without their bytes: it is no image");
		}
	}
	round->bytes += LIVEMIG_REC_PAGE + r->rec.payload_len;
	if (round->final && check_space(r, p, entries, n, e))
		return -1;
	return r->o->no_hashes ? 0 : check_hashes(r, entries, n, e);
}

static int read_end(struct reader *r, struct lm_error *e)
{
	const struct nlattr *tb[LM_END_MAX + 1];
	struct lm_image *img = r->img;

	if (lm_parse(r->rec.head, r->rec.head_len, tb, LM_END_MAX, e))
		return -1;
	if (img->in_round || !img->nr_rounds || !this_round(img)->final)
		return bad(r, e, "END before the final round is over");
	/* (END itself has been counted) */
	if (lm_u64(tb[LM_END_RECORDS]) != r->in.seq - 1)
		return bad(r, e, "END counts %llu records, but there were %llu",
			   (unsigned long long)lm_u64(tb[LM_END_RECORDS]),
			   (unsigned long long)r->in.seq - 1);
	img->ended = true;
	return 0;
}

static int read_record(struct reader *r, struct lm_error *e)
{
	const struct lm_schema *s = lm_schema(r->rec.type);
	struct lm_error why = { 0 };

	if (!s)
		return bad(r, e, "type %u belongs to the migration protocol, not into an image",
			   r->rec.type);
	if (!r->img->header.raw && r->rec.type != LM_REC_HEADER)
		return bad(r, e, "an image begins with HEADER, not with %s", s->name);
	if (r->img->ended)
		return bad(r, e, "%s after END", s->name);
	if (s->attrs && lm_schema_check(s, r->rec.head, r->rec.head_len, &why))
		return inside(r, &why, e);
	if (r->rec.payload_len && s->attrs)
		return bad(r, e, "%s with a payload", s->name);

	switch (r->rec.type) {
	case LM_REC_PAD:
		return 0;
	case LM_REC_HEADER:
		return read_header(r, e);
	case LM_REC_ROUND:
		return read_round(r, e);
	case LM_REC_ROUND_END:
		return read_round_end(r, e);
	case LM_REC_END:
		return read_end(r, e);
	case LIVEMIG_OBJ_PAGES:
		return read_pages(r, e);
	case LIVEMIG_OBJ_PATCHES:
		return bad(r, e, "PATCHES, which are for connections only");
	default:
		return read_object(r, e);
	}
}

static int read_all(struct reader *r, struct lm_error *e)
{
	int ret;

	while ((ret = lm_in_next(&r->in, &r->rec, e)) > 0) {
		if (r->o->record && r->o->record(&r->in, &r->rec, r->o->arg))
			return lm_fail(e, LM_FAILED, "out of memory");
		if (read_record(r, e))
			return -1;
		if (r->o->header_only)
			return 0;
	}
	if (ret < 0)
		return -1;
	if (!r->in.records)
		return lm_fail(e, LM_REFUSED, "the file is empty");
	if (!r->img->ended)
		return lm_fail(e, LM_REFUSED, "incomplete: it ends after %llu records (%llu bytes) without END",
			       (unsigned long long)r->in.records,
			       (unsigned long long)r->in.pos);
	return 0;
}

int lm_image_read(struct lm_image *img, int fd, const struct lm_image_opts *o,
		  struct lm_error *e)
{
	struct reader r = { .img = img, .o = o };
	int ret;

	memset(img, 0, sizeof(*img));
	lm_model_init(&img->model);
	img->payload = malloc(MAX_PAYLOAD);
	if (!img->payload)
		return lm_fail(e, LM_FAILED, "out of memory");
	lm_in_init(&r.in, fd);
	ret = read_all(&r, e);
	img->records = r.in.records;
	img->bytes = r.in.pos;
	lm_in_free(&r.in);
	return ret;
}

void lm_image_free(struct lm_image *img)
{
	lm_model_free(&img->model);
	free(img->header.raw);
	free(img->rounds);
	free(img->payload);
	memset(img, 0, sizeof(*img));
}
