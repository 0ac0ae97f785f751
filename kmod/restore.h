/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The restoring side: /dev/livemig (device.c), become (become.c) and filling
 * memory (apply.c). Locking is told at the top of each file.
 */
#ifndef _LIVEMIG_RESTORE_H
#define _LIVEMIG_RESTORE_H

#include <linux/livemig.h>

struct task_struct;

int lm_device_init(void);
void lm_device_exit(void);

/* apply.c: LIVEMIG_IOC_APPLY into @t's memory. The caller has checked that @t
 * belongs to the restore and keeps a reference. Sets a->done. Sleeps, killable.
 * Return: 0 or -errno as told in the uapi header.
 */
int lm_apply(struct task_struct *t, struct livemig_ioc_apply *a);

#endif
