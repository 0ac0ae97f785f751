// SPDX-License-Identifier: LGPL-2.1-or-later
/* Pages out of an image. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

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

int lm_lazy_read(int image, const struct lm_found *f, uint32_t mm, uint64_t addr,
		 void *page, struct lm_error *e)
{
	return read_all(image, page, PAGE, f->offset, e) ||
	       lm_lazy_verify(page, f->hash, mm, addr, e) ? -1 : 0;
}

static int get(struct lm_lazy *z, uint32_t mm, uint64_t addr, int max, int *got,
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
		if (lm_lazy_verify(buf + i * PAGE, f[i].hash, mm, addr + i * PAGE, e))
			return -1;
	*got = n;
	return LM_LAZY_DONE;
}

static int bring(struct lm_lazy *z, struct lm_error *e)
{
	struct lm_lazy_mem *m = &z->mem[z->turn++ % z->nr_mem];
	uint64_t pages, end;
	int n;

	if (!m->todo.n || m->gone)
		return LM_LAZY_DONE;

	const struct lm_todo_range r = m->todo.v[0];

	pages = (r.end - r.start) / PAGE;
	if (get(z, m->mm, r.from, pages < LM_LAZY_RUN ? pages : LM_LAZY_RUN, &n, &end, e))
		return -1;
	if (n)
		return lm_lazy_put(m, r.start, z->buf, n, e);
	pages = (end - r.from) / PAGE < pages ? (end - r.from) / PAGE : pages;
	if (lm_todo_cut(&m->todo, r.start, r.start + pages * PAGE))
		return lm_fail(e, LM_FAILED, "out of memory");
	return LM_LAZY_DONE;
}

const struct lm_lazy_from lm_lazy_from_image = {
	.what = "lazy restore",
	.get = get,
	.bring = bring,
};
