// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is listed of a network namespace while it is in use are several lists, of
 * different moments, and all of a time before the stop. The kernel tells who listens of
 * most changes of what is in them (not of settings in /proc/sys/net, address labels and
 * MPTCP; of neighbours it tells too much: they come and go with every packet).
 */
#include <errno.h>
#include <unistd.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netns.h"
#include "rtnl.h"

static const int links[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_IPV6_IFINFO,
	RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF, RTNLGRP_NEXTHOP, RTNLGRP_TC,
};
static const int rules[] = { NFNLGRP_NFTABLES };

static int listen_to(int fd, const int *groups, size_t n)
{
	/* (who has no name of his own is told nothing) */
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return -1;
	return 0;
}

int lm_netns_watch_open(struct lm_netns_watch *w, int nsfd, struct lm_error *e)
{
	w->links = lm_socket_in_netns(nsfd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, e);
	if (w->links < 0)
		return -1;
	if (listen_to(w->links, links, sizeof(links) / sizeof(*links)) < 0) {
		lm_fail_errno(e, LM_FAILED,
			      "cannot listen to changes of a network namespace");
		lm_netns_watch_close(w);
		return -1;
	}
	/* (a kernel that knows no rules has none) */
	w->rules = lm_socket_in_netns(nsfd, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, NULL);
	if (w->rules >= 0)
		listen_to(w->rules, rules, sizeof(rules) / sizeof(*rules));
	return 0;
}

void lm_netns_watch_close(struct lm_netns_watch *w)
{
	if (w->links >= 0)
		close(w->links);
	if (w->rules >= 0)
		close(w->rules);
	w->links = w->rules = -1;
}

/* ENOBUFS: more of them than there is room for. */
static bool received(int fd, int flags)
{
	char c;

	return fd >= 0 && (recv(fd, &c, 1, MSG_DONTWAIT | flags) >= 0 || errno == ENOBUFS);
}

bool lm_netns_changed(const struct lm_netns_watch *w)
{
	return received(w->links, MSG_PEEK) || received(w->rules, MSG_PEEK);
}

void lm_netns_watch_again(const struct lm_netns_watch *w)
{
	while (received(w->links, 0) || received(w->rules, 0))
		;
}
