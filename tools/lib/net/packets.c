// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * See packets.h. A packet socket in the container's namespace sees what comes
 * before the network lock drops it; the way in is the host's end of the device.
 * Each packet has its struct virtio_net_hdr before it, so that checksums and
 * segments that were left to the device stay so.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>

#include "packets.h"
#include "rtnl.h"

/* What is kept at most, as the kernel counts it. */
#define KEEP_MAX	(8 << 20)
/* A packet must fit into one attribute of a record. */
#define PACKET_MAX	60000

struct lm_packets {
	int in;			/* in the container's namespace */
	int out;		/* in ours */
	struct lm_link *links;	/* of the container, veths with an end here */
	size_t nr;
	unsigned char buf[PACKET_MAX];
};

static int packet_socket(bool in)
{
	/* Protocol 0 receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, in ? htons(ETH_P_ALL) : 0);
	int on = 1;

	if (fd >= 0 && setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int filter(int fd, struct sock_filter *insn, unsigned short len)
{
	struct sock_fprog prog = { .len = len, .filter = insn };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog));
}

static void nothing(int fd)
{
	struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	filter(fd, none, 1);
}

/* Runs in the container's namespace. */
static int look(void *arg, struct lm_error *e)
{
	struct lm_packets *p = arg;
	int size = KEEP_MAX;
	struct lm_link *all;
	struct lm_rt rt;
	size_t n;

	p->in = packet_socket(true);
	if (p->in < 0)
		return lm_fail_errno(e, LM_FAILED, "packet socket");
	nothing(p->in);
	setsockopt(p->in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (lm_rt_open(&rt, NETLINK_ROUTE, e) < 0)
		return -1;
	if (lm_rt_links(&rt, &all, &n) < 0) {
		lm_rt_close(&rt);
		return lm_fail_errno(e, LM_FAILED, "cannot list the network devices");
	}
	lm_rt_close(&rt);
	p->links = all;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].kind, "veth") && all[i].lower_nsid >= 0)
			p->links[p->nr++] = all[i];
	return 0;
}

int lm_packets_open(int nsfd, struct lm_packets **out, struct lm_error *e)
{
	struct lm_packets *p = calloc(1, sizeof(*p));

	if (!p)
		return lm_fail(e, LM_FAILED, "out of memory");
	p->in = -1;
	p->out = packet_socket(false);
	if (p->out < 0) {
		lm_fail_errno(e, LM_FAILED, "packet socket");
		lm_packets_close(p);
		return -1;
	}
	if (lm_in_netns(nsfd, look, p, e) < 0) {
		lm_packets_close(p);
		return -1;
	}
	*out = p;
	return 0;
}

void lm_packets_close(struct lm_packets *p)
{
	if (!p)
		return;
	if (p->in >= 0)
		close(p->in);
	if (p->out >= 0)
		close(p->out);
	free(p->links);
	free(p);
}

void lm_packets_keep(struct lm_packets *p)
{
	/* IP that is for this host. */
	struct sock_filter ours[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_HOST, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, SKF_AD_OFF + SKF_AD_PROTOCOL),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, PACKET_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};

	if (p->nr)
		filter(p->in, ours, sizeof(ours) / sizeof(*ours));
}

void lm_packets_stop(struct lm_packets *p)
{
	nothing(p->in);
}

int lm_packets_each(struct lm_packets *p,
		    int (*use)(const char *dev, const void *packet, size_t len,
			       void *arg), void *arg)
{
	struct sockaddr_ll from;
	socklen_t from_len;
	size_t taken = 0;
	ssize_t n;
	int ret;

	/* They may come faster than they go, and somebody stands meanwhile. */
	while (taken < 2 * KEEP_MAX) {
		from_len = sizeof(from);
		n = recvfrom(p->in, p->buf, sizeof(p->buf), MSG_DONTWAIT | MSG_TRUNC,
			     (void *)&from, &from_len);
		if (n < 0)
			return 0;
		taken += n;
		if ((size_t)n > sizeof(p->buf))
			continue;
		for (size_t i = 0; i < p->nr; i++) {
			if (p->links[i].index != from.sll_ifindex)
				continue;
			ret = use(p->links[i].name, p->buf, n, arg);
			if (ret)
				return ret;
		}
	}
	return 0;
}

int lm_packets_deliver(const char *dev, const void *packet, size_t len, void *arg)
{
	struct lm_packets *p = arg;
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = ETH_ALEN };
	const struct ethhdr *eth;

	if (len < sizeof(struct virtio_net_hdr) + sizeof(*eth) || len > PACKET_MAX)
		return 0;
	eth = (const void *)((const char *)packet + sizeof(struct virtio_net_hdr));
	to.sll_protocol = eth->h_proto;
	memcpy(to.sll_addr, eth->h_dest, ETH_ALEN);
	for (size_t i = 0; i < p->nr; i++) {
		if (strcmp(p->links[i].name, dev))
			continue;
		to.sll_ifindex = p->links[i].lower;
		sendto(p->out, packet, len, MSG_DONTWAIT, (void *)&to, sizeof(to));
	}
	return 0;
}
