// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * O_PATH descriptors: a name, opened again as a name. What it leads to must be of
 * the same sort (a directory, a symbolic link, ...); what is in it is not theirs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_OPATH;
}

/* Of a process that has ended no name leads to anything. (In a pid namespace within that
 * of the container the numbers are others.)
 */
static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	const struct lm_process *p = lm_model_process(m, f->holder.pid);

	if (p && lm_pid_depth(p))
		return 0;
	if (lm_kind_check_proc(m, f, e))
		return -1;
	return lm_kind_is_dead_proc(m, f) ?
	       lm_fail(e, LM_REFUSED, "O_PATH descriptor of %s, of a process that has ended: not supported",
		       f->path) : 0;
}

static int followed(struct lm_file *f, struct lm_error *e)
{
	char self[64];
	int fd;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", f->fd);
	fd = open(self, O_PATH | O_CLOEXEC | (f->flags & O_DIRECTORY));
	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "%s", f->path);
	close(f->fd);
	f->fd = fd;
	return 0;
}

static int opath_open(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	struct stat st;

	if (!f->path)
		return lm_fail(e, LM_REFUSED, "O_PATH descriptor without a path");
	/* The link itself: what it leads to would have been named instead. */
	f->fd = lm_restorer_open(r, f, f->path, O_PATH | O_NOFOLLOW |
				 (f->flags & O_DIRECTORY), 0);
	if (f->fd < 0)
		return lm_kind_no_file(f->path, e);
	if (fstat(f->fd, &st) ||
	    (st.st_mode ^ lm_u32(f->obj.tb[LIVEMIG_FILE_A_MODE])) & S_IFMT)
		return lm_fail(e, LM_REFUSED, "%s: something else here", f->path);
	/* O_NOFOLLOW is among the flags that the program sees. */
	return f->flags & O_NOFOLLOW ? 0 : followed(f, e);
}

const struct lm_file_kind lm_kind_opath = {
	.name	= "O_PATH descriptor",
	.match	= match,
	.check	= check,
	.open	= opath_open,
};
