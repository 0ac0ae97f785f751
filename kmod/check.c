// SPDX-License-Identifier: GPL-2.0
/*
 * What stands in the way of moving a process: everything that the other files
 * do not come across by themselves (vfork(): dump.c). Each obstacle is an entry
 * in a table with its name and its test.
 *
 * Locking: task_lock() for pointers of the task, RCU for kinship, cred_guard_mutex
 * (tried only) against an exec; one at a time, in each test.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/fs_struct.h>
#include <linux/io_uring_types.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/nsproxy.h>
#include <linux/path.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/security.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <linux/xarray.h>
#include "arch/x86/regs.h"
#include "state.h"
#include "wrapper/sched.h"
#include "wrapper/task_state.h"

struct obstacle {
	const char *what;
	bool (*found)(struct lm_dump *d, struct task_struct *t);
	const char *remedy;
	bool transient;
};

/* Pointers of a task to things that may be shared or its own. */
struct belongings {
	struct nsproxy ns;	/* pointers only, nothing is referenced */
	struct files_struct *files;
	struct fs_struct *fs;
};

/* Return: false when the task has given them up (it is exiting). */
static bool look(struct task_struct *t, struct belongings *b)
{
	bool ok;

	task_lock(t);
	ok = t->nsproxy && t->files && t->fs;
	if (ok) {
		b->ns = *t->nsproxy;
		b->files = t->files;
		b->fs = t->fs;
	}
	task_unlock(t);
	return ok;
}

#define OTHER_NS(name)							\
static bool other_##name(struct lm_dump *d, struct task_struct *t)	\
{									\
	struct belongings b;						\
									\
	return look(t, &b) && b.ns.name != current->nsproxy->name;	\
}
OTHER_NS(mnt_ns)

/* One for the whole container, whichever: the restored one gets one of its own. */
static bool other_time_ns(struct lm_dump *d, struct task_struct *t)
{
	struct belongings b;

	if (!look(t, &b))
		return false;
	if (!d->time_ns)
		d->time_ns = b.ns.time_ns;
	return b.ns.time_ns != d->time_ns;
}

static bool other_time_ns_for_children(struct lm_dump *d, struct task_struct *t)
{
	struct belongings b;

	return look(t, &b) && b.ns.time_ns_for_children != b.ns.time_ns;
}

static bool other_root(struct lm_dump *d, struct task_struct *t)
{
	struct path own = {}, root;
	bool other;

	task_lock(t);
	if (t->fs)
		get_fs_root(t->fs, &own);
	task_unlock(t);
	get_fs_root(current->fs, &root);
	/* In another mount namespace it is told as a path like others. */
	other = own.mnt && !path_equal(&root, &own) && !other_mnt_ns(d, t);
	path_put(&root);
	path_put(&own);
	return other;
}

/* Another one than the rest of the process is in. */
#define OWN_NS(name)							\
static bool own_##name(struct lm_dump *d, struct task_struct *t)	\
{									\
	struct belongings first, b;					\
									\
	return look(t, &b) && look(d->first, &first) &&			\
	       b.ns.name != first.ns.name;				\
}
OWN_NS(net_ns)
OWN_NS(uts_ns)
OWN_NS(ipc_ns)
OWN_NS(pid_ns_for_children)
OWN_NS(mnt_ns)
OWN_NS(cgroup_ns)

static bool own_files(struct lm_dump *d, struct task_struct *t)
{
	struct belongings first, b;

	return look(t, &b) && look(d->first, &first) && b.files != first.files;
}

static bool is_traced(struct lm_dump *d, struct task_struct *t)
{
	return READ_ONCE(t->ptrace);
}

#ifdef CONFIG_IO_URING
/* One that has no descriptor is in no table of open files. */
static bool is_registered(const struct io_uring_task *own)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(own->registered_rings); i++)
		if (READ_ONCE(own->registered_rings[i]))
			return true;
	return false;
}

static bool is_any(const struct io_uring_task *own)
{
	return !xa_empty(&own->xa);
}

/* What a task has of io_uring stays with it when its last ring is closed: the rings
 * themselves are looked for. Only an exec frees it before the task is, and that holds
 * cred_guard_mutex meanwhile.
 */
static bool look_at_rings(struct task_struct *t, bool if_exec,
			  bool (*has)(const struct io_uring_task *own))
{
	struct mutex *no_exec = &t->signal->cred_guard_mutex;
	const struct io_uring_task *own;
	bool ret;

	if (!READ_ONCE(t->io_uring))
		return false;
	if (!mutex_trylock(no_exec))
		return if_exec;
	own = READ_ONCE(t->io_uring);
	ret = own && has(own);
	mutex_unlock(no_exec);
	return ret;
}
#endif

static bool has_registered_ring(struct lm_dump *d, struct task_struct *t)
{
#ifdef CONFIG_IO_URING
	return look_at_rings(t, false, is_registered);
#else
	return false;
#endif
}

/* The last one may be going. One that stays is a FILE, mostly. */
static bool has_io_uring(struct lm_dump *d, struct task_struct *t)
{
#ifdef CONFIG_IO_URING
	/* (one that runs is looked at again) */
	return look_at_rings(t, d->frozen, is_any);
#else
	return false;
#endif
}

/* It does what a ring was asked for, and may outlive the ring. */
static bool is_io_worker(struct lm_dump *d, struct task_struct *t)
{
	return READ_ONCE(t->flags) & PF_IO_WORKER;
}

static bool has_dispatch(struct lm_dump *d, struct task_struct *t)
{
	return test_task_syscall_work(t, SYSCALL_USER_DISPATCH);
}

static bool is_deadline(struct lm_dump *d, struct task_struct *t)
{
	return t->policy == SCHED_DEADLINE;
}

static bool is_sched_ext(struct lm_dump *d, struct task_struct *t)
{
	return lm_is_sched_ext(t);
}

static bool has_slice_extension(struct lm_dump *d, struct task_struct *t)
{
	return lm_rseq_has_slice(t);
}

/* Who else has it is not known outside of the scheduler. */
static bool has_core_cookie(struct lm_dump *d, struct task_struct *t)
{
#ifdef CONFIG_SCHED_CORE
	return READ_ONCE(t->core_cookie);
#else
	return false;
#endif
}

/* Landlock tells nobody whom it restricts. But it denies a change of mount options to
 * whoever is in one of its domains (that handles file systems, from 6.7 on): that is
 * asked for in the task's name. Nobody changes anything for the question; SELinux, which
 * has this hook, too, judges options, and there are none. It may come into the audit log.
 */
static bool is_landlocked(struct lm_dump *d, struct task_struct *t)
{
	const struct cred *cred = get_task_cred(t), *own;
	struct path root;
	bool ret;

	get_fs_root(current->fs, &root);
	own = override_creds(cred);
	ret = security_sb_remount(root.mnt->mnt_sb, NULL) == -EPERM;
	revert_creds(own);
	path_put(&root);
	put_cred(cred);
	return ret;
}

static bool is_exiting(struct lm_dump *d, struct task_struct *t)
{
	return READ_ONCE(t->flags) & PF_EXITING;
}

/* How many threads of the process have it: not those that end, nor all of one that has
 * more than one of them.
 */
static int holders(struct task_struct *t, const void *what, size_t at)
{
	struct task_struct *other;
	int n = 0;

	rcu_read_lock();
	for_each_thread(t, other)
		n += READ_ONCE(*(const void **)((void *)other + at)) == what;
	rcu_read_unlock();
	return n;
}

/* Does somebody outside of the container have @what, too? @at: where it is in a task;
 * only compared. There is nobody, mostly, and then @users, which were counted before,
 * are the threads. Who shares it inside is no reason to look twice.
 */
static bool shared_outside(struct lm_dump *d, struct task_struct *t, const void *what,
			   size_t at, int users)
{
	struct task_struct *p, *other;
	bool ret = false, first;

	if (!what || users <= 1)
		return false;
	if (lm_dump_id(d, LM_ID_OUTSIDE, what, &first) && !first)
		return false;
	if (users <= holders(t, what, at))
		return false;
	rcu_read_lock();
	for_each_process_thread(p, other) {
		const void **theirs = (void *)other + at;

		if (READ_ONCE(*theirs) != what || READ_ONCE(other->flags) & PF_KTHREAD ||
		    READ_ONCE(other->exit_state) || same_thread_group(other, t) ||
		    task_under_cgroup_hierarchy(other, d->s->cgrp))
			continue;
		ret = true;
		break;
	}
	rcu_read_unlock();
	return ret;
}

#define SHARED_OUTSIDE(member, count)					\
static bool shares_##member(struct lm_dump *d, struct task_struct *t)	\
{									\
	const void *what;						\
	int users;							\
									\
	task_lock(t);							\
	what = t->member;						\
	users = what ? count : 0;					\
	task_unlock(t);							\
	return shared_outside(d, t, what, offsetof(struct task_struct, member), users); \
}
SHARED_OUTSIDE(mm, atomic_read(&t->mm->mm_users))
SHARED_OUTSIDE(files, atomic_read(&t->files->count))
SHARED_OUTSIDE(fs, READ_ONCE(t->fs->users))

/* Looked for in every thread. */
static const struct obstacle thread_obstacles[] = {
	{ "thread that is exiting", is_exiting, NULL, true },
	{ "traced process (ptrace)", is_traced, "detach the debugger" },
	{ "io_uring that is registered (IORING_REGISTER_RING_FDS)", has_registered_ring },
	{ "io_uring", has_io_uring, NULL, true },
	{ "worker thread of io_uring", is_io_worker },
	{ "syscall user dispatch", has_dispatch },
	{ "deadline scheduling", is_deadline },
	{ "scheduling by BPF (SCHED_EXT)", is_sched_ext },
	{ "extended time slices (PR_RSEQ_SLICE_EXTENSION)", has_slice_extension },
	{ "core scheduling", has_core_cookie },
	{ "Landlock sandbox", is_landlocked },
	{ "thread with file descriptors of its own", own_files },
	{ "thread in another network namespace", own_net_ns },
	{ "thread in another uts namespace", own_uts_ns },
	{ "thread in another ipc namespace", own_ipc_ns },
	{ "thread with another pid namespace for children",
	  own_pid_ns_for_children },
	{ "thread in another mount namespace", own_mnt_ns },
	{ "thread in another cgroup namespace", own_cgroup_ns },
	{ "second time namespace in one container", other_time_ns },
	{ "time namespace for children", other_time_ns_for_children },
	{ "chroot", other_root },
	/* (it may be its own, by unshare()) */
	{ "working directory shared with a process outside of the container", shares_fs },
};

/* A pty is judged by user space, which knows who has its master. */
static bool has_tty(struct lm_dump *d, struct task_struct *t)
{
	return lm_ctty(t) == -2;
}

/* Looked for once in a process. */
static const struct obstacle process_obstacles[] = {
	{ "controlling terminal", has_tty, "start it with setsid" },
	/* (until its exec one that is being started inside has that of who starts it) */
	{ "memory shared with a process outside of the container", shares_mm, NULL, true },
	{ "table of open files shared with a process outside of the container", shares_files },
};

static int look_for(struct lm_dump *d, struct task_struct *t,
		    const struct obstacle *o, int n)
{
	int i, err = 0;

	for (i = 0; i < n && !err; i++)
		if (o[i].found(d, t))
			err = lm_unsupported(d, t, -1, o[i].transient,
					     o[i].remedy, "%s", o[i].what);
	return err;
}

/**
 * lm_check_process - queue an UNSUPPORTED object for each obstacle
 * @d: the dump
 * @threads: the threads of the process, leader first
 * @n: their number
 *
 * Called in the context of the session's owner, with whose namespaces and root
 * those of the process are compared. Sleeps.
 * Return: 0, -EINTR or -ENOMEM.
 */
int lm_check_process(struct lm_dump *d, struct task_struct **threads, int n)
{
	const char *what;
	int i, err;

	err = look_for(d, threads[0], process_obstacles,
		       ARRAY_SIZE(process_obstacles));
	for (i = 0; i < n && !err; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = look_for(d, threads[i], thread_obstacles,
			       ARRAY_SIZE(thread_obstacles));
		what = lm_pidns_obstacle(d, threads[i]) ?:
		       lm_arch_unsupported(threads[i]);
		if (what && !err)
			err = lm_unsupported(d, threads[i], -1, false, NULL,
					     "%s", what);
	}
	return err;
}
