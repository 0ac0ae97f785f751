/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One round: what track.c, round.c and shmem.c share.
 *
 * Locking: all with s->lock held.
 */
#ifndef _LIVEMIG_ROUND_H
#define _LIVEMIG_ROUND_H

#include "stream.h"
#include "track.h"
#include "walk.h"

struct netlink_ext_ack;

/* How writes to an mm are noted. */
struct lm_tracker_ops {
	const char *name;
	/* Does it work on this host. NULL: everywhere. */
	int (*check)(struct netlink_ext_ack *extack);
	/* A round on w->mm begins: sets w->clear or w->all, and returns with
	 * mmap_lock held for reading. Killable.
	 */
	int (*begin)(struct lm_walk *w);
};

extern const struct lm_tracker_ops lm_track_none, lm_track_soft_dirty;

/* An address space under work. */
struct lm_mm {
	struct hlist_node node;
	struct list_head order;	/* in lm_tracker.order */
	struct mm_struct *mm;	/* mmgrab()ed */
	u32 id;
	u32 pid;		/* one of the processes that use it */
	u32 round;		/* counts the walks that cleared marks */
	bool used;		/* by a task, in this round */
	bool ksm;		/* it has had mergeable memory */
	struct lm_sent sent;
};

struct lm_round {
	struct lm_session *s;
	const struct lm_tracker_ops *ops;
	struct lm_objs *objs;
	struct lm_stats *st;
	struct netlink_ext_ack *extack;
	u32 flags;		/* enum livemig_pages_flags */
	bool sent;		/* keep account of what the receiver has */
	struct lm_stream stream;
	struct lm_sent *writing; /* of the mm that the stream has pages of; or NULL */
	struct lm_span *spans;	/* NULL: COUNT */
	struct page *pages[LIVEMIG_PAGES_ENTRIES_MAX];
};

int lm_round_mm(struct lm_round *r, struct lm_mm *m);
int lm_round_shared(struct lm_round *r, struct lm_sent *sent,
		    unsigned long index, struct page *page);
int lm_round_ranges(struct lm_round *r, struct lm_mm *m,
		    const struct livemig_range *v, unsigned int n);
int lm_round_hole(void *round, unsigned long index, unsigned long n);

#endif
