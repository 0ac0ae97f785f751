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

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

static char *before, *after, *written;
static int sealed, future, closed, script;

static char *mapped(int fd, int prot)
{
	char *p = mmap(NULL, 4096, prot, MAP_SHARED, fd, 0);

	check(p != MAP_FAILED);
	return p;
}

/* Of an fd that cannot write; an fd that can is no reason to be written. */
static char *looked_at(int fd)
{
	char path[64], *p;
	int look;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	look = open(path, O_RDONLY);
	p = mapped(look, PROT_READ);
	close(look);
	return p;
}

static int box(const char *what)
{
	int fd = memfd_create(what, MFD_ALLOW_SEALING);

	check(!ftruncate(fd, 4096) && pwrite(fd, what, strlen(what), 0) > 0);
	return fd;
}

static void set_seals(void)
{
	sealed = box("sealed");
	before = looked_at(sealed);
	check(!fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	after = looked_at(sealed);
	future = box("future");
	written = mapped(future, PROT_READ | PROT_WRITE);
	map1 = mapped(future, PROT_READ);
	check(!fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	map2 = mapped(future, PROT_READ);
	closed = box("closed");
	check(!fcntl(closed, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW));
	/* From Linux 6.3 on: it is executable for ever, and so sealed against all else. */
	script = box("script");
	if (fcntl(script, F_ADD_SEALS, F_SEAL_EXEC))
		script = -1;
}

static void get_seals(void)
{
	struct stat st;

	check(fcntl(sealed, F_GET_SEALS) == (F_SEAL_WRITE | F_SEAL_SHRINK));
	check(!strcmp(before, "sealed") && !strcmp(after, "sealed"));
	check(mprotect(before, 4096, PROT_READ | PROT_WRITE) && errno == EACCES);
	check(mprotect(after, 4096, PROT_READ | PROT_WRITE) && errno == EACCES);
	check(pwrite(sealed, "x", 1, 0) < 0 && errno == EPERM);
	check(fcntl(future, F_GET_SEALS) == F_SEAL_FUTURE_WRITE);
	strcpy(written, "changed");
	check(!strcmp(map1, "changed") && !strcmp(map2, "changed"));
	check(mprotect(map2, 4096, PROT_READ | PROT_WRITE) && errno == EACCES);
	check(!mprotect(map1, 4096, PROT_READ | PROT_WRITE));
	check(pwrite(future, "x", 1, 0) < 0 && errno == EPERM);
	check(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, future, 0) == MAP_FAILED);
	check(fcntl(closed, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW));
	check(fcntl(closed, F_ADD_SEALS, F_SEAL_SHRINK) && errno == EPERM);
	check(script < 0 || ((fcntl(script, F_GET_SEALS) & F_SEAL_EXEC) &&
			     !fstat(script, &st) && (st.st_mode & 0111) == 0111 &&
			     fchmod(script, 0600) && errno == EPERM));
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
	{ "seals", set_seals, get_seals },
	{ "shared", set_shared, get_shared },
	{ }
};
