/* SPDX-License-Identifier: GPL-2.0 */
/* Files in flight: see inflight.c. All with s->lock held. */
#ifndef _LIVEMIG_INFLIGHT_H
#define _LIVEMIG_INFLIGHT_H

#include "dump.h"

u32 lm_inflight_note(struct lm_dump *d, struct task_struct *t,
		     struct file *file);
int lm_inflight_dump(struct lm_dump *d);
int lm_held_add(struct lm_dump *d, struct file *file, u32 id);
void lm_inflight_free(struct lm_dump *d);

struct file *lm_held_get(struct lm_session *s, u32 id);
int lm_held_each(struct lm_session *s, int (*fn)(struct file *f, void *arg),
		 void *arg);
void lm_held_drop(struct lm_session *s);

#endif
