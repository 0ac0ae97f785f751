// SPDX-License-Identifier: GPL-2.0-or-later
/* Files in flight: SCM_RIGHTS in messages that nobody has received. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sockets.h"

#define DEPTH	20

static bool sends(int fd, const char *text, const int *fds, int n)
{
	char control[CMSG_SPACE(16 * sizeof(int))] = { 0 };
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

/* The next message: @text with @n files. */
static bool gets(int fd, const char *text, int *fds, int n)
{
	char control[CMSG_SPACE(16 * sizeof(int))], buf[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(fd, &m, MSG_DONTWAIT);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	if (len != (ssize_t)strlen(text) || memcmp(buf, text, len))
		return false;
	if (!n)
		return !c;
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(n * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(c), n * sizeof(int));
	return true;
}

static bool same(int a, int b)
{
	struct stat s, t;

	return !fstat(a, &s) && !fstat(b, &t) && s.st_ino == t.st_ino && s.st_dev == t.st_dev;
}

static bool reads(int fd, const char *text)
{
	char buf[256];
	ssize_t n = read(fd, buf, sizeof(buf));

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, n);
}

/* ---- of many kinds, through a stream ---- */

static int sv[2], kept;

static void set_kinds(void)
{
	int fds[6], p[2], pair[2];

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	check(!pipe(p) && write(p[1], "in the pipe", 11) == 11);
	fds[0] = p[0];
	fds[1] = memfd_create("memory", 0);
	check(write(fds[1], "in memory", 9) == 9 && lseek(fds[1], 3, SEEK_SET) == 3);
	fds[2] = open("removed", O_RDWR | O_CREAT, 0600);
	check(write(fds[2], "removed", 7) == 7 && !unlink("removed"));
	check(lseek(fds[2], 2, SEEK_SET) == 2);
	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) && says(pair[0], "in the pair"));
	fds[3] = pair[1];
	kept = open("kept", O_RDWR | O_CREAT, 0600);
	check(write(kept, "0123456789", 10) == 10 && lseek(kept, 4, SEEK_SET) == 4);
	fds[4] = fds[5] = kept;
	check(says(sv[0], "plain") && sends(sv[0], "files", fds, 6) && says(sv[0], "tail"));
	check(sends(sv[0], "again", fds + 1, 1));
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(p[1]);
	close(pair[0]);
}

static void get_kinds(void)
{
	char buf[64];
	int fds[6], again;

	check(recv(sv[1], buf, 5, 0) == 5 && !memcmp(buf, "plain", 5));
	check(gets(sv[1], "files", fds, 6));
	/* A read ends after files, not before. */
	check(gets(sv[1], "tailagain", &again, 1));
	check(reads(fds[0], "in the pipe") && read(fds[0], buf, 1) == 0);
	check(reads(fds[1], "memory") && same(fds[1], again));
	check(lseek(again, 0, SEEK_CUR) == 9);
	check(reads(fds[2], "moved"));
	check(hears(fds[3], "in the pair") && !says(fds[3], "x"));
	check(lseek(fds[4], 0, SEEK_CUR) == 4 && reads(kept, "456789"));
	check(lseek(fds[5], 0, SEEK_CUR) == 10);
}

/* ---- sockets in sockets ---- */

static void set_deep(void)
{
	int inner = -1, pair[2];

	for (int i = 0; i < DEPTH; i++) {
		check(!socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_SEQPACKET, 0, pair));
		check(inner < 0 ? says(pair[0], "the innermost") :
				  sends(pair[0], "one more", &inner, 1));
		if (inner >= 0)
			close(inner);
		close(pair[0]);
		inner = pair[1];
	}
	sv[1] = inner;
}

static void get_deep(void)
{
	int fd = sv[1], next;

	for (int i = 1; i < DEPTH; i++) {
		check(gets(fd, "one more", &next, 1) && ends(fd));
		close(fd);
		fd = next;
	}
	check(hears(fd, "the innermost") && ends(fd));
}

/* ---- round in circles ---- */

static void set_cycle(void)
{
	int other[2];

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	check(sends(sv[0], "myself", &sv[1], 1));
	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, other));
	check(sends(other[0], "there", &other[1], 1) && sends(other[1], "and back", &other[0], 1));
	check(sends(sv[0], "both", other, 2));
	close(other[0]);
	close(other[1]);
}

static void get_cycle(void)
{
	int self, other[2], got[2];

	check(gets(sv[1], "myself", &self, 1) && same(self, sv[1]));
	check(gets(self, "both", other, 2));
	check(gets(other[1], "there", &got[0], 1) && gets(other[0], "and back", &got[1], 1));
	check(same(got[0], other[1]) && same(got[1], other[0]));
	check(says(sv[0], "on") && hears(self, "on"));
}

/* ---- with a connection that is not accepted ---- */

static int listener;

static void set_waiting(void)
{
	int c, fd = open("sent", O_RDWR | O_CREAT, 0600);

	listener = unix_listening(SOCK_STREAM, "listener", 3);
	check(write(fd, "through", 7) == 7 && !lseek(fd, 0, SEEK_SET));
	c = unix_connected(SOCK_STREAM, "listener");
	check(sends(c, "take it", &fd, 1));
	close(c);
	/* The listener itself, and who is in its queue. */
	c = unix_connected(SOCK_STREAM, "listener");
	check(sends(c, "myself", &c, 1) && !close(c));
	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, sv) && sends(sv[0], "it", &listener, 1));
	close(listener);
	close(fd);
}

static void get_waiting(void)
{
	int l, s, fd, c;

	check(gets(sv[1], "it", &l, 1));
	s = accept(l, NULL, NULL);
	check(gets(s, "take it", &fd, 1) && reads(fd, "through") && ends(s));
	s = accept(l, NULL, NULL);
	check(gets(s, "myself", &c, 1) && says(s, "heard") && hears(c, "heard"));
}

const struct test rights_tests[] = {
	{ "rights", set_kinds, get_kinds },
	{ "deeprights", set_deep, get_deep },
	{ "cycle", set_cycle, get_cycle },
	{ "waitingrights", set_waiting, get_waiting },
	{ 0 }
};
