// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Guard regions (MADV_GUARD_INSTALL): holes in a mapping that fault, of which the
 * mapping's flags only say that there may be some. The page map of the process tells
 * where, from Linux 6.15 on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "source_priv.h"

#define RANGES	512

/* <linux/fs.h> of Linux 6.7; the category of 6.15. */
struct page_ranges {
	uint64_t start, end, categories;
};

struct page_scan {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t inverted, all_of, any_of, tell;
};

#define SCAN		_IOWR('f', 16, struct page_scan)
#define IS_GUARD	(1ULL << 8)

static int tell(struct lm_objects *o, uint32_t mm_id, const struct page_ranges *v,
		long n, struct lm_error *e)
{
	struct livemig_range r[RANGES];
	struct lm_buf b = { 0 };

	for (long i = 0; i < n; i++)
		r[i] = (struct livemig_range){ v[i].start, v[i].end };
	lm_put_u32(&b, LIVEMIG_MM_ID, mm_id);
	lm_put(&b, LIVEMIG_MM_GUARDS, r, n * sizeof(*r));
	return lm_objects_add_buf(o, LIVEMIG_OBJ_MM, &b, e);
}

static int scan(struct lm_objects *o, int pagemap, uint32_t mm_id,
		const struct livemig_vma *v, struct lm_error *e)
{
	struct page_ranges found[RANGES];
	struct page_scan s = {
		.size = sizeof(s), .start = v->start, .end = v->end,
		.vec = (uintptr_t)found, .vec_len = RANGES,
		.all_of = IS_GUARD, .tell = IS_GUARD,
	};

	while (s.start < v->end) {
		int n = ioctl(pagemap, SCAN, &s);

		if (n < 0)
			return lm_fail_errno(e, LM_FAILED, "guard regions at %#llx",
					     (unsigned long long)v->start);
		if (n && tell(o, mm_id, found, n, e))
			return -1;
		s.start = s.walk_end;
	}
	return 0;
}

int lm_source_guards(struct lm_source *s, struct lm_objects *o, struct lm_error *e)
{
	for (size_t i = 0; i < s->model.nr_procs; i++) {
		const struct lm_process *p = s->model.procs[i];
		char path[48];
		int fd = -1, ret = 0;

		for (size_t j = 0; p->mm && j < p->mm->nr_vmas && !ret; j++) {
			const struct livemig_vma *v = &p->mm->vmas[j];

			if (!(v->flags & LIVEMIG_VMA_F_GUARD))
				continue;
			if (fd < 0) {
				snprintf(path, sizeof(path), "/proc/%u/pagemap", p->task);
				fd = open(path, O_RDONLY | O_CLOEXEC);
			}
			ret = fd < 0 ? lm_fail_errno(e, LM_FAILED, "%s", path) :
				       scan(o, fd, p->mm_id, v, e);
		}
		if (fd >= 0)
			close(fd);
		if (ret)
			return lm_prefix(e, "pid %u", p->host);
	}
	return 0;
}
