// SPDX-License-Identifier: GPL-2.0
/*
 * Pid namespaces. The container's is the uppermost of those that its processes
 * are in: all pids of its objects are given in it, so that an image is the same
 * wherever on the host the container was. It is the owner's, or it came with
 * the container: then the process that is its init must be inside, and so must
 * that of each namespace further down.
 *
 * Locking: RCU, for pids and kinship; nothing here sleeps with it.
 */
#include <linux/cgroup.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include "state.h"

/**
 * lm_pidns_of_tasks - the container's pid namespace
 * @d: the dump, with its tasks
 *
 * Return: the namespace with a reference, the owner's when there is no task.
 */
struct pid_namespace *lm_pidns_of_tasks(struct lm_dump *d)
{
	struct pid_namespace *ns, *top = NULL;
	int i;

	rcu_read_lock();
	for (i = 0; i < d->nr_tasks; i++) {
		ns = task_active_pid_ns(d->tasks[i]);
		if (ns && (!top || ns->level < top->level))
			top = ns;
	}
	top = get_pid_ns(top ?: d->s->pid_ns);
	rcu_read_unlock();
	return top;
}

/* Is its init alive, and in the container? Caller holds the RCU lock. */
static bool has_init(struct lm_dump *d, struct pid_namespace *ns)
{
	struct task_struct *init = pid_task(find_pid_ns(1, ns), PIDTYPE_TGID);

	return init && lm_lives_inside(d, init);
}

/* Can @ns, at or below the container's, be made again? Under RCU. */
static const char *check_ns(struct lm_dump *d, struct pid_namespace *ns)
{
	for (; ns && ns != d->s->pid_ns; ns = ns->parent) {
		if (!has_init(d, ns))
			return "pid namespace whose init is not in the container";
		if (ns == d->pid_ns)
			break;
	}
	return NULL;
}

/**
 * lm_pidns_obstacle - why a task cannot be moved for its pid namespaces
 * @d: the dump
 * @t: the task
 *
 * Return: what is in the way, or NULL.
 */
const char *lm_pidns_obstacle(struct lm_dump *d, struct task_struct *t)
{
	struct pid_namespace *ns, *children = NULL;
	const char *what = NULL;

	task_lock(t);
	if (t->nsproxy)
		children = t->nsproxy->pid_ns_for_children;
	rcu_read_lock();
	ns = task_active_pid_ns(t);
	if (!ns)
		;
	else if (!task_pid_nr_ns(t, d->s->pid_ns))
		what = "pid namespace that is not below the caller's";
	else if (!task_pid_nr_ns(t, d->pid_ns))
		what = "pid namespace that is not below that of the container";
	else
		what = check_ns(d, ns);
	if (!what && children && ns && children != ns && !has_init(d, children))
		what = "pid namespace for children";
	rcu_read_unlock();
	task_unlock(t);
	return what;
}

/**
 * lm_put_inner_pids - add what a thread is called further down
 * @d: the dump
 * @t: the thread
 * @obj: the object under construction
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_put_inner_pids(struct lm_dump *d, struct task_struct *t,
		      struct sk_buff *obj)
{
	u32 inner[MAX_PID_NS_LEVEL];
	struct pid *pid;
	int i, n = 0;

	rcu_read_lock();
	pid = task_pid(t);
	for (i = d->pid_ns->level + 1; pid && i <= pid->level; i++)
		inner[n++] = pid->numbers[i].nr;
	rcu_read_unlock();
	return n ? nla_put(obj, LIVEMIG_THREAD_INNER_TIDS,
			   n * sizeof(*inner), inner) : 0;
}
