/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Socket options that the kernel's SOCK does not have: read by getsockopt() from
 * the frozen container's own sockets, where they differ from those of a new one,
 * and set again. They are DATA of the queue OPTIONS: records of level, number and
 * length (u32) and the value, padded to 4 bytes.
 */
#ifndef LM_KINDS_SOCKOPT_H
#define LM_KINDS_SOCKOPT_H

#include "kind.h"

enum lm_sockopt_when {
	LM_SOCKOPT_EARLY,	/* before bind() */
	LM_SOCKOPT_READY,	/* bound, connected */
	LM_SOCKOPT_LAST,	/* what waits in it is there */
};

struct lm_usual;

/* Before the stop: what new sockets of the kinds in @m answer. */
void lm_sockopt_learn(struct lm_source *s, const struct lm_model *m);
void lm_sockopt_forget(struct lm_usual *all);
/* The dump() of kinds of sockets. */
int lm_sockopt_dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		    struct lm_error *e);
int lm_sockopt_set(int fd, const struct lm_file *f, enum lm_sockopt_when when,
		   struct lm_error *e);

#endif
