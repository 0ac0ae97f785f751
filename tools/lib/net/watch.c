// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is listed of a network namespace while it is in use are several lists, of
 * different moments, and all of a time before the stop. The kernel tells who listens of
 * each change of what is in them.
 */
#include <errno.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "netns.h"
#include "rtnl.h"

/* (neighbours come and go with every packet, and only those move that somebody has set) */
static const int groups[] = {
	RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
};

static int listen_to_all(int fd)
{
	/* (who has no name of his own is told nothing) */
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])) < 0)
			return -1;
	return 0;
}

int lm_netns_watch(int nsfd, struct lm_error *e)
{
	int fd = lm_socket_in_netns(nsfd, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, e);

	if (fd < 0 || listen_to_all(fd) == 0)
		return fd;
	lm_fail_errno(e, LM_FAILED, "cannot listen to changes of a network namespace");
	close(fd);
	return -1;
}

/* ENOBUFS: more of them than there is room for. */
static bool received(int watch, int flags)
{
	char c;

	return recv(watch, &c, 1, MSG_DONTWAIT | flags) >= 0 || errno == ENOBUFS;
}

bool lm_netns_changed(int watch)
{
	return received(watch, MSG_PEEK);
}

void lm_netns_watch_again(int watch)
{
	while (received(watch, 0))
		;
}
