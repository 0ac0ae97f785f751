// SPDX-License-Identifier: GPL-2.0
/*
 * The PROCESS object: what all threads of a process have in common.
 *
 * Locking: ->siglock for signals, limits and timers; task_lock() for the
 * pointers to mm, files, fs and namespaces; RCU for kinship and cgroup. One at
 * a time, never across a sleep.
 */
#include <linux/audit.h>
#include <linux/cgroup.h>
#include <linux/fs_struct.h>
#include <linux/hrtimer.h>
#include <linux/ipc_namespace.h>
#include <linux/kernfs.h>
#include <linux/math64.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/task_io_accounting_ops.h>
#include <linux/slab.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>
#include "arch/x86/regs.h"
#include "cputime.h"
#include "signals.h"
#include "state.h"
#include "wrapper/task_state.h"

static bool inside(struct lm_dump *d, struct task_struct *t)
{
	return task_under_cgroup_hierarchy(t, d->s->cgrp);
}

/**
 * lm_lives_inside - is a process alive, and in the container?
 * @d: the dump
 * @leader: its main thread
 *
 * One that has ended stays in the cgroup where it was then: any thread counts. Caller
 * holds the RCU lock.
 * Return: whether it is.
 */
bool lm_lives_inside(struct lm_dump *d, struct task_struct *leader)
{
	struct task_struct *t;

	for_each_thread(leader, t)
		if (!READ_ONCE(t->exit_state) && inside(d, t))
			return true;
	return false;
}

/**
 * lm_leader_get - the main thread of a process, which may have ended
 * @t: a thread of it, referenced; it may be gone
 *
 * Return: referenced, or NULL.
 */
struct task_struct *lm_leader_get(struct task_struct *t)
{
	struct task_struct *leader;

	rcu_read_lock();
	leader = pid_task(task_tgid(t), PIDTYPE_TGID);
	if (leader)
		get_task_struct(leader);
	rcu_read_unlock();
	return leader;
}

/* Zombies, too. Under RCU. */
static bool is_ours(struct lm_dump *d, struct task_struct *t)
{
	return inside(d, t) || lm_lives_inside(d, t->group_leader);
}

/* The number of a process group or session, 0 when it came from outside: its
 * leader is outside, or it is gone and one of its members is outside.
 */
static pid_t own_group(struct lm_dump *d, struct task_struct *t,
		       enum pid_type type)
{
	struct task_struct *member;
	struct pid *pid;
	pid_t nr;

	rcu_read_lock();
	pid = READ_ONCE(t->signal->pids[type]);
	nr = pid_nr_ns(pid, d->pid_ns);
	member = pid_task(pid, PIDTYPE_TGID);
	if (member) {
		if (!is_ours(d, member))
			nr = 0;
	} else if (pid) {
		hlist_for_each_entry_rcu(member, &pid->tasks[type],
					 pid_links[type])
			if (!is_ours(d, member))
				nr = 0;
	}
	rcu_read_unlock();
	return nr;
}

static int put_kinship(struct lm_dump *d, struct task_struct *t,
		       struct sk_buff *obj)
{
	struct task_struct *parent;
	pid_t ppid = 0;

	rcu_read_lock();
	/* (of who has been waited for nobody keeps it) */
	parent = pid_alive(t) ? rcu_dereference(t->real_parent) : NULL;
	if (parent && is_ours(d, parent))
		ppid = task_tgid_nr_ns(parent, d->pid_ns);
	rcu_read_unlock();

	return nla_put_u32(obj, LIVEMIG_PROCESS_PPID, ppid) ?:
	       nla_put_u32(obj, LIVEMIG_PROCESS_PGID,
			   own_group(d, t, PIDTYPE_PGID)) ?:
	       nla_put_u32(obj, LIVEMIG_PROCESS_SID,
			   own_group(d, t, PIDTYPE_SID));
}

static int put_sigactions(struct task_struct *t, struct sk_buff *obj)
{
	struct sighand_struct *sighand;
	struct livemig_sigaction *sa;
	struct nlattr *nla;
	int i;

	nla = nla_reserve(obj, LIVEMIG_PROCESS_SIGACTIONS, _NSIG * sizeof(*sa));
	if (!nla)
		return -EMSGSIZE;
	sighand = lm_lock_sighand(t);
	if (!sighand)
		return -ESRCH;
	sa = nla_data(nla);
	for (i = 0; i < _NSIG; i++) {
		const struct sigaction *from = &sighand->action[i].sa;

		sa[i].handler = (unsigned long)from->sa_handler;
		sa[i].flags = from->sa_flags;
		sa[i].restorer = (unsigned long)from->sa_restorer;
		sa[i].mask = from->sa_mask.sig[0];
	}
	lm_unlock_sighand(sighand);
	return 0;
}

static u64 real_timer_left(struct signal_struct *sig)
{
	struct hrtimer *timer = &sig->real_timer;
	s64 left = ktime_to_ns(__hrtimer_get_remaining(timer, true));
	s64 every = ktime_to_ns(sig->it_real_incr);
	u64 late;

	if (hrtimer_active(timer))
		return max_t(s64, left, NSEC_PER_USEC);
	/* An interval timer rests until its SIGALRM is taken. */
	if (every <= 0 || !sigismember(&sig->shared_pending.signal, SIGALRM))
		return 0;
	if (left > 0)
		return left;
	div64_u64_rem(-left, every, &late);
	return every - late;
}

static u64 cpu_timer_left(const struct cpu_itimer *it, u64 used)
{
	if (!it->expires)
		return 0;
	/* Expired, but not yet noticed: a tick from now. */
	return it->expires > used ? it->expires - used : TICK_NSEC;
}

static int put_itimers(struct task_struct *t, struct sk_buff *obj)
{
	struct signal_struct *sig = t->signal;
	struct livemig_itimer it[3] = {};
	struct sighand_struct *sighand = lm_lock_sighand(t);
	u64 utime, stime;

	if (!sighand)
		return -ESRCH;
	it[ITIMER_REAL].value = real_timer_left(sig);
	it[ITIMER_REAL].interval = ktime_to_ns(sig->it_real_incr);
	/* The group's clock runs whenever one of these is armed. */
	utime = atomic64_read(&sig->cputimer.cputime_atomic.utime);
	stime = atomic64_read(&sig->cputimer.cputime_atomic.stime);
	it[ITIMER_VIRTUAL].value =
		cpu_timer_left(&sig->it[CPUCLOCK_VIRT], utime);
	it[ITIMER_VIRTUAL].interval = sig->it[CPUCLOCK_VIRT].incr;
	it[ITIMER_PROF].value =
		cpu_timer_left(&sig->it[CPUCLOCK_PROF], utime + stime);
	it[ITIMER_PROF].interval = sig->it[CPUCLOCK_PROF].incr;
	lm_unlock_sighand(sighand);
	return nla_put(obj, LIVEMIG_PROCESS_ITIMERS, sizeof(it), it);
}

static int put_rlimits(struct task_struct *t, struct sk_buff *obj)
{
	struct livemig_rlimit lim[RLIM_NLIMITS];
	int i;

	BUILD_BUG_ON(RLIM_NLIMITS != 16);
	/* Under ->group_leader's task_lock as do_prlimit(). */
	task_lock(t);
	for (i = 0; i < RLIM_NLIMITS; i++) {
		lim[i].cur = t->signal->rlim[i].rlim_cur;
		lim[i].max = t->signal->rlim[i].rlim_max;
	}
	task_unlock(t);
	return nla_put(obj, LIVEMIG_PROCESS_RLIMITS, sizeof(lim), lim);
}

/**
 * lm_put_fs - add a task's umask and directories to an object
 * @t: the task
 * @obj: the object under construction
 * @umask_attr: attribute number for the umask
 * @cwd_attr: for the path of the working directory
 * @root_attr: for that of the root directory; 0: leave it out
 *
 * Takes task_lock(); sleeps.
 * Return: 0, -ESRCH when the task is exiting, -ENOMEM, -EMSGSIZE.
 */
int lm_put_fs(struct task_struct *t, struct sk_buff *obj, int umask_attr,
	      int cwd_attr, int root_attr)
{
	struct path root, pwd;
	int umask = 0, err;

	task_lock(t);
	if (!t->fs) {
		task_unlock(t);
		return -ESRCH;
	}
	umask = t->fs->umask;
	get_fs_root(t->fs, &root);
	get_fs_pwd(t->fs, &pwd);
	task_unlock(t);

	err = nla_put_u32(obj, umask_attr, umask) ?:
	      lm_put_path(obj, cwd_attr, &pwd);
	if (!err && root_attr)
		err = lm_put_path(obj, root_attr, &root);
	path_put(&pwd);
	path_put(&root);
	return err;
}

/* struct mnt_namespace is private to the VFS: it gets a number of ours. Of a
 * zombie the pid namespace is left.
 */
static int put_ns(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj)
{
	struct livemig_ns ns = {};
	struct pid_namespace *pid_ns;
	const void *mnt_ns;

	task_lock(t);
	if (!t->nsproxy) {
		task_unlock(t);
		if (READ_ONCE(t->exit_state) != EXIT_ZOMBIE)
			return -ESRCH;
		goto pids;
	}
	mnt_ns = t->nsproxy->mnt_ns;
	ns.uts = t->nsproxy->uts_ns->ns.inum;
#ifdef CONFIG_IPC_NS
	ns.ipc = t->nsproxy->ipc_ns->ns.inum;
#endif
	ns.pid_for_children = t->nsproxy->pid_ns_for_children->ns.inum;
	ns.net = t->nsproxy->net_ns->ns.inum;
	ns.cgroup = t->nsproxy->cgroup_ns->ns.inum;
#ifdef CONFIG_TIME_NS
	ns.time = t->nsproxy->time_ns->ns.inum;
#endif
	task_unlock(t);
	if (mnt_ns != current->nsproxy->mnt_ns) {
		ns.mnt = lm_id(d->s, LM_ID_MNT_NS, mnt_ns, NULL);
		if (!ns.mnt)
			return -ENOMEM;
	}
pids:
	rcu_read_lock();
	pid_ns = task_active_pid_ns(t);
	ns.pid = pid_ns ? pid_ns->ns.inum : 0;
	ns.user = __task_cred(t)->user_ns->ns.inum;
	rcu_read_unlock();
	return nla_put(obj, LIVEMIG_PROCESS_NS, sizeof(ns), &ns);
}

static int put_loginuid(struct task_struct *t, struct sk_buff *obj)
{
	kuid_t uid = audit_get_loginuid(t);

	return uid_valid(uid) ? nla_put_u32(obj, LIVEMIG_PROCESS_LOGINUID,
					    from_kuid(&init_user_ns, uid)) : 0;
}

/**
 * lm_put_cgroup - add a task's cgroup to an object
 * @d: the dump
 * @t: the task
 * @obj: the object under construction
 * @attr: attribute number for its path, below that of the session
 *
 * Sleeps.
 * Return: 0, -ENOMEM, -ENAMETOOLONG, -EMSGSIZE.
 */
int lm_put_cgroup(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj,
		  int attr)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	struct kernfs_node *kn;
	int err = -ENAMETOOLONG;
	int len;

	if (!buf)
		return -ENOMEM;
	rcu_read_lock();
	kn = task_dfl_cgroup(t)->kn;
	len = kernfs_path_from_node(kn, d->s->cgrp->kn, buf, PATH_MAX);
	rcu_read_unlock();
	if (len > 0 && len < PATH_MAX)
		err = nla_put_string(obj, attr, buf + (buf[0] == '/'));
	kfree(buf);
	return err;
}

static bool cwd_is_gone(struct task_struct *t)
{
	struct path pwd = {};
	bool gone;

	task_lock(t);
	if (t->fs)
		get_fs_pwd(t->fs, &pwd);
	task_unlock(t);
	gone = pwd.dentry && d_unlinked(pwd.dentry);
	path_put(&pwd);
	return gone;
}

/* Ids of what it has, and the facts that come with them. */
static int put_parts(struct lm_dump *d, struct task_struct *t,
		     struct sk_buff *obj)
{
	struct mm_struct *mm = get_task_mm(t);
	u32 flags = 0, id, dumpable;
	void *files, *fs;
	int err;

	if (!mm)
		return -ESRCH;
	flags |= lm_mm_thp_disabled(mm);
	if (t->signal->is_child_subreaper)
		flags |= LIVEMIG_PROCESS_F_SUBREAPER;
	if (READ_ONCE(t->signal->flags) & SIGNAL_STOP_STOPPED)
		flags |= LIVEMIG_PROCESS_F_STOPPED;
	if (cwd_is_gone(t))
		flags |= LIVEMIG_PROCESS_F_CWD_GONE;
	dumpable = lm_dumpable(t, mm);
	id = lm_id(d->s, LM_ID_MM, mm, NULL);
	mmput(mm);
	if (!id)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_PROCESS_FLAGS, flags) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_DUMPABLE, dumpable) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_MM_ID, id);
	if (err)
		return err;

	task_lock(t);
	files = t->files;
	fs = t->fs;
	task_unlock(t);
	if (!files || !fs)
		return -ESRCH;
	id = lm_id(d->s, LM_ID_FILES, files, NULL);
	if (!id)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_PROCESS_FILES_ID, id);
	if (err)
		return err;
	id = lm_id(d->s, LM_ID_FS, fs, NULL);
	return id ? nla_put_u32(obj, LIVEMIG_PROCESS_FS_ID, id) : -ENOMEM;
}

static int put_ctty(struct task_struct *t, struct sk_buff *obj)
{
	int index = lm_ctty(t);

	return index < 0 ? 0 : nla_put_u32(obj, LIVEMIG_PROCESS_CTTY, index);
}

/* All of it is accounted to the thread or the signal struct; nothing changes any
 * more. The scheduler knows how long it ran, ticks in which mode: wait() shares
 * the one out by the other.
 */
static int put_rusage(struct task_struct *t, struct sk_buff *obj)
{
	const struct signal_struct *sig = t->signal;
	u64 ran = t->se.sum_exec_runtime + sig->sum_sched_runtime;
	u64 utime = t->utime + sig->utime, stime = t->stime + sig->stime;
	struct livemig_rusage ru = {
		.maxrss = max(sig->maxrss, sig->cmaxrss),
		.minflt = t->min_flt + sig->min_flt + sig->cmin_flt,
		.majflt = t->maj_flt + sig->maj_flt + sig->cmaj_flt,
		.inblock = task_io_get_inblock(t) + sig->inblock + sig->cinblock,
		.oublock = task_io_get_oublock(t) + sig->oublock + sig->coublock,
		.nvcsw = t->nvcsw + sig->nvcsw + sig->cnvcsw,
		.nivcsw = t->nivcsw + sig->nivcsw + sig->cnivcsw,
	};

	if (stime)
		stime = mul_u64_u64_div_u64(stime, ran, utime + stime);
	ru.utime_ns = ran - stime + sig->cutime;
	ru.stime_ns = stime + sig->cstime;
	return nla_put(obj, LIVEMIG_PROCESS_RUSAGE, sizeof(ru), &ru);
}

/**
 * lm_dump_dead_proc - queue the PROCESS object of a zombie
 * @d: the dump
 * @t: its main thread; referenced
 *
 * Sleeps; no locks held but the session's.
 * Return: 0, -ESRCH when it was waited for, -ENOMEM, -EMSGSIZE.
 */
int lm_dump_dead_proc(struct lm_dump *d, struct task_struct *t)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_PROCESS);
	pid_t pid = task_tgid_nr_ns(t, d->pid_ns);
	u32 status;
	int err;

	if (!obj)
		return -ENOMEM;
	/* The same choice as wait() makes. */
	status = t->signal->flags & SIGNAL_GROUP_EXIT ?
		 t->signal->group_exit_code : t->exit_code;
	err = pid ? 0 : -ESRCH;
	err = err ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_PID, pid) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_HOST_PID,
			  task_tgid_nr_ns(t, d->s->pid_ns)) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_FLAGS,
			  LIVEMIG_PROCESS_F_ZOMBIE) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_EXIT_SIGNAL,
			  max(t->exit_signal, 0)) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_EXIT_STATUS, status) ?:
	      put_kinship(d, t, obj) ?:
	      put_ns(d, t, obj) ?:
	      lm_put_cgroup(d, t, obj, LIVEMIG_PROCESS_CGROUP) ?:
	      put_rusage(t, obj);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}

/* What belongs to the main thread, also when it has ended before the others. */
static int put_of_leader(struct task_struct *t, int n, struct sk_buff *obj)
{
	struct task_struct *leader = lm_leader_get(t);
	int err;

	if (!leader)
		return -ESRCH;
	err = nla_put_u32(obj, LIVEMIG_PROCESS_THREADS, n + (leader != t)) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_EXIT_SIGNAL,
			  max(leader->exit_signal, 0)) ?:
	      nla_put_u64_64bit(obj, LIVEMIG_PROCESS_START_NS,
				leader->start_boottime + lm_boottime_offset(t),
				LIVEMIG_PROCESS_PAD) ?:
	      lm_arch_put_perm(obj, leader);
	put_task_struct(leader);
	return err;
}

/**
 * lm_dump_proc - queue the PROCESS object
 * @d: the dump
 * @threads: the threads of the process that live, a leader first
 * @n: their number
 *
 * Sleeps; no locks held but the session's.
 * Return: 0, -ESRCH when the process is exiting, -ENOMEM, -EMSGSIZE.
 */
int lm_dump_proc(struct lm_dump *d, struct task_struct **threads, int n)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_PROCESS);
	struct task_struct *t = threads[0];
	int err;

	if (!obj)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_PROCESS_PID,
			  task_tgid_nr_ns(t, d->pid_ns)) ?:
	      nla_put_u32(obj, LIVEMIG_PROCESS_HOST_PID,
			  task_tgid_nr_ns(t, d->s->pid_ns)) ?:
	      put_of_leader(t, n, obj) ?:
	      nla_put_s32(obj, LIVEMIG_PROCESS_OOM_SCORE_ADJ,
			  t->signal->oom_score_adj) ?:
	      put_kinship(d, t, obj) ?:
	      put_parts(d, t, obj) ?:
	      put_sigactions(t, obj) ?:
	      put_itimers(t, obj) ?:
	      lm_put_process_cputime(t, obj) ?:
	      put_rlimits(t, obj) ?:
	      put_loginuid(t, obj) ?:
	      put_ns(d, t, obj) ?:
	      lm_put_cgroup(d, t, obj, LIVEMIG_PROCESS_CGROUP) ?:
	      put_ctty(t, obj) ?:
	      lm_put_sem_undo(d, threads, n, obj) ?:
	      lm_put_pending(d, t, obj, LIVEMIG_PROCESS_SIGPENDING, true) ?:
	      lm_put_fs(t, obj, LIVEMIG_PROCESS_UMASK, LIVEMIG_PROCESS_CWD,
			LIVEMIG_PROCESS_ROOT);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}
