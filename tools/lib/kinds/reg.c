// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Regular files: opened again by their path. A file that changed since it was
 * dumped would show the program another world than it remembers, so size and
 * time of change must be those of the dump; of programs the build-id, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"
#include "../build_id.h"
#include "../restore/restore.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_REG;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	if (!f->path)
		return lm_fail(e, LM_REFUSED, "a file without a path%s%s: not supported",
			       f->name ? ": " : "", f->name ?: "");
	return lm_kind_check_proc(m, f, e);
}

/* Made of what the kernel knows at the moment: size and time mean nothing. What
 * it tells of a process it tells of the restored one, which has the same pid.
 */
static bool is_generated(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) &&
	       (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC ||
		fs.f_type == CGROUP2_SUPER_MAGIC);
}

/* Of a program or library: two builds may have the same size and time. */
static int same_build(const struct lm_file *f, int fd, struct lm_error *e)
{
	const struct nlattr *a = f->obj.tb[LIVEMIG_FILE_A_BUILD_ID];
	char here[LM_BUILD_ID_TEXT], there[LM_BUILD_ID_TEXT];
	uint8_t id[LM_BUILD_ID_MAX];
	size_t len = 0;

	if (!a)
		return 0;
	/* (@fd may be good for its name only) */
	fd = lm_kind_reopen(fd, O_RDONLY);
	if (fd >= 0) {
		len = lm_build_id(fd, id);
		close(fd);
	}
	if (len == lm_len(a) && !memcmp(id, lm_data(a), len))
		return 0;
	return lm_fail(e, LM_REFUSED,
		       "%s: build-id %s here, %s when it was dumped; install the same version",
		       f->path, lm_build_id_text(id, len, here),
		       lm_build_id_text(lm_data(a), lm_len(a), there));
}

static bool same_size(const struct lm_file *f, const struct stat *st)
{
	return (uint64_t)st->st_size == lm_u64(f->obj.tb[LIVEMIG_FILE_A_SIZE]);
}

static bool same_time(const struct lm_file *f, const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000000LL + st->st_mtim.tv_nsec ==
	       (int64_t)lm_u64(f->obj.tb[LIVEMIG_FILE_A_MTIME_NS]);
}

bool lm_kind_is_plain(const struct lm_file *f, const struct stat *st)
{
	return S_ISREG(st->st_mode) && same_size(f, st) && same_time(f, st) &&
	       !f->obj.tb[LIVEMIG_FILE_A_BUILD_ID];
}

int lm_kind_same(const struct lm_file *f, int fd, struct lm_error *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return lm_fail_errno(e, LM_REFUSED, "%s", f->path);
	if (lm_kind_is_plain(f, &st) || is_generated(fd))
		return 0;
	if (!S_ISREG(st.st_mode))
		return lm_fail(e, LM_REFUSED, "%s: not a regular file here",
			       f->path);
	if (!same_size(f, &st))
		return lm_fail(e, LM_REFUSED,
			       "%s: size %lld here, %llu when it was dumped; bring the same file",
			       f->path, (long long)st.st_size,
			       (unsigned long long)lm_u64(f->obj.tb[LIVEMIG_FILE_A_SIZE]));
	if (!same_time(f, &st))
		return lm_fail(e, LM_REFUSED,
			       "%s: changed since it was dumped (modification time); bring the same file",
			       f->path);
	return same_build(f, fd, e);
}

int lm_kind_open_path(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	if (!f->path)
		return lm_fail(e, LM_REFUSED, "%s without a path", f->kind->name);
	f->fd = lm_restorer_open(r, f, f->path, lm_kind_open_flags(f), 0);
	return f->fd < 0 ? lm_kind_no_file(f->path, e) : 0;
}

static int reg_open(struct lm_restorer *r, struct lm_file *f,
		    struct lm_error *e)
{
	const struct nlattr *pos = f->obj.tb[LIVEMIG_FILE_A_POS];

	if (lm_kind_is_dead_proc(lm_restorer_model(r), f))
		return lm_kind_open_dead_proc(f, e);
	if (lm_kind_open_path(r, f, e) || lm_kind_same(f, f->fd, e))
		return -1;
	if (f->flags & O_PATH || !pos)
		return 0;
	if (lseek(f->fd, (off_t)lm_u64(pos), SEEK_SET) < 0)
		return lm_fail_errno(e, LM_FAILED, "%s: position", f->path);
	return 0;
}

const struct lm_file_kind lm_kind_reg = {
	.name	= "file",
	.match	= match,
	.check	= check,
	.open	= reg_open,
};

static bool dir_match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_DIR;
}

static int dir_check(const struct lm_model *m, const struct lm_file *f,
		     struct lm_error *e)
{
	if (!f->path)
		return lm_fail(e, LM_REFUSED, "a directory without a path: not supported");
	return lm_kind_check_proc(m, f, e);
}

bool lm_kind_is_removed(const struct lm_file *f)
{
	const struct nlattr *nlink = f->obj.tb[LIVEMIG_FILE_A_NLINK];

	return f->type == LIVEMIG_FILE_DIR && nlink && !lm_u32(nlink);
}

static int open_removed(struct lm_restorer *r, struct lm_file *f,
			struct lm_error *e)
{
	const struct nlattr *const *tb = f->obj.tb;
	int fd = lm_restorer_root(r, f) < 0 ?
		 lm_restorer_removed_dir(r, f->path, e) :
		 lm_fail(e, LM_REFUSED, LM_REMOVED_INSIDE, f->path);

	if (fd < 0)
		return -1;
	if (tb[LIVEMIG_FILE_A_UID] && tb[LIVEMIG_FILE_A_GID] &&
	    (fchown(fd, lm_u32(tb[LIVEMIG_FILE_A_UID]),
		    lm_u32(tb[LIVEMIG_FILE_A_GID])) ||
	     fchmod(fd, lm_u32(tb[LIVEMIG_FILE_A_MODE]) & 07777)))
		return lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
	f->fd = lm_kind_reopen(fd, lm_kind_open_flags(f));
	return f->fd < 0 ? lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path) : 0;
}

static int dir_open(struct lm_restorer *r, struct lm_file *f,
		    struct lm_error *e)
{
	const struct nlattr *pos = f->obj.tb[LIVEMIG_FILE_A_POS];
	struct stat st;

	if (lm_kind_is_removed(f))
		return open_removed(r, f, e);
	if (lm_kind_is_dead_proc(lm_restorer_model(r), f))
		return lm_kind_open_dead_proc(f, e);
	if (lm_kind_open_path(r, f, e))
		return -1;
	if (fstat(f->fd, &st) || !S_ISDIR(st.st_mode))
		return lm_fail(e, LM_REFUSED, "%s: not a directory here", f->path);
	/* Where it was in the list of names: good on the same file system. */
	if (!(f->flags & O_PATH) && pos && lm_u64(pos))
		lseek(f->fd, (off_t)lm_u64(pos), SEEK_SET);
	return 0;
}

const struct lm_file_kind lm_kind_dir = {
	.name	= "directory",
	.match	= dir_match,
	.check	= dir_check,
	.open	= dir_open,
};
