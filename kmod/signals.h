/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the signal state of another task; signals.c. */
#ifndef _LIVEMIG_SIGNALS_H
#define _LIVEMIG_SIGNALS_H

#include <linux/sched/signal.h>
#include "dump.h"

/* Will a handler run before the thread's next instruction? */
enum lm_handled {
	LM_HANDLED_NOT,
	LM_HANDLED_RESTART,	/* yes, one with SA_RESTART */
	LM_HANDLED_INTR,	/* yes, one without */
};

struct sighand_struct *lm_lock_sighand(struct task_struct *t);
void lm_unlock_sighand(struct sighand_struct *sighand);
enum lm_handled lm_handled_next(struct task_struct *t);
int lm_put_pending(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj,
		   int attr, bool shared);

#endif
