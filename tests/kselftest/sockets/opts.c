// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Socket options: many are set, on sockets of several kinds, and then all that
 * getsockopt() tells is the same after the move as before it.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"

#define LEVELS	5
#define OPTS	96
#define VALUE	64

static const int level[LEVELS] = { SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPPROTO_UDP };

struct seen {
	socklen_t len;
	unsigned char value[VALUE];
};

static int fds[16], nr;
static const char *name[16];
static struct seen before[16][LEVELS][OPTS];

/* What tells of the moment, of the path, or of this one socket. */
static bool moves_on(int l, int opt)
{
	switch (l) {
	case SOL_SOCKET:
		return opt == 49 /* SO_INCOMING_CPU */ || opt == 55 /* SO_MEMINFO */ ||
		       opt == 56 /* SO_INCOMING_NAPI_ID */ || opt == 57 /* SO_COOKIE */ ||
		       opt == 77 /* SO_PEERPIDFD: makes one */;
	case IPPROTO_TCP:
		return opt == TCP_INFO || opt == TCP_MAXSEG || opt == TCP_WINDOW_CLAMP ||
		       opt == TCP_QUICKACK || opt == 24 /* TCP_TIMESTAMP */ ||
		       opt == 26 /* TCP_CC_INFO */ || opt == 23 /* TCP_FASTOPEN: its queue */ ||
		       opt == 28 /* TCP_SAVED_SYN */ || opt == 35 /* TCP_ZEROCOPY_RECEIVE */;
	case IPPROTO_IP:
		return opt == IP_MTU;
	case IPPROTO_IPV6:
		return opt == IPV6_MTU || opt == 61 /* IPV6_PATHMTU */ ||
		       opt == 6 /* IPV6_2292PKTOPTIONS */;
	}
	return false;
}

static void look(int fd, int l, int opt, struct seen *s)
{
	memset(s, 0, sizeof(*s));
	s->len = VALUE;
	if (getsockopt(fd, level[l], opt, s->value, &s->len)) {
		memset(s, 0, sizeof(*s));
		s->len = -errno;
	}
}

static void add(const char *what, int fd)
{
	check(fd >= 0);
	name[nr] = what;
	fds[nr++] = fd;
}

#define set(l, opt, v) do { \
	int v_ = (v); \
	check(!setsockopt(fd, l, opt, &v_, sizeof(v_)) || errno == ENOPROTOOPT); \
} while (0)

static void set_all(int fd, bool v6, bool tcp)
{
	set(SOL_SOCKET, SO_DONTROUTE, 1);
	set(SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set(SOL_SOCKET, SO_RXQ_OVFL, 1);
	set(SOL_SOCKET, SO_MARK, 77);
	set(SOL_SOCKET, SO_RCVBUF, 50000);
	set(SOL_SOCKET, SO_MAX_PACING_RATE, 12345678);
	set(SOL_SOCKET, SO_RCVLOWAT, 3);
	set(SOL_SOCKET, SO_BUSY_POLL, 20);
	set(SOL_SOCKET, SO_TIMESTAMPING, 0x18);
	if (!v6) {
		set(IPPROTO_IP, IP_TOS, 0x28);
		set(IPPROTO_IP, IP_TTL, 33);
		set(IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO);
		set(IPPROTO_IP, IP_RECVERR, 1);
		set(IPPROTO_IP, IP_PKTINFO, 1);
		set(IPPROTO_IP, IP_RECVTTL, 1);
		set(IPPROTO_IP, IP_MINTTL, 2);
		set(IPPROTO_IP, IP_FREEBIND, 1);
	} else {
		set(IPPROTO_IP, IP_TOS, 0x10);
		set(IPPROTO_IP, IP_TTL, 44);
		set(IPPROTO_IPV6, IPV6_TCLASS, 0x28);
		set(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 33);
		set(IPPROTO_IPV6, IPV6_RECVERR, 1);
		set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set(IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		set(IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		set(IPPROTO_IPV6, IPV6_DONTFRAG, 1);
		set(IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
	}
	set(SOL_SOCKET, SO_PRIORITY, 5);	/* which IP_TOS sets, too */
	if (tcp) {
		set(SOL_SOCKET, SO_KEEPALIVE, 1);
		set(IPPROTO_TCP, TCP_NODELAY, 1);
		set(IPPROTO_TCP, TCP_KEEPIDLE, 100);
		set(IPPROTO_TCP, TCP_KEEPINTVL, 20);
		set(IPPROTO_TCP, TCP_KEEPCNT, 4);
		set(IPPROTO_TCP, TCP_SYNCNT, 4);
		set(IPPROTO_TCP, TCP_LINGER2, 17);
		set(IPPROTO_TCP, TCP_USER_TIMEOUT, 65000);
		set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 5000);
		set(IPPROTO_TCP, 36 /* TCP_INQ */, 1);
		check(!setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
	}
}

static int bound(int family, int type, const char *address, int port)
{
	struct sockaddr_in in = { AF_INET, htons(port), { 0 }, { 0 } };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(family, type, 0);

	inet_pton(family, address, family == AF_INET ? (void *)&in.sin_addr :
						      (void *)&in6.sin6_addr);
	set_all(fd, family == AF_INET6, type == SOCK_STREAM);
	if (family == AF_INET6)
		set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
	/* An address that is not there. */
	else
		set(IPPROTO_IP, 19 /* IP_TRANSPARENT */, 1);
	set(SOL_SOCKET, SO_REUSEPORT, 1);
	check(!setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
	check(!bind(fd, family == AF_INET ? (void *)&in : (void *)&in6,
		    family == AF_INET ? sizeof(in) : sizeof(in6)));
	return fd;
}

static void connect_pair(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(7100),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int l = socket(AF_INET6, SOCK_STREAM, 0), fd = socket(AF_INET6, SOCK_STREAM, 0);

	check(!bind(l, (void *)&a, sizeof(a)) && !listen(l, 1));
	set_all(fd, true, true);
	check(!connect(fd, (void *)&a, sizeof(a)));
	add("connected", fd);
	fd = accept(l, NULL, NULL);
	set(SOL_SOCKET, SO_ZEROCOPY, 1);
	add("accepted", fd);
	close(l);
}

static void set_opts(void)
{
	struct linger linger = { 1, 42 };
	struct timeval tv = { 3, 500000 };
	int sv[2], fd;

	connect_pair();
	/* Two of a group. */
	for (int i = 0; i < 2; i++) {
		fd = bound(AF_INET, SOCK_STREAM, "10.99.0.1", 7101);
		check(!listen(fd, 5));
		set(IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
		add("listener", fd);
	}
	fd = bound(AF_INET6, SOCK_DGRAM, "::", 7102);
	set(IPPROTO_UDP, 104 /* UDP_GRO */, 1);
	set(IPPROTO_UDP, 101 /* UDP_NO_CHECK6_TX */, 1);
	set(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 9);
	set(IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
	add("UDP v6", fd);
	fd = bound(AF_INET, SOCK_DGRAM, "127.0.0.1", 7103);
	set(IPPROTO_IP, IP_MULTICAST_TTL, 7);
	set(IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	set(IPPROTO_IP, IP_MULTICAST_ALL, 0);
	set(SOL_SOCKET, SO_BROADCAST, 1);
	set(SOL_SOCKET, SO_NO_CHECK, 1);
	add("UDP", fd);
	add("fresh", socket(AF_INET, SOCK_STREAM, 0));
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	fd = sv[0];
	set(SOL_SOCKET, SO_PASSCRED, 1);
	set(SOL_SOCKET, SO_PASSSEC, 1);
	set(SOL_SOCKET, SO_PEEK_OFF, 2);
	set(SOL_SOCKET, SO_SNDBUF, 20000);
	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	check(!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	check(says(sv[1], "abcdef"));
	add("unix", sv[0]);
	add("unix peer", sv[1]);
	for (int i = 0; i < nr; i++)
		for (int l = 0; l < LEVELS; l++)
			for (int opt = 1; opt < OPTS; opt++)
				if (!moves_on(level[l], opt))
					look(fds[i], l, opt, &before[i][l][opt]);
}

/* What an accepted v6 connection took from the SYN for multicast: nothing can set
 * it, and nothing uses it.
 */
static bool unused(int i, int l, int opt)
{
	return !strcmp(name[i], "accepted") && l == IPPROTO_IPV6 &&
	       (opt == IPV6_MULTICAST_IF || opt == IPV6_MULTICAST_HOPS);
}

static void compare(int i, int l, int opt)
{
	const struct seen *was = &before[i][l][opt];
	struct seen s;

	look(fds[i], l, opt, &s);
	if (memcmp(&s, was, sizeof(s)) && strlen(wrong) < sizeof(wrong) - 100)
		sprintf(wrong + strlen(wrong), "%s: level %d option %d: %d bytes %x, was %d bytes %x\n",
			name[i], level[l], opt, (int)s.len, *(unsigned int *)s.value,
			(int)was->len, *(unsigned int *)was->value);
}

static void get_opts(void)
{
	for (int i = 0; i < nr; i++)
		for (int l = 0; l < LEVELS; l++)
			for (int opt = 1; opt < OPTS; opt++)
				if (!moves_on(level[l], opt) && !unused(i, level[l], opt))
					compare(i, l, opt);
	char buf[8] = "";
	check(recv(fds[nr - 2], buf, sizeof(buf), MSG_PEEK) == 4 && !memcmp(buf, "cdef", 4));
}

/* ---- filters ---- */

static int filtered[2], locked[2];

static void attach(int fd, unsigned int accept_len)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, accept_len, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, -1),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { 4, code };

	check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

static void set_filters(void)
{
	int on = 1;

	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, filtered) &&
	      !socketpair(AF_UNIX, SOCK_DGRAM, 0, locked));
	/* What is in the queue already stays. */
	check(says(filtered[0], "longer than four"));
	attach(filtered[1], 4);
	attach(locked[1], 5);
	check(!setsockopt(locked[1], SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof(on)));
}

static void get_filters(void)
{
	int zero = 0;

	check(hears(filtered[1], "longer than four"));
	send(filtered[0], "12345", 5, 0);
	check(says(filtered[0], "1234") && hears(filtered[1], "1234"));
	send(locked[0], "1234", 4, 0);
	check(says(locked[0], "12345") && hears(locked[1], "12345"));
	check(!setsockopt(filtered[1], SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero)));
	check(setsockopt(locked[1], SOL_SOCKET, SO_DETACH_FILTER, &zero, sizeof(zero)) < 0 &&
	      errno == EPERM);
}

const struct test opt_tests[] = {
	{ "sockopts", set_opts, get_opts },
	{ "filters", set_filters, get_filters },
	{ 0 }
};
