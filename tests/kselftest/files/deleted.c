// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that are mapped, and files whose name is gone. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2, fd3;
static char *map1, *map2;

/* What is written to a shared mapping is in the file, before and after. */
static void set_mapfile(void)
{
	char buf[8192];

	memset(buf, 'a', sizeof(buf));
	fd1 = open(name("data"), O_RDWR | O_CREAT, 0600);
	check(write(fd1, buf, sizeof(buf)) == sizeof(buf));
	map1 = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd1, 0);
	map2 = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd1, 0);
	map1[1] = 'b';
	map2[2] = 'c';
	close(fd1);
	/* The time of change is that of the write: before anybody looks at it. */
	check(!msync(map1, 8192, MS_SYNC));
}

static void get_mapfile(void)
{
	char buf[4] = "";

	check(!memcmp(map1, "aba", 3) && !memcmp(map2, "abc", 3));
	map1[4096] = 'd';
	fd1 = open(name("data"), O_RDONLY);
	check(pread(fd1, buf, 3, 0) == 3 && !strcmp(buf, "aba"));
	check(pread(fd1, buf, 1, 4096) == 1 && *buf == 'd');
	check(map2[4096] == 'd');	/* not its own yet */
}

#define BIG	(40 << 20)

/* Open twice, with a hole, an owner, and a name that somebody else has by now. */
static void set_deleted(void)
{
	fd1 = open(name("gone"), O_RDWR | O_CREAT, 0640);
	check(write(fd1, "beginning", 9) == 9);
	check(pwrite(fd1, "end", 3, BIG) == 3);
	check(!fchown(fd1, 12, 34) && !fchmod(fd1, 0604));
	fd2 = open(name("gone"), O_RDONLY);
	check(!unlink(name("gone")));
	write_file(name("gone"), "not this one");
	lseek(fd2, 2, SEEK_SET);
	fd3 = open(name("gone2"), O_RDWR | O_CREAT, 0600);
	check(write(fd3, "free name", 9) == 9 && !unlink(name("gone2")));
}

static void get_deleted(void)
{
	char buf[16] = "", link[600] = "";
	struct stat st, st2;

	check(read(fd2, buf, 7) == 7 && !memcmp(buf, "ginning", 7));
	check(pread(fd1, buf, 4, BIG) == 3 && !memcmp(buf, "end", 3));
	check(lseek(fd1, 0, SEEK_CUR) == 9);
	check(!fstat(fd1, &st) && !fstat(fd2, &st2) && st.st_ino == st2.st_ino);
	check(st.st_size == BIG + 3 && st.st_blocks < 1024 && !st.st_nlink);
	check(st.st_uid == 12 && st.st_gid == 34 && (st.st_mode & 07777) == 0604);
	check(write(fd1, "!", 1) == 1 && pread(fd2, buf, 1, 9) == 1 && *buf == '!');
	snprintf(buf, sizeof(buf), "/proc/self/fd/%d", fd3);
	check(readlink(buf, link, sizeof(link) - 1) > 0 &&
	      !strncmp(link, name("gone2"), strlen(name("gone2"))));
	check(access(name("gone2"), F_OK) && !access(name("gone"), F_OK));
}

/* A file without a name can still get one. */
static void set_tmpfile(void)
{
	fd1 = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	check(fd1 >= 0 && write(fd1, "contents", 8) == 8);
}

static void get_tmpfile(void)
{
	char proc[32], buf[16] = "";

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd1);
	check(!linkat(AT_FDCWD, proc, AT_FDCWD, name("named"), AT_SYMLINK_FOLLOW));
	fd2 = open(name("named"), O_RDONLY);
	check(read(fd2, buf, 16) == 8 && !strcmp(buf, "contents"));
}

static void set_mapdeleted(void)
{
	int fd = open(name("gone"), O_RDWR | O_CREAT, 0600);

	check(!ftruncate(fd, 1 << 20) && pwrite(fd, "one two", 7, 4096) == 7);
	map1 = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map2 = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	unlink(name("gone"));
	map2[4096] = 'O';
	map1[4100] = 'T';
}

static void get_mapdeleted(void)
{
	check(!memcmp(map1 + 4096, "one Two", 7));
	check(!memcmp(map2 + 4096, "One", 3));
	map1[0] = 'x';
	check(map2[0] == 'x');
}

/* Deleted under the name that it was opened by, and mapped by; there is another one.
 * What is at the first is not it.
 */
static void set_othername(void)
{
	fd1 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	check(write(fd1, "contents", 8) == 8 && lseek(fd1, 2, SEEK_SET) == 2);
	map1 = mmap(NULL, 8, PROT_READ, MAP_SHARED, fd1, 0);
	check(!link(name("gone"), name("kept")) && !unlink(name("gone")));
	write_file(name("gone"), "another!");
}

static void get_othername(void)
{
	char buf[16] = "";
	struct stat st, kept;

	check(read(fd1, buf, 16) == 6 && !strcmp(buf, "ntents"));
	check(pwrite(fd1, "C", 1, 0) == 1 && !memcmp(map1, "Contents", 8));
	check(!fstat(fd1, &st) && !stat(name("kept"), &kept));
	check(st.st_ino == kept.st_ino && st.st_nlink == 1);
}

/* The directory that it is in, one that is open, both gone; and what is in another
 * that is gone, too.
 */
static void set_removed(void)
{
	check(!mkdir(name("cwd"), 0700) && !mkdir(name("dir"), 0700));
	check(!mkdir(name("dir/below"), 0750));
	fd1 = open(name("dir/below"), O_RDONLY);
	check(!fchmod(fd1, 0705) && !fchown(fd1, 12, 34));
	fd2 = open(name("cwd"), O_RDONLY);
	check(!chdir(name("cwd")) && !rmdir(name("cwd")));
	check(!rmdir(name("dir/below")) && !rmdir(name("dir")));
	check(!mkdir(name("cwd"), 0700));	/* somebody else's */
}

static void get_removed(void)
{
	char buf[512];
	struct stat st, cwd;

	check(!getcwd(buf, sizeof(buf)) && errno == ENOENT);
	check(open("x", O_CREAT | O_RDWR, 0600) < 0 && errno == ENOENT);
	check(!stat(".", &cwd) && !fstat(fd2, &st) && st.st_ino == cwd.st_ino);
	check(!cwd.st_nlink);
	check(!fstat(fd1, &st) && !st.st_nlink && st.st_uid == 12 && st.st_gid == 34);
	check((st.st_mode & 07777) == 0705);
	check(!stat(name("cwd"), &st) && st.st_ino != cwd.st_ino);
	check(access(name("dir"), F_OK));
}

static void set_hole(void)
{
	fd1 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	check(!ftruncate(fd1, 3LL << 30) && !unlink(name("gone")));
}

const struct test deleted_tests[] = {
	{ "mapfile", set_mapfile, get_mapfile },
	{ "deleted", set_deleted, get_deleted },
	{ "tmpfile", set_tmpfile, get_tmpfile },
	{ "mapdeleted", set_mapdeleted, get_mapdeleted },
	{ "othername", set_othername, get_othername },
	{ "removed", set_removed, get_removed },
	{ "hole", set_hole, NULL },
	{ }
};
