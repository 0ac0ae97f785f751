// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast groups that a socket has joined, each with its interface and the
 * sources that it wants or does not want to hear. No system call lists them.
 *
 * Locking: lock_sock() while they are dumped; RCU while they are only counted.
 * Both lists change under lock_sock(), what is taken out is freed after a grace
 * period.
 */
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/netdevice.h>
#include <net/if_inet6.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include "sock.h"

static bool too_many4(const struct sock *sk)
{
	const struct ip_mc_socklist *m;
	const struct ip_sf_socklist *s;

	for (m = rcu_dereference(inet_sk(sk)->mc_list); m;
	     m = rcu_dereference(m->next_rcu)) {
		s = rcu_dereference(m->sflist);
		if (s && READ_ONCE(s->sl_count) > LIVEMIG_GROUP_SOURCES_MAX)
			return true;
	}
	return false;
}

#if IS_ENABLED(CONFIG_IPV6)
static bool too_many6(const struct sock *sk)
{
	const struct ipv6_mc_socklist *m;
	const struct ip6_sf_socklist *s;

	if (sk->sk_family != AF_INET6)
		return false;
	for (m = rcu_dereference(inet6_sk(sk)->ipv6_mc_list); m;
	     m = rcu_dereference(m->next)) {
		s = rcu_dereference(m->sflist);
		if (s && READ_ONCE(s->sl_count) > LIVEMIG_GROUP_SOURCES_MAX)
			return true;
	}
	return false;
}

static bool is_member6(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 &&
	       rcu_access_pointer(inet6_sk(sk)->ipv6_mc_list);
}

static bool has_anycast(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 && READ_ONCE(inet6_sk(sk)->ipv6_ac_list);
}
#else
static bool too_many6(const struct sock *sk)
{
	return false;
}

static bool is_member6(const struct sock *sk)
{
	return false;
}

static bool has_anycast(const struct sock *sk)
{
	return false;
}
#endif

/**
 * lm_groups_unsupported - obstacles among the groups of an inet socket
 * @sk: the socket, referenced
 *
 * Return: the name of the first, or NULL.
 */
const char *lm_groups_unsupported(const struct sock *sk)
{
	bool too_many;

	if (has_anycast(sk))
		return "IPv6 anycast membership";
	if (sk->sk_type == SOCK_STREAM &&
	    (rcu_access_pointer(inet_sk(sk)->mc_list) || is_member6(sk)))
		return "multicast membership of a stream socket";
	rcu_read_lock();
	too_many = too_many4(sk) || too_many6(sk);
	rcu_read_unlock();
	return too_many ? "multicast membership with too many sources" : NULL;
}

/**
 * lm_put_mcast_if - add MCAST_IF, if the socket has one
 * @sk: the inet socket, locked
 * @obj: the object, inside the SOCK nest
 *
 * getsockopt(IP_MULTICAST_IF) tells the address and not the interface.
 * Return: 0 or -EMSGSIZE.
 */
int lm_put_mcast_if(const struct sock *sk, struct sk_buff *obj)
{
	struct livemig_mcast_if m = {
		.ifindex = inet_sk(sk)->mc_index,
		.local = (__force u32)inet_sk(sk)->mc_addr,
	};

	return m.ifindex ? nla_put(obj, LIVEMIG_SOCK_MCAST_IF, sizeof(m), &m) : 0;
}

/* What a group that goes with its interface is the same as: none. */
static bool is_gone(const struct sock *sk, int ifindex)
{
	bool gone;

	rcu_read_lock();
	gone = !dev_get_by_index_rcu(sock_net(sk), ifindex);
	rcu_read_unlock();
	return gone;
}

static int put_address4(struct lm_data *w, __be32 addr)
{
	struct in6_addr mapped;

	ipv6_addr_set_v4mapped(addr, &mapped);
	return lm_data_add_bytes(w, mapped.s6_addr, sizeof(mapped));
}

static int put_group4(struct lm_data *w, const struct sock *sk,
		      const struct ip_mc_socklist *m)
{
	const struct ip_sf_socklist *s =
		rcu_dereference_protected(m->sflist, lockdep_sock_is_held(sk));
	struct livemig_group g = {
		.ifindex = m->multi.imr_ifindex,
		.mode = m->sfmode,
		.local = (__force u32)m->multi.imr_address.s_addr,
		.sources = s ? s->sl_count : 0,
	};
	int i, err;

	if (is_gone(sk, g.ifindex))
		return 0;
	err = lm_data_begin(w, NULL) ?: lm_data_add_bytes(w, (const u8 *)&g, sizeof(g)) ?:
	      put_address4(w, m->multi.imr_multiaddr.s_addr);
	for (i = 0; i < g.sources && !err; i++)
		err = put_address4(w, s->sl_addr[i]);
	if (!err)
		lm_data_end(w);
	w->offset++;
	return err;
}

static int put_groups4(struct lm_data *w, struct sock *sk)
{
	const struct ip_mc_socklist *m;
	int err = 0;

	for (m = rcu_dereference_protected(inet_sk(sk)->mc_list,
					   lockdep_sock_is_held(sk));
	     m && !err;
	     m = rcu_dereference_protected(m->next_rcu, lockdep_sock_is_held(sk)))
		err = put_group4(w, sk, m);
	return err;
}

#if IS_ENABLED(CONFIG_IPV6)
static int put_group6(struct lm_data *w, const struct sock *sk,
		      const struct ipv6_mc_socklist *m)
{
	const struct ip6_sf_socklist *s =
		rcu_dereference_protected(m->sflist, lockdep_sock_is_held(sk));
	struct livemig_group g = {
		.ifindex = m->ifindex,
		.mode = m->sfmode,
		.sources = s ? s->sl_count : 0,
	};
	int err;

	if (is_gone(sk, g.ifindex))
		return 0;
	err = lm_data_begin(w, NULL) ?: lm_data_add_bytes(w, (const u8 *)&g, sizeof(g)) ?:
	      lm_data_add_bytes(w, m->addr.s6_addr, sizeof(m->addr));
	if (!err && s)
		err = lm_data_add_bytes(w, (const u8 *)s->sl_addr,
					array_size(s->sl_count, sizeof(*s->sl_addr)));
	if (!err)
		lm_data_end(w);
	w->offset++;
	return err;
}

static int put_groups6(struct lm_data *w, struct sock *sk)
{
	const struct ipv6_mc_socklist *m;
	int err = 0;

	if (sk->sk_family != AF_INET6)
		return 0;
	for (m = rcu_dereference_protected(inet6_sk(sk)->ipv6_mc_list,
					   lockdep_sock_is_held(sk));
	     m && !err;
	     m = rcu_dereference_protected(m->next, lockdep_sock_is_held(sk)))
		err = put_group6(w, sk, m);
	return err;
}
#else
static int put_groups6(struct lm_data *w, struct sock *sk)
{
	return 0;
}
#endif

/**
 * lm_put_groups - queue a DATA object for each group, the youngest first
 * @d: the dump
 * @sk: the inet socket, locked
 * @file_id: number of its FILE
 *
 * Return: 0, -ENOMEM, -EMSGSIZE.
 */
int lm_put_groups(struct lm_dump *d, struct sock *sk, u32 file_id)
{
	struct lm_data w = {
		.d = d,
		.file_id = file_id,
		.queue = LIVEMIG_QUEUE_GROUPS,
	};
	int err;

	if (!d->frozen)
		return 0;
	err = put_groups4(&w, sk) ?: put_groups6(&w, sk);
	if (err)
		lm_data_abort(&w);
	return err;
}
