// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state KIND FILE - a program with open files of one kind that knows what must
 * become of them. It sets them up, makes FILE.ready, waits until FILE.go is
 * there (meanwhile it is dumped, killed and restored), looks again, and writes
 * "ok" or what is wrong to FILE.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const char *base;		/* FILE: prefix of all names */
static char wrong[1024];

static const char *name(const char *suffix)
{
	static char buf[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "%s.%s", base, suffix);
	return buf[n];
}

#define check(cond) do {						\
	if (!(cond) && !*wrong)						\
		snprintf(wrong, sizeof(wrong), "line %d: %s (errno %d: %s)", \
			 __LINE__, #cond, errno, strerror(errno));	\
} while (0)

static void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

static void wait_for(const char *file)
{
	while (access(file, F_OK))
		usleep(20000);
}

/* ---- regular files ---- */

static int fd1, fd2, fd3;

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

/* A child has the same description: what one reads the other does not. */
static pid_t child;

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

static DIR *dir;

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

/* ---- pipes ---- */

static int p[2], q[2], s[2];

static void set_pipe(void)
{
	static char big[100000];

	check(!pipe2(p, O_NONBLOCK) && !pipe(q) && !pipe2(s, O_DIRECT));
	check(fcntl(p[1], F_SETPIPE_SZ, 1 << 17) == 1 << 17);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 256;
	check(write(p[1], big, sizeof(big)) == sizeof(big));
	check(write(q[1], "hello", 5) == 5);
	close(q[1]);				/* nobody writes any more */
	check(write(s[1], "abc", 3) == 3 && write(s[1], "defgh", 5) == 5);
}

static void get_pipe(void)
{
	char buf[65536];
	size_t got = 0;
	ssize_t n;

	check(fcntl(p[1], F_GETPIPE_SZ) == 1 << 17);
	while ((n = read(p[0], buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			check(buf[i] == (char)(got * 7 + got / 256));
	check(got == 100000 && n < 0 && errno == EAGAIN);
	check(write(p[1], "x", 1) == 1 && read(p[0], buf, 9) == 1);
	check(read(q[0], buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5));
	check(read(q[0], buf, sizeof(buf)) == 0);
	check(!(fcntl(q[0], F_GETFL) & O_NONBLOCK));
	check(read(s[0], buf, sizeof(buf)) == 3 && !memcmp(buf, "abc", 3));
	check(read(s[0], buf, sizeof(buf)) == 5);
}

static void set_brokenpipe(void)
{
	check(!pipe(p));
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
}

static void get_brokenpipe(void)
{
	check(write(p[1], "x", 1) < 0 && errno == EPIPE);
}

static void set_pipefork(void)
{
	check(!pipe(p) && !pipe(q));
	child = fork();
	if (!child) {
		char c;

		close(p[1]);
		close(q[0]);
		while (read(p[0], &c, 1) == 1)		/* sleeps in here */
			if (write(q[1], &c, 1) != 1)
				_exit(2);
		_exit(0);
	}
	close(p[0]);
	close(q[1]);
	usleep(100000);
}

static void get_pipefork(void)
{
	int status = 1;
	char c;

	check(write(p[1], "z", 1) == 1);
	check(read(q[0], &c, 1) == 1 && c == 'z');
	close(p[1]);
	check(read(q[0], &c, 1) == 0);
	check(waitpid(child, &status, 0) == child && !status);
}

static void set_fifo(void)
{
	mkfifo(name("fifo"), 0600);
	fd1 = open(name("fifo"), O_RDWR | O_NONBLOCK);
	fd2 = open(name("fifo"), O_WRONLY);
	check(write(fd2, "fifo", 4) == 4);
}

static void get_fifo(void)
{
	char buf[16];

	check(read(fd1, buf, sizeof(buf)) == 4 && !memcmp(buf, "fifo", 4));
	check(read(fd2, buf, 1) < 0 && errno == EBADF);
}

/* ---- events ---- */

static void set_eventfd(void)
{
	fd1 = eventfd(41, EFD_NONBLOCK);
	fd2 = eventfd(0, 0);
	fd3 = eventfd(0, EFD_NONBLOCK);
	eventfd_write(fd3, 0xfffffffffffffffeULL);
}

static void get_eventfd(void)
{
	eventfd_t v;

	check(!eventfd_write(fd1, 1) && !eventfd_read(fd1, &v) && v == 42);
	check(eventfd_read(fd1, &v) && errno == EAGAIN);
	check(!eventfd_write(fd2, 3) && !eventfd_read(fd2, &v) && v == 3);
	check(!eventfd_read(fd3, &v) && v == 0xfffffffffffffffeULL);
}

static int ep;

static void watch(int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = { .events = events, .data.u64 = data };

	check(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
}

/* Ready at once, ready later, edge-triggered, one that was added under a number
 * below and one above the epoll's own.
 */
static void set_epoll(void)
{
	fd1 = eventfd(1, 0);
	ep = epoll_create1(EPOLL_CLOEXEC);
	fd2 = eventfd(0, 0);
	check(!pipe(p));
	check(dup2(fd2, 300) == 300);
	watch(fd1, EPOLLIN, 0x1111111111ULL);
	watch(300, EPOLLIN | EPOLLET, 2);
	watch(p[0], EPOLLIN, 3);
	check(write(p[1], "x", 1) == 1);
}

static void get_epoll(void)
{
	struct epoll_event ev[8];
	uint64_t sum = 0;
	int n = epoll_wait(ep, ev, 8, 1000);

	check(n == 2);
	for (int i = 0; i < n; i++)
		sum += ev[i].data.u64;
	check(sum == 0x1111111111ULL + 3);
	eventfd_write(fd2, 1);
	check(epoll_wait(ep, ev, 8, 1000) == 3);
	check(epoll_wait(ep, ev, 8, 0) == 2);		/* an edge comes once */
	check(!epoll_ctl(ep, EPOLL_CTL_DEL, fd1, ev));
	check(epoll_ctl(ep, EPOLL_CTL_DEL, fd2, ev) && errno == ENOENT);
	check(!epoll_ctl(ep, EPOLL_CTL_DEL, 300, ev));
	ev[0].events = EPOLLOUT;
	check(!epoll_ctl(ep, EPOLL_CTL_MOD, p[0], ev));
	check(epoll_wait(ep, ev, 8, 0) == 0);
	check(fcntl(ep, F_GETFD) == FD_CLOEXEC);
}

/* The far one must not fire before its time, measured on its own clock. */
static void set_timerfd(void)
{
	struct itimerspec far = { { 0 }, { 1000, 0 } };
	struct itimerspec often = { { 500, 0 }, { 900, 0 } };
	struct itimerspec soon = { { 0 }, { 0, 1000 } };

	fd1 = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	fd2 = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	fd3 = timerfd_create(CLOCK_BOOTTIME, 0);
	check(!timerfd_settime(fd1, 0, &far, NULL));
	check(!timerfd_settime(fd2, 0, &often, NULL));
	check(!timerfd_settime(fd3, 0, &soon, NULL));
	usleep(10000);
}

static void get_timerfd(void)
{
	struct itimerspec it;
	uint64_t n = 0;

	check(!timerfd_gettime(fd1, &it) && it.it_value.tv_sec > 0 &&
	      it.it_value.tv_sec < 1000 && !it.it_interval.tv_sec);
	check(read(fd1, &n, 8) < 0 && errno == EAGAIN);
	check(!timerfd_gettime(fd2, &it) && it.it_value.tv_sec > 0 &&
	      it.it_value.tv_sec < 900 && it.it_interval.tv_sec == 500);
	check(read(fd3, &n, 8) == 8 && n == 1);		/* was due before */
	check(!timerfd_gettime(fd3, &it) && !it.it_value.tv_sec);
}

static void set_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd1 = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	sigqueue(getpid(), SIGRTMIN + 3, (union sigval){ .sival_int = 1234 });
}

static void get_signalfd(void)
{
	struct signalfd_siginfo si;

	check(read(fd1, &si, sizeof(si)) == sizeof(si));
	check((int)si.ssi_signo == SIGRTMIN + 3 && si.ssi_int == 1234);
	check(read(fd1, &si, sizeof(si)) < 0 && errno == EAGAIN);
	kill(getpid(), SIGUSR1);
	check(read(fd1, &si, sizeof(si)) == sizeof(si) && si.ssi_signo == SIGUSR1);
}

/* ---- memory ---- */

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

/* ---- mapped and deleted files ---- */

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

/* ---- locks ---- */

static bool try_lock(int fd, int cmd, int type, off_t start, off_t len)
{
	struct flock l = { .l_type = type, .l_start = start, .l_len = len };

	return !fcntl(fd, cmd, &l);
}

/* Who else wants a lock: a process with files of its own. */
static bool others_get(int cmd, int type, off_t start)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid) {
		int fd = open(name("data"), O_RDWR);

		if (cmd >= 0)
			_exit(!try_lock(fd, cmd, type, start, 1));
		_exit(flock(fd, type | LOCK_NB) != 0);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

static void set_locks(void)
{
	write_file(name("data"), "0123456789");
	fd1 = open(name("data"), O_RDWR);
	fd2 = open(name("data"), O_RDWR);
	check(!flock(fd1, LOCK_SH));
	check(try_lock(fd1, F_SETLK, F_WRLCK, 10, 5));
	check(try_lock(fd2, F_SETLK, F_RDLCK, 20, 70));
	check(try_lock(fd2, F_SETLK, F_RDLCK, 200, 0));		/* to the end */
	check(try_lock(fd2, F_OFD_SETLK, F_WRLCK, 3, 2));
	/* The child has our open files, and a lock of its own. */
	child = fork();
	if (!child) {
		if (!try_lock(fd1, F_SETLK, F_WRLCK, 100, 1))
			_exit(1);
		write_file(name("locked"), "");
		for (;;)
			pause();
	}
	wait_for(name("locked"));
}

static void get_locks(void)
{
	struct flock l = { .l_type = F_WRLCK, .l_start = 100, .l_len = 1 };

	check(others_get(-1, LOCK_SH, 0) && !others_get(-1, LOCK_EX, 0));
	check(!others_get(F_SETLK, F_RDLCK, 10) && !others_get(F_SETLK, F_WRLCK, 14));
	check(others_get(F_SETLK, F_WRLCK, 15) && others_get(F_SETLK, F_WRLCK, 9));
	check(others_get(F_SETLK, F_RDLCK, 20) && !others_get(F_SETLK, F_WRLCK, 89));
	check(others_get(F_SETLK, F_WRLCK, 90) && !others_get(F_SETLK, F_WRLCK, 1 << 30));
	check(!others_get(F_SETLK, F_RDLCK, 4) && others_get(F_SETLK, F_WRLCK, 5));
	check(!fcntl(fd1, F_GETLK, &l) && l.l_type == F_WRLCK && l.l_pid == child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	check(others_get(F_SETLK, F_WRLCK, 100));
	check(!flock(fd1, LOCK_UN) && others_get(-1, LOCK_EX, 0));
	close(fd1);			/* takes all our POSIX locks with it */
	check(others_get(F_SETLK, F_WRLCK, 10) && !others_get(F_SETLK, F_RDLCK, 4));
}

/* ---- the rest ---- */

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

static void set_pidfd(void)
{
	child = fork();
	if (!child)
		for (;;)
			pause();
	fd1 = syscall(SYS_pidfd_open, child, 0);
	fd2 = syscall(SYS_pidfd_open, getpid(), 0);
	check(!fcntl(fd1, F_SETFL, O_NONBLOCK));
}

static void get_pidfd(void)
{
	struct pollfd p = { .fd = fd1, .events = POLLIN };
	siginfo_t si = { .si_pid = 0 };

	check(fcntl(fd1, F_GETFL) & O_NONBLOCK);
	check(poll(&p, 1, 0) == 0);
	check(!syscall(SYS_pidfd_send_signal, fd2, 0, NULL, 0));
	check(!syscall(SYS_pidfd_send_signal, fd1, SIGKILL, NULL, 0));
	check(poll(&p, 1, -1) == 1);
	check(!waitid(P_PIDFD, fd1, &si, WEXITED) && si.si_pid == child);
}

static volatile sig_atomic_t sigio_fd = -1;

static void on_sigio(int sig, siginfo_t *si, void *context)
{
	sigio_fd = si->si_fd;
}

static void set_owner(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigio, .sa_flags = SA_SIGINFO };
	struct f_owner_ex ex = { F_OWNER_PGRP, getpgrp() };

	sigaction(SIGRTMIN + 1, &sa, NULL);
	check(!pipe(p));
	check(!fcntl(p[0], F_SETOWN, getpid()));
	check(!fcntl(p[0], F_SETSIG, SIGRTMIN + 1));
	check(!fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	check(!fcntl(p[1], F_SETOWN_EX, &ex));
}

static void get_owner(void)
{
	struct f_owner_ex ex = { 0 };

	check(fcntl(p[0], F_GETSIG) == SIGRTMIN + 1);
	check((fcntl(p[0], F_GETFL) & (O_ASYNC | O_NONBLOCK)) ==
	      (O_ASYNC | O_NONBLOCK));
	check(!fcntl(p[1], F_GETOWN_EX, &ex) && ex.type == F_OWNER_PGRP &&
	      ex.pid == getpgrp());
	check(write(p[1], "x", 1) == 1);
	for (int i = 0; i < 3000 && sigio_fd < 0; i++)
		usleep(10000);
	check(sigio_fd == p[0]);
}

static void set_semaphore(void)
{
	fd1 = eventfd(5, EFD_SEMAPHORE | EFD_NONBLOCK);
	fd2 = eventfd(5, 0);
}

static void get_semaphore(void)
{
	uint64_t n;

	check(read(fd1, &n, 8) == 8 && n == 1);
	check(read(fd1, &n, 8) == 8 && n == 1);
	check(read(fd2, &n, 8) == 8 && n == 5);
}

static int watches[4];

/* Numbers with gaps, two files and a directory. */
static void set_inotify(void)
{
	fd1 = inotify_init1(IN_NONBLOCK);
	mkdir(name("dir"), 0700);
	write_file(name("data"), "");
	write_file(name("other"), "");
	for (int i = 0; i < 3; i++) {
		watches[0] = inotify_add_watch(fd1, name("dir"), IN_CREATE | IN_DELETE);
		if (i < 2)
			inotify_rm_watch(fd1, watches[0]);
	}
	watches[1] = inotify_add_watch(fd1, name("data"), IN_MODIFY | IN_ONESHOT);
	watches[3] = inotify_add_watch(fd1, name("other"), IN_ATTRIB);
	watches[2] = inotify_add_watch(fd1, "/proc/self", IN_ACCESS);
	check(watches[0] == 3 && watches[1] == 4 && watches[2] == 6);
	inotify_rm_watch(fd1, watches[2]);
	{
		char events[1024];

		check(read(fd1, events, sizeof(events)) > 0);	/* IN_IGNORED */
		check(read(fd1, events, sizeof(events)) < 0);
	}
}

/* The next event, of those that one read() brought. */
static bool told(int wd, unsigned int mask)
{
	static char buf[1024];
	static ssize_t at, len;
	struct inotify_event ev;

	if (at >= len) {
		at = 0;
		len = read(fd1, buf, sizeof(buf));
		if (len <= 0)
			return false;
	}
	memcpy(&ev, buf + at, sizeof(ev));
	at += sizeof(ev) + ev.len;
	return ev.wd == wd && ev.mask == mask;
}

static void get_inotify(void)
{
	char c;

	check(read(fd1, &c, 1) < 0 && errno == EAGAIN);
	write_file(name("dir/x"), "");
	check(told(watches[0], IN_CREATE));
	fd2 = open(name("data"), O_WRONLY);
	check(write(fd2, "x", 1) == 1);
	check(told(watches[1], IN_MODIFY) && told(watches[1], IN_IGNORED));
	check(write(fd2, "x", 1) == 1);
	chmod(name("other"), 0640);
	check(told(watches[3], IN_ATTRIB));
	check(inotify_add_watch(fd1, name("dir"), IN_CREATE) == watches[0]);
	check(inotify_add_watch(fd1, name("data"), IN_OPEN) > watches[3]);
}

/* A shell in a terminal, and a job of it in the foreground. */
static int answer(const char *cmd, char *buf, size_t len)
{
	struct pollfd pfd = { .fd = fd1, .events = POLLIN };
	size_t n = 0;

	if (write(fd1, cmd, strlen(cmd)) < 0)
		return -1;
	while (n < len - 1 && poll(&pfd, 1, 30000) == 1 &&
	       read(fd1, buf + n, 1) == 1)
		if (buf[n++] == '\n')
			break;
	buf[n] = '\0';
	return n;
}

static void job(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setpgid(0, 0);
	write_file(name("job"), "");
	while (!sigwait(&set, &sig))
		dprintf(0, "signal %d\n", sig);
	_exit(1);
}

static void shell(const char *tty)
{
	char line[64];
	int fd, status;
	pid_t pid;

	close(fd1);		/* the master: it hangs up when it is closed */
	close(fd2);
	setsid();
	fd = open(tty, O_RDWR);
	dup2(fd, 0);
	pid = fork();
	if (!pid)
		job();
	wait_for(name("job"));
	signal(SIGTTOU, SIG_IGN);
	if (tcsetpgrp(0, pid))
		_exit(2);
	write_file(name("shell"), "");
	waitpid(pid, &status, 0);
	tcsetpgrp(0, getpgrp());
	for (;;) {
		if (read(0, line, sizeof(line)) <= 0)
			_exit(0);
		dprintf(0, "%s %d %d\n", ttyname(0), tcgetsid(0) == getpid(),
			open("/dev/tty", O_RDWR) >= 0);
	}
}

static struct termios modes;
static char tty_name[64];

static void set_pty(void)
{
	struct winsize ws = { .ws_row = 33, .ws_col = 77 };
	int other = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0;

	/* Its number is not the lowest. */
	fd1 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(other >= 0 && fd1 >= 0 && !ioctl(fd1, TIOCSPTLCK, &zero));
	check(!ptsname_r(fd1, tty_name, sizeof(tty_name)));
	fd2 = open(tty_name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	check(!tcgetattr(fd2, &modes));
	modes.c_lflag &= ~(ECHO | ECHOE);
	modes.c_oflag &= ~ONLCR;
	modes.c_cc[VINTR] = 'Q';
	cfsetospeed(&modes, B19200);
	check(!tcsetattr(fd2, TCSANOW, &modes) && !tcgetattr(fd2, &modes));
	check(!ioctl(fd1, TIOCSWINSZ, &ws));
	close(other);
	child = fork();
	if (!child)
		shell(tty_name);
	wait_for(name("shell"));
}

static void get_pty(void)
{
	struct termios now;
	struct winsize ws;
	char buf[128], want[128];

	memset(&now, 0, sizeof(now));		/* there are gaps in it */
	check(!tcgetattr(fd2, &now) && !memcmp(&now, &modes, sizeof(now)));
	check(!ioctl(fd2, TIOCGWINSZ, &ws) && ws.ws_row == 33 && ws.ws_col == 77);
	check(!ptsname_r(fd1, buf, sizeof(buf)) && !strcmp(buf, tty_name));
	check(fcntl(fd2, F_GETFL) & O_NONBLOCK);
	check(tcgetsid(fd1) == child);
	/* The interrupt character goes to the foreground group. */
	check(answer("Q", buf, sizeof(buf)) > 0 && !strcmp(buf, "signal 2\n"));
	ws.ws_row++;
	check(!ioctl(fd1, TIOCSWINSZ, &ws));
	check(answer("", buf, sizeof(buf)) > 0 && !strcmp(buf, "signal 28\n"));
	kill(-tcgetpgrp(fd1), SIGKILL);
	/* then to the shell, which has the same terminal */
	snprintf(want, sizeof(want), "%s 1 1\n", tty_name);
	check(answer("hello\n", buf, sizeof(buf)) > 0 && !strcmp(buf, want));
	close(fd1);		/* hangs up */
	close(fd2);
	check(waitpid(child, NULL, 0) == child);
}

/* ---- what must be refused ---- */

static void set_lease(void)
{
	fd1 = open(name("leased"), O_RDONLY | O_CREAT, 0600);
	check(!fcntl(fd1, F_SETLEASE, F_RDLCK));
}

/* Deleted under the name that it was opened by, not under another. */
static void set_othername(void)
{
	fd1 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	check(!link(name("gone"), name("kept")) && !unlink(name("gone")));
}

static void set_hole(void)
{
	fd1 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	check(!ftruncate(fd1, 3LL << 30) && !unlink(name("gone")));
}

static void set_deadpidfd(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	fd1 = syscall(SYS_pidfd_open, pid, 0);
	check(fd1 >= 0 && waitpid(pid, NULL, 0) == pid);
}

static void *forever(void *arg)
{
	*(volatile int *)arg = syscall(SYS_gettid);
	while (pause())
		;
	return NULL;
}

/* A thread cannot be told to the file before it is there. */
static void set_ownthread(void)
{
	static volatile int tid;
	struct f_owner_ex ex = { .type = F_OWNER_TID };
	pthread_t t;

	check(!pthread_create(&t, NULL, forever, (void *)&tid));
	while (!tid)
		usleep(1000);
	check(!pipe(p));
	ex.pid = tid;
	check(!fcntl(p[0], F_SETOWN_EX, &ex));
}

static void set_unread(void)
{
	fd1 = inotify_init();
	mkdir(name("dir"), 0700);
	check(inotify_add_watch(fd1, name("dir"), IN_CREATE) > 0);
	write_file(name("dir/x"), "");
}

static void set_watchgone(void)
{
	fd1 = inotify_init();
	fd2 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	check(inotify_add_watch(fd1, name("gone"), IN_MODIFY) > 0);
	unlink(name("gone"));
}

/* One end only: the other is the script's. */
static void set_tty(void)
{
	fd1 = open("/dev/console", O_RDWR | O_NOCTTY);
	check(fd1 >= 0);
}

/* Watched through a number that is closed, while the file lives on. */
static void set_lostwatch(void)
{
	ep = epoll_create1(0);
	fd1 = eventfd(0, 0);
	fd2 = dup(fd1);
	watch(fd2, EPOLLIN, 1);
	close(fd2);
}

static void nothing(void)
{
}

static const struct kind {
	const char *name;
	void (*set)(void), (*get)(void);
} kinds[] = {
	{ "reg", set_reg, get_reg },
	{ "append", set_append, get_append },
	{ "proc", set_proc, get_proc },
	{ "fork", set_fork, get_fork },
	{ "dir", set_dir, get_dir },
	{ "dev", set_dev, get_dev },
	{ "pipe", set_pipe, get_pipe },
	{ "brokenpipe", set_brokenpipe, get_brokenpipe },
	{ "pipefork", set_pipefork, get_pipefork },
	{ "fifo", set_fifo, get_fifo },
	{ "eventfd", set_eventfd, get_eventfd },
	{ "epoll", set_epoll, get_epoll },
	{ "timerfd", set_timerfd, get_timerfd },
	{ "signalfd", set_signalfd, get_signalfd },
	{ "memfd", set_memfd, get_memfd },
	{ "shared", set_shared, get_shared },
	{ "mapfile", set_mapfile, get_mapfile },
	{ "deleted", set_deleted, get_deleted },
	{ "tmpfile", set_tmpfile, get_tmpfile },
	{ "mapdeleted", set_mapdeleted, get_mapdeleted },
	{ "locks", set_locks, get_locks },
	{ "opath", set_opath, get_opath },
	{ "pidfd", set_pidfd, get_pidfd },
	{ "owner", set_owner, get_owner },
	{ "semaphore", set_semaphore, get_semaphore },
	{ "lease", set_lease, nothing },
	{ "othername", set_othername, nothing },
	{ "hole", set_hole, nothing },
	{ "deadpidfd", set_deadpidfd, nothing },
	{ "ownthread", set_ownthread, nothing },
	{ "inotify", set_inotify, get_inotify },
	{ "unread", set_unread, nothing },
	{ "watchgone", set_watchgone, nothing },
	{ "pty", set_pty, get_pty },
	{ "tty", set_tty, nothing },
	{ "outpty", nothing, nothing },		/* fd 0, from the script */
	{ "lostwatch", set_lostwatch, nothing },
	{ "outpipe", nothing, nothing },	/* fd 1, from the script */
};

int main(int argc, char **argv)
{
	const struct kind *k = NULL;

	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			k = &kinds[i];
	if (!k)
		return 2;
	base = argv[2];
	k->set();
	write_file(name("ready"), wrong);
	wait_for(name("go"));
	if (!*wrong)
		k->get();
	write_file(name("result"), *wrong ? wrong : "ok");
	rename(name("result"), base);
	return *wrong != 0;
}
