/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request_sock for a connection that has long been made: what the accept queue
 * is a list of. The functions of the kernel are inline in some versions, exported
 * in others, neither in the rest.
 */
#ifndef _LIVEMIG_WRAPPER_REQSK_H
#define _LIVEMIG_WRAPPER_REQSK_H

#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>
#include <net/request_sock.h>
#include <net/sock.h>

/* As reqsk_alloc(): the memory may be looked at under RCU by who had it before, so
 * it is not cleared. One reference, the queue's.
 */
static inline struct request_sock *lm_reqsk_alloc(const struct sock *listener)
{
	const struct request_sock_ops *ops = listener->sk_prot->rsk_prot;
	struct request_sock *req = kmem_cache_alloc(ops->slab, GFP_KERNEL);

	if (!req)
		return NULL;
	req->rsk_listener = NULL;
	req->rsk_ops = ops;
	req_to_sk(req)->sk_prot = listener->sk_prot;
	sk_node_init(&req_to_sk(req)->sk_node);
	sk_tx_queue_clear(req_to_sk(req));
	req->saved_syn = NULL;
	req->timeout = 0;
	req->num_timeout = 0;
	req->num_retrans = 0;
	req->dl_next = NULL;
	req->sk = NULL;
	inet_rsk(req)->ireq_opt = NULL;
#if IS_ENABLED(CONFIG_IPV6)
	inet_rsk(req)->ipv6_opt = NULL;
	inet_rsk(req)->pktopts = NULL;
#endif
	tcp_rsk(req)->tfo_listener = false;
	refcount_set(&req->rsk_refcnt, 1);
	return req;
}

/* Of one that was not queued. */
static inline void lm_reqsk_free(struct request_sock *req)
{
	kmem_cache_free(req->rsk_ops->slab, req);
}

/* As inet_csk_reqsk_queue_add(). @listener is locked and listens. */
static inline void lm_reqsk_queue_add(struct sock *listener,
				      struct request_sock *req,
				      struct sock *child)
{
	struct request_sock_queue *q = &inet_csk(listener)->icsk_accept_queue;

	req->sk = child;
	spin_lock_bh(&q->rskq_lock);
	if (!q->rskq_accept_head)
		WRITE_ONCE(q->rskq_accept_head, req);
	else
		q->rskq_accept_tail->dl_next = req;
	q->rskq_accept_tail = req;
	sk_acceptq_added(listener);
	spin_unlock_bh(&q->rskq_lock);
}

/* accept() accounts the memory of what it returns anew. */
static inline bool lm_sock_in_memcg(const struct sock *sk)
{
#ifdef CONFIG_MEMCG
	return sk->sk_memcg;
#else
	return false;
#endif
}

#endif
