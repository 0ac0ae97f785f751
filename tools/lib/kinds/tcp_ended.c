// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TCP sockets whose connection has ended while the program has them open: it may read
 * what came before the end, and is told the error that ended it. The module makes them
 * out of fresh ones.
 */
#include <linux/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "tcp.h"

static const struct livemig_tcp_ended *ended_of(const struct lm_file *f)
{
	const struct nlattr *a = f->sock[LIVEMIG_SOCK_ENDED];

	return lm_len(a) >= sizeof(struct livemig_tcp_ended) ? lm_data(a) : NULL;
}

/* By force, as others may have the port by now; the address may be gone. */
static int bind_again(const struct lm_file *f, int fd, struct lm_error *e)
{
	const struct livemig_sock_options *o = lm_sock_options(f);
	int on = TCP_REPAIR_ON, off = TCP_REPAIR_OFF_NO_WP;
	union lm_sockaddr a;
	socklen_t len = lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a);

	if (!len)
		return 0;
	if (lm_sock_set(fd, IPPROTO_IP, IP_FREEBIND, 1, "IP_FREEBIND", e) < 0)
		return -1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0)
		return lm_tcp_cannot(e, "enter repair mode", f);
	if (bind(fd, &a.sa, len) < 0)
		return lm_tcp_cannot(e, "bind", f);
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) < 0)
		return lm_tcp_cannot(e, "leave repair mode", f);
	if (lm_sock_set(fd, IPPROTO_IP, IP_FREEBIND, !!(o->flags & LIVEMIG_SOCK_F_FREEBIND),
			"IP_FREEBIND", e) < 0)
		return -1;
	return lm_sock_set(fd, SOL_SOCKET, SO_REUSEADDR,
			   !!(o->flags & LIVEMIG_SOCK_F_REUSEADDR), "SO_REUSEADDR", e);
}

static int fill(struct lm_restorer *r, const struct lm_file *f, int fd, struct lm_error *e)
{
	struct livemig_ioc_ended arg = { .fd = fd, .more = 1 };

	for (size_t i = 0; i < f->nr_data; i++) {
		if (f->data[i]->queue != LIVEMIG_QUEUE_RECV)
			continue;
		arg.buf = (uintptr_t)f->data[i]->bytes;
		arg.len = f->data[i]->len;
		if (ioctl(lm_restorer_device(r), LIVEMIG_IOC_ENDED, &arg) < 0)
			return lm_tcp_cannot(e, "fill the receive queue", f);
	}
	return 0;
}

int lm_tcp_end(struct lm_restorer *r, const struct lm_file *f, int fd, struct lm_error *e)
{
	struct livemig_ioc_ended arg = {
		.fd = fd, .shutdown = lm_u32(f->sock[LIVEMIG_SOCK_SHUTDOWN]),
	};
	union lm_sockaddr a;
	socklen_t len = lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a);

	if (!ended_of(f))
		return lm_fail(e, LM_REFUSED, "the record of a TCP connection is malformed");
	arg.ended = *ended_of(f);
	if (arg.ended.flags & LIVEMIG_ENDED_F_BOUND) {
		if (bind_again(f, fd, e) < 0)
			return -1;
	} else if (len && len <= sizeof(arg.local)) {
		memcpy(arg.local, &a, len);
	}
	if (lm_sock_make_room(fd, 0, lm_sock_queue_len(f, LIVEMIG_QUEUE_RECV), e) < 0 ||
	    fill(r, f, fd, e) < 0 || lm_sock_set_buffers(fd, f, e) < 0)
		return -1;
	if (ioctl(lm_restorer_device(r), LIVEMIG_IOC_ENDED, &arg) < 0)
		return lm_tcp_cannot(e, "end it", f);
	return 0;
}
