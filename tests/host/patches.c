// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PATCHES records, which images do not have: one is read and applied (restore/
 * patches.c) to memory that is here in the test, and damaged at every bit. Built
 * with the sanitizers, so that a wrong access ends it.
 */
#include <endian.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "record.h"
#include "restore/internal.h"

#define PAGE	LIVEMIG_REC_PAGE
#define PIECE	LIVEMIG_PATCH_PIECE

/* ---- the memory: in the place of restore/pages.c and inherit.c ---- */

static struct area {
	uint32_t space, id;
	uint64_t addr;
	size_t pages;
	unsigned char bytes[3 * PAGE];
} areas[] = {
	{ LIVEMIG_PAGES_SPACE_MM, 7, 0x500000, 2 },
	{ LIVEMIG_PAGES_SPACE_MM, 7, 0x600000, 3 },
	{ LIVEMIG_PAGES_SPACE_SHMEM, 4, 0x700000, 3 },
}, before[3], after[3];

static unsigned char *at(uint32_t space, uint32_t id, uint64_t addr, struct lm_error *e)
{
	for (int i = 0; i < 3; i++) {
		struct area *a = &areas[i];

		if (a->space == space && a->id == id && addr >= a->addr &&
		    addr < a->addr + a->pages * PAGE)
			return a->bytes + addr - a->addr;
	}
	lm_fail(e, LM_FAILED, "no such page");
	return NULL;
}

int lm_page_read(struct lm_restorer *r, uint32_t space, uint32_t id, uint64_t addr,
		 void *page, struct lm_error *e)
{
	const void *p = at(space, id, addr, e);

	if (!p)
		return -1;
	memcpy(page, p, PAGE);
	return 0;
}

int lm_page_write(struct lm_restorer *r, uint32_t space, uint32_t id, uint64_t addr,
		  const void *page, struct lm_error *e)
{
	void *p = at(space, id, addr, e);

	if (!p)
		return -1;
	memcpy(p, page, PAGE);
	return 0;
}

struct lm_proc *lm_proc_of_mm(const struct lm_restorer *r, uint32_t mm_id)
{
	return NULL;
}

int lm_inherit_birth(struct lm_restorer *r, uint32_t mm_id, struct lm_error *e)
{
	return 0;
}

int lm_inherit_pages(struct lm_proc *p, const struct livemig_page_entry *x, uint32_t n,
		     struct lm_error *e)
{
	return 0;
}

/* ---- a record ---- */

static unsigned char good[512];
static size_t len;

static void put(const void *bytes, size_t n)
{
	memcpy(good + len, bytes, n);
	len += n;
}

static void put_le(uint64_t v, size_t n)
{
	v = htole64(v);
	put(&v, n);
}

static void put_item(uint64_t addr, uint32_t pages, uint32_t bytes)
{
	put_le(addr, 8);
	put_le(pages, 4);
	put_le(bytes, 4);
}

static void put_hash(const void *page)
{
	put_le(XXH64(page, PAGE, 0), 8);
}

static void put_delta(unsigned char *page, uint8_t n, const uint8_t *piece)
{
	for (int i = 0; i < n; i++)
		memset(page + piece[i] * PIECE, 'a' + i, PIECE);
	put_hash(page);
	put(&n, 1);
	put(piece, n);
	for (int i = 0; i < n; i++)
		put(page + piece[i] * PIECE, PIECE);
}

/* Two pages differ in pieces, three are copies; where the parts are: see cases. */
static void make(void)
{
	for (int i = 0; i < 3; i++)
		for (size_t b = 0; b < sizeof(areas[i].bytes); b++)
			areas[i].bytes[b] = b * 7 + b / PAGE + i;
	memcpy(before, areas, sizeof(areas));
	memcpy(after, areas, sizeof(areas));
	memcpy(after[1].bytes, after[2].bytes, sizeof(after[2].bytes));

	put_le(LIVEMIG_PAGES_SPACE_MM, 4);
	put_le(7, 4);
	put_le(1, 4);
	put_le(2, 4);
	put_item(0x500000 | LIVEMIG_PATCH_DELTA, 2, 216);
	put_delta(after[0].bytes, 2, (const uint8_t []){ 0, 63 });
	put_delta(after[0].bytes + PAGE, 1, (const uint8_t []){ 5 });
	put_le(0, 3);
	put_item(0x600000 | LIVEMIG_PATCH_COPY, 3, 40);
	put_le(0x700000, 8);
	put_le(LIVEMIG_PAGES_SPACE_SHMEM, 4);
	put_le(4, 4);
	for (int i = 0; i < 3; i++)
		put_hash(after[1].bytes + i * PAGE);
}

static struct lm_error e;

/* Exactly as long as it says, so that one byte too far shows. */
static int apply(const void *bytes, size_t n, uint16_t type, uint32_t payload)
{
	struct lm_record rec = { .type = type, .head_len = n, .payload_len = payload };
	void *head = malloc(n + !n);
	int ret;

	memcpy(head, bytes, n);
	memcpy(areas, before, sizeof(areas));
	memset(&e, 0, sizeof(e));
	rec.head = head;
	ret = lm_patches_record(NULL, &rec, &e);
	free(head);
	return ret;
}

/* Each page is as it was, or as it should be. */
static bool sound(void)
{
	for (int i = 0; i < 3; i++)
		for (size_t p = 0; p < areas[i].pages; p++)
			if (memcmp(areas[i].bytes + p * PAGE, before[i].bytes + p * PAGE, PAGE) &&
			    memcmp(areas[i].bytes + p * PAGE, after[i].bytes + p * PAGE, PAGE))
				return false;
	return true;
}

static bool malformed(const char *what)
{
	char msg[100];

	snprintf(msg, sizeof(msg), "malformed PATCHES record: %s", what);
	if (e.code == LM_REFUSED && !strcmp(e.msg, msg) && sound())
		return true;
	printf("# wanted %s: %s\n", what, e.code ? e.msg : "accepted");
	return false;
}

/* ---- the tests ---- */

static bool is_applied(void)
{
	if (apply(good, len, LIVEMIG_OBJ_PATCHES, 0)) {
		printf("# %s\n", e.msg);
		return false;
	}
	return !memcmp(areas, after, sizeof(areas));
}

static bool bad_items(void)
{
	static const struct {
		size_t at, len;
		uint64_t value;
		const char *what;
	} cases[] = {
		{ 0, 4, 2, "impossible range of pages" },		/* space */
		{ 12, 4, 3, "an item is cut off" },			/* items */
		{ 12, 4, ~0U, "an item is cut off" },
		{ 12, 4, 1, "more bytes than items" },
		{ 12, 4, 0, "more bytes than items" },
		{ 16, 1, 2, "unknown kind" },				/* the first: addr */
		{ 16, 2, 0x8fff, "unknown kind" },
		{ 16, 8, 1ULL << 47, "impossible range of pages" },
		{ 16, 8, (1ULL << 47) - PAGE, "impossible range of pages" },
		{ 16, 8, -(uint64_t)PAGE, "impossible range of pages" },
		{ 24, 4, 0, "impossible range of pages" },		/* ... pages */
		{ 24, 4, 1, "bytes that belong to nothing" },
		{ 24, 4, 3, "hashes are cut off" },
		{ 24, 4, ~0U, "hashes are cut off" },
		{ 28, 4, 215, "an item is cut off" },			/* ... len */
		{ 28, 4, 208, "pieces are cut off" },
		{ 28, 4, 0, "hashes are cut off" },
		{ 28, 4, -8U, "an item is cut off" },
		{ 40, 1, 0, "number of pieces" },			/* ... n */
		{ 40, 1, 64, "pieces are cut off" },
		{ 40, 1, 65, "number of pieces" },
		{ 42, 1, 64, "order of pieces" },			/* ... piece */
		{ 42, 1, 0, "order of pieces" },
		{ 41, 1, 255, "order of pieces" },
		{ 245, 1, 1, "padding is not zero" },
		{ 256, 4, 2, "bytes that belong to nothing" },		/* the second: pages */
		{ 256, 4, 4, "hashes are cut off" },
		{ 260, 4, 8, "an item is cut off" },			/* ... len */
		{ 264, 8, 0x700001, "origin of a copy" },		/* ... from */
		{ 264, 8, (1ULL << 62) - 2 * PAGE, "origin of a copy" },
		{ 272, 4, 2, "origin of a copy" },			/* ... its space */
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t value = htole64(cases[i].value);
		unsigned char bad[sizeof(good)];

		memcpy(bad, good, len);
		memcpy(bad + cases[i].at, &value, cases[i].len);
		apply(bad, len, LIVEMIG_OBJ_PATCHES, 0);
		if (!malformed(cases[i].what)) {
			printf("# byte %zu = %#llx\n", cases[i].at,
			       (unsigned long long)cases[i].value);
			ok = false;
		}
	}
	return ok;
}

static bool bad_record(void)
{
	apply(good, 15, LIVEMIG_OBJ_PATCHES, 0);
	if (!malformed("head"))
		return false;
	apply(good, len, LIVEMIG_OBJ_PAGES, 0);
	if (!malformed("head"))
		return false;
	apply(good, len, LIVEMIG_OBJ_PATCHES, PAGE);
	return malformed("head");
}

static bool is_cut(void)
{
	for (size_t n = 0; n < len; n++)
		if (!apply(good, n, LIVEMIG_OBJ_PATCHES, 0) || e.code != LM_REFUSED ||
		    strncmp(e.msg, "malformed PATCHES record: ", 26) || !sound()) {
			printf("# cut at byte %zu: %s\n", n, e.code ? e.msg : "accepted");
			return false;
		}
	return true;
}

/* The number of the round is of no interest to it. (A page may get the bytes of
 * another before it fails: a hash does not tell where they belong.)
 */
static bool is_flipped(void)
{
	for (size_t bit = 0; bit < len * 8; bit++) {
		bool round = bit / 8 >= 8 && bit / 8 < 12;
		int ret;

		good[bit / 8] ^= 1 << bit % 8;
		ret = apply(good, len, LIVEMIG_OBJ_PATCHES, 0);
		good[bit / 8] ^= 1 << bit % 8;
		if (round ? !ret : ret && e.code && *e.msg)
			continue;
		printf("# bit %zu of byte %zu: %s\n", bit % 8, bit / 8,
		       e.code ? e.msg : "accepted");
		return false;
	}
	return true;
}

/* Is it refused by who reads the stream @fd? */
static bool stream_refused(int fd)
{
	struct lm_record rec;
	struct lm_in in;
	int ret;

	memset(&e, 0, sizeof(e));
	lseek(fd, 0, SEEK_SET);
	lm_in_init(&in, fd);
	ret = lm_in_next(&in, &rec, &e);
	lm_in_free(&in);
	return ret < 0 && e.code == LM_REFUSED &&
		!strncmp(e.msg, "record 0 at offset 0: ", 22);
}

static bool damaged_stream(void)
{
	int fd = memfd_create("stream", 0);
	unsigned char bytes[sizeof(good) + sizeof(struct livemig_rec)];
	struct lm_out out;
	ssize_t n;

	lm_out_init(&out, fd);
	if (lm_out_rec(&out, LIVEMIG_OBJ_PATCHES, good, len, &e))
		return false;
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (stream_refused(fd) || n < (ssize_t)len)
		return false;
	for (ssize_t bit = 0; bit < n * 8; bit++) {
		unsigned char bad = bytes[bit / 8] ^ 1 << bit % 8;

		if (pwrite(fd, &bad, 1, bit / 8) != 1 || !stream_refused(fd) ||
		    pwrite(fd, &bytes[bit / 8], 1, bit / 8) != 1) {
			printf("# bit %zd of byte %zd: %s\n", bit % 8, bit / 8,
			       e.code ? e.msg : "accepted");
			return false;
		}
	}
	while (--n)
		if (ftruncate(fd, n) || !stream_refused(fd)) {
			printf("# cut at byte %zd: %s\n", n, e.code ? e.msg : "accepted");
			return false;
		}
	return true;
}

static void result(bool ok, const char *name)
{
	static int n;

	printf("%sok %d - %s\n", ok ? "" : "not ", ++n, name);
	fflush(stdout);
	if (!ok)
		exit(1);
}

int main(void)
{
	make();
	printf("KTAP version 1\n1..6\n");
	result(is_applied(), "differences and copies");
	result(bad_items(), "each thing that can be wrong with an item");
	result(bad_record(), "what is no PATCHES record");
	result(is_cut(), "cut at every byte");
	result(is_flipped(), "every bit flipped");
	result(damaged_stream(), "the same in a stream");
	return 0;
}
