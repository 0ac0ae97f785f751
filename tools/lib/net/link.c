// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a device has besides what it is made of: other names, an alias, a group, the
 * length of its queue, flags; a macvlan's own settings.
 */
#include <errno.h>
#include <string.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "parts.h"

#define FLAGS (IFF_NOARP | IFF_ALLMULTI | IFF_PROMISC | IFF_MULTICAST)
#define ALTNAME_MAX 127		/* ALTIFNAMSIZ */
#define ALIAS_MAX 255
#define BC_QUEUE_USUAL 1000	/* MACVLAN_DEFAULT_BC_QUEUE_LEN */

struct dump {
	struct lm_buf *b;
	struct lm_error *e;
};

static void put_altnames(struct lm_buf *b, const struct nlattr *list)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, list)
		if (mnl_attr_get_type(a) == IFLA_ALT_IFNAME &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
			lm_put_str(b, LM_LINK_ALTNAME, mnl_attr_get_str(a));
}

/* What is asked for: the length in use is the longest of all on that device. */
static void put_macvlan(struct lm_buf *b, const struct nlattr *info)
{
	const struct nlattr *kind = NULL, *data = NULL, *a, *source;

	mnl_attr_for_each_nested(a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			kind = a;
		if (mnl_attr_get_type(a) == IFLA_INFO_DATA)
			data = a;
	}
	if (!kind || !data || strncmp(mnl_attr_get_str(kind), "macvlan",
				      mnl_attr_get_payload_len(kind)))
		return;
	mnl_attr_for_each_nested(a, data) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_MACVLAN_FLAGS:
			if (mnl_attr_get_u16(a))
				lm_put_u32(b, LM_LINK_VFLAGS, mnl_attr_get_u16(a));
			break;
		case IFLA_MACVLAN_BC_QUEUE_LEN:
			if (mnl_attr_get_u32(a) != BC_QUEUE_USUAL)
				lm_put_u32(b, LM_LINK_BC_QUEUE, mnl_attr_get_u32(a));
			break;
		case IFLA_MACVLAN_MACADDR_DATA:
			mnl_attr_for_each_nested(source, a)
				lm_put(b, LM_LINK_SOURCE, mnl_attr_get_payload(source),
				       mnl_attr_get_payload_len(source));
		}
	}
}

static bool is_attached(const struct nlattr *xdp)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, xdp)
		if (mnl_attr_get_type(a) == IFLA_XDP_ATTACHED)
			return mnl_attr_get_u8(a) != XDP_ATTACHED_NONE;
	return false;
}

static int take(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const char *name = "";
	const struct nlattr *a;
	struct dump *d = arg;

	lm_put_u32(d->b, LM_LINK_FLAGS, ifi->ifi_flags & FLAGS);
	mnl_attr_for_each(a, nlh, sizeof(*ifi)) {
		switch (mnl_attr_get_type(a)) {
		case IFLA_IFNAME:
			name = mnl_attr_get_str(a);
			break;
		case IFLA_TXQLEN:
			lm_put_u32(d->b, LM_LINK_TXQLEN, mnl_attr_get_u32(a));
			break;
		case IFLA_GROUP:
			lm_put_u32(d->b, LM_LINK_GROUP, mnl_attr_get_u32(a));
			break;
		case IFLA_IFALIAS:
			lm_put_str(d->b, LM_LINK_ALIAS, mnl_attr_get_str(a));
			break;
		case IFLA_PROP_LIST:
			put_altnames(d->b, a);
			break;
		case IFLA_LINKINFO:
			put_macvlan(d->b, a);
			break;
		case IFLA_XDP:
			if (!is_attached(a))
				break;
			lm_fail(d->e, LM_REFUSED, "network device %s: an XDP program: not supported",
				name);
			return MNL_CB_ERROR;
		}
	}
	return MNL_CB_OK;
}

int lm_link_dump(struct lm_rt *rt, const struct lm_link *l, struct lm_buf *b,
		 struct lm_error *e)
{
	struct dump d = { b, e };
	char buf[256];

	if (lm_rt_talk(rt, lm_link_message(buf, RTM_GETLINK, 0, l->index), take, &d) == 0)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "cannot ask for network device %s", l->name);
}

static bool is_text(const struct nlattr *a, size_t max)
{
	return lm_str(a) && lm_len(a) <= max + 1;
}

static int add_altname(struct lm_rt *rt, int index, const char *name, struct lm_error *e)
{
	char buf[512];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_NEWLINKPROP,
					       NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND, index);
	struct nlattr *list = mnl_attr_nest_start(nlh, IFLA_PROP_LIST);

	mnl_attr_put_strz(nlh, IFLA_ALT_IFNAME, name);
	mnl_attr_nest_end(nlh, list);
	return lm_rt_do(rt, nlh, e, "cannot give a network device the name %s", name);
}

void lm_macvlan_put(struct nlmsghdr *nlh, const struct nlattr *const *tb)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);

	mnl_attr_put_u32(nlh, IFLA_MACVLAN_MODE, lm_u32(tb[LM_LINK_MODE]));
	/* (NOPROMISC takes away from the lower device's count when it comes later) */
	if (tb[LM_LINK_VFLAGS])
		mnl_attr_put_u16(nlh, IFLA_MACVLAN_FLAGS, lm_u32(tb[LM_LINK_VFLAGS]));
	if (tb[LM_LINK_BC_QUEUE])
		mnl_attr_put_u32(nlh, IFLA_MACVLAN_BC_QUEUE_LEN,
				 lm_u32(tb[LM_LINK_BC_QUEUE]));
	mnl_attr_nest_end(nlh, data);
}

static int add_source(struct lm_rt *rt, int index, const char *name,
		      const struct nlattr *mac, struct lm_error *e)
{
	char buf[512];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_NEWLINK, 0, index);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO), *data;

	if (lm_len(mac) != 6)
		return lm_fail(e, LM_REFUSED, "the record of a network device is malformed");
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "macvlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_MACVLAN_MACADDR_MODE, MACVLAN_MACADDR_ADD);
	mnl_attr_put(nlh, IFLA_MACVLAN_MACADDR, lm_len(mac), lm_data(mac));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return lm_rt_do(rt, nlh, e, "network device %s: cannot add a source", name);
}

int lm_link_make(struct lm_rt *rt, int index, const struct nlattr *rec, struct lm_error *e)
{
	const struct nlattr *tb[LM_LINK_MAX + 1], *a = NULL;
	char buf[1024];
	struct nlmsghdr *nlh = lm_link_message(buf, RTM_NEWLINK, 0, index);
	struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);

	if (lm_parse(lm_data(rec), lm_len(rec), tb, LM_LINK_MAX, e) < 0)
		return -1;
	if (tb[LM_LINK_ALIAS] && !is_text(tb[LM_LINK_ALIAS], ALIAS_MAX))
		return lm_fail(e, LM_REFUSED, "the record of a network device is malformed");
	if (tb[LM_LINK_SOURCE] && strcmp(lm_str(tb[LM_LINK_KIND]), "macvlan"))
		return lm_fail(e, LM_REFUSED, "the record of a network device is malformed");
	/* (older records do not have them) */
	if (tb[LM_LINK_FLAGS]) {
		ifi->ifi_flags = lm_u32(tb[LM_LINK_FLAGS]) & FLAGS;
		ifi->ifi_change = FLAGS;
	}
	if (tb[LM_LINK_TXQLEN])
		mnl_attr_put_u32(nlh, IFLA_TXQLEN, lm_u32(tb[LM_LINK_TXQLEN]));
	if (tb[LM_LINK_GROUP])
		mnl_attr_put_u32(nlh, IFLA_GROUP, lm_u32(tb[LM_LINK_GROUP]));
	if (tb[LM_LINK_ALIAS])
		mnl_attr_put_strz(nlh, IFLA_IFALIAS, lm_str(tb[LM_LINK_ALIAS]));
	if (lm_rt_do(rt, nlh, e, "cannot set the flags of network device %s",
		     lm_str(tb[LM_LINK_NAME])) < 0)
		return -1;
	while ((a = lm_next(lm_data(rec), lm_len(rec), a))) {
		if (lm_type(a) == LM_LINK_SOURCE &&
		    add_source(rt, index, lm_str(tb[LM_LINK_NAME]), a, e) < 0)
			return -1;
		if (lm_type(a) != LM_LINK_ALTNAME)
			continue;
		if (!is_text(a, ALTNAME_MAX))
			return lm_fail(e, LM_REFUSED, "the record of a network device is malformed");
		if (add_altname(rt, index, lm_str(a), e) < 0)
			return -1;
	}
	return 0;
}
