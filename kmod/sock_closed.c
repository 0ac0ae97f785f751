// SPDX-License-Identifier: GPL-2.0
/*
 * TCP connections that nobody has any more: closed, or left by a process that has
 * ended, while what was sent was still under way; and (sock_timewait.c) those that are
 * over. They are found in the table of
 * connections, in the network namespace of a container that has its own.
 *
 * Locking: the lock of a bucket while references are taken; lock_sock() of each
 * connection while it is dumped.
 */
#include <linux/nsproxy.h>
#include <linux/rculist_nulls.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include "sock.h"

#define LM_BATCH	32

static bool is_left(const struct sock *sk, const struct net *net)
{
	const int states = TCPF_FIN_WAIT1 | TCPF_FIN_WAIT2 | TCPF_LAST_ACK |
			   TCPF_CLOSING;

	/* Others in the table are no full sockets. */
	return net_eq(sock_net(sk), net) &&
	       (1 << READ_ONCE(sk->sk_state)) & states && sock_flag(sk, SOCK_DEAD);
}

/* The next connections of a bucket, after the first @skip, referenced. */
static int collect(struct inet_hashinfo *h, unsigned int slot,
		   const struct net *net, struct sock **sks, int skip)
{
	struct inet_ehash_bucket *bucket = &h->ehash[slot];
	spinlock_t *lock = inet_ehash_lockp(h, slot);
	struct hlist_nulls_node *node;
	struct sock *sk;
	int n = 0;

	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &bucket->chain) {
		if (!is_left(sk, net) || skip-- > 0)
			continue;
		sock_hold(sk);
		sks[n++] = sk;
		if (n == LM_BATCH)
			break;
	}
	spin_unlock_bh(lock);
	return n;
}

static int dump_one(struct lm_dump *d, struct task_struct *t, struct sock *sk,
		    const struct net *net)
{
	int err = 0;

	lock_sock(sk);
	if (is_left(sk, net))
		err = lm_dump_fileless(d, t, sk, 0);
	release_sock(sk);
	return err;
}

static int dump_bucket(struct lm_dump *d, struct task_struct *t,
		       struct inet_hashinfo *h, unsigned int slot,
		       const struct net *net)
{
	struct sock *sks[LM_BATCH];
	int n, i, done = 0, err = 0;

	if (hlist_nulls_empty(&h->ehash[slot].chain))
		return 0;
	do {
		n = collect(h, slot, net, sks, done);
		for (i = 0; i < n && !err; i++)
			err = dump_one(d, t, sks[i], net);
		for (i = 0; i < n; i++)
			sock_put(sks[i]);
		done += n;
	} while (n == LM_BATCH && !err);
	return err ?: lm_dump_timewait(d, t, h, slot, net);
}

/* The network of the container, referenced; NULL: it is the caller's. */
static struct net *own_net(struct task_struct *t)
{
	struct net *net = NULL;

	task_lock(t);
	if (t->nsproxy && t->nsproxy->net_ns != current->nsproxy->net_ns)
		net = get_net(t->nsproxy->net_ns);
	task_unlock(t);
	return net;
}

/**
 * lm_dump_closed - queue the objects of connections that were closed
 * @d: the dump
 * @t: a process of the container
 *
 * Context: sleeps, killable.
 * Return: 0 or -errno.
 */
int lm_dump_closed(struct lm_dump *d, struct task_struct *t)
{
	struct inet_hashinfo *h;
	struct net *net;
	unsigned int i;
	int err = 0;

	net = d->frozen ? own_net(t) : NULL;
	if (!net)
		return 0;
	h = net->ipv4.tcp_death_row.hashinfo;
	for (i = 0; i <= h->ehash_mask && !err; i++) {
		err = fatal_signal_pending(current) ? -EINTR :
		      dump_bucket(d, t, h, i, net);
		cond_resched();
	}
	put_net(net);
	return err;
}
