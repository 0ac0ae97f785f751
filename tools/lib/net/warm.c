// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The first veth, macvlan or nftables table on a host makes the kernel load
 * modules, which takes up to a second. That must not happen while a container
 * is stopped: so ask for one of each beforehand, in a network namespace that
 * goes away with the process that made it.
 */
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_link.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "netns.h"
#include "rtnl.h"

/* Whether the link can be made does not matter: its module is loaded. */
static void want_link(struct lm_rt *rt, const char *kind)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlattr *info;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(nlh, info);
	lm_rt_talk(rt, nlh, NULL, NULL);
}

void lm_netns_warm_conntrack(void)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct lm_rt rt;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	mnl_nlmsg_put_extra_header(nlh, sizeof(struct nfgenmsg));
	if (lm_rt_open(&rt, NETLINK_NETFILTER, NULL))
		return;
	lm_rt_talk(&rt, nlh, NULL, NULL);
	lm_rt_close(&rt);
}

static void warm(void)
{
	struct lm_netlock *lock;
	struct lm_rt rt;
	int nsfd;

	if (unshare(CLONE_NEWNET))
		return;
	if (lm_rt_open(&rt, NETLINK_ROUTE, NULL) == 0) {
		want_link(&rt, "veth");
		want_link(&rt, "macvlan");
		lm_rt_close(&rt);
	}
	nsfd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (nsfd >= 0 && lm_netlock(nsfd, true, &lock, NULL) == 0)
		lm_netunlock(lock);
}

void lm_netns_warm(void)
{
	pid_t pid = fork();

	if (!pid) {
		warm();
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}
