// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * limits MB FILE: what this machine can do, as JSON: MB/s of memcpy, of writing
 * a new file at FILE and of rewriting it, of filling memory that is touched for
 * the first time, in small and in huge pages; ns a page of /proc/self/pagemap.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pulse.h"

#define CHUNK	(1UL << 20)

static double rate(size_t len, uint64_t since)
{
	return len / 1e6 / ((now_ns() - since) / 1e9);
}

static double write_file(const char *path, int flags, const char *buf, size_t len)
{
	int fd = open(path, O_WRONLY | flags, 0600);
	uint64_t t = now_ns();

	if (fd < 0)
		err(1, "%s", path);
	for (size_t i = 0; i < len; i += CHUNK)
		if (write(fd, buf + i, CHUNK) != (ssize_t)CHUNK)
			err(1, "%s", path);
	close(fd);
	return rate(len, t);
}

static double first_touch(const char *from, size_t len, int advice)
{
	char *p = memory(len + (2UL << 20));
	char *start = (char *)(((uintptr_t)p + (2UL << 20) - 1) & ~((2UL << 20) - 1));
	uint64_t t;
	double r;

	madvise(start, len, advice);
	t = now_ns();
	memcpy(start, from, len);
	r = rate(len, t);
	munmap(p, len + (2UL << 20));
	return r;
}

static double walk(size_t len)
{
	static uint64_t entries[65536];
	uint64_t t = now_ns();
	int fd = open("/proc/self/pagemap", O_RDONLY);
	char *p = memory(len);
	size_t n = 0;

	madvise(p, len, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < len; i += 4096)
		p[i] = 1;
	t = now_ns();
	for (size_t at = (uintptr_t)p / 4096 * 8, end = at + len / 4096 * 8; at < end;
	     at += sizeof(entries))
		n += pread(fd, entries, sizeof(entries), at) / 8;
	close(fd);
	return (double)(now_ns() - t) / n;
}

int main(int argc, char **argv)
{
	size_t len = strtoul(argv[1], NULL, 0) << 20;
	char *a = memory(len), *b = memory(len);
	uint64_t t;

	fill(a, len, 1);
	memset(b, 1, len);
	t = now_ns();
	memcpy(b, a, len);
	printf("{\"memcpy\": %.1f, ", rate(len, t));
	munmap(b, len);
	printf("\"new_file\": %.1f, ", write_file(argv[2], O_CREAT | O_TRUNC, a, len));
	printf("\"old_file\": %.1f, ", write_file(argv[2], 0, a, len));
	unlink(argv[2]);
	printf("\"touch\": %.1f, ", first_touch(a, len, MADV_NOHUGEPAGE));
	printf("\"touch_huge\": %.1f, ", first_touch(a, len, MADV_HUGEPAGE));
	munmap(a, len);
	printf("\"walk_ns\": %.2f}\n", walk(len));
	return 0;
}
