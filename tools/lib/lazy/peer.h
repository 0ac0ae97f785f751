/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages from another host (post-copy): asked for, they come as PAGES records, in
 * another order than they were asked for.
 */
#ifndef LM_LAZY_PEER_H
#define LM_LAZY_PEER_H

#include "../record.h"
#include "missing.h"

/* In one request; so many pages at most, too. */
#define LM_ASK_RANGES	LIVEMIG_RANGES_MAX
#define LM_ASK_PAGES	64
/* Requests that are under way at a time, besides those of pages that somebody waits
 * for.
 */
#define LM_ASK_MAX	8

/* Who says nothing for so long, when something is due, is gone. */
#define LM_SILENCE_MS	30000

/* The way there. All return 0, or -1 with @e. */
struct lm_lazy_link {
	int fd;			/* readable when something comes */
	struct lm_in *in;
	/* @wanted: somebody waits. @n 0: only to show that we are alive. */
	int (*ask)(uint32_t mm, const struct livemig_range *v, size_t n, bool wanted,
		   void *arg, struct lm_error *e);
	/* The next record on @in. Return: 1; 0: it was something else. */
	int (*next)(struct lm_record *rec, void *arg, struct lm_error *e);
	void *arg;
};

/* A PAGES record that was taken. */
struct lm_lazy_peer {
	const struct lm_lazy_link *link;
	struct lm_missing missing;
	size_t asked, wanted;	/* pages that are ASKED, WANTED */
	uint64_t asked_ms, heard_ms;	/* when, CLOCK_MONOTONIC */
	/* What has come, until it is where it belongs. */
	uint32_t mm, nr_entries;
	struct livemig_page_entry entry[LM_ASK_PAGES];
	char page[LM_ASK_PAGES * LIVEMIG_REC_PAGE];
};

#endif
