// SPDX-License-Identifier: GPL-2.0-or-later
/* What must be the same after the move, as /proc and ioctls tell it. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inside.h"

static char notes[65536], before[65536];
static size_t len;

void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	len += vsnprintf(notes + len, sizeof(notes) - len, format, ap);
	va_end(ap);
	if (len >= sizeof(notes))
		_exit(8);
}

void note_lines(const char *path, const char *const *words, int skip)
{
	char line[1024];
	FILE *f = fopen(path, "r");

	check(f);
	while (f && fgets(line, sizeof(line), f)) {
		char *p = line;

		for (int i = 0; i < skip; i++)
			p = strchr(p, ' ') + 1;
		for (const char *const *w = words; *w; w++)
			if (!strncmp(p, *w, strlen(*w)) || (skip && strstr(p, *w)))
				note("%s: %s", path, p);
	}
	if (f)
		fclose(f);
}

void note_owners(pid_t pid)
{
	static const char *const kinds[] = { "uts", "ipc", "net", "mnt", "pid", "cgroup" };
	char path[64];
	struct stat st, owner;
	int fd, user;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	check(!stat(path, &st));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kinds[i]);
		fd = open(path, O_RDONLY);
		user = ioctl(fd, NS_GET_USERNS);
		if (user >= 0 && fstat(user, &owner))
			_exit(8);
		note("%s: %s\n", path, user < 0 ? "of nobody inside" :
		     owner.st_ino == st.st_ino ? "its own" : "another's");
		if (user >= 0)
			close(user);
		close(fd);
	}
}

void note_process(pid_t pid)
{
	static const char *const status[] = {
		"Name", "Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Threads", NULL
	};
	static const char *const all[] = { "", NULL };
	static const char *const maps[] = { "uid_map", "gid_map", "projid_map", "setgroups" };
	char path[64];
	struct dirent *d;
	struct stat st;
	DIR *dir;

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, maps[i]);
		note_lines(path, all, 0);
	}
	snprintf(path, sizeof(path), "/proc/%d", pid);
	check(!stat(path, &st));
	note("%s: owner %d:%d\n", path, st.st_uid, st.st_gid);
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	check(dir);
	while (dir && (d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/status", pid, d->d_name);
		if (*d->d_name != '.')
			note_lines(path, status, 0);
	}
	if (dir)
		closedir(dir);
	if (pid == getpid())
		note("securebits %#x\n", prctl(PR_GET_SECUREBITS));
}

static void take_notes(void (*take)(void))
{
	len = 0;
	take();
}

void move(void (*take)(void))
{
	take_notes(take);
	memcpy(before, notes, sizeof(before));
	wait_for_move();
	take_notes(take);
	if (!strcmp(notes, before))
		return;
	write_file(beside(".before"), before);
	write_file(beside(".after"), notes);
	check(!"the same as before");
}
