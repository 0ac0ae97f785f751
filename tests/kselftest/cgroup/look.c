// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * look DIR - what a cgroup and those below it are: whose, with which modes, their
 * extended attributes, what their files say that can be written to, and the names of all
 * who are in them.
 * look DIR NAME VALUE - sets an extended attribute; "%" in VALUE is a byte of 0.
 *
 * (One program: where emulation is slow, each find, grep and sort takes half a second.)
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *lines[4096];
static size_t nr;

/* All is told in the order of its text: the kernel's own is none. */
static void tell(const char *dir, const char *what, const char *text)
{
	if (nr == sizeof(lines) / sizeof(*lines) ||
	    asprintf(&lines[nr++], "%s%s%s", dir, what, text) < 0)
		exit(1);
	lines[nr - 1][strcspn(lines[nr - 1], "\n")] = 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void show_xattrs(const char *dir)
{
	static char names[65536], text[65536];
	ssize_t n = llistxattr(dir, names, sizeof(names)), len;
	char what[300];

	for (ssize_t at = 0; at < n; at += strlen(names + at) + 1) {
		if (!strncmp(names + at, "security.", 9))
			continue;
		len = lgetxattr(dir, names + at, text, sizeof(text) - 1);
		text[len < 0 ? 0 : len] = 0;
		for (ssize_t i = 0; i < len; i++)
			if (!text[i])
				text[i] = '%';
		snprintf(what, sizeof(what), " has %s=", names + at);
		tell(dir, what, text);
	}
}

static void show_names(const char *dir)
{
	char line[256], path[4200], name[32];
	FILE *f, *comm;

	snprintf(path, sizeof(path), "%s/cgroup.threads", dir);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		snprintf(path, sizeof(path), "/proc/%d/comm", atoi(line));
		comm = fopen(path, "r");
		if (comm && fgets(name, sizeof(name), comm))
			tell(dir, "/cgroup.threads has ", name);
		if (comm)
			fclose(comm);
	}
	if (f)
		fclose(f);
}

static int is_told(const char *file)
{
	return strcmp(file, "cgroup.procs") && strcmp(file, "cgroup.threads") &&
	       fnmatch("*.peak", file, 0) &&
	       (!strcmp(file, "cgroup.pressure") || fnmatch("*.pressure", file, 0));
}

static void show_owner(const char *path, const struct stat *st)
{
	char text[64];

	snprintf(text, sizeof(text), "%u:%u, %o", st->st_uid, st->st_gid, st->st_mode & 07777);
	tell(path, " of ", text);
}

static void show(const char *dir)
{
	char path[4200], line[4096];
	struct dirent **all;
	int n = scandir(dir, &all, NULL, alphasort);
	struct stat st;
	FILE *f;

	if (n < 0 || stat(dir, &st)) {
		perror(dir);
		exit(1);
	}
	show_owner(dir, &st);
	show_xattrs(dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, all[i]->d_name);
		if (*all[i]->d_name == '.' || lstat(path, &st) || !S_ISREG(st.st_mode))
			continue;
		if (st.st_uid || st.st_gid || st.st_mode & 0022)
			show_owner(path, &st);
		if ((st.st_mode & 0600) != 0600 || !is_told(all[i]->d_name))
			continue;
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			tell(path, ":", line);
		if (f)
			fclose(f);
	}
	show_names(dir);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, all[i]->d_name);
		if (*all[i]->d_name != '.' && !lstat(path, &st) && S_ISDIR(st.st_mode))
			show(path);
	}
}

int main(int argc, char **argv)
{
	size_t len;

	if (argc == 2) {
		show(argv[1]);
		qsort(lines, nr, sizeof(*lines), by_text);
		for (size_t i = 0; i < nr; i++)
			puts(lines[i]);
		return 0;
	}
	if (argc != 4)
		return 2;
	len = strlen(argv[3]);
	for (size_t i = 0; i < len; i++)
		if (argv[3][i] == '%')
			argv[3][i] = 0;
	return lsetxattr(argv[1], argv[2], argv[3], len, 0) ? 1 : 0;
}
