// SPDX-License-Identifier: GPL-2.0-or-later
/* Open files, as `ls -l fd` and fdinfo show them, and other links. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot.h"

/* As the kernel's; glibc's O_LARGEFILE is 0 here. */
#define LARGEFILE 0100000ul
#define TMPFILE 020200000ul

/* Is this the name of something deleted under which nothing can be made any more? */
int is_lost(const char *file, const char *name)
{
	char *end = strstr(name, " (deleted)"), path[5000], *slash;
	struct stat st;

	if (!end || *name != '/')
		return 0;
	snprintf(path, sizeof(path), "root%.*s", (int)(end - name), name);
	slash = strrchr(path, '/');
	if ((slash[1] == '#' && isdigit(slash[2])) || !access(path, F_OK) ||
	    (!stat(file, &st) && S_ISREG(st.st_mode) && st.st_nlink))
		return 1;
	*slash = 0;
	return !!access(path, F_OK);
}

/* Did the line that began like this say so before the move? */
int was_lost(const char *start)
{
	char line[300], *at, *lost;

	snprintf(line, sizeof(line), "\n%s ", start);
	at = strstr(before, line);
	lost = at ? strstr(at, LOST) : NULL;
	return lost && lost < at + 1 + strcspn(at + 1, "\n");
}

/* As ls -l does, with the mode; "socket:[123]" is "socket:". Return: it is a socket. */
int link_of(const char *file)
{
	char to[4096] = "";
	struct stat st;

	if (readlink(file, to, sizeof(to) - 1) < 0)
		strcpy(to, "?");
	if (strstr(to, ":["))
		strstr(to, ":[")[1] = 0;
	if (was_lost(file) || is_lost(file, to))
		strcpy(to, LOST);
	printf("%s %03o -> %s\n", file, lstat(file, &st) ? 0 : st.st_mode & 0777, to);
	return !strcmp(to, "socket:");
}

/* Words of the form "name:value" or "name: value"; a line may have several. */
static void fdinfo_line(const char *nr, char *line)
{
	int drop = 0, flags = 0, words_seen = 0;
	char *w, *words;

	for (w = strtok_r(line, " \t", &words); w; w = strtok_r(NULL, " \t", &words)) {
		char *colon = strchr(w, ':');

		if (flags) {
			unsigned long value = strtoul(w, NULL, 8) & ~LARGEFILE;

			printf(" %lo", (value & TMPFILE) == TMPFILE ? value & ~TMPFILE : value);
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

/* "lock: 1: FLOCK ADVISORY READ 12 00:1e:280 0 EOF" without the number, the inode and,
 * of flock(), the pid.
 */
static char *lock_line(char *l)
{
	char how[3][32], from[32], to[32], pid[32], text[256];

	if (sscanf(l, "lock: %*d: %31s %31s %31s %31s %*s %31s %31s", how[0], how[1], how[2],
		   pid, from, to) != 6)
		return l;
	snprintf(text, sizeof(text), "lock %s %s %s %s %s %s", how[0], how[1], how[2],
		 strcmp(how[0], "FLOCK") ? known_pid(pid) : "?", from, to);
	if (strlen(text) <= strlen(l))
		strcpy(l, text);
	return l;
}

static void fdinfo(const char *nr)
{
	static char buf[65536], *line[4096];
	char path[300], *l, *save;
	size_t n = 0;

	snprintf(path, sizeof(path), "fdinfo/%s", nr);
	text(path, buf, sizeof(buf));
	for (l = strtok_r(buf, "\n", &save); l && n < 4096; l = strtok_r(NULL, "\n", &save))
		line[n++] = lock_line(l);
	qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++)
		fdinfo_line(nr, line[i]);
}

void fds(struct task *t)
{
	struct dirent **list;
	char path[300];
	int n = scandir("fd", &list, is_number, by_number);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "fd/%s", list[i]->d_name);
		t->has_sockets |= link_of(path);
		fdinfo(list[i]->d_name);
	}
}
