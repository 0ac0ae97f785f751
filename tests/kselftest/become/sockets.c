// SPDX-License-Identifier: GPL-2.0-or-later
/* What /dev/livemig does with sockets, and does not: TCP, ENDED and ERROR. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests.h"

static int tcp(int fd, uint32_t op, uint32_t arg, uint32_t resv)
{
	struct livemig_ioc_tcp t = { .fd = fd, .op = op, .arg = arg, .resv = resv };

	return ioctl(im.dev, LIVEMIG_IOC_TCP, &t) < 0 ? errno : 0;
}

static int ended(int fd, const struct livemig_ioc_ended *like)
{
	struct livemig_ioc_ended e = *like;

	e.fd = fd;
	return ioctl(im.dev, LIVEMIG_IOC_ENDED, &e) < 0 ? errno : 0;
}

#define ENDED(fd, ...) ended(fd, &(struct livemig_ioc_ended){ __VA_ARGS__ })

/* Bytes are there only of what was connected, and was shut down by its end. */
static void test_ended_data(void)
{
	static const struct {
		uint32_t shutdown, state;
		int err;
	} tries[] = {
		{ 0, 3, EINVAL }, { 2, 3, EINVAL }, { 0, 1, EINVAL }, { 3, 1, EINVAL },
		{ 1, 2, 0 }, { 3, 4, 0 },
	};
	bool ok = true;
	char c;
	int fd;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		ok &= ENDED(fd, .buf = (uintptr_t)"a", .len = 1, .shutdown = tries[i].shutdown,
			    .ended.state = tries[i].state) == tries[i].err;
		close(fd);
	}
	check(ok, "an ended connection: bytes of none");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!ENDED(fd, .shutdown = 0, .ended.state = 1), "an ended connection: without bytes");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!ENDED(fd, .more = 1, .buf = (uintptr_t)"a", .len = 1) &&
	      recv(fd, &c, 1, MSG_DONTWAIT) == 1 && c == 'a', "an ended connection: read too early");
	close(fd);
}

void test_ended(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	int small = 1, err = 0;
	static char bytes[1 << 20];
	socklen_t len = sizeof(err);
	char c;

	need(good(image_begin(&im, 1, -1)), "an ended connection: a helper");
	check(ENDED(-1, .more = 1) == EBADF && ENDED(udp, .more = 1) == ENOTSOCK &&
	      ENDED(im.dev, .more = 1) == ENOTSOCK, "an ended connection: no socket");
	check(ENDED(fd, .shutdown = 4, .ended.state = 3) == EINVAL &&
	      ENDED(fd, .more = 2) == EINVAL && ENDED(fd, .shutdown = 3) == EINVAL &&
	      ENDED(fd, .ended = { .state = 3, .err = 512 }) == EINVAL &&
	      ENDED(fd, .ended.state = 9) == EINVAL &&
	      ENDED(fd, .ended = { .state = 3, .flags = 4 }) == EINVAL &&
	      ENDED(fd, .ended = { .state = 3, .resv = 1 }) == EINVAL &&
	      ENDED(fd, .ended.state = 3, .local = { AF_INET6 }) == EINVAL,
	      "an ended connection: out of range");
	check(ENDED(fd, .more = 1, .buf = 4096, .len = 1) == EFAULT,
	      "an ended connection: bytes from nowhere");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	check(ENDED(fd, .more = 1, .buf = (uintptr_t)bytes, .len = sizeof(bytes)) == ENOBUFS,
	      "an ended connection: more than there is room for");
	close(fd);
	test_ended_data();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!ENDED(fd, .more = 1, .buf = (uintptr_t)"ab", .len = 1) &&
	      !ENDED(fd, .buf = (uintptr_t)"b", .len = 1, .shutdown = 3,
		     .ended = { .err = ECONNRESET, .state = 3 }), "an ended connection");
	check(ENDED(fd, .shutdown = 3, .ended.state = 3) == EINVAL,
	      "an ended connection: once");
	check(recv(fd, &c, 1, 0) == 1 && c == 'a' && recv(fd, &c, 1, 0) == 1 && c == 'b' &&
	      recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET && recv(fd, &c, 1, 0) == 0,
	      "an ended connection: its bytes, its error, its end");
	check(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && !err,
	      "an ended connection: no error twice");
	check(ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ fd, 0 }) &&
	      errno == EINVAL &&
	      ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ fd, 512 }) &&
	      errno == EINVAL &&
	      ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ -1, 1 }) &&
	      errno == EBADF &&
	      ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ im.dev, 1 }) &&
	      errno == ENOTSOCK, "an error: wrong ones");
	check(!ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ udp, ENOBUFS }) &&
	      !getsockopt(udp, SOL_SOCKET, SO_ERROR, &err, &len) && err == ENOBUFS,
	      "an error of a UDP socket");
	image_end(&im);
	close(fd);
	close(udp);
}

void test_tcp(void)
{
	int v6 = socket(AF_INET6, SOCK_STREAM, 0), v4 = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET6, SOCK_DGRAM, 0), on = 0;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(on);

	need(good(image_begin(&im, 1, -1)), "TCP: a helper");
	check(tcp(v6, 99, 0, 0) == EINVAL && tcp(v6, LIVEMIG_TCP_V6ONLY, 0, 1) == EINVAL,
	      "TCP: an unknown operation");
	check(tcp(-1, LIVEMIG_TCP_V6ONLY, 0, 0) == EBADF &&
	      tcp(-1, LIVEMIG_TCP_STATE, 8, 0) == EBADF &&
	      tcp(-1, LIVEMIG_TCP_UNACCEPT, v6, 0) == EBADF, "TCP: no such fd");
	check(tcp(udp, LIVEMIG_TCP_V6ONLY, 0, 0) == ENOTSOCK &&
	      tcp(im.dev, LIVEMIG_TCP_STATE, 8, 0) == ENOTSOCK &&
	      tcp(v6, LIVEMIG_TCP_UNACCEPT, udp, 0) == ENOTSOCK, "TCP: another kind of file");
	check(tcp(v4, LIVEMIG_TCP_V6ONLY, 0, 0) == EINVAL &&
	      tcp(v6, LIVEMIG_TCP_V6ONLY, 2, 0) == EINVAL, "TCP: V6ONLY out of range");
	check(tcp(v6, LIVEMIG_TCP_STATE, 8, 0) == EINVAL &&
	      tcp(v6, LIVEMIG_TCP_STATE, ~0u, 0) == EINVAL, "TCP: a state that is not next");
	check(tcp(v6, LIVEMIG_TCP_UNACCEPT, v6, 0) == EINVAL, "TCP: its own listener");
	bind(v6, (void *)&a, sizeof(a));
	getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len);
	check(on == 1 && tcp(v6, LIVEMIG_TCP_V6ONLY, 0, 0) == 0 &&
	      !getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len) && on == 0,
	      "TCP: V6ONLY of what is bound");
	image_end(&im);
	close(v6);
	close(v4);
	close(udp);
}
