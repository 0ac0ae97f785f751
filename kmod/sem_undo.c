// SPDX-License-Identifier: GPL-2.0
/*
 * What System V semaphores get back when a process ends (SEM_UNDO). It is found
 * from the side of the sets: so the list that a task points to is a number to be
 * compared, and need not live.
 *
 * Locking: task_lock() keeps the ipc namespace, RCU the sets, and the lock of a set
 * what hangs on it; tasks that could change their adjustments meanwhile are frozen.
 */
#include <linux/idr.h>
#include <linux/nsproxy.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "state.h"
#include "wrapper/sem_state.h"

/* Of one process. */
#define LM_SEM_UNDO_MAX	1024

struct found {
	const void *list;	/* whose */
	int n;
	struct livemig_sem_undo undo[LM_SEM_UNDO_MAX];
};

/* Return: 0, -E2BIG, or -EOPNOTSUPP when this kernel's structs are others. */
static int look_at_set(const struct kern_ipc_perm *perm,
		       const struct ipc_namespace *ns, struct found *f)
{
	struct lm_sem_undo *un;
	int i, nsems;

	if (!lm_sem_known(perm, ns))
		return -EOPNOTSUPP;
	nsems = lm_sem_number(perm);
	lm_for_each_sem_undo(un, perm) {
		if (un->owner != f->list)
			continue;
		if (un->semid != perm->id)
			return -EOPNOTSUPP;
		for (i = 0; i < nsems; i++) {
			if (!un->adjust[i])
				continue;
			if (f->n == LM_SEM_UNDO_MAX)
				return -E2BIG;
			f->undo[f->n++] = (struct livemig_sem_undo){
				.id = perm->id,
				.nr = i,
				.adjust = un->adjust[i],
			};
		}
	}
	return 0;
}

static int look_at_all(struct task_struct *t, struct found *f)
{
	struct ipc_namespace *ns;
	struct kern_ipc_perm *perm;
	int id, err = 0;

	f->n = 0;
	task_lock(t);
	ns = t->nsproxy ? t->nsproxy->ipc_ns : NULL;
	rcu_read_lock();
	if (ns)
		idr_for_each_entry(&ns->ids[LM_IPC_SEM_IDS].ipcs_idr, perm, id) {
			/* Segments have locks of the same class, in which the
			 * kernel takes task_lock(); sets do not.
			 */
			spin_lock_nested(&perm->lock, SINGLE_DEPTH_NESTING);
			if (!perm->deleted)
				err = look_at_set(perm, ns, f);
			spin_unlock(&perm->lock);
			if (err)
				break;
		}
	rcu_read_unlock();
	task_unlock(t);
	return err;
}

static int put_found(struct lm_dump *d, struct task_struct *t, struct found *f,
		     struct sk_buff *obj)
{
	bool first;

	if (!f->n)
		return 0;
	if (!lm_dump_id(d, LM_ID_SEM_UNDO, f->list, &first))
		return -ENOMEM;
	if (!first)
		return lm_unsupported(d, t, -1, false, NULL,
				      "semaphore adjustments (SEM_UNDO) shared with another process");
	return nla_put(obj, LIVEMIG_PROCESS_SEM_UNDO,
		       f->n * sizeof(*f->undo), f->undo);
}

/* The threads of a process share one list, unless somebody made them by hand. */
static int put_undo(struct lm_dump *d, struct task_struct **threads, int n,
		    struct found *f, struct sk_buff *obj)
{
	const void *own = READ_ONCE(threads[0]->sysvsem.undo_list);
	int i, err = 0;

	for (i = 0; i < n && !err; i++) {
		f->list = READ_ONCE(threads[i]->sysvsem.undo_list);
		if (!f->list || (i && f->list == own))
			continue;
		err = look_at_all(threads[i], f);
		if (err == -EOPNOTSUPP)
			err = lm_unsupported(d, threads[i], -1, false, NULL,
					     "semaphore adjustments (SEM_UNDO) on this kernel");
		else if (err == -E2BIG)
			err = lm_unsupported(d, threads[i], -1, false, NULL,
					     "more than %d semaphores with adjustments (SEM_UNDO)",
					     LM_SEM_UNDO_MAX);
		else if (i && f->n)
			err = lm_unsupported(d, threads[i], -1, false, NULL,
					     "thread with semaphore adjustments of its own (SEM_UNDO)");
		else
			err = put_found(d, threads[i], f, obj);
	}
	return err;
}

/**
 * lm_put_sem_undo - add the semaphore adjustments of a process
 * @d: the dump
 * @threads: the threads of the process, leader first
 * @n: their number
 * @obj: the PROCESS object under construction
 *
 * Sleeps; takes task_lock().
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_put_sem_undo(struct lm_dump *d, struct task_struct **threads, int n,
		    struct sk_buff *obj)
{
	struct found *f;
	int i, err;

	for (i = 0; i < n && !READ_ONCE(threads[i]->sysvsem.undo_list); i++)
		;
	if (i == n)
		return 0;
	f = kmalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	err = put_undo(d, threads, n, f, obj);
	kfree(f);
	return err;
}
