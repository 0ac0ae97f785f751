// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets: streams, datagrams, sequenced packets; pairs and listeners.
 * What waits in a socket to be read is dumped with it.
 *
 * Locking: unix_state_lock() (a spin lock) for the address; the queue's own
 * lock while references on its buffers are taken. Nothing is held while they
 * are copied: processes outside that share the socket cannot pull them away.
 */
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include "sock.h"
#include "state.h"
#include "wrapper/unix_state.h"

static bool is_unix(const struct sock *sk)
{
	return sk->sk_family == AF_UNIX;
}

static bool has_oob(struct sock *sk)
{
#if IS_ENABLED(CONFIG_AF_UNIX_OOB)
	return READ_ONCE(unix_sk(sk)->oob_skb);
#else
	return false;
#endif
}

static bool has_fds(struct sock *sk)
{
	bool found = false;
	struct sk_buff *skb;

	/* The queue of a listener holds connections. */
	if (sk->sk_state == TCP_LISTEN)
		return false;
	spin_lock(&sk->sk_receive_queue.lock);
	skb_queue_walk(&sk->sk_receive_queue, skb)
		found |= lm_unix_has_fds(skb);
	spin_unlock(&sk->sk_receive_queue.lock);
	return found;
}

/* A reference on the path that it is bound to; false: to none. */
static bool bound_path(struct sock *sk, struct path *path)
{
	unix_state_lock(sk);
	*path = unix_sk(sk)->path;
	if (path->dentry)
		path_get(path);
	unix_state_unlock(sk);
	return path->dentry;
}

/* A listener behind a name that nobody can find any more. The other ends of
 * its connections have the same name, which does not matter.
 */
static bool is_deleted(struct sock *sk)
{
	struct path path;
	bool ret;

	if (sk->sk_state != TCP_LISTEN || !bound_path(sk, &path))
		return false;
	ret = d_unlinked(path.dentry);
	path_put(&path);
	return ret;
}

static const char *unix_unsupported(struct lm_dump *d, struct sock *sk,
				    bool *transient)
{
	if (rcu_access_pointer(sk->sk_filter))
		return "socket filter";
	if (is_deleted(sk))
		return "deleted unix socket";
	if (!d->frozen)
		return NULL;
	if (sk->sk_state == TCP_LISTEN &&
	    skb_queue_len_lockless(&sk->sk_receive_queue)) {
		*transient = true;
		return "connection that is not accepted yet";
	}
	if (has_fds(sk)) {
		*transient = true;
		return "fds in flight in a unix socket";
	}
	if (has_oob(sk))
		return "urgent data in a unix socket";
	return NULL;
}

/* Bound names never change; the pointer is published once. */
static int put_name(struct sock *sk, int attr, struct sk_buff *obj)
{
	const struct unix_address *addr = smp_load_acquire(&unix_sk(sk)->addr);

	return addr ? nla_put(obj, attr, addr->len, addr->name) : 0;
}

static int put_peer(struct sock *sk, struct sk_buff *obj)
{
	struct sock *peer = unix_peer_get(sk);
	int err;

	if (!peer)
		return 0;
	/* 0: the other end is closed. */
	err = nla_put_u64_64bit(obj, LIVEMIG_SOCK_PEER_INO, sock_i_ino(peer),
				LIVEMIG_SOCK_PAD) ?:
	      put_name(peer, LIVEMIG_SOCK_REMOTE, obj);
	sock_put(peer);
	return err;
}

static int put_peer_cred(struct lm_dump *d, struct sock *sk,
			 struct sk_buff *obj)
{
	struct ucred uc = {};
	const struct cred *cred;
	struct pid *pid;

	spin_lock(&sk->sk_peer_lock);
	pid = get_pid(sk->sk_peer_pid);
	cred = get_cred(sk->sk_peer_cred);
	spin_unlock(&sk->sk_peer_lock);
	if (cred) {
		uc.uid = from_kuid(&init_user_ns, cred->euid);
		uc.gid = from_kgid(&init_user_ns, cred->egid);
	}
	uc.pid = pid_nr_ns(pid, d->s->pid_ns);
	put_cred(cred);
	put_pid(pid);
	return pid ? nla_put(obj, LIVEMIG_SOCK_PEER_CRED, sizeof(uc), &uc) : 0;
}

static int put_unix(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	int err;

	err = put_name(sk, LIVEMIG_SOCK_LOCAL, obj) ?:
	      put_peer(sk, obj) ?:
	      put_peer_cred(d, sk, obj);
	if (!err && sk->sk_state == TCP_LISTEN)
		err = nla_put_u32(obj, LIVEMIG_SOCK_BACKLOG,
				  sk->sk_max_ack_backlog) ?:
		      nla_put_u32(obj, LIVEMIG_SOCK_UNACCEPTED,
				  skb_queue_len_lockless(&sk->sk_receive_queue));
	return err;
}

/* References on all buffers in the queue, an array to be freed with
 * put_buffers(). Return: their number or -ENOMEM.
 */
static int get_buffers(struct sock *sk, struct sk_buff ***out)
{
	struct sk_buff_head *q = &sk->sk_receive_queue;
	struct sk_buff **skbs, *skb;
	int max = skb_queue_len_lockless(q), n = 0;

	skbs = kvmalloc_array(max + 1, sizeof(*skbs), GFP_KERNEL);
	if (!skbs)
		return -ENOMEM;
	spin_lock(&q->lock);
	skb_queue_walk(q, skb) {
		if (n == max)
			break;
		skbs[n++] = skb_get(skb);
	}
	spin_unlock(&q->lock);
	*out = skbs;
	return n;
}

static void put_buffers(struct sk_buff **skbs, int n)
{
	while (n--)
		consume_skb(skbs[n]);
	kvfree(skbs);
}

static int put_message(struct lm_data *w, struct sk_buff *skb)
{
	const struct unix_address *from = NULL;
	int err;

	if (skb->sk)
		from = smp_load_acquire(&unix_sk(skb->sk)->addr);
	err = lm_data_begin(w, from ? from->name : NULL, from ? from->len : 0) ?:
	      lm_data_add(w, skb, 0, skb->len);
	if (err)
		return err;
	lm_data_end(w);
	w->offset++;
	return 0;
}

static int put_stream(struct lm_data *w, struct sk_buff *skb)
{
	u32 read = lm_unix_consumed(skb);

	return read < skb->len ? lm_data_add(w, skb, read, skb->len - read) : 0;
}

static int put_unix_data(struct lm_dump *d, struct sock *sk, u32 file_id)
{
	struct lm_data w = {
		.d = d,
		.file_id = file_id,
		.queue = LIVEMIG_QUEUE_RECV,
		.stream = sk->sk_type == SOCK_STREAM,
	};
	struct sk_buff **skbs;
	int i, n, err = 0;

	if (sk->sk_state == TCP_LISTEN)
		return 0;
	n = get_buffers(sk, &skbs);
	if (n < 0)
		return n;
	for (i = 0; i < n && !err; i++)
		err = w.stream ? put_stream(&w, skbs[i]) :
				 put_message(&w, skbs[i]);
	put_buffers(skbs, n);
	if (err)
		lm_data_abort(&w);
	else
		lm_data_end(&w);
	return err;
}

const struct lm_sock_kind lm_sock_unix = {
	.name = "unix",
	.match = is_unix,
	.put = put_unix,
	.put_data = put_unix_data,
	.unsupported = unix_unsupported,
};
