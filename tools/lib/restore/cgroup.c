// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The container's cgroup. It is made before the first task, with all
 * controllers that can be had, so that what is filled in is charged to it; the
 * limits come last, when nothing more is allocated.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "internal.h"

#define MOUNT			"/sys/fs/cgroup"
#define CGROUP2_MAGIC		0x63677270

static const char *const controllers[] = { "cpuset", "cpu", "io", "memory",
					    "pids" };

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && strchr(" \n", p[len]))
			return true;
	return false;
}

/* The children of @dir get what controllers @dir has; not getting one matters
 * only when a limit wants it, which is told then.
 */
static int enable(struct lm_restorer *r, const char *dir, struct lm_error *e)
{
	char have[256], on[256], path[PATH_MAX + 64], text[32];

	if (lm_text_read(dir, "cgroup.controllers", have, sizeof(have)) ||
	    lm_text_read(dir, "cgroup.subtree_control", on, sizeof(on)))
		return 0;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++) {
		if (!has_word(have, controllers[i]) || has_word(on, controllers[i]))
			continue;
		snprintf(text, sizeof(text), "+%s", controllers[i]);
		if (lm_write_text(path, text))
			continue;
		text[0] = '-';
		if (lm_undo_add(r->undo, "write", path, text, e))
			return -1;
	}
	return 0;
}

static int occupied(const char *dir, struct lm_error *e)
{
	char text[256];

	if (lm_text_read(dir, "cgroup.events", text, sizeof(text)))
		return lm_fail_errno(e, LM_REFUSED, "%s: not a cgroup", dir);
	if (strstr(text, "populated 1"))
		return lm_fail(e, LM_REFUSED,
			       "cgroup %s has processes; name another one with --cgroup",
			       dir);
	return 0;
}

/* Make @dir and what is missing above it. */
static int make_path(struct lm_restorer *r, char *dir, struct lm_error *e)
{
	struct stat st;
	char *slash;

	if (!stat(dir, &st))
		return 0;
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return lm_fail_errno(e, LM_REFUSED, "%s", dir);
	*slash = 0;
	if (make_path(r, dir, e) || enable(r, dir, e))
		return -1;
	*slash = '/';
	/* First the entry: what does not exist is easily removed. */
	if (lm_undo_add(r->undo, "cgroup", dir, "", e))
		return -1;
	if (mkdir(dir, 0755))
		return lm_fail_errno(e, LM_REFUSED, "cgroup %s", dir);
	return 0;
}

/* Leads it out of where it begins? */
static bool climbs(const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && !strncmp(path, "..", 2))
			return true;
		path += len + (path[len] == '/');
	}
	return false;
}

static int choose(struct lm_restorer *r, struct lm_error *e)
{
	const struct nlattr *tb[LM_CGROUP_MAX + 1];
	const char *name = r->name;

	if (r->o.cgroup) {
		snprintf(r->cgroup, sizeof(r->cgroup), "%s%s",
			 r->o.cgroup[0] == '/' ? "" : MOUNT "/", r->o.cgroup);
		return 0;
	}
	for (size_t i = 0; i < r->m.nr_cgroups; i++) {
		if (lm_parse(r->m.cgroups[i]->raw, r->m.cgroups[i]->len, tb,
			     LM_CGROUP_MAX, e))
			return -1;
		if (lm_str(tb[LM_CGROUP_ROOT]))
			name = lm_str(tb[LM_CGROUP_ROOT]);
	}
	if (!strncmp(name, "cgroup:", 7))
		name += 7;
	if (!*name || !strcmp(name, "/") || climbs(name))
		return lm_fail(e, LM_REFUSED,
			       "no usable cgroup in the image; name one with --cgroup");
	if (!strncmp(name, MOUNT "/", sizeof(MOUNT)))
		name += sizeof(MOUNT) - 1;
	if (snprintf(r->cgroup, sizeof(r->cgroup), MOUNT "/%s",
		     name + (*name == '/')) >= (int)sizeof(r->cgroup))
		return lm_fail(e, LM_REFUSED, "%s: name too long", name);
	return 0;
}

int lm_cgroup_make(struct lm_restorer *r, struct lm_error *e)
{
	struct statfs fs;
	size_t len;

	if (choose(r, e))
		return -1;
	len = strlen(r->cgroup);
	while (len && r->cgroup[len - 1] == '/')
		r->cgroup[--len] = 0;
	if (statfs(MOUNT, &fs) || fs.f_type != CGROUP2_MAGIC)
		return lm_fail(e, LM_REFUSED,
			       MOUNT " is not cgroup v2; boot with systemd.unified_cgroup_hierarchy=1");
	if (make_path(r, r->cgroup, e) || occupied(r->cgroup, e))
		return -1;
	r->cgroup_fd = open(r->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->cgroup_fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "cgroup %s", r->cgroup);
	if (fstatfs(r->cgroup_fd, &fs) || fs.f_type != CGROUP2_MAGIC)
		return lm_fail(e, LM_REFUSED, "%s: not in a cgroup v2 tree", r->cgroup);
	return 0;
}

/* "sda rbps=..." -> "8:0 rbps=...", for the files that are about devices. */
static int with_number(const char *text, char *buf, size_t size,
		       struct lm_error *e)
{
	char dir[128], number[32];
	size_t len = strcspn(text, " ");

	if (len > 64 || memchr(text, '/', len) || *text == '.')
		return lm_fail(e, LM_REFUSED, "cgroup limit of a device \"%s\"", text);
	snprintf(dir, sizeof(dir), "/sys/class/block/%.*s", (int)len, text);
	if (lm_text_read(dir, "dev", number, sizeof(number)))
		return lm_fail(e, LM_REFUSED,
			       "the container's cgroup has a limit for the block device %.*s, which is not here; remove the limit",
			       (int)len, text);
	snprintf(buf, size, "%s%s", number, text + len);
	return 0;
}

static int set_value(const char *dir, const char *value, struct lm_error *e)
{
	char path[2 * PATH_MAX], text[512];
	const char *eq = strchr(value, '=');

	if (!eq || memchr(value, '/', eq - value))
		return lm_fail(e, LM_REFUSED, "cgroup value \"%s\"", value);
	snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(eq - value), value);
	eq++;
	if (!strncmp(value, "io.", 3) && strncmp(eq, "default ", 8)) {
		if (with_number(eq, text, sizeof(text), e))
			return -1;
		eq = text;
	}
	if (lm_write_text(path, eq))
		return lm_fail_errno(e, LM_REFUSED, "cannot set %s to %s", path, eq);
	return 0;
}

/* (A controller that the files of another are of may not be here.) */
static int set_owner(const char *dir, const char *owner, struct lm_error *e)
{
	const char *eq = strchr(owner, '=');
	char path[2 * PATH_MAX];
	unsigned int uid, gid;

	if (!eq || memchr(owner, '/', eq - owner) || !strncmp(owner, "..", 2) ||
	    sscanf(eq, "=%u:%u", &uid, &gid) != 2)
		return lm_fail(e, LM_REFUSED, "cgroup file's owner \"%s\"", owner);
	snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(eq - owner), owner);
	return lchown(path, uid, gid) && errno != ENOENT ?
	       lm_fail_errno(e, LM_FAILED, "cannot give %s to %u:%u", path, uid, gid) : 0;
}

/* Where the cgroup @sub of the container is here. */
static int sub_path(const struct lm_restorer *r, const char *sub, char *buf,
		    size_t len, struct lm_error *e)
{
	sub += *sub == '/';
	if (climbs(sub) ||
	    snprintf(buf, len, "%s%s%s", r->cgroup, *sub ? "/" : "",
		     sub) >= (int)len)
		return lm_fail(e, LM_REFUSED, "cgroup \"%s\"", sub);
	return 0;
}

static int values(struct lm_restorer *r, const struct lm_obj *o,
		  struct lm_error *e)
{
	const struct nlattr *tb[LM_CGROUP_MAX + 1];
	char dir[PATH_MAX];

	if (lm_parse(o->raw, o->len, tb, LM_CGROUP_MAX, e) ||
	    sub_path(r, lm_str(tb[LM_CGROUP_SUB]) ?: "", dir, sizeof(dir), e) ||
	    make_path(r, dir, e))
		return -1;
	/* A repeated attribute: each of them, in order. */
	for (size_t at = 0; at + sizeof(struct nlattr) <= o->len;) {
		const struct nlattr *a = (const void *)((char *)o->raw + at);

		if (a->nla_len < sizeof(*a) || at + a->nla_len > o->len)
			break;
		if ((a->nla_type & NLA_TYPE_MASK) == LM_CGROUP_VALUE &&
		    lm_str(a) && set_value(dir, lm_str(a), e))
			return -1;
		if ((a->nla_type & NLA_TYPE_MASK) == LM_CGROUP_OWNER &&
		    lm_str(a) && set_owner(dir, lm_str(a), e))
			return -1;
		at += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

int lm_cgroup_place(struct lm_restorer *r, const struct lm_process *p,
		    struct lm_error *e)
{
	const char *sub = lm_str(p->obj.tb[LIVEMIG_PROCESS_CGROUP]);
	char dir[PATH_MAX], procs[PATH_MAX + 16], pid[16];

	if (!sub || !*sub)
		return 0;
	if (sub_path(r, sub, dir, sizeof(dir), e) || make_path(r, dir, e))
		return -1;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", dir);
	snprintf(pid, sizeof(pid), "%u", lm_host_pid(r, p->pid));
	if (lm_write_text(procs, pid))
		return lm_fail_errno(e, LM_FAILED, "cannot move pid %u to %s",
				     p->pid, dir);
	return 0;
}

int lm_cgroup_finish(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_procs; i++)
		if (r->m.procs[i]->mm && lm_cgroup_place(r, r->m.procs[i], e))
			return -1;
	for (size_t i = 0; i < r->m.nr_cgroups; i++)
		if (values(r, r->m.cgroups[i], e))
			return -1;
	return 0;
}

int lm_cgroup_freeze(struct lm_restorer *r, struct lm_error *e)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", r->cgroup);
	if (lm_write_text(path, "1"))
		return lm_fail_errno(e, LM_FAILED, "%s", path);
	return 0;
}
