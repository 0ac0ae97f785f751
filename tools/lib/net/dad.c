// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Restored IPv6 addresses are usable at once: duplicate address detection would
 * keep them back for a second, and behind the network lock it would find nothing.
 *
 * It is turned off for the namespace's devices until all addresses are settled.
 * (IFF_NOARP skips it, too, but then the kernel does not join the multicast group
 * that neighbours ask for the address in, and nobody finds the container: 6.1,
 * net/ipv6/addrconf.c, addrconf_join_solict().)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "rtnl.h"

/* A host without IPv6 has no such setting: nothing to do. */
static void accept_dad(const char *device, char value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_dad", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, &value, 1) < 0)
		value = 0;
	close(fd);
}

static int is_tentative(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);

	if (ifa->ifa_flags & IFA_F_TENTATIVE)
		++*(int *)arg;
	return MNL_CB_OK;
}

static int nr_tentative(struct lm_rt *rt)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ifaddrmsg *ifa;
	int n = 0;

	nlh->nlmsg_type = RTM_GETADDR;
	nlh->nlmsg_flags = NLM_F_DUMP;
	ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	return lm_rt_talk(rt, nlh, is_tentative, &n) < 0 ? 0 : n;
}

void lm_dad_off(void)
{
	accept_dad("default", '0');
}

void lm_dad_on(struct lm_rt *rt)
{
	const struct timespec ms = { 0, 1000000 };
	struct lm_link *links;
	size_t n;

	/* A work item of the kernel settles them. Should it not get to run in half
	 * a second, detection is done after all.
	 */
	for (int i = 0; i < 500 && nr_tentative(rt); i++)
		nanosleep(&ms, NULL);
	accept_dad("default", '1');
	if (lm_rt_links(rt, &links, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (!(links[i].flags & IFF_LOOPBACK))
			accept_dad(links[i].name, '1');
	free(links);
}
