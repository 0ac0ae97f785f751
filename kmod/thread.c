// SPDX-License-Identifier: GPL-2.0
/*
 * The THREAD objects.
 *
 * Locking: ->siglock for the signal mask, references for credentials. The rest
 * are single words of a task that is either frozen, or running and then only
 * being looked at.
 */
#include <linux/bitmap.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/iocontext.h>
#include <linux/path.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seccomp.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include "arch/x86/regs.h"
#include "cputime.h"
#include "signals.h"
#include "state.h"
#include "wrapper/numa.h"
#include "wrapper/sched.h"
#include "wrapper/task_state.h"

/* Supplementary groups that fit beside the rest of the object. */
#define LM_GROUPS_MAX	1024

static int put_comm(struct task_struct *t, struct sk_buff *obj)
{
	char comm[TASK_COMM_LEN];

	get_task_comm(comm, t);
	return nla_put_string(obj, LIVEMIG_THREAD_COMM, comm);
}

/* While a call waits with a mask of its own (sigsuspend, ppoll, ...), the
 * thread's mask is the one that it will have afterwards.
 */
static int put_signals(struct task_struct *t, struct sk_buff *obj)
{
	struct sighand_struct *sighand = lm_lock_sighand(t);
	struct livemig_altstack ss = {};
	u64 mask;

	if (!sighand)
		return -ESRCH;
	mask = test_tsk_restore_sigmask(t) ? t->saved_sigmask.sig[0] :
					     t->blocked.sig[0];
	ss.sp = t->sas_ss_sp;
	ss.size = t->sas_ss_size;
	ss.flags = t->sas_ss_flags;
	lm_unlock_sighand(sighand);
	return nla_put_u64_64bit(obj, LIVEMIG_THREAD_SIGMASK, mask,
				 LIVEMIG_THREAD_PAD) ?:
	       nla_put(obj, LIVEMIG_THREAD_ALTSTACK, sizeof(ss), &ss);
}

static int put_groups(struct lm_dump *d, struct task_struct *t,
		      const struct cred *cred, struct sk_buff *obj)
{
	const struct group_info *gi = cred->group_info;
	struct nlattr *nla;
	u32 *gids;
	int i;

	if (gi->ngroups > LM_GROUPS_MAX)
		return lm_unsupported(d, t, -1, false, NULL,
				      "%d supplementary groups, more than %d",
				      gi->ngroups, LM_GROUPS_MAX);
	nla = nla_reserve(obj, LIVEMIG_THREAD_GROUPS,
			  gi->ngroups * sizeof(*gids));
	if (!nla)
		return -EMSGSIZE;
	gids = nla_data(nla);
	for (i = 0; i < gi->ngroups; i++)
		gids[i] = from_kgid(&init_user_ns, gi->gid[i]);
	return 0;
}

static int put_creds(struct lm_dump *d, struct task_struct *t,
		     struct sk_buff *obj)
{
	const struct cred *cred = get_task_cred(t);
	struct user_namespace *ns = &init_user_ns;
	struct livemig_creds c = {
		.uid = from_kuid(ns, cred->uid),
		.euid = from_kuid(ns, cred->euid),
		.suid = from_kuid(ns, cred->suid),
		.fsuid = from_kuid(ns, cred->fsuid),
		.gid = from_kgid(ns, cred->gid),
		.egid = from_kgid(ns, cred->egid),
		.sgid = from_kgid(ns, cred->sgid),
		.fsgid = from_kgid(ns, cred->fsgid),
		.securebits = cred->securebits,
		.cap_inheritable = lm_cap_bits(cred->cap_inheritable),
		.cap_permitted = lm_cap_bits(cred->cap_permitted),
		.cap_effective = lm_cap_bits(cred->cap_effective),
		.cap_bounding = lm_cap_bits(cred->cap_bset),
		.cap_ambient = lm_cap_bits(cred->cap_ambient),
	};
	int err;

	err = nla_put(obj, LIVEMIG_THREAD_CREDS, sizeof(c), &c) ?:
	      put_groups(d, t, cred, obj) ?:
	      lm_put_keyrings(obj, cred);
	put_cred(cred);
	return err;
}

static int put_sched(struct task_struct *t, struct sk_buff *obj)
{
	struct livemig_sched s = {
		.policy = t->policy,
		.nice = task_nice(t),
		.rt_priority = t->rt_priority,
		.reset_on_fork = t->sched_reset_on_fork,
	};
	size_t bytes = DIV_ROUND_UP(nr_cpu_ids, 64) * sizeof(u64);
	struct livemig_sched_hints hints = lm_sched_hints(t);
	struct nlattr *nla;

	if ((hints.slice_ns || hints.util_min >= 0 || hints.util_max >= 0) &&
	    nla_put(obj, LIVEMIG_THREAD_SCHED_HINTS, sizeof(hints), &hints))
		return -EMSGSIZE;

	nla = nla_reserve(obj, LIVEMIG_THREAD_AFFINITY, bytes);
	if (!nla)
		return -EMSGSIZE;
	bitmap_to_arr64(nla_data(nla), cpumask_bits(&t->cpus_mask), nr_cpu_ids);
	return nla_put(obj, LIVEMIG_THREAD_SCHED, sizeof(s), &s);
}

static int put_mempolicy(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj)
{
	struct livemig_mempolicy policy = {};
	int ret = lm_task_mempolicy(t, &policy);

	if (ret < 0)
		return lm_unsupported(d, t, -1, false, NULL,
				      "NUMA policy for a node above 63");
	return ret ? nla_put(obj, LIVEMIG_THREAD_MEMPOLICY, sizeof(policy), &policy) : 0;
}

static int put_ioprio(struct task_struct *t, struct sk_buff *obj)
{
	u32 prio = 0;

#ifdef CONFIG_BLOCK
	task_lock(t);
	if (t->io_context)
		prio = t->io_context->ioprio;
	task_unlock(t);
#endif
	return prio ? nla_put_u32(obj, LIVEMIG_THREAD_IOPRIO, prio) : 0;
}

static int put_user_words(struct task_struct *t, struct sk_buff *obj)
{
	struct livemig_rseq rseq = {
		.addr = lm_rseq_addr(t),
		.len = lm_rseq_len(t),
		.sig = lm_rseq_sig(t),
	};
	int err;

	err = nla_put_u64_64bit(obj, LIVEMIG_THREAD_ROBUST_LIST,
				lm_robust_list(t), LIVEMIG_THREAD_PAD) ?:
	      nla_put_u64_64bit(obj, LIVEMIG_THREAD_CLEAR_TID,
				(unsigned long)t->clear_child_tid,
				LIVEMIG_THREAD_PAD);
	if (!err && rseq.addr)
		err = nla_put(obj, LIVEMIG_THREAD_RSEQ, sizeof(rseq), &rseq);
	return err;
}

/*
 * A frozen task can be killed, and a reference to it does not keep its stack,
 * where the registers are. But who dies must pass exit_mm(), which waits for
 * this lock, on that stack.
 */
static int put_regs(struct task_struct *t, struct sk_buff *obj, u32 *flags)
{
	int err = -EBUSY;

	if (lm_arch_unsupported(t))	/* refused; and an LDT wants to sleep */
		return 0;
	if (!lm_task_stopped(t))
		return err;
	task_lock(t);
	if (t->mm && t->frozen)
		err = lm_arch_put_regs(obj, t, flags);
	if (!err && !t->frozen)
		err = -EBUSY;
	task_unlock(t);
	return err;
}

static bool has_other_root(struct task_struct *t, struct task_struct *than)
{
	struct task_struct *of[] = { t, than };
	struct path roots[2] = {};
	bool ret;
	int i;

	for (i = 0; i < 2; i++) {
		task_lock(of[i]);
		if (of[i]->fs)
			get_fs_root(of[i]->fs, &roots[i]);
		task_unlock(of[i]);
	}
	ret = roots[0].mnt && roots[1].mnt && !path_equal(&roots[0], &roots[1]);
	path_put(&roots[0]);
	path_put(&roots[1]);
	return ret;
}

/* Only when they are its own, by unshare(CLONE_FS). */
static int put_own_fs(struct lm_dump *d, struct task_struct *t,
		      struct sk_buff *obj)
{
	struct fs_struct *fs = READ_ONCE(t->fs);
	bool first;

	if (!fs || fs == READ_ONCE(d->first->fs))
		return 0;
	if (!lm_dump_id(d, LM_ID_FS, fs, &first))
		return -ENOMEM;
	if (!first)
		return lm_unsupported(d, t, -1, false, NULL,
				      "working directory shared with another thread, but not with its process");
	if (has_other_root(t, d->first))
		return lm_unsupported(d, t, -1, false, NULL,
				      "thread with another root directory than its process");
	return lm_put_fs(t, obj, LIVEMIG_THREAD_UMASK, LIVEMIG_THREAD_CWD, 0);
}

/* Only another one than the process is in: they are in threaded cgroups. */
static int put_own_cgroup(struct lm_dump *d, struct task_struct *t,
			  struct sk_buff *obj)
{
	bool own;

	rcu_read_lock();
	own = task_dfl_cgroup(t) != task_dfl_cgroup(d->first);
	rcu_read_unlock();
	return own ? lm_put_cgroup(d, t, obj, LIVEMIG_THREAD_CGROUP) : 0;
}

/* What a filter is like, only the kernel's own code knows. */
static int put_seccomp(struct lm_dump *d, struct task_struct *t,
		       struct sk_buff *obj)
{
#ifdef CONFIG_SECCOMP
	struct livemig_seccomp s = { .mode = READ_ONCE(t->seccomp.mode) };

	if (s.mode == SECCOMP_MODE_DISABLED)
		return 0;
	if (s.mode == SECCOMP_MODE_FILTER) {
		s.filters = atomic_read(&t->seccomp.filter_count);
		s.id = lm_dump_id(d, LM_ID_SECCOMP,
				  READ_ONCE(t->seccomp.filter), NULL);
		if (!s.id)
			return -ENOMEM;
	}
	return nla_put(obj, LIVEMIG_THREAD_SECCOMP, sizeof(s), &s);
#else
	return 0;
#endif
}

static int put_times(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj)
{
	return nla_put_u64_64bit(obj, LIVEMIG_THREAD_START_NS,
				 t->start_boottime + lm_boottime_offset(d->first),
				 LIVEMIG_THREAD_PAD) ?:
	       lm_put_thread_cputime(t, obj);
}

/* What prctl() sets, one flag each. */
static u32 flags_of(struct task_struct *t)
{
	const unsigned int io = PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE;
	unsigned int pf = READ_ONCE(t->flags);
	u32 flags = 0;

	if (task_no_new_privs(t))
		flags |= LIVEMIG_THREAD_F_NO_NEW_PRIVS;
	if ((pf & io) == io)
		flags |= LIVEMIG_THREAD_F_IO_FLUSHER;
	if (pf & PF_MCE_PROCESS)
		flags |= pf & PF_MCE_EARLY ? LIVEMIG_THREAD_F_MCE_EARLY :
					     LIVEMIG_THREAD_F_MCE_LATE;
	return flags;
}

/* What only a thread that lives has. */
static int put_alive(struct lm_dump *d, struct task_struct *t,
		     struct sk_buff *obj, u32 *flags)
{
	int err;

	*flags |= flags_of(t);
	err = put_signals(t, obj) ?:
	      put_user_words(t, obj) ?:
	      put_sched(t, obj) ?:
	      put_mempolicy(d, t, obj) ?:
	      put_ioprio(t, obj) ?:
	      put_own_fs(d, t, obj) ?:
	      put_own_cgroup(d, t, obj) ?:
	      put_seccomp(d, t, obj) ?:
	      lm_arch_put_controls(obj, t, flags) ?:
	      nla_put_u64_64bit(obj, LIVEMIG_THREAD_TIMERSLACK,
				t->timer_slack_ns, LIVEMIG_THREAD_PAD) ?:
	      put_times(d, t, obj) ?:
	      nla_put_u32(obj, LIVEMIG_THREAD_PERSONALITY, t->personality) ?:
	      nla_put_u32(obj, LIVEMIG_THREAD_PDEATH_SIG, t->pdeath_signal) ?:
	      lm_put_pending(d, t, obj, LIVEMIG_THREAD_SIGPENDING, false);
	if (!err && d->frozen)
		err = put_regs(t, obj, flags);
	return err;
}

static int dump_thread(struct lm_dump *d, struct task_struct *t)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_THREAD);
	int state = READ_ONCE(t->exit_state);
	u32 flags = 0, len;
	int err;

	if (!obj)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_THREAD_TID,
			  task_pid_nr_ns(t, d->pid_ns)) ?:
	      nla_put_u32(obj, LIVEMIG_THREAD_PID,
			  task_tgid_nr_ns(t, d->pid_ns)) ?:
	      nla_put_u32(obj, LIVEMIG_THREAD_HOST_TID,
			  task_pid_nr_ns(t, d->s->pid_ns)) ?:
	      lm_put_inner_pids(d, t, obj) ?:
	      put_comm(t, obj) ?:
	      put_creds(d, t, obj);
	len = obj->len;
	if (!err && !state)
		err = put_alive(d, t, obj, &flags);
	else if (!err && (state != EXIT_ZOMBIE || !thread_group_leader(t)))
		err = -ESRCH;	/* it is on its way out */
	else if (!err && !thread_group_empty(t))
		err = put_times(d, t, obj) ?:
		      nla_put_u32(obj, LIVEMIG_THREAD_EXIT_STATUS, t->exit_code);
	if (err == -EMSGSIZE) {
		skb_trim(obj, len);	/* the reader wants to know that it is there */
		err = lm_unsupported(d, t, -1, false, NULL,
				     "thread with more signals, groups and long names than fit an object");
	}
	if (!err)
		err = nla_put_u32(obj, LIVEMIG_THREAD_FLAGS, flags);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}

/* The main thread, if it is not @t: it has ended before others, and is a zombie until
 * the last of them ends.
 */
static int dump_ended_leader(struct lm_dump *d, struct task_struct *t)
{
	struct task_struct *leader = lm_leader_get(t);
	int err = 0;

	if (!leader)
		return -ESRCH;
	if (leader != t)
		err = READ_ONCE(leader->exit_state) == EXIT_ZOMBIE ?
		      dump_thread(d, leader) :
		      lm_unsupported(d, leader, -1, true, NULL,
				     "process whose main thread is ending");
	put_task_struct(leader);
	return err;
}

/**
 * lm_dump_threads - queue a THREAD object for each thread
 * @d: the dump; registers only if d->frozen
 * @threads: the threads of a process that live (or a zombie), a leader first
 * @n: their number
 *
 * Sleeps. A running thread that exits meanwhile is left out. The leader is dumped first
 * in any case.
 * Return: 0, -EINTR, -ENOMEM, -EBUSY (a thread is not stopped).
 */
int lm_dump_threads(struct lm_dump *d, struct task_struct **threads, int n)
{
	int i, err = dump_ended_leader(d, threads[0]);

	if (err)
		return err;
	for (i = 0; i < n; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = dump_thread(d, threads[i]);
		if (err == -ESRCH && i > 0)
			continue;
		if (err)
			return err;
	}
	return 0;
}
