// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared memory that has no name in a file system. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static int fd1;
static pid_t child;

static char *map1, *map2;

static void set_memfd(void)
{
	fd1 = memfd_create("box", MFD_ALLOW_SEALING);
	check(!ftruncate(fd1, 12345));
	check(pwrite(fd1, "first", 5, 0) == 5 && pwrite(fd1, "last", 4, 12341) == 4);
	lseek(fd1, 3, SEEK_SET);
	map1 = mmap(NULL, 12345, PROT_READ | PROT_WRITE, MAP_SHARED, fd1, 0);
	map2 = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd1, 0);
	map2[1] = 'X';
	check(!fcntl(fd1, F_ADD_SEALS, F_SEAL_GROW));
}

static void get_memfd(void)
{
	char buf[16], link[64] = "";
	struct stat st;

	check(!fstat(fd1, &st) && st.st_size == 12345);
	check(fcntl(fd1, F_GET_SEALS) == F_SEAL_GROW);
	check(ftruncate(fd1, 20000) && errno == EPERM);
	check(read(fd1, buf, 2) == 2 && !memcmp(buf, "st", 2));
	check(!memcmp(map1, "first", 5) && !memcmp(map1 + 12341, "last", 4));
	check(!memcmp(map2, "fXrst", 5));
	map1[0] = 'F';
	check(pread(fd1, buf, 5, 0) == 5 && !memcmp(buf, "First", 5));
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd1);
	check(readlink(buf, link, sizeof(link) - 1) > 0 &&
	      !strcmp(link, "/memfd:box (deleted)"));
}

/* Shared between two processes, written by one, seen by the other. */
static void set_shared(void)
{
	map1 = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(map1 + 5000, "before");
	child = fork();
	if (!child) {
		wait_for(name("child"));
		strcpy(map1 + 500000, "from the child");
		_exit(strcmp(map1 + 5000, "after") != 0);
	}
}

static void get_shared(void)
{
	int status = 1;

	check(!strcmp(map1 + 5000, "before"));
	strcpy(map1 + 5000, "after");
	write_file(name("child"), "");
	check(waitpid(child, &status, 0) == child && !status);
	check(!strcmp(map1 + 500000, "from the child"));
}

const struct test shmem_tests[] = {
	{ "memfd", set_memfd, get_memfd },
	{ "shared", set_shared, get_shared },
	{ }
};
