// SPDX-License-Identifier: GPL-2.0
/*
 * The TIME object: what the clocks of a process show, and its timers. A time namespace shifts
 * CLOCK_MONOTONIC and CLOCK_BOOTTIME; what the kernel keeps is the host's time.
 *
 * Locking: task_lock() for the namespaces of the task; offsets do not change
 * once there is a task in the namespace.
 */
#include <linux/sched/task.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include "state.h"
#include "timers.h"

static struct timens_offsets offsets(struct task_struct *t)
{
	struct timens_offsets o = {};

	task_lock(t);
	if (t->nsproxy)		/* else it is exiting */
		o = t->nsproxy->time_ns->offsets;
	task_unlock(t);
	return o;
}

/**
 * lm_boottime_offset - how far a task's CLOCK_BOOTTIME is ahead of the host's
 * @t: the task, referenced
 *
 * Takes and leaves task_lock().
 * Return: nanoseconds.
 */
s64 lm_boottime_offset(struct task_struct *t)
{
	struct timens_offsets o = offsets(t);

	return timespec64_to_ns(&o.boottime);
}

static int put_clocks(struct task_struct *t, struct sk_buff *obj)
{
	struct timens_offsets o = offsets(t);
	struct livemig_clocks c = {
		.monotonic = ktime_get_ns() + timespec64_to_ns(&o.monotonic),
		.boottime = ktime_get_boottime_ns() +
			    timespec64_to_ns(&o.boottime),
		.realtime = ktime_get_real_ns(),
	};

	return nla_put(obj, LIVEMIG_TIME_CLOCKS, sizeof(c), &c);
}

/**
 * lm_dump_time - queue the TIME object of a process
 * @d: the dump
 * @threads: the threads of the process, leader first
 * @n: their number
 *
 * Takes and leaves task_lock() and siglock. Sleeps.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_dump_time(struct lm_dump *d, struct task_struct **threads, int n)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_TIME);
	struct task_struct *t = threads[0];
	int err;

	if (!obj)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_TIME_PID,
			  task_tgid_nr_ns(t, d->pid_ns)) ?:
	      lm_put_timers(d, t, obj) ?:
	      put_clocks(t, obj);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}
