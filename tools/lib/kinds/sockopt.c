// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See sockopt.h. An option is one line of a table; those that a kernel does not
 * know, and those that a socket does not have, do not exist for it.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../dump/source.h"
#include "../net/rtnl.h"
#include "kinds.h"
#include "sockopt.h"

#define PIECE		16384		/* LIVEMIG_DATA_BYTES at most */
#define VALUE_MAX	256
#define FILTER_MAX	4096		/* BPF_MAXINSNS */
#define SOL_TCP_	6
#define SOL_UDP_	17
#define SOL_UDPLITE_	136
#define SOL_NETLINK_	270
#define SOL_RAW_	255
#define SOL_ICMPV6_	58
#define SOL_PACKET_	263
/* No option, but told with them, of netlink sockets. */
#define LM_ADDRESS	0x10000
#define LM_LOCAL	0
#define LM_PEER		1

/* Newer than some headers. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD	76
#endif
#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY	82
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS	83
#endif
#ifndef PACKET_VNET_HDR_SZ
#define PACKET_VNET_HDR_SZ 24
#endif
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS	44
#endif

struct option {
	const char *name;
	int level, opt;
	enum lm_sockopt_when when;
	bool no_stream;		/* there it tells something else, and cannot be set */
};

#define E(level, opt) { #opt, level, opt, LM_SOCKOPT_EARLY, false }
#define R(level, opt) { #opt, level, opt, LM_SOCKOPT_READY, false }
#define M(level, opt) { #opt, level, opt, LM_SOCKOPT_READY, true }
#define L(level, opt) { #opt, level, opt, LM_SOCKOPT_LAST, false }

/* Set in this order. SO_ATTACH_FILTER is read by SO_GET_FILTER. */
static const struct option options[] = {
	E(IPPROTO_IP, IP_TRANSPARENT), E(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
	E(IPPROTO_IP, IP_LOCAL_PORT_RANGE), E(IPPROTO_IP, IP_NODEFRAG),
	E(IPPROTO_IP, IP_HDRINCL),
	/* (those of IPv6 sockets for IPv4; the first sets a priority, too) */
	E(IPPROTO_IP, IP_TOS), E(IPPROTO_IP, IP_TTL),
	E(IPPROTO_IPV6, IPV6_TRANSPARENT), E(IPPROTO_IPV6, IPV6_FREEBIND),
	E(IPPROTO_IPV6, IPV6_HDRINCL), E(IPPROTO_IPV6, IPV6_CHECKSUM),
	E(LM_ADDRESS, LM_LOCAL),

	R(SOL_SOCKET, SO_DEBUG), R(SOL_SOCKET, SO_DONTROUTE), R(SOL_SOCKET, SO_NO_CHECK),
	R(SOL_SOCKET, SO_TIMESTAMP_OLD), R(SOL_SOCKET, SO_TIMESTAMP_NEW),
	R(SOL_SOCKET, SO_TIMESTAMPNS_OLD), R(SOL_SOCKET, SO_TIMESTAMPNS_NEW),
	R(SOL_SOCKET, SO_TIMESTAMPING_OLD), R(SOL_SOCKET, SO_TIMESTAMPING_NEW),
	R(SOL_SOCKET, SO_RXQ_OVFL), R(SOL_SOCKET, SO_WIFI_STATUS), R(SOL_SOCKET, SO_NOFCS),
	R(SOL_SOCKET, SO_SELECT_ERR_QUEUE), R(SOL_SOCKET, SO_BUSY_POLL),
	R(SOL_SOCKET, SO_PREFER_BUSY_POLL), R(SOL_SOCKET, SO_MAX_PACING_RATE),
	R(SOL_SOCKET, SO_ZEROCOPY), R(SOL_SOCKET, SO_TXTIME), R(SOL_SOCKET, SO_TXREHASH),
	R(SOL_SOCKET, SO_RCVMARK), R(SOL_SOCKET, SO_RCVPRIORITY),

	R(IPPROTO_IP, IP_PKTINFO), R(IPPROTO_IP, IP_RECVOPTS), R(IPPROTO_IP, IP_RETOPTS),
	R(IPPROTO_IP, IP_MTU_DISCOVER), R(IPPROTO_IP, IP_RECVERR), R(IPPROTO_IP, IP_RECVTTL),
	R(IPPROTO_IP, IP_RECVTOS), R(IPPROTO_IP, IP_PASSSEC),
	R(IPPROTO_IP, IP_RECVORIGDSTADDR), R(IPPROTO_IP, IP_MINTTL),
	R(IPPROTO_IP, IP_CHECKSUM), R(IPPROTO_IP, IP_RECVFRAGSIZE),
	R(IPPROTO_IP, IP_RECVERR_RFC4884), M(IPPROTO_IP, IP_MULTICAST_TTL),
	M(IPPROTO_IP, IP_MULTICAST_LOOP), M(IPPROTO_IP, IP_MULTICAST_ALL),
	M(IPPROTO_IP, IP_MULTICAST_IF), R(IPPROTO_IP, IP_UNICAST_IF),

	R(IPPROTO_IPV6, IPV6_RECVPKTINFO), R(IPPROTO_IPV6, IPV6_RECVHOPLIMIT),
	R(IPPROTO_IPV6, IPV6_RECVHOPOPTS), R(IPPROTO_IPV6, IPV6_RECVRTHDR),
	R(IPPROTO_IPV6, IPV6_RECVDSTOPTS), R(IPPROTO_IPV6, IPV6_RECVPATHMTU),
	R(IPPROTO_IPV6, IPV6_RECVTCLASS), R(IPPROTO_IPV6, IPV6_FLOWINFO),
	M(IPPROTO_IPV6, IPV6_MULTICAST_IF), M(IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
	M(IPPROTO_IPV6, IPV6_MULTICAST_LOOP), M(IPPROTO_IPV6, IPV6_MULTICAST_ALL),
	R(IPPROTO_IPV6, IPV6_MTU_DISCOVER), R(IPPROTO_IPV6, IPV6_RECVERR),
	R(IPPROTO_IPV6, IPV6_RECVERR_RFC4884), R(IPPROTO_IPV6, IPV6_FLOWINFO_SEND),
	R(IPPROTO_IPV6, IPV6_DONTFRAG), R(IPPROTO_IPV6, IPV6_ADDR_PREFERENCES),
	R(IPPROTO_IPV6, IPV6_MINHOPCOUNT), R(IPPROTO_IPV6, IPV6_RECVORIGDSTADDR),
	R(IPPROTO_IPV6, IPV6_UNICAST_IF), R(IPPROTO_IPV6, IPV6_RECVFRAGSIZE),
	R(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL), R(IPPROTO_IPV6, IPV6_ROUTER_ALERT_ISOLATE),

	R(SOL_TCP_, TCP_SYNCNT), R(SOL_TCP_, TCP_LINGER2), R(SOL_TCP_, TCP_CONGESTION),
	R(SOL_TCP_, TCP_THIN_LINEAR_TIMEOUTS), R(SOL_TCP_, TCP_FASTOPEN_CONNECT),
	R(SOL_TCP_, TCP_FASTOPEN_NO_COOKIE), R(SOL_TCP_, TCP_NOTSENT_LOWAT),
	R(SOL_TCP_, TCP_INQ), R(SOL_TCP_, TCP_SAVE_SYN), R(SOL_TCP_, TCP_TX_DELAY),
	R(SOL_TCP_, TCP_RTO_MAX_MS),

	R(SOL_UDP_, UDP_NO_CHECK6_TX), R(SOL_UDP_, UDP_NO_CHECK6_RX),
	R(SOL_UDP_, UDP_SEGMENT), R(SOL_UDP_, UDP_GRO),
	R(SOL_UDPLITE_, UDPLITE_SEND_CSCOV), R(SOL_UDPLITE_, UDPLITE_RECV_CSCOV),
	R(SOL_RAW_, ICMP_FILTER), R(SOL_ICMPV6_, ICMPV6_FILTER),

	R(SOL_NETLINK_, NETLINK_PKTINFO), R(SOL_NETLINK_, NETLINK_BROADCAST_ERROR),
	R(SOL_NETLINK_, NETLINK_NO_ENOBUFS), R(SOL_NETLINK_, NETLINK_LISTEN_ALL_NSID),
	R(SOL_NETLINK_, NETLINK_CAP_ACK), R(SOL_NETLINK_, NETLINK_EXT_ACK),
	R(SOL_NETLINK_, NETLINK_GET_STRICT_CHK), R(SOL_NETLINK_, NETLINK_LIST_MEMBERSHIPS),
	R(LM_ADDRESS, LM_PEER),

	R(SOL_PACKET_, PACKET_VERSION), R(SOL_PACKET_, PACKET_RESERVE),
	R(SOL_PACKET_, PACKET_AUXDATA), R(SOL_PACKET_, PACKET_ORIGDEV),
	R(SOL_PACKET_, PACKET_VNET_HDR), R(SOL_PACKET_, PACKET_VNET_HDR_SZ),
	R(SOL_PACKET_, PACKET_LOSS),
	R(SOL_PACKET_, PACKET_TIMESTAMP), R(SOL_PACKET_, PACKET_TX_HAS_OFF),
	R(SOL_PACKET_, PACKET_QDISC_BYPASS), R(SOL_PACKET_, PACKET_IGNORE_OUTGOING),

	L(SOL_UDP_, UDP_CORK),
	L(SOL_SOCKET, SO_PEEK_OFF), L(SOL_SOCKET, SO_PASSSEC), L(SOL_SOCKET, SO_PASSPIDFD),
	L(SOL_SOCKET, SO_PASSRIGHTS), L(SOL_SOCKET, SO_ATTACH_FILTER),
	L(SOL_SOCKET, SO_LOCK_FILTER),
};

#define NR (sizeof(options) / sizeof(*options))

struct record {
	uint32_t level, opt, len;
};

/* What a new socket of a kind answers: most is that in every socket, and asking new
 * ones again and again would take longer than asking the container's.
 */
struct lm_usual {
	struct lm_usual *next;
	int family, type, protocol;
	struct {
		bool unknown;	/* no such option: not of this kind, or kernel */
		socklen_t len;	/* 0: it cannot be read */
		char value[VALUE_MAX];
	} v[NR];
};

/* ---- reading ---- */

static bool get(int fd, const struct option *o, void *value, socklen_t *len)
{
	*len = VALUE_MAX;
	if (o->level == LM_ADDRESS)
		return (o->opt == LM_PEER ? getpeername : getsockname)(fd, value, len) == 0 &&
		       ((struct sockaddr *)value)->sa_family == AF_NETLINK;
	memset(value, 0, VALUE_MAX);
	/* Of groups, netlink tells how long they are, not how long the answer is. */
	return getsockopt(fd, o->level, o->opt, value, len) == 0 && *len <= VALUE_MAX;
}

static int put(struct lm_buf *b, const struct option *o, const void *value, uint32_t len)
{
	const struct record r = { o->level, o->opt, len };
	const uint32_t zero = 0;

	lm_buf_add(b, &r, sizeof(r));
	lm_buf_add(b, value, len);
	lm_buf_add(b, &zero, -len & 3);
	return b->oom ? -1 : 0;
}

static int put_filter(struct lm_buf *b, int fd, const struct option *o, struct lm_error *e)
{
	struct sock_filter *code;
	socklen_t n = 0;
	int ret = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &n) < 0 || !n)
		return 0;
	if (n > FILTER_MAX)
		return lm_fail(e, LM_REFUSED, "socket filter of %u instructions: not supported", n);
	code = calloc(n, sizeof(*code));
	if (!code)
		return lm_fail(e, LM_FAILED, "no memory");
	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, code, &n) < 0)
		ret = lm_fail_errno(e, LM_FAILED, "cannot read a socket filter");
	else
		put(b, o, code, n * sizeof(*code));
	free(code);
	return ret;
}

static struct lm_usual *look_at_new(struct lm_source *s, int family, int type,
				    int protocol, struct lm_error *e)
{
	int fd = lm_socket_in_netns(lm_source_netns(s), family, type, protocol, e);
	struct lm_usual *u;

	if (fd < 0)
		return NULL;
	u = calloc(1, sizeof(*u));
	if (!u) {
		lm_fail(e, LM_FAILED, "no memory");
		close(fd);
		return NULL;
	}
	u->family = family;
	u->type = type;
	u->protocol = protocol;
	for (size_t i = 0; i < NR; i++) {
		errno = 0;
		if (get(fd, &options[i], u->v[i].value, &u->v[i].len))
			continue;
		u->v[i].unknown = errno == ENOPROTOOPT && options[i].level != LM_ADDRESS;
		u->v[i].len = 0;
	}
	close(fd);
	return u;
}

static const struct lm_usual *usual_of(struct lm_source *s, const struct lm_file *f,
				       struct lm_error *e)
{
	int family = lm_u32(f->sock[LIVEMIG_SOCK_FAMILY]);
	int type = lm_u32(f->sock[LIVEMIG_SOCK_TYPE]);
	int protocol = lm_u32(f->sock[LIVEMIG_SOCK_PROTOCOL]);
	struct lm_usual **all = lm_source_usual(s), *u;

	for (u = *all; u; u = u->next)
		if (u->family == family && u->type == type && u->protocol == protocol)
			return u;
	u = look_at_new(s, family, type, protocol, e);
	if (u) {
		u->next = *all;
		*all = u;
	}
	return u;
}

void lm_sockopt_learn(struct lm_source *s, const struct lm_model *m)
{
	for (size_t i = 0; i < m->nr_file; i++) {
		const struct lm_file_kind *kind = lm_file_kind(m->file[i]);

		if (kind && (kind->dump == lm_sockopt_dump || kind == &lm_kind_packet))
			usual_of(s, m->file[i], NULL);
	}
}

void lm_sockopt_forget(struct lm_usual *all)
{
	struct lm_usual *next;

	for (; all; all = next) {
		next = all->next;
		free(all);
	}
}

/* What differs between @fd and a new socket. */
static int collect(struct lm_buf *b, int fd, const struct lm_usual *u, struct lm_error *e)
{
	char value[VALUE_MAX];
	socklen_t len;

	for (size_t i = 0; i < NR; i++) {
		const struct option *o = &options[i];

		if (o->level == SOL_SOCKET && o->opt == SO_ATTACH_FILTER) {
			if (put_filter(b, fd, o, e) < 0)
				return -1;
			continue;
		}
		if ((o->no_stream && u->type == SOCK_STREAM) || u->v[i].unknown ||
		    !get(fd, o, value, &len))
			continue;
		if (len != u->v[i].len || memcmp(value, u->v[i].value, len))
			put(b, o, value, len);
	}
	return b->oom ? lm_fail(e, LM_FAILED, "no memory") : 0;
}

static int write_all(struct lm_out *out, const struct lm_file *f, const struct lm_buf *all,
		     struct lm_error *e)
{
	for (size_t at = 0; at < all->len; at += PIECE) {
		size_t len = all->len - at < PIECE ? all->len - at : PIECE;
		struct lm_buf b = { 0 };

		lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
		lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_OPTIONS);
		lm_put_u64(&b, LIVEMIG_DATA_OFFSET, at);
		lm_put(&b, LIVEMIG_DATA_BYTES, (const char *)all->data + at, len);
		if (lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e) < 0)
			return -1;
	}
	return 0;
}

int lm_sockopt_dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		    struct lm_error *e)
{
	const struct lm_usual *u;
	struct lm_buf all = { 0 };
	int fd, ret;

	/* Not accepted: it has its listener's; closed: nobody asks. */
	if (f->sock[LIVEMIG_SOCK_LISTENER] || f->sock[LIVEMIG_SOCK_CLOSED])
		return 0;
	u = usual_of(s, f, e);
	if (!u)
		return -1;
	fd = lm_kind_grab(f, e);
	if (fd < 0)
		return -1;
	ret = collect(&all, fd, u, e) < 0 ? -1 : write_all(out, f, &all, e);
	close(fd);
	lm_buf_free(&all);
	return ret;
}

/* ---- setting ---- */

static const struct option *find(const struct record *r)
{
	for (const struct option *o = options; o < options + NR; o++)
		if ((uint32_t)o->level == r->level && (uint32_t)o->opt == r->opt)
			return o;
	return NULL;
}

/* A bit for each group; the first is group 1. */
static int join(int fd, const uint32_t *bits, size_t n)
{
	for (size_t i = 0; i < n * 32; i++) {
		int group = i + 1;

		if (bits[i / 32] & 1u << i % 32 &&
		    setsockopt(fd, SOL_NETLINK_, NETLINK_ADD_MEMBERSHIP, &group,
			       sizeof(group)) < 0)
			return -1;
	}
	return 0;
}

static int set(int fd, const struct option *o, const void *value, uint32_t len)
{
	struct sock_fprog prog = { .len = len / sizeof(struct sock_filter),
				   .filter = (void *)value };

	if (o->level == SOL_SOCKET && o->opt == SO_ATTACH_FILTER)
		return setsockopt(fd, o->level, o->opt, &prog, sizeof(prog));
	if (o->level == LM_ADDRESS)
		return o->opt == LM_PEER ? connect(fd, value, len) : bind(fd, value, len);
	if (o->level == SOL_NETLINK_ && o->opt == NETLINK_LIST_MEMBERSHIPS)
		return join(fd, value, len / sizeof(uint32_t));
	return setsockopt(fd, o->level, o->opt, value, len);
}

static int set_all(int fd, const char *at, size_t left, enum lm_sockopt_when when,
		   struct lm_error *e)
{
	const struct option *o;
	struct record r;

	while (left >= sizeof(r)) {
		memcpy(&r, at, sizeof(r));
		at += sizeof(r);
		left -= sizeof(r);
		o = find(&r);
		if (!o || r.len > left || r.len > FILTER_MAX * sizeof(struct sock_filter))
			return lm_fail(e, LM_REFUSED, "the record of a socket's options is malformed");
		if (o->when == when && set(fd, o, at, r.len) < 0)
			return lm_fail_errno(e, LM_REFUSED, "cannot set the socket option %s",
					     o->name);
		r.len = (r.len + 3) & ~3u;
		at += r.len < left ? r.len : left;
		left -= r.len < left ? r.len : left;
	}
	return 0;
}

int lm_sockopt_set(int fd, const struct lm_file *f, enum lm_sockopt_when when,
		   struct lm_error *e)
{
	struct lm_buf all = { 0 };
	int ret;

	for (size_t i = 0; i < f->nr_data; i++)
		if (f->data[i]->queue == LIVEMIG_QUEUE_OPTIONS)
			lm_buf_add(&all, f->data[i]->bytes, f->data[i]->len);
	ret = all.oom ? lm_fail(e, LM_FAILED, "no memory") :
			set_all(fd, all.data, all.len, when, e);
	lm_buf_free(&all);
	return ret;
}
