// SPDX-License-Identifier: GPL-2.0
/*
 * Telling the listeners of the multicast group what happens.
 *
 * Locking: none needed; an event that finds no memory or no listener is lost.
 */
#include <net/net_namespace.h>

#include "netlink.h"
#include "session.h"
#include "track.h"

static int event_fill(struct sk_buff *skb, struct lm_session *s,
		      enum livemig_event event, u32 pid,
		      const struct lm_stats *stats)
{
	if (nla_put_u32(skb, LIVEMIG_A_EVENT, event))
		return -EMSGSIZE;
	if (s && nla_put_u32(skb, LIVEMIG_A_SESSION, s->id))
		return -EMSGSIZE;
	if (s && *s->name && nla_put_string(skb, LIVEMIG_A_NAME, s->name))
		return -EMSGSIZE;
	if (s && event == LIVEMIG_EVENT_ROUND &&
	    nla_put_u32(skb, LIVEMIG_A_ROUND, s->round))
		return -EMSGSIZE;
	if (pid && nla_put_u32(skb, LIVEMIG_A_PID, pid))
		return -EMSGSIZE;
	return stats ? lm_stats_put(skb, LIVEMIG_A_STATS, stats) : 0;
}

/**
 * lm_event() - send an EVENT message
 * @s: the session, or NULL
 * @event: what happened
 * @pid: whom it concerns, or 0
 * @stats: counts of a round, or NULL
 *
 * Context: may sleep.
 */
void lm_event(struct lm_session *s, enum livemig_event event, u32 pid,
	      const struct lm_stats *stats)
{
	struct sk_buff *skb;
	void *hdr;

	if (!genl_has_listeners(&lm_genl_family, &init_net, 0))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!skb)
		return;
	hdr = genlmsg_put(skb, 0, 0, &lm_genl_family, 0, LIVEMIG_CMD_EVENT);
	if (!hdr || event_fill(skb, s, event, pid, stats)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&lm_genl_family, skb, 0, 0, GFP_KERNEL);
}
