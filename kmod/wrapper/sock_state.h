/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Members of sockets that moved between kernels.
 */
#ifndef _LIVEMIG_WRAPPER_SOCK_STATE_H
#define _LIVEMIG_WRAPPER_SOCK_STATE_H

#include <linux/version.h>
#include <linux/net.h>
#include <net/inet_sock.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/udp.h>

/* Flags of inet sockets are bits of inet_flags from 6.6 on. */
static inline bool lm_sock_freebind(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	return inet_test_bit(FREEBIND, sk);
#else
	return inet_sk(sk)->freebind;
#endif
}

/* SO_PASSCRED is a bit of struct sock from 6.16 on, which other families than these two may
 * set but do not let user space change.
 */
static inline bool lm_sock_passcred(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
	return (sk->sk_family == AF_UNIX || sk->sk_family == AF_NETLINK) &&
	       sk->sk_scm_credentials;
#else
	return sk->sk_socket && test_bit(SOCK_PASSCRED, &sk->sk_socket->flags);
#endif
}

/* What getsockopt(TCP_TIMESTAMP) says; in milliseconds, or, with tcp_usec_ts
 * (from 6.7 on), in microseconds.
 */
static inline u32 lm_tcp_timestamp(const struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return tcp_clock_ts(tp->tcp_usec_ts) + tp->tsoffset;
#else
	return tcp_time_stamp_raw() + tp->tsoffset;
#endif
}

/* The same of a connection that is over. */
static inline u32 lm_timewait_timestamp(const struct tcp_timewait_sock *tw)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return tcp_clock_ts(tw->tw_sk.tw_usec_ts) + tw->tw_ts_offset;
#else
	return tcp_time_stamp_raw() + tw->tw_ts_offset;
#endif
}

/* A kernel user (a tunnel) behind a UDP socket; flags from 6.6 on. */
static inline bool lm_udp_encap(const struct sock *sk)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return READ_ONCE(udp_sk(sk)->encap_type);
#else
	return udp_sk(sk)->encap_type;
#endif
}

/* Milliseconds on both sides of the change from jiffies (6.11). */
static inline u32 lm_tcp_user_timeout(const struct sock *sk)
{
	return READ_ONCE(inet_csk(sk)->icsk_user_timeout);
}

#endif
