// SPDX-License-Identifier: GPL-2.0
/*
 * BECOME, WAIT, SERVE: who waits for whom while tasks turn into those of a dump.
 *
 * BECOME only arms a task work, which runs on the way back to user mode, when
 * the system call's result is already stored: what is then loaded into the
 * registers is what user mode sees. There the task parks, twice: until all are
 * in, and, after preparing itself, until it is served. Registers are set in
 * between by the coordinator, as a tracer would, while the task is off its CPU:
 * switching out would write over the FPU state and the FS base.
 *
 * Locking: told in restore.h.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "restore.h"
#include "session.h"
#include "wrapper/restore.h"

/* How long a prepared task may take to leave its CPU. */
#define OFF_CPU_MS	5000
/* How often WAIT looks whether sleepers sleep. */
#define SLEEPERS_MS	2

static bool failed(const struct lm_restore *r)
{
	return READ_ONCE(r->state) == LM_RESTORE_FAILED;
}

/* Caller holds r->lock. */
static void fail_locked(struct lm_restore *r, int err, u32 pid, const char *step)
{
	struct lm_restore_thread *t;

	if (r->state == LM_RESTORE_SERVED || r->state == LM_RESTORE_FAILED)
		return;
	r->err = err;
	r->failed_pid = pid;
	strscpy(r->step, step, sizeof(r->step));
	WRITE_ONCE(r->state, LM_RESTORE_FAILED);
	list_for_each_entry(t, &r->threads, list)
		if (t->task)
			send_sig(SIGKILL, t->task, 1);
	wake_up_all(&r->prepare);
	wake_up_all(&r->run);
	wake_up_all(&r->progress);
}

/**
 * lm_restore_fail() - give a restore up, unless it was served
 * @r: the restore
 * @err: -errno for WAIT and SERVE
 * @pid: whose fault, 0 when nobody's
 * @step: in which step, for WAIT
 *
 * Kills all tasks that called BECOME. Takes r->lock; sleeps.
 */
void lm_restore_fail(struct lm_restore *r, int err, u32 pid, const char *step)
{
	mutex_lock(&r->lock);
	fail_locked(r, err, pid, step);
	mutex_unlock(&r->lock);
}

/* All are in: they may begin. Caller holds r->lock. */
static void begin_if_all_parked(struct lm_restore *r)
{
	if (r->state != LM_RESTORE_SEALED || r->nr_parked != r->nr_threads)
		return;
	WRITE_ONCE(r->state, LM_RESTORE_PREPARING);
	wake_up_all(&r->prepare);
}

/* ---- in the context of the task that becomes ---- */

static void park(struct lm_restore_thread *t)
{
	struct lm_restore *r = t->r;

	mutex_lock(&r->lock);
	t->step = LM_THREAD_PARKED;
	r->nr_parked++;
	begin_if_all_parked(r);
	mutex_unlock(&r->lock);
}

static int prepare(struct lm_restore_thread *t)
{
	struct lm_restore *r = t->r;
	const char *step = "";
	int err;

	err = lm_prepare_thread(t, &step);
	if (!err && t->tid == t->pid)
		err = lm_prepare_leader(t, &step);
	mutex_lock(&r->lock);
	if (err) {
		fail_locked(r, err, t->tid, step);
	} else {
		t->step = LM_THREAD_PREPARED;
		if (++r->nr_prepared == r->nr_threads)
			wake_up_all(&r->progress);
	}
	mutex_unlock(&r->lock);
	return err;
}

static void become(struct callback_head *work)
{
	struct lm_restore_thread *t = container_of(work, struct lm_restore_thread,
						   work);
	struct lm_restore *r = t->r;
	struct file *file = r->file;

	if (current->flags & PF_EXITING)
		goto killed;
	lm_arch_note_sleep(t);
	park(t);
	if (wait_event_killable(r->prepare,
				READ_ONCE(r->state) >= LM_RESTORE_PREPARING))
		goto killed;
	if (failed(r) || prepare(t))
		goto out;
	if (wait_event_killable(r->run,
				READ_ONCE(r->state) >= LM_RESTORE_SERVED))
		goto killed;
	if (!failed(r))
		lm_finish_thread(t);
	goto out;

killed:
	lm_restore_fail(r, -ESRCH, t->tid, "killed");
out:
	/* Last and as a tail call: this may be what held the module. */
	fput(file);
}

static int check_become(const struct livemig_ioc_become *arg)
{
	const struct livemig_range *u = &arg->unmap;
	int i;

	if (arg->error > MAX_ERRNO || (arg->flags & ~LIVEMIG_BECOME_F_SLEEP))
		return -EINVAL;
	if (!PAGE_ALIGNED(u->start) || !PAGE_ALIGNED(u->end) ||
	    u->start >= u->end || !lm_arch_user_range(u->start, u->end - u->start))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(arg->close_fd); i++)
		if (arg->close_fd[i] < -1)
			return -EINVAL;
	return 0;
}

/* The work has a reference to the file: see become(). */
static int add_work(struct lm_restore_thread *t, struct task_struct *task,
		    enum task_work_notify_mode how)
{
	struct file *file = get_file(t->r->file);
	int ret;

	init_task_work(&t->work, become);
	ret = task_work_add(task, &t->work, how);
	if (ret)
		fput(file);
	return ret;
}

/* Caller holds r->lock. */
static int arm(struct lm_restore *r, struct lm_restore_thread *t,
	       const struct livemig_ioc_become *arg)
{
	int ret;

	if (t->step != LM_THREAD_ADDED)
		return -EBUSY;
	if (task_tgid_nr_ns(current, r->pid_ns) != t->pid)
		return -EINVAL;
	if (current->ptrace)
		return -EBUSY;
	if ((arg->flags & LIVEMIG_BECOME_F_SLEEP) && !t->restart.kind)
		return -EINVAL;
	t->arg = *arg;
	if (arg->flags & LIVEMIG_BECOME_F_SLEEP) {
		WRITE_ONCE(r->nr_asleep, r->nr_asleep + 1);
		t->step = LM_THREAD_ASLEEP;
		t->task = get_task_struct(current);
		wake_up_all(&r->progress);
		return 0;
	}
	ret = add_work(t, current, TWA_RESUME);
	if (ret)
		return ret;
	t->step = LM_THREAD_ARMED;
	t->task = get_task_struct(current);
	return 0;
}

/**
 * lm_restore_become() - LIVEMIG_IOC_BECOME
 * @r: the restore
 * @arg: the caller's argument, not yet checked
 *
 * A refusal is told to the coordinator too: the helper has no other way.
 * Takes r->lock.
 * Return: 0: armed; -ENOENT: there is no THREAD object for the caller; -EBUSY:
 * called before, or traced; -EINVAL; -ECANCELED: the restore failed.
 */
int lm_restore_become(struct lm_restore *r, const struct livemig_ioc_become *arg)
{
	u32 tid = task_pid_nr_ns(current, r->pid_ns);
	struct lm_restore_thread *t;
	int ret;

	mutex_lock(&r->lock);
	if (r->state == LM_RESTORE_FAILED) {
		ret = -ECANCELED;
		goto out;
	}
	ret = -ENOENT;
	list_for_each_entry(t, &r->threads, list)
		if (t->tid == tid)
			ret = check_become(arg) ?: -(int)arg->error ?: arm(r, t, arg);
	if (ret)
		fail_locked(r, ret, tid, "become");
out:
	mutex_unlock(&r->lock);
	return ret;
}

/* ---- in the context of the coordinator ---- */

/* Asleep in become(), and so until it is served. */
static bool off_cpu(struct task_struct *t)
{
	unsigned long end = jiffies + msecs_to_jiffies(OFF_CPU_MS);

	while (!lm_task_parked(t)) {
		if (time_after(jiffies, end) || fatal_signal_pending(current))
			return false;
		usleep_range(20, 100);
	}
	return true;
}

/* Interrupt those that sleep where they are to be taken. Caller holds r->lock. */
static void take_sleepers(struct lm_restore *r)
{
	struct lm_restore_thread *t;

	list_for_each_entry(t, &r->threads, list) {
		if (t->step != LM_THREAD_ASLEEP)
			continue;
		if (READ_ONCE(t->task->flags) & PF_EXITING) {
			fail_locked(r, -ESRCH, t->tid, "killed");
			return;
		}
		if (!lm_arch_asleep(t))
			continue;
		WRITE_ONCE(r->nr_asleep, r->nr_asleep - 1);
		t->step = LM_THREAD_ARMED;
		if (add_work(t, t->task, TWA_SIGNAL)) {
			fail_locked(r, -ESRCH, t->tid, "killed");
			return;
		}
	}
}

static bool all_prepared(const struct lm_restore *r)
{
	return READ_ONCE(r->nr_prepared) == r->nr_threads;
}

static int wait_for_all(struct lm_restore *r, u32 timeout_ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(timeout_ms);
	long left, ret;

	for (;;) {
		left = end - jiffies;
		mutex_lock(&r->lock);
		take_sleepers(r);
		mutex_unlock(&r->lock);
		if (READ_ONCE(r->nr_asleep))
			ret = wait_event_interruptible_timeout(r->progress,
					failed(r),
					msecs_to_jiffies(SLEEPERS_MS));
		else
			ret = wait_event_interruptible_timeout(r->progress,
					failed(r) || all_prepared(r) ||
					READ_ONCE(r->nr_asleep), max(left, 1L));
		if (failed(r))
			return 0;
		if (ret < 0)
			return -EINTR;
		if (all_prepared(r))
			return 0;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

/* No more ADD. Caller holds r->lock. */
static void seal(struct lm_restore *r)
{
	const char *step;
	u32 pid;
	int err;

	err = lm_restore_link(r, &pid, &step);
	if (err) {
		fail_locked(r, err, pid, step);
		return;
	}
	r->state = LM_RESTORE_SEALED;
	begin_if_all_parked(r);
}

/* The last step before READY. Caller holds r->lock. */
static void set_all_regs(struct lm_restore *r)
{
	struct lm_restore_thread *t;
	u32 pid;
	int err;

	err = lm_restore_zombies(r, &pid);
	if (err) {
		fail_locked(r, err, pid, "zombie");
		return;
	}
	list_for_each_entry(t, &r->threads, list) {
		err = off_cpu(t->task) ? lm_arch_set_regs(t) : -EBUSY;
		if (err) {
			fail_locked(r, err, t->tid, "registers");
			return;
		}
	}
	WRITE_ONCE(r->state, LM_RESTORE_READY);
}

/**
 * lm_restore_wait() - LIVEMIG_IOC_WAIT
 * @r: the restore
 * @arg: the caller's argument, not yet checked; where it failed is told in it
 *
 * Seals the restore: no ADD afterwards. May be called again after -ETIMEDOUT or
 * -EINTR, and when it is READY. Takes r->lock; sleeps interruptibly.
 * Return: 0: READY; -ETIMEDOUT, -EINTR, -EINVAL; or why the restore failed.
 */
int lm_restore_wait(struct lm_restore *r, struct livemig_ioc_wait *arg)
{
	int ret;

	if (!arg->timeout_ms || arg->timeout_ms > 600000)
		return -EINVAL;
	mutex_lock(&r->lock);
	if (r->state == LM_RESTORE_ADDING)
		seal(r);
	mutex_unlock(&r->lock);

	ret = wait_for_all(r, arg->timeout_ms);

	mutex_lock(&r->lock);
	if (!ret && r->state == LM_RESTORE_PREPARING)
		set_all_regs(r);
	if (r->state == LM_RESTORE_FAILED) {
		ret = r->err;
		arg->failed_pid = r->failed_pid;
		strscpy(arg->step, r->step, sizeof(arg->step));
	}
	mutex_unlock(&r->lock);
	return ret;
}

/* The first process as the owner sees it, 0: none. Caller holds r->lock. */
static u32 first_pid(struct lm_restore *r)
{
	struct lm_restore_process *first;
	struct lm_restore_thread *t;

	first = list_first_entry_or_null(&r->processes,
					 struct lm_restore_process, list);
	list_for_each_entry(t, &r->threads, list)
		if (first && t->process == first && t->task)
			return task_tgid_nr_ns(t->task, r->owner_ns);
	return 0;
}

/**
 * lm_restore_serve() - LIVEMIG_IOC_SERVE
 * @r: the restore
 * @arg: the caller's argument, not yet checked; told how many tasks there are
 *
 * The commit point: when it returns 0 all tasks run, or freeze if their cgroup
 * is frozen. An event tells so. Takes r->lock; sleeps.
 * Return: 0; -EBUSY: not READY; -EINVAL; or why the restore failed.
 */
int lm_restore_serve(struct lm_restore *r, struct livemig_ioc_serve *arg)
{
	int ret = -EBUSY;
	u32 pid = 0;

	if (arg->flags)
		return -EINVAL;
	mutex_lock(&r->lock);
	if (r->state == LM_RESTORE_FAILED) {
		ret = r->err;
	} else if (r->state == LM_RESTORE_READY) {
		arg->served = r->nr_threads;
		pid = first_pid(r);
		WRITE_ONCE(r->state, LM_RESTORE_SERVED);
		wake_up_all(&r->run);
		ret = 0;
	}
	mutex_unlock(&r->lock);
	if (!ret)
		lm_event(NULL, LIVEMIG_EVENT_RESTORED, pid, NULL);
	return ret;
}
