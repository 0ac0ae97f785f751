// SPDX-License-Identifier: GPL-2.0
/*
 * Zombies of a restore: user space makes them, by letting a process with the
 * right number end, but how a process ended (a core dump, say) and what it used
 * can only be written into it afterwards.
 *
 * Locking: the caller holds r->lock; ->siglock of the zombie for its signal
 * struct, RCU to find it. Its parent is parked and cannot wait for it.
 */
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seqlock.h>

#include "restore.h"
#include "signals.h"

/* Is it the leader of a process that is parked? Under r->lock and RCU. */
static bool is_ours(struct lm_restore *r, struct task_struct *leader)
{
	struct lm_restore_thread *t;

	list_for_each_entry(t, &r->threads, list)
		if (t->task && t->task->group_leader == leader)
			return true;
	return false;
}

/* Only of a child of a task of this restore. With a reference. */
static struct task_struct *find_zombie(struct lm_restore *r, u32 pid)
{
	struct task_struct *t;

	rcu_read_lock();
	t = pid_task(find_pid_ns(pid, r->pid_ns), PIDTYPE_TGID);
	if (t && READ_ONCE(t->exit_state) == EXIT_ZOMBIE &&
	    is_ours(r, rcu_dereference(t->real_parent)->group_leader))
		get_task_struct(t);
	else
		t = NULL;
	rcu_read_unlock();
	return t;
}

/* What it used counts as used by its children: wait() adds both up, and its own
 * are what the process that took its place has used.
 */
static void set_rusage(struct signal_struct *sig, const struct livemig_rusage *ru)
{
	write_seqlock(&sig->stats_lock);
	sig->cutime = ru->utime_ns;
	sig->cstime = ru->stime_ns;
	sig->cmaxrss = ru->maxrss;
	sig->cmin_flt = ru->minflt;
	sig->cmaj_flt = ru->majflt;
	sig->cinblock = ru->inblock;
	sig->coublock = ru->oublock;
	sig->cnvcsw = ru->nvcsw;
	sig->cnivcsw = ru->nivcsw;
	write_sequnlock(&sig->stats_lock);
}

static int set_end(struct task_struct *t, const struct lm_restore_process *p)
{
	struct sighand_struct *sighand = lm_lock_sighand(t);

	if (!sighand)
		return -ESRCH;
	t->exit_code = p->exit_status;
	t->signal->group_exit_code = p->exit_status;
	set_rusage(t->signal, &p->rusage);
	lm_unlock_sighand(sighand);
	return 0;
}

/**
 * lm_restore_zombies() - write into all zombies how they ended
 * @r: the restore, all of whose tasks are parked; the caller holds r->lock
 * @pid: on failure, whose
 *
 * Takes siglock.
 * Return: 0; -ESRCH: there is no such zombie.
 */
int lm_restore_zombies(struct lm_restore *r, u32 *pid)
{
	struct lm_restore_process *p;
	struct task_struct *t;
	int ret;

	list_for_each_entry(p, &r->processes, list) {
		if (p->mm_id)
			continue;
		*pid = p->pid;
		t = find_zombie(r, p->pid);
		if (!t)
			return -ESRCH;
		ret = set_end(t, p);
		put_task_struct(t);
		if (ret)
			return ret;
	}
	return 0;
}
