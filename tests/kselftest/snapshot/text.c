// SPDX-License-Identifier: GPL-2.0-or-later
/* Files of /proc as text, and the pids in them. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "snapshot.h"

int own_pidns = 1;

size_t text(const char *file, char *buf, size_t len)
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

void whole(const char *file)
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

char *status_line(const char *buf, const char *name)
{
	static char line[1024];
	const char *at = strstr(buf, name);

	if (!at)
		return NULL;
	at += strlen(name) + strspn(at + strlen(name), ": \t");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

const char *inner(const char *pids_of)
{
	return own_pidns ? pids_of + strcspn(pids_of, " \t") : pids_of;
}

const char *known_pid(const char *pid)
{
	char path[64], buf[8192], *of = NULL;

	if (own_pidns && atoi(pid) > 0) {
		snprintf(path, sizeof(path), "/proc/%d/status", atoi(pid));
		text(path, buf, sizeof(buf));
		of = status_line(buf, "\nNSpid:");
	}
	return of ? inner(of) : pid;
}

int by_number(const struct dirent **a, const struct dirent **b)
{
	return atoi((*a)->d_name) - atoi((*b)->d_name);
}

int is_number(const struct dirent *d)
{
	return isdigit(*d->d_name);
}

int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}
