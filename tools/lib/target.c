// SPDX-License-Identifier: LGPL-2.1-or-later
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <linux/magic.h>

#include "target.h"

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

/* One line of /proc/self/mountinfo: true when it is cgroup2; its mount point. */
static bool is_cgroup2(char *line, char **where)
{
	char *save, *word, *type = strstr(line, " - ");

	if (!type || strncmp(type + 3, "cgroup2 ", 8))
		return false;
	word = strtok_r(line, " ", &save);
	for (int i = 0; word && i < 4; i++)
		word = strtok_r(NULL, " ", &save);
	*where = word;
	return word;
}

/* With controllers in v1 the unified hierarchy lacks the freezer or is empty. */
static bool usable(const char *mount)
{
	char path[PATH_MAX + 32];

	/* /sys/fs/cgroup/unified: the place of a hybrid host */
	if (strstr(mount, "/unified"))
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	return !access(path, F_OK);
}

int lm_cgroup_mount(char *path, size_t len, struct lm_error *e)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *where;
	size_t cap = 0;
	bool found = false;

	if (!f)
		return lm_fail_errno(e, LM_FAILED, "/proc/self/mountinfo");
	while (!found && getline(&line, &cap, f) > 0) {
		if (!is_cgroup2(line, &where))
			continue;
		unescape(where);
		found = snprintf(path, len, "%s", where) < (int)len;
	}
	free(line);
	fclose(f);
	if (!found)
		return lm_fail(e, LM_REFUSED, "this host has no cgroup v2 mounted: livemig needs it (boot with systemd.unified_cgroup_hierarchy=1)");
	if (!usable(path))
		return lm_fail(e, LM_REFUSED, "this host has its controllers in cgroup v1 (hybrid): livemig needs cgroup v2 only (boot with systemd.unified_cgroup_hierarchy=1)");
	return 0;
}

void lm_target_name(const char *path, char *name, size_t len)
{
	size_t want, n = 0;
	bool changed = false;
	char tail[20];

	while (*path == '/')
		path++;
	want = strlen(path);
	snprintf(tail, sizeof(tail), "-%08x",
		 (unsigned int)XXH64(path, want, 0));
	for (const char *p = path; *p && n < len - 1; p++) {
		bool ok = isalnum((unsigned char)*p) || strchr("._-", *p);

		name[n++] = ok ? *p : *p == '/' ? ':' : '_';
		changed |= !ok && *p != '/';
	}
	name[n] = 0;
	/* Two paths must not end up with one name. */
	if (changed || n < want) {
		if (n > len - strlen(tail) - 1)
			n = len - strlen(tail) - 1;
		strcpy(name + n, tail);
	}
}

static int open_cgroup(const char *arg, struct lm_target *t, struct lm_error *e)
{
	char mount[PATH_MAX];
	struct statfs fs;
	struct stat st, root;
	const char *below = NULL;

	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->fd < 0 && errno == ENOENT)
		return lm_fail(e, LM_REFUSED, "%s: no such cgroup (%s)", arg, t->path);
	if (t->fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "%s", arg);
	if (fstatfs(t->fd, &fs) || fstat(t->fd, &st))
		return lm_fail_errno(e, LM_REFUSED, "%s", arg);
	if (fs.f_type == CGROUP_SUPER_MAGIC)
		return lm_fail(e, LM_REFUSED, "%s: a cgroup of version 1: livemig needs cgroup v2 (boot with systemd.unified_cgroup_hierarchy=1)", arg);
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return lm_fail(e, LM_REFUSED, "%s: not a cgroup (they are below /sys/fs/cgroup)", arg);
	if (lm_cgroup_mount(mount, sizeof(mount), e))
		return -1;
	if (!stat(mount, &root) && root.st_ino == st.st_ino && root.st_dev == st.st_dev)
		return lm_fail(e, LM_REFUSED, "%s: the root cgroup is the whole host; name a cgroup below it", arg);
	t->cgroup_id = st.st_ino;
	if (!strncmp(t->path, mount, strlen(mount)))
		below = t->path + strlen(mount);
	lm_target_name(below ? below : t->path, t->name, sizeof(t->name));
	return 0;
}

static int parse_cgroup(const char *s, struct lm_target *t, struct lm_error *e)
{
	char given[2 * PATH_MAX], mount[PATH_MAX];
	const char *name = s + strlen("cgroup:");
	size_t len;

	t->kind = LM_TARGET_CGROUP;
	if (*s == '/') {
		snprintf(given, sizeof(given), "%s", s);
	} else {
		if (!*name)
			return lm_fail(e, LM_USAGE, "%s: a name is missing after cgroup:", s);
		if (lm_cgroup_mount(mount, sizeof(mount), e))
			return -1;
		snprintf(given, sizeof(given), "%s/%s", mount, name);
	}
	/* One spelling for one cgroup: links, "..", double slashes. */
	if (!realpath(given, t->path)) {
		len = strlen(given);
		if (len >= sizeof(t->path))
			return lm_fail(e, LM_REFUSED, "%.60s...: too long", s);
		memcpy(t->path, given, len + 1);
	}
	return open_cgroup(s, t, e);
}

static int parse_pid(const char *s, struct lm_target *t, struct lm_error *e)
{
	const char *digits = s + strlen("pid:");
	char *end;
	unsigned long pid;

	t->kind = LM_TARGET_PID;
	errno = 0;
	pid = strtoul(digits, &end, 10);
	if (!isdigit((unsigned char)*digits) || *end || errno || !pid || pid > 1 << 22)
		return lm_fail(e, LM_USAGE, "%s: not a pid (pid:1234)", s);
	t->pid = pid;
	snprintf(t->name, sizeof(t->name), "pid:%lu", pid);
	if (pid == 1)
		return lm_fail(e, LM_REFUSED, "%s: init cannot be moved", s);
	t->fd = syscall(SYS_pidfd_open, t->pid, 0);
	if (t->fd < 0 && errno == ESRCH)
		return lm_fail(e, LM_REFUSED, "%s: no such process", s);
	if (t->fd < 0 && errno == EINVAL)
		return lm_fail(e, LM_REFUSED, "%s: a thread, not a process", s);
	if (t->fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "%s", s);
	return 0;
}

int lm_target_parse(const char *s, struct lm_target *t, struct lm_error *e)
{
	int ret;

	memset(t, 0, sizeof(*t));
	t->fd = -1;
	if (strlen(s) >= PATH_MAX)
		return lm_fail(e, LM_USAGE, "%.60s...: too long", s);
	if (!strncmp(s, "pid:", 4))
		ret = parse_pid(s, t, e);
	else if (*s == '/' || !strncmp(s, "cgroup:", 7))
		ret = parse_cgroup(s, t, e);
	else
		ret = lm_fail(e, LM_USAGE, "%s: not a target (/sys/fs/cgroup/..., cgroup:NAME or pid:N)", s);
	if (ret)
		lm_target_close(t);
	return ret;
}

void lm_target_close(struct lm_target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}
