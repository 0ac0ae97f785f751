// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot PID... - all that /proc tells about processes, without what is bound
 * to change: times, counts, inode numbers of what has no name.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char **pids;
static int nr_pids;

static int by_number(const struct dirent **a, const struct dirent **b)
{
	return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static int is_number(const struct dirent *d)
{
	return isdigit(*d->d_name);
}

static size_t text(const char *file, char *buf, size_t len)
{
	int fd = open(file, O_RDONLY);
	size_t got = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf + got, len - 1 - got)) > 0)
		got += n;
	if (fd >= 0)
		close(fd);
	buf[got] = 0;
	return got;
}

static void whole(const char *file)
{
	static char buf[65536];
	size_t n = text(file, buf, sizeof(buf));

	printf("%s: ", file);
	for (size_t i = 0; i < n; i++)
		if (isprint(buf[i]) || buf[i] == '\n')
			putchar(buf[i]);
		else
			printf("\\%02x", (unsigned char)buf[i]);
	putchar('\n');
}

/* "socket:[123]" is "socket:". */
static void link_of(const char *file)
{
	char to[4096] = "";

	if (readlink(file, to, sizeof(to) - 1) < 0)
		strcpy(to, "?");
	if (strstr(to, ":["))
		strstr(to, ":[")[1] = 0;
	printf("%s -> %s\n", file, to);
}

static int outside(const char *pid)
{
	for (int i = 0; i < nr_pids; i++)
		if (!strcmp(pids[i], pid))
			return 0;
	return 1;
}

/* Fields of stat, counted as in proc(5). */
static void fields(const char *file, const int *which)
{
	char buf[4096], *save, *p;
	int i = 3;

	text(file, buf, sizeof(buf));
	p = strrchr(buf, ')');
	printf("%s:", file);
	for (p = p ? strtok_r(p + 1, " \n", &save) : NULL; p;
	     p = strtok_r(NULL, " \n", &save), i++)
		if (i == *which) {
			printf(" %s", i == 4 && outside(p) ? "outside" : p);
			which++;
		}
	putchar('\n');
}

static int starts_with_one(const char *line, const char *const *words)
{
	for (; *words; words++)
		if (!strncmp(line, *words, strlen(*words)))
			return 1;
	return 0;
}

static void status(void)
{
	static const char *const keep[] = {
		"Name", "Umask", "Tgid", "Uid", "Gid", "Groups", "Threads", "Sig",
		"ShdPnd", "Cap", "NoNew", "Seccomp:", "Cpus_allowed:", "THP", NULL
	};
	char buf[8192], *save;

	text("status", buf, sizeof(buf));
	for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (starts_with_one(l, keep) && strncmp(l, "SigQ", 4))
			puts(l);
}

/* Mappings and their flags, but soft-dirty ("sd") and accounting ("ac"). */
static void mappings(void)
{
	char line[8192], *w, *save;
	FILE *f = fopen("smaps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		int mapping = !isupper(*line), deleted = !!strstr(line, "(deleted)");

		if (!mapping && strncmp(line, "VmFlags", 7))
			continue;
		w = strtok_r(line, " \n", &save);
		for (int i = 0; w; w = strtok_r(NULL, " \n", &save), i++)
			if (!(mapping && deleted && i == 4) &&
			    (mapping || (strcmp(w, "sd") && strcmp(w, "ac"))))
				printf("%s ", w);
		putchar('\n');
	}
	if (f)
		fclose(f);
}

static void threads(const char *pid)
{
	static const int which[] = { 18, 19, 40, 41, 0 };
	struct dirent **list;
	int n = scandir("task", &list, is_number, by_number);
	char path[300];

	for (int i = 0; i < n; i++) {
		printf("-- thread %s\n", list[i]->d_name);
		snprintf(path, sizeof(path), "/proc/%s/task/%s", pid, list[i]->d_name);
		if (chdir(path))
			exit(1);
		status();
		fields("stat", which);
		snprintf(path, sizeof(path), "/proc/%s/timerslack_ns", list[i]->d_name);
		whole(path);
	}
}

static void process(const char *pid)
{
	static const char *const files[] = {
		"cmdline", "environ", "auxv", "limits", "oom_score_adj",
		"personality", "cgroup", NULL
	};
	static const int which[] = { 4, 5, 6, 7, 8, 26, 27, 28, 45, 46, 47, 48, 49,
				     50, 51, 0 };
	struct dirent **list;
	char path[300];
	int n;

	snprintf(path, sizeof(path), "/proc/%s", pid);
	if (chdir(path)) {
		printf("no pid %s\n", pid);
		return;
	}
	printf("== pid %s\n", pid);
	for (const char *const *f = files; *f; f++)
		whole(*f);
	fields("stat", which);
	link_of("exe");
	link_of("cwd");
	link_of("root");
	n = scandir("fd", &list, is_number, by_number);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "fd/%s", list[i]->d_name);
		link_of(path);
	}
	mappings();
	threads(pid);
}

int main(int argc, char **argv)
{
	pids = argv + 1;
	nr_pids = argc - 1;
	for (int i = 0; i < nr_pids; i++)
		process(pids[i]);
	return 0;
}
