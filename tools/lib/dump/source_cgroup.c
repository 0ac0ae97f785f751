// SPDX-License-Identifier: LGPL-2.1-or-later
/* The cgroups of a container: limits that were set, and their end. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "source_priv.h"
#include "../cgroup_file.h"
#include "../target.h"
#include "../textfile.h"

/* Files in the order to write them, and what a new cgroup has; "* max": each of its lines,
 * after the first word. What is not here is from a newer kernel, and told in any case.
 */
static const struct limit {
	const char *file, *fresh;
} limits[] = {
	{ "cpuset.cpus", "" },
	{ "cpuset.mems", "" },
	{ "cpuset.cpus.exclusive", "" },
	{ "cpuset.cpus.partition", "member" },
	{ "cpu.idle", "0" },
	{ "cpu.weight", "100" },
	{ "cpu.max", "max 100000" },
	{ "cpu.max.burst", "0" },
	{ "cpu.uclamp.max", "max" },
	{ "cpu.uclamp.min", "0.00" },
	{ "io.weight", "default 100" },
	{ "io.bfq.weight", "default 100" },
	{ "io.prio.class", "no-change" },
	{ "io.max", "" },
	{ "io.latency", "" },
	{ "memory.min", "0" },
	{ "memory.low", "0" },
	{ "memory.high", "max" },
	{ "memory.swap.high", "max" },
	{ "memory.swap.max", "max" },
	{ "memory.zswap.max", "max" },
	{ "memory.zswap.writeback", "1" },
	{ "memory.max", "max" },
	{ "memory.oom.group", "0" },
	{ "pids.max", "max" },
	{ "hugetlb.*.max", "max" },
	{ "rdma.max", "* max" },
	{ "misc.max", "* max" },
	{ "dmem.min", "* 0" },
	{ "dmem.low", "* 0" },
	{ "dmem.max", "* max" },
	{ "cgroup.pressure", "1" },
	{ "cgroup.max.depth", "max" },
	{ "cgroup.max.descendants", "max" },
};

/* A value, however long. */
#define VALUE_MAX	65536

static const struct limit *known(const char *file)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (!fnmatch(limits[i].file, file, 0))
			return &limits[i];
	return NULL;
}

/* "mlx5_0 hca_handle=max hca_object=max" is "* max". */
static bool is_fresh_line(const char *fresh, const char *line)
{
	size_t want = strlen(fresh + 2), len;

	for (line += strcspn(line, " "); *line; line += len) {
		line += strspn(line, " ");
		len = strcspn(line, " ");
		if (len && (len < want || strncmp(line + len - want, fresh + 2, want) ||
			    (len > want && line[len - want - 1] != '=')))
			return false;
	}
	return true;
}

static bool says(const char *dir, const char *file, const char *text)
{
	char have[64];

	return !lm_text_read(dir, file, have, sizeof(have)) && !strcmp(have, text);
}

/* "cpu memory" -> "cgroup.subtree_control=+cpu +memory" */
static void put_controllers(const char *dir, struct lm_buf *b)
{
	char names[256], text[512] = "cgroup.subtree_control=", *name, *save;
	size_t n = strlen(text), start = n;

	if (lm_text_read(dir, "cgroup.subtree_control", names, sizeof(names)) < 0)
		return;
	for (name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
		n += snprintf(text + n, sizeof(text) - n, "%s+%s", n > start ? " " : "", name);
	if (n > start)
		lm_put_str(b, LM_CGROUP_VALUE, text);
}

/* "8:0" -> "sda": numbers of block devices differ from host to host. */
static int block_name(const char *number, char *name, size_t size)
{
	char link[64], target[PATH_MAX], *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/block/%s", number);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -1;
	target[n] = 0;
	slash = strrchr(target, '/');
	return snprintf(name, size, "%s", slash ? slash + 1 : target) < (int)size ? 0 : -1;
}

/* One line of a limit; those of a block device say its name. */
static int put_line(struct lm_buf *b, const char *dir, const char *file,
		    const char *line, struct lm_error *e)
{
	char number[32], name[64] = "", *text;
	unsigned int major, minor;
	int rest = 0;

	if (!strncmp(file, "io.", 3) &&
	    sscanf(line, "%u:%u %n", &major, &minor, &rest) == 2 && rest) {
		snprintf(number, sizeof(number), "%u:%u", major, minor);
		if (block_name(number, name, sizeof(name)) < 0)
			return lm_fail_errno(e, LM_REFUSED,
					     "%s/%s: no block device %s; remove its limit",
					     dir, file, number);
	}
	if (asprintf(&text, "%s=%s%s%s", file, name, *name ? " " : "",
		     *name ? line + rest : line) < 0)
		return lm_fail(e, LM_FAILED, "no memory");
	lm_put_str(b, LM_CGROUP_VALUE, text);
	free(text);
	return 0;
}

static int put_value(struct lm_buf *b, const char *dir, const char *file,
		     const struct limit *l, char *value, struct lm_error *e)
{
	if (lm_text_read(dir, file, value, VALUE_MAX) < 0)
		return 0;	/* it is only for writing; or gone, with its cgroup */
	/* The weight of an idle one is nothing that could be written. */
	if (l && (!strcmp(value, l->fresh) ||
		  (!strcmp(file, "cpu.weight") && !strcmp(value, "0"))))
		return 0;
	for (char *save, *line = strtok_r(value, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (!(l && *l->fresh == '*' && is_fresh_line(l->fresh, line)) &&
		    put_line(b, dir, file, line, e) < 0)
			return -1;
	return 0;
}

/* What can be read and written. */
static int is_setting(const struct dirent *d)
{
	return *d->d_name != '.' && d->d_type == DT_REG && strchr(d->d_name, '.') &&
	       !lm_cgroup_is_action(d->d_name);
}

static bool is_writable(const char *dir, const char *file)
{
	char path[PATH_MAX + 256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return !lstat(path, &st) && (st.st_mode & 0600) == 0600;
}

struct file {
	const struct limit *l;	/* NULL: not in the table */
	const char *name;
};

/* Those of the table in its order, then all others. */
static int in_order(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	if (x->l != y->l)
		return !x->l ? 1 : !y->l ? -1 : x->l < y->l ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int put_files(const char *dir, struct dirent **all, int n, struct lm_buf *b,
		     struct lm_error *e)
{
	struct file *files = calloc(n + 1, sizeof(*files));
	char *value = malloc(VALUE_MAX);
	int ret = files && value ? 0 : lm_fail(e, LM_FAILED, "no memory");

	for (int i = 0; i < n && !ret; i++)
		files[i] = (struct file){ known(all[i]->d_name), all[i]->d_name };
	if (!ret)
		qsort(files, n, sizeof(*files), in_order);
	for (int i = 0; i < n && !ret; i++)
		/* (a limit is one, also where nobody is to change it) */
		if (files[i].l || is_writable(dir, files[i].name))
			ret = put_value(b, dir, files[i].name, files[i].l, value, e);
	free(value);
	free(files);
	return ret;
}

static int put_values(const char *dir, struct lm_buf *b, struct lm_error *e)
{
	struct dirent **all = NULL;
	int n = scandir(dir, &all, is_setting, NULL), ret;

	if (n < 0)
		return errno == ENOENT ? 0 : lm_fail_errno(e, LM_FAILED, "%s", dir);
	ret = put_files(dir, all, n, b, e);
	for (int i = 0; i < n; i++)
		free(all[i]);
	free(all);
	return ret;
}

/* As the kernel makes it: some files can only be read, or only written to. */
static bool is_usual(const char *name, const struct stat *st)
{
	mode_t mode = st->st_mode & 0777;

	if (st->st_uid || st->st_gid)
		return false;
	if (S_ISDIR(st->st_mode))
		return mode == 0755;
	return mode == 0644 || (!known(name) && (mode == 0444 || mode == 0200));
}

static void put_owner(const char *name, const struct stat *st, struct lm_buf *b)
{
	char text[256];

	if (!is_usual(name, st) &&
	    snprintf(text, sizeof(text), "%s=%u:%u:%o", name, st->st_uid, st->st_gid,
		     st->st_mode & 0777) < (int)sizeof(text))
		lm_put_str(b, LM_CGROUP_OWNER, text);
}

/* What was delegated: the directory, or some of its files. */
static void put_owners(const char *dir, struct lm_buf *b)
{
	struct dirent *d;
	struct stat st;
	DIR *list;

	if (stat(dir, &st))
		return;
	put_owner("", &st, b);
	list = opendir(dir);
	while (list && (d = readdir(list))) {
		if (!fstatat(dirfd(list), d->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode))
			put_owner(d->d_name, &st, b);
	}
	if (list)
		closedir(list);
}

static bool is_ours(const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8);
}

/* What systemd has written on the container's own cgroup is about a unit of this host. */
static const char *const of_units[] = { "*.invocation_id", "*.delegate", "*.oomd_*" };

static bool is_of_unit(const char *name)
{
	for (size_t i = 0; i < sizeof(of_units) / sizeof(*of_units); i++)
		if (!fnmatch(of_units[i], name, 0))
			return true;
	return false;
}

static int put_xattr(const char *dir, const char *name, char *buf, struct lm_buf *b,
		     struct lm_error *e)
{
	size_t len = strlen(name) + 1;
	ssize_t n = lgetxattr(dir, name, buf + len, LM_CGROUP_XATTR_MAX - len);

	if (n < 0)
		return errno == ENODATA || errno == ENOENT ? 0 :
		       lm_fail_errno(e, LM_REFUSED, "%s: extended attribute %s: not supported",
				     dir, name);
	memcpy(buf, name, len);
	lm_put(b, LM_CGROUP_XATTR, buf, len + n);
	return 0;
}

/* Of the directory; @top: it is the container's own. */
static int put_xattrs(const char *dir, bool top, struct lm_buf *b, struct lm_error *e)
{
	char *names = malloc(VALUE_MAX), *buf = malloc(LM_CGROUP_XATTR_MAX);
	ssize_t n = names && buf ? llistxattr(dir, names, VALUE_MAX) : -1;
	int ret = 0;

	if (n < 0 && (!names || !buf || (errno != ENOTSUP && errno != ENOENT)))
		ret = lm_fail_errno(e, LM_FAILED, "%s: extended attributes", dir);
	for (ssize_t at = 0; at < n && !ret; at += strlen(names + at) + 1)
		if (is_ours(names + at) && !(top && is_of_unit(names + at)))
			ret = put_xattr(dir, names + at, buf, b, e);
	free(names);
	free(buf);
	return ret;
}

static int describe_values(const char *dir, const char *root, const char *sub,
			   struct lm_objects *o, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_str(&b, LM_CGROUP_ROOT, root);
	lm_put_str(&b, LM_CGROUP_SUB, sub);
	if (put_values(dir, &b, e) < 0 || put_xattrs(dir, !*sub, &b, e) < 0) {
		lm_buf_free(&b);
		return -1;
	}
	/* A cgroup that has them may be refused other changes. */
	put_controllers(dir, &b);
	put_owners(dir, &b);
	return lm_objects_add_buf(o, LM_REC_CGROUP, &b, e);
}

/* What is no limit, but what it is. (Roots of threaded ones become that by themselves. That
 * of the container is frozen now, by us.)
 */
static int describe_kind(const char *dir, const char *root, const char *sub,
			 struct lm_objects *o, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_str(&b, LM_CGROUP_ROOT, root);
	lm_put_str(&b, LM_CGROUP_SUB, sub);
	if (says(dir, "cgroup.type", "threaded"))
		lm_put_str(&b, LM_CGROUP_VALUE, "cgroup.type=threaded");
	if (*sub && lm_cgroup_paused(dir))
		lm_put_str(&b, LM_CGROUP_VALUE, "cgroup.freeze=1");
	return lm_objects_add_buf(o, LM_REC_CGROUP, &b, e);
}

static bool is_subdir(const char *dir, const struct dirent *d, char *path, size_t size)
{
	struct stat st;

	if (d->d_name[0] == '.' ||
	    snprintf(path, size, "%s/%s", dir, d->d_name) >= (int)size)
		return false;
	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Parents first. One that the container has removed meanwhile is no loss. */
static int walk(const char *dir, const char *root, const char *sub,
		int (*describe)(const char *dir, const char *root, const char *sub,
				struct lm_objects *o, struct lm_error *e),
		struct lm_objects *o, struct lm_error *e)
{
	char path[PATH_MAX], below[PATH_MAX];
	struct dirent *d;
	DIR *list = opendir(dir);
	int ret;

	if (!list)
		return *sub && errno == ENOENT ? 0 :
		       lm_fail_errno(e, LM_FAILED, "cannot read %s", dir);
	ret = describe(dir, root, sub, o, e);
	while (ret == 0 && (d = readdir(list))) {
		if (!is_subdir(dir, d, path, sizeof(path)))
			continue;
		if (snprintf(below, sizeof(below), "%s%s%s", sub, *sub ? "/" : "",
			     d->d_name) < (int)sizeof(below))
			ret = walk(path, root, below, describe, o, e);
	}
	closedir(list);
	return ret;
}

/* Where @dir is below the mount. */
static const char *root_of(const char *dir, struct lm_error *e)
{
	char mount[PATH_MAX];

	if (lm_cgroup_mount(mount, sizeof(mount), e) < 0)
		return NULL;
	if (!strncmp(dir, mount, strlen(mount)))
		return dir + strlen(mount);
	lm_fail(e, LM_FAILED, "%s is not below %s", dir, mount);
	return NULL;
}

int lm_cgroup_describe(const char *dir, struct lm_objects *o, struct lm_error *e)
{
	const char *root = root_of(dir, e);

	return root ? walk(dir, root, "", describe_values, o, e) : -1;
}

int lm_cgroup_describe_kinds(const char *dir, bool paused, struct lm_objects *o,
			     struct lm_error *e)
{
	const char *root = root_of(dir, e);
	struct lm_buf b = { 0 };

	if (!root || walk(dir, root, "", describe_kind, o, e))
		return -1;
	if (!paused)
		return 0;
	lm_put_str(&b, LM_CGROUP_ROOT, root);
	lm_put_str(&b, LM_CGROUP_SUB, "");
	lm_put_str(&b, LM_CGROUP_VALUE, "cgroup.freeze=1");
	return lm_objects_add_buf(o, LM_REC_CGROUP, &b, e);
}

bool lm_cgroup_paused(const char *dir)
{
	return says(dir, "cgroup.freeze", "1");
}

bool lm_cgroup_paused_above(const char *dir)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s", dir);
	while ((slash = strrchr(path, '/'))) {
		*slash = 0;
		if (lm_cgroup_paused(path))
			return true;
	}
	return false;
}

int lm_cgroup_check(const char *dir, struct lm_error *e)
{
	if (says(dir, "cgroup.type", "threaded"))
		return lm_fail(e, LM_REFUSED,
			       "%s: a threaded cgroup, whose processes may have threads elsewhere: not supported; name the root of the threaded ones",
			       dir);
	/* Who will thaw that does not know of the container on another host. */
	if (lm_cgroup_paused_above(dir))
		return lm_fail(e, LM_REFUSED,
			       "%s: a cgroup above it is frozen: not supported; thaw that, and freeze this one",
			       dir);
	return 0;
}

int lm_cgroup_remove(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *list = opendir(dir);

	if (!list)
		return errno == ENOENT ? 0 : -1;
	while ((d = readdir(list)))
		if (is_subdir(dir, d, path, sizeof(path)))
			lm_cgroup_remove(path);
	closedir(list);
	/* A task that has just exited may hold it for a moment. */
	for (int i = 0; rmdir(dir) < 0; i++) {
		if (errno == ENOENT)
			break;
		if (errno != EBUSY || i == 100)
			return -1;
		usleep(10000);
	}
	return 0;
}

/* Return: 0 when nothing lives in the cgroup (any more). */
static int wait_empty(const char *dir, int timeout_ms)
{
	struct timespec t0, t;
	char path[PATH_MAX + 64], text[256];
	struct pollfd p = { .events = POLLPRI };
	int left = timeout_ms, ret = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	p.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (p.fd < 0)
		return errno == ENOENT ? 0 : -1;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (;;) {
		n = pread(p.fd, text, sizeof(text) - 1, 0);
		if (n < 0 && errno == ENODEV)
			n = snprintf(text, sizeof(text), "populated 0");
		text[n < 0 ? 0 : n] = 0;
		if (strstr(text, "populated 0")) {
			ret = 0;
			break;
		}
		clock_gettime(CLOCK_MONOTONIC, &t);
		left = timeout_ms - (t.tv_sec - t0.tv_sec) * 1000 -
		       (t.tv_nsec - t0.tv_nsec) / 1000000;
		if (left <= 0)
			break;
		poll(&p, 1, left < 100 ? left : 100);
	}
	close(p.fd);
	return ret;
}

/* Whose main thread has ended may be spared by cgroup.kill (by that of Linux 6.1 it is):
 * it sends its signal to that thread, and no other one takes it. That thread may have
 * stayed in another cgroup, too: so any thread stands for its process.
 */
static void kill_each(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *list;
	FILE *f;
	int tid;

	if (snprintf(path, sizeof(path), "%s/cgroup.threads", dir) >= (int)sizeof(path))
		return;
	f = fopen(path, "re");
	/* (0: in another pid namespace) */
	while (f && fscanf(f, "%d", &tid) == 1)
		if (tid > 0)
			kill(tid, SIGKILL);
	if (f)
		fclose(f);
	list = opendir(dir);
	while (list && (d = readdir(list)))
		if (is_subdir(dir, d, path, sizeof(path)))
			kill_each(path);
	if (list)
		closedir(list);
}

int lm_cgroup_any(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *d;
	DIR *list;
	FILE *f;
	int tid = 0;

	if (snprintf(path, sizeof(path), "%s/cgroup.threads", dir) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &tid) != 1)
		tid = 0;
	if (f)
		fclose(f);
	list = opendir(dir);
	while (!tid && list && (d = readdir(list)))
		if (is_subdir(dir, d, path, sizeof(path)))
			tid = lm_cgroup_any(path);
	if (list)
		closedir(list);
	return tid;
}

int lm_cgroup_kill(const char *dir, int timeout_ms)
{
	for (int left = timeout_ms; left > 0; left -= 100) {
		if (lm_text_write(dir, "cgroup.kill", "1") < 0)
			return errno == ENOENT ? 0 : -1;
		if (!wait_empty(dir, 100))
			return 0;
		kill_each(dir);
	}
	errno = ETIMEDOUT;
	return -1;
}
