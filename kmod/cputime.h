/* SPDX-License-Identifier: GPL-2.0 */
/* cputime.c: CPU time that was used, for both sides. */
#ifndef _LIVEMIG_CPUTIME_H
#define _LIVEMIG_CPUTIME_H

struct livemig_cputime;
struct sk_buff;
struct task_struct;

int lm_put_thread_cputime(struct task_struct *t, struct sk_buff *obj);
int lm_put_process_cputime(struct task_struct *t, struct sk_buff *obj);
int lm_check_cputime(const struct livemig_cputime *c);
int lm_sum_cputime(struct livemig_cputime *sum, const struct livemig_cputime *c);
void lm_add_thread_cputime(const struct livemig_cputime *c);
void lm_add_process_cputime(const struct livemig_cputime *c);

#endif
