// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot PID... - all that /proc tells about processes: what `ls -l fd`, fdinfo,
 * maps, the flags of smaps, status, limits, stat, mountinfo and the rest show,
 * but what is bound to change in a move.
 * snapshot --known - the list of what that is, with the reasons
 *
 * Everything is printed unless known[] names it: what a new kernel tells in
 * addition is compared, too.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ELSEWHERE "which pages are in memory already is not state of the program"
#define NUMBERED "the kernel numbers these as they come"
#define COUNTED "a count of what happened here"

static const struct known {
	const char *file, *name, *why;
} known[] = {
	{ "status", "VmPeak", COUNTED },
	{ "status", "VmHWM", ELSEWHERE },
	{ "status", "VmRSS", ELSEWHERE },
	{ "status", "RssAnon", ELSEWHERE },
	{ "status", "RssFile", ELSEWHERE },
	{ "status", "RssShmem", ELSEWHERE },
	{ "status", "VmSwap", "what is swapped out is read in to be moved" },
	{ "status", "VmPTE", ELSEWHERE },
	{ "status", "FDSize", "the table is as large as its files need; it does not shrink" },
	{ "status", "Ngid", "NUMA balancing finds its groups anew" },
	{ "status", "SigQ", "counts the signals of a user, of all processes" },
	{ "status", "State", "a task that is about to sleep may be counted either way" },
	{ "status", "ShdPnd: SIGSTOP", "a stopped task is stopped again once it can run" },
	{ "status", "voluntary_ctxt_switches", COUNTED },
	{ "status", "nonvoluntary_ctxt_switches", COUNTED },
	{ "VmFlags", "sd", "soft-dirty is livemig's own instrument" },
	{ "VmFlags", "ac", "memory is accounted when it is written to" },
	{ "fdinfo", "mnt_id", NUMBERED },
	{ "fdinfo", "ino", NUMBERED " (of a file that has no name)" },
	{ "fdinfo", "sdev", NUMBERED " (devices without hardware)" },
	{ "fdinfo", "eventfd-id", NUMBERED },
	{ "fdinfo", "it_value", "time goes on" },
	{ "fdinfo", "fhandle-bytes", "inotify: names the file by its inode" },
	{ "fdinfo", "fhandle-type", "inotify: names the file by its inode" },
	{ "fdinfo", "f_handle", "inotify: names the file by its inode" },
	{ "fdinfo", "lock", NUMBERED },
	{ "fdinfo", "scm_fds", NUMBERED },
	{ "fdinfo", "flags: O_LARGEFILE", "pipes are opened by name; means nothing on 64 bits" },
	{ "fdinfo", "order of what epoll watches", "by the addresses of kernel objects" },
	{ "link", "[number]", NUMBERED " (pipes, sockets: `pipe:[123]')" },
	{ "maps", "inode of a deleted file", NUMBERED },
	{ "stat", "CPU, faults, start in ticks of the host", COUNTED },
	{ "mountinfo", "ids, device numbers", NUMBERED },
	{ "ss", "queues", "peers under load send meanwhile" },
	{ "ss", "inodes, timers", NUMBERED },
};

/* As the kernel's; glibc's O_LARGEFILE is 0 here. */
#define LARGEFILE 0100000ul

static char **pids;
static int nr_pids;

static int is_known(const char *file, const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].file, file) && !strcmp(known[i].name, name))
			return 1;
	return 0;
}

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

/* As ls -l does, with the mode; "socket:[123]" is "socket:". */
static void link_of(const char *file)
{
	char to[4096] = "";
	struct stat st;

	if (readlink(file, to, sizeof(to) - 1) < 0)
		strcpy(to, "?");
	if (strstr(to, ":["))
		strstr(to, ":[")[1] = 0;
	printf("%s %03o -> %s\n", file, lstat(file, &st) ? 0 : st.st_mode & 0777, to);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Words of the form "name:value" or "name: value"; a line may have several. */
static void fdinfo_line(const char *nr, char *line)
{
	int drop = 0, flags = 0, words_seen = 0;
	char *w, *words;

	for (w = strtok_r(line, " \t", &words); w; w = strtok_r(NULL, " \t", &words)) {
		char *colon = strchr(w, ':');

		if (flags) {
			printf(" %lo", strtoul(w, NULL, 8) & ~LARGEFILE);
			flags = 0;
			continue;
		}
		if (colon) {
			*colon = 0;
			drop = is_known("fdinfo", w);
			flags = !strcmp(w, "flags");
			*colon = ':';
		}
		if (drop)
			continue;
		if (!words_seen++)
			printf("fdinfo %s:", nr);
		printf(" %s", w);
	}
	if (words_seen)
		putchar('\n');
}

static void fdinfo(const char *nr)
{
	static char buf[65536], *line[4096];
	char path[300], *l, *save;
	size_t n = 0;

	snprintf(path, sizeof(path), "fdinfo/%s", nr);
	text(path, buf, sizeof(buf));
	for (l = strtok_r(buf, "\n", &save); l && n < 4096; l = strtok_r(NULL, "\n", &save))
		line[n++] = l;
	qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++)
		fdinfo_line(nr, line[i]);
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

static void status(void)
{
	char buf[8192], *save, *colon;

	text("status", buf, sizeof(buf));
	for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		colon = strchr(l, ':');
		if (!colon)
			continue;
		*colon = 0;
		if (is_known("status", l))
			continue;
		if (!strcmp(l, "ShdPnd"))
			printf("%s: %llx\n", l, strtoull(colon + 1, NULL, 16) &
			       ~(1ull << (SIGSTOP - 1)));
		else if (!strcmp(l, "PPid") && outside(colon + 2))
			printf("%s: outside\n", l);
		else
			printf("%s:%s\n", l, colon + 1);
	}
}

static void mappings(void)
{
	char line[8192], *w, *save;
	FILE *f = fopen("smaps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		int mapping = !isupper(*line), deleted = !!strstr(line, "(deleted)");

		if (!mapping && strncmp(line, "VmFlags", 7) &&
		    strncmp(line, "ProtectionKey", 13))
			continue;
		w = strtok_r(line, " \n", &save);
		for (int i = 0; w; w = strtok_r(NULL, " \n", &save), i++)
			if (mapping ? !(deleted && (i == 3 || i == 4)) :
			    !is_known("VmFlags", w))
				printf("%s ", w);
		putchar('\n');
	}
	if (f)
		fclose(f);
}

/* "net:[4026532158]" is "net:". */
static void unnumbered(const char *word)
{
	const char *end = strstr(word, ":[");

	printf(" %.*s", end ? (int)(end + 1 - word) : (int)strlen(word), word);
}

/* Of the first process that shows them; the others are told to be the same. */
static void mounts(const char *pid)
{
	static char first[65536], buf[65536], who[32];
	char *l, *w, *save, *words;

	text("mountinfo", buf, sizeof(buf));
	if (*who && !strcmp(first, buf)) {
		printf("mountinfo: as pid %s\n", who);
		return;
	}
	strcpy(first, buf);
	snprintf(who, sizeof(who), "%s", pid);
	for (l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		printf("mount:");
		w = strtok_r(l, " ", &words);
		for (int i = 0; w; w = strtok_r(NULL, " ", &words), i++)
			if (i > 2)
				unnumbered(w);
		putchar('\n');
	}
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
		"personality", "coredump_filter", "loginuid", "cgroup", NULL
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
		fdinfo(list[i]->d_name);
	}
	mappings();
	mounts(pid);
	threads(pid);
}

int main(int argc, char **argv)
{
	pids = argv + 1;
	nr_pids = argc - 1;
	if (nr_pids == 1 && !strcmp(pids[0], "--known")) {
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			printf("%s\t%s\t%s\n", known[i].file, known[i].name, known[i].why);
		return 0;
	}
	for (int i = 0; i < nr_pids; i++)
		process(pids[i]);
	return 0;
}
