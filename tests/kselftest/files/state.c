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
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
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

/* ---- what must be refused ---- */

static void set_deleted(void)
{
	fd1 = open(name("gone"), O_RDWR | O_CREAT, 0600);
	unlink(name("gone"));
}

static void set_inotify(void)
{
	fd1 = inotify_init();
}

static void set_tty(void)
{
	fd1 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
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
	{ "deleted", set_deleted, nothing },
	{ "inotify", set_inotify, nothing },
	{ "tty", set_tty, nothing },
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
