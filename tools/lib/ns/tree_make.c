// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The destination. Every name is reached from the root of the mount without a step
 * outside of it. What is there from an earlier round and fits stays: it may be
 * mapped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tree.h"
#include "user.h"

struct make {
	const struct lm_model *m;
	uint32_t ns, mount;
	int root;
	struct lm_error *e;
	const struct lm_obj **names;	/* by path */
	size_t nr_names;
};

static bool ours(const struct make *k, const struct lm_obj *o)
{
	return lm_u32(o->tb[LM_TREE_NS]) == k->ns &&
	       lm_u32(o->tb[LM_TREE_MOUNT]) == k->mount;
}

static const char *path_of(const struct lm_obj *o)
{
	return lm_str(o->tb[LM_TREE_PATH]);
}

static int failed(const struct make *k, const struct lm_obj *o)
{
	return lm_fail_errno(k->e, LM_FAILED, "tmpfs: /%s", path_of(o));
}

/* The directory that @o's name is in; *@name: the last part. "" is ".". */
static int parent(const struct make *k, const struct lm_obj *o, const char **name)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	const char *path = path_of(o), *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";

	if (slash)
		strncpy(dir, path, slash - path)[slash - path] = 0;
	*name = slash ? slash + 1 : *path ? path : ".";
	if (!strcmp(*name, ".."))
		return -1;
	return syscall(SYS_openat2, k->root, dir, &how, sizeof(how));
}

static bool fits(const struct lm_obj *o, const struct stat *st)
{
	uint32_t mode = lm_u32(o->tb[LM_TREE_MODE]);

	/* (what a link leads to is not looked at: it is made anew) */
	return !((st->st_mode ^ mode) & S_IFMT) && !S_ISLNK(mode) &&
	       (!(S_ISCHR(mode) || S_ISBLK(mode)) ||
		lm_u64(o->tb[LM_TREE_RDEV]) == ((uint64_t)major(st->st_rdev) << 20 |
						minor(st->st_rdev)));
}

static int create(const struct lm_obj *o, int dir, const char *name)
{
	uint32_t mode = lm_u32(o->tb[LM_TREE_MODE]);
	uint64_t rdev = lm_u64(o->tb[LM_TREE_RDEV]);

	switch (mode & S_IFMT) {
	case S_IFDIR:
		return mkdirat(dir, name, 0700);
	case S_IFLNK:
		return symlinkat(lm_str(o->tb[LM_TREE_TARGET]) ?: "", dir, name);
	default:
		return mknodat(dir, name, (mode & S_IFMT) | 0600,
			       makedev(rdev >> 20, rdev & 0xfffff));
	}
}

static int set_size(const struct lm_obj *o, int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -1;
	ret = ftruncate(fd, lm_u64(o->tb[LM_TREE_SIZE]));
	close(fd);
	return ret;
}

/* A new owner or mode has changed some of them: they come last. */
static int set_xattrs(const struct lm_obj *o, int dir, const char *name)
{
	char path[PATH_MAX], list[LM_TREE_XATTRS];
	ssize_t n;

	if (lm_tree_way(dir, name, path))
		return -1;
	n = llistxattr(path, list, sizeof(list));
	if (n < 0 && errno != EOPNOTSUPP)
		return -1;
	for (ssize_t i = 0; i < n; i += strlen(list + i) + 1)
		lremovexattr(path, list + i);
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));) {
		const char *x = lm_data(a);
		size_t len = lm_len(a), key = strnlen(x, len) + 1;

		if (lm_type(a) == LM_TREE_XATTR && key <= len &&
		    lsetxattr(path, x, x + key, len - key, 0))
			return -1;
	}
	return 0;
}

static int make_one(const struct make *k, const struct lm_obj *o)
{
	uint32_t mode = lm_u32(o->tb[LM_TREE_MODE]);
	const char *name;
	int dir = parent(k, o, &name), ret = 0;
	struct stat st;

	if (dir < 0)
		return failed(k, o);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !fits(o, &st)) {
		if (unlinkat(dir, name, 0) && errno == EISDIR)
			unlinkat(dir, name, AT_REMOVEDIR);
		ret = create(o, dir, name);
	}
	if (!ret && S_ISREG(mode))
		ret = set_size(o, dir, name);
	if (!ret)
		ret = fchownat(dir, name, lm_u32(o->tb[LM_TREE_UID]),
			       lm_u32(o->tb[LM_TREE_GID]), AT_SYMLINK_NOFOLLOW);
	if (!ret && !S_ISLNK(mode))
		ret = fchmodat(dir, name, mode & 07777, 0);
	if (!ret)
		ret = set_xattrs(o, dir, name);
	if (ret)
		failed(k, o);
	close(dir);
	return ret;
}

static int fill(const struct make *k, const struct lm_obj *o)
{
	const char *name, *p = lm_data(o->tb[LM_TREE_BYTES]);
	size_t len = lm_len(o->tb[LM_TREE_BYTES]);
	off_t at = lm_u64(o->tb[LM_TREE_OFFSET]);
	int dir = parent(k, o, &name), fd = -1, ret = 0;
	struct stat st;

	/* (a device of that name is none of our business) */
	if (dir >= 0 && !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	    S_ISREG(st.st_mode))
		fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, p, len, at) != (ssize_t)len)
		ret = failed(k, o);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return ret;
}

static int set_time(const struct make *k, const struct lm_obj *o)
{
	uint64_t ns = lm_u64(o->tb[LM_TREE_MTIME_NS]);
	struct timespec t[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 },
	};
	const char *name;
	int dir = parent(k, o, &name), ret;

	if (dir < 0)
		return failed(k, o);
	ret = utimensat(dir, name, t, AT_SYMLINK_NOFOLLOW);
	if (ret)
		failed(k, o);
	close(dir);
	return ret;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(path_of(*(const struct lm_obj *const *)a),
		      path_of(*(const struct lm_obj *const *)b));
}

static int list_names(struct make *k)
{
	k->names = malloc((k->m->nr_trees + 1) * sizeof(*k->names));
	if (!k->names)
		return lm_fail(k->e, LM_FAILED, "out of memory");
	for (size_t i = 0; i < k->m->nr_trees; i++)
		if (k->m->trees[i]->tb[LM_TREE_MODE] && ours(k, k->m->trees[i]))
			k->names[k->nr_names++] = k->m->trees[i];
	qsort(k->names, k->nr_names, sizeof(*k->names), by_path);
	return 0;
}

static bool is_name(const struct make *k, const char *path)
{
	size_t from = 0, to = k->nr_names;

	while (from < to) {
		size_t mid = from + (to - from) / 2;
		int diff = strcmp(path, path_of(k->names[mid]));

		if (!diff)
			return true;
		if (diff < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return false;
}

/* What an earlier round brought and the container has removed since. */
static int sweep(const struct make *k, int dir, const char *path)
{
	char below[PATH_MAX];
	struct dirent *d;
	DIR *list = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!list)
		return -1;
	while ((d = readdir(list))) {
		int fd;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "",
			     d->d_name) >= (int)sizeof(below))
			continue;
		fd = openat(dirfd(list), d->d_name, O_RDONLY | O_DIRECTORY |
			    O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0) {
			sweep(k, fd, below);
			close(fd);
		}
		if (!is_name(k, below))
			unlinkat(dirfd(list), d->d_name, fd >= 0 ? AT_REMOVEDIR : 0);
	}
	closedir(list);
	return 0;
}

bool lm_tree_any(const struct lm_model *m, uint32_t ns, uint32_t mount)
{
	const struct make k = { .m = m, .ns = ns, .mount = mount };

	for (size_t i = 0; i < m->nr_trees; i++)
		if (ours(&k, m->trees[i]) && *path_of(m->trees[i]))
			return true;
	return false;
}

int lm_tree_make(const struct lm_model *m, uint32_t ns, uint32_t mount, int root,
		 bool contents, struct lm_error *e)
{
	struct make k = { .m = m, .ns = ns, .mount = mount, .root = root, .e = e };
	int ret = list_names(&k);

	if (!ret && lm_as_owner(root))
		ret = lm_fail_errno(e, LM_FAILED, "tmpfs");
	if (!ret)
		sweep(&k, root, "");
	for (size_t i = 0; i < m->nr_trees && !ret; i++) {
		const struct lm_obj *o = m->trees[i];

		if (ours(&k, o))
			ret = o->tb[LM_TREE_MODE] ? make_one(&k, o) :
			      contents ? fill(&k, o) : 0;
	}
	/* Directories after what is in them. */
	for (size_t i = m->nr_trees; i-- > 0 && contents && !ret;) {
		const struct lm_obj *o = m->trees[i];

		if (ours(&k, o) && o->tb[LM_TREE_MODE])
			ret = set_time(&k, o);
	}
	lm_as_root();
	free(k.names);
	return ret;
}
