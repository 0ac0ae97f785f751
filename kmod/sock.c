// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets: what all of them have, and the table of protocols. Everything is
 * read in the kernel; a socket is never put into repair mode here, so that
 * nothing must be undone when the tool dies.
 *
 * Locking: inet sockets are locked (lock_sock()) from before their state until
 * after their queues are dumped, so that the two agree. Unix sockets: see
 * sock_unix.c.
 */
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/net_tstamp.h>
#include <linux/socket.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/sock_reuseport.h>
#include "file_kinds.h"
#include "sock.h"
#include "wrapper/sock_state.h"

static const struct lm_sock_kind *const kinds[] = {
	&lm_sock_tcp,
	&lm_sock_udp,
	&lm_sock_unix,
	&lm_sock_raw,
	&lm_sock_netlink,
	&lm_sock_packet,
};

static struct sock *sock_of(struct file *f)
{
	struct socket *sock = sock_from_file(f);

	return sock ? sock->sk : NULL;
}

static bool is_inet(const struct sock *sk)
{
	return sk->sk_family == AF_INET || sk->sk_family == AF_INET6;
}

static const struct lm_sock_kind *kind_of(const struct sock *sk)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i]->match(sk))
			return kinds[i];
	return NULL;
}

static const char *inet_name(const struct sock *sk)
{
	switch (sk->sk_protocol) {
	case IPPROTO_SCTP:
		return "SCTP socket";
	case IPPROTO_DCCP:
		return "DCCP socket";
	case IPPROTO_L2TP:
		return "L2TP socket";
	case IPPROTO_MPTCP:
		return "MPTCP socket";
	}
	return "internet socket of an unknown protocol";
}

/* Sockets of no kind in the table. */
static const char *foreign_name(const struct sock *sk)
{
	switch (sk->sk_family) {
	case AF_INET:
	case AF_INET6:
		return inet_name(sk);
	case AF_PACKET:
		return "packet socket";
	case AF_VSOCK:
		return "vsock socket";
	case AF_ALG:
		return "AF_ALG socket";
	case AF_XDP:
		return "XDP socket";
	case AF_BLUETOOTH:
		return "bluetooth socket";
	case AF_CAN:
		return "CAN socket";
	case AF_KEY:
		return "PF_KEY socket";
	case AF_TIPC:
		return "TIPC socket";
	case AF_RDS:
		return "RDS socket";
	case AF_SMC:
		return "SMC socket";
	case AF_KCM:
		return "KCM socket";
	}
	return "socket of an unknown family";
}

/**
 * lm_sock_has_bpf - is a program attached that is not a classic socket filter
 * @sk: the socket
 *
 * Those can be read by getsockopt().
 * Return: whether it is.
 */
bool lm_sock_has_bpf(const struct sock *sk)
{
	const struct sock_reuseport *reuse;
	const struct sk_filter *filter;
	bool ret;

	rcu_read_lock();
	filter = rcu_dereference(sk->sk_filter);
	reuse = rcu_dereference(sk->sk_reuseport_cb);
	ret = (filter && !filter->prog->orig_prog) ||
	      (reuse && rcu_access_pointer(reuse->prog));
	rcu_read_unlock();
	return ret;
}

/* Whoever has the map may send to it, or choose it for others. */
static bool in_bpf_map(const struct sock *sk)
{
	return (uintptr_t)READ_ONCE(sk->sk_user_data) &
	       (SK_USER_DATA_PSOCK | SK_USER_DATA_BPF);
}

/* What IPV6_HOPOPTS and the like, and IPV6_PKTINFO, have put on all that it sends; no
 * getsockopt() tells the latter.
 */
static bool has_ip_options(const struct sock *sk)
{
#if IS_ENABLED(CONFIG_IPV6)
	const struct ipv6_pinfo *np = sk->sk_family == AF_INET6 ? inet6_sk(sk) : NULL;

	if (np && (rcu_access_pointer(np->opt) || np->sticky_pktinfo.ipi6_ifindex ||
		   !ipv6_addr_any(&np->sticky_pktinfo.ipi6_addr)))
		return true;
#endif
	return rcu_access_pointer(inet_sk(sk)->inet_opt);
}

/**
 * lm_inet_unsupported - obstacles that every inet socket may have
 * @sk: the socket
 *
 * Return: the name of the first, or NULL.
 */
const char *lm_inet_unsupported(const struct sock *sk)
{
	if (lm_sock_has_bpf(sk))
		return "BPF program on a socket";
	if (has_ip_options(sk))
		return "socket with IP options";
	return lm_groups_unsupported(sk);
}

static const char *why_not(struct lm_dump *d, struct sock *sk, bool *transient)
{
	const struct lm_sock_kind *kind = kind_of(sk);

	if (!kind)
		return foreign_name(sk);
	if (in_bpf_map(sk))
		return "socket in a BPF map";
	/* Who counts what it has sent is told numbers that begin at 0 again. */
	if (atomic_read(&sk->sk_zckey))
		return "socket that has sent by MSG_ZEROCOPY";
	if (READ_ONCE(sk->sk_tsflags) & SOF_TIMESTAMPING_OPT_ID &&
	    atomic_read(&sk->sk_tskey))
		return "socket with numbered time stamps (SOF_TIMESTAMPING_OPT_ID)";
	return kind->unsupported(d, sk, transient);
}

static const char *sock_unsupported(struct lm_dump *d, struct file *f,
				    bool *transient)
{
	struct sock *sk = sock_of(f);

	return sk ? why_not(d, sk, transient) : "socket without a protocol";
}

static int put_addr4(const struct sock *sk, int attr, __be32 addr, __be16 port,
		     struct sk_buff *obj)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = addr,
	};

	return nla_put(obj, attr, sizeof(sin), &sin);
}

#if IS_ENABLED(CONFIG_IPV6)
static int put_addr6(const struct sock *sk, int attr,
		     const struct in6_addr *addr, __be16 port,
		     struct sk_buff *obj)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = port,
		.sin6_addr = *addr,
		.sin6_scope_id = ipv6_iface_scope_id(addr, sk->sk_bound_dev_if),
	};

	return nla_put(obj, attr, sizeof(sin6), &sin6);
}
#endif

static int put_addr(const struct sock *sk, int attr, bool remote,
		    struct sk_buff *obj)
{
	const struct inet_sock *inet = inet_sk(sk);
	__be16 port = remote ? inet->inet_dport : inet->inet_sport;

	/* (raw sockets have peers without a port) */
	if (!port && !(remote && sk->sk_state == TCP_ESTABLISHED))
		return 0;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6)
		return put_addr6(sk, attr, remote ? &sk->sk_v6_daddr :
				 &sk->sk_v6_rcv_saddr, port, obj);
#endif
	return put_addr4(sk, attr, remote ? inet->inet_daddr :
			 inet->inet_rcv_saddr, port, obj);
}

/**
 * lm_put_inet_addresses - add LOCAL and REMOTE, as far as there are any
 * @sk: the inet socket, locked
 * @obj: the object, inside the SOCK nest
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_put_inet_addresses(const struct sock *sk, struct sk_buff *obj)
{
	return put_addr(sk, LIVEMIG_SOCK_LOCAL, false, obj) ?:
	       put_addr(sk, LIVEMIG_SOCK_REMOTE, true, obj);
}

static s64 timeo_ns(long timeo)
{
	return timeo == MAX_SCHEDULE_TIMEOUT ? -1 : (s64)jiffies_to_nsecs(timeo);
}

static u32 flags_of(const struct sock *sk)
{
	u32 f = 0;

	if (sk->sk_reuse)
		f |= LIVEMIG_SOCK_F_REUSEADDR;
	if (sk->sk_reuseport)
		f |= LIVEMIG_SOCK_F_REUSEPORT;
	if (sock_flag(sk, SOCK_KEEPOPEN))
		f |= LIVEMIG_SOCK_F_KEEPALIVE;
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		f |= LIVEMIG_SOCK_F_SNDBUF_LOCK;
	if (sk->sk_userlocks & SOCK_RCVBUF_LOCK)
		f |= LIVEMIG_SOCK_F_RCVBUF_LOCK;
	if (lm_sock_passcred(sk))
		f |= LIVEMIG_SOCK_F_PASSCRED;
	if (sock_flag(sk, SOCK_BROADCAST))
		f |= LIVEMIG_SOCK_F_BROADCAST;
	if (sock_flag(sk, SOCK_URGINLINE))
		f |= LIVEMIG_SOCK_F_OOBINLINE;
	if (sock_flag(sk, SOCK_RCVTSTAMP))
		f |= LIVEMIG_SOCK_F_TIMESTAMP;
	return f;
}

static u32 inet_flags_of(const struct sock *sk)
{
	u32 f = 0;

	if (lm_sock_freebind(sk))
		f |= LIVEMIG_SOCK_F_FREEBIND;
	if (inet_sk(sk)->inet_num && !(sk->sk_userlocks & SOCK_BINDPORT_LOCK))
		f |= LIVEMIG_SOCK_F_REUSEADDR_AUTO;
	if (sk->sk_family == AF_INET6 && sk->sk_ipv6only)
		f |= LIVEMIG_SOCK_F_V6ONLY;
	return f;
}

static u32 tcp_flags_of(const struct sock *sk)
{
	u8 nonagle = tcp_sk(sk)->nonagle;
	u32 f = 0;

	if (nonagle & TCP_NAGLE_OFF)
		f |= LIVEMIG_SOCK_F_NODELAY;
	if (nonagle & TCP_NAGLE_CORK)
		f |= LIVEMIG_SOCK_F_CORK;
	if (!inet_csk_in_pingpong_mode((struct sock *)sk))
		f |= LIVEMIG_SOCK_F_QUICKACK;
	return f;
}

/* TCP_DEFER_ACCEPT is kept as a number of retransmissions, each of which
 * waits twice as long as the one before.
 */
static u32 defer_seconds(u32 retrans)
{
	u32 timeout = TCP_TIMEOUT_INIT / HZ, seconds = 0;

	for (; retrans; retrans--) {
		seconds += timeout;
		timeout = min_t(u32, timeout * 2, TCP_RTO_MAX / HZ);
	}
	return seconds;
}

/* The default is -1. */
static void put_hops(const struct sock *sk, struct livemig_sock_options *o)
{
	const struct inet_sock *inet = inet_sk(sk);

	o->tos = inet->tos;
	o->ttl = max_t(int, inet->uc_ttl, 0);
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		o->tos = inet6_sk(sk)->tclass;
		o->ttl = max_t(int, inet6_sk(sk)->hop_limit, 0);
	}
#endif
}

static int put_options(const struct sock *sk, struct sk_buff *obj)
{
	struct livemig_sock_options o = {
		.flags = flags_of(sk),
		.sndbuf = sk->sk_sndbuf,
		.rcvbuf = sk->sk_rcvbuf,
		.priority = sk->sk_priority,
		.mark = sk->sk_mark,
		.bound_dev = sk->sk_bound_dev_if,
		.sndtimeo_ns = timeo_ns(sk->sk_sndtimeo),
		.rcvtimeo_ns = timeo_ns(sk->sk_rcvtimeo),
		.linger = sock_flag(sk, SOCK_LINGER) ?
			  (s32)(sk->sk_lingertime / HZ) : -1,
		.rcvlowat = sk->sk_rcvlowat,
	};

	if (is_inet(sk)) {
		o.flags |= inet_flags_of(sk);
		put_hops(sk, &o);
	}
	if (lm_sock_tcp.match(sk)) {
		const struct request_sock_queue *q =
			&inet_csk(sk)->icsk_accept_queue;

		o.flags |= tcp_flags_of(sk);
		o.keepidle = tcp_sk(sk)->keepalive_time / HZ;
		o.keepintvl = tcp_sk(sk)->keepalive_intvl / HZ;
		o.keepcnt = tcp_sk(sk)->keepalive_probes;
		o.user_timeout_ms = lm_tcp_user_timeout(sk);
		o.defer_accept = defer_seconds(q->rskq_defer_accept);
		o.fastopen = q->fastopenq.max_qlen;
	}
	return nla_put(obj, LIVEMIG_SOCK_OPTIONS, sizeof(o), &o);
}

/**
 * lm_sock_ino - the number by which others name a socket
 * @d: the dump
 * @sk: the socket, referenced
 *
 * Return: its inode number; or, before it is accepted, a number above 2^32;
 * 0: no memory.
 */
u64 lm_sock_ino(struct lm_dump *d, const struct sock *sk)
{
	u64 ino = sock_i_ino((struct sock *)sk);
	u32 id;

	if (ino)
		return ino;
	id = lm_dump_id(d, LM_ID_FILE, sk, NULL);
	return id ? BIT_ULL(32) | id : 0;
}

static int put_error(const struct sock *sk, struct sk_buff *obj)
{
	int err = READ_ONCE(sk->sk_err);

	return err ? nla_put_u32(obj, LIVEMIG_SOCK_ERROR, err) : 0;
}

static int put_sock(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	const struct lm_sock_kind *kind = kind_of(sk);
	int err;

	err = nla_put_u32(obj, LIVEMIG_SOCK_FAMILY, sk->sk_family) ?:
	      nla_put_u32(obj, LIVEMIG_SOCK_TYPE, sk->sk_type) ?:
	      nla_put_u32(obj, LIVEMIG_SOCK_PROTOCOL, sk->sk_protocol) ?:
	      nla_put_u32(obj, LIVEMIG_SOCK_STATE, sk->sk_state) ?:
	      nla_put_u64_64bit(obj, LIVEMIG_SOCK_INO, lm_sock_ino(d, sk),
				LIVEMIG_SOCK_PAD) ?:
	      nla_put_u32(obj, LIVEMIG_SOCK_NETNS, sock_net(sk)->ns.inum) ?:
	      nla_put_u32(obj, LIVEMIG_SOCK_SHUTDOWN, sk->sk_shutdown);
	if (err || !kind)
		return err;
	if (d->frozen)
		err = nla_put_u32(obj, LIVEMIG_SOCK_QUEUED,
				  skb_queue_len_lockless(&sk->sk_receive_queue)) ?:
		      put_error(sk, obj);
	return err ?: put_options(sk, obj) ?: kind->put(d, sk, obj);
}

static int dump_sock(struct lm_dump *d, struct task_struct *t, int fd,
		     struct file *f, struct sk_buff *obj)
{
	struct sock *sk = sock_of(f);
	struct nlattr *nest;
	int err;

	if (!sk)
		return 0;
	nest = nla_nest_start(obj, LIVEMIG_FILE_A_SOCK);
	if (!nest)
		return -EMSGSIZE;
	err = put_sock(d, sk, obj);
	nla_nest_end(obj, nest);
	return err;
}

static int dump_queues(struct lm_dump *d, struct task_struct *t, int fd,
		       struct file *f, u32 file_id)
{
	struct sock *sk = sock_of(f);
	const struct lm_sock_kind *kind = sk ? kind_of(sk) : NULL;

	if (!kind || !kind->put_queues)
		return 0;
	return kind->put_queues(d, t, sk, file_id);
}

static int dump_fileless(struct lm_dump *d, struct task_struct *t,
			   struct sock *sk, u32 listener, struct sk_buff *obj)
{
	struct livemig_holder holder = {
		.pid = task_tgid_nr_ns(t, d->pid_ns),
		.fd = -1,
	};
	struct nlattr *nest;
	int err;

	err = nla_put_u32(obj, LIVEMIG_FILE_A_ID,
			  lm_dump_id(d, LM_ID_FILE, sk, NULL)) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_TYPE, LIVEMIG_FILE_SOCKET) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_FLAGS, O_RDWR) ?:
	      nla_put(obj, LIVEMIG_FILE_A_HOLDER, sizeof(holder), &holder);
	if (err)
		return err;
	nest = nla_nest_start(obj, LIVEMIG_FILE_A_SOCK);
	if (!nest)
		return -EMSGSIZE;
	err = put_sock(d, sk, obj) ?:
	      (listener ? nla_put_u32(obj, LIVEMIG_SOCK_LISTENER, listener) :
			  nla_put_flag(obj, LIVEMIG_SOCK_CLOSED));
	nla_nest_end(obj, nest);
	return err;
}

/**
 * lm_dump_fileless - queue the objects of a connection without a file
 * @d: the dump
 * @t: the process that has the listener, or any
 * @sk: the connection, referenced
 * @listener: number of the listener's FILE, which has not accepted it; 0: it was
 *	closed
 *
 * Context: the caller holds the locks that a file of the kind would be dumped
 * with. May sleep.
 * Return: 0 or -errno.
 */
int lm_dump_fileless(struct lm_dump *d, struct task_struct *t, struct sock *sk,
		       u32 listener)
{
	const struct lm_sock_kind *kind = kind_of(sk);
	bool transient = false, first;
	struct sk_buff *obj;
	const char *why;
	u32 id;
	int err;

	id = lm_dump_id(d, LM_ID_FILE, sk, &first);
	if (!id)
		return -ENOMEM;
	if (!first)
		return 0;
	why = why_not(d, sk, &transient);
	if (why)
		return lm_unsupported(d, t, -1, transient, NULL, "%s (%s)", why,
				      listener ? "not accepted yet" : "closed");
	obj = lm_obj_begin(d, LIVEMIG_OBJ_FILE);
	if (!obj)
		return -ENOMEM;
	err = dump_fileless(d, t, sk, listener, obj);
	if (err) {
		kfree_skb(obj);
		return err;
	}
	lm_obj_end(d, obj);
	return kind->put_queues ? kind->put_queues(d, t, sk, id) : 0;
}

static void lock_inet(struct file *f)
{
	struct sock *sk = sock_of(f);

	if (sk && is_inet(sk))
		lock_sock(sk);
}

static void unlock_inet(struct file *f)
{
	struct sock *sk = sock_of(f);

	if (sk && is_inet(sk))
		release_sock(sk);
}

static bool is_socket(struct file *f)
{
	return sock_from_file(f);
}

const struct lm_file_kind lm_file_socket = {
	.name = "socket",
	.type = LIVEMIG_FILE_SOCKET,
	.match = is_socket,
	.lock = lock_inet,
	.unlock = unlock_inet,
	.dump = dump_sock,
	.dump_data = dump_queues,
	.unsupported = sock_unsupported,
};
