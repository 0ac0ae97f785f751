// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Deleted files are made anew where they were, and lose their name at once: when we
 * die, nothing is left. They live across rounds, known by the inode that they were
 * on the source, as mappings are made of them long before their contents come.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "../kinds/kind.h"
#include "../kinds/kinds.h"
#include "../ns/user.h"

struct lm_deleted {
	struct lm_deleted *next;
	uint64_t dev, ino;	/* on the source */
	int fd;
	bool emptied;		/* for its last contents */
	bool read_only;		/* it is a program */
};

static struct lm_deleted *find(const struct lm_restorer *r, uint64_t dev,
			       uint64_t ino)
{
	struct lm_deleted *d = r->deleted;

	while (d && (d->dev != dev || d->ino != ino))
		d = d->next;
	return d;
}

/* Its directory in @dir. Return: its name in there; NULL (EINVAL): it has none. */
static const char *split(const struct lm_file *f, char dir[PATH_MAX])
{
	char *slash;

	snprintf(dir, PATH_MAX, "%s", f->path);
	slash = strrchr(dir, '/');
	if (!slash) {
		errno = EINVAL;
		return NULL;
	}
	slash[slash == dir] = '\0';
	return strrchr(f->path, '/') + 1;
}

/* In the directory that it was in, so that it is on the same file system. */
static int make_nameless(const struct lm_restorer *r, const struct lm_file *f)
{
	char dir[PATH_MAX];

	if (!split(f, dir))
		return -1;
	return lm_restorer_open(r, f, dir, O_TMPFILE | O_RDWR, 0600);
}

static int make_in(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);

	if (fd >= 0)
		unlinkat(dir, name, 0);
	return fd;
}

static int make_named(const struct lm_restorer *r, const struct lm_file *f)
{
	char path[PATH_MAX];
	const char *name = split(f, path);
	int dir = name ? lm_restorer_open(r, f, path, O_PATH | O_DIRECTORY, 0) : -1, fd;

	if (dir < 0)
		return -1;
	fd = make_in(dir, name);
	if (fd < 0 && errno == EOVERFLOW) {	/* (where root is nobody) */
		if (!lm_as_owner(dir))
			fd = make_in(dir, name);
		lm_as_root();
	}
	close(dir);
	return fd;
}

/* Pages can be put only into that part of a mapping that the file has. */
static int grow(int fd, off_t size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	return st.st_size < size ? ftruncate(fd, size) : 0;
}

/* Under the name that /proc told, if nobody has it now; it can get a name again
 * only if it was made without one (O_TMPFILE).
 */
static int make(const struct lm_restorer *r, const struct lm_file *f)
{
	int fd;

	if ((f->flags & O_TMPFILE) != O_TMPFILE) {
		fd = make_named(r, f);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return make_nameless(r, f);
}

static int adorn(const struct lm_file *f, int fd)
{
	const struct nlattr *const *tb = f->obj.tb;

	if (tb[LIVEMIG_FILE_A_UID] && tb[LIVEMIG_FILE_A_GID] &&
	    fchown(fd, lm_u32(tb[LIVEMIG_FILE_A_UID]),
		   lm_u32(tb[LIVEMIG_FILE_A_GID])))
		return -1;
	return fchmod(fd, lm_u32(tb[LIVEMIG_FILE_A_MODE]) & 07777);
}

int lm_restorer_deleted(struct lm_restorer *r, const struct lm_file *f,
			struct lm_error *e)
{
	uint64_t dev = lm_u64(f->obj.tb[LIVEMIG_FILE_A_DEV]);
	uint64_t ino = lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]);
	off_t size = lm_u64(f->obj.tb[LIVEMIG_FILE_A_SIZE]);
	struct lm_deleted *d = find(r, dev, ino);

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return lm_fail(e, LM_FAILED, "out of memory");
		d->dev = dev;
		d->ino = ino;
		d->fd = make(r, f);
		d->next = r->deleted;
		r->deleted = d;
		if (d->fd < 0 || adorn(f, d->fd))
			return lm_fail_errno(e, LM_REFUSED,
					     "%s (deleted) cannot be made here",
					     f->path);
	}
	if (grow(d->fd, size))
		return lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
	return d->fd;
}

static int write_at(int fd, const char *p, size_t len, off_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, at);

		if (n < 0)
			return -1;
		p += n;
		at += n;
		len -= n;
	}
	return 0;
}

/* Cutting the file to nothing would take the pages of its mappings along. */
static int empty(const struct lm_file *f, int fd)
{
	off_t size = lm_u64(f->obj.tb[LIVEMIG_FILE_A_SIZE]);

	if (ftruncate(fd, size))
		return -1;
	/* (a file that is new in this round has nothing to lose) */
	if (size)
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, size);
	return 0;
}

static int fill(const struct lm_file *f, int fd)
{
	int64_t ns = lm_u64(f->obj.tb[LIVEMIG_FILE_A_MTIME_NS]);
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 },
	};

	for (size_t i = 0; i < f->nr_data; i++)
		if (write_at(fd, f->data[i]->bytes, f->data[i]->len,
			     f->data[i]->offset))
			return -1;
	return futimens(fd, times);
}

/* One FILE object of an inode has its contents. */
int lm_deleted_fill(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_file; i++) {
		const struct lm_file *f = r->m.file[i];
		struct lm_deleted *d;

		if (!lm_kind_is_deleted(f))
			continue;
		if (lm_restorer_deleted(r, f, e) < 0)
			return -1;
		d = find(r, lm_u64(f->obj.tb[LIVEMIG_FILE_A_DEV]),
			 lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]));
		if ((!d->emptied && empty(f, d->fd)) || fill(f, d->fd))
			return lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
		d->emptied = true;
	}
	return 0;
}

int lm_deleted_read_only(struct lm_restorer *r, const struct lm_file *f,
			 struct lm_error *e)
{
	struct lm_deleted *d = find(r, lm_u64(f->obj.tb[LIVEMIG_FILE_A_DEV]),
				    lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]));
	int fd;

	if (d && d->read_only)
		return d->fd;
	fd = d ? lm_kind_reopen(d->fd, O_RDONLY) : -1;
	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
	close(d->fd);
	d->fd = fd;
	d->read_only = true;
	return fd;
}

void lm_deleted_close(struct lm_restorer *r)
{
	while (r->deleted) {
		struct lm_deleted *d = r->deleted;

		r->deleted = d->next;
		if (d->fd >= 0)
			close(d->fd);
		free(d);
	}
}
