// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unix DIR: makes unix sockets of all sorts with messages in them, writes
 * DIR/ready, waits for DIR/go, and checks that all is as it was. The result is
 * in DIR/result: "ok", or a line for everything that is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static FILE *result;
static int bad;

#define CHECK(cond) do { \
	if (!(cond)) { \
		bad++; \
		fprintf(result, "line %d: %s (%s)\n", __LINE__, #cond, strerror(errno)); \
	} \
} while (0)

static char big[40000], buf[50000];

static socklen_t name(struct sockaddr_un *a, const char *s)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, s, strlen(s));
	if (s[0] == '@')
		a->sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + strlen(s) + (s[0] != '@');
}

static int bound(int type, const char *s)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, s);
	int fd = socket(AF_UNIX, type, 0);

	CHECK(bind(fd, (void *)&a, len) == 0);
	return fd;
}

static int connected(int type, const char *s)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, s);
	int fd = socket(AF_UNIX, type, 0);

	CHECK(connect(fd, (void *)&a, len) == 0);
	return fd;
}

static int got(int fd, const char *want, size_t len)
{
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	return n == (ssize_t)len && !memcmp(buf, want, len);
}

static int says(int fd, const char *s)
{
	return send(fd, s, strlen(s), MSG_NOSIGNAL) == (ssize_t)strlen(s);
}

static int hears(int fd, const char *s)
{
	return got(fd, s, strlen(s));
}

int main(int argc, char **argv)
{
	int st[2], dg[2], sq[2], shut[2], orphan[2], lone[2];
	int listener, client, server, hidden, rel, sink, sender, target;
	struct sockaddr_un a;
	socklen_t len = sizeof(a);

	if (argc > 2) {		/* connected to somebody outside */
		connected(SOCK_STREAM, argv[2]);
		pause();
	}
	if (chdir(argv[1]))
		return 1;
	result = fopen("result.new", "w");
	setvbuf(result, NULL, _IONBF, 0);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + (i >> 8);

	socketpair(AF_UNIX, SOCK_STREAM, 0, st);
	CHECK(says(st[0], "to one") && send(st[1], big, sizeof(big), 0) == sizeof(big));
	socketpair(AF_UNIX, SOCK_DGRAM, 0, dg);
	CHECK(says(dg[0], "first") && says(dg[0], "second") && says(dg[0], ""));
	CHECK(send(dg[1], big, sizeof(big), 0) == sizeof(big) && says(dg[1], "after the big one"));
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sq);
	CHECK(says(sq[0], "a") && says(sq[0], "bc"));
	socketpair(AF_UNIX, SOCK_STREAM, 0, shut);
	CHECK(says(shut[0], "last words") && shutdown(shut[0], SHUT_WR) == 0);
	socketpair(AF_UNIX, SOCK_STREAM, 0, orphan);
	CHECK(says(orphan[0], "from the grave") && close(orphan[0]) == 0);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, lone);
	CHECK(says(lone[0], "letter") && close(lone[0]) == 0);

	listener = bound(SOCK_STREAM, "listener");
	listen(listener, 7);
	client = connected(SOCK_STREAM, "listener");
	server = accept(listener, NULL, NULL);
	CHECK(says(client, "question") && says(server, "answer"));
	hidden = bound(SOCK_SEQPACKET, "@livemig-test");
	listen(hidden, 1);
	rel = bound(SOCK_STREAM, "relative");
	listen(rel, 1);
	chmod("relative", 0640);
	sink = bound(SOCK_DGRAM, "sink");
	sender = bound(SOCK_DGRAM, "sender");
	target = connected(SOCK_DGRAM, "sink");
	len = name(&a, "sink");
	CHECK(sendto(sender, "signed", 6, 0, (void *)&a, len) == 6 && says(target, "unsigned"));

	close(open("ready", O_CREAT, 0600));
	while (access("go", F_OK))
		usleep(10000);

	CHECK(hears(st[1], "to one") && got(st[0], big, sizeof(big)));
	CHECK(says(st[0], "x") && hears(st[1], "x") && says(st[1], "y") && hears(st[0], "y"));
	CHECK(hears(dg[1], "first") && hears(dg[1], "second") && hears(dg[1], ""));
	CHECK(got(dg[0], big, sizeof(big)) && hears(dg[0], "after the big one"));
	CHECK(says(dg[0], "x") && hears(dg[1], "x"));
	CHECK(fcntl(sq[0], F_GETFL) & O_NONBLOCK && !(fcntl(st[0], F_GETFL) & O_NONBLOCK));
	CHECK(hears(sq[1], "a") && hears(sq[1], "bc"));
	CHECK(hears(shut[1], "last words") && recv(shut[1], buf, 9, 0) == 0);
	CHECK(!says(shut[0], "x") && errno == EPIPE);
	CHECK(says(shut[1], "x") && hears(shut[0], "x"));
	CHECK(hears(orphan[1], "from the grave") && recv(orphan[1], buf, 9, 0) == 0);
	CHECK(!says(orphan[1], "x") && errno == EPIPE);
	CHECK(hears(lone[1], "letter"));
	CHECK(!says(lone[1], "x") && errno == ECONNREFUSED);

	CHECK(hears(server, "question") && hears(client, "answer"));
	len = sizeof(a);
	CHECK(getpeername(client, (void *)&a, &len) == 0 && !strcmp(a.sun_path, "listener"));
	close(client);
	client = connected(SOCK_STREAM, "listener");
	server = accept(listener, NULL, NULL);
	CHECK(says(client, "again") && hears(server, "again"));
	client = connected(SOCK_SEQPACKET, "@livemig-test");
	server = accept(hidden, NULL, NULL);
	CHECK(says(client, "hidden") && hears(server, "hidden"));
	client = connected(SOCK_STREAM, "relative");
	server = accept(rel, NULL, NULL);
	CHECK(says(client, "rel") && hears(server, "rel"));
	len = sizeof(a);
	CHECK(recvfrom(sink, buf, sizeof(buf), MSG_DONTWAIT, (void *)&a, &len) == 6 &&
	      !memcmp(buf, "signed", 6) && !strcmp(a.sun_path, "sender"));
	CHECK(hears(sink, "unsigned"));
	CHECK(says(target, "more") && hears(sink, "more"));

	if (!bad)
		fprintf(result, "ok\n");
	fclose(result);
	rename("result.new", "result");
	return 0;
}
