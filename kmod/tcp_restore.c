// SPDX-License-Identifier: GPL-2.0
/*
 * TCP: what TCP_REPAIR does not do: states after the end of one direction,
 * connections that wait to be accepted, IPV6_V6ONLY of those that were.
 *
 * Locking: lock_sock() of the socket; the listener's before that of the
 * connection.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include "restore.h"
#include "sock.h"
#include "wrapper/reqsk.h"
#include "wrapper/sock_state.h"

static struct socket *tcp_of(struct file *f)
{
	struct socket *sock = sock_from_file(f);

	return sock && sock->sk && lm_sock_tcp.match(sock->sk) ? sock : NULL;
}

/* The FIN of either side is in the sequence numbers; here is the rest of what it
 * does.
 */
static int set_state(struct sock *sk, u32 state)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	switch (state) {
	case TCP_FIN_WAIT2:
		if (sk->sk_state != TCP_ESTABLISHED || tp->snd_una != tp->write_seq)
			return -EINVAL;
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | SEND_SHUTDOWN);
		TCP_DEC_STATS(sock_net(sk), TCP_MIB_CURRESTAB);
		break;
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
		if (sk->sk_state != (state == TCP_CLOSING ? TCP_FIN_WAIT1 :
							    TCP_ESTABLISHED))
			return -EINVAL;
		WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | RCV_SHUTDOWN);
		sock_set_flag(sk, SOCK_DONE);
		break;
	default:
		return -EINVAL;
	}
	smp_store_release(&sk->sk_state, state);
	sk->sk_state_change(sk);
	return 0;
}

static int set_v6only(struct sock *sk, u32 on)
{
	if (sk->sk_family != AF_INET6 || on > 1)
		return -EINVAL;
	sk->sk_ipv6only = on;
	return 0;
}

static int with_socket(const struct livemig_ioc_tcp *t, int (*set)(struct sock *, u32))
{
	struct file *f = fget(t->fd);
	struct socket *sock;
	int err = -ENOTSOCK;

	if (!f)
		return -EBADF;
	sock = tcp_of(f);
	if (sock) {
		lock_sock(sock->sk);
		err = set(sock->sk, t->arg);
		release_sock(sock->sk);
	}
	fput(f);
	return err;
}

/* Both are locked. */
static int may_wait(const struct sock *listener, const struct sock *sk)
{
	if (listener->sk_state != TCP_LISTEN)
		return -EINVAL;
	if (sk->sk_state == TCP_CLOSE)
		return -ENOTCONN;
	if (sk->sk_state != TCP_ESTABLISHED && sk->sk_state != TCP_CLOSE_WAIT)
		return -EINVAL;
	if (tcp_sk(sk)->repair || inet_csk(sk)->icsk_ulp_ops ||
	    sk->sk_shutdown & SEND_SHUTDOWN)
		return -EINVAL;
	if (sk->sk_family != listener->sk_family ||
	    inet_sk(sk)->inet_num != inet_sk(listener)->inet_num ||
	    !net_eq(sock_net(sk), sock_net(listener)))
		return -EINVAL;
	return lm_sock_in_memcg(sk) ? -EXDEV : 0;
}

/* From now on it is what accept() has not given anybody yet. */
static struct sock *detach(struct socket *sock)
{
	struct sock *sk = sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sock->sk = NULL;
	sock->state = SS_UNCONNECTED;
	sk_set_socket(sk, NULL);
	rcu_assign_pointer(sk->sk_wq, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
	return sk;
}

static int hand_over(struct sock *listener, struct socket *sock)
{
	struct request_sock *req = lm_reqsk_alloc(listener);
	struct sock *sk = sock->sk;
	int err;

	if (!req)
		return -ENOMEM;
	lock_sock(listener);
	lock_sock_nested(sk, SINGLE_DEPTH_NESTING);
	err = may_wait(listener, sk);
	if (!err)
		lm_reqsk_queue_add(listener, req, detach(sock));
	release_sock(sk);
	release_sock(listener);
	if (err)
		lm_reqsk_free(req);
	else
		listener->sk_data_ready(listener);
	return err;
}

/* Nobody may be using the socket while it loses its connection: it is taken out
 * of the table of descriptors, and must be nowhere else.
 */
static int unaccept(const struct livemig_ioc_tcp *t)
{
	struct file *f = fget(t->fd), *l = fget(t->arg);
	int err = -EBADF;

	if (!f || !l)
		goto out;
	err = -ENOTSOCK;
	if (!tcp_of(f) || !tcp_of(l))
		goto out;
	err = -EINVAL;
	if (tcp_of(f)->sk == tcp_of(l)->sk)
		goto out;
	err = close_fd(t->fd);
	if (err)
		goto out;
	err = file_count(f) == 1 ? hand_over(tcp_of(l)->sk, tcp_of(f)) : -EBUSY;
out:
	if (f)
		fput(f);
	if (l)
		fput(l);
	return err;
}

/**
 * lm_restore_tcp - give a TCP socket what repair mode cannot
 * @t: as the uapi header tells; not trusted
 *
 * Context: sleeps.
 * Return: 0 or -errno.
 */
int lm_restore_tcp(const struct livemig_ioc_tcp *t)
{
	if (t->resv)
		return -EINVAL;
	switch (t->op) {
	case LIVEMIG_TCP_STATE:
		return with_socket(t, set_state);
	case LIVEMIG_TCP_V6ONLY:
		return with_socket(t, set_v6only);
	case LIVEMIG_TCP_UNACCEPT:
		return unaccept(t);
	}
	return -EINVAL;
}
