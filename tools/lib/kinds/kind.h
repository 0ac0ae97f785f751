/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kinds of open files in user space: one file a kind in this directory, one
 * line in the table of kind.c. What the kernel's FILE object cannot tell or
 * put back is done here.
 */
#ifndef LM_KIND_H
#define LM_KIND_H

#include "../model.h"
#include "../record.h"

struct lm_source;	/* dump/source.h */
struct lm_restorer;	/* restore/restore.h */

struct lm_file_kind {
	const char *name;	/* as users call it: "pipe", "TCP socket" */
	bool (*match)(const struct lm_file *f);
	bool no_fd;		/* in the destination: another kind makes it */
	bool mapped;		/* dump() also what mappings alone hold */
	/* Source, before and after the freeze: can it be moved? NULL: yes. On
	 * refusal @e says why, without "pid N fd M:".
	 */
	int (*check)(const struct lm_model *m, const struct lm_file *f,
		     struct lm_error *e);
	/* Source, frozen: write DATA records of what the kernel did not dump.
	 * Must not change anything that a killed tool would leave behind.
	 */
	int (*dump)(struct lm_source *s, const struct lm_file *f,
		    struct lm_out *out, struct lm_error *e);
	/* Destination, coordinator: make it, set f->fd. Kinds that come in pairs
	 * (pipes, socketpairs) make both ends at the first of them.
	 */
	int (*open)(struct lm_restorer *r, struct lm_file *f, struct lm_error *e);
	/* All files exist (f->fd of each is valid): connect them (epoll). */
	int (*link)(struct lm_restorer *r, struct lm_file *f, struct lm_error *e);
	/* Right before the tasks run, network unlocked: leave repair mode. Must
	 * not fail for reasons that could have been seen before.
	 */
	int (*resume)(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e);
};

const struct lm_file_kind *lm_file_kind(const struct lm_file *f); /* NULL: none */

#endif
