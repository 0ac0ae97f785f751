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
#include <xxhash.h>

#include "lazy.h"

#define PAGE	LIVEMIG_REC_PAGE

int lm_lazy_verify(const void *page, uint64_t hash, uint32_t mm, uint64_t addr,
		   struct lm_error *e)
{
	if (XXH64(page, PAGE, 0) == hash)
		return 0;
	return lm_fail(e, LM_FAILED, "the page at %#" PRIx64 " of memory %u is damaged (wrong hash)",
		       addr, mm);
}

/* What an error of UFFDIO_COPY or UFFDIO_ZEROPAGE for one page at @addr means.
 * Return: DONE: the page is there, or has no place any more; AGAIN; -1.
 */
static int settle(struct lm_lazy_mem *m, uint64_t addr, struct lm_error *e)
{
	struct uffdio_range page = { addr, PAGE };

	switch (errno) {
	case EAGAIN:
	case ENOMEM:
		return LM_LAZY_AGAIN;
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

int lm_lazy_put(struct lm_lazy_mem *m, uint64_t addr, const char *buf, int n,
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
			return LM_LAZY_AGAIN;
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
	int n = 0, ret = LM_LAZY_DONE;

	if (r) {
		n = (r->end - addr) / PAGE < LM_LAZY_FAULT ? (r->end - addr) / PAGE :
							     LM_LAZY_FAULT;
		ret = z->from->get(z, m->mm, r->from + (addr - r->start), n, &n, &end, e);
	}
	if (ret != LM_LAZY_DONE)
		return ret;
	if (n)
		return lm_lazy_put(m, addr, z->buf, n, e);
	if (!(fault & LM_FAULT_WRITE))
		return zero(m, addr, e);
	/* (or it would fault once more, to have the page of zeros copied) */
	memset(z->buf, 0, PAGE);
	return lm_lazy_put(m, addr, z->buf, 1, e);
}
