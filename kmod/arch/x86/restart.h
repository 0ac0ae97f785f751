/* SPDX-License-Identifier: GPL-2.0 */
/* Interrupted system calls of a stopped thread; restart.c. */
#ifndef _LIVEMIG_X86_RESTART_H
#define _LIVEMIG_X86_RESTART_H

#include <linux/livemig.h>
#include <linux/types.h>

struct task_struct;
struct user_regs_struct;

bool lm_resolve_restart(struct task_struct *t, struct user_regs_struct *regs,
			struct livemig_restart *restart);

#endif
