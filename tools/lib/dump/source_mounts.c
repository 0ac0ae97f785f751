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
#include <sched.h>
#include <stdio.h>
#include <string.h>
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

/* The host's path of what @m shows. */
static bool on_host(const struct lm_mounts *host, const struct lm_mount *m,
		    char *path, size_t size)
{
	const struct lm_mount *best = NULL;
	const char *rest;

	for (size_t i = 0; i < host->nr; i++) {
		const struct lm_mount *h = &host->v[i];

		if (h->dev == m->dev && lm_path_below(m->root, h->root) &&
		    (!best || strlen(h->root) > strlen(best->root)))
			best = h;
	}
	if (!best)
		return false;
	rest = lm_path_below(m->root, best->root);
	return snprintf(path, size, "%s%s", *rest && !strcmp(best->point, "/") ? "" :
			best->point, rest) < (int)size;
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

static int put_mount(struct lm_buf *b, const struct lm_mounts *all,
		     const struct lm_mounts *host, const struct lm_mount *m,
		     bool own_cgroup, struct lm_error *e)
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
	char path[PATH_MAX];

	for (size_t i = 0; i < all->nr; i++) {
		const struct lm_mount *m = &all->v[i];
		int fd, ret;

		if (strcmp(m->type, "tmpfs") || on_host(host, m, path, sizeof(path)) ||
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

/* ---- open files that are not in it ---- */

static uint32_t mount_of(const struct lm_file *f)
{
	char path[64], line[128];
	uint32_t id = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%u/fdinfo/%d", f->host, f->holder.fd);
	info = fopen(path, "re");
	while (info && !id && fgets(line, sizeof(line), info))
		sscanf(line, "mnt_id: %u", &id);
	if (info)
		fclose(info);
	return id;
}

static bool has_path(const struct lm_file *f)
{
	switch (f->type) {
	case LIVEMIG_FILE_REG:
	case LIVEMIG_FILE_DIR:
	case LIVEMIG_FILE_CHR:
	case LIVEMIG_FILE_FIFO:
	case LIVEMIG_FILE_OPATH:
		return f->path && !f->mapped;
	}
	return false;
}

/* Standard input and output mostly are what the runtime was given outside. */
static int tell_files(struct lm_source *s, struct lm_objects *o, uint32_t ns,
		      const struct lm_mounts *all, const struct lm_mounts *host,
		      struct lm_error *e)
{
	struct lm_model *m = &s->model;

	for (size_t i = 0; o && i < m->nr_file; i++) {
		struct lm_file *f = m->file[i];
		const struct lm_process *p = lm_model_process(m, f->holder.pid);
		struct lm_buf b = { 0 };
		uint32_t id;

		if (!has_path(f) || !p || lm_ns_of(p, &lm_ns_mnt) != ns)
			continue;
		id = mount_of(f);
		if (!id || lm_mounts_find(all, id))
			continue;
		if (!lm_mounts_find(host, id))
			return lm_fail(e, LM_REFUSED,
				       "pid %u fd %d: %s: of a mount that is neither the container's nor the host's: not supported",
				       f->host, f->holder.fd, f->path);
		lm_put_u32(&b, LIVEMIG_FILE_A_ID, f->id);
		lm_put_u32(&b, LIVEMIG_FILE_A_TYPE, f->type);
		lm_put_flag(&b, LIVEMIG_FILE_A_OUTSIDE);
		if (lm_objects_add_buf(o, LIVEMIG_OBJ_FILE, &b, e))
			return -1;
	}
	return 0;
}

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

int lm_source_mounts(struct lm_source *s, struct lm_objects *o, struct lm_buf *b,
		     uint32_t ns, int nsfd, struct lm_error *e)
{
	const struct lm_process *p = at_root(&s->model, ns);
	struct lm_mounts all = { 0 }, host = { 0 };
	bool own_cgroup;
	int ret = -1;

	if (!p)
		return lm_fail(e, LM_REFUSED,
			       "mount namespace of which nobody has the root directory: not supported");
	if (lm_mounts_read(p->host, &all, e) || lm_mounts_read(getpid(), &host, e))
		goto out;
	own_cgroup = lm_source_own_ns(p, &lm_ns_cgroup);
	ret = 0;
	for (size_t i = 0; !ret && i < all.nr; i++)
		ret = put_mount(b, &all, &host, &all.v[i], own_cgroup, e);
	if (!ret)
		ret = put_trees(s, o, ns, nsfd, &all, &host, e) ||
		      tell_files(s, o, ns, &all, &host, e) ? -1 : 0;
out:
	lm_mounts_free(&all);
	lm_mounts_free(&host);
	return ret;
}
