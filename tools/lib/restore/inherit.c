// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Memory that a process has in common with its parent, copy-on-write. Only
 * fork() makes such memory. So a process that was forked, and has made no exec
 * since, is born late: when its own pages come, which is after those of its
 * parent (a round is written in the order of birth). It leaves what it has
 * inherited where its own pages have the same bytes, which APPLY looks after;
 * what its pages do not mention it has not, and gives back. In a migration, which
 * takes its time, somebody who does nothing has its pid until then.
 *
 * Nothing depends on it: who is born early has memory of its own.
 */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "internal.h"

static const struct livemig_mm_layout *layout(const struct lm_mm *mm)
{
	size_t n;
	const struct livemig_mm_layout *l =
		lm_array(mm->obj.tb[LIVEMIG_MM_LAYOUT], sizeof(*l), &n);

	return n ? l : NULL;
}

/* Where exec puts things it has chosen by chance. */
bool lm_inherit_related(const struct lm_mm *a, const struct lm_mm *b)
{
	const struct livemig_mm_layout *x, *y;
	const struct livemig_range *v, *w;
	size_t nv, nw;

	if (!a || !b)
		return false;
	x = layout(a);
	y = layout(b);
	v = lm_array(a->obj.tb[LIVEMIG_MM_VDSO], sizeof(*v), &nv);
	w = lm_array(b->obj.tb[LIVEMIG_MM_VDSO], sizeof(*w), &nw);
	return x && y && x->start_stack == y->start_stack &&
	       x->start_code == y->start_code && x->arg_start == y->arg_start &&
	       nv == nw && (!nv || v->start == w->start) &&
	       lm_u32(a->obj.tb[LIVEMIG_MM_EXE_FILE]) ==
	       lm_u32(b->obj.tb[LIVEMIG_MM_EXE_FILE]);
}

void lm_inherit_plan(struct lm_restorer *r)
{
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		struct lm_process *p = r->m.procs[i];
		const struct lm_process *parent = lm_model_process(&r->m, p->ppid);

		p->late = p->ppid && parent && !lm_proc(r, p->pid) &&
			  lm_inherit_related(parent->mm, p->mm);
	}
}

/* ---- pids of those to come ---- */

/* (In a namespace of the container's own nobody takes them.) */
int lm_inherit_reserve(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_proc *root = lm_proc(r, r->root_pid);

	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];
		struct lm_remote_fork f = { .tids = { 1, { p->pid } } };
		struct lm_remote **v;

		if (!p->late || !r->o.live || lm_own_pidns(&r->m) || lm_pid_depth(p))
			continue;
		v = realloc(r->reserved, (r->nr_reserved + 1) * sizeof(*v));
		if (!v)
			return lm_fail(e, LM_FAILED, "out of memory");
		r->reserved = v;
		if (lm_remote_fork(root->remote, &f, &v[r->nr_reserved], e))
			return lm_prefix(e, "pid %u", p->pid);
		r->nr_reserved++;
	}
	return 0;
}

static void release(struct lm_restorer *r, uint32_t pid)
{
	struct lm_proc *root = lm_proc(r, r->root_pid);

	for (size_t i = 0; i < r->nr_reserved; i++) {
		if (lm_remote_pid(r->reserved[i]) != pid)
			continue;
		kill(pid, SIGKILL);
		lm_remote_syscall(root->remote, NULL, __NR_wait4, pid, 0, __WALL, 0);
		lm_remote_free(r->reserved[i]);
		r->reserved[i] = r->reserved[--r->nr_reserved];
		return;
	}
}

void lm_inherit_drop(struct lm_restorer *r)
{
	while (r->nr_reserved)
		lm_remote_free(r->reserved[--r->nr_reserved]);
	free(r->reserved);
	r->reserved = NULL;
}

/* ---- birth ---- */

/* Those whose memory is @mm_id, and who have to be there before. 0: all. */
static void call_late(struct lm_restorer *r, uint32_t mm_id)
{
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		struct lm_process *p = r->m.procs[i];
		size_t steps = 0;

		if (mm_id && p->mm_id != mm_id)
			continue;
		for (; p && steps++ < r->m.nr_procs;
		     p = lm_model_process(&r->m, p->ppid)) {
			if (p->late)
				release(r, p->pid);
			p->late = false;
		}
	}
}

static int sync_new(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_procs; i++) {
		struct lm_proc *p = r->procs[i];
		const struct lm_mm *mm = lm_model_process(&r->m, p->pid)->mm;

		if (mm && !p->mm_id && lm_mm_sync(r, p, mm, e))
			return -1;
	}
	return 0;
}

int lm_inherit_birth(struct lm_restorer *r, uint32_t mm_id, struct lm_error *e)
{
	const struct lm_process *late = NULL;

	for (size_t i = 0; i < r->m.nr_procs; i++)
		if ((!mm_id || r->m.procs[i]->mm_id == mm_id) &&
		    !lm_proc(r, r->m.procs[i]->pid))
			late = r->m.procs[i];
	if (!late)
		return 0;
	call_late(r, mm_id);
	if (lm_tree_grow(r, e))
		return -1;
	if (!lm_proc(r, late->pid)) {		/* it waits for another one */
		call_late(r, 0);
		if (lm_tree_grow(r, e))
			return -1;
	}
	return lm_ns_sync(r, e) || sync_new(r, e) ? -1 : 0;
}

/* ---- what it has too much ---- */

struct returns {
	struct lm_proc *p;
	struct lm_batch *b;
	size_t calls;
	struct lm_error *e;
};

static int run(struct returns *g)
{
	int ret = g->calls ? lm_batch_run(g->b, g->e) : 0;

	lm_batch_reset(g->b);
	g->calls = 0;
	return ret ? lm_prefix(g->e, "pid %u", g->p->pid) : 0;
}

/* What was inherited in [p->inherited, end). */
static int give_back(struct returns *g, uint64_t end)
{
	const struct lm_proc *p = g->p;
	uint64_t at = p->inherited;

	for (size_t i = lm_mm_index(p, at); i < p->nr_vmas; i++) {
		const struct livemig_vma *v = &p->vmas[i];
		uint64_t from = v->start > at ? v->start : at;
		uint64_t to = v->end < end ? v->end : end;

		if (from >= end)
			break;
		if (!lm_mm_private(v))
			continue;
		if (!lm_batch_room(g->b, 1, 0) && run(g))
			return -1;
		lm_batch_add(g->b, __NR_madvise, from, to - from, MADV_DONTNEED);
		g->calls++;
	}
	return 0;
}

int lm_inherit_pages(struct lm_proc *p, const struct livemig_page_entry *x,
		     uint32_t n, struct lm_error *e)
{
	struct returns g = { .p = p, .e = e };
	int ret = 0;

	if (!p->inherits)
		return 0;
	g.b = lm_batch_new(p->remote);
	if (!g.b)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (uint32_t i = 0; i < n && !ret; i++) {
		uint64_t addr = x[i].addr & ~(uint64_t)(LIVEMIG_REC_PAGE - 1);
		unsigned int kind = x[i].addr & LIVEMIG_PAGE_KIND_MASK;
		uint64_t end = addr;

		/* Zeros are given back, too, but before they are written: of a
		 * file's private mapping its bytes would show afterwards.
		 */
		if (kind == LIVEMIG_PAGE_ZERO)
			end += x[i].value * LIVEMIG_REC_PAGE;
		else if (kind != LIVEMIG_PAGE_DATA || addr < p->inherited)
			continue;
		if (end > p->inherited) {
			ret = give_back(&g, end);
			p->inherited = end;
		}
		if (kind == LIVEMIG_PAGE_DATA)
			p->inherited = addr + LIVEMIG_REC_PAGE;
	}
	if (!x) {
		ret = give_back(&g, UINT64_MAX);
		p->inherits = false;
	}
	if (!ret)
		ret = run(&g);
	lm_batch_free(g.b);
	return ret;
}

int lm_inherit_end(struct lm_restorer *r, struct lm_error *e)
{
	if (lm_inherit_birth(r, 0, e))
		return -1;
	for (size_t i = 0; i < r->nr_procs; i++)
		if (lm_inherit_pages(r->procs[i], NULL, 0, e))
			return -1;
	return 0;
}
