// SPDX-License-Identifier: GPL-2.0
/*
 * What a parked task does to itself. What can fail comes first, before READY;
 * what would be seen by others if the restore failed and the task were killed
 * (its robust list, its clear_tid) comes last, after SERVE, and cannot fail.
 *
 * Locking: everything here runs in the task itself, while all other threads of
 * its process are parked; takes mmap_lock, arg_lock and siglock for those who
 * look from outside, and r->lock for the claim of a shared mm.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/futex.h>
#include <linux/mm.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "arch.h"
#include "cputime.h"
#include "restore.h"
#include "wrapper/restore.h"

#define SIGINFO_SIZE	128

/* ---- the address space ---- */

static void climb(struct path *path)
{
	while (follow_up(path))
		;
}

/* Where paths of the dump begin. In the coordinator's mount namespace that is its own
 * root, as the dump's was (a task with another was refused); in another one that of the
 * namespace: the task's own may be a directory below. All mounts of a namespace hang
 * below the same.
 */
static void get_paths_root(const struct lm_restore *r, struct path *root)
{
	struct path top = r->root;

	path_get(&top);
	climb(&top);
	get_fs_root(current->fs, root);
	climb(root);
	if (root->mnt == top.mnt) {
		path_put(root);
		*root = r->root;
		path_get(root);
	} else {
		dput(root->dentry);
		root->dentry = dget(root->mnt->mnt_root);
		lm_follow_down(root);
	}
	path_put(&top);
}

/* With the coordinator's credentials: the task's own may not be able to read
 * what it executes.
 */
static struct file *open_exe(struct lm_restore *r, const char *path)
{
	const struct cred *old = override_creds(r->file->f_cred);
	struct file *at, *exe;
	struct path root;

	get_paths_root(r, &root);
	/* First as a name: to open a pipe or a device is to do something with it. */
	at = file_open_root(&root, path, O_PATH, 0);
	path_put(&root);
	if (IS_ERR(at)) {
		exe = at;
	} else {
		exe = S_ISREG(file_inode(at)->i_mode) ?
		      dentry_open(&at->f_path, O_RDONLY | O_LARGEFILE, current_cred()) :
		      ERR_PTR(-EACCES);
		fput(at);
	}
	revert_creds(old);
	return exe;
}

/* Nothing of the program that ran so far may be left, or its file would be
 * mapped for ever.
 */
static int check_leftovers(struct mm_struct *mm, struct file *old)
{
	struct vm_area_struct *vma;
	int ret = 0;

	VMA_ITERATOR(vmi, mm, 0);

	mmap_read_lock(mm);
	for_each_vma(vmi, vma)
		if (vma->vm_file && file_inode(vma->vm_file) == file_inode(old))
			ret = -EBUSY;
	mmap_read_unlock(mm);
	return ret;
}

static int set_exe(struct lm_restore *r, struct mm_struct *mm, const char *path)
{
	struct file *exe = open_exe(r, path), *old;
	int ret;

	if (IS_ERR(exe))
		return PTR_ERR(exe);
	ret = lm_exe_deny_write(exe);
	if (ret) {
		fput(exe);
		return ret;
	}
	mmap_write_lock(mm);
	old = rcu_replace_pointer(mm->exe_file, exe, true);
	mmap_write_unlock(mm);
	if (!old)
		return 0;
	if (file_inode(old) != file_inode(exe))
		ret = check_leftovers(mm, old);
	lm_exe_allow_write(old);
	fput(old);
	return ret;
}

static void set_layout(struct mm_struct *mm, const struct lm_restore_mm *m)
{
	const struct livemig_mm_layout *l = &m->layout;

	mmap_write_lock(mm);
	spin_lock(&mm->arg_lock);
	mm->start_code = l->start_code;
	mm->end_code = l->end_code;
	mm->start_data = l->start_data;
	mm->end_data = l->end_data;
	mm->start_brk = l->start_brk;
	mm->brk = l->brk;
	mm->start_stack = l->start_stack;
	mm->arg_start = l->arg_start;
	mm->arg_end = l->arg_end;
	mm->env_start = l->env_start;
	mm->env_end = l->env_end;
	spin_unlock(&mm->arg_lock);
	if (m->auxv) {
		memset(mm->saved_auxv, 0, sizeof(mm->saved_auxv));
		memcpy(mm->saved_auxv, m->auxv, m->auxv_len);
	}
	mmap_write_unlock(mm);
}

/* Helpers are the initial namespace's, which does not go away under those who look. */
static int set_user_ns(void)
{
	struct user_namespace **place = lm_exec_user_ns_place(), *old = *place;

	if (old == current_user_ns())
		return 0;
	if (old != &init_user_ns)
		return -EINVAL;
	task_lock(current);
	WRITE_ONCE(*place, get_user_ns(current_user_ns()));
	task_unlock(current);
	put_user_ns(old);
	return 0;
}

/* Is it ours to do: the first process of those that share an mm does it. */
static int claim_mm(struct lm_restore *r, struct lm_restore_mm *m, bool *mine)
{
	int ret = 0;

	mutex_lock(&r->lock);
	*mine = !m->claimed;
	if (!m->claimed)
		m->claimed = current->mm;
	else if (m->claimed != current->mm)
		ret = -EINVAL;
	mutex_unlock(&r->lock);
	return ret;
}

static int prepare_mm(struct lm_restore_thread *t, const char **step)
{
	const struct livemig_range *unmap = &t->arg.unmap;
	struct lm_restore_mm *m = t->process->mm;
	bool mine;
	int ret;

	*step = "shared memory";
	ret = claim_mm(t->r, m, &mine);
	if (ret || !mine)
		return ret;
	*step = "unmapping the helper";
	ret = vm_munmap(unmap->start, unmap->end - unmap->start);
	if (ret)
		return ret;
	set_layout(current->mm, m);
	if (m->has_pkeys)
		lm_arch_set_pkeys(&m->pkeys);
	*step = "user namespace";
	ret = m->user_ns ? set_user_ns() : 0;
	if (ret)
		return ret;
	*step = "executable";
	return m->exe ? set_exe(t->r, current->mm, m->exe) : 0;
}

/* ---- the process ---- */

static void set_sigactions(const struct livemig_sigaction *from)
{
	/* current keeps its own: no RCU is needed. */
	struct sighand_struct *hand = rcu_dereference_protected(current->sighand, 1);
	struct k_sigaction *to = hand->action;
	struct livemig_sigaction s;
	int i;

	spin_lock_irq(&hand->siglock);
	for (i = 0; i < _NSIG; i++) {
		if (sig_kernel_only(i + 1))
			continue;
		memcpy(&s, &from[i], sizeof(s));
		to[i].sa.sa_handler = (__sighandler_t)u64_to_user_ptr(s.handler);
		to[i].sa.sa_flags = s.flags & UAPI_SA_FLAGS;
		to[i].sa.sa_restorer = (__sigrestore_t)u64_to_user_ptr(s.restorer);
		to[i].sa.sa_mask.sig[0] = s.mask;
		sigdelsetmask(&to[i].sa.sa_mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	}
	spin_unlock_irq(&hand->siglock);
}

/**
 * lm_prepare_leader() - the part of a process
 * @t: the THREAD object of the leader, which is current
 * @step: on failure, in which step
 *
 * Sleeps. Takes r->lock, mmap_lock, siglock.
 * Return: 0 or -errno; then the process can only be killed.
 */
int lm_prepare_leader(struct lm_restore_thread *t, const char **step)
{
	struct lm_restore_process *p = t->process;
	int i, ret;

	*step = "other threads than those added";
	if (get_nr_threads(current) != p->nr_threads)
		return -EBUSY;
	ret = prepare_mm(t, step);
	if (ret)
		return ret;
	*step = "controlling terminal";
	ret = p->has_ctty ? lm_take_ctty() : 0;
	if (ret)
		return ret;
	set_sigactions(p->sigactions);
	lm_add_process_cputime(p->cputime);
	for (i = 0; i < ARRAY_SIZE(t->arg.close_fd); i++)
		if (t->arg.close_fd[i] >= 0)
			close_fd(t->arg.close_fd[i]);
	return 0;
}

/* ---- the thread ---- */

/* sigprocmask() would also block SIGKILL. */
static void set_mask(u64 blocked)
{
	sigset_t mask;

	mask.sig[0] = blocked;
	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* By the clock of its time namespace, which it has joined. On a host that is
 * up for a shorter time, the start lies before zero and wraps around; for those
 * within the namespace it comes out right.
 */
static void set_start_time(const struct lm_restore_thread *t)
{
	u64 start = t->start_ns - timens_add_boottime_ns(0);

	if (!t->has_start)
		return;
	current->start_time += start - current->start_boottime;
	current->start_boottime = start;
}

/* Queued, not delivered: all signals are blocked. */
static int queue_signals(const struct lm_restore_thread *t)
{
	struct kernel_siginfo info;
	unsigned int i;
	int ret;

	BUILD_BUG_ON(sizeof(info) > SIGINFO_SIZE);
	for (i = 0; i < t->nr_siginfo; i++) {
		memcpy(&info, t->siginfo + i * SIGINFO_SIZE, sizeof(info));
		if (info.si_code == SI_TIMER)
			info.si_sys_private = 0; /* no timer made it */
		ret = send_sig_info(info.si_signo, &info, current);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * lm_prepare_thread() - the part of a thread that can fail
 * @t: the THREAD object of current
 * @step: on failure, in which step
 *
 * Takes siglock and alloc_lock.
 * Return: 0 or -errno.
 */
int lm_prepare_thread(struct lm_restore_thread *t, const char **step)
{
	/* What the helper did not block would be delivered early. */
	set_mask(~0ULL);
	task_lock(current);
	strscpy_pad(current->comm, t->comm, sizeof(current->comm));
	task_unlock(current);
	set_start_time(t);
	lm_add_thread_cputime(&t->cputime);
	*step = "seccomp filters";
	if (!lm_has_filters(&t->seccomp))
		return -EINVAL;
	*step = "pending signals";
	return queue_signals(t);
}

static ktime_t clock_now(clockid_t clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
		return ktime_get_real();
	case CLOCK_BOOTTIME:
		return ktime_get_boottime();
	case CLOCK_TAI:
		return ktime_get_clocktai();
	}
	return ktime_get();
}

/* @left is the image's, and may be more than there is time. */
static ktime_t end_of(ktime_t now, s64 left)
{
	return ktime_add_safe(now, max_t(s64, left, 0));
}

/* The kernel has filled current's restart block for a sleep of the same kind:
 * its function, clock and mode are right, its arguments are the helper's.
 */
static void set_restart_block(const struct livemig_restart *s)
{
	struct restart_block *b = &current->restart_block;

	switch (s->kind) {
	case LIVEMIG_RESTART_NANOSLEEP:
		b->nanosleep.type = s->flags;
		b->nanosleep.rmtp = u64_to_user_ptr(s->addr);
		b->nanosleep.expires = end_of(clock_now(b->nanosleep.clockid), s->left_ns);
		break;
	case LIVEMIG_RESTART_POLL:
		b->poll.ufds = u64_to_user_ptr(s->addr);
		b->poll.nfds = s->val;
		b->poll.has_timeout = s->left_ns >= 0;
		lm_set_poll_end(b, end_of(ktime_get(), s->left_ns));
		break;
	case LIVEMIG_RESTART_FUTEX:
		b->futex.uaddr = u64_to_user_ptr(s->addr);
		b->futex.val = s->val;
		b->futex.bitset = s->bitset;
		b->futex.time = end_of(s->absolute ? 0 :
				       clock_now(s->flags & FUTEX_CLOCK_REALTIME ?
						 CLOCK_REALTIME : CLOCK_MONOTONIC),
				       s->left_ns);
		break;
	}
}

/**
 * lm_finish_thread() - the last part, on the way to user mode
 * @t: the THREAD object of current
 *
 * The signal mask is last: from then on pending signals are delivered, to
 * handlers that see everything as it was. Takes siglock.
 */
void lm_finish_thread(struct lm_restore_thread *t)
{
	current->sas_ss_sp = t->altstack.sp;
	current->sas_ss_size = t->altstack.size;
	current->sas_ss_flags = t->altstack.flags;
	lm_set_robust_list(t->robust_list);
	current->clear_child_tid = u64_to_user_ptr(t->clear_tid);
	lm_set_rseq(&t->rseq);
	lm_close_door();
	if (t->slept) {
		set_restart_block(&t->restart);
		set_tsk_thread_flag(current, TIF_SIGPENDING);
	}
	set_mask(t->sigmask);
}
