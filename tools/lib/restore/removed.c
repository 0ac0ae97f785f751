// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Directories that were removed and that somebody still has open, or is in. They are
 * made where they were, and removed at once; who had the same has the same again, by
 * the path that it was known by.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

struct lm_removed {
	struct lm_removed *next;
	int fd;
	char path[];
};

/* Under its name if nobody has it now; where that is gone, too, in /tmp. */
static int make(const char *path)
{
	char other[PATH_MAX];
	struct stat st;
	int fd;

	if (mkdir(path, 0700)) {
		if (errno == EEXIST)
			snprintf(other, sizeof(other), "%s.XXXXXX", path);
		else
			strcpy(other, "/tmp/removed.XXXXXX");
		path = mkdtemp(other);
		if (!path)
			return -1;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (!rmdir(path) && fd >= 0 && !fstat(fd, &st) && !st.st_nlink)
		return fd;
	/* Somebody has put another directory there meanwhile. */
	if (fd >= 0)
		close(fd);
	errno = ESTALE;
	return -1;
}

int lm_restorer_removed_dir(struct lm_restorer *r, const char *path,
			    struct lm_error *e)
{
	struct lm_removed *d = r->removed;

	while (d && strcmp(d->path, path))
		d = d->next;
	if (d)
		return d->fd;
	d = malloc(sizeof(*d) + strlen(path) + 1);
	if (!d)
		return lm_fail(e, LM_FAILED, "out of memory");
	strcpy(d->path, path);
	d->fd = make(path);
	d->next = r->removed;
	r->removed = d;
	return d->fd >= 0 ? d->fd :
	       lm_fail_errno(e, LM_REFUSED, "%s (deleted) cannot be made here", path);
}

void lm_removed_close(struct lm_restorer *r)
{
	while (r->removed) {
		struct lm_removed *d = r->removed;

		r->removed = d->next;
		if (d->fd >= 0)
			close(d->fd);
		free(d);
	}
}
