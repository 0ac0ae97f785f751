// SPDX-License-Identifier: LGPL-2.1-or-later
/* UDP sockets: addresses and options. Datagrams that wait to be read are not
 * moved: the network may lose them, and programs must expect it.
 */
#include <errno.h>
#include <unistd.h>

#include "sock.h"

static bool is_udp(const struct lm_file *f)
{
	return lm_sock_is(f, AF_INET, SOCK_DGRAM, IPPROTO_UDP) ||
	       lm_sock_is(f, AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
}

static int attach(struct lm_file *f, int fd, struct lm_error *e)
{
	union lm_sockaddr local, remote;
	socklen_t local_len = lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &local);
	socklen_t remote_len = lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &remote);
	char text[128];

	if (lm_sock_before_bind(fd, f, e) < 0 || lm_sock_set_options(fd, f, e) < 0 ||
	    lm_sock_set_buffers(fd, f, e) < 0)
		return -1;
	lm_sock_addr_text(&local, local_len, text, sizeof(text));
	if (local_len && lm_sock_port(&local) && bind(fd, &local.sa, local_len) < 0)
		return lm_fail_errno(e, LM_REFUSED, "UDP %s: cannot bind", text);
	lm_sock_addr_text(&remote, remote_len, text, sizeof(text));
	if (remote_len && lm_sock_port(&remote) && connect(fd, &remote.sa, remote_len) < 0)
		return lm_fail_errno(e, LM_REFUSED, "UDP %s: cannot connect", text);
	return 0;
}

static int udp_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd = lm_sock_new(r, f, e);

	if (fd < 0)
		return -1;
	if (attach(f, fd, e) < 0) {
		close(fd);
		return -1;
	}
	f->fd = fd;
	return 0;
}

const struct lm_file_kind lm_kind_udp = {
	.name = "UDP socket",
	.match = is_udp,
	.open = udp_open,
};
