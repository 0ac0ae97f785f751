/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The bytes that the receiver has of some pages. See versions.c.
 *
 * Locking: owned by the tracker, which has s->lock.
 */
#ifndef _LIVEMIG_VERSIONS_H
#define _LIVEMIG_VERSIONS_H

#include <linux/types.h>

struct page;

struct lm_version {
	struct page *page;	/* its bytes, which do not change; NULL: none */
	u64 hash;		/* of them */
	u64 addr;		/* with space and id: whose they are */
	u32 space, id;
	u32 round;		/* the last one in which the receiver had them */
	u32 heat;		/* how often it was worth its place */
};

struct lm_versions;

struct lm_versions *lm_versions_new(void);
void lm_versions_free(struct lm_versions *v);
void lm_versions_forget(struct lm_versions *v);
struct lm_version *lm_version_of(struct lm_versions *v, u32 space, u32 id,
				 u64 addr);
struct lm_version *lm_version_with(struct lm_versions *v, u64 hash, u32 round);
void lm_version_put(struct lm_versions *v, const struct lm_version *new, bool copy);

#endif
