// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP connections that are being opened, or open: tcp_end.c has those that end. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "tcp.h"

/* ---- connections that nobody has accepted ---- */

static int l4, l6, c[8], ep;
static uint16_t port[8];

static void set_backlog(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u32 = 6 };

	l4 = tcp_listening(AF_INET, 7001, 8);
	l6 = tcp_listening(AF_INET6, 7002, 8);
	c[0] = tcp_connected(AF_INET, 7001, 0);
	c[1] = tcp_connected(AF_INET, 7001, 0);
	c[2] = tcp_connected(AF_INET, 7001, 0);
	check(says(c[0], "first") && says(c[2], "third"));
	check(!shutdown(c[2], SHUT_WR));
	c[3] = tcp_connected(AF_INET6, 7002, 0);
	c[4] = tcp_connected(AF_INET, 7002, 0);
	check(says(c[3], "v6") && says(c[4], "mapped"));
	for (int i = 0; i < 5; i++)
		port[i] = port_of(c[i], false);
	check(comes_to(c[2], FIN_WAIT2));
	ep = epoll_create1(0);
	check(!epoll_ctl(ep, EPOLL_CTL_ADD, l6, &ev));
}

static void get_backlog(void)
{
	struct epoll_event ev;
	int s;

	check(epoll_wait(ep, &ev, 1, 60000) == 1 && ev.data.u32 == 6);
	s = accept(l4, NULL, NULL);
	check(port_of(s, true) == port[0] && soon(s, "first"));
	check(says(s, "answer") && soon(c[0], "answer"));
	s = accept(l4, NULL, NULL);
	check(port_of(s, true) == port[1] && says(c[1], "late") && soon(s, "late"));
	s = accept(l4, NULL, NULL);
	check(state_of(s) == CLOSE_WAIT && soon(s, "third") && ends_soon(s));
	check(says(s, "still") && soon(c[2], "still") && !close(s) && ends_soon(c[2]));
	s = accept(l6, NULL, NULL);
	check(port_of(s, true) == port[3] && soon(s, "v6") && says(s, "a") && soon(c[3], "a"));
	s = accept(l6, NULL, NULL);
	check(port_of(s, true) == port[4] && soon(s, "mapped"));
	check(!close(c[4]) && ends_soon(s));
	check(!fcntl(l4, F_SETFL, O_NONBLOCK) && accept(l4, NULL, NULL) < 0 && errno == EAGAIN);
	check(!fcntl(l4, F_SETFL, 0));
	c[5] = tcp_connected(AF_INET, 7001, 0);
	s = accept(l4, NULL, NULL);
	check(says(c[5], "new") && soon(s, "new"));
	/* One more that waits when all is over. */
	tcp_connected(AF_INET, 7001, 0);
}

/* ---- being opened ---- */

static int opening;

static void set_opening(void)
{
	l4 = tcp_listening(AF_INET, 7006, 0);
	c[0] = tcp_connected(AF_INET, 7006, 0);
	/* The queue is full: the SYN is dropped, until there is room. */
	opening = tcp_connected(AF_INET, 7006, SOCK_NONBLOCK);
	port[0] = port_of(opening, false);
	usleep(200000);
	check(state_of(opening) == SYN_SENT);
}

static void get_opening(void)
{
	struct pollfd p = { .fd = opening, .events = POLLOUT };
	int s, err = -1;
	socklen_t len = sizeof(err);

	check(state_of(opening) == SYN_SENT && port_of(opening, false) == port[0]);
	check(fcntl(opening, F_GETFL) & O_NONBLOCK);
	s = accept(l4, NULL, NULL);
	check(poll(&p, 1, 60000) == 1 && p.revents == POLLOUT);
	check(!getsockopt(opening, SOL_SOCKET, SO_ERROR, &err, &len) && !err);
	s = accept(l4, NULL, NULL);
	check(port_of(s, true) == port[0] && says(opening, "there") && soon(s, "there"));
}

/* ---- connect() that waits ---- */

static pid_t connector;

/* Its connect() returns when there is room in the queue. */
static void connect_and_talk(void)
{
	int fd = tcp_connected(AF_INET, 7029, 0);

	check(says(fd, "at last"));
}

static bool in_connect(pid_t pid)
{
	char path[64], line[128];
	int nr = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		sscanf(line, "%d", &nr);
	if (f)
		fclose(f);
	return nr == SYS_connect;
}

static void set_connecting(void)
{
	l4 = tcp_listening(AF_INET, 7029, 0);
	c[0] = tcp_connected(AF_INET, 7029, 0);
	connector = in_child(0, 0, connect_and_talk);
	for (int i = 0; i < 60000 && !in_connect(connector); i++)
		usleep(1000);
	check(in_connect(connector));
}

static void get_connecting(void)
{
	int s, status = -1;

	check(waitpid(connector, &status, WNOHANG) == 0);
	check(accept(l4, NULL, NULL) >= 0);
	s = accept(l4, NULL, NULL);
	check(soon(s, "at last"));
	check(waitpid(connector, &status, 0) == connector && !status);
}

/* ---- data that is held back, and more than is read ---- */

static int corked[2], both[2];
static size_t sent, sent_back;

static void set_data(void)
{
	int on = 1;

	tcp_pair(AF_INET, 7007, corked);
	check(!setsockopt(corked[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	check(says(corked[0], "held back"));
	tcp_pair(AF_INET6, 7008, both);
	sent = fill(both[0]);
	sent_back = fill(both[1]);
}

static void get_data(void)
{
	int on = 0;
	socklen_t len = sizeof(on);

	check(!getsockopt(corked[0], IPPROTO_TCP, TCP_CORK, &on, &len) && on == 1);
	on = 0;
	check(!setsockopt(corked[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	check(soon(corked[1], "held back"));
	check(drain(both[1], sent) && drain(both[0], sent_back));
	check(says(both[0], "on") && soon(both[1], "on"));
}

const struct test tcp_tests[] = {
	{ "tcpbacklog", set_backlog, get_backlog },
	{ "tcpopening", set_opening, get_opening },
	{ "tcpdata", set_data, get_data },
	{ "tcpconnecting", set_connecting, get_connecting },
	{ 0 }
};
