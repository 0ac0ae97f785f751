// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TCP connections that are over, of which the kernel keeps the numbers for a minute
 * more. A connection that waits for the peer's FIN and is closed becomes that by
 * itself; the one that has got it gets it once more: from us, through a raw socket, with
 * the sequence number and time stamp that it had. The minute begins anew. All that
 * happens behind the network lock, which our mark opens: the acknowledgement must not
 * reach the peer, whose host would answer with a reset that ends the connection.
 *
 * It is best effort, as it is for the kernel, which forgets such connections when it
 * has too many.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <string.h>
#include <unistd.h>

#include "../net/netns.h"
#include "../net/rtnl.h"
#include "tcp.h"

enum { FIN_WAIT2 = 5, TIME_WAIT = 6 };

struct segment {
	struct tcphdr tcp;
	uint8_t options[12];
} __attribute__((packed));

static const struct livemig_timewait *timewait_of(const struct lm_file *f)
{
	const struct nlattr *a = f->sock[LIVEMIG_SOCK_TIMEWAIT];

	return lm_len(a) == sizeof(struct livemig_timewait) ? lm_data(a) : NULL;
}

static bool is_timewait(const struct lm_file *f)
{
	return lm_tcp_is(f) && timewait_of(f);
}

static uint32_t sum(uint32_t s, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (; len > 1; len -= 2, p += 2)
		s += p[0] << 8 | p[1];
	return s;
}

static void fill(struct segment *s, const struct lm_file *f, const union lm_sockaddr *local,
		 const union lm_sockaddr *remote, size_t len)
{
	const struct livemig_tcp *t = lm_data(f->sock[LIVEMIG_SOCK_TCP]);
	uint32_t stamps[2] = { htonl(timewait_of(f)->ts_recent), htonl(t->timestamp) }, c;
	bool v6 = local->sa.sa_family == AF_INET6;

	memset(s, 0, sizeof(*s));
	s->tcp.source = remote->in.sin_port;
	s->tcp.dest = local->in.sin_port;
	s->tcp.seq = htonl(t->rcv_nxt);
	s->tcp.ack_seq = htonl(t->snd_nxt);
	s->tcp.doff = len / 4;
	s->tcp.fin = 1;
	s->tcp.ack = 1;
	s->options[0] = s->options[1] = 1;	/* no operation */
	s->options[2] = 8;			/* time stamps */
	s->options[3] = 10;
	memcpy(s->options + 4, stamps, sizeof(stamps));
	c = IPPROTO_TCP + len;
	c = v6 ? sum(sum(c, &local->in6.sin6_addr, 16), &remote->in6.sin6_addr, 16) :
		 sum(sum(c, &local->in.sin_addr, 4), &remote->in.sin_addr, 4);
	c = sum(c, s, len);
	while (c >> 16)
		c = (c & 0xffff) + (c >> 16);
	s->tcp.check = htons(~c & 0xffff);
}

/* In the container's namespace. An IPv4 connection of an IPv6 socket is one of IPv4. */
static int send_fin(void *arg, struct lm_error *e)
{
	const struct lm_file *f = arg;
	const struct livemig_tcp *t = lm_data(f->sock[LIVEMIG_SOCK_TCP]);
	size_t len = sizeof(struct tcphdr) + (t->flags & LIVEMIG_TCP_F_TSTAMP ? 12 : 0);
	struct { struct iphdr ip; struct segment s; } __attribute__((packed)) four = { .ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP } };
	struct { struct ip6_hdr ip; struct segment s; } __attribute__((packed)) six = { 0 };
	union lm_sockaddr local, remote;
	int fd, mark = LM_NETLOCK_MARK;

	lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &local);
	lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &remote);
	lm_sock_unmap(&local);
	lm_sock_unmap(&remote);
	fd = socket(local.sa.sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	if (local.sa.sa_family == AF_INET) {
		four.ip.tot_len = htons(sizeof(four.ip) + len);
		four.ip.saddr = remote.in.sin_addr.s_addr;
		four.ip.daddr = local.in.sin_addr.s_addr;
		fill(&four.s, f, &local, &remote, len);
		local.in.sin_port = 0;
		sendto(fd, &four, sizeof(four.ip) + len, MSG_DONTWAIT, &local.sa, sizeof(local.in));
	} else {
		six.ip.ip6_flow = htonl(6 << 28);
		six.ip.ip6_plen = htons(len);
		six.ip.ip6_nxt = IPPROTO_TCP;
		six.ip.ip6_hlim = 64;
		six.ip.ip6_src = remote.in6.sin6_addr;
		six.ip.ip6_dst = local.in6.sin6_addr;
		fill(&six.s, f, &local, &remote, len);
		local.in6.sin6_port = 0;
		sendto(fd, &six, sizeof(six.ip) + len, MSG_DONTWAIT, &local.sa, sizeof(local.in6));
	}
	close(fd);
	return 0;
}

static void make(struct lm_restorer *r, struct lm_file *f)
{
	const struct livemig_sock_options *o = lm_sock_options(f);
	struct lm_error e = { 0 };
	int off = TCP_REPAIR_OFF_NO_WP, reuse = !!(o->flags & LIVEMIG_SOCK_F_REUSEADDR);
	int fd = lm_sock_new(r, f, &e);

	if (fd < 0)
		return;
	if (lm_tcp_open_connected(r, f, fd, &e) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) < 0) {
		f->fd = -1;
		close(fd);
		return;
	}
	f->fd = -1;
	close(fd);
	/* (to a device it would come from another one) */
	if (timewait_of(f)->state == TIME_WAIT && !o->bound_dev)
		lm_in_netns(lm_restorer_netns(r), send_fin, f, NULL);
}

/* Before others leave repair mode and ask for it. */
static int timewait_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	make(r, f);
	return 0;
}

const struct lm_file_kind lm_kind_tcp_timewait = {
	.name = "TCP connection that is over",
	.match = is_timewait,
	.no_fd = true,
	.open = timewait_open,
};
