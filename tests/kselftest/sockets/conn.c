// SPDX-License-Identifier: GPL-2.0-or-later
/* See tcp.h. */
#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "sockets.h"
#include "tcp.h"

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

int state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 : info.tcpi_state;
}

bool comes_to(int fd, int state)
{
	for (int i = 0; i < 60000 && state_of(fd) != state; i++)
		usleep(1000);
	return state_of(fd) == state;
}

int tcp_listening(int family, int port, int backlog)
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

int tcp_connected(int family, int port, int flags)
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

void tcp_pair(int family, int port, int sv[2])
{
	int l = tcp_listening(family, port, 1);

	sv[0] = tcp_connected(family, port, 0);
	sv[1] = accept(l, NULL, NULL);
	check(sv[1] >= 0);
	close(l);
}

uint16_t port_of(int fd, bool peer)
{
	union addr a;
	socklen_t len = sizeof(a);

	if (peer ? getpeername(fd, &a.sa, &len) : getsockname(fd, &a.sa, &len))
		return 0;
	return a.in.sin_port;
}

/* ---- what goes through them ---- */

bool soon(int fd, const char *text)
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

bool ends_soon(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, 60000) == 1 && recv(fd, &c, 1, 0) == 0;
}

/* The byte there, in all that fill() and gives() send. */
static char byte_at(size_t i)
{
	return i * 7 + (i >> 12);
}

size_t fill(int fd)
{
	static char buf[65536];
	size_t sum = 0;
	ssize_t n;

	for (int idle = 0; idle < 50;) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = byte_at(sum + i);
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

bool gives(int fd, size_t len)
{
	static char buf[MUCH];

	for (size_t i = 0; i < len; i++)
		buf[i] = byte_at(i);
	return send(fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len;
}

bool drain(int fd, size_t len)
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
			if (buf[i] != byte_at(sum + i))
				return false;
		sum += n;
	}
	return true;
}
