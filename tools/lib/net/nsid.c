// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The numbers by which a container knows network namespaces (ip netns set): the host's,
 * and its own. Others are of namespaces that are not at the destination. It does not
 * tell whether somebody has given one or the kernel has; where the kernel would give the
 * same again nothing is written down.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "parts.h"

#define OWN "/proc/thread-self/ns/net"

enum { HOST, ITSELF };

struct nsid {
	uint32_t whose;
	int32_t id;
};

static struct nlmsghdr *message(void *buf, uint16_t type, int fd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct rtgenmsg *g;

	nlh->nlmsg_type = type;
	g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));
	g->rtgen_family = AF_UNSPEC;
	mnl_attr_put_u32(nlh, NETNSA_FD, fd);
	return nlh;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct rtgenmsg))
		if (mnl_attr_get_type(a) == NETNSA_NSID)
			*(int *)arg = (int)mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

int lm_nsid_ask(struct lm_rt *rt, int fd, int *id, struct lm_error *e)
{
	char buf[256];

	*id = -1;
	if (lm_rt_talk(rt, message(buf, RTM_GETNSID, fd), take, id) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot relate the network namespaces");
	return 0;
}

static void put(struct lm_buf *b, uint32_t whose, int id)
{
	const struct nsid n = { whose, id };

	lm_put(b, LM_NETNS_NSID, &n, sizeof(n));
}

int lm_nsid_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links, int host,
		 struct lm_buf *b, struct lm_error *e)
{
	int fd = open(OWN, O_RDONLY | O_CLOEXEC), own = -1, ret;
	bool comes = false;

	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot open a network namespace");
	ret = lm_nsid_ask(rt, fd, &own, e);
	close(fd);
	/* The first that it needs a number for is the host, because of a device. */
	for (size_t i = 0; i < nr_links; i++)
		comes |= links[i].lower_nsid == 0;
	if (host > 0 || (host == 0 && !comes))
		put(b, HOST, host);
	if (own >= 0)
		put(b, ITSELF, own);
	return ret;
}

int lm_nsid_make(struct lm_rt *rt, int host_fd, const struct nlattr *rec, struct lm_error *e)
{
	const struct nsid *n = lm_data(rec);
	struct nlmsghdr *nlh;
	char buf[256];
	int fd, ret;

	if (lm_len(rec) != sizeof(*n) || n->whose > ITSELF || n->id < 0)
		return lm_fail(e, LM_REFUSED, "the record of a number of a namespace is malformed");
	fd = n->whose == HOST ? host_fd : open(OWN, O_RDONLY | O_CLOEXEC);
	nlh = message(buf, RTM_NEWNSID, fd);
	mnl_attr_put_u32(nlh, NETNSA_NSID, n->id);
	ret = lm_rt_do(rt, nlh, e, "cannot give a network namespace the number %d", n->id);
	if (n->whose == ITSELF && fd >= 0)
		close(fd);
	return ret;
}
