// SPDX-License-Identifier: GPL-2.0
/*
 * ADD: the objects of a dump become those of a restore. Nothing in them is
 * trusted: whatever a parked task will later write into itself is checked here,
 * as far as it can be, so that the restore is refused before it begins.
 *
 * Locking: takes r->lock where it is told; no other.
 */
#include <linux/binfmts.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/restart_block.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include <uapi/linux/futex.h>

#include "arch.h"
#include "cputime.h"
#include "restore.h"
#include "wrapper/restore.h"

#define THREADS_MAX	65536
#define SIGINFO_SIZE	128

#define EXACT(type)	NLA_POLICY_EXACT_LEN(sizeof(type))
/* What user space puts back: any bytes. */
#define USER		{ .type = NLA_BINARY }

static const struct nla_policy thread_policy[LIVEMIG_THREAD_MAX + 1] = {
	[LIVEMIG_THREAD_UNSPEC]		= { .type = NLA_REJECT },
	[LIVEMIG_THREAD_PAD]		= USER,
	[LIVEMIG_THREAD_TID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_THREAD_PID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_THREAD_COMM]		= { .type = NLA_NUL_STRING,
					    .len = TASK_COMM_LEN - 1 },
	[LIVEMIG_THREAD_REGS]		= { .type = NLA_BINARY },
	[LIVEMIG_THREAD_XSTATE]		= { .type = NLA_BINARY },
	[LIVEMIG_THREAD_SIGMASK]	= { .type = NLA_U64 },
	[LIVEMIG_THREAD_SIGPENDING]	= { .type = NLA_BINARY },
	[LIVEMIG_THREAD_ALTSTACK]	= EXACT(struct livemig_altstack),
	[LIVEMIG_THREAD_ROBUST_LIST]	= { .type = NLA_U64 },
	[LIVEMIG_THREAD_CLEAR_TID]	= { .type = NLA_U64 },
	[LIVEMIG_THREAD_RSEQ]		= EXACT(struct livemig_rseq),
	[LIVEMIG_THREAD_RESTART]	= EXACT(struct livemig_restart),
	[LIVEMIG_THREAD_CREDS]		= USER,
	[LIVEMIG_THREAD_GROUPS]		= USER,
	[LIVEMIG_THREAD_SCHED]		= USER,
	[LIVEMIG_THREAD_AFFINITY]	= USER,
	[LIVEMIG_THREAD_TIMERSLACK]	= USER,
	[LIVEMIG_THREAD_PERSONALITY]	= USER,
	[LIVEMIG_THREAD_PDEATH_SIG]	= USER,
	[LIVEMIG_THREAD_FLAGS]		= USER,
	[LIVEMIG_THREAD_START_NS]	= { .type = NLA_U64 },
	[LIVEMIG_THREAD_CPUTIME]	= EXACT(struct livemig_cputime),
	[LIVEMIG_THREAD_IOPRIO]		= USER,
	[LIVEMIG_THREAD_UMASK]		= USER,
	[LIVEMIG_THREAD_CWD]		= USER,
	[LIVEMIG_THREAD_LABEL]		= USER,
	[LIVEMIG_THREAD_SECCOMP]	= EXACT(struct livemig_seccomp),
	[LIVEMIG_THREAD_HOST_TID]	= USER,
	[LIVEMIG_THREAD_INNER_TIDS]	= USER,
	[LIVEMIG_THREAD_EXIT_STATUS]	= USER,
	[LIVEMIG_THREAD_CGROUP]		= USER,
	[LIVEMIG_THREAD_SPECULATION]	= USER,
	[LIVEMIG_THREAD_MEMPOLICY]	= USER,
	[LIVEMIG_THREAD_SCHED_HINTS]	= USER,
	[LIVEMIG_THREAD_KEYRING]	= USER,
};

static const struct nla_policy process_policy[LIVEMIG_PROCESS_MAX + 1] = {
	[LIVEMIG_PROCESS_UNSPEC]	= { .type = NLA_REJECT },
	[LIVEMIG_PROCESS_PID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_PROCESS_MM_ID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_PROCESS_SIGACTIONS]	=
		NLA_POLICY_EXACT_LEN(_NSIG * sizeof(struct livemig_sigaction)),
	[LIVEMIG_PROCESS_PAD]		= USER,
	[LIVEMIG_PROCESS_PPID]		= USER,
	[LIVEMIG_PROCESS_PGID]		= USER,
	[LIVEMIG_PROCESS_SID]		= USER,
	[LIVEMIG_PROCESS_THREADS]	= USER,
	[LIVEMIG_PROCESS_EXIT_SIGNAL]	= USER,
	[LIVEMIG_PROCESS_FILES_ID]	= USER,
	[LIVEMIG_PROCESS_FS_ID]		= USER,
	[LIVEMIG_PROCESS_RLIMITS]	= USER,
	[LIVEMIG_PROCESS_SIGPENDING]	= USER,
	[LIVEMIG_PROCESS_ITIMERS]	= USER,
	[LIVEMIG_PROCESS_UMASK]		= USER,
	[LIVEMIG_PROCESS_CWD]		= USER,
	[LIVEMIG_PROCESS_ROOT]		= USER,
	[LIVEMIG_PROCESS_OOM_SCORE_ADJ]	= USER,
	[LIVEMIG_PROCESS_DUMPABLE]	= USER,
	[LIVEMIG_PROCESS_FLAGS]		= USER,
	[LIVEMIG_PROCESS_NS]		= USER,
	[LIVEMIG_PROCESS_CGROUP]	= USER,
	[LIVEMIG_PROCESS_START_NS]	= USER,
	[LIVEMIG_PROCESS_HOST_PID]	= USER,
	[LIVEMIG_PROCESS_CTTY]		= { .type = NLA_U32 },
	[LIVEMIG_PROCESS_CPUTIME]	= EXACT(struct livemig_cputime[2]),
	[LIVEMIG_PROCESS_LOGINUID]	= USER,
	[LIVEMIG_PROCESS_SEM_UNDO]	= USER,
	[LIVEMIG_PROCESS_XCOMP_PERM]	= USER,
	[LIVEMIG_PROCESS_EXIT_STATUS]	= { .type = NLA_U32 },
	[LIVEMIG_PROCESS_RUSAGE]	= EXACT(struct livemig_rusage),
};

static const struct nla_policy mm_policy[LIVEMIG_MM_MAX + 1] = {
	[LIVEMIG_MM_UNSPEC]		= { .type = NLA_REJECT },
	[LIVEMIG_MM_PAD]		= USER,
	[LIVEMIG_MM_ID]			= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_MM_LAYOUT]		= EXACT(struct livemig_mm_layout),
	[LIVEMIG_MM_AUXV]		= { .type = NLA_BINARY },
	[LIVEMIG_MM_EXE_FILE]		= USER,
	[LIVEMIG_MM_EXE]		= { .type = NLA_NUL_STRING,
					    .len = LIVEMIG_PATH_MAX },
	[LIVEMIG_MM_VDSO]		= USER,
	[LIVEMIG_MM_VDSO_ID]		= USER,
	[LIVEMIG_MM_MLOCKALL]		= USER,
	[LIVEMIG_MM_GUARDS]		= USER,
	[LIVEMIG_MM_MEMBARRIER]		= USER,
	[LIVEMIG_MM_COREDUMP]		= USER,
	[LIVEMIG_MM_PKEYS]		= EXACT(struct livemig_pkeys),
	[LIVEMIG_MM_USER_NS]		= NLA_POLICY_MIN(NLA_U32, 1),
	[LIVEMIG_MM_FLAGS]		= USER,
};

/* The address of a user object of @len bytes; 0 is none. */
static bool user_addr(u64 addr, u64 len)
{
	return !addr || lm_arch_user_range(addr, len);
}

static void get_struct(void *to, const struct nlattr *a, size_t len)
{
	if (a)
		memcpy(to, nla_data(a), len);
}

static struct lm_restore_thread *find_thread(struct lm_restore *r, u32 tid)
{
	struct lm_restore_thread *t;

	list_for_each_entry(t, &r->threads, list)
		if (t->tid == tid)
			return t;
	return NULL;
}

static struct lm_restore_process *find_process(struct lm_restore *r, u32 pid)
{
	struct lm_restore_process *p;

	list_for_each_entry(p, &r->processes, list)
		if (p->pid == pid)
			return p;
	return NULL;
}

static struct lm_restore_mm *find_mm(struct lm_restore *r, u32 id)
{
	struct lm_restore_mm *m;

	list_for_each_entry(m, &r->mms, list)
		if (m->id == id)
			return m;
	return NULL;
}

static int check_altstack(const struct livemig_altstack *s)
{
	if (s->resv || (s->flags & ~(SS_DISABLE | SS_AUTODISARM)))
		return -EINVAL;
	if (!s->sp && s->size)
		return -EINVAL;
	return user_addr(s->sp, s->size) ? 0 : -EINVAL;
}

static int check_rseq(const struct livemig_rseq *q)
{
	if (!q->addr)
		return q->len || q->sig ? -EINVAL : 0;
	if (!lm_rseq_supported(q->len) || q->addr % 32)
		return -EINVAL;
	return user_addr(q->addr, q->len) ? 0 : -EINVAL;
}

static int check_restart(const struct livemig_restart *s)
{
	if (s->absolute && s->kind != LIVEMIG_RESTART_FUTEX)
		return -EINVAL;
	switch (s->kind) {
	case LIVEMIG_RESTART_NONE:
		return 0;
	case LIVEMIG_RESTART_NANOSLEEP:
		if (s->flags != TT_NONE && s->flags != TT_NATIVE)
			return -EINVAL;
		break;
	case LIVEMIG_RESTART_POLL:
		if (s->val > INT_MAX)
			return -EINVAL;
		break;
	case LIVEMIG_RESTART_FUTEX:
		if (!s->bitset || s->left_ns < 0 || s->absolute > 1 ||
		    (s->absolute && !(s->flags & FUTEX_CLOCK_REALTIME)))
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	return user_addr(s->addr, 1) ? 0 : -EINVAL;
}

/* SIGKILL would kill the restore. @info is not aligned. */
static int check_siginfo(const void *info, unsigned int n)
{
	unsigned int i;
	int sig;

	for (i = 0; i < n; i++) {
		memcpy(&sig, info + i * SIGINFO_SIZE, sizeof(sig));
		if (sig < 1 || sig > _NSIG || sig == SIGKILL)
			return -EINVAL;
	}
	return 0;
}

static int parse_thread(struct lm_restore_thread *t, struct nlattr **tb,
			const char **why)
{
	const struct nlattr *a;

	*why = "no TID, PID, COMM, REGS or SIGMASK";
	if (!tb[LIVEMIG_THREAD_TID] || !tb[LIVEMIG_THREAD_PID] ||
	    !tb[LIVEMIG_THREAD_COMM] || !tb[LIVEMIG_THREAD_REGS] ||
	    !tb[LIVEMIG_THREAD_SIGMASK])
		return -EINVAL;
	t->tid = nla_get_u32(tb[LIVEMIG_THREAD_TID]);
	t->pid = nla_get_u32(tb[LIVEMIG_THREAD_PID]);
	t->comm = nla_data(tb[LIVEMIG_THREAD_COMM]);
	t->regs = nla_data(tb[LIVEMIG_THREAD_REGS]);
	t->regs_len = nla_len(tb[LIVEMIG_THREAD_REGS]);
	t->sigmask = nla_get_u64(tb[LIVEMIG_THREAD_SIGMASK]);
	a = tb[LIVEMIG_THREAD_XSTATE];
	if (a) {
		t->xstate = nla_data(a);
		t->xstate_len = nla_len(a);
	}
	if (lm_arch_check_regs(t, why))
		return -EINVAL;

	*why = "SIGPENDING";
	a = tb[LIVEMIG_THREAD_SIGPENDING];
	if (a) {
		t->siginfo = nla_data(a);
		t->nr_siginfo = nla_len(a) / SIGINFO_SIZE;
		if (nla_len(a) % SIGINFO_SIZE ||
		    check_siginfo(t->siginfo, t->nr_siginfo))
			return -EINVAL;
	}
	*why = "ALTSTACK";
	t->altstack.flags = SS_DISABLE;
	get_struct(&t->altstack, tb[LIVEMIG_THREAD_ALTSTACK], sizeof(t->altstack));
	if (check_altstack(&t->altstack))
		return -EINVAL;
	*why = "ROBUST_LIST or CLEAR_TID is no user address";
	get_struct(&t->robust_list, tb[LIVEMIG_THREAD_ROBUST_LIST], sizeof(u64));
	get_struct(&t->clear_tid, tb[LIVEMIG_THREAD_CLEAR_TID], sizeof(u64));
	if (!user_addr(t->robust_list, 24) || !user_addr(t->clear_tid, 4))
		return -EINVAL;
	*why = "RSEQ";
	get_struct(&t->rseq, tb[LIVEMIG_THREAD_RSEQ], sizeof(t->rseq));
	if (check_rseq(&t->rseq))
		return -EINVAL;
	a = tb[LIVEMIG_THREAD_START_NS];
	t->has_start = a;
	get_struct(&t->start_ns, a, sizeof(t->start_ns));
	*why = "CPUTIME";
	get_struct(&t->cputime, tb[LIVEMIG_THREAD_CPUTIME], sizeof(t->cputime));
	if (lm_check_cputime(&t->cputime))
		return -EINVAL;
	get_struct(&t->seccomp, tb[LIVEMIG_THREAD_SECCOMP], sizeof(t->seccomp));
	*why = "RESTART";
	get_struct(&t->restart, tb[LIVEMIG_THREAD_RESTART], sizeof(t->restart));
	return check_restart(&t->restart);
}

static int parse_process(struct lm_restore_process *p, struct nlattr **tb,
			 const char **why)
{
	*why = "no PID";
	if (!tb[LIVEMIG_PROCESS_PID])
		return -EINVAL;
	p->pid = nla_get_u32(tb[LIVEMIG_PROCESS_PID]);
	if (tb[LIVEMIG_PROCESS_EXIT_STATUS])
		p->exit_status = nla_get_u32(tb[LIVEMIG_PROCESS_EXIT_STATUS]);
	*why = "EXIT_STATUS";
	if (p->exit_status > 0xffff)
		return -EINVAL;
	get_struct(&p->rusage, tb[LIVEMIG_PROCESS_RUSAGE], sizeof(p->rusage));
	if (!tb[LIVEMIG_PROCESS_MM_ID])
		return 0;	/* a zombie: user space makes it */
	p->mm_id = nla_get_u32(tb[LIVEMIG_PROCESS_MM_ID]);
	*why = "no SIGACTIONS";
	if (!tb[LIVEMIG_PROCESS_SIGACTIONS])
		return -EINVAL;
	p->sigactions = nla_data(tb[LIVEMIG_PROCESS_SIGACTIONS]);
	p->has_ctty = tb[LIVEMIG_PROCESS_CTTY];
	*why = "CPUTIME";
	get_struct(p->cputime, tb[LIVEMIG_PROCESS_CPUTIME], sizeof(p->cputime));
	return lm_check_cputime(&p->cputime[0]) ?:
	       lm_check_cputime(&p->cputime[1]);
}

static int check_layout(const struct livemig_mm_layout *l)
{
	if (l->start_code > l->end_code || l->start_data > l->end_data ||
	    l->start_brk > l->brk || l->arg_start > l->arg_end ||
	    l->env_start > l->env_end)
		return -EINVAL;
	if (!user_addr(l->end_code, 0) || !user_addr(l->end_data, 0) ||
	    !user_addr(l->brk, 0) || !user_addr(l->start_stack, 0) ||
	    !user_addr(l->arg_end, 0) || !user_addr(l->env_end, 0))
		return -EINVAL;
	return 0;
}

static int parse_mm(struct lm_restore_mm *m, struct nlattr **tb, const char **why)
{
	const struct nlattr *a = tb[LIVEMIG_MM_AUXV];
	u64 last[2];

	*why = "no ID or LAYOUT";
	if (!tb[LIVEMIG_MM_ID] || !tb[LIVEMIG_MM_LAYOUT])
		return -EINVAL;
	m->id = nla_get_u32(tb[LIVEMIG_MM_ID]);
	*why = "LAYOUT";
	get_struct(&m->layout, tb[LIVEMIG_MM_LAYOUT], sizeof(m->layout));
	if (check_layout(&m->layout))
		return -EINVAL;
	*why = "AUXV is no list of pairs that ends with AT_NULL, or too long";
	if (a) {
		m->auxv = nla_data(a);
		m->auxv_len = nla_len(a);
		if (!m->auxv_len || m->auxv_len % sizeof(last) ||
		    m->auxv_len > sizeof_field(struct mm_struct, saved_auxv))
			return -EINVAL;
		memcpy(last, m->auxv + m->auxv_len - sizeof(last), sizeof(last));
		if (last[0] != AT_NULL)
			return -EINVAL;
	}
	*why = "EXE is no absolute path";
	if (tb[LIVEMIG_MM_EXE]) {
		m->exe = nla_data(tb[LIVEMIG_MM_EXE]);
		if (m->exe[0] != '/')
			return -EINVAL;
	}
	m->user_ns = tb[LIVEMIG_MM_USER_NS];
	*why = "PKEYS";
	if (tb[LIVEMIG_MM_PKEYS]) {
		get_struct(&m->pkeys, tb[LIVEMIG_MM_PKEYS], sizeof(m->pkeys));
		m->has_pkeys = true;
		return lm_arch_check_pkeys(&m->pkeys);
	}
	return 0;
}

static int parse(struct nlattr **tb, int max, void *buf, u32 len,
		 const struct nla_policy *policy, char *why, size_t why_len)
{
	struct netlink_ext_ack ea = {};
	int ret = nla_parse(tb, max, buf, len, policy, &ea);

	if (ret)
		snprintf(why, why_len, "attribute %d: %s",
			 ea.bad_attr ? nla_type(ea.bad_attr) : 0,
			 ea._msg ? ea._msg : "malformed");
	return ret ? -EINVAL : 0;
}

static int add_thread(struct lm_restore *r, struct lm_restore_thread *t)
{
	int ret;

	ret = mutex_lock_killable(&r->lock);
	if (ret)
		return ret;
	if (r->state == LM_RESTORE_FAILED)
		ret = -ECANCELED;
	else if (r->state != LM_RESTORE_ADDING)
		ret = -EBUSY;
	else if (find_thread(r, t->tid))
		ret = -EEXIST;
	else if (r->nr_threads == THREADS_MAX)
		ret = -ENOSPC;
	if (!ret) {
		r->nr_threads++;
		list_add_tail(&t->list, &r->threads);
	}
	mutex_unlock(&r->lock);
	return ret;
}

static int add_other(struct lm_restore *r, struct lm_restore_process *p,
		     struct lm_restore_mm *m)
{
	int ret;

	ret = mutex_lock_killable(&r->lock);
	if (ret)
		return ret;
	if (r->state == LM_RESTORE_FAILED)
		ret = -ECANCELED;
	else if (r->state != LM_RESTORE_ADDING)
		ret = -EBUSY;
	else if (p ? !!find_process(r, p->pid) : !!find_mm(r, m->id))
		ret = -EEXIST;
	else if (p)
		list_add_tail(&p->list, &r->processes);
	else
		list_add_tail(&m->list, &r->mms);
	mutex_unlock(&r->lock);
	return ret;
}

static int add_a_thread(struct lm_restore *r, const struct livemig_ioc_add *add,
			void *buf, char *why, size_t why_len)
{
	struct nlattr *tb[LIVEMIG_THREAD_MAX + 1];
	struct lm_restore_thread *t;
	const char *text = NULL;
	int ret;

	ret = parse(tb, LIVEMIG_THREAD_MAX, buf, add->len, thread_policy, why,
		    why_len);
	if (ret)
		return ret;
	t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);
	if (!t)
		return -ENOMEM;
	t->r = r;
	ret = parse_thread(t, tb, &text);
	if (ret) {
		strscpy(why, text, why_len);
	} else {
		t->buf = buf;
		ret = add_thread(r, t);
	}
	if (ret)
		kfree(t);
	return ret;
}

static int add_a_process(struct lm_restore *r, const struct livemig_ioc_add *add,
			 void *buf, char *why, size_t why_len)
{
	struct nlattr *tb[LIVEMIG_PROCESS_MAX + 1];
	struct lm_restore_process *p;
	const char *text = NULL;
	int ret;

	ret = parse(tb, LIVEMIG_PROCESS_MAX, buf, add->len, process_policy, why,
		    why_len);
	if (ret)
		return ret;
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (!p)
		return -ENOMEM;
	ret = parse_process(p, tb, &text);
	if (ret) {
		strscpy(why, text, why_len);
	} else {
		p->buf = buf;
		ret = add_other(r, p, NULL);
	}
	if (ret)
		kfree(p);
	return ret;
}

static int add_an_mm(struct lm_restore *r, const struct livemig_ioc_add *add,
		     void *buf, char *why, size_t why_len)
{
	struct nlattr *tb[LIVEMIG_MM_MAX + 1];
	struct lm_restore_mm *m;
	const char *text = NULL;
	int ret;

	ret = parse(tb, LIVEMIG_MM_MAX, buf, add->len, mm_policy, why, why_len);
	if (ret)
		return ret;
	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return -ENOMEM;
	ret = parse_mm(m, tb, &text);
	if (!ret && add->mm_id && add->mm_id != m->id) {
		text = "mm_id is not the object's ID";
		ret = -EINVAL;
	}
	if (ret) {
		strscpy(why, text, why_len);
	} else {
		m->buf = buf;
		ret = add_other(r, NULL, m);
	}
	if (ret)
		kfree(m);
	return ret;
}

/**
 * lm_restore_add() - LIVEMIG_IOC_ADD
 * @r: the restore
 * @add: what the caller gave
 * @buf: the attributes in kernel memory, add->len bytes; taken on success, the
 *	caller's on failure
 * @why: told in words why the object is refused
 * @why_len: room in @why
 *
 * Takes r->lock. May sleep.
 * Return: 0, -EINVAL, -EEXIST, -ENOSPC, -EBUSY, -ECANCELED, -EINTR, -ENOMEM.
 */
int lm_restore_add(struct lm_restore *r, const struct livemig_ioc_add *add,
		   void *buf, char *why, size_t why_len)
{
	switch (add->type) {
	case LIVEMIG_OBJ_THREAD:
		return add_a_thread(r, add, buf, why, why_len);
	case LIVEMIG_OBJ_PROCESS:
		return add_a_process(r, add, buf, why, why_len);
	case LIVEMIG_OBJ_MM:
		return add_an_mm(r, add, buf, why, why_len);
	}
	strscpy(why, "type is not THREAD, PROCESS or MM", why_len);
	return -EINVAL;
}

/**
 * lm_restore_link() - connect threads, processes and mms
 * @r: the restore; the caller holds r->lock
 * @pid: on failure, whose
 * @step: on failure, what is missing
 *
 * Return: 0 or -EINVAL.
 */
int lm_restore_link(struct lm_restore *r, u32 *pid, const char **step)
{
	struct lm_restore_process *p;
	struct lm_restore_thread *t;

	*pid = 0;
	*step = "no threads added";
	if (list_empty(&r->threads))
		return -EINVAL;
	list_for_each_entry(p, &r->processes, list) {
		cond_resched();
		if (!p->mm_id)
			continue;
		*pid = p->pid;
		*step = "CPUTIME";
		if (lm_sum_cputime(&p->used, &p->cputime[0]))
			return -EINVAL;
		*step = "no MM object";
		p->mm = find_mm(r, p->mm_id);
		if (!p->mm)
			return -EINVAL;
		*step = "no THREAD of its leader";
		if (!find_thread(r, p->pid))
			return -EINVAL;
	}
	list_for_each_entry(t, &r->threads, list) {
		cond_resched();
		*pid = t->tid;
		*step = "no PROCESS object";
		t->process = find_process(r, t->pid);
		if (!t->process || !t->process->mm)
			return -EINVAL;
		*step = "CPUTIME of all threads";
		if (lm_sum_cputime(&t->process->used, &t->cputime))
			return -EINVAL;
		t->process->nr_threads++;
	}
	return 0;
}

/**
 * lm_restore_free_objects() - the end of a restore's objects
 * @r: the restore; nobody else has a reference
 */
void lm_restore_free_objects(struct lm_restore *r)
{
	struct lm_restore_process *p, *pn;
	struct lm_restore_thread *t, *tn;
	struct lm_restore_mm *m, *mn;

	list_for_each_entry_safe(t, tn, &r->threads, list) {
		if (t->task)
			put_task_struct(t->task);
		kvfree(t->buf);
		kfree(t);
	}
	list_for_each_entry_safe(p, pn, &r->processes, list) {
		kvfree(p->buf);
		kfree(p);
	}
	list_for_each_entry_safe(m, mn, &r->mms, list) {
		kvfree(m->buf);
		kfree(m);
	}
}
