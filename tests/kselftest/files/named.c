// SPDX-License-Identifier: GPL-2.0-or-later
/* Files that a path leads to. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2, fd3;
static pid_t child;
static DIR *dir;

static void set_reg(void)
{
	write_file(name("data"), "0123456789abcdef");
	fd1 = open(name("data"), O_RDWR);
	lseek(fd1, 5, SEEK_SET);
	fd2 = open(name("data"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	lseek(fd2, 12, SEEK_SET);
	check(dup2(fd2, 77) == 77);
}

static void get_reg(void)
{
	char c;

	check(read(fd1, &c, 1) == 1 && c == '5');
	check(write(fd1, "X", 1) == 1);
	check(read(fd2, &c, 1) == 1 && c == 'c');
	check(read(77, &c, 1) == 1 && c == 'd');	/* shares the position */
	check(lseek(fd2, 0, SEEK_CUR) == 14);
	check(fcntl(fd1, F_GETFD) == 0 && fcntl(fd2, F_GETFD) == FD_CLOEXEC);
	check(fcntl(77, F_GETFD) == 0);
	check((fcntl(fd2, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) ==
	      (O_RDONLY | O_NONBLOCK));
	check(write(fd2, "X", 1) < 0 && errno == EBADF);
	check(syscall(SYS_fcntl, 78, F_GETFD) < 0 && errno == EBADF);
}

static void set_append(void)
{
	write_file(name("data"), "one ");
	fd1 = open(name("data"), O_WRONLY | O_APPEND);
	check(write(fd1, "two ", 4) == 4);
}

static void get_append(void)
{
	char buf[32] = "";

	check(fcntl(fd1, F_GETFL) & O_APPEND);
	check(lseek(fd1, 0, SEEK_SET) == 0);
	check(write(fd1, "three", 5) == 5);
	fd2 = open(name("data"), O_RDONLY);
	check(read(fd2, buf, sizeof(buf)) == 13 && !strcmp(buf, "one two three"));
}

/* What the kernel makes up: of this process, and of the system. */
static void set_proc(void)
{
	fd1 = open("/proc/self/stat", O_RDONLY);
	fd2 = open("/proc/meminfo", O_RDONLY);
	check(fd1 >= 0 && fd2 >= 0);
}

static void get_proc(void)
{
	char buf[64] = "";

	check(read(fd1, buf, sizeof(buf) - 1) > 0 && atoi(buf) == getpid());
	check(read(fd2, buf, sizeof(buf) - 1) > 0 && !strncmp(buf, "MemTotal", 8));
}

/* Of the system and of the cgroup that it is in; the list of its own open files. */
static void set_generated(void)
{
	char text[256] = "", file[512];
	int fd = open("/proc/self/cgroup", O_RDONLY);

	check(read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "0::", 3));
	close(fd);
	text[strcspn(text, "\n")] = 0;
	snprintf(file, sizeof(file), "/sys/fs/cgroup%s/cgroup.events", text + 3);
	fd1 = open(file, O_RDONLY);
	fd2 = open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY);
	fd3 = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	check(fd1 >= 0 && fd2 >= 0 && fd3 >= 0);
}

static void get_generated(void)
{
	char buf[256] = "", link[32], target[64] = "";

	check(read(fd1, buf, sizeof(buf) - 1) > 0 && strstr(buf, "populated 1"));
	check(read(fd2, buf, sizeof(buf)) > 0 && strstr(buf, "madvise"));
	snprintf(link, sizeof(link), "%d", fd2);
	check(readlinkat(fd3, link, target, sizeof(target) - 1) > 0);
	check(!strcmp(target, "/sys/kernel/mm/transparent_hugepage/enabled"));
}

/* Of a process that has ended. */
static void set_deadproc(void)
{
	char path[64];
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd1 = open(path, O_RDONLY | O_APPEND);
	path[strlen(path) - strlen("/stat")] = 0;
	fd2 = open(path, O_RDONLY | O_DIRECTORY);
	check(fd1 >= 0 && fd2 >= 0);
	kill(pid, SIGKILL);
	check(waitpid(pid, NULL, 0) == pid);
}

static void get_deadproc(void)
{
	char c;

	check(fcntl(fd1, F_GETFL) & O_APPEND);
	check(read(fd1, &c, 1) < 0 && errno == ESRCH);
	check(openat(fd2, "stat", O_RDONLY) < 0 && (errno == ENOENT || errno == ESRCH));
}

static void set_outproc(void)
{
	fd1 = open("/proc/1/stat", O_RDONLY);
	check(fd1 >= 0);
}

/* What of a process is not there before its threads and files are. */
static void *idle(void *arg)
{
	*(volatile pid_t *)arg = syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

static void set_threadproc(void)
{
	static volatile pid_t tid;
	char path[64];
	pthread_t t;

	check(!pthread_create(&t, NULL, idle, (void *)&tid));
	while (!tid)
		usleep(1000);
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd1 = open(path, O_RDONLY);
	check(fd1 >= 0);
}

static void set_fileproc(void)
{
	fd1 = open("/proc/self/fdinfo/0", O_RDONLY);
	check(fd1 >= 0);
}

static void set_pathproc(void)
{
	fd1 = open("/proc/1", O_PATH);
	check(fd1 >= 0);
}

/* A child has the same description: what one reads the other does not. */
static void set_fork(void)
{
	char c;

	write_file(name("data"), "0123456789");
	fd1 = open(name("data"), O_RDONLY);
	child = fork();
	if (!child) {
		wait_for(name("child"));
		_exit(read(fd1, &c, 1) == 1 && c == '3' ? 33 : 1);
	}
	check(lseek(fd1, 2, SEEK_SET) == 2);
}

static void get_fork(void)
{
	int status = 0;
	char c;

	check(read(fd1, &c, 1) == 1 && c == '2');
	write_file(name("child"), "");
	check(waitpid(child, &status, 0) == child);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 33);
	check(read(fd1, &c, 1) == 1 && c == '4');
}

static void set_dir(void)
{
	mkdir(name("dir"), 0700);
	fd1 = open(name("dir"), O_RDONLY | O_DIRECTORY);
	write_file(name("dir/x"), "");
	check(!chdir(name("dir")));
	umask(0123);
}

static void get_dir(void)
{
	char cwd[512];
	struct stat st;

	check(!fstat(fd1, &st) && S_ISDIR(st.st_mode));
	check(!faccessat(fd1, "x", F_OK, 0));
	dir = fdopendir(fd1);
	check(dir && readdir(dir));
	check(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, name("dir")));
	check(umask(0) == 0123);
}

/* Somebody is reading a directory. */
#define NAMES	300

static bool listed[NAMES];

static bool list_some(size_t size)
{
	char buf[8192] __attribute__((aligned(8)));
	ssize_t n = syscall(SYS_getdents64, fd1, buf, size);
	const struct dirent64 *d;
	int nr;

	check(n >= 0);
	for (ssize_t at = 0; at < n; at += d->d_reclen) {
		d = (const void *)(buf + at);
		if (sscanf(d->d_name, "name%d", &nr) != 1)
			continue;
		check(nr >= 0 && nr < NAMES && !listed[nr]);
		listed[nr] = true;
	}
	return n > 0;
}

static void set_listing(void)
{
	char file[32];

	mkdir(name("names"), 0700);
	for (int i = 0; i < NAMES; i++) {
		snprintf(file, sizeof(file), "names/name%d", i);
		write_file(name(file), "");
	}
	fd1 = open(name("names"), O_RDONLY | O_DIRECTORY);
	check(list_some(1024) && list_some(1024));
}

static void get_listing(void)
{
	int n = 0;

	for (int i = 0; i < NAMES; i++)
		n += listed[i];
	check(n > 10 && n < 100);
	while (list_some(8192) && !*wrong)
		;
	for (int i = 0; i < NAMES; i++)
		check(listed[i]);
}

static void set_dev(void)
{
	fd1 = open("/dev/null", O_RDWR);
	fd2 = open("/dev/zero", O_RDONLY);
	fd3 = open("/dev/urandom", O_RDONLY);
}

static void get_dev(void)
{
	char buf[8] = "xxxxxxx";
	struct stat st;

	check(write(fd1, buf, 8) == 8 && read(fd1, buf, 8) == 0);
	check(read(fd2, buf, 8) == 8 && !memcmp(buf, "\0\0\0\0\0\0\0", 8));
	check(read(fd3, buf, 8) == 8);
	check(!fstat(fd3, &st) && S_ISCHR(st.st_mode));
}

static void set_opath(void)
{
	write_file(name("data"), "");
	check(!symlink("nowhere", name("link")));
	fd1 = open(name("link"), O_PATH | O_NOFOLLOW);
	fd2 = open(name("data"), O_PATH);
	fd3 = open("/dev/kmsg", O_PATH);
	check(fd1 >= 0 && fd2 >= 0 && fd3 >= 0);
}

static void get_opath(void)
{
	char buf[32] = "";
	struct stat st;

	check(readlinkat(fd1, "", buf, sizeof(buf)) == 7 && !strcmp(buf, "nowhere"));
	check(read(fd2, buf, 1) < 0 && errno == EBADF);
	check(fcntl(fd2, F_GETFL) & O_PATH);
	check(!fstat(fd3, &st) && S_ISCHR(st.st_mode));
}

const struct test named_tests[] = {
	{ "reg", set_reg, get_reg },
	{ "append", set_append, get_append },
	{ "proc", set_proc, get_proc },
	{ "generated", set_generated, get_generated },
	{ "deadproc", set_deadproc, get_deadproc },
	{ "outproc", set_outproc, NULL },
	{ "threadproc", set_threadproc, NULL },
	{ "fileproc", set_fileproc, NULL },
	{ "pathproc", set_pathproc, NULL },
	{ "fork", set_fork, get_fork },
	{ "dir", set_dir, get_dir },
	{ "listing", set_listing, get_listing },
	{ "dev", set_dev, get_dev },
	{ "opath", set_opath, get_opath },
	{ }
};
