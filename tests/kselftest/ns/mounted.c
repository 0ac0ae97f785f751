// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mounted FILE - a program at the root of a mount namespace. It writes down what it
 * has mounted, keeps files of several mounts open and one mapped, makes FILE.ready,
 * waits for FILE.go (meanwhile it is dumped, killed and restored), compares, and
 * writes "ok" or what is wrong to FILE. Static: there are no libraries.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../check.h"

char wrong[1024];
static char before[65536], after[65536];

static void put(const char *base, const char *suffix, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s%s", base, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

static bool says(const char *path, const char *text)
{
	char buf[256] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		return false;
	close(fd);
	return !strcmp(buf, text);
}

/* Ids, devices and peer groups are new ones, and what the host has mounted since is
 * not ours; all else is as it was, in any order.
 */
static void list(char *out, size_t size)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char *line[64], text[1024];
	size_t n = 0, len = 0;

	check(f);
	while (f && n < 64 && fgets(text, sizeof(text), f)) {
		char *p = text;

		for (int i = 0; i < 3; i++)
			p = strchr(p, ' ') + 1;
		if (strstr(p, " /slave/later "))
			continue;
		line[n++] = strdup(p);
		p = strstr(line[n - 1], " shared:");
		for (p = p ? p + 8 : NULL; p && *p >= '0' && *p <= '9'; p++)
			*p = 'N';
	}
	if (f)
		fclose(f);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (strcmp(line[i], line[j]) > 0) {
				char *t = line[i];

				line[i] = line[j];
				line[j] = t;
			}
	for (size_t i = 0; i < n; i++)
		len += snprintf(out + len, size - len, "%s", line[i]);
}

int main(int argc, char **argv)
{
	int log, shm, null = -1, pts = -1;
	struct stat st;
	char *map, go[256];

	/* contents of the tmpfs */
	check(!mkdir("/tmp/deep", 0751));
	put("/tmp/deep/file", "", "in a tmpfs");
	check(!chown("/tmp/deep/file", 11, 12) && !chmod("/tmp/deep/file", 0640));
	check(!symlink("deep/file", "/tmp/link"));
	check(!mkfifo("/tmp/fifo", 0600));
	check(!setxattr("/tmp/deep", "trusted.mark", "x", 1, 0));
	check(says("/over/file", "below\n"));
	put("/over/file", "", "above");
	log = open("/tmp/log", O_RDWR | O_CREAT | O_APPEND, 0600);
	check(write(log, "one\n", 4) == 4);
	check(!truncate("/tmp/deep/file", 5000000));
	shm = open("/dev/shm/seg", O_RDWR | O_CREAT, 0600);
	check(!ftruncate(shm, 8192));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
	check(map != MAP_FAILED);
	if (*wrong)
		goto out;
	strcpy(map + 4096, "mapped");
	null = open("/dev/null", O_RDWR);
	pts = open("/dev/pts", O_RDONLY | O_DIRECTORY);
	check(null >= 0 && pts >= 0);
	list(before, sizeof(before));
out:
	put(argv[1], ".ready", wrong);
	snprintf(go, sizeof(go), "%s.go", argv[1]);
	while (access(go, F_OK))
		usleep(200000);
	if (*wrong)
		return 1;
	list(after, sizeof(after));
	check(getpid() == 1);
	if (strcmp(before, after))
		put(argv[1], ".mounts", after);
	check(!strcmp(before, after));
	check(!stat("/tmp/deep", &st) && (st.st_mode & 07777) == 0751);
	check(!stat("/tmp/deep/file", &st) && st.st_uid == 11 && st.st_gid == 12 &&
	      (st.st_mode & 07777) == 0640 && st.st_size == 5000000 &&
	      st.st_blocks < 100);
	check(getxattr("/tmp/deep", "trusted.mark", go, sizeof(go)) == 1 && *go == 'x');
	check(says("/over/file", "above"));
	/* What the host has mounted after the move; nothing if there was none. */
	check(access("/slave/expected", F_OK) || !access("/slave/later/mark", F_OK));
	check(!truncate("/tmp/deep/file", 10) && says("/tmp/deep/file", "in a tmpfs"));
	check(!lstat("/tmp/link", &st) && S_ISLNK(st.st_mode));
	check(says("/tmp/link", "in a tmpfs"));
	check(!stat("/tmp/fifo", &st) && S_ISFIFO(st.st_mode));
	check(write(log, "two\n", 4) == 4 && says("/tmp/log", "one\ntwo\n"));
	check(!strcmp(map + 4096, "mapped"));
	strcpy(map, "again");
	check(pread(shm, go, 6, 0) == 6 && !strcmp(go, "again"));
	check(says("/dev/shm/seg", "again"));
	check(!fstat(null, &st) && st.st_rdev == makedev(1, 3));
	check(write(null, "", 1) == 1);
	/* read-only stays so */
	check(open("/host/x", O_WRONLY | O_CREAT, 0600) < 0 && errno == EROFS);
	check(says("/host/outside", "of the host\n"));
	check(open("/proc/sys/vm/swappiness", O_WRONLY) < 0 && errno == EROFS);
	check(says("/proc/uptime", ""));
	check(!access("/run/over", F_OK) && access("/run/under", F_OK));
	check(!umount("/run") && !access("/run/under", F_OK));
	put(argv[1], "", *wrong ? wrong : "ok");
	return 0;
}
