/* SPDX-License-Identifier: GPL-2.0 */
/* timers.c: POSIX timers of a process, for both sides. */
#ifndef _LIVEMIG_TIMERS_H
#define _LIVEMIG_TIMERS_H

struct lm_dump;
struct livemig_ioc_timer;
struct sk_buff;
struct task_struct;

int lm_put_timers(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj);
int lm_restore_timer(const struct livemig_ioc_timer *arg);

#endif
