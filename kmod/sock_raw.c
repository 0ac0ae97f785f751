// SPDX-License-Identifier: GPL-2.0
/*
 * Raw and ICMP ("ping") sockets, netlink sockets. Packets that wait in the first two
 * are left behind: the network may lose them. A netlink socket moves when nothing
 * waits in it, so that no answer is on its way; its address and groups are read by
 * user space.
 *
 * Locking: inet sockets: put() runs under lock_sock(); the others need none.
 */
#include <linux/in.h>
#include <linux/netlink.h>
#include <net/inet_sock.h>
#include "sock.h"

static bool is_inet(const struct sock *sk)
{
	return sk->sk_family == AF_INET || sk->sk_family == AF_INET6;
}

static bool is_raw(const struct sock *sk)
{
	return is_inet(sk) &&
	       (sk->sk_type == SOCK_RAW ||
		(sk->sk_type == SOCK_DGRAM &&
		 (sk->sk_protocol == IPPROTO_ICMP ||
		  sk->sk_protocol == IPPROTO_ICMPV6)));
}

static const char *raw_unsupported(struct lm_dump *d, struct sock *sk,
				   bool *transient)
{
	/* The parts that MSG_MORE has brought so far. */
	if (d->frozen && !skb_queue_empty_lockless(&sk->sk_write_queue)) {
		*transient = true;
		return "corked raw packet";
	}
	return lm_inet_unsupported(sk);
}

static int put_raw(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	return lm_put_inet_addresses(sk, obj) ?: lm_put_mcast_if(sk, obj);
}

static int put_raw_queue(struct lm_dump *d, struct task_struct *t,
			 struct sock *sk, u32 file_id)
{
	return lm_put_groups(d, sk, file_id);
}

const struct lm_sock_kind lm_sock_raw = {
	.name = "raw",
	.match = is_raw,
	.put = put_raw,
	.put_queues = put_raw_queue,
	.unsupported = raw_unsupported,
};

static bool is_netlink(const struct sock *sk)
{
	return sk->sk_family == AF_NETLINK;
}

static const char *netlink_unsupported(struct lm_dump *d, struct sock *sk,
				       bool *transient)
{
	if (lm_sock_has_bpf(sk))
		return "BPF program on a socket";
	if (d->frozen && !skb_queue_empty_lockless(&sk->sk_receive_queue)) {
		*transient = true;
		return "netlink socket with messages that nobody has read";
	}
	return NULL;
}

static int put_netlink(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	return 0;
}

const struct lm_sock_kind lm_sock_netlink = {
	.name = "netlink",
	.match = is_netlink,
	.put = put_netlink,
	.unsupported = netlink_unsupported,
};
