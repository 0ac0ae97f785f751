/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The source's half of post-copy: pages for those who ask. */
#ifndef LM_SERVE_H
#define LM_SERVE_H

#include "migrate.h"
#include "wire.h"

/* Can both sides, and the module here? LM_REFUSED. */
int lm_serve_check(struct lm_source *s, const struct lm_peer *p, struct lm_error *e);
/* Answer WANTs until a message of type @until comes. What was sent is added to @pc,
 * of which @told is told from time to time (may be NULL).
 */
int lm_serve_pages(struct lm_source *s, struct lm_peer *p, uint16_t until, int timeout_ms,
		   struct lm_postcopy *pc,
		   void (*told)(const struct lm_postcopy *pc, void *arg), void *arg,
		   struct lm_error *e);

#endif
