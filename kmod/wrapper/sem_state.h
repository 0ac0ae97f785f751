/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which adjustments a task has on a set of semaphores (SEM_UNDO) only private
 * structs of ipc/sem.c tell. They have looked like this since 4.x, but for where
 * the adjustments are. That they do is seen by members with few possible values,
 * before any pointer is followed; nothing is written.
 */
#ifndef _LIVEMIG_WRAPPER_SEM_STATE_H
#define _LIVEMIG_WRAPPER_SEM_STATE_H

#include <linux/version.h>
#include <linux/ipc.h>
#include <linux/ipc_namespace.h>
#include <linux/list.h>
#include <linux/rcupdate.h>

#define LM_IPC_SEM_IDS	0	/* of ipc_namespace.ids */

struct lm_sem_array {
	struct kern_ipc_perm perm;
	time64_t ctime;
	struct list_head pending_alter, pending_const;
	struct list_head undos;
	int nsems, complex_count;
	unsigned int global_lock;
};

struct lm_sem_undo {
	struct list_head list_proc;
	struct rcu_head rcu;
	const void *owner;		/* sysvsem.undo_list of tasks */
	struct list_head list_id;
	int semid;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
	short adjust[];
#else
	short *adjust;
#endif
};

/* Callers hold @perm->lock and have seen that it is not deleted. */
static inline bool lm_sem_known(const struct kern_ipc_perm *perm,
				const struct ipc_namespace *ns)
{
#ifdef CONFIG_RANDSTRUCT
	return false;
#else
	const struct lm_sem_array *a = container_of(perm, struct lm_sem_array, perm);

	return a->nsems > 0 && a->nsems <= USHRT_MAX && a->ctime > 0 &&
	       a->complex_count >= 0 && a->global_lock <= 10;
#endif
}

/* How many; adjust()[0 .. that) of each undo is there. */
static inline int lm_sem_number(const struct kern_ipc_perm *perm)
{
	return container_of(perm, struct lm_sem_array, perm)->nsems;
}

#define lm_for_each_sem_undo(un, p)					\
	list_for_each_entry(un, &container_of(p, struct lm_sem_array,	\
					      perm)->undos, list_id)

#endif
