// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The index of an image's pages. Records of one address space that ascend are a
 * layer; one that begins before the end of the one before opens the next layer, as
 * each round does. (In a record pages that are gone follow those that are there, wherever
 * they were.) Layers are asked from the last to the first, each by two binary
 * searches: for the record, and in it. The entries of the record that was asked last
 * are kept with each layer, so that going through memory in its order reads every
 * head once.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../grow.h"
#include "../search.h"
#include "index.h"

#define PAGE	LIVEMIG_REC_PAGE
#define ADDR(x)	((x) & ~(uint64_t)(PAGE - 1))
#define NONE	SIZE_MAX

/* A record. */
struct place {
	uint64_t start;			/* in the file */
	uint64_t first, end;		/* addresses */
};

struct entry {
	uint64_t addr, end, value, offset;
	enum livemig_page_kind kind;
};

struct layer {
	struct place *v;
	size_t n;
	size_t open;			/* whose entries are here */
	struct entry *entry;
	size_t nr_entries;
};

struct space {
	uint32_t id;
	struct layer *layer;
	size_t nr_layers;
};

struct record {
	uint64_t start;
	uint32_t space, id;
};

struct lm_index {
	struct space *space;
	size_t nr_spaces, last;
	struct record *record;
	size_t nr_records;
};

struct lm_index *lm_index_new(void)
{
	return calloc(1, sizeof(struct lm_index));
}

void lm_index_free(struct lm_index *x)
{
	if (!x)
		return;
	for (size_t i = 0; i < x->nr_spaces; i++) {
		for (size_t j = 0; j < x->space[i].nr_layers; j++) {
			free(x->space[i].layer[j].v);
			free(x->space[i].layer[j].entry);
		}
		free(x->space[i].layer);
	}
	free(x->space);
	free(x->record);
	free(x);
}

/* ---- noting ---- */

static struct space *find_space(const struct lm_index *x, uint32_t id)
{
	if (x->last < x->nr_spaces && x->space[x->last].id == id)
		return &x->space[x->last];
	for (size_t i = 0; i < x->nr_spaces; i++)
		if (x->space[i].id == id)
			return &x->space[i];
	return NULL;
}

static struct space *space_of(struct lm_index *x, uint32_t id)
{
	struct space *s = find_space(x, id);

	if (!s) {
		if (lm_grow(&x->space, x->nr_spaces, sizeof(*s)))
			return NULL;
		s = &x->space[x->nr_spaces++];
		*s = (struct space){ .id = id };
	}
	x->last = s - x->space;
	return s;
}

/* The last layer, or a new one if @first is not behind it. */
static struct layer *layer_for(struct space *s, uint64_t first)
{
	struct layer *l = s->nr_layers ? &s->layer[s->nr_layers - 1] : NULL;

	if (l && l->v[l->n - 1].end <= first)
		return l;
	if (lm_grow(&s->layer, s->nr_layers, sizeof(*l)))
		return NULL;
	l = &s->layer[s->nr_layers++];
	*l = (struct layer){ .open = NONE };
	return l;
}

static uint64_t end_of(const struct livemig_page_entry *x)
{
	uint64_t addr = le64toh(x->addr);
	bool data = (addr & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_DATA;

	return ADDR(addr) + (data ? 1 : le64toh(x->value)) * PAGE;
}

static int note_place(struct space *s, const struct livemig_page_entry *entry,
		      size_t n, const struct lm_in *in, struct lm_error *e)
{
	struct place p = { .start = in->start, .first = UINT64_MAX };
	struct layer *l;

	for (size_t i = 0; i < n; i++) {
		uint64_t first = ADDR(le64toh(entry[i].addr)), end = end_of(&entry[i]);

		if (end <= first)
			return lm_in_bad(in, e, "impossible range of pages at %#llx",
					 (unsigned long long)first);
		p.first = first < p.first ? first : p.first;
		p.end = end > p.end ? end : p.end;
	}
	l = layer_for(s, p.first);
	if (!l || lm_grow(&l->v, l->n, sizeof(*l->v)))
		return lm_fail(e, LM_FAILED, "out of memory");
	l->v[l->n++] = p;
	return 0;
}

int lm_index_note(struct lm_index *x, struct lm_in *in, const struct lm_record *rec,
		  struct lm_error *e)
{
	const struct livemig_pages *head = rec->head;
	const struct livemig_page_entry *entry = (const void *)(head + 1);
	uint32_t space, id, n;
	struct space *s;

	if (rec->head_len < sizeof(*head) + sizeof(*entry))
		return lm_in_bad(in, e, "malformed PAGES record");
	n = le32toh(head->nr_entries);
	if (rec->head_len != sizeof(*head) + n * sizeof(*entry))
		return lm_in_bad(in, e, "malformed PAGES record");
	for (uint32_t i = 0; i < n; i++)
		if ((le64toh(entry[i].addr) & LIVEMIG_PAGE_KIND_MASK) > LIVEMIG_PAGE_HOLE)
			return lm_in_bad(in, e, "pages without their bytes: it is no image");
	space = le32toh(head->space);
	id = le32toh(head->id);
	if (lm_grow(&x->record, x->nr_records, sizeof(*x->record)))
		return lm_fail(e, LM_FAILED, "out of memory");
	x->record[x->nr_records++] = (struct record){ in->start, space, id };
	if (space == LIVEMIG_PAGES_SPACE_MM) {
		s = space_of(x, id);
		if (!s)
			return lm_fail(e, LM_FAILED, "out of memory");
		if (note_place(s, entry, n, in, e))
			return -1;
	}
	return lm_in_pass(in, e);
}

int lm_index_each(const struct lm_index *x,
		  int (*use)(uint64_t start, uint32_t space, uint32_t id, void *arg),
		  void *arg)
{
	for (size_t i = 0; i < x->nr_records; i++) {
		int ret = use(x->record[i].start, x->record[i].space, x->record[i].id, arg);

		if (ret)
			return ret;
	}
	return 0;
}

/* ---- asking ---- */

static int by_addr(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int unpack(struct layer *l, struct lm_in *in, const struct lm_record *rec,
		  struct lm_error *e)
{
	const struct livemig_page_entry *entry;
	const struct livemig_pages *head;
	uint64_t payload = in->pos;
	struct lm_error why = { 0 };
	uint32_t n;

	if (lm_pages_check(rec, &head, &entry, &n, &why))
		return lm_in_bad(in, e, "%s", why.msg);
	if (!l->entry)
		l->entry = malloc(LIVEMIG_PAGES_ENTRIES_MAX * sizeof(*l->entry));
	if (!l->entry)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (uint32_t i = 0; i < n; i++) {
		struct entry *to = &l->entry[i];

		*to = (struct entry){
			.addr = ADDR(le64toh(entry[i].addr)),
			.end = end_of(&entry[i]),
			.value = le64toh(entry[i].value),
			.offset = payload,
			.kind = le64toh(entry[i].addr) & LIVEMIG_PAGE_KIND_MASK,
		};
		if (to->kind == LIVEMIG_PAGE_DATA)
			payload += PAGE;
	}
	qsort(l->entry, n, sizeof(*l->entry), by_addr);
	for (uint32_t i = 1; i < n; i++)
		if (l->entry[i].addr < l->entry[i - 1].end)
			return lm_in_bad(in, e, "a page is there twice");
	l->nr_entries = n;
	return 0;
}

static int load(struct layer *l, size_t i, int fd, struct lm_error *e)
{
	struct lm_record rec;
	struct lm_in in;
	int ret;

	if (l->open == i)
		return 0;
	l->open = NONE;
	lm_in_init(&in, fd);
	in.start = in.pos = l->v[i].start;
	if (lseek(fd, in.pos, SEEK_SET) < 0)
		return lm_fail_errno(e, LM_FAILED, "the image");
	ret = lm_in_next(&in, &rec, e);
	if (!ret)
		ret = lm_fail(e, LM_FAILED, "the image has become shorter");
	ret = ret < 0 ? -1 : unpack(l, &in, &rec, e);
	lm_in_free(&in);
	if (!ret)
		l->open = i;
	return ret;
}

/* The first place that ends behind @addr. */
static size_t find_place(const struct layer *l, uint64_t addr)
{
	return lm_first_behind(l->v, l->n, addr);
}

static const struct entry *find_entry(const struct layer *l, uint64_t addr)
{
	size_t i = lm_first_behind(l->entry, l->nr_entries, addr);

	return i < l->nr_entries ? &l->entry[i] : NULL;
}

/* Does @l tell of @addr? If not, from where on (@until, made smaller) it may.
 * Return: 1, 0 or -1.
 */
static int ask(struct layer *l, int fd, uint64_t addr, struct lm_found *f,
	       uint64_t *until, struct lm_error *e)
{
	size_t i = find_place(l, addr);
	const struct entry *x;
	uint64_t next;

	if (i == l->n)
		return 0;
	next = l->v[i].first;
	if (next <= addr) {
		if (load(l, i, fd, e))
			return -1;
		x = find_entry(l, addr);
		if (x && x->addr <= addr) {
			*f = (struct lm_found){
				.kind = x->kind,
				.end = x->end < *until ? x->end : *until,
				.hash = x->value,
				.offset = x->offset,
			};
			return 1;
		}
		next = x ? x->addr : l->v[i].end;
	}
	if (next < *until)
		*until = next;
	return 0;
}

int lm_index_find(struct lm_index *x, int fd, uint32_t mm, uint64_t addr,
		  struct lm_found *f, struct lm_error *e)
{
	const struct space *s = find_space(x, mm);
	uint64_t until = UINT64_MAX;

	for (size_t i = s ? s->nr_layers : 0; i-- > 0;) {
		int ret = ask(&s->layer[i], fd, addr, f, &until, e);

		if (ret)
			return ret < 0 ? -1 : 0;
	}
	*f = (struct lm_found){ .kind = LIVEMIG_PAGE_HOLE, .end = until };
	return 0;
}
