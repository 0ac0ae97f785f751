// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a process has besides memory and files. Calls that only the process can
 * make for itself go to its helper; what can be set from outside is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"

#define SIGINFO_SIZE 128

/* The container's network namespace, if it was in it. */
int lm_net_join(struct lm_restorer *r, struct lm_batch *b, const struct lm_process *mp,
		struct lm_error *e)
{
	const struct nlattr *tb[LM_NETNS_MAX + 1];
	const struct livemig_ns *ns;
	size_t n;

	ns = lm_array(mp->obj.tb[LIVEMIG_PROCESS_NS], sizeof(*ns), &n);
	if (r->netns < 0 || !n)
		return 0;
	if (lm_parse(r->m.netns[0]->raw, r->m.netns[0]->len, tb, LM_NETNS_MAX, e))
		return -1;
	if (ns->net == lm_u32(tb[LM_NETNS_INO]))
		lm_ns_add_join(r, b, r->netns, CLONE_NEWNET);
	return 0;
}

static int add_removed_cwd(struct lm_restorer *r, const struct lm_process *mp,
			   struct lm_batch *b, const char *cwd, struct lm_error *e)
{
	int dir = lm_ns_root(r, lm_ns_of(mp, &lm_ns_mnt)) < 0 ?
		  lm_restorer_removed_dir(r, cwd, e) :
		  lm_fail(e, LM_REFUSED, LM_REMOVED_INSIDE, cwd);
	int fd = r->fd_base + LM_HELPER_FDS;

	if (dir < 0)
		return -1;
	lm_batch_put_fd(b, dir, fd, true);
	lm_batch_add(b, __NR_fchdir, fd);
	lm_batch_add(b, __NR_close, fd);
	return 0;
}

static int add_place(struct lm_restorer *r, struct lm_batch *b,
		     const struct lm_process *mp, struct lm_error *e)
{
	const char *cwd = lm_str(mp->obj.tb[LIVEMIG_PROCESS_CWD]);
	const char *root = lm_str(mp->obj.tb[LIVEMIG_PROCESS_ROOT]);
	bool gone = lm_u32(mp->obj.tb[LIVEMIG_PROCESS_FLAGS]) &
		    LIVEMIG_PROCESS_F_CWD_GONE;

	if (cwd && gone && add_removed_cwd(r, mp, b, cwd, e))
		return -1;
	if (cwd && !gone)
		lm_batch_add(b, __NR_chdir, LM_DATA(lm_batch_str(b, cwd)));
	if (root && strcmp(root, "/"))
		lm_batch_add(b, __NR_chroot, LM_DATA(lm_batch_str(b, root)));
	if (mp->obj.tb[LIVEMIG_PROCESS_UMASK])
		lm_batch_add(b, __NR_umask,
			     lm_u32(mp->obj.tb[LIVEMIG_PROCESS_UMASK]));
	return 0;
}

static void add_membarrier(struct lm_batch *b, const struct lm_process *mp)
{
	uint32_t commands = lm_u32(mp->mm->obj.tb[LIVEMIG_MM_MEMBARRIER]);

	for (uint32_t cmd = 1; commands; cmd <<= 1) {
		if (commands & cmd)
			lm_batch_add(b, __NR_membarrier, cmd, 0, 0);
		commands &= ~cmd;
	}
}

/* For the audit log; a kernel without it, or whose administrator forbids it to
 * change, is no obstacle. Threads are born with it.
 */
static void add_loginuid(struct lm_batch *b, const struct lm_process *mp)
{
	const struct nlattr *a = mp->obj.tb[LIVEMIG_PROCESS_LOGINUID];
	size_t path, number;
	char text[16];
	int fd, len;

	len = snprintf(text, sizeof(text), "%u", a ? lm_u32(a) : UINT32_MAX);
	path = lm_batch_str(b, "/proc/self/loginuid");
	number = lm_batch_str(b, text);
	fd = lm_batch_try(b, __NR_openat, AT_FDCWD, LM_DATA(path), O_WRONLY);
	lm_batch_try(b, __NR_write, LM_RESULT(fd), LM_DATA(number), len);
	lm_batch_try(b, __NR_close, LM_RESULT(fd));
}

static int write_proc(uint32_t pid, const char *name, const char *text,
		      struct lm_error *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return lm_write_text(path, text) ?
	       lm_fail_errno(e, LM_FAILED, "%s", path) : 0;
}

/* Signals are blocked in the helper: they stay pending. */
static int queue_signals(struct lm_proc *p, const struct lm_process *mp,
			 struct lm_error *e)
{
	const struct nlattr *a = mp->obj.tb[LIVEMIG_PROCESS_SIGPENDING];
	struct lm_batch *b;
	const char *info;
	size_t n;

	info = lm_array(a, SIGINFO_SIZE, &n);
	for (size_t i = 0; i < n; i++, info += SIGINFO_SIZE) {
		int ret;

		b = lm_batch_new(p->remote);
		if (!b)
			return lm_fail(e, LM_FAILED, "out of memory");
		lm_batch_add(b, __NR_rt_sigqueueinfo, lm_remote_self(p->remote),
			     ((const siginfo_t *)info)->si_signo,
			     LM_DATA(lm_batch_data(b, info, SIGINFO_SIZE)));
		ret = lm_batch_run(b, e);
		lm_batch_free(b);
		if (ret)
			return -1;
	}
	return 0;
}

/* A helper that ended meanwhile (its process had) left a SIGCHLD to its parent. */
static void drop_sigchld(struct lm_batch *b)
{
	uint64_t set = 1ULL << (SIGCHLD - 1);
	struct timespec zero = { 0 };

	lm_batch_try(b, __NR_rt_sigtimedwait,
		     LM_DATA(lm_batch_data(b, &set, sizeof(set))), 0,
		     LM_DATA(lm_batch_data(b, &zero, sizeof(zero))), sizeof(set));
}

static int add_attrs(struct lm_restorer *r, struct lm_proc *p, struct lm_batch *b,
		     const struct lm_process *mp, struct lm_error *e)
{
	lm_time_join(r, b);
	drop_sigchld(b);
	/* It did when it was made, in an earlier round. */
	if (p->shares_fs && !lm_model_shares_fs(&r->m, mp))
		lm_batch_add(b, __NR_unshare, CLONE_FS);
	add_loginuid(b, mp);	/* while /proc is where it is here */
	if (add_place(r, b, mp, e))
		return -1;
	add_membarrier(b, mp);
	lm_prctl_process(b, mp);
	return 0;
}

int lm_attrs_process(struct lm_restorer *r, struct lm_proc *p,
		     const struct lm_process *mp, struct lm_error *e)
{
	const struct nlattr *oom = mp->obj.tb[LIVEMIG_PROCESS_OOM_SCORE_ADJ];
	const struct nlattr *core = mp->mm->obj.tb[LIVEMIG_MM_COREDUMP];
	char text[16];
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = add_attrs(r, p, b, mp, e) || lm_batch_run(b, e) ? -1 : 0;
	lm_batch_free(b);
	if (ret || queue_signals(p, mp, e))
		return lm_prefix(e, "pid %u", p->pid);
	if (oom) {
		snprintf(text, sizeof(text), "%d", lm_s32(oom));
		if (write_proc(p->host, "oom_score_adj", text, e))
			return -1;
	}
	if (core) {
		snprintf(text, sizeof(text), "%#x", lm_u32(core));
		if (write_proc(p->host, "coredump_filter", text, e))
			return -1;
	}
	return 0;
}

int lm_attrs_limits(const struct lm_proc *p, const struct lm_process *mp,
		    struct lm_error *e)
{
	size_t n;
	const struct livemig_rlimit *l =
		lm_array(mp->obj.tb[LIVEMIG_PROCESS_RLIMITS], sizeof(*l), &n);

	for (size_t i = 0; i < n && i < RLIM_NLIMITS; i++) {
		struct rlimit v = { l[i].cur, l[i].max };

		if (prlimit(p->host, i, &v, NULL))
			return lm_fail_errno(e, LM_FAILED,
					     "pid %u: resource limit %zu: %llu of %llu",
					     mp->pid, i, (unsigned long long)l[i].cur,
					     (unsigned long long)l[i].max);
	}
	return 0;
}

static const struct livemig_sched_hints *hints_of(const struct lm_thread *t)
{
	size_t n;
	const struct livemig_sched_hints *h =
		lm_array(t->obj.tb[LIVEMIG_THREAD_SCHED_HINTS], sizeof(*h), &n);

	return n ? h : NULL;
}

bool lm_attrs_has_slice(const struct lm_thread *t)
{
	return hints_of(t) && hints_of(t)->slice_ns;
}

bool lm_attrs_has_clamp(const struct lm_thread *t)
{
	return hints_of(t) && (hints_of(t)->util_min >= 0 || hints_of(t)->util_max >= 0);
}

/* After the policy, which it tells once more: slices are part of it. */
static void add_hints(struct lm_batch *b, const struct livemig_sched *s,
		      const struct livemig_sched_hints *h)
{
	struct sched_attr a = {
		.size = sizeof(a),
		.sched_policy = s->policy,
		.sched_nice = s->nice,
		.sched_runtime = h->slice_ns,
		.sched_flags = (s->reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0) |
			       (h->util_min >= 0 ? SCHED_FLAG_UTIL_CLAMP_MIN : 0) |
			       (h->util_max >= 0 ? SCHED_FLAG_UTIL_CLAMP_MAX : 0),
		.sched_util_min = h->util_min >= 0 ? h->util_min : 0,
		.sched_util_max = h->util_max >= 0 ? h->util_max : 0,
	};

	if (s->policy == SCHED_FIFO || s->policy == SCHED_RR)
		a.sched_priority = s->rt_priority;
	lm_batch_add(b, __NR_sched_setattr, 0, LM_DATA(lm_batch_data(b, &a, sizeof(a))), 0);
}

static void add_schedule(struct lm_batch *b, const struct lm_thread *t)
{
	size_t n;
	const struct livemig_sched *s =
		lm_array(t->obj.tb[LIVEMIG_THREAD_SCHED], sizeof(*s), &n);
	struct sched_param param = { 0 };

	if (!n)
		return;
	if (s->policy == SCHED_FIFO || s->policy == SCHED_RR)
		param.sched_priority = s->rt_priority;
	lm_batch_add(b, __NR_sched_setscheduler, 0, s->policy |
		     (s->reset_on_fork ? SCHED_RESET_ON_FORK : 0),
		     LM_DATA(lm_batch_data(b, &param, sizeof(param))));
	lm_batch_add(b, __NR_setpriority, PRIO_PROCESS, 0, s->nice);
	if (hints_of(t))
		add_hints(b, s, hints_of(t));
}

void lm_attrs_own_fs(struct lm_batch *b, const struct lm_thread *t)
{
	const char *cwd = lm_str(t->obj.tb[LIVEMIG_THREAD_CWD]);

	if (!cwd)
		return;
	lm_batch_add(b, __NR_unshare, CLONE_FS);
	lm_batch_add(b, __NR_chdir, LM_DATA(lm_batch_str(b, cwd)));
	lm_batch_add(b, __NR_umask, lm_u32(t->obj.tb[LIVEMIG_THREAD_UMASK]));
}

/* Of CPUs, when it knew only such as are not here any will do. */
void lm_attrs_thread(struct lm_batch *b, const struct lm_thread *t)
{
	const struct nlattr *cpus = t->obj.tb[LIVEMIG_THREAD_AFFINITY];
	const struct nlattr *prio = t->obj.tb[LIVEMIG_THREAD_IOPRIO];

	if (prio)
		lm_batch_add(b, __NR_ioprio_set, IOPRIO_WHO_PROCESS, 0,
			     lm_u32(prio));
	if (cpus)
		lm_batch_try(b, __NR_sched_setaffinity, 0, lm_len(cpus),
			     LM_DATA(lm_batch_data(b, lm_data(cpus), lm_len(cpus))));
	add_schedule(b, t);
	lm_prctl_thread(b, t);
	lm_numa_thread(b, t);
}
