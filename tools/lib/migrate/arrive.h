/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agent's half of post-copy: asking the source for pages. */
#ifndef LM_ARRIVE_H
#define LM_ARRIVE_H

#include "wire.h"
#include "../lazy/peer.h"

/* Where pages are asked for. What comes besides them is given to @other, which returns
 * 0, or -1 with an error.
 */
struct lm_arrive {
	struct lm_lazy_link link;
	struct lm_peer *p;
	int (*other)(const struct lm_record *rec, void *arg, struct lm_error *e);
	void *arg;
};

void lm_arrive_init(struct lm_arrive *a, struct lm_peer *p);
/* The connection is as it will be (FRAMES have come, if they do). */
void lm_arrive_from(struct lm_arrive *a);
/* Can it be done on this host? LM_REFUSED. */
int lm_arrive_check(struct lm_error *e);

#endif
