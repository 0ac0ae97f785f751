// SPDX-License-Identifier: GPL-2.0
/*
 * TCP connections that are over, of which the kernel keeps the numbers for a minute:
 * to answer a FIN that comes again, and so that no old segment gets into a new
 * connection. Each is a FILE object that nobody has open, in the state that it was in
 * before the last FIN came; LIVEMIG_SOCK_TIMEWAIT tells the rest.
 *
 * Locking: what is in the table is copied under the lock of its bucket: such a
 * connection has no lock of its own.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/inet_hashtables.h>
#include <net/inet_timewait_sock.h>
#include <net/net_namespace.h>
#include <net/tcp.h>
#include "sock.h"
#include "wrapper/sock_state.h"

#define LM_BATCH	16

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct timewait {
	const void *id;
	union address local, remote;
	struct livemig_tcp tcp;
	struct livemig_sock_options options;
	struct livemig_timewait tw;
};

static void copy_addresses(struct timewait *t, const struct inet_timewait_sock *tw)
{
	t->local.sa.sa_family = tw->tw_family;
	t->remote.sa.sa_family = tw->tw_family;
	/* (at the same place in both) */
	t->local.in.sin_port = tw->tw_sport;
	t->remote.in.sin_port = tw->tw_dport;
#if IS_ENABLED(CONFIG_IPV6)
	if (tw->tw_family == AF_INET6) {
		t->local.in6.sin6_addr = tw->tw_v6_rcv_saddr;
		t->remote.in6.sin6_addr = tw->tw_v6_daddr;
		t->local.in6.sin6_scope_id =
			ipv6_iface_scope_id(&tw->tw_v6_rcv_saddr, tw->tw_bound_dev_if);
		t->remote.in6.sin6_scope_id =
			ipv6_iface_scope_id(&tw->tw_v6_daddr, tw->tw_bound_dev_if);
		return;
	}
#endif
	t->local.in.sin_addr.s_addr = tw->tw_rcv_saddr;
	t->remote.in.sin_addr.s_addr = tw->tw_daddr;
}

static void copy(struct timewait *t, const struct inet_timewait_sock *tw)
{
	const struct tcp_timewait_sock *tcptw = tcp_twsk((const struct sock *)tw);
	u32 snd_nxt = READ_ONCE(tcptw->tw_snd_nxt);
	u32 rcv_nxt = READ_ONCE(tcptw->tw_rcv_nxt);

	memset(t, 0, sizeof(*t));
	t->id = tw;
	t->tw.state = READ_ONCE(tw->tw_substate);
	t->tw.ts_recent = READ_ONCE(tcptw->tw_ts_recent);
	if (t->tw.state == TCP_TIME_WAIT)
		rcv_nxt--;	/* before that FIN */
	t->tcp = (struct livemig_tcp) {
		.state = TCP_FIN_WAIT2,
		.snd_una = snd_nxt,
		.write_seq = snd_nxt,
		.snd_nxt = snd_nxt,
		.copied_seq = rcv_nxt,
		.rcv_nxt = rcv_nxt,
		.snd_wl1 = rcv_nxt,
		.rcv_wnd = tcptw->tw_rcv_wnd,
		.rcv_wup = rcv_nxt,
		.mss_clamp = TCP_MSS_DEFAULT,
		.rcv_wscale = tw->tw_rcv_wscale,
		.timestamp = lm_timewait_timestamp(tcptw),
		.flags = LIVEMIG_TCP_F_WSCALE,
	};
	if (READ_ONCE(tcptw->tw_ts_recent_stamp))
		t->tcp.flags |= LIVEMIG_TCP_F_TSTAMP;
	t->options = (struct livemig_sock_options) {
		.priority = tw->tw_priority,
		.mark = tw->tw_mark,
		.bound_dev = tw->tw_bound_dev_if,
		.sndtimeo_ns = -1,
		.rcvtimeo_ns = -1,
		.linger = -1,
		.tos = tw->tw_tos,
	};
	if (tw->tw_reuse)
		t->options.flags |= LIVEMIG_SOCK_F_REUSEADDR;
	if (tw->tw_ipv6only)
		t->options.flags |= LIVEMIG_SOCK_F_V6ONLY;
	copy_addresses(t, tw);
}

/* Those of a bucket, after the first @skip. */
static int collect(struct inet_hashinfo *h, unsigned int slot, const struct net *net,
		   struct timewait *all, int skip)
{
	struct inet_ehash_bucket *bucket = &h->ehash[slot];
	spinlock_t *lock = inet_ehash_lockp(h, slot);
	struct hlist_nulls_node *node;
	struct sock *sk;
	int n = 0;

	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &bucket->chain) {
		if (READ_ONCE(sk->sk_state) != TCP_TIME_WAIT ||
		    !net_eq(sock_net(sk), net) || skip-- > 0)
			continue;
		copy(&all[n++], inet_twsk(sk));
		if (n == LM_BATCH)
			break;
	}
	spin_unlock_bh(lock);
	return n;
}

static int put_address(struct sk_buff *obj, int attr, const union address *a)
{
	return nla_put(obj, attr, a->sa.sa_family == AF_INET6 ? sizeof(a->in6) :
								sizeof(a->in), a);
}

static int put_sock(struct sk_buff *obj, const struct timewait *t, u32 id,
		    const struct net *net)
{
	return nla_put_u32(obj, LIVEMIG_SOCK_FAMILY, t->local.sa.sa_family) ?:
	       nla_put_u32(obj, LIVEMIG_SOCK_TYPE, SOCK_STREAM) ?:
	       nla_put_u32(obj, LIVEMIG_SOCK_PROTOCOL, IPPROTO_TCP) ?:
	       nla_put_u32(obj, LIVEMIG_SOCK_STATE, t->tcp.state) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_SOCK_INO, BIT_ULL(32) | id,
				 LIVEMIG_SOCK_PAD) ?:
	       nla_put_u32(obj, LIVEMIG_SOCK_NETNS, net->ns.inum) ?:
	       nla_put(obj, LIVEMIG_SOCK_OPTIONS, sizeof(t->options), &t->options) ?:
	       put_address(obj, LIVEMIG_SOCK_LOCAL, &t->local) ?:
	       put_address(obj, LIVEMIG_SOCK_REMOTE, &t->remote) ?:
	       nla_put(obj, LIVEMIG_SOCK_TCP, sizeof(t->tcp), &t->tcp) ?:
	       nla_put(obj, LIVEMIG_SOCK_TIMEWAIT, sizeof(t->tw), &t->tw) ?:
	       nla_put_flag(obj, LIVEMIG_SOCK_CLOSED);
}

static int put_file(struct lm_dump *d, struct task_struct *task, struct sk_buff *obj,
		    const struct timewait *t, u32 id, const struct net *net)
{
	const struct livemig_holder holder = {
		.pid = task_tgid_nr_ns(task, d->pid_ns),
		.fd = -1,
	};
	struct nlattr *nest;
	int err;

	err = nla_put_u32(obj, LIVEMIG_FILE_A_ID, id) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_TYPE, LIVEMIG_FILE_SOCKET) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_FLAGS, O_RDWR) ?:
	      nla_put(obj, LIVEMIG_FILE_A_HOLDER, sizeof(holder), &holder);
	if (err)
		return err;
	nest = nla_nest_start(obj, LIVEMIG_FILE_A_SOCK);
	if (!nest)
		return -EMSGSIZE;
	err = put_sock(obj, t, id, net);
	nla_nest_end(obj, nest);
	return err;
}

static int dump_one(struct lm_dump *d, struct task_struct *task,
		    const struct timewait *t, const struct net *net)
{
	struct sk_buff *obj;
	bool first;
	u32 id = lm_dump_id(d, LM_ID_FILE, t->id, &first);
	int err;

	if (!id)
		return -ENOMEM;
	if (!first)
		return 0;
	obj = lm_obj_begin(d, LIVEMIG_OBJ_FILE);
	if (!obj)
		return -ENOMEM;
	err = put_file(d, task, obj, t, id, net);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}

/**
 * lm_dump_timewait - queue the objects of connections that are over
 * @d: the dump; its timewaits counts them
 * @task: a process of the container
 * @h: the table of connections
 * @slot: the bucket in it
 * @net: the container's network namespace
 *
 * There are LIVEMIG_TIMEWAIT_MAX at most: what is left out loses nothing but its
 * last answers.
 * Context: sleeps.
 * Return: 0 or -errno.
 */
int lm_dump_timewait(struct lm_dump *d, struct task_struct *task,
		     struct inet_hashinfo *h, unsigned int slot, const struct net *net)
{
	struct timewait *all = kmalloc_array(LM_BATCH, sizeof(*all), GFP_KERNEL);
	int n, i, done = 0, err = 0;

	if (!all)
		return -ENOMEM;
	do {
		n = collect(h, slot, net, all, done);
		for (i = 0; i < n && !err && d->timewaits < LIVEMIG_TIMEWAIT_MAX; i++) {
			err = fatal_signal_pending(current) ? -EINTR :
							      dump_one(d, task, &all[i], net);
			d->timewaits++;
		}
		done += n;
	} while (n == LM_BATCH && !err && d->timewaits < LIVEMIG_TIMEWAIT_MAX);
	kfree(all);
	return err;
}
