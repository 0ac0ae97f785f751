// SPDX-License-Identifier: LGPL-2.1-or-later
/* Addresses and options of sockets. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "../net/rtnl.h"
#include "sock.h"
#include "sockopt.h"

bool lm_sock_is(const struct lm_file *f, int family, int type, int protocol)
{
	return f->type == LIVEMIG_FILE_SOCKET &&
	       lm_u32(f->sock[LIVEMIG_SOCK_FAMILY]) == (uint32_t)family &&
	       lm_u32(f->sock[LIVEMIG_SOCK_TYPE]) == (uint32_t)type &&
	       (protocol < 0 || lm_u32(f->sock[LIVEMIG_SOCK_PROTOCOL]) == (uint32_t)protocol);
}

socklen_t lm_sock_addr(const struct lm_file *f, int attr, union lm_sockaddr *a)
{
	size_t len = lm_len(f->sock[attr]);

	memset(a, 0, sizeof(*a));
	if (len < sizeof(sa_family_t) || len > sizeof(*a))
		return 0;
	memcpy(a, lm_data(f->sock[attr]), len);
	switch (a->sa.sa_family) {
	case AF_INET:
		return len >= sizeof(a->in) ? sizeof(a->in) : 0;
	case AF_INET6:
		return len >= sizeof(a->in6) ? sizeof(a->in6) : 0;
	case AF_UNIX:
		return len > offsetof(struct sockaddr_un, sun_path) ? len : 0;
	}
	return 0;
}

uint16_t lm_sock_port(const union lm_sockaddr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->in6.sin6_port : a->in.sin_port);
}

void lm_sock_unmap(union lm_sockaddr *a)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		return;
	in.sin_port = a->in6.sin6_port;
	memcpy(&in.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
	a->in = in;
}

bool lm_sock_addr_equal(const union lm_sockaddr *a, const union lm_sockaddr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	switch (a->sa.sa_family) {
	case AF_INET:
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	case AF_INET6:
		return a->in6.sin6_port == b->in6.sin6_port &&
		       IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
	case AF_UNIX:
		return !memcmp(a->un.sun_path, b->un.sun_path, sizeof(a->un.sun_path));
	}
	return false;
}

void lm_sock_addr_text(const union lm_sockaddr *a, socklen_t len, char *buf, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";
	int n = len - offsetof(struct sockaddr_un, sun_path);

	switch (len ? a->sa.sa_family : AF_UNSPEC) {
	case AF_INET:
		inet_ntop(AF_INET, &a->in.sin_addr, ip, sizeof(ip));
		snprintf(buf, size, "%s:%u", ip, lm_sock_port(a));
		break;
	case AF_INET6:
		inet_ntop(AF_INET6, &a->in6.sin6_addr, ip, sizeof(ip));
		snprintf(buf, size, "[%s]:%u", ip, lm_sock_port(a));
		break;
	case AF_UNIX:
		if (a->un.sun_path[0])
			snprintf(buf, size, "%.*s", n, a->un.sun_path);
		else
			snprintf(buf, size, "@%.*s", n - 1, a->un.sun_path + 1);
		break;
	default:
		snprintf(buf, size, "no address");
	}
}

const struct livemig_sock_options *lm_sock_options(const struct lm_file *f)
{
	static const struct livemig_sock_options none = {
		.sndtimeo_ns = -1, .rcvtimeo_ns = -1, .linger = -1,
	};
	const struct nlattr *a = f->sock[LIVEMIG_SOCK_OPTIONS];

	return lm_len(a) >= sizeof(none) ? lm_data(a) : &none;
}

uint32_t lm_sock_own_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) < 0 ? 0 : st.st_ino;
}

uint64_t lm_sock_queue_len(const struct lm_file *f, uint32_t queue)
{
	uint64_t len = 0;

	for (size_t i = 0; i < f->nr_data; i++)
		if (f->data[i]->queue == queue)
			len += f->data[i]->len;
	return len;
}

int lm_sock_new(struct lm_restorer *r, const struct lm_file *f, struct lm_error *e)
{
	return lm_socket_in_netns(lm_restorer_netns(r), lm_u32(f->sock[LIVEMIG_SOCK_FAMILY]),
				  lm_u32(f->sock[LIVEMIG_SOCK_TYPE]) |
					  (f->flags & O_NONBLOCK ? SOCK_NONBLOCK : 0),
				  lm_u32(f->sock[LIVEMIG_SOCK_PROTOCOL]), e);
}

int lm_sock_set(int fd, int level, int opt, int value, const char *name, struct lm_error *e)
{
	if (setsockopt(fd, level, opt, &value, sizeof(value)) == 0)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "cannot set the socket option %s to %d", name, value);
}

#define SET(level, opt, value) (lm_sock_set(fd, level, opt, value, #opt, e) < 0)

static int set_timeout(int fd, int opt, int64_t ns, struct lm_error *e)
{
	struct timeval tv;

	if (ns < 0)
		return 0;
	/* Zero would mean "none". */
	tv.tv_sec = ns / 1000000000;
	tv.tv_usec = ns % 1000000000 / 1000;
	if (!tv.tv_sec && !tv.tv_usec)
		tv.tv_usec = 1;
	if (setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)) == 0)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "cannot set a socket's timeout");
}

static int set_ip_options(int fd, int family, const struct livemig_sock_options *o,
			  struct lm_error *e)
{
	if (family == AF_INET &&
	    ((o->tos && SET(IPPROTO_IP, IP_TOS, o->tos)) ||
	     (o->ttl && SET(IPPROTO_IP, IP_TTL, o->ttl))))
		return -1;
	if (family == AF_INET6 &&
	    ((o->tos && SET(IPPROTO_IPV6, IPV6_TCLASS, o->tos)) ||
	     (o->ttl && SET(IPPROTO_IPV6, IPV6_UNICAST_HOPS, o->ttl))))
		return -1;
	return 0;
}

int lm_sock_set_options(int fd, const struct lm_file *f, struct lm_error *e)
{
	static const struct { uint32_t flag; int opt; const char *name; } flags[] = {
		{ LIVEMIG_SOCK_F_REUSEADDR, SO_REUSEADDR, "SO_REUSEADDR" },
		{ LIVEMIG_SOCK_F_REUSEPORT, SO_REUSEPORT, "SO_REUSEPORT" },
		{ LIVEMIG_SOCK_F_KEEPALIVE, SO_KEEPALIVE, "SO_KEEPALIVE" },
		{ LIVEMIG_SOCK_F_BROADCAST, SO_BROADCAST, "SO_BROADCAST" },
		{ LIVEMIG_SOCK_F_OOBINLINE, SO_OOBINLINE, "SO_OOBINLINE" },
		{ LIVEMIG_SOCK_F_TIMESTAMP, SO_TIMESTAMP, "SO_TIMESTAMP" },
	};
	const struct livemig_sock_options *o = lm_sock_options(f);
	int family = lm_u32(f->sock[LIVEMIG_SOCK_FAMILY]);

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if ((o->flags & flags[i].flag) &&
		    lm_sock_set(fd, SOL_SOCKET, flags[i].opt, 1, flags[i].name, e) < 0)
			return -1;
	/* IP_TOS sets a priority, too. And some kinds in some kernels know no priority below
	 * the IP layer.
	 */
	if (set_ip_options(fd, family, o, e) < 0 ||
	    ((o->priority || o->tos) && SET(SOL_SOCKET, SO_PRIORITY, o->priority)) ||
	    (o->mark && SET(SOL_SOCKET, SO_MARK, o->mark)) ||
	    (o->rcvlowat > 1 && SET(SOL_SOCKET, SO_RCVLOWAT, o->rcvlowat)))
		return -1;
	if (o->linger >= 0) {
		struct linger l = { .l_onoff = 1, .l_linger = o->linger };

		if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) < 0)
			return lm_fail_errno(e, LM_FAILED, "cannot set the socket option SO_LINGER");
	}
	if (set_timeout(fd, SO_SNDTIMEO, o->sndtimeo_ns, e) < 0 ||
	    set_timeout(fd, SO_RCVTIMEO, o->rcvtimeo_ns, e) < 0)
		return -1;
	return 0;
}

#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72
#endif

static int set_buffers(int fd, uint32_t snd, uint32_t rcv, int lock, struct lm_error *e)
{
	/* The kernel doubles what it is told. */
	if ((snd && SET(SOL_SOCKET, SO_SNDBUFFORCE, snd / 2)) ||
	    (rcv && SET(SOL_SOCKET, SO_RCVBUFFORCE, rcv / 2)) ||
	    SET(SOL_SOCKET, SO_BUF_LOCK, lock))
		return -1;
	return 0;
}

int lm_sock_set_buffers(int fd, const struct lm_file *f, struct lm_error *e)
{
	const struct livemig_sock_options *o = lm_sock_options(f);

	return set_buffers(fd, o->sndbuf, o->rcvbuf,
			   (o->flags & LIVEMIG_SOCK_F_SNDBUF_LOCK ? 1 : 0) |
			   (o->flags & LIVEMIG_SOCK_F_RCVBUF_LOCK ? 2 : 0), e);
}

int lm_sock_make_room(int fd, uint64_t send, uint64_t recv, struct lm_error *e)
{
	/* Buffers are counted with the overhead of their packets. */
	return set_buffers(fd, (send * 4 + (1 << 20)) & 0x3fffffff,
			   (recv * 4 + (1 << 20)) & 0x3fffffff, 0, e);
}

int lm_sock_before_bind(int fd, const struct lm_file *f, struct lm_error *e)
{
	const struct livemig_sock_options *o = lm_sock_options(f);

	if (lm_u32(f->sock[LIVEMIG_SOCK_FAMILY]) == AF_INET6 &&
	    SET(IPPROTO_IPV6, IPV6_V6ONLY, !!(o->flags & LIVEMIG_SOCK_F_V6ONLY)))
		return -1;
	if ((o->flags & LIVEMIG_SOCK_F_FREEBIND) && SET(IPPROTO_IP, IP_FREEBIND, 1))
		return -1;
	if (o->bound_dev && SET(SOL_SOCKET, SO_BINDTOIFINDEX, o->bound_dev))
		return -1;
	return lm_sockopt_set(fd, f, LM_SOCKOPT_EARLY, e);
}
