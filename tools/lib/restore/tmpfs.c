// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What is in the container's tmpfs mounts is put there by the coordinator, through
 * clones of them in which nothing is mounted (mounts.c makes them). Names and sizes
 * are there from the first round on, contents come with the last.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "../kinds/kinds.h"
#include "../ns/tree.h"

int lm_tmpfs_add(struct lm_restorer *r, uint32_t ns, uint32_t mount, int fd,
		 struct lm_error *e)
{
	struct lm_tmpfs *v = realloc(r->tmpfs, (r->nr_tmpfs + 1) * sizeof(*v));
	struct stat st;

	if (v)
		r->tmpfs = v;
	if (!v || fstat(fd, &st)) {
		close(fd);
		return lm_fail(e, LM_FAILED, "out of memory");
	}
	v[r->nr_tmpfs++] = (struct lm_tmpfs){ ns, mount, fd, st.st_dev };
	return 0;
}

int lm_tmpfs_fill(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_tmpfs; i++)
		if (lm_tree_make(&r->m, r->tmpfs[i].ns, r->tmpfs[i].mount,
				 r->tmpfs[i].fd, r->final, e))
			return -1;
	return 0;
}

void lm_tmpfs_close(struct lm_restorer *r)
{
	while (r->nr_tmpfs)
		close(r->tmpfs[--r->nr_tmpfs].fd);
	free(r->tmpfs);
	r->tmpfs = NULL;
	free(r->held);
	r->held = NULL;
}

static bool is_tmpfs(const struct lm_restorer *r, dev_t dev)
{
	for (size_t i = 0; i < r->nr_tmpfs; i++)
		if (r->tmpfs[i].dev == dev)
			return true;
	return false;
}

/* Another file under its name would be filled, and the mapping would not show it. */
int lm_tmpfs_held(struct lm_restorer *r, const struct lm_file *f, int fd,
		  struct lm_error *e)
{
	struct lm_held *v;
	struct stat st;

	if (!r->nr_tmpfs || fstat(fd, &st) || !is_tmpfs(r, st.st_dev))
		return 0;
	for (size_t i = 0; i < r->nr_held; i++) {
		if (r->held[i].file != f->id)
			continue;
		return r->held[i].ino == st.st_ino ? 0 :
		       lm_fail(e, LM_FAILED,
			       "%s: renamed, removed or replaced while it is mapped; try again",
			       f->path);
	}
	v = realloc(r->held, (r->nr_held + 1) * sizeof(*v));
	if (!v)
		return lm_fail(e, LM_FAILED, "out of memory");
	r->held = v;
	v[r->nr_held++] = (struct lm_held){ f->id, st.st_ino };
	return 0;
}
