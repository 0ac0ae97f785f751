/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PAGES rounds as a receiver sees them: every record is checked and applied to a
 * shadow copy, from which the memory can be compared byte for byte.
 */
#ifndef ROUND_H
#define ROUND_H

#include "fam.h"

#define PAGE 4096UL

struct stats {
	uint32_t round;
	uint64_t v[LIVEMIG_STATS_MAX + 1];
};

/* One PAGES command. @fd < 0: none. @st may be NULL. Return: 0 or -errno. */
int round_call(struct fam *nl, uint32_t session, int fd, uint32_t flags,
	       struct stats *st);

/* PAGES of @ranges; the same. */
int round_ranges(struct fam *nl, uint32_t session, int fd, uint32_t mm,
		 const void *ranges, size_t len, struct stats *st);

/* What the receiver has. */
struct shadow;
struct shadow *shadow_new(void);
void shadow_free(struct shadow *s);
/* From now on of all address spaces only those named are kept: children that
 * come and go would fill the memory.
 */
void shadow_keep(struct shadow *s, uint32_t mm);
/* Page @index of a space. Return: its bytes, or NULL: never sent, or a hole. */
const char *shadow_page(struct shadow *s, uint32_t space, uint32_t id,
			uint64_t index);
/* The id of the space whose page @index begins with @tag; 0: none. */
uint32_t shadow_find(struct shadow *s, uint32_t space, uint64_t index,
		     uint64_t tag);

/* Counts of one stream. */
struct records {
	uint64_t records, data, zero, hole, huge, delta, copy, later;
	uint32_t round;
	char error[128];	/* "" = none: why the stream is wrong */
};

/* Reads records from @fd until its end and applies them. */
void records_read(int fd, struct shadow *s, struct records *rec);

/* A round into an unlinked file (with PATCHES or LATER: a socket), applied to @s; pages
 * that are only named stay as they were. Return: 0 or -errno; -EPROTO
 * with a line on stdout when the stream or the counts are wrong.
 */
int round_apply(struct fam *nl, uint32_t session, uint32_t flags,
		struct shadow *s, struct stats *st);

#endif
