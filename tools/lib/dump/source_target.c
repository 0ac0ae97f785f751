// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A target pid:N: the process and its descendants move into a cgroup
 * "livemig-N" next to their own, and home again in the end. Should the tool die
 * in between, they run on in that cgroup, and the next one finds them there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_priv.h"
#include "../textfile.h"
#include "../target.h"

static int read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	buf[n] = 0;
	return 0;
}

/* The directory of the cgroup that @pid is in. */
static int cgroup_of(pid_t pid, const char *mount, char *dir, size_t size)
{
	char path[64], text[PATH_MAX + 256], *line;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return -1;
	line = strstr(text, "0::/");
	if (!line) {
		errno = ENOENT;
		return -1;
	}
	line += strlen("0::");
	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "/"))
		line = "";
	return snprintf(dir, size, "%s%s", mount, line) < (int)size ? 0 : -1;
}

static pid_t parent_of(pid_t pid)
{
	char path[64], text[512], *p;
	pid_t ppid = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (read_text(path, text, sizeof(text)) < 0)
		return 0;
	p = strrchr(text, ')');		/* the name may have any character */
	return p && sscanf(p + 1, " %*c %d", &ppid) == 1 ? ppid : 0;
}

/* The process of a thread; 0: it has ended. */
static pid_t process_of(pid_t tid)
{
	char path[64], text[512], *p;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	if (read_text(path, text, sizeof(text)) < 0)
		return 0;
	p = strstr(text, "\nTgid:");
	return p ? atoi(p + strlen("\nTgid:")) : 0;
}

static bool is_in(const struct lm_transient *t, pid_t pid)
{
	for (size_t i = 0; i < t->nr; i++)
		if (t->moved[i].pid == pid)
			return true;
	return false;
}

static int move(struct lm_transient *t, pid_t pid, const char *mount, struct lm_error *e)
{
	char home[PATH_MAX], text[16], type[32];
	struct lm_moved *more;

	if (cgroup_of(pid, mount, home, sizeof(home)) < 0)
		return 0;	/* gone meanwhile */
	more = realloc(t->moved, (t->nr + 1) * sizeof(*more));
	if (!more)
		return lm_fail(e, LM_FAILED, "no memory");
	t->moved = more;
	more[t->nr].pid = pid;
	more[t->nr].home = strcmp(home, t->home) && strcmp(home, t->dir) ? strdup(home) : NULL;
	t->nr++;
	if (!strcmp(home, t->dir))
		return 0;
	/* All its threads would come, and where they were nobody would know. */
	if (!lm_text_read(home, "cgroup.type", type, sizeof(type)) && strcmp(type, "domain"))
		return lm_fail(e, LM_REFUSED,
			       "pid %d is in a threaded cgroup, or in the root of some: not supported; name that root as the container",
			       pid);
	if (lm_cgroup_paused(home) || lm_cgroup_paused_above(home))
		return lm_fail(e, LM_REFUSED,
			       "pid %d is in a frozen cgroup: not supported; thaw it, or name that cgroup as the container",
			       pid);
	snprintf(text, sizeof(text), "%d", pid);
	if (lm_text_write(t->dir, "cgroup.procs", text) < 0 && errno != ESRCH)
		return lm_fail_errno(e, LM_REFUSED, "pid %d cannot be moved into %s", pid, t->dir);
	return 0;
}

/* One look through all processes. Return: how many were moved, -1. */
static int move_children(struct lm_transient *t, const char *mount, struct lm_error *e)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	int moved = 0;

	if (!proc)
		return lm_fail_errno(e, LM_FAILED, "cannot read /proc");
	while (moved >= 0 && (d = readdir(proc))) {
		pid_t pid = atoi(d->d_name);

		if (pid <= 0 || is_in(t, pid) || !is_in(t, parent_of(pid)))
			continue;
		moved = move(t, pid, mount, e) < 0 ? -1 : moved + 1;
	}
	closedir(proc);
	return moved;
}

/* Same controllers, same limits: none of its own, those of its parent hold. */
int lm_transient_make(struct lm_transient *t, pid_t pid, struct lm_error *e)
{
	char mount[PATH_MAX], own[32], *slash;
	int n;

	if (lm_cgroup_mount(mount, sizeof(mount), e) < 0)
		return -1;
	if (cgroup_of(pid, mount, t->home, sizeof(t->home)) < 0)
		return lm_fail_errno(e, LM_REFUSED, "pid %d has no cgroup", pid);
	snprintf(own, sizeof(own), "livemig-%d", pid);
	slash = strrchr(t->home, '/');
	if (slash && !strcmp(slash + 1, own)) {
		/* Left by a tool that was killed. */
		strcpy(t->dir, t->home);
		*slash = 0;
	} else if (snprintf(t->dir, sizeof(t->dir), "%s/%s", t->home, own) >=
		   (int)sizeof(t->dir)) {
		t->dir[0] = 0;
		return lm_fail(e, LM_REFUSED, "%s: too long", t->home);
	}
	if (mkdir(t->dir, 0755) < 0 && errno != EEXIST) {
		lm_fail_errno(e, LM_REFUSED, "cannot make the cgroup %s", t->dir);
		t->dir[0] = 0;
		return -1;
	}
	if (move(t, pid, mount, e) < 0)
		return -1;
	/* Children of those that are in are born there: this ends. */
	do {
		n = move_children(t, mount, e);
	} while (n > 0);
	return n;
}

/* Back home with all in @file, in pieces, until it is empty or nothing can be moved any
 * more.
 */
static void move_back(const struct lm_transient *t, const char *file)
{
	char path[PATH_MAX + 32], text[16384], *line, *save;

	snprintf(path, sizeof(path), "%s/%s", t->dir, file);
	for (int i = 0; i < 1000 && read_text(path, text, sizeof(text)) == 0 && text[0]; i++) {
		for (line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			const char *home = t->home;
			pid_t pid = process_of(atoi(line));

			for (size_t n = 0; n < t->nr; n++)
				if (t->moved[n].pid == pid && t->moved[n].home)
					home = t->moved[n].home;
			if (lm_text_write(home, "cgroup.procs", line) < 0 && home != t->home)
				lm_text_write(t->home, "cgroup.procs", line);
		}
	}
}

void lm_transient_undo(struct lm_transient *t)
{
	if (!t->dir[0])
		return;
	move_back(t, "cgroup.procs");
	/* Main threads that have ended had stayed where they were: their processes are
	 * moved by any other thread.
	 */
	move_back(t, "cgroup.threads");
	lm_cgroup_remove(t->dir);
	for (size_t i = 0; i < t->nr; i++)
		free(t->moved[i].home);
	free(t->moved);
	memset(t, 0, sizeof(*t));
}
