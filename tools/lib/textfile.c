// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "textfile.h"

#define PATH_SIZE	(PATH_MAX + 64)

static int join(char *path, const char *dir, const char *file)
{
	if (snprintf(path, PATH_SIZE, "%s/%s", dir, file) < PATH_SIZE)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

static void close_keep_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

int lm_text_read(const char *dir, const char *file, char *buf, size_t size)
{
	char path[PATH_SIZE];
	size_t len = 0;
	ssize_t n;
	int fd;

	if (join(path, dir, file))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	while ((n = read(fd, buf + len, size - 1 - len)) > 0)
		len += n;
	close_keep_errno(fd);
	if (n < 0)
		return -1;
	if (len && buf[len - 1] == '\n')
		len--;
	buf[len] = 0;
	return 0;
}

int lm_write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close_keep_errno(fd);
	return n < 0 ? -1 : 0;
}

int lm_text_write(const char *dir, const char *file, const char *text)
{
	char path[PATH_SIZE];

	return join(path, dir, file) ? -1 : lm_write_text(path, text);
}
