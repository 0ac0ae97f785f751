// SPDX-License-Identifier: GPL-2.0-or-later
/* What is waited for: eventfd, epoll, timerfd, signalfd. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2, fd3, p[2];

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

/* What is watched under the number @tfd, as the kernel tells. */
static unsigned int events_of(int tfd)
{
	char path[64], line[256];
	unsigned int events = 0, ret = 0;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "tfd: %d events: %x", &fd, &events) == 2 && fd == tfd)
			ret = events;
	if (f)
		fclose(f);
	return ret;
}

static const struct {
	uint32_t events, left;	/* before it has reported, and then */
} how[] = {
	{ EPOLLIN | EPOLLONESHOT, EPOLLONESHOT },
	{ EPOLLIN | EPOLLOUT | EPOLLET | EPOLLONESHOT, EPOLLONESHOT | EPOLLET },
	{ EPOLLIN | EPOLLWAKEUP | EPOLLONESHOT, EPOLLONESHOT | EPOLLWAKEUP },
	/* These go on. */
	{ EPOLLIN | EPOLLEXCLUSIVE, EPOLLIN | EPOLLEXCLUSIVE | EPOLLERR | EPOLLHUP },
	{ EPOLLPRI | EPOLLRDHUP | EPOLLONESHOT,
	  EPOLLPRI | EPOLLRDHUP | EPOLLONESHOT | EPOLLERR | EPOLLHUP },
};
#define NR_HOW (int)(sizeof(how) / sizeof(*how))

static int reader[NR_HOW], sock[NR_HOW], writer[NR_HOW], peer[NR_HOW];
static unsigned int left[NR_HOW];

/* Of pipes that are empty by now, and of sockets. */
static void set_oneshot(void)
{
	struct epoll_event ev[16];
	char c;

	ep = epoll_create1(0);
	for (int i = 0; i < NR_HOW; i++) {
		int sv[2];

		check(!pipe(p) && !socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
		reader[i] = p[0];
		writer[i] = p[1];
		sock[i] = sv[0];
		peer[i] = sv[1];
		watch(reader[i], how[i].events, i);
		watch(sock[i], how[i].events, 100 + i);
		check(write(writer[i], "x", 1) == 1 && write(peer[i], "x", 1) == 1);
	}
	check(epoll_wait(ep, ev, 16, 0) == 8);
	for (int i = 0; i < NR_HOW; i++) {
		check(read(reader[i], &c, 1) == 1 && read(sock[i], &c, 1) == 1);
		left[i] = events_of(reader[i]);
		/* (not all kernels can be suspended) */
		check((left[i] | (how[i].left & EPOLLWAKEUP)) == how[i].left);
		check(events_of(sock[i]) == left[i]);
	}
	check(!epoll_wait(ep, ev, 16, 0));
}

static void get_oneshot(void)
{
	struct epoll_event ev[16];
	char c;

	for (int i = 0; i < NR_HOW; i++)
		check(events_of(reader[i]) == left[i] && events_of(sock[i]) == left[i]);
	check(!epoll_wait(ep, ev, 16, 0));
	/* A hang-up is told to the others only. */
	for (int i = 0; i < NR_HOW; i++) {
		check(!fcntl(reader[i], F_SETFL, O_NONBLOCK));
		check(read(reader[i], &c, 1) < 0 && errno == EAGAIN);
		close(writer[i]);
		close(peer[i]);
	}
	check(epoll_wait(ep, ev, 16, 0) == 4);
	ev[0].events = EPOLLIN | EPOLLONESHOT;
	ev[0].data.u64 = 77;
	check(!epoll_ctl(ep, EPOLL_CTL_DEL, reader[3], NULL) &&
	      !epoll_ctl(ep, EPOLL_CTL_DEL, sock[3], NULL));
	check(!epoll_ctl(ep, EPOLL_CTL_MOD, reader[0], ev));
	check(epoll_wait(ep, ev, 16, 0) == 1 && ev[0].data.u64 == 77 && ev[0].events == EPOLLHUP);
}

/* What nobody reads goes on; between when it expired the first time. */
static int unread[2];
static double began[2];

static double monotonic(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* The far one must not fire before its time, measured on its own clock. */
static void set_timerfd(void)
{
	struct itimerspec far = { { 0 }, { 1000, 0 } };
	struct itimerspec often = { { 500, 0 }, { 900, 0 } };
	struct itimerspec soon = { { 0 }, { 0, 1000 } };
	struct itimerspec late = { { 100, 0 }, { 0, 1000 } };
	struct itimerspec busy = { { 0, 10000000 }, { 0, 1000 } };

	fd1 = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	fd2 = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	fd3 = timerfd_create(CLOCK_BOOTTIME, 0);
	unread[0] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	unread[1] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	began[0] = monotonic();
	check(!timerfd_settime(unread[0], 0, &late, NULL));
	check(!timerfd_settime(unread[1], 0, &busy, NULL));
	began[1] = monotonic() + 0.001;
	check(!timerfd_settime(fd1, 0, &far, NULL));
	check(!timerfd_settime(fd2, 0, &often, NULL));
	check(!timerfd_settime(fd3, 0, &soon, NULL));
	sleep(5);
}

/* Timers come late by what a restore takes from when it lets the clocks run until it
 * arms them, but not early; half a second is for what a busy machine looks at too late.
 */
#define LATE	20.0
#define EARLY	0.5

static void get_unread(void)
{
	struct itimerspec it;
	uint64_t n = 0;
	double now[2], left;

	now[0] = monotonic();
	check(!timerfd_gettime(unread[0], &it));
	now[1] = monotonic();
	left = it.it_value.tv_sec + it.it_value.tv_nsec / 1e9;
	left -= 100 * (1 + (int)((now[1] - began[0] - LATE) / 100));
	check(now[1] + left > began[0] - EARLY && now[0] + left < began[1] + LATE);
	check(read(unread[0], &n, 8) == 8 && n >= 1);

	now[0] = monotonic();
	check(read(unread[1], &n, 8) == 8);
	now[1] = monotonic();
	/* (before it was dumped it slept for 5 s) */
	check(n > 450 && n > (now[0] - began[1] - LATE) * 100 && n < (now[1] - began[0] + EARLY) * 100);
}

static void get_timerfd(void)
{
	struct itimerspec it;
	uint64_t n = 0;

	get_unread();

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

/* Watched under numbers that are closed, or something else by now; one of them
 * twice. An epoll that watches an epoll.
 */
static void set_lostwatch(void)
{
	int fd;

	ep = epoll_create1(0);
	fd1 = eventfd(0, EFD_NONBLOCK);
	fd2 = eventfd(0, EFD_NONBLOCK);
	fd3 = eventfd(0, EFD_NONBLOCK);
	fd = dup(fd1);
	watch(fd, EPOLLIN, 1);
	check(dup2(fd2, fd) == fd);
	watch(fd, EPOLLIN, 2);
	check(dup2(fd3, fd) == fd);
	watch(fd, EPOLLIN, 3);
	close(fd);
	check(dup2(fd1, 400) == 400);
	watch(400, EPOLLIN, 4);
	check(dup2(fd3, 400) == 400);		/* not this one is watched */
	p[0] = epoll_create1(0);
	p[1] = ep;
	ep = p[0];
	watch(p[1], EPOLLIN, 5);
}

/* What the script has opened as 9, and keeps. */
static void set_outwatch(void)
{
	ep = epoll_create1(0);
	watch(9, EPOLLIN, 1);
	check(!close(9));
}

static uint64_t ready_sum(int fd)
{
	struct epoll_event ev[8];
	int n = epoll_wait(fd, ev, 8, 0);
	uint64_t sum = 0;

	for (int i = 0; i < n; i++)
		sum = sum * 10 + ev[i].data.u64;
	return sum;
}

static void get_outwatch(void)
{
	check(ready_sum(ep) == 1);
}

static void get_lostwatch(void)
{
	eventfd_t v;

	check(ready_sum(p[1]) == 0 && ready_sum(p[0]) == 0);
	check(!eventfd_write(fd2, 1) && ready_sum(p[1]) == 2);
	check(!eventfd_read(fd2, &v) && ready_sum(p[1]) == 0);
	check(!eventfd_write(fd3, 1) && ready_sum(p[1]) == 3);
	check(!eventfd_read(fd3, &v));
	check(!eventfd_write(fd1, 1));
	v = ready_sum(p[1]);
	check(v == 14 || v == 41);
	check(ready_sum(p[0]) == 5);
}

const struct test event_tests[] = {
	{ "eventfd", set_eventfd, get_eventfd },
	{ "semaphore", set_semaphore, get_semaphore },
	{ "epoll", set_epoll, get_epoll },
	{ "oneshot", set_oneshot, get_oneshot },
	{ "timerfd", set_timerfd, get_timerfd },
	{ "signalfd", set_signalfd, get_signalfd },
	{ "lostwatch", set_lostwatch, get_lostwatch },
	{ "outwatch", set_outwatch, get_outwatch },
	{ }
};
