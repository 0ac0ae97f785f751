// SPDX-License-Identifier: LGPL-2.1-or-later
/* The source: a walk through a clone of the mount, in which nothing is mounted. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tree.h"

static void begin(struct lm_buf *b, const struct lm_tree_dump *d, const char *path)
{
	lm_put_u32(b, LM_TREE_NS, d->ns);
	lm_put_u32(b, LM_TREE_MOUNT, d->mount);
	lm_put_str(b, LM_TREE_PATH, path);
}

static int refuse(const struct lm_tree_dump *d, const char *path, const char *why,
		  struct lm_error *e)
{
	return lm_fail(e, LM_REFUSED, "%s/%s: %s", d->name, path, why);
}

static int put_contents(struct lm_tree_dump *d, int fd, const char *path,
			struct lm_error *e)
{
	char buf[LM_TREE_PIECE];
	off_t at = 0;
	ssize_t n;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		struct lm_buf b = { 0 };

		n = pread(fd, buf, sizeof(buf), at);
		if (n < 0)
			return lm_fail_errno(e, LM_FAILED, "%s/%s", d->name, path);
		if (!n)
			return 0;
		begin(&b, d, path);
		lm_put_u64(&b, LM_TREE_OFFSET, at);
		lm_put(&b, LM_TREE_BYTES, buf, n);
		if (d->put(&b, d->arg, e))
			return -1;
		at += n;
	}
	return errno == ENXIO ? 0 : lm_fail_errno(e, LM_FAILED, "%s/%s", d->name, path);
}

/* Of what all tmpfs of the container may have in them. */
static int take(struct lm_tree_dump *d, uint64_t bytes, const char *path,
		struct lm_error *e)
{
	if (bytes > d->bytes_left)
		return refuse(d, path, "too much in the container's tmpfs (256 MB is the limit); put it on a file system that both hosts have",
			      e);
	d->bytes_left -= bytes;
	return 0;
}

/* Access control lists are some. */
static int put_xattrs(struct lm_buf *b, const struct lm_tree_dump *d, int dir,
		      const char *name, const char *path, struct lm_error *e)
{
	char way[PATH_MAX], list[LM_TREE_XATTRS], x[256 + LM_TREE_XATTRS];
	ssize_t n, len;
	size_t key;

	if (lm_tree_way(dir, name, way))
		return refuse(d, path, "its path is too long", e);
	n = llistxattr(way, list, sizeof(list));
	if (n < 0 && errno == ERANGE)
		return refuse(d, path, "more than 8192 bytes of names of extended attributes: not supported",
			      e);
	for (ssize_t i = 0; i < n; i += key) {
		key = strlen(list + i) + 1;
		memcpy(x, list + i, key < 256 ? key : 256);
		len = lgetxattr(way, list + i, x + key, LM_TREE_XATTRS);
		if (len < 0 && errno == ERANGE)
			return refuse(d, path, "an extended attribute of more than 8192 bytes: not supported",
				      e);
		if (len >= 0)
			lm_put(b, LM_TREE_XATTR, x, key + len);
	}
	return 0;
}

static int put_name(struct lm_tree_dump *d, int dir, const char *name,
		    const char *path, const struct stat *st, struct lm_error *e)
{
	struct lm_buf b = { 0 };
	char target[PATH_MAX];
	ssize_t n;

	begin(&b, d, path);
	lm_put_u32(&b, LM_TREE_MODE, st->st_mode);
	lm_put_u32(&b, LM_TREE_UID, st->st_uid);
	lm_put_u32(&b, LM_TREE_GID, st->st_gid);
	lm_put_u64(&b, LM_TREE_MTIME_NS,
		   st->st_mtim.tv_sec * 1000000000ULL + st->st_mtim.tv_nsec);
	if (S_ISREG(st->st_mode))
		lm_put_u64(&b, LM_TREE_SIZE, st->st_size);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		lm_put_u64(&b, LM_TREE_RDEV, (uint64_t)major(st->st_rdev) << 20 |
			   minor(st->st_rdev));
	if (S_ISLNK(st->st_mode)) {
		n = readlinkat(dir, name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		lm_put_str(&b, LM_TREE_TARGET, target);
	}
	if (put_xattrs(&b, d, dir, name, path, e)) {
		lm_buf_free(&b);
		return -1;
	}
	return d->put(&b, d->arg, e);
}

static int walk(struct lm_tree_dump *d, int fd, const char *path, struct lm_error *e);

static int one(struct lm_tree_dump *d, int dir, const char *name, const char *path,
	       struct lm_error *e)
{
	struct stat st;
	int fd, ret;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 :	/* a running container */
		       lm_fail_errno(e, LM_FAILED, "%s/%s", d->name, path);
	if (!d->names_left--)
		return refuse(d, path, "too many names in the container's tmpfs (100000 is the limit)",
			      e);
	if (S_ISREG(st.st_mode) && st.st_nlink > 1)
		return refuse(d, path, "a file with two names in a tmpfs: not supported", e);
	if (put_name(d, dir, name, path, &st, e) ||
	    (S_ISREG(st.st_mode) && take(d, st.st_blocks * 512ULL, path, e)))
		return -1;
	if (!S_ISDIR(st.st_mode) && !(S_ISREG(st.st_mode) && d->contents))
		return 0;
	/* In a running container it may be another thing now, a device for one. */
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC |
		    (S_ISDIR(st.st_mode) ? O_DIRECTORY : O_NONBLOCK));
	if (fd < 0)
		return errno == ENOENT || (errno == ENOTDIR && !d->contents) ? 0 :
		       lm_fail_errno(e, LM_FAILED, "%s/%s", d->name, path);
	ret = S_ISDIR(st.st_mode) ? walk(d, fd, path, e) :
				    put_contents(d, fd, path, e);
	close(fd);
	return ret;
}

static int walk(struct lm_tree_dump *d, int fd, const char *path, struct lm_error *e)
{
	char below[PATH_MAX];
	struct dirent *entry;
	DIR *list = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int ret = 0;

	if (!list)
		return lm_fail_errno(e, LM_FAILED, "%s/%s", d->name, path);
	while (!ret && (entry = readdir(list))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "",
			     entry->d_name) >= (int)sizeof(below))
			ret = refuse(d, path, "its path is too long", e);
		else
			ret = one(d, dirfd(list), entry->d_name, below, e);
	}
	closedir(list);
	return ret;
}

int lm_tree_dump(struct lm_tree_dump *d, int root, struct lm_error *e)
{
	struct stat st;

	if (fstat(root, &st))
		return lm_fail_errno(e, LM_FAILED, "%s", d->name);
	return put_name(d, root, ".", "", &st, e) || walk(d, root, "", e) ? -1 : 0;
}
