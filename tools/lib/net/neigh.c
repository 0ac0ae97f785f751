// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Neighbours (ARP, NDP) that somebody has set, and those that are answered for
 * (proxies). What the kernel has learned it learns again. And addresses that a device
 * takes besides its own (bridge fdb add ... self), which the kernel has as neighbours of
 * AF_BRIDGE; those of groups are other files' (refuse.c, sockets).
 *
 * Of what it says about one the age and the count of questions are left out: they
 * differ each time.
 */
#include <errno.h>
#include <string.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "parts.h"

#define MSG_MAX 256

struct dump {
	const struct lm_link *links;
	size_t nr_links;
	struct lm_buf *b;
	struct lm_error *e;
};

/* The kernel makes entries without a question by itself: of groups and broadcasts,
 * and of all addresses where the device asks none.
 */
static bool is_kernels(const struct ndmsg *ndm, const struct lm_link *l)
{
	return ndm->ndm_state & NUD_NOARP &&
	       (ndm->ndm_type != RTN_UNICAST || l->flags & (IFF_NOARP | IFF_LOOPBACK));
}

static bool stays(const struct ndmsg *ndm, uint32_t more, const struct lm_link *l)
{
	if (ndm->ndm_flags & (NTF_PROXY | NTF_EXT_LEARNED) || more)
		return true;
	return ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP) && !is_kernels(ndm, l);
}

/* What nobody can set where the device is a macvlan is there because of a packet socket. */
static bool can_be_set(const struct lm_link *l)
{
	return strcmp(l->kind, "macvlan") || l->mode == MACVLAN_MODE_PASSTHRU;
}

static int take_forwarding(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	char buf[MSG_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *copy = mnl_nlmsg_put_header(buf);
	const struct nlattr *a, *mac = NULL;
	struct dump *d = arg;
	struct ndmsg *to;
	size_t n = 0;

	mnl_attr_for_each(a, nlh, sizeof(*ndm))
		if (mnl_attr_get_type(a) == NDA_LLADDR)
			mac = a;
	while (n < d->nr_links && d->links[n].index != ndm->ndm_ifindex)
		n++;
	if (n == d->nr_links || !can_be_set(&d->links[n]) || !(ndm->ndm_flags & NTF_SELF) ||
	    !mac || mnl_attr_get_payload_len(mac) != 6 ||
	    *(const uint8_t *)mnl_attr_get_payload(mac) & 1)
		return MNL_CB_OK;
	to = mnl_nlmsg_put_extra_header(copy, sizeof(*to));
	to->ndm_family = AF_BRIDGE;
	to->ndm_ifindex = n;
	to->ndm_state = NUD_PERMANENT;
	to->ndm_flags = NTF_SELF;
	mnl_attr_put(copy, NDA_LLADDR, 6, mnl_attr_get_payload(mac));
	lm_put(d->b, LM_NETNS_NEIGH, to, mnl_nlmsg_get_payload_len(copy));
	return MNL_CB_OK;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	char buf[MSG_MAX] __attribute__((aligned(4)));
	struct nlmsghdr *copy = mnl_nlmsg_put_header(buf);
	struct dump *d = arg;
	const struct nlattr *a;
	struct ndmsg *to;
	bool known = false;
	uint32_t more = 0;
	size_t n = 0;

	if (ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6)
		return MNL_CB_OK;
	while (n < d->nr_links && d->links[n].index != ndm->ndm_ifindex)
		n++;
	/* (a proxy may be one on all devices) */
	if (n == d->nr_links && (ndm->ndm_ifindex || !(ndm->ndm_flags & NTF_PROXY)))
		return MNL_CB_OK;
	to = mnl_nlmsg_put_extra_header(copy, sizeof(*to));
	*to = *ndm;
	to->ndm_ifindex = ndm->ndm_ifindex ? (int)n : -1;
	to->ndm_flags &= NTF_PROXY | NTF_EXT_LEARNED | NTF_ROUTER;
	mnl_attr_for_each(a, nlh, sizeof(*ndm)) {
		uint16_t type = mnl_attr_get_type(a);

		if (type == NDA_FLAGS_EXT)
			more = mnl_attr_get_u32(a);
		if (type == NDA_LLADDR)
			known = true;
		if ((type == NDA_DST || type == NDA_LLADDR || type == NDA_PROTOCOL ||
		     (type == NDA_FLAGS_EXT && more)) &&
		    !mnl_attr_put_check(copy, sizeof(buf), type, mnl_attr_get_payload_len(a),
					mnl_attr_get_payload(a))) {
			lm_fail(d->e, LM_REFUSED, "neighbour with a large address: not supported");
			return MNL_CB_ERROR;
		}
	}
	if (!stays(ndm, more, n < d->nr_links ? &d->links[n] : NULL))
		return MNL_CB_OK;
	/* Where the kernel still asks, it has to ask again. */
	if (!(ndm->ndm_flags & NTF_PROXY) && !(ndm->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
		to->ndm_state = known ? NUD_STALE : NUD_NONE;
	lm_put(d->b, LM_NETNS_NEIGH, to, mnl_nlmsg_get_payload_len(copy));
	return MNL_CB_OK;
}

int lm_neigh_dump(struct lm_rt *rt, const struct lm_link *links, size_t nr_links,
		  struct lm_buf *b, struct lm_error *e)
{
	static const struct {
		uint8_t family, flags;
		mnl_cb_t take;
	} lists[] = {
		{ AF_UNSPEC, 0, take },
		{ AF_UNSPEC, NTF_PROXY, take },
		{ AF_BRIDGE, 0, take_forwarding },
	};
	struct dump d = { links, nr_links, b, e };
	char buf[256];

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct ndmsg *ndm;

		nlh->nlmsg_type = RTM_GETNEIGH;
		nlh->nlmsg_flags = NLM_F_DUMP;
		ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
		ndm->ndm_family = lists[i].family;
		ndm->ndm_flags = lists[i].flags;
		if (lm_rt_talk(rt, nlh, lists[i].take, &d) < 0)
			return e->code ? -1 :
			       lm_fail_errno(e, LM_FAILED, "cannot list the neighbours");
	}
	return 0;
}

int lm_neigh_make(struct lm_rt *rt, const int *index, size_t nr_links,
		  const struct nlattr *rec, struct lm_error *e)
{
	char buf[MSG_MAX + MNL_NLMSG_HDRLEN];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;

	if (lm_len(rec) < sizeof(*ndm) || lm_len(rec) > MSG_MAX)
		return lm_fail(e, LM_REFUSED, "the record of a neighbour is malformed");
	nlh->nlmsg_type = RTM_NEWNEIGH;
	ndm = mnl_nlmsg_put_extra_header(nlh, lm_len(rec));
	memcpy(ndm, lm_data(rec), lm_len(rec));
	/* (macvlans replace none, and one that is there already is fine) */
	nlh->nlmsg_flags = NLM_F_CREATE | (ndm->ndm_family == AF_BRIDGE ? 0 : NLM_F_REPLACE);
	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6 &&
	     ndm->ndm_family != AF_BRIDGE) ||
	    (ndm->ndm_ifindex != -1 && (size_t)ndm->ndm_ifindex >= nr_links))
		return lm_fail(e, LM_REFUSED, "the record of a neighbour is malformed");
	ndm->ndm_ifindex = ndm->ndm_ifindex == -1 ? 0 : index[ndm->ndm_ifindex];
	return lm_rt_do(rt, nlh, e, "cannot set a neighbour");
}
