// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Both ends of many TCP connections, each of which carries an endless known
 * stream in both directions; whatever is lost, doubled or changed shows.
 *
 *	stream server DIR PORT		listens on [::]:PORT
 *	stream client DIR PORT N ADDRESS
 *
 * Files in DIR steer and tell: while ROLE.stall exists nobody reads; while
 * server.noaccept exists nobody accepts; client.fin makes the client shut its
 * sending side down, server.fin the server its. ROLE.status has one line,
 * rewritten ten times a second: connections, bytes read, bytes written, ends of
 * file seen, errors.
 *
 * With BULK in the environment buffers are large, and the server writes much.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX 1000

static struct conn {
	int fd;
	uint64_t in, out;
	int eof, fin;
} conns[MAX];
static int nr, errors, eofs;
static uint64_t in, out;
static const char *role, *dir;
static int sndbuf = 20000, chunk = 1000;

static int is(const char *what)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.%s", dir, role, what);
	return access(path, F_OK) == 0;
}

static void status(void)
{
	char path[256], tmp[sizeof(path) + 4];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.status", dir, role);
	snprintf(tmp, sizeof(tmp), "%s.tmp", path);
	f = fopen(tmp, "w");
	if (!f)
		return;
	fprintf(f, "%d %llu %llu %d %d\n", nr, (unsigned long long)in,
		(unsigned long long)out, eofs, errors);
	fclose(f);
	rename(tmp, path);
}

static void error(const char *what)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.errors", dir, role);
	f = fopen(path, "a");
	if (f) {
		fprintf(f, "%s: %s\n", what, strerror(errno));
		fclose(f);
	}
	errors++;
}

static unsigned char byte_at(uint64_t pos, int from_server)
{
	return (pos * 31 + (pos >> 8) * 7 + (pos >> 16) * 5 + from_server * 101) & 0xff;
}

static void get(struct conn *c)
{
	static unsigned char buf[1 << 20];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && errno != EAGAIN) {
		error("read");
		c->eof = 1;
	}
	if (n == 0) {
		c->eof = 1;
		eofs++;
	}
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] != byte_at(c->in + i, role[0] == 'c')) {
			errno = 0;
			error("stream differs");
			break;
		}
	if (n > 0) {
		c->in += n;
		in += n;
	}
}

static void put(struct conn *c, int fin)
{
	static unsigned char buf[1 << 16];
	ssize_t n;

	if (fin) {
		if (shutdown(c->fd, SHUT_WR))
			error("shutdown");
		c->fin = 1;
		return;
	}
	for (int i = 0; i < chunk; i++)
		buf[i] = byte_at(c->out + i, role[0] == 's');
	n = send(c->fd, buf, chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		error("write");
		c->fin = 1;
	}
	if (n > 0) {
		c->out += n;
		out += n;
	}
}

static void add(int fd)
{
	int on = 1, idle = 33;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &sndbuf, sizeof(sndbuf));
	conns[nr++] = (struct conn){ .fd = fd };
}

/* The options that were set above, still there? */
static void check_options(void)
{
	int v[4] = { 0 };
	socklen_t len;

	for (int i = 0; i < nr; i++) {
		len = sizeof(int);
		getsockopt(conns[i].fd, IPPROTO_TCP, TCP_NODELAY, &v[0], &len);
		getsockopt(conns[i].fd, SOL_SOCKET, SO_KEEPALIVE, &v[1], &len);
		getsockopt(conns[i].fd, IPPROTO_TCP, TCP_KEEPIDLE, &v[2], &len);
		getsockopt(conns[i].fd, SOL_SOCKET, SO_SNDBUF, &v[3], &len);
		if (v[0] != 1 || v[1] != 1 || v[2] != 33 || v[3] != 2 * sndbuf) {
			errno = 0;
			error("a socket option changed");
		}
	}
}

static void connect_all(const char *host, const char *port, int n)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *a;
	int fd;

	if (getaddrinfo(host, port, &hints, &a)) {
		error("address");
		return;
	}
	while (n--) {
		fd = socket(a->ai_family, SOCK_STREAM, 0);
		if (connect(fd, a->ai_addr, a->ai_addrlen)) {
			error("connect");
			close(fd);
			continue;
		}
		add(fd);
	}
}

static int start_server(const char *port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(atoi(port)) };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* No SO_REUSEADDR: to bind again is the restorer's problem. */
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 500))
		error("listen");
	return fd;
}

int main(int argc, char **argv)
{
	struct timespec pause = { 0, 2000000 };
	int listener = -1, fd;

	if (argc < 4)
		return 1;
	role = argv[1];
	dir = argv[2];
	if (getenv("BULK")) {
		sndbuf = 4 << 20;
		if (role[0] == 's')
			chunk = 1 << 16;
	}
	if (role[0] == 's')
		listener = start_server(argv[3]);
	else if (argc > 5)
		connect_all(argv[5], argv[3], atoi(argv[4]));
	for (int round = 0;; round++) {
		int stall = is("stall"), fin = is("fin");

		while (listener >= 0 && !is("noaccept") && nr < MAX &&
		       (fd = accept(listener, NULL, NULL)) >= 0)
			add(fd);
		for (int i = 0; i < nr; i++) {
			if (!conns[i].eof && !stall)
				get(&conns[i]);
			if (!conns[i].fin)
				put(&conns[i], fin);
		}
		if (round % 50 == 0)
			check_options();
		if (round % 20 == 0)
			status();
		nanosleep(&pause, NULL);
	}
}
