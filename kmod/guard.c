// SPDX-License-Identifier: GPL-2.0
/*
 * GUARD: a container that cannot live without the process that brings its memory
 * (lazy restore). When that process ends, or closes its file of /dev/livemig, all
 * tasks of the container are killed: what they have not got yet would read as
 * zeros from then on.
 *
 * Nothing runs in between. flush() comes with the files of the process that ends,
 * before any of them is released, and the last reference to a userfaultfd goes
 * with its release; who touches missing memory until then has SIGKILL pending and
 * does not come back to user mode.
 *
 * Locking: r->lock for ->guarded. A task that forks while it is killed: its child
 * is on the list before the signal, or the fork fails.
 */
#include <linux/cgroup.h>
#include <linux/sched/signal.h>

#include "restore.h"

/* Will not be in user mode again. (Who exits by itself does not even hear of a signal,
 * and may wait for the memory that does not come.)
 */
static bool is_ending(const struct task_struct *t)
{
	return READ_ONCE(t->exit_state) || READ_ONCE(t->flags) & PF_EXITING ||
	       READ_ONCE(t->signal->flags) & SIGNAL_GROUP_EXIT;
}

/* ... or born into it: on the list already, but cgroup_post_fork() is to come. */
static bool is_member(struct task_struct *t, struct cgroup *cgrp)
{
	return task_under_cgroup_hierarchy(t, cgrp) ||
	       (list_empty(&t->cg_list) &&
		task_under_cgroup_hierarchy(rcu_dereference(t->real_parent), cgrp));
}

/* Return: how many processes there were still to be killed. */
static unsigned int kill_members(struct cgroup *cgrp)
{
	struct task_struct *p, *t;
	unsigned int n = 0;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (t->flags & PF_KTHREAD || is_ending(t) || !is_member(t, cgrp))
			continue;
		kill_pid(task_tgid(t), SIGKILL, 1);
		n++;
	}
	rcu_read_unlock();
	return n;
}

/**
 * lm_guard_fire() - the process that guards has gone
 * @r: its file
 *
 * Kills all tasks of the cgroup, if there is one that it was to guard. Takes
 * r->lock; sleeps.
 */
void lm_guard_fire(struct lm_restore *r)
{
	struct cgroup *cgrp;
	unsigned int n = 0, more;

	mutex_lock(&r->lock);
	cgrp = r->guarded;
	r->guarded = NULL;
	mutex_unlock(&r->lock);
	if (!cgrp)
		return;
	while ((more = kill_members(cgrp))) {
		n += more;
		cond_resched();
	}
	if (n)
		pr_warn("livemig: process %d, which brings the memory of a container, has ended too early: the container (%u processes) is killed\n",
			task_tgid_nr(current), n);
	cgroup_put(cgrp);
}

/**
 * lm_guard_set() - LIVEMIG_IOC_GUARD
 * @r: the caller's file
 * @arg: not yet checked
 *
 * Takes r->lock; sleeps.
 * Return: 0; -EINVAL; -EBADF (no cgroup v2); -EDEADLK (the caller is in it).
 */
int lm_guard_set(struct lm_restore *r, const struct livemig_ioc_guard *arg)
{
	struct cgroup *cgrp = NULL;
	bool inside;

	if (arg->flags || arg->cgroup < -1)
		return -EINVAL;
	if (arg->cgroup >= 0) {
		cgrp = cgroup_get_from_fd(arg->cgroup);
		if (IS_ERR(cgrp))
			return PTR_ERR(cgrp);
		rcu_read_lock();
		inside = task_under_cgroup_hierarchy(current, cgrp);
		rcu_read_unlock();
		if (inside) {
			cgroup_put(cgrp);
			return -EDEADLK;
		}
	}
	mutex_lock(&r->lock);
	swap(cgrp, r->guarded);
	mutex_unlock(&r->lock);
	if (cgrp)
		cgroup_put(cgrp);
	return 0;
}
