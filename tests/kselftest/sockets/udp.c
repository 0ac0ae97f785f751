// SPDX-License-Identifier: GPL-2.0-or-later
/* Datagrams that wait, and sockets that see packets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "sockets.h"

#ifndef IPPROTO_UDPLITE
#define IPPROTO_UDPLITE 136
#endif

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static socklen_t address(union addr *a, int family, const char *host, int port)
{
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	a->in.sin_port = htons(port);
	check(inet_pton(family, host, family == AF_INET ? (void *)&a->in.sin_addr :
							 (void *)&a->in6.sin6_addr) == 1);
	return family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

static int bound(int family, int protocol, const char *host, int port)
{
	int fd = socket(family, SOCK_DGRAM, protocol);
	union addr a;
	socklen_t len = address(&a, family, host, port);

	check(fd >= 0 && !bind(fd, &a.sa, len));
	return fd;
}

static bool sends(int fd, const void *what, size_t len, int family, const char *host, int port)
{
	union addr a;
	socklen_t alen = address(&a, family, host, port);

	return sendto(fd, what, len, 0, &a.sa, alen) == (ssize_t)len;
}

static bool comes(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 60000) == 1;
}

/* The next datagram: these bytes from there. */
static bool gets(int fd, const void *what, size_t len, int family, const char *host, int port)
{
	static char buf[70000];
	union addr a, want;
	socklen_t alen = sizeof(a), want_len = address(&want, family, host, port);

	if (!comes(fd) || recvfrom(fd, buf, sizeof(buf), 0, &a.sa, &alen) != (ssize_t)len)
		return false;
	return !memcmp(buf, what, len) && alen == want_len && a.in.sin_port == want.in.sin_port &&
	       (family == AF_INET ? a.in.sin_addr.s_addr == want.in.sin_addr.s_addr :
				    !memcmp(&a.in6.sin6_addr, &want.in6.sin6_addr, 16));
}

static char big[30000];
static int sink, sink6, any, connected, from, from6;

static void set_queue(int protocol)
{
	union addr a;
	socklen_t len = address(&a, AF_INET, "127.0.0.2", 7202);

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i * 5 + (i >> 9);
	sink = bound(AF_INET, protocol, "127.0.0.1", 7200);
	sink6 = bound(AF_INET6, protocol, "::1", 7201);
	any = bound(AF_INET6, protocol, "::", 7204);
	from = bound(AF_INET, protocol, "127.0.0.2", 7202);
	from6 = bound(AF_INET6, protocol, "::1", 7203);
	check(sends(from, "first", 5, AF_INET, "127.0.0.1", 7200));
	check(sends(from, "", 0, AF_INET, "127.0.0.1", 7200));
	check(sends(from, big, sizeof(big), AF_INET, "127.0.0.1", 7200));
	check(sends(from6, "six", 3, AF_INET6, "::1", 7201));
	check(sends(from, "mapped", 6, AF_INET, "127.0.0.3", 7204));
	check(sends(from6, "to any", 6, AF_INET6, "::1", 7204));
	connected = bound(AF_INET, protocol, "127.0.0.1", 7205);
	check(!connect(connected, &a.sa, len));
	check(sends(from, "to one", 6, AF_INET, "127.0.0.1", 7205));
	check(comes(sink) && comes(sink6) && comes(any) && comes(connected));
}

static void get_queue(void)
{
	check(gets(sink, "first", 5, AF_INET, "127.0.0.2", 7202));
	check(gets(sink, "", 0, AF_INET, "127.0.0.2", 7202));
	check(gets(sink, big, sizeof(big), AF_INET, "127.0.0.2", 7202));
	check(gets(sink6, "six", 3, AF_INET6, "::1", 7203));
	check(gets(any, "mapped", 6, AF_INET6, "::ffff:127.0.0.2", 7202));
	check(gets(any, "to any", 6, AF_INET6, "::1", 7203));
	check(gets(connected, "to one", 6, AF_INET, "127.0.0.2", 7202));
	check(says(connected, "back") && gets(from, "back", 4, AF_INET, "127.0.0.1", 7205));
	check(sends(from, "new", 3, AF_INET, "127.0.0.1", 7200) &&
	      gets(sink, "new", 3, AF_INET, "127.0.0.2", 7202));
}

static void set_udp(void)
{
	set_queue(IPPROTO_UDP);
}

static void set_udplite(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

	/* (newer kernels have no UDP-Lite: run.sh skips) */
	if (s < 0 && errno == EPROTONOSUPPORT) {
		snprintf(wrong, sizeof(wrong), "none");
		return;
	}
	close(s);
	set_queue(IPPROTO_UDPLITE);
}

/* ---- raw, ICMP ---- */

static int raw, ping;
static uint16_t ident;

static void set_raw(void)
{
	uint32_t only_replies = ~(1u << ICMP_ECHOREPLY);
	union addr a;
	socklen_t len = sizeof(a);

	raw = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	check(!setsockopt(raw, 255 /* SOL_RAW */, ICMP_FILTER, &only_replies, 4));
	address(&a, AF_INET, "127.0.0.1", 0);
	check(!connect(raw, &a.sa, sizeof(a.in)));
	ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	check(!bind(ping, &a.sa, sizeof(a.in)) && !getsockname(ping, &a.sa, &len));
	ident = a.in.sin_port;
}

static void get_raw(void)
{
	struct icmphdr request = { .type = ICMP_ECHO, .un.echo.sequence = 7 }, *reply;
	unsigned char buf[256];
	union addr a;
	socklen_t len = sizeof(a);

	check(!getsockname(ping, &a.sa, &len) && a.in.sin_port == ident);
	check(sends(ping, &request, sizeof(request), AF_INET, "127.0.0.1", 0) && comes(ping));
	check(recv(ping, buf, sizeof(buf), 0) == sizeof(*reply));
	reply = (void *)buf;
	check(reply->type == ICMP_ECHOREPLY && reply->un.echo.id == ident &&
	      reply->un.echo.sequence == 7);
	/* Requests are filtered: the reply is what the raw socket sees. */
	check(comes(raw) && recv(raw, buf, sizeof(buf), 0) == sizeof(struct iphdr) + sizeof(*reply));
	reply = (void *)(buf + sizeof(struct iphdr));
	check(reply->type == ICMP_ECHOREPLY && reply->un.echo.id == ident);
	/* It is connected still. */
	check(send(raw, &request, sizeof(request), 0) == sizeof(request));
}

/* ---- netlink ---- */

static int route, listens;
static struct sockaddr_nl own;

static void set_netlink(void)
{
	struct sockaddr_nl a = { .nl_family = AF_NETLINK, .nl_pid = 4242 };
	int on = 1, group = RTNLGRP_BRVLAN;	/* above 31: not in the address */
	socklen_t len = sizeof(own);

	route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	check(!bind(route, (void *)&a, sizeof(a)));
	check(!setsockopt(route, 270 /* SOL_NETLINK */, NETLINK_EXT_ACK, &on, sizeof(on)));
	listens = socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK, NETLINK_ROUTE);
	check(!setsockopt(route, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	a.nl_pid = 0;
	a.nl_groups = RTMGRP_LINK;
	check(!bind(listens, (void *)&a, sizeof(a)));
	check(!setsockopt(listens, 270, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
	check(!getsockname(listens, (void *)&own, &len));
}

static bool is_link(const char *buf, ssize_t n)
{
	return n >= (ssize_t)sizeof(struct nlmsghdr) &&
	       ((const struct nlmsghdr *)buf)->nlmsg_type == RTM_NEWLINK;
}

static void get_netlink(void)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
	} req = { { sizeof(req), RTM_GETLINK, NLM_F_REQUEST, 9, 0 }, { .ifi_index = 1 } };
	struct sockaddr_nl a, kernel = { .nl_family = AF_NETLINK };
	uint32_t groups[4] = { 0 };
	socklen_t len = sizeof(a);
	static char buf[65536];
	int on = 0;

	check(!getsockname(route, (void *)&a, &len) && a.nl_pid == 4242);
	len = sizeof(on);
	check(!getsockopt(route, 270, NETLINK_EXT_ACK, &on, &len) && on);
	on = 0;
	check(!getsockopt(route, SOL_SOCKET, SO_PASSCRED, &on, &len) && on);
	check(sendto(route, &req, sizeof(req), 0, (void *)&kernel, sizeof(kernel)) == sizeof(req));
	check(is_link(buf, recv(route, buf, sizeof(buf), 0)));
	len = sizeof(a);
	check(!getsockname(listens, (void *)&a, &len) && !memcmp(&a, &own, sizeof(a)));
	len = sizeof(groups);
	check(!getsockopt(listens, 270, NETLINK_LIST_MEMBERSHIPS, groups, &len));
	check(groups[0] == RTMGRP_LINK && groups[(RTNLGRP_BRVLAN - 1) / 32] & 1u << (RTNLGRP_BRVLAN - 1) % 32);
	/* A change of the link is heard of. */
	req.h.nlmsg_type = RTM_NEWLINK;
	req.i.ifi_change = 1 /* IFF_UP */;
	req.i.ifi_flags = 0;
	check(sendto(route, &req, sizeof(req), 0, (void *)&kernel, sizeof(kernel)) == sizeof(req));
	check(comes(listens) && is_link(buf, recv(listens, buf, sizeof(buf), 0)));
}

/* ---- packet ---- */

#define SOL_PACKET_ 263

static int sniffer, counter;
static struct packet_mreq promiscuous;

/* The payload of UDP from port 7300 to 7301, on whatever interface. */
static void set_packet(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7301, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_ifindex = 1,
				 .sll_protocol = htons(ETH_P_IP) };
	int on = 1;

	sniffer = socket(AF_PACKET, SOCK_DGRAM, 0);
	check(!setsockopt(sniffer, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
	check(!setsockopt(sniffer, SOL_PACKET_, PACKET_AUXDATA, &on, sizeof(on)));
	check(!bind(sniffer, (void *)&a, sizeof(a)));
	counter = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP));
	promiscuous = (struct packet_mreq){ .mr_ifindex = 1, .mr_type = PACKET_MR_PROMISC };
	for (int i = 0; i < 2; i++)
		check(!setsockopt(counter, SOL_PACKET_, PACKET_ADD_MEMBERSHIP, &promiscuous,
				  sizeof(promiscuous)));
	from = bound(AF_INET, IPPROTO_UDP, "127.0.0.1", 7300);
	sink = bound(AF_INET, IPPROTO_UDP, "127.0.0.1", 7301);
}

static bool is_bound(int fd, int ifindex, int protocol)
{
	struct sockaddr_ll a = { 0 };
	socklen_t len = sizeof(a);

	return !getsockname(fd, (void *)&a, &len) && a.sll_ifindex == ifindex &&
	       a.sll_protocol == htons(protocol);
}

/* Of the loopback device. */
static int promiscuity(void)
{
	FILE *f = popen("ip -d link show dev lo | sed -n 's/.*promiscuity \\([0-9]*\\).*/\\1/p'", "r");
	int n = -1;

	check(f && fscanf(f, "%d", &n) == 1);
	pclose(f);
	return n;
}

static void get_packet(void)
{
	unsigned char buf[256];
	socklen_t len = sizeof(int);
	int on = 0;

	check(is_bound(sniffer, 1, ETH_P_IP) && is_bound(counter, 0, ETH_P_ARP));
	check(!getsockopt(sniffer, SOL_PACKET_, PACKET_AUXDATA, &on, &len) && on);
	check(sends(from, "no", 2, AF_INET, "127.0.0.1", 7300));
	check(sends(from, "heard", 5, AF_INET, "127.0.0.1", 7301) && comes(sniffer));
	check(recv(sniffer, buf, sizeof(buf), 0) == 20 + 8 + 5 && !memcmp(buf + 28, "heard", 5));
	/* It was asked for twice, and lasts until that is taken back twice. */
	for (int i = 0; i < 2; i++) {
		check(promiscuity() == 1);
		check(!setsockopt(counter, SOL_PACKET_, PACKET_DROP_MEMBERSHIP, &promiscuous,
				  sizeof(promiscuous)));
	}
	check(promiscuity() == 0);
}

/* ---- errors that nobody was told yet ---- */

static int nobody, left_behind, seen;

static void set_errors(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(9),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct pollfd p = { .events = 0 };
	int sv[2];

	nobody = p.fd = socket(AF_INET, SOCK_DGRAM, 0);
	check(!connect(nobody, (void *)&a, sizeof(a)) && says(nobody, "x"));
	check(poll(&p, 1, 60000) == 1 && p.revents == POLLERR);
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	check(says(sv[0], "not read") && says(sv[1], "to be read") && !close(sv[1]));
	left_behind = sv[0];
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	check(says(sv[0], "not read") && !close(sv[1]) && !hears(sv[0], ""));
	seen = sv[0];
}

static void get_errors(void)
{
	socklen_t len = sizeof(int);
	int err = 0;
	char c;

	check(recv(nobody, &c, 1, MSG_DONTWAIT) < 0 && errno == ECONNREFUSED);
	check(recv(nobody, &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	check(hears(left_behind, "to be read"));
	check(!getsockopt(left_behind, SOL_SOCKET, SO_ERROR, &err, &len) && err == ECONNRESET);
	check(ends(left_behind) && ends(seen));
}

const struct test udp_tests[] = {
	{ "udp", set_udp, get_queue },
	{ "udplite", set_udplite, get_queue },
	{ "raw", set_raw, get_raw },
	{ "netlink", set_netlink, get_netlink },
	{ "packet", set_packet, get_packet },
	{ "udperrors", set_errors, get_errors },
	{ 0 }
};
