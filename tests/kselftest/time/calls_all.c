// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that wait for files, sockets, locks, memory, children, signals and time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

/* ---- what ends calls ---- */

static void make_pipe(struct call *c)
{
	if (pipe(c->fd))
		fail("pipe");
}

static void put(struct call *c)
{
	if (write(c->fd[1], "x", 1) != 1)
		fail(c->name);
}

static void usr1(struct call *c)
{
	syscall(SYS_tgkill, getpid(), c->tid, SIGUSR1);
}

/* ---- calls ---- */

static int waits_read(struct call *c)
{
	char x = 0;

	return read(c->fd[0], &x, 1) == 1 && x == 'x';
}

static void fill(struct call *c)
{
	static char page[4096];

	make_pipe(c);
	fcntl(c->fd[1], F_SETFL, O_NONBLOCK);
	while (write(c->fd[1], page, sizeof(page)) > 0)
		;
	fcntl(c->fd[1], F_SETFL, 0);
}

static int waits_write(struct call *c)
{
	return write(c->fd[1], "y", 1) == 1;
}

static void drain(struct call *c)
{
	char page[4096];

	if (read(c->fd[0], page, sizeof(page)) != sizeof(page))
		fail(c->name);
}

static int waits_poll(struct call *c)
{
	struct pollfd p = { c->fd[0], POLLIN, 0 };

	return poll(&p, 1, FAR * 1000) == 1 && p.revents == POLLIN;
}

static int waits_poll_endless(struct call *c)
{
	struct pollfd p = { c->fd[0], POLLIN, 0 };

	return poll(&p, 1, -1) == 1 && p.revents == POLLIN;
}

static int waits_ppoll(struct call *c)
{
	struct pollfd p = { c->fd[0], POLLIN, 0 };
	struct timespec t = { FAR, 0 };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, &t, &none) == 1 && p.revents == POLLIN;
}

static int waits_select(struct call *c)
{
	struct timeval t = { FAR, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(c->fd[0], &set);
	/* What is left is written back. */
	return syscall(SYS_select, c->fd[0] + 1, &set, NULL, NULL, &t) == 1 &&
	       FD_ISSET(c->fd[0], &set) && t.tv_sec < FAR && t.tv_sec > FAR / 2;
}

static int waits_pselect(struct call *c)
{
	struct timespec t = { FAR, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(c->fd[0], &set);
	return pselect(c->fd[0] + 1, &set, NULL, NULL, &t, NULL) == 1 &&
	       FD_ISSET(c->fd[0], &set);
}

static void make_epoll(struct call *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 7 };

	make_pipe(c);
	c->other = epoll_create1(0);
	if (c->other < 0 || epoll_ctl(c->other, EPOLL_CTL_ADD, c->fd[0], &ev))
		fail("epoll");
}

static int waits_epoll(struct call *c)
{
	struct epoll_event ev = { 0 };

	return epoll_wait(c->other, &ev, 1, -1) == 1 && ev.data.u32 == 7;
}

static int waits_epoll_pwait(struct call *c)
{
	struct epoll_event ev = { 0 };
	sigset_t none;

	sigemptyset(&none);
	return epoll_pwait(c->other, &ev, 1, -1, &none) == 1 && ev.data.u32 == 7;
}

static int waits_futex(struct call *c)
{
	struct timespec t = { FAR, 0 };

	return !syscall(SYS_futex, &c->word, FUTEX_WAIT, 0, &t, NULL, 0);
}

static int waits_futex_bitset(struct call *c)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += FAR;
	return !syscall(SYS_futex, &c->word, FUTEX_WAIT_BITSET_PRIVATE, 0, &t,
			NULL, ~0U);
}

static int waits_futex_realtime(struct call *c)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += FAR;
	return !syscall(SYS_futex, &c->word, FUTEX_WAIT_BITSET_PRIVATE |
			FUTEX_CLOCK_REALTIME, 0, &t, NULL, ~0U);
}

static int waits_futex_endless(struct call *c)
{
	return !syscall(SYS_futex, &c->word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

static void wake(struct call *c)
{
	if (syscall(SYS_futex, &c->word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1 &&
	    syscall(SYS_futex, &c->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) != 1)
		fail(c->name);
}

static void make_child(struct call *c)
{
	c->other = fork();
	if (!c->other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
}

static int waits_wait4(struct call *c)
{
	int status = 0;

	return wait4(c->other, &status, 0, NULL) == c->other &&
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}

static int waits_waitid(struct call *c)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, c->other, &info, WEXITED) &&
	       info.si_pid == c->other && info.si_status == SIGTERM;
}

static void end_child(struct call *c)
{
	kill(c->other, SIGTERM);
}

static void make_pair(struct call *c)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, c->fd))
		fail("socketpair");
}

static int waits_recv(struct call *c)
{
	char x = 0;

	return recv(c->fd[0], &x, 1, 0) == 1 && x == 'x';
}

static void make_listener(struct call *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "calls-%d", getpid());
	c->other = socket(AF_UNIX, SOCK_STREAM, 0);
	if (c->other < 0 || bind(c->other, (void *)&un, sizeof(un)) ||
	    listen(c->other, 5))
		fail("listen");
}

static int waits_accept(struct call *c)
{
	return accept(c->other, NULL, NULL) >= 0;
}

static void connect_to(struct call *c)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	if (getsockname(c->other, (void *)&un, &len) ||
	    connect(s, (void *)&un, len))
		fail("connect");
}

static void make_eventfd(struct call *c)
{
	c->fd[0] = eventfd(0, 0);
}

static int waits_eventfd(struct call *c)
{
	uint64_t v = 0;

	return read(c->fd[0], &v, 8) == 8 && v == 5;
}

static void add(struct call *c)
{
	uint64_t v = 5;

	if (write(c->fd[0], &v, 8) != 8)
		fail("eventfd");
}

static int waits_sigsuspend(struct call *c)
{
	sigset_t all_but;

	sigfillset(&all_but);
	sigdelset(&all_but, SIGUSR1);
	return sigsuspend(&all_but) == -1 && errno == EINTR && c->word == 1;
}

static int waits_pause(struct call *c)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return pause() == -1 && errno == EINTR && c->word == 1;
}

static int waits_sigwait(struct call *c)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == getpid();
}

static int waits_nanosleep(struct call *c)
{
	struct timespec t = { FAR, 0 }, left = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return nanosleep(&t, &left) == -1 && errno == EINTR && c->word == 1 &&
	       left.tv_sec < FAR && left.tv_sec > FAR / 2;
}

static int waits_until(struct call *c)
{
	struct timespec t;
	sigset_t set;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += FAR;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR &&
	       c->word == 1;
}

/* ---- locks ---- */

static int open_locked(void)
{
	int fd = open(locked, O_RDWR | O_CREAT, 0600);

	if (fd < 0)
		fail(locked);
	return fd;
}

static void lock_twice(struct call *c)
{
	c->fd[0] = open_locked();
	c->other = open_locked();
	if (flock(c->fd[0], LOCK_EX))
		fail("flock");
}

static int waits_flock(struct call *c)
{
	return !flock(c->other, LOCK_EX);
}

static void unlock(struct call *c)
{
	if (flock(c->fd[0], LOCK_UN))
		fail("flock");
}

static void lock_by_child(struct call *c)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };

	make_pipe(c);
	c->other = fork();
	if (!c->other) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fcntl(open_locked(), F_SETLK, &lock) || write(c->fd[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(c->fd[0], &c->word, 1) != 1)
		fail(c->name);
}

static int waits_setlkw(struct call *c)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };

	return !fcntl(open_locked(), F_SETLKW, &lock);
}

/* ---- more that wakes ---- */

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct waitv {
	uint64_t val, uaddr;
	uint32_t flags, reserved;
};

/* The second of two. */
static int waits_futex_waitv(struct call *c)
{
	static int never;
	struct waitv v[] = { { 0, (uintptr_t)&never, 2 | FUTEX_PRIVATE_FLAG, 0 },
			     { 0, (uintptr_t)&c->word, 2 | FUTEX_PRIVATE_FLAG, 0 } };
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += FAR;
	return syscall(SYS_futex_waitv, v, 2, 0, &t, CLOCK_MONOTONIC) == 1;
}

static void make_ring(struct call *c)
{
	static aio_context_t ring[2];

	c->other = c->word = !strcmp(c->name, "io_pgetevents");
	if (syscall(SYS_io_setup, 4, &ring[c->other]))
		fail("io_setup");
	c->ring = ring[c->other];
}

static int waits_ring(struct call *c)
{
	struct io_event ev = { 0 };
	long n = c->word ? syscall(SYS_io_pgetevents, c->ring, 1, 1, &ev, NULL, NULL) :
			   syscall(SYS_io_getevents, c->ring, 1, 1, &ev, NULL);

	return n == 1 && ev.data == 4711;
}

/* A read of what is there is over at once. */
static void submit(struct call *c)
{
	static char buf[8];
	struct iocb cb = { .aio_data = 4711, .aio_lio_opcode = IOCB_CMD_PREAD,
			   .aio_fildes = open("/proc/self/exe", O_RDONLY),
			   .aio_buf = (uintptr_t)buf, .aio_nbytes = sizeof(buf) }, *p = &cb;

	if (syscall(SYS_io_submit, c->ring, 1, &p) != 1)
		fail(c->name);
}

/* More than its queue holds; the thread is the one that does not fit. */
static void fill_backlog(struct call *c)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	snprintf(un.sun_path + 1, sizeof(un.sun_path) - 1, "full-%d", getpid());
	c->other = socket(AF_UNIX, SOCK_STREAM, 0);
	if (c->other < 0 || bind(c->other, (void *)&un, sizeof(un)) || listen(c->other, 0))
		fail("listen");
	connect_to(c);
}

static int waits_connect(struct call *c)
{
	struct sockaddr_un un;
	socklen_t len = sizeof(un);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	return !getsockname(c->other, (void *)&un, &len) && !connect(s, (void *)&un, len);
}

static void accept_one(struct call *c)
{
	if (accept(c->other, NULL, NULL) < 0)
		fail("accept");
}

struct call all_calls[] = {
	{ "read", waits_read, make_pipe, put, .fd = { -1, -1 } },
	{ "write", waits_write, fill, drain, .fd = { -1, -1 } },
	{ "poll", waits_poll, make_pipe, put, .fd = { -1, -1 } },
	{ "poll, endless", waits_poll_endless, make_pipe, put, .fd = { -1, -1 } },
	{ "ppoll", waits_ppoll, make_pipe, put, .fd = { -1, -1 } },
	{ "select", waits_select, make_pipe, put, .fd = { -1, -1 } },
	{ "pselect", waits_pselect, make_pipe, put, .fd = { -1, -1 } },
	{ "epoll_wait", waits_epoll, make_epoll, put, .fd = { -1, -1 } },
	{ "epoll_pwait", waits_epoll_pwait, make_epoll, put, .fd = { -1, -1 } },
	{ "futex", waits_futex, NULL, wake, .fd = { -1, -1 } },
	{ "futex, endless", waits_futex_endless, NULL, wake, .fd = { -1, -1 } },
	{ "futex until", waits_futex_bitset, NULL, wake, .fd = { -1, -1 } },
	{ "futex until, real time", waits_futex_realtime, NULL, wake, .fd = { -1, -1 } },
	{ "wait4", waits_wait4, make_child, end_child, .fd = { -1, -1 } },
	{ "waitid", waits_waitid, make_child, end_child, .fd = { -1, -1 } },
	{ "recv", waits_recv, make_pair, put, .fd = { -1, -1 } },
	{ "accept", waits_accept, make_listener, connect_to, .fd = { -1, -1 } },
	{ "eventfd", waits_eventfd, make_eventfd, add, .fd = { -1, -1 } },
	{ "sigsuspend", waits_sigsuspend, NULL, usr1, .fd = { -1, -1 } },
	{ "pause", waits_pause, NULL, usr1, .fd = { -1, -1 } },
	{ "sigwaitinfo", waits_sigwait, NULL, usr1, .fd = { -1, -1 } },
	{ "nanosleep", waits_nanosleep, NULL, usr1, .fd = { -1, -1 } },
	{ "clock_nanosleep until", waits_until, NULL, usr1, .fd = { -1, -1 } },
	{ "flock", waits_flock, lock_twice, unlock, .fd = { -1, -1 } },
	{ "fcntl(F_SETLKW)", waits_setlkw, lock_by_child, end_child, .fd = { -1, -1 } },
	{ "futex_waitv", waits_futex_waitv, NULL, wake, .fd = { -1, -1 } },
	{ "io_getevents", waits_ring, make_ring, submit, .fd = { -1, -1 } },
	{ "io_pgetevents", waits_ring, make_ring, submit, .fd = { -1, -1 } },
	{ "connect", waits_connect, fill_backlog, accept_one, .fd = { -1, -1 } },
	{ 0 }
};
