// SPDX-License-Identifier: GPL-2.0
/*
 * TCP sockets whose connection has ended, made without one: no table of the kernel
 * has them any more, so that no address and no route needs to be here. What was not
 * read becomes a receive queue from any sequence number on; it is read by none but
 * the program.
 *
 * Locking: lock_sock() of the socket.
 */
#include <linux/file.h>
#include <linux/ipv6.h>
#include <linux/net.h>
#include <net/tcp.h>
#include "restore.h"
#include "sock.h"

/* Nobody has done more to it than bind() and setsockopt(). */
static bool is_fresh(const struct socket *sock)
{
	const struct sock *sk = sock->sk;

	return sk->sk_state == TCP_CLOSE && sock->state == SS_UNCONNECTED &&
	       !sk->sk_shutdown && !READ_ONCE(sk->sk_err) && sk_unhashed(sk) &&
	       !inet_sk(sk)->inet_dport && !tcp_sk(sk)->repair &&
	       !inet_csk(sk)->icsk_ulp_ops;
}

static int check(const struct livemig_ioc_ended *e)
{
	if (e->more > 1 || e->ended.resv)
		return -EINVAL;
	if (!e->more && e->ended.state == SS_FREE)
		return -EINVAL;
	if (e->ended.err >= ERESTARTSYS || e->ended.state > SS_DISCONNECTING ||
	    e->shutdown & ~SHUTDOWN_MASK ||
	    e->ended.flags & ~(LIVEMIG_ENDED_F_FIN | LIVEMIG_ENDED_F_BOUND))
		return -EINVAL;
	return 0;
}

/* As what has come from the peer, in order. */
static int queue(struct sock *sk, struct sk_buff *skb)
{
	struct tcp_sock *tp = tcp_sk(sk);
	struct tcp_skb_cb *cb = TCP_SKB_CB(skb);

	if (atomic_read(&sk->sk_rmem_alloc) + skb->truesize > READ_ONCE(sk->sk_rcvbuf) ||
	    !sk_rmem_schedule(sk, skb, skb->truesize))
		return -ENOBUFS;
	cb->seq = tp->rcv_nxt;
	cb->end_seq = cb->seq + skb->len;
	cb->tcp_flags = TCPHDR_ACK;
	WRITE_ONCE(tp->rcv_nxt, cb->end_seq);
	skb_set_owner_r(skb, sk);
	__skb_queue_tail(&sk->sk_receive_queue, skb);
	return 0;
}

/* What nobody has acknowledged is read from now on, and the window that this would open
 * is divided by this; only a socket that was never connected has 0 there.
 */
static void set_rcv_mss(struct sock *sk)
{
	inet_csk(sk)->icsk_ack.rcv_mss = TCP_MIN_MSS;
}

static int fill(struct sock *sk, const u8 __user *from, u32 len)
{
	struct sk_buff *skb;
	int err = 0;
	u32 n;

	for (; len && !err; len -= n, from += n) {
		n = min_t(u32, len, SKB_MAX_ORDER(0, 0));
		skb = alloc_skb(n, GFP_KERNEL);
		if (!skb)
			return -ENOMEM;
		err = copy_from_user(skb_put(skb, n), from, n) ? -EFAULT :
								 queue(sk, skb);
		if (err)
			kfree_skb(skb);
	}
	return err;
}

/* What getsockname() tells; its port is not its own any more. */
static int set_local(struct sock *sk, const u8 *local)
{
	const struct sockaddr_in *sin = (const void *)local;
	struct inet_sock *inet = inet_sk(sk);

	if (!sin->sin_family)
		return 0;
	if (sin->sin_family != sk->sk_family || inet->inet_num)
		return -EINVAL;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		const struct sockaddr_in6 *sin6 = (const void *)local;

		sk->sk_v6_rcv_saddr = sin6->sin6_addr;
		inet6_sk(sk)->saddr = sin6->sin6_addr;
		inet->inet_sport = sin6->sin6_port;
		return 0;
	}
#endif
	inet->inet_saddr = sin->sin_addr.s_addr;
	inet->inet_rcv_saddr = sin->sin_addr.s_addr;
	inet->inet_sport = sin->sin_port;
	return 0;
}

/* Where there is something to be read the connection has been there, and its end has
 * shut it down. The kernel relies on it: otherwise reading sends a window to nobody,
 * and a new connection would begin with what is left of this one.
 */
static bool may_have_data(const struct livemig_ioc_ended *e)
{
	return e->shutdown & RCV_SHUTDOWN && e->ended.state > SS_UNCONNECTED;
}

static int end(struct socket *sock, const struct livemig_ioc_ended *e)
{
	struct sock *sk = sock->sk;
	struct tcp_sock *tp = tcp_sk(sk);
	int err;

	if (!skb_queue_empty(&sk->sk_receive_queue) && !may_have_data(e))
		return -EINVAL;
	err = set_local(sk, e->local);
	if (err)
		return err;
	if (e->ended.flags & LIVEMIG_ENDED_F_FIN) {
		sock_set_flag(sk, SOCK_DONE);
		WRITE_ONCE(tp->rcv_nxt, tp->rcv_nxt + 1);
	}
	sock->state = e->ended.state;
	WRITE_ONCE(sk->sk_err, e->ended.err);
	WRITE_ONCE(sk->sk_shutdown, e->shutdown);
	sk->sk_state_change(sk);
	return 0;
}

/**
 * lm_restore_ended - make a TCP socket one whose connection has ended
 * @e: as the uapi header tells; not trusted
 *
 * Context: sleeps.
 * Return: 0 or -errno.
 */
int lm_restore_ended(const struct livemig_ioc_ended *e)
{
	struct socket *sock;
	struct file *f;
	int err = check(e);

	if (err)
		return err;
	f = fget(e->fd);
	if (!f)
		return -EBADF;
	err = -ENOTSOCK;
	sock = sock_from_file(f);
	if (!sock || !sock->sk || !lm_sock_tcp.match(sock->sk))
		goto out;
	lock_sock(sock->sk);
	err = -EINVAL;
	if (is_fresh(sock)) {
		set_rcv_mss(sock->sk);
		err = fill(sock->sk, u64_to_user_ptr(e->buf), e->len);
	}
	if (!err && !e->more)
		err = end(sock, e);
	release_sock(sock->sk);
out:
	fput(f);
	return err;
}
