// SPDX-License-Identifier: LGPL-2.1-or-later
/* UDP, UDP-Lite, raw and ICMP sockets: addresses and options; see udp_queue.c for
 * the datagrams that wait in the first two. Those of the others stay behind.
 */
#include <errno.h>
#include <unistd.h>

#include "mcast.h"
#include "sockopt.h"
#include "udp.h"

static bool is_udp(const struct lm_file *f)
{
	return lm_sock_is(f, AF_INET, SOCK_DGRAM, IPPROTO_UDP) ||
	       lm_sock_is(f, AF_INET6, SOCK_DGRAM, IPPROTO_UDP) ||
	       lm_sock_is(f, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE) ||
	       lm_sock_is(f, AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE);
}

static bool is_raw(const struct lm_file *f)
{
	return lm_sock_is(f, AF_INET, SOCK_RAW, -1) || lm_sock_is(f, AF_INET6, SOCK_RAW, -1) ||
	       lm_sock_is(f, AF_INET, SOCK_DGRAM, IPPROTO_ICMP) ||
	       lm_sock_is(f, AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
}

static int cannot(const struct lm_file *f, const char *what, const union lm_sockaddr *a,
		  socklen_t len, struct lm_error *e)
{
	int err = errno;
	char text[128];

	lm_sock_addr_text(a, len, text, sizeof(text));
	errno = err;
	return lm_fail_errno(e, LM_REFUSED, "%s %s: cannot %s", is_raw(f) ? "raw socket" : "UDP",
			     text, what);
}

static int attach(struct lm_file *f, int fd, struct lm_error *e)
{
	union lm_sockaddr local, remote;
	socklen_t local_len = lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &local);
	socklen_t remote_len = lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &remote);

	if (lm_sock_before_bind(fd, f, e) < 0 || lm_sock_set_options(fd, f, e) < 0 ||
	    lm_sock_set_buffers(fd, f, e) < 0 ||
	    lm_sockopt_set(fd, f, LM_SOCKOPT_READY, e) < 0 || lm_mcast_set_if(fd, f, e) < 0)
		return -1;
	if (local_len && lm_sock_port(&local) && bind(fd, &local.sa, local_len) < 0)
		return cannot(f, "bind", &local, local_len, e);
	if (remote_len && connect(fd, &remote.sa, remote_len) < 0)
		return cannot(f, "connect", &remote, remote_len, e);
	return 0;
}

static int udp_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd;

	if (lm_mcast_try(r, f, e) < 0)
		return -1;
	fd = lm_sock_new(r, f, e);
	if (fd < 0)
		return -1;
	if (attach(f, fd, e) < 0) {
		close(fd);
		return -1;
	}
	f->fd = fd;
	return 0;
}

static int udp_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	if (lm_mcast_join(f->fd, f, e) < 0 || lm_udp_fill(r, f, e) < 0)
		return -1;
	return lm_sockopt_set(f->fd, f, LM_SOCKOPT_LAST, e);
}

static int raw_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	if (lm_mcast_join(f->fd, f, e) < 0)
		return -1;
	return lm_sockopt_set(f->fd, f, LM_SOCKOPT_LAST, e);
}

const struct lm_file_kind lm_kind_udp = {
	.name = "UDP socket",
	.match = is_udp,
	.dump = lm_sockopt_dump,
	.open = udp_open,
	.resume = udp_resume,
};

const struct lm_file_kind lm_kind_raw = {
	.name = "raw socket",
	.match = is_raw,
	.dump = lm_sockopt_dump,
	.open = udp_open,
	.resume = raw_resume,
};
