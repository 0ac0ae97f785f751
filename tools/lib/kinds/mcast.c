// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See mcast.h. A socket joins a group for all sources, and then names those that it
 * wants or does not want to hear, one by one: a filter that is set at once is limited
 * by net.core.optmem_max, which the source may have had larger.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mcast.h"

/* As struct livemig_group is followed by them. */
struct address {
	uint8_t byte[16];
};

static bool is_v4(const struct address *a)
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)a);
}

static void to_sockaddr(const struct address *a, struct sockaddr_storage *to)
{
	union lm_sockaddr *sa = (union lm_sockaddr *)to;

	if (is_v4(a)) {
		sa->in.sin_family = AF_INET;
		memcpy(&sa->in.sin_addr, a->byte + 12, 4);
	} else {
		sa->in6.sin6_family = AF_INET6;
		memcpy(&sa->in6.sin6_addr, a->byte, 16);
	}
}

static int join_all(int fd, const struct livemig_group *g, const struct address *group)
{
	struct ipv6_mreq six = { .ipv6mr_interface = g->ifindex };
	struct ip_mreqn four = { .imr_ifindex = g->ifindex, .imr_address.s_addr = g->local };

	if (is_v4(group)) {
		memcpy(&four.imr_multiaddr, group->byte + 12, 4);
		return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &four, sizeof(four));
	}
	memcpy(&six.ipv6mr_multiaddr, group->byte, 16);
	return setsockopt(fd, IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP, &six, sizeof(six));
}

static int add_source(int fd, const struct livemig_group *g, const struct address *group,
		      const struct address *source)
{
	struct group_source_req req = { .gsr_interface = g->ifindex };

	to_sockaddr(group, &req.gsr_group);
	to_sockaddr(source, &req.gsr_source);
	return setsockopt(fd, is_v4(group) ? IPPROTO_IP : IPPROTO_IPV6,
			  g->mode == MCAST_INCLUDE ? MCAST_JOIN_SOURCE_GROUP : MCAST_BLOCK_SOURCE,
			  &req, sizeof(req));
}

static int cannot_join(const struct livemig_group *g, const struct address *group,
		       struct lm_error *e)
{
	int err = errno;
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(is_v4(group) ? AF_INET : AF_INET6, group->byte + (is_v4(group) ? 12 : 0), text,
		  sizeof(text));
	errno = err;
	return lm_fail_errno(e, LM_REFUSED, "cannot join the multicast group %s on interface %u%s",
			     text, g->ifindex, err == ENOBUFS ?
			     ": raise net.ipv4.igmp_max_memberships, igmp_max_msf, net.ipv6.mld_max_msf or net.core.optmem_max" : "");
}

static int join(int fd, const struct lm_data *d, struct lm_error *e)
{
	const struct address *address;
	struct livemig_group g;
	size_t n;

	if (d->len < sizeof(g) + sizeof(*address) || d->len % sizeof(*address))
		return lm_fail(e, LM_REFUSED, "the record of a multicast group is malformed");
	memcpy(&g, d->bytes, sizeof(g));
	address = (const void *)((const char *)d->bytes + sizeof(g));
	n = (d->len - sizeof(g)) / sizeof(*address);
	if (g.sources != n - 1 || g.sources > LIVEMIG_GROUP_SOURCES_MAX || g.mode > MCAST_INCLUDE)
		return lm_fail(e, LM_REFUSED, "the record of a multicast group is malformed");
	/* Only the sources of none: it heard nothing. */
	if (g.mode == MCAST_INCLUDE && !g.sources)
		return 0;
	if (join_all(fd, &g, address) < 0)
		return cannot_join(&g, address, e);
	for (size_t i = 1; i < n; i++)
		if (is_v4(&address[i]) != is_v4(address) ||
		    add_source(fd, &g, address, &address[i]) < 0)
			return cannot_join(&g, address, e);
	return 0;
}

int lm_mcast_join(int fd, const struct lm_file *f, struct lm_error *e)
{
	/* The eldest first, as each becomes the head of the list. */
	for (size_t i = f->nr_data; i--; )
		if (f->data[i]->queue == LIVEMIG_QUEUE_GROUPS && join(fd, f->data[i], e) < 0)
			return -1;
	return 0;
}

static bool is_in_groups(const struct lm_file *f)
{
	for (size_t i = 0; i < f->nr_data; i++)
		if (f->data[i]->queue == LIVEMIG_QUEUE_GROUPS)
			return true;
	return false;
}

int lm_mcast_try(struct lm_restorer *r, const struct lm_file *f, struct lm_error *e)
{
	int fd, ret;

	if (!is_in_groups(f))
		return 0;
	fd = lm_sock_new(r, f, e);
	if (fd < 0)
		return -1;
	ret = lm_mcast_join(fd, f, e);
	close(fd);
	return ret;
}

int lm_mcast_set_if(int fd, const struct lm_file *f, struct lm_error *e)
{
	const struct nlattr *a = f->sock[LIVEMIG_SOCK_MCAST_IF];
	struct livemig_mcast_if m;
	struct ip_mreqn req = { 0 };

	if (lm_len(a) != sizeof(m))
		return 0;
	memcpy(&m, lm_data(a), sizeof(m));
	req.imr_ifindex = m.ifindex;
	req.imr_address.s_addr = m.local;
	if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &req, sizeof(req)) == 0)
		return 0;
	return lm_fail_errno(e, LM_REFUSED, "cannot set the socket option IP_MULTICAST_IF to %u",
			     m.ifindex);
}
