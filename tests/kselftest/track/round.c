// SPDX-License-Identifier: GPL-2.0-or-later
/* See round.h. */
#include <errno.h>
#include <stdbool.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xxhash.h>

#include <linux/livemig.h>
#include "round.h"

/* ---- the command ---- */

static void take_stats(struct fam *nl, struct nlattr **attrs, void *arg)
{
	struct nlattr *tb[LIVEMIG_STATS_MAX + 1] = {};
	struct stats *st = arg;
	int i;

	if (attrs[LIVEMIG_A_ROUND])
		st->round = nla_get_u32(attrs[LIVEMIG_A_ROUND]);
	if (!attrs[LIVEMIG_A_STATS] ||
	    nla_parse_nested(tb, LIVEMIG_STATS_MAX, attrs[LIVEMIG_A_STATS], NULL))
		return;
	for (i = LIVEMIG_STATS_PRESENT; i <= LIVEMIG_STATS_MAX; i++)
		st->v[i] = tb[i] ? nla_get_u64(tb[i]) : ~0ULL;
}

int round_call(struct fam *nl, uint32_t session, int fd, uint32_t flags,
	       struct stats *st)
{
	struct nl_msg *msg = fam_request(nl, LIVEMIG_CMD_PAGES, 0);
	struct stats dummy;

	st = st ?: &dummy;
	memset(st, 0, sizeof(*st));
	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	if (fd >= 0)
		nla_put_s32(msg, LIVEMIG_A_FD, fd);
	if (flags)
		nla_put_u32(msg, LIVEMIG_A_PAGES_FLAGS, flags);
	return fam_call(nl, msg, take_stats, st);
}

int round_ranges(struct fam *nl, uint32_t session, int fd, uint32_t mm,
		 const void *ranges, size_t len, struct stats *st)
{
	struct nl_msg *msg = fam_request(nl, LIVEMIG_CMD_PAGES, 0);
	struct stats dummy;

	st = st ?: &dummy;
	memset(st, 0, sizeof(*st));
	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	if (fd >= 0)
		nla_put_s32(msg, LIVEMIG_A_FD, fd);
	if (mm)
		nla_put_u32(msg, LIVEMIG_A_MM, mm);
	if (ranges)
		nla_put(msg, LIVEMIG_A_RANGES, len, ranges);
	return fam_call(nl, msg, take_stats, st);
}

/* ---- the shadow ---- */

#define BUCKETS (1U << 16)

struct page {
	struct page *next;
	uint32_t space, id;
	uint64_t index;
	bool there;
	char bytes[PAGE];
};

struct shadow {
	struct page *bucket[BUCKETS];
	uint32_t keep[4];
	int nr_keep;
};

struct shadow *shadow_new(void)
{
	return calloc(1, sizeof(struct shadow));
}

void shadow_free(struct shadow *s)
{
	struct page *p;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		while ((p = s->bucket[i])) {
			s->bucket[i] = p->next;
			free(p);
		}
	free(s);
}

void shadow_keep(struct shadow *s, uint32_t mm)
{
	s->keep[s->nr_keep++] = mm;
}

static bool kept(const struct shadow *s, uint32_t space, uint32_t id)
{
	int i;

	for (i = 0; i < s->nr_keep; i++)
		if (s->keep[i] == id)
			return true;
	return !s->nr_keep || space != LIVEMIG_PAGES_SPACE_MM;
}

static struct page *lookup(struct shadow *s, uint32_t space, uint32_t id,
			   uint64_t index, bool make)
{
	uint32_t h = (index * 0x9e3779b97f4a7c15ULL + id * 31 + space) >> 40;
	struct page **head = &s->bucket[h % BUCKETS], *p;

	for (p = *head; p; p = p->next)
		if (p->index == index && p->id == id && p->space == space)
			return p;
	if (!make)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (!p)
		abort();
	p->space = space;
	p->id = id;
	p->index = index;
	p->next = *head;
	*head = p;
	return p;
}

const char *shadow_page(struct shadow *s, uint32_t space, uint32_t id,
			uint64_t index)
{
	struct page *p = lookup(s, space, id, index, false);

	return p && p->there ? p->bytes : NULL;
}

uint32_t shadow_find(struct shadow *s, uint32_t space, uint64_t index,
		     uint64_t tag)
{
	struct page *p;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		for (p = s->bucket[i]; p; p = p->next)
			if (p->space == space && p->index == index && p->there &&
			    !memcmp(p->bytes, &tag, sizeof(tag)))
				return p->id;
	return 0;
}

/* ---- the stream ---- */

static bool read_all(int fd, void *buf, size_t len, bool *end)
{
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		n = read(fd, (char *)buf + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += n;
	}
	*end = !got;
	return got == len;
}

#define WRONG(...) do {							\
	snprintf(rec->error, sizeof(rec->error), __VA_ARGS__);		\
	return;								\
} while (0)

static void apply_entry(struct shadow *s, struct records *rec,
			const struct livemig_pages *pages,
			const struct livemig_page_entry *e, const char *bytes)
{
	uint64_t kind = e->addr & LIVEMIG_PAGE_KIND_MASK, i;
	uint64_t n = kind == LIVEMIG_PAGE_DATA ? 1 : e->value;
	struct page *p;

	if (e->addr & (PAGE - 1) & ~(LIVEMIG_PAGE_KIND_MASK | LIVEMIG_PAGE_F_HUGE))
		WRONG("address %#llx has unknown flags",
		      (unsigned long long)e->addr);
	if (!n || n > 1 << 24)
		WRONG("an entry of %llu pages", (unsigned long long)n);
	if (kind == LIVEMIG_PAGE_LATER) {
		rec->later += n;
		return;
	}
	for (i = 0; i < n && kept(s, pages->space, pages->id); i++) {
		p = lookup(s, pages->space, pages->id, e->addr / PAGE + i, true);
		p->there = kind != LIVEMIG_PAGE_HOLE;
		if (kind == LIVEMIG_PAGE_DATA)
			memcpy(p->bytes, bytes, PAGE);
		else
			memset(p->bytes, 0, PAGE);
	}
	switch (kind) {
	case LIVEMIG_PAGE_DATA:
		rec->data++;
		rec->huge += !!(e->addr & LIVEMIG_PAGE_F_HUGE);
		if (XXH64(bytes, PAGE, 0) != e->value)
			WRONG("page %#llx has not its hash",
			      (unsigned long long)e->addr);
		break;
	case LIVEMIG_PAGE_ZERO:
		rec->zero += n;
		break;
	case LIVEMIG_PAGE_HOLE:
		rec->hole += n;
		break;
	default:
		WRONG("unknown kind %llu", (unsigned long long)kind);
	}
}

/* The bytes of one page of a patch, after its hash, at *@at. */
static void apply_delta(struct records *rec, char *page, const char **at,
			const char *end)
{
	unsigned int n = *at < end ? *(const uint8_t *)*at : 0, i;
	const uint8_t *piece = (const uint8_t *)*at + 1;

	if (!n || n > PAGE / LIVEMIG_PATCH_PIECE ||
	    *at + 1 + n * (1 + LIVEMIG_PATCH_PIECE) > end)
		WRONG("a delta of %u pieces", n);
	*at += 1 + n;
	for (i = 0; i < n; i++, *at += LIVEMIG_PATCH_PIECE)
		memcpy(page + piece[i] * LIVEMIG_PATCH_PIECE, *at,
		       LIVEMIG_PATCH_PIECE);
}

static void apply_patch(struct shadow *s, struct records *rec,
			const struct livemig_pages *pages,
			const struct livemig_patch *item)
{
	const struct livemig_patch_from *from = (const void *)(item + 1);
	const char *at = (const char *)from, *end = at + item->len;
	uint64_t kind = item->addr % PAGE, index = item->addr / PAGE, i, hash;
	struct page *p, *q;

	if (kind == LIVEMIG_PATCH_COPY)
		at += sizeof(*from);
	for (i = 0; i < item->pages; i++) {
		if (at + 8 > end)
			WRONG("a patch is cut off");
		memcpy(&hash, at, 8);
		at += 8;
		p = lookup(s, pages->space, pages->id, index + i, true);
		if (kind == LIVEMIG_PATCH_COPY) {
			q = lookup(s, from->space, from->id,
				   from->addr / PAGE + i, false);
			if (!q || !q->there)
				WRONG("a copy of a page that was not sent");
			memcpy(p->bytes, q->bytes, PAGE);
			p->there = true;
			rec->copy++;
		} else {
			if (!p->there)
				WRONG("a delta of a page that was not sent");
			apply_delta(rec, p->bytes, &at, end);
			if (rec->error[0])
				return;
			rec->delta++;
		}
		if (XXH64(p->bytes, PAGE, 0) != hash)
			WRONG("patched page %#llx has not its hash",
			      (unsigned long long)(index + i) * PAGE);
	}
	if (end - at >= 8 || end < at)
		WRONG("a patch of another length");
}

static void apply_patches(struct shadow *s, struct records *rec, const char *head,
			  uint32_t len)
{
	const struct livemig_pages *pages = (const void *)head;
	const struct livemig_patch *item;
	uint32_t at = sizeof(*pages), i;

	for (i = 0; i < pages->nr_entries && !rec->error[0]; i++) {
		item = (const void *)(head + at);
		if (at + sizeof(*item) > len ||
		    at + sizeof(*item) + item->len > len)
			WRONG("an item is cut off");
		apply_patch(s, rec, pages, item);
		at += sizeof(*item) + item->len;
	}
	if (!rec->error[0] && at != len)
		WRONG("more bytes than items");
}

/* A PATCHES record, of which the first PAGE bytes or less were read. */
static void read_patches(int fd, struct shadow *s, struct records *rec,
			 const char *first, size_t got)
{
	static char buf[LIVEMIG_PATCHES_MAX + 8];
	struct livemig_rec *r = (void *)buf;
	uint32_t used = sizeof(*r) + ((const struct livemig_rec *)first)->head_len;
	uint64_t sum;
	bool dummy;

	if (used > LIVEMIG_PATCHES_MAX || used % 8 || used < got)
		WRONG("head_len %u", used);
	memcpy(buf, first, got);
	if (!read_all(fd, buf + got, used - got, &dummy))
		WRONG("patches are cut off");
	sum = r->checksum;
	r->checksum = 0;
	if (XXH64(buf, used, 0) != sum)
		WRONG("wrong checksum of patches");
	rec->records++;
	apply_patches(s, rec, buf + sizeof(*r), r->head_len);
}

static void read_record(int fd, struct shadow *s, struct records *rec, bool *end)
{
	static char head[PAGE], payload[LIVEMIG_PAGES_ENTRIES_MAX * PAGE];
	struct livemig_rec *r = (void *)head;
	struct livemig_pages *pages = (void *)(r + 1);
	struct livemig_page_entry *e = (void *)(pages + 1);
	uint64_t sum, data = 0;
	uint32_t i, used;
	bool dummy;

	if (!read_all(fd, head, sizeof(*r), end)) {
		if (*end)
			return;
		WRONG("a head is cut off");
	}
	if (r->magic == LIVEMIG_REC_MAGIC && r->type == LIVEMIG_OBJ_PATCHES &&
	    r->seq == ~0ULL) {
		read_patches(fd, s, rec, head, sizeof(*r));
		return;
	}
	if (!read_all(fd, head + sizeof(*r), PAGE - sizeof(*r), &dummy))
		WRONG("a head is cut off");
	if (r->magic != LIVEMIG_REC_MAGIC || r->type != LIVEMIG_OBJ_PAGES ||
	    r->version != 1 || r->flags != LIVEMIG_REC_F_REQUIRED ||
	    r->seq != ~0ULL)
		WRONG("magic %#x type %u version %u flags %#x", r->magic, r->type,
		      r->version, r->flags);
	used = sizeof(*r) + r->head_len;
	if (used > PAGE)
		WRONG("head_len %u", r->head_len);
	sum = r->checksum;
	r->checksum = 0;
	if (XXH64(head, used, 0) != sum)
		WRONG("wrong checksum");
	if (!pages->nr_entries ||
	    pages->nr_entries > LIVEMIG_PAGES_ENTRIES_MAX ||
	    r->head_len != sizeof(*pages) + pages->nr_entries * sizeof(*e))
		WRONG("%u entries in a head of %u", pages->nr_entries,
		      r->head_len);
	for (i = used; i < PAGE; i++)
		if (head[i])
			WRONG("padding is not zero");
	if (r->payload_len > sizeof(payload) ||
	    (r->payload_len && !read_all(fd, payload, r->payload_len, &dummy)))
		WRONG("payload of %u is cut off", r->payload_len);
	rec->records++;
	rec->round = pages->round;
	for (i = 0; i < pages->nr_entries && !rec->error[0]; i++) {
		if ((e[i].addr & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_DATA &&
		    ++data * PAGE > r->payload_len)
			WRONG("more DATA than payload");
		apply_entry(s, rec, pages, &e[i],
			    data ? payload + (data - 1) * PAGE : NULL);
	}
	if (!rec->error[0] && data * PAGE != r->payload_len)
		WRONG("more payload than DATA");
}

void records_read(int fd, struct shadow *s, struct records *rec)
{
	bool end = false;

	memset(rec, 0, sizeof(*rec));
	while (!end && !rec->error[0])
		read_record(fd, s, rec, &end);
}

/* ---- a round ---- */

struct reader {
	int fd;
	struct shadow *s;
	struct records rec;
};

static void *reader(void *arg)
{
	struct reader *r = arg;

	records_read(r->fd, r->s, &r->rec);
	/* Who writes must not wait for us. */
	if (r->rec.error[0])
		shutdown(r->fd, SHUT_RD);
	return NULL;
}

static int through_socket(struct fam *nl, uint32_t session, uint32_t flags,
			  struct shadow *s, struct stats *st, struct records *rec)
{
	struct reader r = { .s = s };
	pthread_t t;
	int fd[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		return -errno;
	r.fd = fd[0];
	pthread_create(&t, NULL, reader, &r);
	err = round_call(nl, session, fd[1], flags, st);
	close(fd[1]);
	pthread_join(t, NULL);
	close(fd[0]);
	*rec = r.rec;
	return err;
}

static int through_file(struct fam *nl, uint32_t session, uint32_t flags,
			struct shadow *s, struct stats *st, struct records *rec)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), err;

	if (fd < 0)
		return -errno;
	err = round_call(nl, session, fd, flags, st);
	if (!err && lseek(fd, 0, SEEK_CUR) != (off_t)st->v[LIVEMIG_STATS_BYTES])
		snprintf(rec->error, sizeof(rec->error),
			 "%lld bytes instead of %llu",
			 (long long)lseek(fd, 0, SEEK_END),
			 (unsigned long long)st->v[LIVEMIG_STATS_BYTES]);
	lseek(fd, 0, SEEK_SET);
	if (!err && !rec->error[0])
		records_read(fd, s, rec);
	close(fd);
	return err;
}

int round_apply(struct fam *nl, uint32_t session, uint32_t flags,
		struct shadow *s, struct stats *st)
{
	struct records rec = {};
	struct stats dummy;
	int err;

	st = st ?: &dummy;
	err = (flags & (LIVEMIG_PAGES_F_PATCHES | LIVEMIG_PAGES_F_LATER) ? through_socket : through_file)
	      (nl, session, flags, s, st, &rec);
	if (err)
		printf("# PAGES: %s: %s\n", strerror(-err), nl->text);
	else if (!rec.error[0] && (rec.data != st->v[LIVEMIG_STATS_DATA] ||
				   rec.zero != st->v[LIVEMIG_STATS_ZERO] ||
				   rec.hole != st->v[LIVEMIG_STATS_HOLE] ||
				   rec.delta != st->v[LIVEMIG_STATS_DELTA] ||
				   rec.later != st->v[LIVEMIG_STATS_LATER] ||
				   rec.copy != st->v[LIVEMIG_STATS_COPY]))
		snprintf(rec.error, sizeof(rec.error),
			 "the counts are not those of the records");
	if (rec.error[0]) {
		printf("# %s\n", rec.error);
		err = err ?: -EPROTO;
	}
	return err;
}
