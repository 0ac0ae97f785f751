/* SPDX-License-Identifier: GPL-2.0 */
/* PAGES records into a file, pipe or socket. See stream.c. */
#ifndef _LIVEMIG_STREAM_H
#define _LIVEMIG_STREAM_H

#include <linux/bitmap.h>
#include <linux/bvec.h>
#include <linux/livemig.h>
#include <linux/types.h>

struct file;
struct lm_patches;
struct netlink_ext_ack;
struct page;
struct socket;

struct lm_stream {
	struct file *out;	/* NULL: nothing is written */
	struct socket *sock;
	loff_t pos;
	u32 round;
	u32 space, id;		/* of the record under way */
	u32 nr_entries;		/* of the record under way */
	u32 nr_data;
	u64 bytes;		/* written so far */
	struct lm_patches *patches; /* NULL: the reader does not know them */

	/* A file that can be read: pages of running tasks go into it without a
	 * copy in between, and their hashes are taken from there. */
	bool direct;
	DECLARE_BITMAP(late, LIVEMIG_PAGES_ENTRIES_MAX); /* entries without hash */
	void (*hashed)(void *arg, u64 addr, u64 hash);	/* they have it now */
	void *arg;
	/* own[0] is the head, own[1 + i] the buffer for DATA page i. */
	struct page *own[1 + LIVEMIG_PAGES_ENTRIES_MAX];
	struct bio_vec bvec[1 + LIVEMIG_PAGES_ENTRIES_MAX];
};

int lm_stream_open(struct lm_stream *st, struct file *out, u32 round,
		   struct netlink_ext_ack *extack);
int lm_stream_space(struct lm_stream *st, u32 space, u32 id);
struct page *lm_stream_slot(struct lm_stream *st);
int lm_stream_data(struct lm_stream *st, u64 addr, u64 hash, struct page *page);
int lm_stream_live(struct lm_stream *st, u64 addr, struct page *page);
int lm_stream_range(struct lm_stream *st, enum livemig_page_kind kind, u64 addr,
		    u64 pages);
struct page *lm_stream_take(struct lm_stream *st, struct page *page);
int lm_stream_flush(struct lm_stream *st);
int lm_stream_bytes(struct lm_stream *st, void *buf, size_t len);
int lm_stream_end(struct lm_stream *st);
void lm_stream_close(struct lm_stream *st);

#endif
