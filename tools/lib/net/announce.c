// SPDX-License-Identifier: LGPL-2.1-or-later
/* Gratuitous ARP and unsolicited neighbour advertisements for every address of
 * a namespace, so that switches and neighbours learn where it lives now.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "netns.h"
#include "rtnl.h"

static void arp(int fd, const struct lm_link *l, const struct in_addr *ip)
{
	struct ether_arp a = {
		.ea_hdr = {
			.ar_hrd = htons(ARPHRD_ETHER), .ar_pro = htons(ETH_P_IP),
			.ar_hln = 6, .ar_pln = 4,
		},
	};
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ARP),
		.sll_ifindex = l->index, .sll_halen = 6,
	};

	memset(to.sll_addr, 0xff, 6);
	memcpy(a.arp_sha, l->mac, 6);
	memcpy(a.arp_spa, ip, 4);
	memcpy(a.arp_tpa, ip, 4);
	/* Some listen to requests only, some to replies only. */
	a.ea_hdr.ar_op = htons(ARPOP_REQUEST);
	sendto(fd, &a, sizeof(a), MSG_DONTWAIT, (void *)&to, sizeof(to));
	memset(a.arp_tha, 0xff, 6);
	a.ea_hdr.ar_op = htons(ARPOP_REPLY);
	sendto(fd, &a, sizeof(a), MSG_DONTWAIT, (void *)&to, sizeof(to));
}

static void advertise(const struct lm_link *l, const struct in6_addr *ip)
{
	struct {
		struct nd_neighbor_advert na;
		struct nd_opt_hdr opt;
		uint8_t mac[6];
	} __attribute__((packed)) p = { 0 };
	struct sockaddr_in6 from = { .sin6_family = AF_INET6, .sin6_addr = *ip };
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_scope_id = l->index };
	int hops = 255, fd;

	if (IN6_IS_ADDR_LINKLOCAL(ip))
		from.sin6_scope_id = l->index;
	fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	if (fd < 0)
		return;
	p.na.nd_na_type = ND_NEIGHBOR_ADVERT;
	p.na.nd_na_flags_reserved = ND_NA_FLAG_OVERRIDE;
	p.na.nd_na_target = *ip;
	p.opt.nd_opt_type = ND_OPT_TARGET_LINKADDR;
	p.opt.nd_opt_len = 1;
	memcpy(p.mac, l->mac, 6);
	inet_pton(AF_INET6, "ff02::1", &to.sin6_addr);
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &l->index, sizeof(l->index));
	if (bind(fd, (void *)&from, sizeof(from)) == 0)
		sendto(fd, &p, sizeof(p), MSG_DONTWAIT, (void *)&to, sizeof(to));
	close(fd);
}

void lm_net_announce(void)
{
	struct ifaddrs *all, *a;
	struct lm_link *links = NULL;
	size_t n = 0;
	struct lm_rt rt;
	int fd;

	if (lm_rt_open(&rt, NETLINK_ROUTE, NULL) < 0)
		return;
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (lm_rt_links(&rt, &links, &n) == 0 && getifaddrs(&all) == 0) {
		for (a = all; a; a = a->ifa_next) {
			size_t i = 0;

			while (i < n && strcmp(links[i].name, a->ifa_name))
				i++;
			if (i == n || !a->ifa_addr || !links[i].has_mac ||
			    links[i].flags & IFF_LOOPBACK || !(links[i].flags & IFF_UP))
				continue;
			if (a->ifa_addr->sa_family == AF_INET && fd >= 0)
				arp(fd, &links[i], &((struct sockaddr_in *)a->ifa_addr)->sin_addr);
			if (a->ifa_addr->sa_family == AF_INET6)
				advertise(&links[i], &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr);
		}
		freeifaddrs(all);
	}
	free(links);
	if (fd >= 0)
		close(fd);
	lm_rt_close(&rt);
}

static int announce(void *arg, struct lm_error *e)
{
	lm_net_announce();
	return 0;
}

void lm_netns_announce(int nsfd)
{
	lm_in_netns(nsfd, announce, NULL, NULL);
}
