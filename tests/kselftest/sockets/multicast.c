// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Multicast groups. run.sh has made dm0, a dummy device with 10.4.0.1 and fd04::1,
 * and no route to anywhere: what is sent goes where IP_MULTICAST_IF says, and comes
 * back by IP_MULTICAST_LOOP.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "sockets.h"

#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif
#ifndef IPV6_JOIN_ANYCAST
#define IPV6_JOIN_ANYCAST 27
#endif

union addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_storage storage;
};

static int four, six, raw, say, say6, limit;
static unsigned int dev;

static socklen_t address(union addr *a, const char *host, int port)
{
	int family = strchr(host, ':') ? AF_INET6 : AF_INET;

	memset(a, 0, sizeof(*a));
	a->sa.sa_family = family;
	a->in.sin_port = htons(port);
	check(inet_pton(family, host, family == AF_INET ? (void *)&a->in.sin_addr :
							 (void *)&a->in6.sin6_addr) == 1);
	return family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

static int bound(const char *host, int port)
{
	union addr a;
	socklen_t len = address(&a, host, port);
	int fd = socket(a.sa.sa_family, SOCK_DGRAM, 0), off = 0;

	/* (both levels of a v6 socket) */
	check(fd >= 0 && !bind(fd, &a.sa, len));
	check(!setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof(off)));
	if (a.sa.sa_family == AF_INET6)
		check(!setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof(off)));
	return fd;
}

static int level(const char *group)
{
	return strchr(group, ':') ? IPPROTO_IPV6 : IPPROTO_IP;
}

static void join(int fd, const char *group)
{
	struct group_req req = { .gr_interface = dev };

	address((union addr *)&req.gr_group, group, 0);
	check(!setsockopt(fd, level(group), MCAST_JOIN_GROUP, &req, sizeof(req)));
}

/* @opt MCAST_JOIN_SOURCE_GROUP, MCAST_BLOCK_SOURCE */
static void source(int fd, int opt, const char *group, const char *from)
{
	struct group_source_req req = { .gsr_interface = dev };

	address((union addr *)&req.gsr_group, group, 0);
	address((union addr *)&req.gsr_source, from, 0);
	check(!setsockopt(fd, level(group), opt, &req, sizeof(req)));
}

static char text[8192];

static void add(const char *fmt, ...)
{
	size_t at = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + at, sizeof(text) - at, fmt, ap);
	va_end(ap);
}

static void add_address(const struct sockaddr_storage *a)
{
	const unsigned char *p = a->ss_family == AF_INET ?
		(const void *)&((const struct sockaddr_in *)a)->sin_addr :
		(const void *)&((const struct sockaddr_in6 *)a)->sin6_addr;

	for (int i = 0; i < (a->ss_family == AF_INET ? 4 : 16); i++)
		add("%02x", p[i]);
}

static void add_filter(int fd, const char *group)
{
	union {
		struct group_filter f;
		char room[GROUP_FILTER_SIZE(8)];
	} u = { .f.gf_interface = dev, .f.gf_numsrc = 8 };
	socklen_t len = sizeof(u);

	address((union addr *)&u.f.gf_group, group, 0);
	add("%s", group);
	if (getsockopt(fd, level(group), MCAST_MSFILTER, &u, &len)) {
		add(" errno %d\n", errno);
		return;
	}
	add(u.f.gf_fmode == MCAST_INCLUDE ? " only" : " not");
	for (unsigned int i = 0; i < u.f.gf_numsrc; i++) {
		add(" ");
		add_address(&u.f.gf_slist[i]);
	}
	add("\n");
}

/* Our groups on the device: how many sockets are in them. */
static void add_users(const char *file, const char *fmt)
{
	char line[256], name[64];
	FILE *f = fopen(file, "r");
	int users;

	check(f);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, fmt, name, &users) == 2 &&
		    (strstr(name, "EF") || strstr(name, "E8") || !strncmp(name, "ff15", 4) ||
		     !strncmp(name, "ff35", 4)))
			add("%s %d\n", name, users);
	if (f)
		fclose(f);
}

static const char *listed(void)
{
	static const char *const fours[] = { "239.1.1.1", "239.1.1.2", "232.1.1.1", "232.1.1.2",
					     "239.1.1.3" };
	static const char *const sixes[] = { "ff15::1", "ff35::2", "ff15::3", "239.1.1.4" };

	*text = 0;
	for (int i = 0; i < 5; i++)
		add_filter(four, fours[i]);
	for (int i = 0; i < 4; i++)
		add_filter(six, sixes[i]);
	add_filter(raw, "239.1.1.5");
	add_users("/proc/net/igmp", "\t\t\t\t%63s %d");
	add_users("/proc/net/igmp6", "%*d %*s %63s %d");
	return text;
}

static char before[8192];

static void set_sender(int fd, int protocol, int loop, int ttl)
{
	struct ip_mreqn by_index = { .imr_ifindex = dev };
	int on = 1, hops = 4;

	if (protocol == IPPROTO_IP)
		check(!setsockopt(fd, protocol, IP_MULTICAST_IF, &by_index, sizeof(by_index)));
	else
		check(!setsockopt(fd, protocol, IPV6_MULTICAST_IF, &dev, sizeof(dev)));
	check(!setsockopt(fd, protocol, loop, &on, sizeof(on)));
	check(!setsockopt(fd, protocol, ttl, &hops, sizeof(hops)));
}

static void set_groups(void)
{
	struct ip_mreq by_address = { 0 };

	dev = if_nametoindex("dm0");
	four = bound("0.0.0.0", 7400);
	six = bound("::", 7401);
	raw = socket(AF_INET, SOCK_RAW, 253);
	join(four, "239.1.1.1");
	inet_pton(AF_INET, "239.1.1.2", &by_address.imr_multiaddr);
	inet_pton(AF_INET, "10.4.0.1", &by_address.imr_interface);
	check(!setsockopt(four, IPPROTO_IP, IP_ADD_MEMBERSHIP, &by_address, sizeof(by_address)));
	source(four, MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.4.0.7");
	source(four, MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", "10.4.0.1");
	source(four, MCAST_JOIN_SOURCE_GROUP, "232.1.1.2", "10.4.0.7");
	join(four, "239.1.1.3");
	source(four, MCAST_BLOCK_SOURCE, "239.1.1.3", "10.4.0.7");
	source(four, MCAST_BLOCK_SOURCE, "239.1.1.3", "10.4.0.1");
	join(six, "ff15::1");
	source(six, MCAST_JOIN_SOURCE_GROUP, "ff35::2", "fd04::1");
	source(six, MCAST_JOIN_SOURCE_GROUP, "ff35::2", "fd04::7");
	join(six, "ff15::3");
	source(six, MCAST_BLOCK_SOURCE, "ff15::3", "fd04::1");
	join(six, "239.1.1.4");
	join(raw, "239.1.1.5");
	say = bound("10.4.0.1", 7402);
	set_sender(say, IPPROTO_IP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL);
	say6 = bound("fd04::1", 7402);
	set_sender(say6, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, IPV6_MULTICAST_HOPS);
	strcpy(before, listed());
	check(strstr(before, "232.1.1.1 only 0a040007 0a040001\n"));
}

static void send_to(const char *group, int port)
{
	union addr a;
	socklen_t len = address(&a, group, port);

	check(sendto(a.sa.sa_family == AF_INET ? say : say6, group, strlen(group), 0, &a.sa,
		     len) == (ssize_t)strlen(group));
}

/* The next that comes to @fd was sent to @group: those before were not for it. */
static bool next_is(int fd, const char *group)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 60000) == 1 && hears(fd, group);
}

static void get_groups(void)
{
	const char *now = listed();
	struct ip_mreq leave = { 0 };

	if (strcmp(now, before) && !*wrong)
		snprintf(wrong, sizeof(wrong), "%.450s\nwas\n%.450s", now, before);
	/* Blocked, of another source, never joined: not heard. */
	send_to("239.1.1.3", 7400);
	send_to("232.1.1.2", 7400);
	send_to("239.1.1.9", 7400);
	send_to("239.1.1.1", 7400);
	check(next_is(four, "239.1.1.1"));
	send_to("239.1.1.2", 7400);
	check(next_is(four, "239.1.1.2"));
	send_to("232.1.1.1", 7400);
	check(next_is(four, "232.1.1.1"));
	send_to("ff15::3", 7401);
	send_to("ff15::9", 7401);
	send_to("ff15::1", 7401);
	check(next_is(six, "ff15::1"));
	send_to("ff35::2", 7401);
	check(next_is(six, "ff35::2"));
	send_to("239.1.1.4", 7401);
	check(next_is(six, "239.1.1.4"));
	/* It can be left as it was joined. */
	inet_pton(AF_INET, "239.1.1.2", &leave.imr_multiaddr);
	inet_pton(AF_INET, "10.4.0.1", &leave.imr_interface);
	check(!setsockopt(four, IPPROTO_IP, IP_DROP_MEMBERSHIP, &leave, sizeof(leave)));
	send_to("239.1.1.2", 7400);
	send_to("239.1.1.1", 7400);
	check(next_is(four, "239.1.1.1"));
}

static void set_anycast(void)
{
	struct ipv6_mreq m = { 0 };

	limit = socket(AF_INET6, SOCK_DGRAM, 0);
	m.ipv6mr_interface = if_nametoindex("dm0");
	inet_pton(AF_INET6, "fd04::", &m.ipv6mr_multiaddr);
	check(!setsockopt(limit, IPPROTO_IPV6, IPV6_JOIN_ANYCAST, &m, sizeof(m)));
}

/* More sources than a record has room for. */
static void set_sources(void)
{
	int f = open("/proc/sys/net/ipv4/igmp_max_msf", O_WRONLY);
	char from[INET_ADDRSTRLEN];

	check(write(f, "2000", 4) == 4 && !close(f));
	dev = if_nametoindex("dm0");
	limit = socket(AF_INET, SOCK_DGRAM, 0);
	for (int i = 0; i < 1001; i++) {
		snprintf(from, sizeof(from), "10.5.%d.%d", i / 250, i % 250 + 1);
		source(limit, MCAST_JOIN_SOURCE_GROUP, "232.1.1.1", from);
	}
}

static void alive(void)
{
	check(fcntl(limit, F_GETFD) >= 0);
}

const struct test multicast_tests[] = {
	{ "multicast", set_groups, get_groups },
	{ "multicast_anycast", set_anycast, alive },
	{ "multicast_sources", set_sources, alive },
	{ 0 }
};
