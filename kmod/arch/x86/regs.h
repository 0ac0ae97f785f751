/* SPDX-License-Identifier: GPL-2.0 */
/* What the machine knows about a thread: registers, restarts; regs.c. */
#ifndef _LIVEMIG_X86_REGS_H
#define _LIVEMIG_X86_REGS_H

#include <linux/types.h>

struct sk_buff;
struct task_struct;

int lm_arch_put_regs(struct sk_buff *obj, struct task_struct *t, u32 *flags);
const char *lm_arch_unsupported(struct task_struct *t);

/* controls.c */
int lm_arch_put_perm(struct sk_buff *obj, struct task_struct *leader);
int lm_arch_put_controls(struct sk_buff *obj, struct task_struct *t, u32 *flags);

#endif
