// SPDX-License-Identifier: GPL-2.0
/*
 * UDP and UDP-Lite sockets: addresses and options, and the datagrams that wait to
 * be received, with where they came from and where they went.
 *
 * Locking: put() runs under lock_sock(). The queues have locks of their own, which
 * are held while references on their datagrams are taken.
 */
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/inet6_hashtables.h>
#include <net/ipv6.h>
#include "sock.h"
#include "wrapper/sock_state.h"

static bool is_udp(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_DGRAM &&
	       (sk->sk_protocol == IPPROTO_UDP ||
		sk->sk_protocol == IPPROTO_UDPLITE);
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
	return lm_put_inet_addresses(sk, obj) ?: lm_put_mcast_if(sk, obj);
}

struct datagrams {
	struct sk_buff **v;
	int n, max;
};

static void add_queue(struct datagrams *g, struct sk_buff_head *q)
{
	struct sk_buff *skb;

	spin_lock_bh(&q->lock);
	skb_queue_walk(q, skb) {
		if (g->n == g->max)
			break;
		g->v[g->n++] = skb_get(skb);
	}
	spin_unlock_bh(&q->lock);
}

/* Readers move what has come into a queue of their own, which is older. */
static int get_datagrams(struct sock *sk, struct datagrams *g)
{
	struct sk_buff_head *mine = &udp_sk(sk)->reader_queue;
	struct sk_buff_head *new = &sk->sk_receive_queue;

	g->n = 0;
	g->max = skb_queue_len_lockless(mine) + skb_queue_len_lockless(new);
	g->v = kvmalloc_array(g->max + 1, sizeof(*g->v), GFP_KERNEL);
	if (!g->v)
		return -ENOMEM;
	add_queue(g, mine);
	add_queue(g, new);
	return 0;
}

struct ends {
	union {
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} from, to;
};

static void ends4(const struct sk_buff *skb, struct sockaddr_in *from,
		  struct sockaddr_in *to)
{
	from->sin_family = AF_INET;
	from->sin_addr.s_addr = ip_hdr(skb)->saddr;
	from->sin_port = udp_hdr(skb)->source;
	to->sin_family = AF_INET;
	to->sin_addr.s_addr = ip_hdr(skb)->daddr;
	to->sin_port = udp_hdr(skb)->dest;
}

#if IS_ENABLED(CONFIG_IPV6)
static void ends6(const struct sk_buff *skb, struct sockaddr_in6 *from,
		  struct sockaddr_in6 *to)
{
	from->sin6_family = AF_INET6;
	from->sin6_addr = ipv6_hdr(skb)->saddr;
	from->sin6_port = udp_hdr(skb)->source;
	from->sin6_scope_id = ipv6_iface_scope_id(&from->sin6_addr,
						  inet6_iif(skb));
	to->sin6_family = AF_INET6;
	to->sin6_addr = ipv6_hdr(skb)->daddr;
	to->sin6_port = udp_hdr(skb)->dest;
}
#endif

static int put_datagram(struct lm_data *w, const struct sk_buff *skb)
{
	struct lm_data_head head = {};
	struct ends ends = {};
	int err;

	head.name = &ends.from;
	head.dest = &ends.to;
	if (skb->protocol == htons(ETH_P_IP)) {
		ends4(skb, &ends.from.in, &ends.to.in);
		head.name_len = sizeof(ends.from.in);
	} else {
#if IS_ENABLED(CONFIG_IPV6)
		ends6(skb, &ends.from.in6, &ends.to.in6);
		head.name_len = sizeof(ends.from.in6);
#else
		return 0;
#endif
	}
	err = lm_data_begin(w, &head) ?: lm_data_add(w, skb, 0, skb->len);
	if (err)
		return err;
	lm_data_end(w);
	w->offset++;
	return 0;
}

static int put_udp_queue(struct lm_dump *d, struct task_struct *t,
			 struct sock *sk, u32 file_id)
{
	struct lm_data w = {
		.d = d,
		.file_id = file_id,
		.queue = LIVEMIG_QUEUE_RECV,
	};
	struct datagrams g;
	int i, err;

	if (!d->frozen)
		return 0;
	err = get_datagrams(sk, &g);
	if (err)
		return err;
	for (i = 0; i < g.n && !err; i++)
		err = fatal_signal_pending(current) ? -EINTR :
						      put_datagram(&w, g.v[i]);
	while (g.n--)
		consume_skb(g.v[g.n]);
	kvfree(g.v);
	if (err)
		lm_data_abort(&w);
	return err ?: lm_put_groups(d, sk, file_id);
}

const struct lm_sock_kind lm_sock_udp = {
	.name = "UDP",
	.match = is_udp,
	.put = put_udp,
	.put_queues = put_udp_queue,
	.unsupported = udp_unsupported,
};
