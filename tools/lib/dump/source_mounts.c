// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A mount namespace: each mount, and by which path of the host the destination
 * gets the same, if by any. What the host has mounted, too, is bound from there;
 * the other file systems are made again, if they are of a kind that can be:
 * those of the kernel, overlays of directories that both hosts have, and tmpfs,
 * whose contents travel. All else is refused by name.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "source_priv.h"
#include "../net/rtnl.h"
#include "../ns/mountinfo.h"
#include "../ns/ns.h"
#include "../ns/tree.h"
#include "../restore/restore.h"

static const char *const made_again[] = {
	"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "overlay"
};

static bool can_make(const char *type)
{
	for (size_t i = 0; i < sizeof(made_again) / sizeof(*made_again); i++)
		if (!strcmp(type, made_again[i]))
			return true;
	return false;
}

/* Mounted anew it is the same file system again, if the namespace is the same. */
static bool shows_namespace(const char *type)
{
	return !strcmp(type, "proc") || !strcmp(type, "sysfs") ||
	       !strcmp(type, "mqueue") || !strcmp(type, "cgroup2");
}

/* Where the host's mount @h shows what @m shows, if nothing covers it there. */
static bool shown_by(const struct lm_mounts *host, const struct lm_mount *h,
		     const struct lm_mount *m, char *path, size_t size)
{
	const char *rest = lm_path_below(m->root, h->root);

	return h->dev == m->dev && rest &&
	       snprintf(path, size, "%s%s", *rest && !strcmp(h->point, "/") ? "" :
			h->point, rest) < (int)size &&
	       lm_mounts_of(host, path) == h;
}

/* The host's path of what @m shows. */
static bool on_host(const struct lm_mounts *host, const struct lm_mount *m,
		    char *path, size_t size)
{
	size_t best = 0;
	char other[PATH_MAX];

	for (size_t i = 0; i < host->nr; i++) {
		const struct lm_mount *h = &host->v[i];

		if (strlen(h->root) <= best || !shown_by(host, h, m, other, sizeof(other)))
			continue;
		best = strlen(h->root);
		snprintf(path, size, "%s", other);
	}
	return best;
}

/* Runtimes mount a tmpfs on the host for one container, such as its /dev/shm: the
 * destination may have one there or not. Those of the host itself stay its own.
 */
static bool is_of_runtime(const struct lm_mount *m, const char *path)
{
	static const char *const of_host[] = {
		"/dev", "/dev/shm", "/run", "/run/lock", "/tmp", "/var/tmp", "/"
	};

	if (strcmp(m->type, "tmpfs") || strcmp(m->root, "/") ||
	    lm_path_below(path, "/run/user"))
		return false;
	for (size_t i = 0; i < sizeof(of_host) / sizeof(*of_host); i++)
		if (!strcmp(path, of_host[i]))
			return false;
	return true;
}

/* Is it, or may it be, made again on the destination? */
static bool is_made(const struct lm_mounts *host, const struct lm_mount *m)
{
	char path[PATH_MAX];

	return !on_host(host, m, path, sizeof(path)) || is_of_runtime(m, path);
}

static bool groups_differ(const struct lm_mounts *all, const struct lm_mount *m,
			  struct lm_error *e)
{
	for (size_t i = 0; m->shared && i < all->nr; i++) {
		const struct lm_mount *o = &all->v[i];

		if (o == m || (o->shared != m->shared && o->master != m->shared))
			continue;
		lm_fail(e, LM_REFUSED,
			"mounts %s and %s propagate to each other: not supported; make one of them private",
			m->point, o->point);
		return false;
	}
	return true;
}

/* ---- what is fixed ---- */

/* What another mount covers cannot be looked at: the host's, which are all fixed, are
 * covered more often than others.
 */
static int put_locks(struct lm_buf *b, int dev, int root, const struct lm_mount *m,
		     struct lm_error *e)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	struct livemig_ioc_mount a = {
		.fd = syscall(SYS_openat2, root, m->point, &how, sizeof(how)),
	};
	bool seen;
	struct statx st;
	int ret = 0;

	seen = a.fd >= 0 && !statx(a.fd, "", AT_EMPTY_PATH,
				   STATX_MNT_ID | STATX_UID | STATX_GID, &st) &&
	       st.stx_mnt_id == m->id;
	if (seen)
		ret = ioctl(dev, LIVEMIG_IOC_MOUNT, &a);
	else
		a.locks = LIVEMIG_MOUNT_F_ALL;
	/* That of who made the ipc namespace. */
	if (seen && !strcmp(m->type, "mqueue")) {
		lm_put_u32(b, LM_MOUNT_UID, st.stx_uid);
		lm_put_u32(b, LM_MOUNT_GID, st.stx_gid);
	}
	if (a.fd >= 0)
		close(a.fd);
	if (ret)
		return lm_fail_errno(e, LM_FAILED, "mount %s", m->point);
	if (a.locks)
		lm_put_u32(b, LM_MOUNT_LOCKS, a.locks);
	return 0;
}

/* Where mounts can be looked at; @dev -1: nothing is fixed. */
struct places {
	int dev, root;
};

static int open_places(struct places *p, pid_t pid, struct lm_error *e)
{
	char path[32];

	p->dev = open("/dev/livemig", O_RDWR | O_CLOEXEC);
	if (p->dev < 0)
		return lm_fail_errno(e, LM_FAILED, "/dev/livemig");
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	p->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return p->root < 0 ? lm_fail_errno(e, LM_FAILED, "%s", path) : 0;
}

static void close_places(const struct places *p)
{
	if (p->dev >= 0)
		close(p->dev);
	if (p->root >= 0)
		close(p->root);
}

/* ---- one mount ---- */

static int put_mount(struct lm_buf *b, const struct lm_mounts *all,
		     const struct lm_mounts *host, const struct lm_mount *m,
		     bool own_cgroup, const struct places *p, struct lm_error *e)
{
	char path[PATH_MAX];
	size_t mark;
	/* One file system for all; what is seen of it is a matter of the namespace. */
	bool bind = !(own_cgroup && !strcmp(m->type, "cgroup2")) &&
		    !(shows_namespace(m->type) && !strcmp(m->root, "/")) &&
		    on_host(host, m, path, sizeof(path));

	if (!bind && !can_make(m->type))
		return lm_fail(e, LM_REFUSED,
			       "mount %s: %s of %s, which the host has not mounted: not supported",
			       m->point, m->type, m->source);
	if (!groups_differ(all, m, e))
		return -1;
	mark = lm_nest_start(b, LM_NS_MOUNT);
	lm_put_u32(b, LM_MOUNT_ID, m->id);
	lm_put_u32(b, LM_MOUNT_PARENT, m->parent);
	lm_put_u64(b, LM_MOUNT_DEV, m->dev);
	lm_put_str(b, LM_MOUNT_ROOT, m->root);
	lm_put_str(b, LM_MOUNT_POINT, m->point);
	lm_put_u32(b, LM_MOUNT_FLAGS, m->flags);
	lm_put_str(b, LM_MOUNT_TYPE, m->type);
	lm_put_str(b, LM_MOUNT_SOURCE, m->source);
	lm_put_str(b, LM_MOUNT_OPTIONS, m->options);
	if (m->read_only)
		lm_put_flag(b, LM_MOUNT_READ_ONLY);
	lm_put_u32(b, LM_MOUNT_PROPAGATION, (m->shared ? MS_SHARED : 0) |
		   (m->master ? MS_SLAVE : 0) | (m->unbindable ? MS_UNBINDABLE : 0));
	if (bind)
		lm_put_str(b, LM_MOUNT_HOST, path);
	if (p->dev >= 0 && put_locks(b, p->dev, p->root, m, e))
		return -1;
	lm_nest_end(b, mark);
	return 0;
}

/* ---- what is in a tmpfs ---- */

static int add(struct lm_buf *b, void *arg, struct lm_error *e)
{
	struct lm_objects *o = arg;

	if (o)
		return lm_objects_add_buf(o, LM_REC_TREE, b, e);
	lm_buf_free(b);
	return 0;
}

static int clone_at(const struct lm_mount *m, bool *found)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, m->point,
			 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat st;

	*found = fd >= 0 && !fstat(fd, &st) &&
		 ((uint64_t)major(st.st_dev) << 20 | minor(st.st_dev)) == m->dev;
	return fd;
}

/* A clone of the mount, without what is mounted in it. What covers it is taken away,
 * in a copy of the namespace that goes with the thread.
 */
static int clone_mount(void *arg, struct lm_error *e)
{
	const struct lm_mount *m = arg;
	bool found;
	int fd = clone_at(m, &found);

	if (!found && (unshare(CLONE_NEWNS) ||
		       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)))
		return lm_fail_errno(e, LM_FAILED, "mount %s", m->point);
	/* (one that is unbindable can be cloned now) */
	if (!found && fd < 0)
		fd = clone_at(m, &found);
	while (!found) {
		if (fd >= 0)
			close(fd);
		if (fd < 0 || umount2(m->point, MNT_DETACH))
			return lm_fail(e, LM_REFUSED,
				       "mount %s: a tmpfs that other mounts cover: not supported",
				       m->point);
		fd = clone_at(m, &found);
	}
	return fd;
}

static bool first_of_dev(const struct lm_mounts *all, const struct lm_mount *m)
{
	for (size_t i = 0; &all->v[i] != m; i++)
		if (all->v[i].dev == m->dev)
			return false;
	return true;
}

static int put_trees(struct lm_source *s, struct lm_objects *o, uint32_t ns, int nsfd,
		     const struct lm_mounts *all, const struct lm_mounts *host,
		     struct lm_error *e)
{
	struct lm_tree_dump d = {
		.ns = ns,
		.contents = s->frozen,
		.bytes_left = LM_TREE_BYTES_MAX,
		.names_left = LM_TREE_NAMES_MAX,
		.put = add,
		.arg = o,
	};

	for (size_t i = 0; i < all->nr; i++) {
		const struct lm_mount *m = &all->v[i];
		int fd, ret;

		if (strcmp(m->type, "tmpfs") || !is_made(host, m) ||
		    !first_of_dev(all, m))
			continue;
		if (strcmp(m->root, "/"))
			return lm_fail(e, LM_REFUSED,
				       "mount %s: a part of a tmpfs that is not mounted as a whole: not supported",
				       m->point);
		fd = lm_in_ns(nsfd, CLONE_NEWNS, clone_mount, (void *)m, e);
		if (fd < 0)
			return -1;
		d.mount = m->id;
		d.name = m->point;
		ret = lm_tree_dump(&d, fd, e);
		close(fd);
		if (ret)
			return -1;
	}
	return 0;
}

/* ---- the whole ---- */

/* A process that sees all of it. */
static const struct lm_process *at_root(const struct lm_model *m, uint32_t ns)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const char *root = lm_str(m->procs[i]->obj.tb[LIVEMIG_PROCESS_ROOT]);

		if (lm_ns_of(m->procs[i], &lm_ns_mnt) == ns && root &&
		    !strcmp(root, "/"))
			return m->procs[i];
	}
	return NULL;
}

/* The others are led to theirs while the whole of it can be seen. */
static bool has_hidden_cwd(const struct lm_process *p)
{
	const char *root = lm_str(p->obj.tb[LIVEMIG_PROCESS_ROOT]);

	for (size_t i = 0; root && strcmp(root, "/") && i < p->nr_threads; i++)
		if (p->threads[i]->obj.tb[LIVEMIG_THREAD_CWD])
			return true;
	return false;
}

/* Who makes it again has a working directory of its own from then on. */
static int check_fs(const struct lm_model *m, uint32_t ns, struct lm_error *e)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];

		if (p->mm && lm_ns_of(p, &lm_ns_mnt) == ns && lm_model_shares_fs(m, p))
			return lm_fail(e, LM_REFUSED,
				       "pid %u: working directory shared with its parent, in a mount namespace of their own: not supported",
				       p->host);
		if (p->mm && lm_ns_of(p, &lm_ns_mnt) == ns && has_hidden_cwd(p))
			return lm_fail(e, LM_REFUSED,
				       "pid %u: a thread's own working directory, after chroot: not supported",
				       p->host);
	}
	return 0;
}

/* The destination makes and removes it again, which it can do here only. */
static int check_removed(const struct lm_model *m, uint32_t ns, struct lm_error *e)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];

		if (lm_ns_of(p, &lm_ns_mnt) == ns &&
		    lm_u32(p->obj.tb[LIVEMIG_PROCESS_FLAGS]) & LIVEMIG_PROCESS_F_CWD_GONE)
			return lm_fail(e, LM_REFUSED, "pid %u: " LM_REMOVED_INSIDE, p->host,
				       lm_str(p->obj.tb[LIVEMIG_PROCESS_CWD]) ?: "");
	}
	for (size_t i = 0; i < m->nr_file; i++) {
		const struct lm_file *f = m->file[i];
		const struct lm_process *p = lm_model_process(m, f->holder.pid);
		const struct nlattr *nlink = f->obj.tb[LIVEMIG_FILE_A_NLINK];

		if (p && lm_ns_of(p, &lm_ns_mnt) == ns &&
		    !f->obj.tb[LIVEMIG_FILE_A_OUTSIDE] && nlink && !lm_u32(nlink) &&
		    (f->type == LIVEMIG_FILE_DIR || f->type == LIVEMIG_FILE_FIFO))
			return lm_fail(e, LM_REFUSED, "pid %u fd %d: " LM_REMOVED_INSIDE,
				       f->host, f->holder.fd, f->path ?: "");
	}
	return 0;
}

static int check_shared(const struct lm_mounts *all, const struct lm_mounts *host,
			const struct lm_process *other, struct lm_error *e)
{
	struct lm_mounts theirs = { 0 };
	int ret = lm_mounts_read(other->task, &theirs, e);

	for (size_t i = 0; i < all->nr && !ret; i++) {
		const struct lm_mount *m = &all->v[i];

		if (shows_namespace(m->type) || !is_made(host, m))
			continue;
		for (size_t j = 0; j < theirs.nr && !ret; j++)
			if (theirs.v[j].dev == m->dev)
				ret = lm_fail(e, LM_REFUSED,
					      "mount %s (%s): pid %u has it in another mount namespace: not supported",
					      m->point, m->type, other->host);
	}
	lm_mounts_free(&theirs);
	return ret;
}

/* What is made again is another file system in each namespace. */
static int check_others(const struct lm_model *m, uint32_t ns,
			const struct lm_mounts *all, const struct lm_mounts *host,
			struct lm_error *e)
{
	uint32_t last = ns;

	for (size_t i = 0; i < m->nr_procs; i++) {
		uint32_t id = lm_ns_of(m->procs[i], &lm_ns_mnt);

		if (!m->procs[i]->mm || id == LM_NS_NONE || id == ns || id == last)
			continue;
		last = id;
		if (check_shared(all, host, m->procs[i], e))
			return -1;
	}
	return 0;
}

int lm_source_mounts(struct lm_source *s, struct lm_objects *o,
		     const struct lm_ns_inside *in, int nsfd, bool owned,
		     struct lm_error *e)
{
	uint32_t ns = lm_ns_of(in->p, &lm_ns_mnt);
	const struct lm_process *p = at_root(&s->model, ns);
	struct lm_buf *b = in->b;
	struct lm_mounts all = { 0 }, host = { 0 };
	struct places places = { -1, -1 };
	bool own_cgroup;
	int ret = -1;

	if (!p)
		return lm_fail(e, LM_REFUSED,
			       "mount namespace of which nobody has the root directory: not supported");
	if (lm_mounts_read(p->task, &all, e) || lm_mounts_read(getpid(), &host, e) ||
	    (owned && open_places(&places, p->task, e)))
		goto out;
	own_cgroup = lm_source_own_ns(p, &lm_ns_cgroup);
	ret = check_fs(&s->model, ns, e) || check_removed(&s->model, ns, e) ||
	      check_others(&s->model, ns, &all, &host, e) ?
	      -1 : 0;
	for (size_t i = 0; !ret && i < all.nr; i++)
		ret = put_mount(b, &all, &host, &all.v[i], own_cgroup, &places, e);
	if (!ret)
		ret = put_trees(s, o, ns, nsfd, &all, &host, e);
out:
	close_places(&places);
	lm_mounts_free(&all);
	lm_mounts_free(&host);
	return ret;
}
