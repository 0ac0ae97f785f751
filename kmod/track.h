/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracking of changed pages and the PAGES command. track.c owns struct
 * lm_tracker and the rounds, walk.c the page tables, stream.c the records.
 */
#ifndef _LIVEMIG_TRACK_H
#define _LIVEMIG_TRACK_H

#include "session.h"

struct genl_info;
struct inode;
struct sk_buff;

/* Counts of one round: same meanings as enum livemig_stats_attr. */
struct lm_stats {
	u64 present, dirty, data, zero, same, hole, bytes;
	u64 ns_walk, ns_flush, ns_write, ns_total, ns_locked;
	u64 delta, copy, later;
};

int lm_stats_put(struct sk_buff *skb, int attrtype, const struct lm_stats *st);

/* All with s->lock held. */
int lm_track_start(struct lm_session *s, struct netlink_ext_ack *extack);
void lm_track_stale(struct lm_session *s);
/* A shared memory object, referenced, is about to be asked for its id. */
void lm_track_inode(struct lm_session *s, const struct inode *inode);
void lm_track_stop(struct lm_session *s);	/* also on teardown; idempotent */
/* Pages that LIVEMIG_PAGES_F_LATER has named. Killable. */
int lm_pages_of(struct lm_session *s, struct file *out, u32 id,
		const struct livemig_range *v, unsigned int n,
		struct lm_stats *st, struct netlink_ext_ack *extack);
/* One round; @out NULL with LIVEMIG_PAGES_F_COUNT. Killable. */
int lm_pages(struct lm_session *s, struct file *out, u32 flags,
	     struct lm_stats *st, struct netlink_ext_ack *extack);

#endif
