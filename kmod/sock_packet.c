// SPDX-License-Identifier: GPL-2.0
/*
 * Packet sockets. What waits in them is left behind: the network may lose it. Rings,
 * memberships and options are what user space is told by getsockopt() and by the
 * kernel's diagnosis of packet sockets.
 *
 * Locking: none; kernel_getsockname() takes what it needs.
 */
#include <linux/if_packet.h>
#include <linux/net.h>
#include "sock.h"

static bool is_packet(const struct sock *sk)
{
	return sk->sk_family == AF_PACKET &&
	       (sk->sk_type == SOCK_RAW || sk->sk_type == SOCK_DGRAM);
}

static const char *packet_unsupported(struct lm_dump *d, struct sock *sk,
				      bool *transient)
{
	return lm_sock_has_bpf(sk) ? "BPF program on a socket" : NULL;
}

/* The interface and the protocol that it listens to, if any. */
static int put_packet(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	union {
		struct sockaddr sa;
		struct sockaddr_storage room;
	} a = {};
	int len = kernel_getsockname(sk->sk_socket, &a.sa);

	if (len < 0)
		return 0;
	return nla_put(obj, LIVEMIG_SOCK_LOCAL, min_t(int, len, sizeof(a)), &a);
}

const struct lm_sock_kind lm_sock_packet = {
	.name = "packet",
	.match = is_packet,
	.put = put_packet,
	.unsupported = packet_unsupported,
};
