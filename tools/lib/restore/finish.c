// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * After the last page: everything that a process of the container has besides
 * memory, then all tasks park in the module (READY); and the commit.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "internal.h"
#include "../kinds/kinds.h"

#define READY_TIMEOUT_MS	60000
/* A task that cannot be told why it is missing: LIVEMIG_PROCESS_DUMPABLE. */
#define DUMPABLE_ROOT		2

static int give(struct lm_restorer *r, const struct lm_obj *o, uint32_t mm_id,
		const char *what, uint32_t id, struct lm_error *e)
{
	struct livemig_ioc_add a = {
		.buf = (uintptr_t)o->raw,
		.len = o->len,
		.type = o->type,
		.mm_id = mm_id,
	};

	if (!ioctl(r->dev, LIVEMIG_IOC_ADD, &a))
		return 0;
	a.why[sizeof(a.why) - 1] = 0;
	return lm_fail_errno(e, LM_REFUSED, "%s %u cannot be restored here%s%s",
			     what, id, *a.why ? ": " : "", a.why);
}

/* The program of an address space is opened by its path, by the module in the
 * place of the task. One that was deleted is a file of ours.
 */
static int give_mm(struct lm_restorer *r, const struct lm_mm *mm, struct lm_error *e)
{
	const struct lm_file *exe =
		lm_model_file(&r->m, lm_u32(mm->obj.tb[LIVEMIG_MM_EXE_FILE]));
	struct lm_obj o = mm->obj;
	struct lm_buf b = { 0 };
	char path[64];
	int fd, ret;

	if (!exe || !lm_kind_is_deleted(exe))
		return give(r, &mm->obj, mm->id, "memory", mm->id, e);
	fd = lm_deleted_read_only(r, exe, e);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", getpid(), fd);
	for (const struct nlattr *a = NULL; (a = lm_next(o.raw, o.len, a));)
		if (lm_type(a) != LIVEMIG_MM_EXE)
			lm_put(&b, lm_type(a), lm_data(a), lm_len(a));
	lm_put_str(&b, LIVEMIG_MM_EXE, path);
	o.raw = b.data;
	o.len = b.len;
	ret = b.oom ? lm_fail(e, LM_FAILED, "out of memory") :
		      give(r, &o, mm->id, "memory", mm->id, e);
	lm_buf_free(&b);
	return ret;
}

/* Not zombies, nor who stood in for a leader. */
static bool lives(const struct lm_process *mp)
{
	return mp->mm;
}

static int give_all(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_model *m = &r->m;

	for (size_t i = 0; i < m->nr_mms; i++)
		if (give_mm(r, m->mms[i], e))
			return -1;
	for (size_t i = 0; i < m->nr_procs; i++)
		if (!m->procs[i]->stand_in &&
		    give(r, &m->procs[i]->obj, 0, "pid", m->procs[i]->pid, e))
			return -1;
	for (size_t i = 0; i < m->nr_procs; i++)
		for (size_t j = 0; lives(m->procs[i]) &&
				   j < m->procs[i]->nr_threads; j++)
			if (give(r, &m->procs[i]->threads[j]->obj, 0, "thread",
				 m->procs[i]->threads[j]->tid, e))
				return -1;
	return 0;
}

/* A process whose parent has stayed elsewhere is a child of ours, and then of init: that
 * we end is no reason to be told, or killed.
 */
static bool changes_parent(const struct lm_restorer *r, const struct lm_process *mp)
{
	return !r->o.waits && !lm_u32(mp->obj.tb[LIVEMIG_PROCESS_PPID]);
}

static void how_to_become(const struct lm_restorer *r, const struct lm_process *mp,
			  const struct lm_thread *t, struct lm_helper_become *how)
{
	const struct livemig_restart *restart;
	size_t n;

	*how = (struct lm_helper_become){
		.pdeath_sig = changes_parent(r, mp) ? 0 :
			      lm_u32(t->obj.tb[LIVEMIG_THREAD_PDEATH_SIG]),
	};
	restart = lm_array(t->obj.tb[LIVEMIG_THREAD_RESTART], sizeof(*restart), &n);
	if (!n)
		return;
	how->restart_kind = restart->kind;
	how->clockid = restart->clockid;
	how->futex_op = restart->flags;
}

static int become(struct lm_restorer *r, struct lm_proc *p,
		  const struct lm_process *mp, const struct lm_thread *t,
		  struct lm_error *e)
{
	const struct nlattr *dumpable = mp->obj.tb[LIVEMIG_PROCESS_DUMPABLE];
	struct lm_batch *b = lm_batch_new(p->remote);
	bool leader = t->tid == mp->pid;
	struct lm_helper_become how;
	struct lm_tids tids;
	int ret;

	if (lm_tids(t, &tids, e) || !b) {
		lm_batch_free(b);
		return b ? -1 : lm_fail(e, LM_FAILED, "out of memory");
	}
	lm_attrs_own_fs(b, t);
	lm_attrs_thread(b, t);
	lm_seccomp_batch(r, p, b, mp, t);
	if (lm_creds_batch(r, p, b, mp, t, e)) {
		lm_batch_free(b);
		return lm_prefix(e, "pid %u thread %u", mp->pid, t->tid);
	}
	/* New credentials have reset it, in any thread: the last one sets it.
	 * Two cannot be asked for; it is what the reset leaves.
	 */
	if (leader && dumpable && lm_u32(dumpable) < DUMPABLE_ROOT)
		lm_batch_add(b, __NR_prctl, PR_SET_DUMPABLE, lm_u32(dumpable),
			     0, 0, 0);
	how_to_become(r, mp, t, &how);
	how.late = lm_label_batch(p, b, t);
	ret = leader ? lm_remote_become(p->remote, b, &how, e) :
		       lm_remote_thread(p->remote, &tids, b, &how, e);
	lm_batch_free(b);
	return ret ? lm_prefix(e, "pid %u thread %u", mp->pid, t->tid) : 0;
}

static int finish_process(struct lm_restorer *r, const struct lm_process *mp,
			  struct lm_error *e)
{
	struct lm_proc *p = lm_proc(r, mp->pid);

	if (lm_attrs_process(r, p, mp, e) || lm_files_install(r, p, mp, e) ||
	    lm_ctty_take(r, p, mp, e) || lm_mm_guard(p, mp->mm, e) ||
	    lm_mm_lock(p, mp->mm, e) || lm_numa_mm(p, mp->mm, e) ||
	    lm_mm_names(p, mp->mm, e) || lm_mm_seal(p, mp->mm, e) ||
	    lm_prctl_mm(p, mp->mm, e) ||
	    lm_lazy_watch(r, p, mp->mm, e) || lm_ipc_undo(r, p, mp, e) ||
	    lm_seccomp_load(r, p, mp, e) || lm_labels_ready(p, mp, e) ||
	    lm_user_ready(r, p, mp, e))
		return -1;
	for (size_t i = 0; i < mp->nr_threads; i++) {
		const struct lm_thread *t = mp->threads[i];

		if (t->tid == mp->pid)
			continue;
		if (become(r, p, mp, t, e))
			return -1;
	}
	return lm_label_leader(p, mp, e) || lm_attrs_limits(p, mp, e) ? -1 : 0;
}

static int finish_leader(struct lm_restorer *r, const struct lm_process *mp,
			 struct lm_error *e)
{
	struct lm_proc *p = lm_proc(r, mp->pid);

	if (lm_timers_make(r, p, mp, e))
		return lm_prefix(e, "pid %u: timers", mp->pid);
	if (lm_pidns_for_children(r, p, mp, e))
		return lm_prefix(e, "pid %u", mp->pid);
	for (size_t i = 0; i < mp->nr_threads; i++) {
		const struct lm_thread *t = mp->threads[i];

		if (t->tid != mp->pid)
			continue;
		return become(r, p, mp, t, e);
	}
	return lm_fail(e, LM_REFUSED, "pid %u: its first thread is missing", mp->pid);
}

static int wait_parked(struct lm_restorer *r, struct lm_error *e)
{
	struct livemig_ioc_wait w = { .timeout_ms = READY_TIMEOUT_MS };

	while (ioctl(r->dev, LIVEMIG_IOC_WAIT, &w)) {
		if (errno == EINTR)
			continue;
		w.step[sizeof(w.step) - 1] = 0;
		if (w.failed_pid)
			return lm_fail_errno(e, LM_FAILED, "task %u cannot be made%s%s",
					     w.failed_pid, *w.step ? ": " : "", w.step);
		return lm_fail_errno(e, LM_FAILED, "waiting for the tasks");
	}
	return 0;
}

/* To get a cpuset takes, before Linux 6.2, from all tasks what they have chosen. (Main
 * threads choose after it. CPUs that are not here: any will do.)
 */
static void bind_threads(struct lm_restorer *r)
{
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];

		for (size_t j = 0; lives(p) && j < p->nr_threads; j++) {
			const struct nlattr *cpus = p->threads[j]->obj.tb[LIVEMIG_THREAD_AFFINITY];
			uint32_t tid = p->threads[j]->tid, host;

			if (!cpus || tid == p->pid)
				continue;
			host = lm_host_tid(r, p->pid, tid);
			if (host)
				sched_setaffinity(host, lm_len(cpus), lm_data(cpus));
		}
	}
}

int lm_finish(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_model *m = &r->m;

	if (lm_tree_groups(r, e) || lm_cgroup_tree(r, e) || lm_zombies_make(r, e) ||
	    lm_time_make(r, e) || lm_ns_fill(r, e) || lm_pages_unstash(r, e) ||
	    lm_shmem_seal(r, e) || lm_ipc_fill(r, e))
		return -1;
	for (size_t i = 0; i < m->nr_procs; i++)
		if (lives(m->procs[i]) &&
		    lm_rings_resume(lm_proc(r, m->procs[i]->pid), m->procs[i]->mm, e))
			return -1;
	for (size_t i = 0; i < m->nr_procs; i++)
		if (lives(m->procs[i]) &&
		    lm_vdso_fill(r, lm_proc(r, m->procs[i]->pid), m->procs[i], e))
			return -1;
	lm_progress(r, "files", 0, m->nr_file);
	if (lm_ended_leaders(r, e) || lm_files_make(r, e) || give_all(r, e))
		return -1;
	lm_progress(r, "processes", 0, m->nr_procs);
	for (size_t i = 0; i < m->nr_procs; i++)
		if (lives(m->procs[i]) && finish_process(r, m->procs[i], e))
			return -1;
	if (lm_cgroup_finish(r, e))
		return -1;
	bind_threads(r);
	for (size_t i = 0; i < m->nr_procs; i++)
		if (lives(m->procs[i]) && finish_leader(r, m->procs[i], e))
			return -1;
	return wait_parked(r, e);
}

/* They were stopped by a signal: another one is waiting when they return to
 * user mode.
 */
static int stop_again(const struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_model *m = &r->m;

	for (size_t i = 0; i < m->nr_procs; i++)
		if (lives(m->procs[i]) &&
		    lm_u32(m->procs[i]->obj.tb[LIVEMIG_PROCESS_FLAGS]) &
		    LIVEMIG_PROCESS_F_STOPPED &&
		    kill(lm_host_pid(r, m->procs[i]->pid), SIGSTOP))
			return lm_fail_errno(e, LM_FAILED, "pid %u: stopping it",
					     m->procs[i]->pid);
	return 0;
}

int lm_serve(struct lm_restorer *r, struct lm_error *e)
{
	struct livemig_ioc_serve s = { 0 };

	/* What can fail comes before what the neighbours see: what they are told is received
	 * they do not send again.
	 */
	if (wait_parked(r, e) || lm_cgroup_freeze(r, e) || stop_again(r, e) || lm_lazy_go(r, e))
		return -1;
	if (r->net && lm_netns_open_up(r->net, e))
		return -1;
	if (lm_files_resume(r, e) || (r->o.going && r->o.going(r->o.arg, e)))
		return -1;
	/* Past this point it runs: whatever fails now is no longer undone. */
	lm_undo_commit(r->undo);
	if (ioctl(r->dev, LIVEMIG_IOC_SERVE, &s))
		return lm_fail_errno(e, LM_FAILED, "letting the tasks go");
	/* It runs: only the name is missing. */
	if (r->net)
		lm_netns_publish(r->net, NULL);
	return 0;
}
