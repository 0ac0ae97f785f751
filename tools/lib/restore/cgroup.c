// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The container's cgroup. It is made before the first task, with all
 * controllers that can be had, so that what is filled in is charged to it; the
 * limits come last, when nothing more is allocated.
 *
 * Those below it are made while all tasks are in it and it has no controllers for
 * them: a cgroup with both would be the root of threaded ones, and none of its children a
 * domain. So controllers come after the tasks have left, and before the limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "internal.h"
#include "../cgroup_file.h"

#define MOUNT			"/sys/fs/cgroup"
#define CGROUP2_MAGIC		0x63677270

/* (First one that a cgroup with tasks cannot hand down: others would make it the root of
 * threaded ones.)
 */
static const char *const controllers[] = { "memory", "io", "cpuset", "cpu", "pids" };
/* ... and those that few have limits of. */
static const char *const rare[] = { "hugetlb", "rdma", "misc", "dmem" };

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = list; (p = strstr(p, word)); p += len)
		if ((p == list || p[-1] == ' ') && strchr(" \n", p[len]))
			return true;
	return false;
}

/* The children of @dir get a controller, if @dir has it; not getting one matters
 * only when a limit wants it, which is told then. Return: 0, -1; 1: @dir has tasks.
 */
static int enable_one(struct lm_restorer *r, const char *dir, const char *controller,
		      struct lm_error *e)
{
	char have[256], on[256], path[PATH_MAX + 64], text[32];

	if (lm_text_read(dir, "cgroup.controllers", have, sizeof(have)) ||
	    lm_text_read(dir, "cgroup.subtree_control", on, sizeof(on)) ||
	    !has_word(have, controller) || has_word(on, controller))
		return 0;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	snprintf(text, sizeof(text), "+%s", controller);
	if (lm_write_text(path, text))
		return errno == EBUSY;
	text[0] = '-';
	return lm_undo_add(r->undo, "write", path, text, e);
}

static int enable(struct lm_restorer *r, const char *dir, struct lm_error *e)
{
	int ret = 0;

	for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers) && !ret; i++)
		ret = enable_one(r, dir, controllers[i], e);
	return ret < 0 ? -1 : 0;
}

/* Who comes into one that is frozen does nothing any more. */
static int is_cold(const char *dir, struct lm_error *e)
{
	char text[256];

	return lm_text_read(dir, "cgroup.events", text, sizeof(text)) ||
	       !strstr(text, "frozen 1") ? 0 :
	       lm_fail(e, LM_REFUSED,
		       "cgroup %s, or one above it, is frozen; thaw it, or name another one with --cgroup",
		       dir);
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
	return is_cold(dir, e);
}

static int make_one(struct lm_restorer *r, const char *dir, struct lm_error *e)
{
	/* First an entry: what does not exist is easily removed, and who lost a race for it
	 * takes nothing from the winner that is in use.
	 */
	if (lm_undo_add(r->undo, "rmdir", dir, "", e))
		return -1;
	/* (whatever our umask is) */
	if (mkdir(dir, 0755) || chmod(dir, 0755))
		return lm_fail_errno(e, LM_REFUSED, "cgroup %s", dir);
	return lm_undo_add(r->undo, "cgroup", dir, "", e);
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
	return make_one(r, dir, e);
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

/* What is written at a moment of its own, each, and nothing else there. */
static const char *const special[] = { "cgroup.type=threaded", "cgroup.freeze=1" };

static bool is_for(const char *value, const char *file)
{
	size_t len = strlen(file);

	return !strncmp(value, file, len) && value[len] == '=';
}

static bool is_special(const char *value)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(*special); i++)
		if (!strcmp(value, special[i]))
			return true;
	return false;
}

/* "memory.max=1" -> "memory.max" */
static bool file_of(const char *value, char *file, size_t size)
{
	size_t len = strcspn(value, "=");

	if (!value[len] || len >= size || memchr(value, '/', len))
		return false;
	memcpy(file, value, len);
	file[len] = 0;
	return true;
}

/* The names are the image's: it may set limits, but neither move nor kill others. */
static int judge(const struct lm_restorer *r, struct lm_error *e)
{
	char file[256];

	for (size_t i = 0; i < r->m.nr_cgroups; i++) {
		const struct lm_obj *o = r->m.cgroups[i];

		for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));) {
			const char *value = lm_type(a) == LM_CGROUP_VALUE ? lm_str(a) : NULL;

			if (value && !is_special(value) &&
			    (!file_of(value, file, sizeof(file)) ||
			     (lm_cgroup_is_action(file) &&
			      strcmp(file, "cgroup.subtree_control"))))
				return lm_fail(e, LM_REFUSED, "cgroup value \"%s\"", value);
		}
	}
	return 0;
}

/* "hugetlb.2MB.max=0", or one of "cgroup.subtree_control=+cpu +hugetlb" */
static bool is_about(const char *value, const char *controller)
{
	size_t len = strlen(controller);

	if (!is_for(value, "cgroup.subtree_control"))
		return !strncmp(value, controller, len) && value[len] == '.';
	while ((value = strchr(value, '+'))) {
		value++;
		if (!strncmp(value, controller, len) && strchr(" ", value[len]))
			return true;
	}
	return false;
}

/* Has a cgroup of the container a value of @controller, or hands it down? */
static bool is_wanted(const struct lm_restorer *r, const char *controller)
{
	for (size_t i = 0; i < r->m.nr_cgroups; i++) {
		const struct lm_obj *o = r->m.cgroups[i];

		for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));)
			if (lm_type(a) == LM_CGROUP_VALUE && lm_str(a) &&
			    is_about(lm_str(a), controller))
				return true;
	}
	return false;
}

/* All above the container's cgroup hand it down. */
static int hand_down(struct lm_restorer *r, const char *controller, struct lm_error *e)
{
	char dir[PATH_MAX];
	size_t end = strlen(MOUNT);

	snprintf(dir, sizeof(dir), "%s", r->cgroup);
	if (strncmp(dir, MOUNT "/", end + 1))
		return 0;
	while (dir[end]) {
		dir[end] = 0;
		if (enable_one(r, dir, controller, e) < 0)
			return -1;
		dir[end] = '/';
		end += 1 + strcspn(dir + end + 1, "/");
	}
	return 0;
}

static int hand_down_rare(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < sizeof(rare) / sizeof(*rare); i++)
		if (is_wanted(r, rare[i]) && hand_down(r, rare[i], e))
			return -1;
	return 0;
}

int lm_cgroup_make(struct lm_restorer *r, struct lm_error *e)
{
	struct statfs fs;
	size_t len;

	if (judge(r, e) || choose(r, e))
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
	/* (before huge pages are filled in, which stay charged to where they are then) */
	return hand_down_rare(r, e);
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

/* "root invalid (...)" is told, "root" is written; one that was valid has to be so here. */
static int set_partition(const char *dir, const char *file, const char *text,
			 struct lm_error *e)
{
	char word[32], have[256];

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, " "), text);
	if (lm_text_write(dir, file, word) || lm_text_read(dir, file, have, sizeof(have)))
		return lm_fail_errno(e, LM_REFUSED, "cannot set %s/%s to %s", dir, file, word);
	return strcmp(text, word) || !strcmp(have, word) ? 0 :
	       lm_fail(e, LM_REFUSED, "%s/%s: %s here; give it the same processors", dir,
		       file, have);
}

/* "hugetlb.2MB.rsvd.max": there are no such pages. */
static bool no_huge_size(const char *dir, const char *file, const char *text)
{
	char path[80], unit;
	unsigned long size;

	if (sscanf(file, "hugetlb.%lu%cB.", &size, &unit) != 2)
		return false;
	size <<= unit == 'G' ? 20 : unit == 'M' ? 10 : 0;
	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%lukB", size);
	return access(path, F_OK);
}

static bool is_off(const char *dir, const char *file, const char *text)
{
	return !strcmp(text, "0");
}

static bool no_zswap(const char *dir, const char *file, const char *text)
{
	return access("/sys/module/zswap", F_OK);
}

static bool no_swap(const char *dir, const char *file, const char *text)
{
	return access("/proc/swaps", F_OK);
}

/* "0" keeps what is in zswap, or would be, from the disk. */
static bool never_swaps(const char *dir, const char *file, const char *text)
{
	char max[32];

	return no_swap(dir, file, text) ||
	       (!lm_text_read(dir, "memory.swap.max", max, sizeof(max)) && !strcmp(max, "0"));
}

/* Limits of what is not here hold without a file that they could be written to. */
static const struct {
	const char *file;
	bool (*holds)(const char *dir, const char *file, const char *text);
} without[] = {
	{ "hugetlb.*", no_huge_size },
	{ "cgroup.pressure", is_off },
	{ "memory.zswap.max", no_zswap },
	{ "memory.zswap.writeback", never_swaps },
	{ "memory.swap.*", no_swap },
};

static bool holds_anyway(const char *dir, const char *file, const char *text)
{
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++)
		if (!fnmatch(without[i].file, file, 0))
			return without[i].holds(dir, file, text);
	return false;
}

static bool is_rare(const char *controller)
{
	for (size_t i = 0; i < sizeof(rare) / sizeof(*rare); i++)
		if (!strcmp(rare[i], controller))
			return true;
	return false;
}

/* "+cpu +hugetlb", one at a time. (A rare one that is not to be had is missed by a limit
 * of it, which is told then; "all" is what runtimes within containers write.)
 */
static int set_controllers(const char *dir, const char *file, const char *text,
			   struct lm_error *e)
{
	char words[512], *save;

	snprintf(words, sizeof(words), "%s", text);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		if (lm_text_write(dir, file, w) &&
		    !(is_rare(w + 1) && (errno == ENOENT || errno == EINVAL)))
			return lm_fail_errno(e, LM_REFUSED, "cannot set %s/%s to %s", dir,
					     file, w);
	return 0;
}

static int set_value(const char *dir, const char *value, struct lm_error *e)
{
	char file[256], text[512], have[4096] = "";
	const char *eq;

	if (!file_of(value, file, sizeof(file)))
		return lm_fail(e, LM_REFUSED, "cgroup value \"%s\"", value);
	eq = value + strlen(file) + 1;
	if (!strncmp(file, "io.", 3) && strchr(eq, ' ') && strncmp(eq, "default ", 8)) {
		if (with_number(eq, text, sizeof(text), e))
			return -1;
		eq = text;
	}
	if (lm_text_read(dir, file, have, sizeof(have)) && errno == ENOENT)
		return holds_anyway(dir, file, eq) ? 0 :
		       lm_fail(e, LM_REFUSED,
			       "the container's cgroup has %s=%s, and %s has no such file: this kernel lacks it, or a controller is not to be had; remove the limit",
			       file, eq, dir);
	if (!strcmp(file, "cgroup.subtree_control"))
		return set_controllers(dir, file, eq, e);
	if (!strcmp(file, "cpuset.cpus.partition"))
		return set_partition(dir, file, eq, e);
	if (strcmp(have, eq) && lm_text_write(dir, file, eq))
		return lm_fail_errno(e, LM_REFUSED, "cannot set %s/%s to %s", dir, file, eq);
	return 0;
}

/* (A controller that the files of another are of may not be here.) */
static int set_owner(const char *dir, const char *owner, struct lm_error *e)
{
	const char *eq = strchr(owner, '=');
	char path[2 * PATH_MAX];
	unsigned int uid, gid, mode;
	int n;

	n = eq ? sscanf(eq, "=%u:%u:%o", &uid, &gid, &mode) : 0;
	if (n < 2 || memchr(owner, '/', eq - owner) || !strncmp(owner, "..", 2) ||
	    (n > 2 && mode > 0777))
		return lm_fail(e, LM_REFUSED, "cgroup file's owner \"%s\"", owner);
	snprintf(path, sizeof(path), "%s/%.*s", dir, (int)(eq - owner), owner);
	if (lchown(path, uid, gid) && errno != ENOENT)
		return lm_fail_errno(e, LM_FAILED, "cannot give %s to %u:%u", path, uid, gid);
	/* (older records do not have it) */
	if (n > 2 && chmod(path, mode) && errno != ENOENT)
		return lm_fail_errno(e, LM_FAILED, "cannot set the mode of %s to %o", path, mode);
	return 0;
}

static int set_xattr(const char *dir, const struct nlattr *a, struct lm_error *e)
{
	const char *name = lm_data(a);
	size_t len = strnlen(name, lm_len(a)) + 1;

	if (len > lm_len(a) || (strncmp(name, "user.", 5) && strncmp(name, "trusted.", 8)))
		return lm_fail(e, LM_REFUSED, "extended attribute of a cgroup");
	return lsetxattr(dir, name, name + len, lm_len(a) - len, 0) ?
	       lm_fail_errno(e, LM_REFUSED, "%s: extended attribute %s", dir, name) : 0;
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

/* Make the cgroup @sub of the container and what is missing above it. */
static int make_sub(struct lm_restorer *r, const char *sub, struct lm_error *e)
{
	char dir[PATH_MAX];
	struct stat st;
	size_t end = strlen(r->cgroup);

	if (sub_path(r, sub, dir, sizeof(dir), e))
		return -1;
	for (char was; dir[end]; dir[end] = was) {
		end += 1 + strcspn(dir + end + 1, "/");
		was = dir[end];
		dir[end] = 0;
		if (stat(dir, &st) ? make_one(r, dir, e) : is_cold(dir, e))
			return -1;
	}
	return 0;
}

/* Where the cgroup that @o describes is here. */
static int dir_of(const struct lm_restorer *r, const struct lm_obj *o, char *dir,
		  size_t len, struct lm_error *e)
{
	const struct nlattr *tb[LM_CGROUP_MAX + 1];

	return lm_parse(o->raw, o->len, tb, LM_CGROUP_MAX, e) ||
	       sub_path(r, lm_str(tb[LM_CGROUP_SUB]) ?: "", dir, len, e) ? -1 : 0;
}

/* One that was there before stays when this fails, and others may come into it. */
static int thaw_if_undone(struct lm_restorer *r, const char *dir, struct lm_error *e)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/cgroup.freeze", dir);
	return lm_undo_add(r->undo, "write", path, "0", e);
}

/* The values of one of them. */
static int set_special(struct lm_restorer *r, const struct lm_obj *o, const char *file,
		       struct lm_error *e)
{
	char dir[PATH_MAX];

	if (dir_of(r, o, dir, sizeof(dir), e))
		return -1;
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));)
		if (lm_type(a) == LM_CGROUP_VALUE && lm_str(a) &&
		    is_for(lm_str(a), file) && set_value(dir, lm_str(a), e))
			return -1;
	return 0;
}

static int values(struct lm_restorer *r, const struct lm_obj *o,
		  struct lm_error *e)
{
	char dir[PATH_MAX];

	if (dir_of(r, o, dir, sizeof(dir), e))
		return -1;
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));) {
		if (lm_type(a) == LM_CGROUP_VALUE && lm_str(a) &&
		    !is_special(lm_str(a)) && set_value(dir, lm_str(a), e))
			return -1;
		if (lm_type(a) == LM_CGROUP_OWNER &&
		    lm_str(a) && set_owner(dir, lm_str(a), e))
			return -1;
		if (lm_type(a) == LM_CGROUP_XATTR && set_xattr(dir, a, e))
			return -1;
	}
	return 0;
}

int lm_cgroup_tree(struct lm_restorer *r, struct lm_error *e)
{
	/* (what is sent by a running container comes no earlier) */
	if (judge(r, e) || hand_down_rare(r, e))
		return -1;
	for (size_t i = 0; i < r->m.nr_cgroups; i++) {
		const struct lm_obj *o = r->m.cgroups[i];
		const struct nlattr *tb[LM_CGROUP_MAX + 1];

		if (lm_parse(o->raw, o->len, tb, LM_CGROUP_MAX, e) ||
		    make_sub(r, lm_str(tb[LM_CGROUP_SUB]) ?: "", e) ||
		    set_special(r, o, "cgroup.type", e))
			return -1;
	}
	/* Threaded ones cannot be killed, the root of them can. */
	return lm_undo_add(r->undo, "kill", r->cgroup, "", e);
}

/* Write the number of a task into @file of the cgroup @sub. */
static int move(struct lm_restorer *r, const char *sub, const char *file, const char *what,
		uint32_t id, uint32_t host, struct lm_error *e)
{
	char dir[PATH_MAX], text[16];

	if (sub_path(r, sub, dir, sizeof(dir), e))
		return -1;
	if (!host)	/* (which would be us) */
		return lm_fail(e, LM_FAILED, "%s %u is gone", what, id);
	snprintf(text, sizeof(text), "%u", host);
	if (!lm_text_write(dir, file, text))
		return 0;
	/* (one without a record is not there) */
	if (errno == ENOENT && make_sub(r, sub, e))
		return -1;
	return lm_text_write(dir, file, text) ?
	       lm_fail_errno(e, LM_FAILED, "cannot move %s %u to %s", what, id, dir) : 0;
}

int lm_cgroup_place(struct lm_restorer *r, const struct lm_process *p,
		    struct lm_error *e)
{
	const char *sub = lm_str(p->obj.tb[LIVEMIG_PROCESS_CGROUP]);

	return sub && *sub ? move(r, sub, "cgroup.procs", "pid", p->pid,
				  lm_host_pid(r, p->pid), e) : 0;
}

/* Those that are elsewhere: all are where their process is. */
static int place_threads(struct lm_restorer *r, const struct lm_process *p,
			 struct lm_error *e)
{
	for (size_t i = 0; i < p->nr_threads; i++) {
		const struct lm_thread *t = p->threads[i];
		const char *sub = lm_str(t->obj.tb[LIVEMIG_THREAD_CGROUP]);

		if (sub && move(r, sub, "cgroup.threads", "thread", t->tid,
				lm_host_tid(r, p->pid, t->tid), e))
			return -1;
	}
	return 0;
}

int lm_cgroup_finish(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_procs; i++)
		if (r->m.procs[i]->mm && (lm_cgroup_place(r, r->m.procs[i], e) ||
					  place_threads(r, r->m.procs[i], e)))
			return -1;
	for (size_t i = 0; i < r->m.nr_cgroups; i++)
		if (values(r, r->m.cgroups[i], e))
			return -1;
	return 0;
}

/* Has it a value for @file? */
static bool has_special(const struct lm_obj *o, const char *file)
{
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));)
		if (lm_type(a) == LM_CGROUP_VALUE && lm_str(a) && is_for(lm_str(a), file))
			return true;
	return false;
}

int lm_cgroup_freeze(struct lm_restorer *r, struct lm_error *e)
{
	char dir[PATH_MAX];

	for (size_t i = 0; i < r->m.nr_cgroups; i++) {
		const struct lm_obj *o = r->m.cgroups[i];

		if (has_special(o, "cgroup.freeze") &&
		    (dir_of(r, o, dir, sizeof(dir), e) || thaw_if_undone(r, dir, e) ||
		     set_special(r, o, "cgroup.freeze", e)))
			return -1;
	}
	if (r->o.frozen && thaw_if_undone(r, r->cgroup, e))
		return -1;
	if (r->o.frozen && lm_text_write(r->cgroup, "cgroup.freeze", "1"))
		return lm_fail_errno(e, LM_FAILED, "%s/cgroup.freeze", r->cgroup);
	return 0;
}
