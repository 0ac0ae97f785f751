// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pages into the memory of somebody who may wait for them. What the program does to
 * its mappings meanwhile is told by events, and as long as one has not been read the
 * kernel answers EAGAIN; so a page never gets to where something else is by now.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <xxhash.h>

#include "lazy.h"

#define PAGE	LIVEMIG_REC_PAGE

static int read_all(int image, void *buf, size_t len, uint64_t at, struct lm_error *e)
{
	while (len) {
		ssize_t n = pread(image, buf, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return lm_fail_errno(e, LM_FAILED, "reading the image at %" PRIu64, at);
		if (!n)
			return lm_fail(e, LM_FAILED, "the image has become shorter than %" PRIu64 " bytes",
				       at + len);
		buf = (char *)buf + n;
		len -= n;
		at += n;
	}
	return 0;
}

static int verify(const void *page, uint64_t hash, uint32_t mm, uint64_t addr,
		  struct lm_error *e)
{
	if (XXH64(page, PAGE, 0) == hash)
		return 0;
	return lm_fail(e, LM_FAILED, "the page at %#" PRIx64 " of memory %u is damaged (wrong hash)",
		       addr, mm);
}

int lm_lazy_read(int image, const struct lm_found *f, uint32_t mm, uint64_t addr,
		 void *page, struct lm_error *e)
{
	return read_all(image, page, PAGE, f->offset, e) ||
	       verify(page, f->hash, mm, addr, e) ? -1 : 0;
}

/* Up to @max pages from @addr of the source on into the buffer. Return: how many have
 * bytes, 0: the first has none (*@end: up to where that is so), -1.
 */
static int gather(struct lm_lazy *z, uint32_t mm, uint64_t addr, int max,
		  uint64_t *end, struct lm_error *e)
{
	struct lm_found f[LM_LAZY_RUN];
	char *buf = z->buf;
	int n = 0;

	for (; n < max; n++) {
		if (lm_index_find(z->index, z->image, mm, addr + n * PAGE, &f[n], e))
			return -1;
		if (f[n].kind != LIVEMIG_PAGE_DATA)
			break;
	}
	if (!n)
		*end = f[0].end;
	for (int i = 0, run; i < n; i += run) {
		for (run = 1; i + run < n; run++)
			if (f[i + run].offset != f[i].offset + run * PAGE)
				break;
		if (read_all(z->image, buf + i * PAGE, run * PAGE, f[i].offset, e))
			return -1;
	}
	for (int i = 0; i < n; i++)
		if (verify(buf + i * PAGE, f[i].hash, mm, addr + i * PAGE, e))
			return -1;
	return n;
}

/* What an error of UFFDIO_COPY or UFFDIO_ZEROPAGE for one page at @addr means.
 * Return: 0 the page is there, or has no place any more; 1 not now; -1.
 */
static int settle(struct lm_lazy_mem *m, uint64_t addr, struct lm_error *e)
{
	struct uffdio_range page = { addr, PAGE };

	switch (errno) {
	case EAGAIN:
	case ENOMEM:
		return 1;
	case ESRCH:
	case ENOSPC:
		m->gone = true;
		return 0;
	case EEXIST:
	case ENOENT:
	case EINVAL:
		ioctl(m->uffd, UFFDIO_WAKE, &page);
		return 0;
	}
	return lm_fail_errno(e, LM_FAILED, "filling memory at %#" PRIx64, addr);
}

/* Memory can be filled: no move is under way (mmap_changing of 6.1, fs/userfaultfd.c). */
static void no_moves(struct lm_lazy_mem *m)
{
	m->moved.len = 0;
	lm_todo_free(&m->left);
}

/* Return: as settle(). */
static int zero(struct lm_lazy_mem *m, uint64_t addr, struct lm_error *e)
{
	struct uffdio_zeropage z = { .range = { addr, PAGE } };

	if (ioctl(m->uffd, UFFDIO_ZEROPAGE, &z))
		return settle(m, addr, e);
	no_moves(m);
	return 0;
}

/* @n pages from @buf to @addr. What is there is not to be done any more. */
static int put(struct lm_lazy_mem *m, uint64_t addr, const char *buf, int n,
	       struct lm_error *e)
{
	uint64_t end = addr + n * PAGE;
	int ret;

	while (addr < end && !m->gone) {
		struct uffdio_copy c = {
			.dst = addr, .src = (uintptr_t)buf, .len = end - addr,
		};
		uint64_t done = 0;

		if (!ioctl(m->uffd, UFFDIO_COPY, &c))
			done = c.len;
		else if (c.copy > 0)
			done = c.copy;
		if (done)
			no_moves(m);
		if (!done && errno != EAGAIN) {
			/* One page may be the reason, or a border in between. */
			c.len = PAGE;
			c.copy = 0;
			ret = ioctl(m->uffd, UFFDIO_COPY, &c) ? settle(m, addr, e) : 0;
			if (ret)
				return ret;
			done = PAGE;
		}
		if (!done)
			return 1;
		if (lm_todo_cut(&m->todo, addr, addr + done))
			return lm_fail(e, LM_FAILED, "out of memory");
		addr += done;
		buf += done;
	}
	return 0;
}

int lm_lazy_answer(struct lm_lazy *z, struct lm_lazy_mem *m, uint64_t fault,
		   struct lm_error *e)
{
	uint64_t addr = fault & ~(uint64_t)(PAGE - 1), end;
	const struct lm_todo_range *r = lm_todo_find(&m->todo, addr);
	int n = 0;

	if (r) {
		n = (r->end - addr) / PAGE < LM_LAZY_FAULT ? (r->end - addr) / PAGE :
							     LM_LAZY_FAULT;
		n = gather(z, m->mm, r->from + (addr - r->start), n, &end, e);
	}
	if (n < 0)
		return -1;
	if (n)
		return put(m, addr, z->buf, n, e);
	if (!(fault & LM_FAULT_WRITE))
		return zero(m, addr, e);
	/* (or it would fault once more, to have the page of zeros copied) */
	memset(z->buf, 0, PAGE);
	return put(m, addr, z->buf, 1, e);
}

int lm_lazy_bring(struct lm_lazy *z, struct lm_lazy_mem *m, struct lm_error *e)
{
	const struct lm_todo_range r = m->todo.v[0];
	uint64_t pages = (r.end - r.start) / PAGE, end;
	int n = gather(z, m->mm, r.from, pages < LM_LAZY_RUN ? pages : LM_LAZY_RUN,
		       &end, e);

	if (n < 0)
		return -1;
	if (n)
		return put(m, r.start, z->buf, n, e);
	pages = (end - r.from) / PAGE < pages ? (end - r.from) / PAGE : pages;
	if (lm_todo_cut(&m->todo, r.start, r.start + pages * PAGE))
		return lm_fail(e, LM_FAILED, "out of memory");
	return 0;
}
