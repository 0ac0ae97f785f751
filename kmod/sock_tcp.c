// SPDX-License-Identifier: GPL-2.0
/*
 * TCP sockets: listeners with the connections that wait in them, and connections
 * with the bytes that the program has not read and those that the other side has
 * not acknowledged. What came out
 * of order is left out: it is not acknowledged and comes again. Of a connection that
 * has ended what was not read is left, and an error that was not told.
 *
 * Locking: put() and put_queues() run under one lock_sock(); segments that
 * arrive meanwhile wait in the backlog, unacknowledged. A listener stays locked
 * while those in its queue are, one after the other.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/tcp.h>
#include "sock.h"
#include "wrapper/sock_state.h"

static bool is_tcp(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP;
}

static bool is_connected(int state)
{
	return (1 << state) & (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
			       TCPF_FIN_WAIT2 | TCPF_LAST_ACK | TCPF_CLOSING);
}

/* Connections whose handshake is not over; and those by TCP Fast Open, whose
 * handshake is not over either.
 */
static bool is_being_opened(const struct sock *sk)
{
	return reqsk_queue_len(&inet_csk(sk)->icsk_accept_queue) ||
	       READ_ONCE(inet_csk(sk)->icsk_accept_queue.fastopenq.qlen);
}

static const char *ulp_name(const struct sock *sk)
{
	const struct tcp_ulp_ops *ulp = READ_ONCE(inet_csk(sk)->icsk_ulp_ops);

	if (!ulp)
		return NULL;
	return !strcmp(ulp->name, "tls") ? "kernel TLS" :
					   "TCP upper layer protocol";
}

static bool is_signed(const struct sock *sk)
{
#ifdef CONFIG_TCP_MD5SIG
	if (rcu_access_pointer(tcp_sk(sk)->md5sig_info))
		return true;
#endif
#ifdef CONFIG_TCP_AO
	if (rcu_access_pointer(tcp_sk(sk)->ao_info))
		return true;
#endif
	return false;
}

/* An acknowledgement moves snd_una first and snd_up then, to the same place. Without
 * the socket's lock they are read the other way round: there is urgent data only if
 * snd_up is ahead.
 */
static bool is_urgent(const struct tcp_sock *tp)
{
	u32 up = READ_ONCE(tp->snd_up);

	smp_rmb();
	return READ_ONCE(tp->urg_data) || after(up, READ_ONCE(tp->snd_una));
}

/* Of one that has ended only what has come is left. */
static bool has_urgent(const struct sock *sk, int state)
{
	const struct tcp_sock *tp = tcp_sk(sk);

	return (is_connected(state) && is_urgent(tp)) ||
	       (state == TCP_CLOSE && READ_ONCE(tp->urg_data));
}

static const char *tcp_unsupported(struct lm_dump *d, struct sock *sk,
				   bool *transient)
{
	int state = inet_sk_state_load(sk);
	const char *why = ulp_name(sk);

	if (why)
		return why;
	if (is_signed(sk))
		return "TCP signatures (MD5 or AO)";
	if (sk_is_mptcp(sk))
		return "MPTCP socket";
	if (d->frozen && (state == TCP_SYN_RECV ||
			  (state == TCP_LISTEN && is_being_opened(sk)))) {
		*transient = true;
		return "TCP connection that is being opened";
	}
	if (has_urgent(sk, state))
		return "TCP urgent data";
	return lm_inet_unsupported(sk);
}

static int put_tcp_state(const struct sock *sk, struct sk_buff *obj)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	const struct tcp_options_received *rx = &tp->rx_opt;
	struct livemig_tcp s = {
		.state = sk->sk_state,
		.snd_una = tp->snd_una,
		.write_seq = tp->write_seq,
		.snd_nxt = tp->snd_nxt,
		.copied_seq = tp->copied_seq,
		.rcv_nxt = tp->rcv_nxt,
		.snd_wl1 = tp->snd_wl1,
		.snd_wnd = tp->snd_wnd,
		.max_window = tp->max_window,
		.rcv_wnd = tp->rcv_wnd,
		.rcv_wup = tp->rcv_wup,
		.mss_clamp = rx->mss_clamp,
		.snd_wscale = rx->snd_wscale,
		.rcv_wscale = rx->rcv_wscale,
		.timestamp = lm_tcp_timestamp(sk),
	};

	if (rx->wscale_ok)
		s.flags |= LIVEMIG_TCP_F_WSCALE;
	if (rx->sack_ok)
		s.flags |= LIVEMIG_TCP_F_SACK;
	if (rx->tstamp_ok)
		s.flags |= LIVEMIG_TCP_F_TSTAMP;
	if (is_urgent(tp))
		s.flags |= LIVEMIG_TCP_F_URG;
	return nla_put(obj, LIVEMIG_SOCK_TCP, sizeof(s), &s);
}

/* (Without a file: it was not accepted, and is left out.) */
static bool is_ended(const struct sock *sk)
{
	return sk->sk_state == TCP_CLOSE && sk->sk_socket &&
	       (sk->sk_shutdown || READ_ONCE(sk->sk_err) ||
		sk->sk_socket->state != SS_UNCONNECTED);
}

static int put_ended(const struct sock *sk, struct sk_buff *obj)
{
	struct livemig_tcp_ended e = {
		.err = READ_ONCE(sk->sk_err),
		.state = sk->sk_socket->state,
	};

	if (sock_flag(sk, SOCK_DONE))
		e.flags |= LIVEMIG_ENDED_F_FIN;
	if (inet_sk(sk)->inet_num)
		e.flags |= LIVEMIG_ENDED_F_BOUND;
	return nla_put(obj, LIVEMIG_SOCK_ENDED, sizeof(e), &e);
}

static int put_tcp(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	int err = lm_put_inet_addresses(sk, obj);

	if (!err && sk->sk_state == TCP_LISTEN)
		err = nla_put_u32(obj, LIVEMIG_SOCK_BACKLOG,
				  sk->sk_max_ack_backlog) ?:
		      nla_put_u32(obj, LIVEMIG_SOCK_UNACCEPTED,
				  READ_ONCE(sk->sk_ack_backlog));
	if (!err && d->frozen &&
	    (is_connected(sk->sk_state) || sk->sk_state == TCP_SYN_SENT))
		err = put_tcp_state(sk, obj);
	if (!err && is_ended(sk))
		err = put_ended(sk, obj);
	return err;
}

/* Append what @skb has from @seq on. Return: the sequence number that follows,
 * in *@seq; 0 or -errno.
 */
static int add_from(struct lm_data *w, const struct sk_buff *skb, u32 *seq)
{
	const struct tcp_skb_cb *cb = TCP_SKB_CB(skb);
	u32 start = cb->seq + !!(cb->tcp_flags & TCPHDR_SYN);
	u32 off = *seq - start;
	int err;

	if (!skb->len)
		return 0;
	if (after(start, *seq))
		return -EIO;	/* a hole: not a queue in order */
	if (off >= skb->len)
		return 0;
	err = lm_data_add(w, skb, off, skb->len - off);
	*seq += skb->len - off;
	return err;
}

static int put_recv(struct lm_data *w, struct sock *sk)
{
	u32 seq = tcp_sk(sk)->copied_seq;
	struct sk_buff *skb;
	int err;

	skb_queue_walk(&sk->sk_receive_queue, skb) {
		err = add_from(w, skb, &seq);
		if (err)
			return err;
	}
	return 0;
}

/* First what was sent and may have to be sent again, then the rest. */
static int put_send(struct lm_data *w, struct sock *sk)
{
	u32 seq = tcp_sk(sk)->snd_una;
	struct sk_buff *skb;
	int err;

	skb_rbtree_walk(skb, &sk->tcp_rtx_queue) {
		err = add_from(w, skb, &seq);
		if (err)
			return err;
	}
	skb_queue_walk(&sk->sk_write_queue, skb) {
		err = add_from(w, skb, &seq);
		if (err)
			return err;
	}
	return 0;
}

static int put_queue(struct lm_dump *d, struct sock *sk, u32 file_id, u32 queue,
		     int (*put)(struct lm_data *w, struct sock *sk))
{
	struct lm_data w = {
		.d = d,
		.file_id = file_id,
		.queue = queue,
		.stream = true,
	};
	int err = put(&w, sk);

	if (err)
		lm_data_abort(&w);
	else
		lm_data_end(&w);
	return err;
}

/* References on the connections in the queue of a listener, which is locked, so
 * that none of them is taken; an array to be freed with put_children().
 * Return: their number or -ENOMEM.
 */
static int get_children(struct sock *sk, struct sock ***out)
{
	struct request_sock_queue *q = &inet_csk(sk)->icsk_accept_queue;
	int max = READ_ONCE(sk->sk_ack_backlog), n = 0;
	struct request_sock *req;
	struct sock **children;

	children = kvmalloc_array(max + 1, sizeof(*children), GFP_KERNEL);
	if (!children)
		return -ENOMEM;
	spin_lock_bh(&q->rskq_lock);
	for (req = q->rskq_accept_head; req && n < max; req = req->dl_next) {
		sock_hold(req->sk);
		children[n++] = req->sk;
	}
	spin_unlock_bh(&q->rskq_lock);
	*out = children;
	return n;
}

static int put_unaccepted(struct lm_dump *d, struct task_struct *t,
			  struct sock *sk, u32 file_id)
{
	struct sock **children;
	int i, n, err = 0;

	n = get_children(sk, &children);
	if (n < 0)
		return n;
	for (i = 0; i < n && !err; i++) {
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		lock_sock_nested(children[i], SINGLE_DEPTH_NESTING);
		/* One that was reset meanwhile nobody has a use for. */
		if (children[i]->sk_state != TCP_CLOSE)
			err = lm_dump_fileless(d, t, children[i], file_id);
		release_sock(children[i]);
	}
	while (n--)
		sock_put(children[n]);
	kvfree(children);
	return err;
}

static int put_tcp_queues(struct lm_dump *d, struct task_struct *t,
			  struct sock *sk, u32 file_id)
{
	if (sk->sk_state == TCP_LISTEN)
		return put_unaccepted(d, t, sk, file_id);
	if (!d->frozen || (!is_connected(sk->sk_state) && !is_ended(sk)))
		return 0;
	return put_queue(d, sk, file_id, LIVEMIG_QUEUE_RECV, put_recv) ?:
	       put_queue(d, sk, file_id, LIVEMIG_QUEUE_SEND, put_send);
}

const struct lm_sock_kind lm_sock_tcp = {
	.name = "TCP",
	.match = is_tcp,
	.put = put_tcp,
	.put_queues = put_tcp_queues,
	.unsupported = tcp_unsupported,
};
