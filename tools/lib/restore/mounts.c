// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mount namespaces. The first helper that is to be in one makes it: below the
 * new root everything is mounted as it was, parents before children, and places
 * before what covers them; then the new root becomes the root. What
 * the host has is bound from there, a part of what is mounted already from that,
 * all else is mounted. We reach into it through its root directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "../ns/mountinfo.h"
#include "../ns/tree.h"

/* Where a root that the host does not have is mounted at first. */
#define SPARE_DIR	"/mnt"
/* Flags that a bind mount can be given. */
#define MOUNT_FLAGS	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | \
			 MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW)

struct place {
	const struct nlattr *tb[LM_MOUNT_MAX + 1];
	const char *point;
	uint32_t id, parent;
	bool made;
};

struct build {
	struct lm_restorer *r;
	struct lm_proc *p;		/* who does it */
	uint32_t ns;
	struct place *v;
	size_t nr;
	char root[PATH_MAX];		/* the new one, in the helper's sight */
	struct lm_error *e;
};

static const char *str(const struct place *m, int attr)
{
	return lm_str(m->tb[attr]) ?: "";
}

static int failed(const struct build *b, const struct place *m)
{
	return lm_prefix(b->e, "mount %s (%s)", m->point, str(m, LM_MOUNT_TYPE));
}

static int do_mount(const struct build *b, const char *source, const char *target,
		    const char *type, unsigned long flags, const char *options)
{
	struct lm_batch *k = lm_batch_new(b->p->remote);
	size_t s, t, y, o;
	int ret;

	if (!k)
		return lm_fail(b->e, LM_FAILED, "out of memory");
	s = lm_batch_str(k, source);
	t = lm_batch_str(k, target);
	y = lm_batch_str(k, type);
	o = lm_batch_str(k, options);
	lm_batch_add(k, __NR_mount, LM_DATA(s), LM_DATA(t), LM_DATA(y), flags,
		     LM_DATA(o));
	ret = lm_batch_run(k, b->e);
	lm_batch_free(k);
	return ret;
}

/* Where @m is while the new root is not yet the root. */
static int target(const struct build *b, const struct place *m, char *path)
{
	const char *point = strcmp(m->point, "/") ? m->point : "";

	if (snprintf(path, PATH_MAX, "%s%s", b->root, point) < PATH_MAX)
		return 0;
	return lm_fail(b->e, LM_REFUSED, "its path is too long");
}

/* A path below the new root that shows what @m is to show: of the same file
 * system, mounted before.
 */
static bool mounted_part(const struct build *b, const struct place *m, char *path)
{
	for (size_t i = 0; i < b->nr; i++) {
		const struct place *o = &b->v[i];
		const char *rest;
		char at[PATH_MAX];

		if (!o->made || lm_u64(o->tb[LM_MOUNT_DEV]) != lm_u64(m->tb[LM_MOUNT_DEV]))
			continue;
		rest = lm_path_below(str(m, LM_MOUNT_ROOT), str(o, LM_MOUNT_ROOT));
		if (rest && !target(b, o, at) &&
		    snprintf(path, PATH_MAX, "%s%s", at, rest) < PATH_MAX)
			return true;
	}
	return false;
}

/* ---- tmpfs ---- */

/* A mount of the helper, without what is mounted in it, as an fd of ours. */
static int take(const struct build *b, const char *path)
{
	struct lm_batch *k = lm_batch_new(b->p->remote);
	int call, fd = -1;

	if (!k)
		return lm_fail(b->e, LM_FAILED, "out of memory");
	call = lm_batch_add(k, __NR_open_tree, AT_FDCWD, LM_DATA(lm_batch_str(k, path)),
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (!lm_batch_run(k, b->e)) {
		fd = syscall(__NR_pidfd_getfd, lm_remote_pidfd(b->p->remote),
			     (int)lm_batch_result(k, call), 0);
		if (fd < 0)
			lm_fail_errno(b->e, LM_FAILED, "%s", path);
		lm_remote_syscall(b->p->remote, NULL, __NR_close,
				  lm_batch_result(k, call));
	}
	lm_batch_free(k);
	return fd;
}

static int remember(const struct build *b, uint32_t mount, int fd)
{
	struct lm_restorer *r = b->r;
	struct lm_tmpfs *v = realloc(r->tmpfs, (r->nr_tmpfs + 1) * sizeof(*v));

	if (!v) {
		close(fd);
		return lm_fail(b->e, LM_FAILED, "out of memory");
	}
	r->tmpfs = v;
	v[r->nr_tmpfs++] = (struct lm_tmpfs){ b->ns, mount, fd };
	return 0;
}

static int mount_tmpfs(const struct build *b, const struct place *m, const char *path)
{
	const struct lm_restorer *r = b->r;
	bool read_only = m->tb[LM_MOUNT_READ_ONLY];
	int fd, ret;

	if (read_only && !r->final && lm_tree_any(&r->m, b->ns, m->id))
		return lm_fail(b->e, LM_REFUSED,
			       "a read-only tmpfs with contents: not supported in a live migration");
	if (do_mount(b, str(m, LM_MOUNT_SOURCE), path, "tmpfs", 0,
		     str(m, LM_MOUNT_OPTIONS)))
		return -1;
	fd = take(b, path);
	if (fd < 0)
		return -1;
	/* Places to mount on; what is in files comes by lm_mounts_fill(). */
	ret = lm_tree_make(&r->m, b->ns, m->id, fd, read_only, b->e);
	if (!ret && !read_only)
		return remember(b, m->id, fd);
	close(fd);
	return ret ? -1 : do_mount(b, "", path, "", MS_REMOUNT | MS_RDONLY, "");
}

/* ---- one mount ---- */

static int mount_new(const struct build *b, const struct place *m, const char *path)
{
	const char *type = str(m, LM_MOUNT_TYPE);
	/* All cgroup2 mounts are one file system, with the host's options. */
	const char *options = strcmp(type, "cgroup2") ? str(m, LM_MOUNT_OPTIONS) : "";

	if (!strcmp(type, "tmpfs"))
		return mount_tmpfs(b, m, path);
	if (strcmp(str(m, LM_MOUNT_ROOT), "/") && strcmp(type, "cgroup2"))
		return lm_fail(b->e, LM_REFUSED,
			       "a part of a file system that is not mounted as a whole: not supported");
	return do_mount(b, str(m, LM_MOUNT_SOURCE), path, type,
			m->tb[LM_MOUNT_READ_ONLY] ? MS_RDONLY : 0, options);
}

static int mount_one(const struct build *b, struct place *m, const char *path)
{
	uint32_t flags = lm_u32(m->tb[LM_MOUNT_FLAGS]) & MOUNT_FLAGS;
	bool slave = lm_u32(m->tb[LM_MOUNT_PROPAGATION]) & MS_SLAVE;
	char from[PATH_MAX];
	int ret;

	/* (what a remount is not told about times of access it leaves) */
	if (!(flags & (MS_NOATIME | MS_RELATIME)))
		flags |= MS_STRICTATIME;
	if (m->tb[LM_MOUNT_HOST])
		ret = do_mount(b, str(m, LM_MOUNT_HOST), path, "", MS_BIND, "");
	else if (mounted_part(b, m, from))
		ret = do_mount(b, from, path, "", MS_BIND, "");
	else
		ret = mount_new(b, m, path);
	if (ret)
		return -1;
	m->made = true;
	if (!slave && do_mount(b, "", path, "", MS_PRIVATE, ""))
		return -1;
	return do_mount(b, "", path, "", MS_REMOUNT | MS_BIND | flags, "");
}

static struct place *find(const struct build *b, uint32_t id)
{
	for (size_t i = 0; i < b->nr; i++)
		if (b->v[i].id == id)
			return &b->v[i];
	return NULL;
}

static bool is_below(const struct build *b, const struct place *m,
		     const struct place *top)
{
	for (size_t steps = 0; m && m != top && steps < b->nr; steps++)
		m = find(b, m->parent);
	return m == top;
}

/* Does @m cover a place where something is still to be mounted, or is it a part of
 * what is not there yet?
 */
static bool must_wait(const struct build *b, const struct place *m)
{
	char path[PATH_MAX];
	bool part = !m->tb[LM_MOUNT_HOST] && !mounted_part(b, m, path);

	for (size_t i = 0; i < b->nr; i++) {
		const struct place *o = &b->v[i];

		if (o->made || o == m)
			continue;
		if (lm_path_below(o->point, m->point) && !is_below(b, o, m))
			return true;
		if (part && *str(m, LM_MOUNT_ROOT) && strcmp(str(m, LM_MOUNT_ROOT), "/") &&
		    lm_u64(o->tb[LM_MOUNT_DEV]) == lm_u64(m->tb[LM_MOUNT_DEV]) &&
		    strlen(str(o, LM_MOUNT_ROOT)) < strlen(str(m, LM_MOUNT_ROOT)) &&
		    lm_path_below(str(m, LM_MOUNT_ROOT), str(o, LM_MOUNT_ROOT)))
			return true;
	}
	return false;
}

/* All but the root. */
static int mount_all(const struct build *b)
{
	char path[PATH_MAX];

	for (size_t left = b->nr - 1; left; left--) {
		struct place *next = NULL;

		for (size_t i = 0; i < b->nr && !next; i++) {
			const struct place *parent = find(b, b->v[i].parent);

			if (!b->v[i].made && parent && parent->made &&
			    !must_wait(b, &b->v[i]))
				next = &b->v[i];
		}
		if (!next)
			return lm_fail(b->e, LM_REFUSED, "its mounts have no order");
		if (target(b, next, path) || mount_one(b, next, path))
			return failed(b, next);
	}
	return 0;
}

/* ---- the whole ---- */

static int read_record(struct build *b, const struct lm_obj *o)
{
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));) {
		struct place *v, *m;

		if (lm_type(a) != LM_NS_MOUNT)
			continue;
		v = realloc(b->v, (b->nr + 1) * sizeof(*v));
		if (!v)
			return lm_fail(b->e, LM_FAILED, "out of memory");
		b->v = v;
		m = &v[b->nr++];
		memset(m, 0, sizeof(*m));
		if (lm_parse(lm_data(a), lm_len(a), m->tb, LM_MOUNT_MAX, b->e))
			return -1;
		m->id = lm_u32(m->tb[LM_MOUNT_ID]);
		m->parent = lm_u32(m->tb[LM_MOUNT_PARENT]);
		m->point = str(m, LM_MOUNT_POINT);
		if (*m->point != '/' || strstr(m->point, "/../"))
			return lm_fail(b->e, LM_REFUSED, "mount \"%s\"", m->point);
	}
	return 0;
}

static struct place *root_of(const struct build *b)
{
	struct place *root = NULL;

	for (size_t i = 0; i < b->nr; i++) {
		if (find(b, b->v[i].parent))
			continue;
		if (root || strcmp(b->v[i].point, "/"))
			return NULL;
		root = &b->v[i];
	}
	return root;
}

static int enter(const struct build *b, const char *root)
{
	struct lm_batch *k = lm_batch_new(b->p->remote);
	size_t dot, path, slash;
	int ret;

	if (!k)
		return lm_fail(b->e, LM_FAILED, "out of memory");
	path = lm_batch_str(k, root);
	dot = lm_batch_str(k, ".");
	slash = lm_batch_str(k, "/");
	lm_batch_add(k, __NR_chdir, LM_DATA(path));
	/* The old root is then above the new one, and goes. */
	lm_batch_add(k, __NR_pivot_root, LM_DATA(dot), LM_DATA(dot));
	lm_batch_add(k, __NR_umount2, LM_DATA(dot), MNT_DETACH);
	lm_batch_add(k, __NR_chdir, LM_DATA(slash));
	ret = lm_batch_run(k, b->e);
	lm_batch_free(k);
	return ret;
}

static int set_propagation(const struct build *b)
{
	for (size_t i = 0; i < b->nr; i++) {
		const struct place *m = &b->v[i];
		uint32_t how = lm_u32(m->tb[LM_MOUNT_PROPAGATION]);

		if (((how & MS_SHARED) && do_mount(b, "", m->point, "", MS_SHARED, "")) ||
		    ((how & MS_UNBINDABLE) &&
		     do_mount(b, "", m->point, "", MS_UNBINDABLE, "")))
			return failed(b, m);
	}
	return 0;
}

static int build(struct build *b)
{
	struct place *root = root_of(b);
	const char *host;

	if (!root)
		return lm_fail(b->e, LM_REFUSED, "its mounts are no tree");
	host = lm_str(root->tb[LM_MOUNT_HOST]);
	snprintf(b->root, sizeof(b->root), "%s", host ? host : SPARE_DIR);
	if (lm_remote_syscall(b->p->remote, b->e, __NR_unshare, CLONE_NEWNS) < 0 ||
	    do_mount(b, "", "/", "", MS_REC | MS_SLAVE, "") ||
	    mount_one(b, root, b->root))
		return failed(b, root);
	if (mount_all(b) || enter(b, b->root))
		return -1;
	return set_propagation(b);
}

int lm_mounts_make(struct lm_restorer *r, struct lm_proc *p, const struct lm_obj *o,
		   struct lm_error *e)
{
	struct build b = { .r = r, .p = p, .ns = lm_u32(o->tb[LM_NS_ID]), .e = e };
	int ret;

	if (p->shares_fs)
		return lm_fail(e, LM_REFUSED,
			       "a working directory shared with the parent: not supported");
	ret = read_record(&b, o) || build(&b) ? -1 : 0;
	free(b.v);
	return ret;
}

int lm_mounts_fill(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; r->final && i < r->nr_tmpfs; i++)
		if (lm_tree_make(&r->m, r->tmpfs[i].ns, r->tmpfs[i].mount,
				 r->tmpfs[i].fd, true, e))
			return -1;
	return 0;
}

void lm_mounts_close(struct lm_restorer *r)
{
	while (r->nr_tmpfs)
		close(r->tmpfs[--r->nr_tmpfs].fd);
	free(r->tmpfs);
	r->tmpfs = NULL;
}

/* ---- paths in it ---- */

int lm_restorer_root(const struct lm_restorer *r, const struct lm_file *f)
{
	const struct lm_process *p = lm_model_process(&r->m, f->holder.pid);

	return p && !f->obj.tb[LIVEMIG_FILE_A_OUTSIDE] ?
	       lm_ns_root(r, lm_ns_of(p, &lm_ns_mnt)) : -1;
}

int lm_restorer_open(const struct lm_restorer *r, const struct lm_file *f,
		     const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (unsigned int)flags | O_CLOEXEC,
		.mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
		.resolve = RESOLVE_IN_ROOT,
	};
	int root = lm_restorer_root(r, f), fd;

	if (root < 0)
		return open(path, flags | O_CLOEXEC, mode);
	do	/* (something was mounted or renamed meanwhile) */
		fd = syscall(__NR_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd;
}
