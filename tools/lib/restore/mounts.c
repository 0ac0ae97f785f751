// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mount namespaces. The first helper that is to be in one makes it: below the
 * new root everything is mounted as it was, parents before children, and places
 * before what covers them; then the new root becomes the root. What the host has
 * is taken from there by the coordinator, which sees it whatever covers it meanwhile;
 * a part of what is mounted already is bound from that, all else is mounted. We reach
 * into it through its root directory.
 *
 * Is there an order in which all can be mounted? The source asks, too: it goes through
 * them as we do, without mounting anything (lm_mounts_possible()).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"
#include "../kinds/kinds.h"
#include "../ns/mountinfo.h"
#include "../ns/tree.h"
#include "../ns/user.h"

/* Where the new root is mounted at first. */
#define NEW_ROOT	"/mnt"
/* Flags that a bind mount can be given. */
#define MOUNT_FLAGS	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | \
			 MS_NODIRATIME | MS_RELATIME | MS_NOSYMFOLLOW)

struct place {
	const struct nlattr *tb[LM_MOUNT_MAX + 1];
	const char *point;
	uint32_t id, parent;
	bool made;
	int fd;			/* if something is fixed in the end */
};

struct build {
	struct lm_restorer *r;		/* NULL: nothing is mounted */
	const struct lm_model *m;
	struct lm_proc *p;		/* who does it */
	uint32_t ns;
	uint32_t owner;			/* the user namespace it belongs to */
	struct place *v;
	size_t nr;
	struct lm_mounts host;		/* what is mounted here */
	int root_fd;			/* the new one */
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

	if (snprintf(path, PATH_MAX, NEW_ROOT "%s", point) < PATH_MAX)
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

/* ---- what the host has ---- */

/* A file system that is another one on each host. */
static bool is_local(const char *type)
{
	static const char *const types[] = {
		"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "overlay"
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

/* The host must have one of the same kind at the same place; but what a runtime
 * mounts for a container can be mounted for it here.
 * Return: 1 bind it from the host, 0 mount it, -1.
 */
static int from_host(const struct build *b, const struct place *m)
{
	const char *path = lm_str(m->tb[LM_MOUNT_HOST]), *type = str(m, LM_MOUNT_TYPE);
	const struct lm_mount *h = path ? lm_mounts_of(&b->host, path) : NULL;
	bool whole = !strcmp(str(m, LM_MOUNT_ROOT), "/");

	if (!path)
		return 0;
	if (h && (!is_local(type) || (!strcmp(h->type, type) &&
				      (!whole || !strcmp(h->point, path)))))
		return 1;
	if (whole && (!strcmp(type, "overlay") || !strcmp(type, "tmpfs")))
		return 0;
	return h ? lm_fail(b->e, LM_REFUSED, "%s: no %s is mounted there on this host",
			   path, type) :
		   lm_fail(b->e, LM_REFUSED,
			   "%s: it is not here; bring the same directory", path);
}

/* It stays a peer of the host's mount for the moment. */
static int bind_host(const struct build *b, const struct place *m, const char *path)
{
	/* A mount point has no links in its path. One that is there now may have been
	 * put there by the container, which is still running and can reach the place.
	 */
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS,
	};
	int there = b->r->fd_base + LM_HELPER_FDS, at, fd, ret;
	struct lm_batch *k;

	at = syscall(__NR_openat2, AT_FDCWD, str(m, LM_MOUNT_HOST), &how, sizeof(how));
	if (at < 0)
		return lm_kind_no_file(str(m, LM_MOUNT_HOST), b->e);
	fd = syscall(__NR_open_tree, at, "",
		     AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	close(at);
	if (fd < 0)
		return lm_fail_errno(b->e, LM_REFUSED, "%s", str(m, LM_MOUNT_HOST));
	ret = lm_remote_put_fd(b->p->remote, fd, there, true, b->e);
	close(fd);
	if (ret)
		return -1;
	k = lm_batch_new(b->p->remote);
	if (!k)
		return lm_fail(b->e, LM_FAILED, "out of memory");
	lm_batch_add(k, __NR_move_mount, there, LM_DATA(lm_batch_str(k, "")), AT_FDCWD,
		     LM_DATA(lm_batch_str(k, path)), MOVE_MOUNT_F_EMPTY_PATH);
	lm_batch_add(k, __NR_close, there);
	ret = lm_batch_run(k, b->e);
	lm_batch_free(k);
	return ret;
}

/* @from, below the new root: nothing in its path leads out of it. */
static int bind_part(const struct build *b, const char *from, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	int there = b->r->fd_base + LM_HELPER_FDS, fd, ret;
	char link[32];

	from += strlen(NEW_ROOT);
	from += strspn(from, "/");
	fd = syscall(__NR_openat2, b->root_fd, *from ? from : ".", &how, sizeof(how));
	if (fd < 0)
		return lm_fail_errno(b->e, LM_REFUSED, "%s", from);
	ret = lm_remote_put_fd(b->p->remote, fd, there, true, b->e);
	close(fd);
	if (ret)
		return -1;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", there);
	ret = do_mount(b, link, path, "", MS_BIND, "");
	lm_remote_syscall(b->p->remote, NULL, __NR_close, there);
	return ret;
}

/* ---- what belongs to the user namespace ---- */

/* Options as who is in the namespace @user gives them: ids are the host's in a record. */
static int inside(const struct build *b, const char *options, char *buf, size_t size)
{
	const struct lm_obj *user = lm_ns_record(b->m, &lm_ns_user, b->owner);
	size_t n = 0;

	*buf = 0;
	while (*options) {
		size_t len = strcspn(options, ",");
		bool uid = !strncmp(options, "uid=", 4), gid = !strncmp(options, "gid=", 4);
		uint32_t id;

		if ((uid || gid) &&
		    !lm_user_inside(user, uid ? LM_NS_UID_MAP : LM_NS_GID_MAP,
				    strtoul(options + 4, NULL, 10), &id))
			return lm_fail(b->e, LM_REFUSED,
				       "option %.*s: the user namespace does not know it",
				       (int)len, options);
		if (uid || gid)
			n += snprintf(buf + n, n < size ? size - n : 0, "%s%.4s%u",
				      n ? "," : "", options, id);
		else
			n += snprintf(buf + n, n < size ? size - n : 0, "%s%.*s",
				      n ? "," : "", (int)len, options);
		options += len + (options[len] == ',');
	}
	return n < size ? 0 : lm_fail(b->e, LM_REFUSED, "its options are too long");
}

/* A file system that is not the host's was mounted by the container's root, who may do
 * with it what he likes, and is so again. (Whose those of the kernel are is told by
 * the namespace that they show.)
 */
static bool is_theirs(const struct build *b, const struct place *m)
{
	const char *type = str(m, LM_MOUNT_TYPE);

	return b->owner != LM_NS_NONE && !m->tb[LM_MOUNT_HOST] &&
	       (!strcmp(type, "tmpfs") || !strcmp(type, "devpts") || !strcmp(type, "overlay"));
}

static int mount_fs(const struct build *b, const struct place *m, const char *path,
		    unsigned long flags, const char *options)
{
	const char *type = str(m, LM_MOUNT_TYPE), *source = str(m, LM_MOUNT_SOURCE);
	char theirs[PATH_MAX];

	if (!is_theirs(b, m))
		return do_mount(b, source, path, type, flags, options);
	return inside(b, options, theirs, sizeof(theirs)) ||
	       lm_user_enter(b->r, b->p, b->owner, b->e) ||
	       lm_remote_syscall(b->p->remote, b->e, __NR_setfsgid, 0) < 0 ||
	       lm_remote_syscall(b->p->remote, b->e, __NR_setfsuid, 0) < 0 ||
	       do_mount(b, source, path, type, flags, theirs) ||
	       lm_user_leave(b->p, b->owner, b->e) ? -1 : 0;
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

/* A tmpfs that nobody has used yet. Where the container that still runs shares its root
 * directory with the host's helper, it may have put a link to another place into the path
 * meanwhile: what is there is not ours to fill and to sweep.
 */
static bool is_fresh_tmpfs(int fd)
{
	struct dirent *d;
	struct statfs st;
	bool empty = true;
	DIR *list;

	if (fstatfs(fd, &st) || st.f_type != TMPFS_MAGIC)
		return false;
	list = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!list)
		return false;
	while ((d = readdir(list)))
		empty &= !strcmp(d->d_name, ".") || !strcmp(d->d_name, "..");
	closedir(list);
	return empty;
}

static int mount_tmpfs(const struct build *b, const struct place *m, const char *path)
{
	const struct lm_restorer *r = b->r;
	bool read_only = m->tb[LM_MOUNT_READ_ONLY];
	int fd, ret;

	if (read_only && !r->final && lm_tree_any(&r->m, b->ns, m->id))
		return lm_fail(b->e, LM_REFUSED,
			       "a read-only tmpfs with contents: not supported in a live migration");
	if (mount_fs(b, m, path, 0, str(m, LM_MOUNT_OPTIONS)))
		return -1;
	fd = take(b, path);
	if (fd < 0)
		return -1;
	if (!is_fresh_tmpfs(fd)) {
		close(fd);
		return lm_fail(b->e, LM_REFUSED, "another mount is found there");
	}
	/* Places to mount on; what is in files comes by lm_tmpfs_fill(). */
	ret = lm_tree_make(&r->m, b->ns, m->id, fd, read_only, b->e);
	if (!ret && !read_only)
		return lm_tmpfs_add(b->r, b->ns, m->id, fd, b->e);
	close(fd);
	return ret ? -1 : do_mount(b, "", path, "", MS_REMOUNT | MS_RDONLY, "");
}

/* ---- one mount ---- */

/* All cgroup2 mounts are one file system, with the host's options. */
static bool is_cgroup(const struct place *m)
{
	return !strcmp(str(m, LM_MOUNT_TYPE), "cgroup2");
}

/* Could it be, on any host? */
static int check_new(const struct build *b, const struct place *m)
{
	char theirs[PATH_MAX];

	if (strcmp(str(m, LM_MOUNT_ROOT), "/") && !is_cgroup(m))
		return lm_fail(b->e, LM_REFUSED,
			       "a part of a file system that is not mounted as a whole: not supported");
	if (!is_theirs(b, m))
		return 0;
	if (!strcmp(str(m, LM_MOUNT_TYPE), "overlay"))
		return lm_fail(b->e, LM_REFUSED,
			       "an overlay of a user namespace: not supported");
	return inside(b, str(m, LM_MOUNT_OPTIONS), theirs, sizeof(theirs));
}

static int mount_new(const struct build *b, const struct place *m, const char *path)
{
	const char *options = is_cgroup(m) ? "" : str(m, LM_MOUNT_OPTIONS);

	if (check_new(b, m))
		return -1;
	if (!strcmp(str(m, LM_MOUNT_TYPE), "tmpfs"))
		return mount_tmpfs(b, m, path);
	return mount_fs(b, m, path, m->tb[LM_MOUNT_READ_ONLY] ? MS_RDONLY : 0, options);
}

/* As if it were: what is bound from the host is there. */
static int plan_one(const struct build *b, struct place *m)
{
	char from[PATH_MAX];

	if (!m->tb[LM_MOUNT_HOST] && !mounted_part(b, m, from) && check_new(b, m))
		return -1;
	m->made = true;
	return 0;
}

static int mount_one(const struct build *b, struct place *m, const char *path)
{
	uint32_t flags = lm_u32(m->tb[LM_MOUNT_FLAGS]) & MOUNT_FLAGS;
	bool slave = lm_u32(m->tb[LM_MOUNT_PROPAGATION]) & MS_SLAVE;
	char from[PATH_MAX];
	int ret, host;

	if (!b->r)
		return plan_one(b, m);
	host = from_host(b, m);
	if (host < 0)
		return -1;
	/* (what a remount is not told about times of access it leaves) */
	if (!(flags & (MS_NOATIME | MS_RELATIME)))
		flags |= MS_STRICTATIME;
	if (host)
		ret = bind_host(b, m, path);
	else if (mounted_part(b, m, from))
		ret = bind_part(b, from, path);
	else
		ret = mount_new(b, m, path);
	if (ret)
		return -1;
	m->made = true;
	if (do_mount(b, "", path, "", slave ? MS_SLAVE : MS_PRIVATE, ""))
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

/* Nothing there leads out of it, whatever links are in it. */
static int open_point(const struct build *b, const struct place *m)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	const char *point = m->point + strspn(m->point, "/");
	int fd = syscall(__NR_openat2, b->root_fd, *point ? point : ".", &how,
			 sizeof(how));

	return fd < 0 ? lm_fail_errno(b->e, LM_REFUSED,
				      "its place is not in the container's root") : fd;
}

static int check_point(const struct build *b, const struct place *m)
{
	int fd;

	if (!b->r)
		return 0;
	fd = open_point(b, m);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* Another mount may cover it by the time when it is fixed: what is fixed is in the way
 * of what is still to be done.
 */
static int keep(const struct build *b, struct place *m)
{
	if (!b->r)
		return 0;
	if (!m->tb[LM_MOUNT_LOCKS] && !m->tb[LM_MOUNT_UID])
		return 0;
	m->fd = open_point(b, m);
	return m->fd < 0 ? -1 : 0;
}

/* What is another one only: ids that a user namespace does not know cannot be set. */
static int set_owner(const struct place *m)
{
	uid_t uid = lm_u32(m->tb[LM_MOUNT_UID]);
	gid_t gid = lm_u32(m->tb[LM_MOUNT_GID]);
	struct stat st;

	if (!m->tb[LM_MOUNT_UID])
		return 0;
	return fstat(m->fd, &st) ? -1 :
	       fchownat(m->fd, "", st.st_uid == uid ? (uid_t)-1 : uid,
			st.st_gid == gid ? (gid_t)-1 : gid, AT_EMPTY_PATH);
}

static int fix_all(const struct build *b)
{
	for (size_t i = 0; i < b->nr; i++) {
		const struct place *m = &b->v[i];
		struct livemig_ioc_mount a = {
			.fd = m->fd,
			.add = lm_u32(m->tb[LM_MOUNT_LOCKS]) & LIVEMIG_MOUNT_F_ALL,
		};

		if (m->fd < 0)
			continue;
		if (set_owner(m) || ioctl(b->r->dev, LIVEMIG_IOC_MOUNT, &a)) {
			lm_fail_errno(b->e, LM_FAILED, "its owner, or fixing it");
			return failed(b, m);
		}
	}
	return 0;
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
			return lm_fail(b->e, LM_REFUSED,
				       "its mounts have no order in which they could be made: not supported");
		if (target(b, next, path) || check_point(b, next) ||
		    mount_one(b, next, path) || keep(b, next))
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
		m->fd = -1;
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

static int enter(const struct build *b)
{
	struct lm_batch *k = lm_batch_new(b->p->remote);
	size_t dot, path, slash;
	int ret;

	if (!k)
		return lm_fail(b->e, LM_FAILED, "out of memory");
	path = lm_batch_str(k, NEW_ROOT);
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

/* The coordinator's way to the new root. */
static int open_root(struct build *b)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root" NEW_ROOT, b->p->host);
	b->root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return b->root_fd < 0 ? lm_fail_errno(b->e, LM_FAILED, "%s", path) : 0;
}

static int no_tree(const struct build *b)
{
	return lm_fail(b->e, LM_REFUSED, "its mounts are no tree: not supported");
}

static int build(struct build *b)
{
	struct place *root = root_of(b);

	if (!root)
		return no_tree(b);
	if (lm_user_unshare(b->r, b->p, b->owner, CLONE_NEWNS, b->e) ||
	    do_mount(b, "", "/", "", MS_REC | MS_SLAVE, "") ||
	    mount_one(b, root, NEW_ROOT))
		return failed(b, root);
	if (open_root(b) || keep(b, root) || mount_all(b) || enter(b) ||
	    set_propagation(b))
		return -1;
	return fix_all(b);
}

int lm_mounts_make(struct lm_restorer *r, struct lm_proc *p, const struct lm_obj *o,
		   struct lm_error *e)
{
	struct build b = { .r = r, .m = &r->m, .p = p, .ns = lm_u32(o->tb[LM_NS_ID]),
			   .owner = lm_u32(o->tb[LM_NS_OWNER]), .root_fd = -1, .e = e };
	int ret;

	/* (the source refuses it, too) */
	if (p->shares_fs)
		return lm_fail(e, LM_REFUSED,
			       "a working directory shared with the parent: not supported");
	ret = lm_mounts_read(getpid(), &b.host, e) || read_record(&b, o) ||
	      build(&b) ? -1 : 0;
	if (b.root_fd >= 0)
		close(b.root_fd);
	for (size_t i = 0; i < b.nr; i++)
		if (b.v[i].fd >= 0)
			close(b.v[i].fd);
	lm_mounts_free(&b.host);
	free(b.v);
	return ret;
}

static int plan(struct build *b)
{
	struct place *root = root_of(b);

	if (!root)
		return no_tree(b);
	return mount_one(b, root, NEW_ROOT) ? failed(b, root) : mount_all(b);
}

int lm_mounts_possible(const struct lm_model *m, const struct lm_obj *o, struct lm_error *e)
{
	struct build b = { .m = m, .ns = lm_u32(o->tb[LM_NS_ID]),
			   .owner = lm_u32(o->tb[LM_NS_OWNER]), .root_fd = -1, .e = e };
	int ret = read_record(&b, o) || plan(&b) ? -1 : 0;

	free(b.v);
	return ret;
}

/* ---- paths in it ---- */

int lm_restorer_root(const struct lm_restorer *r, const struct lm_file *f)
{
	const struct lm_process *p = lm_model_process(&r->m, f->holder.pid);

	return p && !f->obj.tb[LIVEMIG_FILE_A_OUTSIDE] ?
	       lm_ns_root(r, lm_ns_of(p, &lm_ns_mnt)) : -1;
}

static int open_in(int root, const char *path, const struct open_how *how)
{
	int fd;

	do	/* (something was mounted or renamed meanwhile) */
		fd = syscall(__NR_openat2, root, path, how, sizeof(*how));
	while (fd < 0 && errno == EAGAIN);
	return fd;
}

/* A file without a name in the directory @path, where root is nobody. */
static int open_as_owner(int root, const char *path, const struct open_how *how)
{
	const struct open_how place = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = how->resolve,
	};
	int dir = open_in(root, path, &place), fd = -1;

	if (dir < 0)
		return -1;
	if (!lm_as_owner(dir))
		fd = open_in(root, path, how);
	lm_as_root();
	close(dir);
	return fd;
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
	fd = open_in(root, path, &how);
	if (fd < 0 && errno == EOVERFLOW && (flags & O_TMPFILE) == O_TMPFILE)
		fd = open_as_owner(root, path, &how);
	return fd;
}
