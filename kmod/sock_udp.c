// SPDX-License-Identifier: GPL-2.0
/*
 * UDP sockets: addresses and options. Datagrams that wait to be received are
 * counted (QUEUED), not carried: they may be lost on any network.
 *
 * Locking: put() runs under lock_sock().
 */
#include <linux/udp.h>
#include "sock.h"
#include "wrapper/sock_state.h"

static bool is_udp(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_UDP;
}

static const char *udp_unsupported(struct lm_dump *d, struct sock *sk,
				   bool *transient)
{
	if (lm_udp_encap(sk))
		return "UDP tunnel socket";
	if (d->frozen && READ_ONCE(udp_sk(sk)->pending)) {
		*transient = true;
		return "corked UDP datagram";
	}
	return lm_inet_unsupported(sk);
}

static int put_udp(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	return lm_put_inet_addresses(sk, obj);
}

const struct lm_sock_kind lm_sock_udp = {
	.name = "UDP",
	.match = is_udp,
	.put = put_udp,
	.unsupported = udp_unsupported,
};
