// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP connections with both ends in the container, in states that last. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"

enum { ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSED,
       CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING };

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 : info.tcpi_state;
}

/* Until it is in @state; what makes it so is under way. */
static bool comes_to(int fd, int state)
{
	for (int i = 0; i < 60000 && state_of(fd) != state; i++)
		usleep(1000);
	return state_of(fd) == state;
}

static int listening(int family, int port, int backlog)
{
	union addr a = { .sa.sa_family = family };
	int fd = socket(family, SOCK_STREAM, 0), on = 1;

	a.in.sin_port = htons(port);
	if (family == AF_INET)
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	check(!bind(fd, &a.sa, family == AF_INET ? sizeof(a.in) : sizeof(a.in6)));
	check(!listen(fd, backlog));
	return fd;
}

/* AF_INET6: to ::1. */
static int connects(int family, int port, int flags)
{
	union addr a = { .sa.sa_family = family };
	int fd = socket(family, SOCK_STREAM | flags, 0);

	a.in.sin_port = htons(port);
	if (family == AF_INET)
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a.in6.sin6_addr = in6addr_loopback;
	check(!connect(fd, &a.sa, family == AF_INET ? sizeof(a.in) : sizeof(a.in6)) ||
	      (flags & SOCK_NONBLOCK && errno == EINPROGRESS));
	return fd;
}

static void pair(int family, int port, int sv[2])
{
	int l = listening(family, port, 1);

	sv[0] = connects(family, port, 0);
	sv[1] = accept(l, NULL, NULL);
	check(sv[1] >= 0);
	close(l);
}

/* It comes soon: within a minute, however slow the machine is. */
static bool soon(int fd, const char *text)
{
	char buf[256] = "";
	size_t n = strlen(text), got = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (got < n && poll(&p, 1, 60000) == 1) {
		ssize_t r = recv(fd, buf + got, n - got, 0);

		if (r <= 0)
			return false;
		got += r;
	}
	return got == n && !memcmp(buf, text, n);
}

static bool ends_soon(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, 60000) == 1 && recv(fd, &c, 1, 0) == 0;
}

/* Bytes until the other side and we can take no more. Return: how many. */
static size_t fill(int fd)
{
	static char buf[65536];
	size_t sum = 0;
	ssize_t n;

	for (int idle = 0; idle < 50;) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = (sum + i) * 7 + ((sum + i) >> 12);
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n > 0) {
			sum += n;
			idle = 0;
		} else {
			idle++;
			usleep(10000);
		}
	}
	return sum;
}

/* All of that, in order. */
static bool drain(int fd, size_t len)
{
	static char buf[65536];
	size_t sum = 0;

	while (sum < len) {
		size_t want = len - sum < sizeof(buf) ? len - sum : sizeof(buf);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		ssize_t n = poll(&p, 1, 60000) == 1 ? recv(fd, buf, want, 0) : -1;

		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != (char)((sum + i) * 7 + ((sum + i) >> 12)))
				return false;
		sum += n;
	}
	return true;
}

/* ---- connections that nobody has accepted ---- */

static int l4, l6, c[8], ep;
static uint16_t port[8];

static uint16_t port_of(int fd, bool peer)
{
	union addr a;
	socklen_t len = sizeof(a);

	if (peer ? getpeername(fd, &a.sa, &len) : getsockname(fd, &a.sa, &len))
		return 0;
	return a.in.sin_port;
}

static void set_backlog(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u32 = 6 };

	l4 = listening(AF_INET, 7001, 8);
	l6 = listening(AF_INET6, 7002, 8);
	c[0] = connects(AF_INET, 7001, 0);
	c[1] = connects(AF_INET, 7001, 0);
	c[2] = connects(AF_INET, 7001, 0);
	check(says(c[0], "first") && says(c[2], "third"));
	check(!shutdown(c[2], SHUT_WR));
	c[3] = connects(AF_INET6, 7002, 0);
	c[4] = connects(AF_INET, 7002, 0);
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
	c[5] = connects(AF_INET, 7001, 0);
	s = accept(l4, NULL, NULL);
	check(says(c[5], "new") && soon(s, "new"));
	/* One more that waits when all is over. */
	connects(AF_INET, 7001, 0);
}

/* ---- one side has said all ---- */

static int half[2], full[2], last[2];
static size_t sent, sent_back;

static void set_ends(void)
{
	pair(AF_INET, 7003, half);
	check(says(half[0], "my last") && !shutdown(half[0], SHUT_WR));
	check(comes_to(half[0], FIN_WAIT2) && comes_to(half[1], CLOSE_WAIT));
	/* A FIN behind data that nobody reads. */
	pair(AF_INET6, 7004, full);
	sent = fill(full[0]);
	check(!shutdown(full[0], SHUT_WR) && comes_to(full[0], FIN_WAIT1));
	/* The same after the other side's FIN. */
	pair(AF_INET, 7005, last);
	check(!shutdown(last[0], SHUT_WR) && comes_to(last[1], CLOSE_WAIT));
	sent_back = fill(last[1]);
	check(!shutdown(last[1], SHUT_WR) && comes_to(last[1], LAST_ACK));
}

static void get_ends(void)
{
	check(state_of(half[0]) == FIN_WAIT2 && state_of(half[1]) == CLOSE_WAIT);
	check(soon(half[1], "my last") && ends_soon(half[1]));
	check(says(half[1], "but I") && soon(half[0], "but I") && !says(half[0], "x"));
	check(!shutdown(half[1], SHUT_WR) && ends_soon(half[0]) && comes_to(half[1], CLOSED));

	check(state_of(full[0]) == FIN_WAIT1 && state_of(full[1]) == ESTABLISHED);
	check(drain(full[1], sent) && ends_soon(full[1]) && comes_to(full[0], FIN_WAIT2));
	check(says(full[1], "thanks") && soon(full[0], "thanks"));
	check(!close(full[1]) && ends_soon(full[0]));

	check(state_of(last[1]) == LAST_ACK && state_of(last[0]) == FIN_WAIT2);
	check(drain(last[0], sent_back) && ends_soon(last[0]) && comes_to(last[1], CLOSED));
}

/* ---- being opened ---- */

static int opening;

static void set_opening(void)
{
	l4 = listening(AF_INET, 7006, 0);
	c[0] = connects(AF_INET, 7006, 0);
	/* The queue is full: the SYN is dropped, until there is room. */
	opening = connects(AF_INET, 7006, SOCK_NONBLOCK);
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
	int fd = connects(AF_INET, 7029, 0);

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
	l4 = listening(AF_INET, 7029, 0);
	c[0] = connects(AF_INET, 7029, 0);
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

static void set_data(void)
{
	int on = 1;

	pair(AF_INET, 7007, corked);
	check(!setsockopt(corked[0], IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	check(says(corked[0], "held back"));
	pair(AF_INET6, 7008, both);
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

/* ---- closed with much to be sent ---- */

static int reader, late_reader;

static size_t *total;	/* shared with the child */

/* Its end closes the socket without waiting, whatever SO_LINGER says. */
static void fill_and_end(void)
{
	struct linger linger = { 1, 300 };
	int fd = connects(AF_INET, 7009, 0);

	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	*total = fill(fd);
}

static void set_closed(void)
{
	int l = listening(AF_INET, 7009, 1), sv[2], status;

	total = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(waitpid(in_child(0, 0, fill_and_end), &status, 0) > 0 && !status);
	sent = *total;
	reader = accept(l, NULL, NULL);
	pair(AF_INET6, 7010, sv);
	check(!shutdown(sv[1], SHUT_WR));
	sent_back = fill(sv[0]);
	close(sv[0]);
	late_reader = sv[1];
}

static void get_closed(void)
{
	check(drain(reader, sent) && ends_soon(reader));
	check(drain(late_reader, sent_back) && ends_soon(late_reader));
}

/* ---- of which only the numbers are left ---- */

static uint16_t over[3];
static int half_over;

/* State of the connection between these ports that nobody has; 0: there is none. */
static int state_between(bool v6, unsigned int local, unsigned int remote)
{
	FILE *f = fopen(v6 ? "/proc/net/tcp6" : "/proc/net/tcp", "r");
	unsigned int l, r, state, ret = 0;
	char line[512];

	check(f);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*[^:]:%x %*[^:]:%x %x", &l, &r, &state) == 3 &&
		    l == local && r == remote)
			ret = state;
	if (f)
		fclose(f);
	return ret;
}

static bool gets_to(bool v6, int local, int remote, int state)
{
	for (int i = 0; i < 60000 && state_between(v6, local, remote) != state; i++)
		usleep(1000);
	return state_between(v6, local, remote) == state;
}

static void set_timewait(void)
{
	int sv[2];

	for (int i = 0; i < 3; i++) {
		pair(i == 1 ? AF_INET6 : AF_INET, 7011 + i, sv);
		over[i] = ntohs(port_of(sv[0], false));
		close(sv[0]);
		check(comes_to(sv[1], CLOSE_WAIT));
		if (i == 2)
			half_over = sv[1];
		else
			close(sv[1]);
		check(gets_to(i == 1, over[i], 7011 + i, i == 2 ? FIN_WAIT2 : TIME_WAIT));
	}
}

static void get_timewait(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(over[0]),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(gets_to(false, over[0], 7011, TIME_WAIT));
	check(gets_to(true, over[1], 7012, TIME_WAIT));
	/* Nobody gets its port by chance. */
	check(bind(fd, (void *)&a, sizeof(a)) < 0 && errno == EADDRINUSE);
	/* It waits for the FIN of the other end, and acknowledges it. */
	check(gets_to(false, over[2], 7013, FIN_WAIT2) && state_of(half_over) == CLOSE_WAIT);
	check(!close(half_over));
	check(gets_to(false, over[2], 7013, TIME_WAIT));
	check(gets_to(false, 7013, over[2], 0));
}

/* ---- ended, and not read yet ---- */

#define MUCH 60000

static int ended[2], last_read, reset, broken, refused, kept, unread;
static uint16_t ended_port[2];

/* @len bytes that drain() knows. */
static bool gives(int fd, size_t len)
{
	static char buf[MUCH];

	for (size_t i = 0; i < len; i++)
		buf[i] = i * 7 + (i >> 12);
	return send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void resets(int fd)
{
	const struct linger now = { 1, 0 };

	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) && !close(fd));
}

static int bound_to(int port, bool reuse)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = reuse;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (void *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

static void set_ended(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7025),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sv[2];

	/* A request, and its answer with the end of all. */
	for (int i = 0; i < 2; i++) {
		pair(i ? AF_INET6 : AF_INET, 7021 + i, sv);
		check(says(sv[0], "request") && !shutdown(sv[0], SHUT_WR));
		check(soon(sv[1], "request") && gives(sv[1], MUCH) && !close(sv[1]));
		check(comes_to(sv[0], CLOSED));
		ended[i] = sv[0];
		ended_port[i] = port_of(sv[0], false);
		check(ended_port[i]);
	}
	/* The other side was the first. */
	pair(AF_INET, 7023, sv);
	check(says(sv[0], "farewell") && !close(sv[0]) && comes_to(sv[1], CLOSE_WAIT));
	check(!shutdown(sv[1], SHUT_WR) && comes_to(sv[1], CLOSED));
	last_read = sv[1];
	/* Reset, without and with an end before that. */
	pair(AF_INET, 7024, sv);
	check(says(sv[1], "said before"));
	resets(sv[1]);
	check(comes_to(sv[0], CLOSED));
	reset = sv[0];
	pair(AF_INET6, 7024, sv);
	check(says(sv[1], "half") && !shutdown(sv[1], SHUT_WR) && comes_to(sv[0], CLOSE_WAIT));
	resets(sv[1]);
	check(comes_to(sv[0], CLOSED));
	broken = sv[0];
	/* Nobody listens. */
	refused = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check(connect(refused, (void *)&a, sizeof(a)) < 0);
	check(comes_to(refused, CLOSED));
	/* Ended, and it has its port still. */
	l4 = listening(AF_INET, 7026, 1);
	a.sin_port = htons(7026);
	kept = bound_to(7027, true);
	check(!connect(kept, (void *)&a, sizeof(a)));
	sv[0] = accept(l4, NULL, NULL);
	check(!close(sv[0]) && !shutdown(kept, SHUT_WR) && comes_to(kept, CLOSED));
	check(bound_to(7027, false) < 0);
	/* Reset before it was accepted. */
	unread = connects(AF_INET, 7026, 0);
	resets(unread);
}

static int error_of(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? -1 : err;
}

static int events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void get_ended(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7026),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int n, s;
	char c;

	for (int i = 0; i < 2; i++) {
		check(state_of(ended[i]) == CLOSED);
		check(port_of(ended[i], false) == ended_port[i] && !port_of(ended[i], true));
		check(events_of(ended[i]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
		check(!ioctl(ended[i], FIONREAD, &n) && n == MUCH);
		check(recv(ended[i], &c, 1, MSG_PEEK) == 1 && c == 0);
		check(drain(ended[i], MUCH) && ends(ended[i]));
		check(!ioctl(ended[i], FIONREAD, &n) && n == 0 && !error_of(ended[i]));
		check(send(ended[i], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
		check(connect(ended[i], (void *)&a, sizeof(a)) < 0 && errno == EISCONN);
	}
	check(state_of(last_read) == CLOSED && hears(last_read, "farewell") && ends(last_read));

	check(events_of(reset) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
	check(hears(reset, "said before"));
	check(recv(reset, &c, 1, 0) < 0 && errno == ECONNRESET && ends(reset));
	check(hears(broken, "half") && ends(broken) && error_of(broken) == EPIPE);
	check(!error_of(broken) && !(events_of(broken) & POLLERR));

	check(error_of(refused) == ECONNREFUSED && !error_of(refused));
	check(connect(refused, (void *)&a, sizeof(a)) < 0 && errno == ECONNABORTED);

	check(state_of(kept) == CLOSED && ntohs(port_of(kept, false)) == 7027);
	check(bound_to(7027, false) < 0 && !close(kept));
	s = bound_to(7027, false);
	check(s >= 0);
	/* (the one that was reset may come, or not) */
	check(!connect(s, (void *)&a, sizeof(a)) && says(s, "works"));
	n = accept(l4, NULL, NULL);
	if (!port_of(n, true))
		n = accept(l4, NULL, NULL);
	check(soon(n, "works"));
}

/* ---- who made them ---- */

static int made[6];

static void set_makers(void)
{
	const struct { int family, type, protocol; } kinds[] = {
		{ AF_INET, SOCK_STREAM, 0 }, { AF_INET6, SOCK_DGRAM, 0 },
		{ AF_UNIX, SOCK_DGRAM, 0 }, { AF_NETLINK, SOCK_RAW, 0 },
	};

	l4 = listening(AF_INET, 7030, 1);
	for (int i = 0; i < 6; i++) {
		setfsuid(1000 + i);
		setfsgid(2000 + i);
		made[i] = i < 4 ? socket(kinds[i].family, kinds[i].type, kinds[i].protocol) :
			  i < 5 ? connects(AF_INET, 7030, 0) : accept(l4, NULL, NULL);
		check(made[i] >= 0);
	}
	setfsuid(0);
	setfsgid(0);
}

/* That of the connection between these ports, as others see it. */
static int uid_of(unsigned int local, unsigned int remote)
{
	FILE *f = fopen("/proc/net/tcp", "r");
	unsigned int l, r, uid;
	char line[512];
	int ret = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*[^:]:%x %*[^:]:%x %*x %*x:%*x %*x:%*x %*x %u",
			   &l, &r, &uid) == 3 && l == local && r == remote)
			ret = uid;
	if (f)
		fclose(f);
	return ret;
}

static void get_makers(void)
{
	unsigned int here = ntohs(port_of(made[4], false));
	struct stat st;

	for (int i = 0; i < 6; i++)
		check(!fstat(made[i], &st) && st.st_uid == 1000u + i && st.st_gid == 2000u + i);
	check(!fstat(l4, &st) && !st.st_uid && !st.st_gid && uid_of(7030, 0) == 0);
	check(uid_of(here, 7030) == 1004 && uid_of(7030, here) == 1005);
}

/* ---- both at once ---- */

static int once[2];

/* Whatever comes is lost, or not any more. */
static void hears_nothing(int fd, bool on)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog prog = { 1, &none };

	check(!setsockopt(fd, SOL_SOCKET, on ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &prog,
			  sizeof(prog)));
}

static bool is_acknowledged(int fd)
{
	int left = -1;

	for (int i = 0; i < 60000 && !ioctl(fd, SIOCOUTQ, &left) && left; i++)
		usleep(1000);
	return left == 0;
}

/* The FIN of the second gets through, and nothing else does. */
static void set_closing(void)
{
	pair(AF_INET, 7028, once);
	check(says(once[1], "not read"));
	check(says(once[0], "the same") && is_acknowledged(once[0]) && is_acknowledged(once[1]));
	hears_nothing(once[0], true);
	hears_nothing(once[1], true);
	check(!shutdown(once[0], SHUT_WR) && !shutdown(once[1], SHUT_WR));
	check(state_of(once[0]) == FIN_WAIT1 && state_of(once[1]) == FIN_WAIT1);
	hears_nothing(once[0], false);
	check(comes_to(once[0], CLOSING) && state_of(once[1]) == FIN_WAIT1);
}

static void get_closing(void)
{
	check(state_of(once[0]) == CLOSING && state_of(once[1]) == FIN_WAIT1);
	check(hears(once[0], "not read") && ends(once[0]));
	hears_nothing(once[1], false);
	check(comes_to(once[0], CLOSED) && comes_to(once[1], CLOSED));
	check(hears(once[1], "the same") && ends(once[1]) && !error_of(once[1]));
}

const struct test tcp_tests[] = {
	{ "tcpbacklog", set_backlog, get_backlog },
	{ "tcpends", set_ends, get_ends },
	{ "tcpopening", set_opening, get_opening },
	{ "tcpdata", set_data, get_data },
	{ "tcpclosed", set_closed, get_closed },
	{ "tcptimewait", set_timewait, get_timewait },
	{ "tcpended", set_ended, get_ended },
	{ "tcpclosing", set_closing, get_closing },
	{ "tcpconnecting", set_connecting, get_connecting },
	{ "tcpmakers", set_makers, get_makers },
	{ 0 }
};
