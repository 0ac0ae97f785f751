// SPDX-License-Identifier: GPL-2.0
/*
 * Stopping a container: the cgroup v2 freezer, driven through the session's
 * open cgroup.freeze, and the list of the container's tasks.
 *
 * Locking: s->lock is held unless told otherwise. Tasks are walked under RCU.
 * The freezer's own counters are read without its lock: they only decide when
 * to look at the tasks themselves.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/ktime.h>
#include <linux/slab.h>

#include "extack.h"
#include "inflight.h"
#include "session.h"
#include "wrapper/cgroup.h"
#include "wrapper/sched.h"

#define NAP_MIN_NS	(50 * NSEC_PER_USEC)
#define NAP_MAX_NS	(2 * NSEC_PER_MSEC)

/* Waiting for who ends while the others are stopped. */
#define ENDING_MS	50
#define LONG_ENDING_MS	1000

/* Looks at a frozen container whose tasks signals wake again and again. */
#define FROZEN_TRIES	100

/* Scans of a running container until it is taken as it is. */
#define SCAN_TRIES	8

static int freezer_write(struct lm_session *s, const char *value)
{
	loff_t pos = 0;
	ssize_t n = kernel_write(s->freeze_file, value, 1, &pos);

	return n < 0 ? n : 0;
}

/* Caller holds rcu_read_lock(). */
static bool is_member(struct lm_session *s, struct task_struct *t)
{
	return !READ_ONCE(t->exit_state) && !(READ_ONCE(t->flags) & PF_EXITING) &&
	       task_under_cgroup_hierarchy(t, s->cgrp);
}

/* The first of the container's tasks that @is, with a reference, or NULL. */
static struct task_struct *find_task(struct lm_session *s,
				     bool (*is)(struct lm_session *s, struct task_struct *t))
{
	struct task_struct *p, *t;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (!is(s, t))
			continue;
		get_task_struct(t);
		rcu_read_unlock();
		return t;
	}
	rcu_read_unlock();
	return NULL;
}

static bool is_running(struct lm_session *s, struct task_struct *t)
{
	return is_member(s, t) && !(t->frozen && !lm_task_on_cpu(t));
}

/* A live task of the container that is not stopped yet, with a reference. */
static struct task_struct *find_running(struct lm_session *s)
{
	return find_task(s, is_running);
}

/**
 * lm_task_stopped() - may the registers of a task be read
 * @t: the task; the caller has a reference
 *
 * Context: sleeps for a frozen task that is about to switch out. That takes some
 * us, or, on a virtual CPU that does not run, as long as its host takes.
 * Return: true when it is frozen and off its CPU.
 */
bool lm_task_stopped(struct task_struct *t)
{
	ktime_t end = ktime_add_ms(ktime_get(), 10000);

	while (t->frozen) {
		if (!lm_task_on_cpu(t))
			return true;
		if (ktime_after(ktime_get(), end) || fatal_signal_pending(current))
			break;
		usleep_range(10, 50);
	}
	return false;
}

/* It is not counted by its cgroup any more, but not yet a zombie; or the thread that keeps
 * its process from being one.
 */
static bool is_ending(struct lm_session *s, struct task_struct *t)
{
	return READ_ONCE(t->flags) & PF_EXITING &&
	       (!READ_ONCE(t->exit_state) || !thread_group_leader(t)) &&
	       task_under_cgroup_hierarchy(t, s->cgrp);
}

/**
 * lm_task_ending() - somebody of whom there is neither a live task nor a zombie
 * @s: the session; s->lock is held
 *
 * Return: one such task of the container with a reference, or NULL.
 */
struct task_struct *lm_task_ending(struct lm_session *s)
{
	return find_task(s, is_ending);
}

/* For who ends it is a matter of microseconds; but the init of a pid namespace waits for
 * all in it, who may wait for somebody frozen. A dump names who is left.
 */
static void wait_ended(struct lm_session *s)
{
	ktime_t end = ktime_add_ms(ktime_get(), ENDING_MS);
	struct task_struct *t;

	while ((t = lm_task_ending(s))) {
		put_task_struct(t);
		if (fatal_signal_pending(current) || ktime_after(ktime_get(), end))
			break;
		usleep_range(50, 200);
	}
}

static bool all_stopped(struct lm_session *s)
{
	struct task_struct *t;

	if (!lm_cgroup_frozen(s->cgrp))
		return false;
	t = find_running(s);
	if (t)
		put_task_struct(t);
	return !t;
}

/**
 * lm_session_frozen() - is the whole container stopped
 * @s: the session; s->lock is held
 *
 * A signal, be it of a timer, wakes a frozen task, which looks and goes back to
 * sleep in the kernel. This is waited for: it is no thaw.
 *
 * Context: sleeps for each task that is about to switch out: lm_task_stopped().
 * Return: true when it was frozen by FREEZE, nobody thawed it since, and every
 * task is off its CPU.
 */
bool lm_session_frozen(struct lm_session *s)
{
	struct task_struct *t;
	bool stopped = true;
	int i;

	if (s->state != LIVEMIG_STATE_FROZEN)
		return false;
	for (i = 0; i < FROZEN_TRIES && stopped; i++) {
		if (all_stopped(s))
			return true;
		t = find_running(s);
		if (!t)
			continue;
		stopped = lm_task_stopped(t);
		put_task_struct(t);
	}
	return false;
}

/* -ETIMEDOUT, with the name of a task that did not stop. */
static int blame(struct lm_session *s, u32 timeout_ms,
		 struct netlink_ext_ack *extack)
{
	struct task_struct *t = find_running(s);
	char comm[TASK_COMM_LEN];
	const char *why;

	if (!t)
		return lm_err(extack, -ETIMEDOUT,
			      "not frozen after %u ms: tasks come and go",
			      timeout_ms);
	get_task_comm(comm, t);
	if (t->flags & PF_KTHREAD)
		why = "a kernel thread, which cannot be frozen";
	else if (READ_ONCE(t->__state) & TASK_UNINTERRUPTIBLE)
		why = "in an uninterruptible wait";
	else
		why = "still running";
	lm_err(extack, -ETIMEDOUT, "not frozen after %u ms: pid %d (%s) is %s",
	       timeout_ms, task_pid_nr_ns(t, s->pid_ns), comm, why);
	put_task_struct(t);
	return -ETIMEDOUT;
}

/* Newer kernels count who ends until the very last. */
static bool only_ending(struct lm_session *s)
{
	struct task_struct *t = find_running(s), *ending = lm_task_ending(s);

	if (t)
		put_task_struct(t);
	if (ending)
		put_task_struct(ending);
	return !t && ending;
}

static int wait_stopped(struct lm_session *s, u32 timeout_ms,
			struct netlink_ext_ack *extack)
{
	ktime_t begin = ktime_get(), end = ktime_add_ms(begin, timeout_ms);
	u64 nap = NAP_MIN_NS;

	while (!all_stopped(s)) {
		ktime_t t = ns_to_ktime(nap);

		if (fatal_signal_pending(current))
			return lm_err(extack, -EINTR, "killed while freezing");
		if (lm_cgroup_dead(s->cgrp))
			return lm_err(extack, -ENODEV, "the cgroup was removed");
		if (ktime_after(ktime_get(), end))
			return blame(s, timeout_ms, extack);
		if (ktime_after(ktime_get(), ktime_add_ms(begin, LONG_ENDING_MS)) &&
		    only_ending(s))
			return lm_err(extack, -EAGAIN,
				      "somebody is ending, and needs those who are stopped; try again");
		set_current_state(TASK_KILLABLE);
		schedule_hrtimeout_range(&t, nap / 4, HRTIMER_MODE_REL);
		nap = min_t(u64, nap * 2, NAP_MAX_NS);
	}
	return 0;
}

/**
 * lm_freeze() - stop every task of the container
 * @s: the session; s->lock is held
 * @timeout_ms: how long to wait for it
 * @extack: gets the reason of a failure; may be NULL
 *
 * A container that is frozen already, by this session or by somebody else, is
 * no error; what somebody else froze is left frozen by lm_thaw().
 *
 * Context: sleeps, killable.
 * Return: 0: all are frozen and off their CPUs; -ETIMEDOUT, -EAGAIN (only who is ending
 * is left), -EINTR (killed),
 * -ENODEV (the cgroup is gone), or the error of writing cgroup.freeze: then the
 * container runs.
 */
int lm_freeze(struct lm_session *s, u32 timeout_ms,
	      struct netlink_ext_ack *extack)
{
	int err = 0;

	if (lm_session_frozen(s))
		return 0;

	s->freezes++;
	WRITE_ONCE(s->state, LIVEMIG_STATE_FREEZING);
	if (!lm_cgroup_freeze_set(s->cgrp)) {
		s->froze = true;
		err = freezer_write(s, "1");
		if (err)
			lm_err(extack, err, "cannot write cgroup.freeze");
	}
	if (!err)
		err = wait_stopped(s, timeout_ms, extack);
	if (err) {
		lm_thaw(s);
		return err;
	}
	wait_ended(s);
	WRITE_ONCE(s->state, LIVEMIG_STATE_FROZEN);
	lm_event(s, LIVEMIG_EVENT_FROZEN, 0, NULL);
	return 0;
}

/**
 * lm_thaw() - let the container run
 * @s: the session; s->lock is held
 *
 * Undoes what lm_freeze() did, and no more: a cgroup that was frozen before
 * stays frozen.
 *
 * Context: sleeps.
 * Return: 0 (also when it was not frozen), or the error of writing
 * cgroup.freeze: then nothing has changed.
 */
int lm_thaw(struct lm_session *s)
{
	bool was_frozen = s->state == LIVEMIG_STATE_FROZEN;
	int err;

	lm_held_drop(s);
	if (s->state == LIVEMIG_STATE_RUNNING)
		return 0;
	if (s->froze) {
		err = freezer_write(s, "0");
		if (err && err != -ENODEV)	/* ENODEV: removed, so empty */
			return err;
	}
	s->froze = false;
	s->freezes++;
	WRITE_ONCE(s->state, LIVEMIG_STATE_RUNNING);
	if (was_frozen)
		lm_event(s, LIVEMIG_EVENT_THAWED, 0, NULL);
	return 0;
}

/**
 * lm_tasks_count() - how many live threads the container has
 * @s: the session; no lock is needed
 *
 * Return: their number at some moment of the call.
 */
u32 lm_tasks_count(struct lm_session *s)
{
	struct task_struct *p, *t;
	u32 n = 0;

	rcu_read_lock();
	for_each_process_thread(p, t)
		n += is_member(s, t);
	rcu_read_unlock();
	return n;
}

/* References on up to @max members. Return: how many members there are. */
static int scan(struct lm_session *s, struct task_struct **tasks, int max)
{
	struct task_struct *p, *t;
	int n = 0;

	rcu_read_lock();
	for_each_process_thread(p, t) {
		if (!is_member(s, t))
			continue;
		if (n < max) {
			get_task_struct(t);
			tasks[n] = t;
		}
		n++;
	}
	rcu_read_unlock();
	return n;
}

/**
 * lm_tasks_put() - drop what lm_tasks_get() gave
 * @tasks: the array; freed
 * @n: its length
 */
void lm_tasks_put(struct task_struct **tasks, int n)
{
	while (n)
		put_task_struct(tasks[--n]);
	kvfree(tasks);
}

/**
 * lm_tasks_get() - references on all live threads of the container
 * @s: the session; s->lock is held
 * @res: set to an array, leaders before their threads; lm_tasks_put() frees it
 *
 * Scans until two scans agree. A running container may never hold still: then
 * the last scan is the answer.
 *
 * Context: sleeps, killable.
 * Return: their number, or -ENOMEM, -EINTR, -EAGAIN (frozen, but tasks come and
 * go: somebody thawed it or moves tasks).
 */
int lm_tasks_get(struct lm_session *s, struct task_struct ***res)
{
	struct task_struct **old = NULL, **tasks;
	int try, n, max, n_old = 0;

	for (try = 0; try < SCAN_TRIES; try++) {
		if (fatal_signal_pending(current)) {
			n = -EINTR;
			goto err;
		}
		max = lm_tasks_count(s) + 16;
		tasks = kvmalloc_array(max, sizeof(*tasks), GFP_KERNEL);
		if (!tasks) {
			n = -ENOMEM;
			goto err;
		}
		n = scan(s, tasks, max);
		if (n > max) {		/* grew meanwhile: of no use */
			lm_tasks_put(tasks, max);
			try--;
			continue;
		}
		if (old && n == n_old && !memcmp(old, tasks, n * sizeof(*tasks))) {
			lm_tasks_put(old, n_old);
			*res = tasks;
			return n;
		}
		if (old)
			lm_tasks_put(old, n_old);
		old = tasks;
		n_old = n;
	}
	if (s->state == LIVEMIG_STATE_FROZEN) {
		n = -EAGAIN;
		goto err;
	}
	*res = old;
	return n_old;
err:
	if (old)
		lm_tasks_put(old, n_old);
	return n;
}
