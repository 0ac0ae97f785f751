// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Datagrams that waited in UDP sockets are sent to them once more, from raw sockets
 * that say who the sender was, when the network is open. None must leave the
 * host: what went to many (broadcast, multicast) goes to the socket's own address
 * or to the loopback. One that does not arrive was lost on its way, as any may be.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../net/rtnl.h"
#include "udp.h"

#define HEAD_MAX (sizeof(struct ip6_hdr) + sizeof(struct udphdr))

struct datagram {
	union lm_sockaddr from, to;
	unsigned char *packet;	/* HEAD_MAX bytes, then the payload */
	size_t len;
};

static socklen_t length(const union lm_sockaddr *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

static bool same_host(const union lm_sockaddr *a, const union lm_sockaddr *b)
{
	if (a->sa.sa_family != b->sa.sa_family)
		return false;
	return a->sa.sa_family == AF_INET ?
		a->in.sin_addr.s_addr == b->in.sin_addr.s_addr :
		IN6_ARE_ADDR_EQUAL(&a->in6.sin6_addr, &b->in6.sin6_addr);
}

/* Who sends to an address of this host does so from that address. */
static bool is_local(const union lm_sockaddr *a)
{
	int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	union lm_sockaddr own;
	socklen_t len = sizeof(own);
	bool ret;

	if (fd < 0)
		return false;
	ret = connect(fd, &a->sa, length(a)) == 0 && getsockname(fd, &own.sa, &len) == 0 &&
	      same_host(a, &own);
	close(fd);
	return ret;
}

static void loopback(union lm_sockaddr *a)
{
	if (a->sa.sa_family == AF_INET)
		a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a->in6.sin6_addr = in6addr_loopback;
}

static uint32_t sum(uint32_t s, const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len > 1; len -= 2, p += 2)
		s += p[0] << 8 | p[1];
	return len ? s + (p[0] << 8) : s;
}

/* Fill in the headers, which begin at the return value. */
static unsigned char *put_headers(struct datagram *d, int protocol)
{
	struct udphdr *udp = (void *)(d->packet + HEAD_MAX - sizeof(*udp));
	bool v4 = d->to.sa.sa_family == AF_INET;
	size_t len = sizeof(*udp) + d->len;
	uint32_t s = protocol + len;
	struct ip6_hdr *ip6;
	struct iphdr *ip;

	udp->source = d->from.in.sin_port;	/* (at the same place in both) */
	udp->dest = d->to.in.sin_port;
	/* UDP-Lite: the checksum covers all. */
	udp->len = protocol == IPPROTO_UDP ? htons(len) : 0;
	udp->check = 0;
	if (v4) {
		ip = (void *)((unsigned char *)udp - sizeof(*ip));
		*ip = (struct iphdr){
			.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol,
			.tot_len = htons(sizeof(*ip) + len),
			.saddr = d->from.in.sin_addr.s_addr, .daddr = d->to.in.sin_addr.s_addr,
		};
		s = sum(s, &ip->saddr, 8);
	} else {
		ip6 = (void *)((unsigned char *)udp - sizeof(*ip6));
		*ip6 = (struct ip6_hdr){
			.ip6_src = d->from.in6.sin6_addr, .ip6_dst = d->to.in6.sin6_addr,
		};
		ip6->ip6_flow = htonl(6 << 28);
		ip6->ip6_plen = htons(len);
		ip6->ip6_nxt = protocol;
		ip6->ip6_hlim = 64;
		s = sum(s, &ip6->ip6_src, 32);
	}
	s = sum(s, udp, len);
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	udp->check = htons(s == 0xffff ? s : ~s & 0xffff);
	return v4 ? (unsigned char *)ip : (unsigned char *)ip6;
}

static void send_one(struct datagram *d, const struct lm_file *f)
{
	const int protocol = lm_u32(f->sock[LIVEMIG_SOCK_PROTOCOL]);
	union lm_sockaddr local = { .sa.sa_family = AF_UNSPEC };
	unsigned char *start;
	int fd;

	if (!is_local(&d->to)) {
		lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &local);
		lm_sock_unmap(&local);
		if (local.sa.sa_family == d->to.sa.sa_family && is_local(&local))
			d->to = local;
		else
			loopback(&d->to);
	}
	start = put_headers(d, protocol);
	fd = socket(d->to.sa.sa_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return;
	d->to.in.sin_port = 0;
	sendto(fd, start, d->packet + HEAD_MAX + d->len - start, MSG_DONTWAIT, &d->to.sa,
	       length(&d->to));
	close(fd);
}

/* The datagram that begins with record *@i; *@i is then the next one's. */
static bool take(const struct lm_file *f, size_t *i, struct datagram *d)
{
	const struct lm_data *first = f->data[*i];
	const struct nlattr *from = first->obj.tb[LIVEMIG_DATA_NAME];
	const struct nlattr *to = first->obj.tb[LIVEMIG_DATA_DEST];
	bool good = lm_len(from) >= sizeof(d->from.in) && lm_len(from) <= sizeof(d->from) &&
		    lm_len(to) == lm_len(from);

	memset(d, 0, sizeof(*d));
	d->packet = calloc(1, HEAD_MAX + 65536);
	for (; *i < f->nr_data && f->data[*i]->queue == first->queue &&
	       f->data[*i]->offset == first->offset; ++*i) {
		const struct lm_data *piece = f->data[*i];

		good = good && d->packet && d->len + piece->len <= 65536;
		if (good)
			memcpy(d->packet + HEAD_MAX + d->len, piece->bytes, piece->len);
		d->len += piece->len;
	}
	if (!good)
		return false;
	memcpy(&d->from, lm_data(from), lm_len(from));
	memcpy(&d->to, lm_data(to), lm_len(to));
	lm_sock_unmap(&d->from);
	lm_sock_unmap(&d->to);
	return d->from.sa.sa_family == d->to.sa.sa_family &&
	       (d->to.sa.sa_family == AF_INET || d->to.sa.sa_family == AF_INET6);
}

static int send_all(void *arg, struct lm_error *e)
{
	const struct lm_file *f = arg;
	struct datagram d;

	for (size_t i = 0; i < f->nr_data;) {
		if (f->data[i]->queue != LIVEMIG_QUEUE_RECV) {
			i++;
			continue;
		}
		if (take(f, &i, &d))
			send_one(&d, f);
		free(d.packet);
	}
	return 0;
}

int lm_udp_fill(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	return f->nr_data ? lm_in_netns(lm_restorer_netns(r), send_all, f, e) : 0;
}
