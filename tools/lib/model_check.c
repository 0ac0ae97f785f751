// SPDX-License-Identifier: LGPL-2.1-or-later
/* lm_model_finish(): do the parts of a model fit together? */
#include <stdlib.h>
#include <string.h>

#include "kinds/kind.h"
#include "model.h"
#include "record.h"
#include "vma_kind.h"

#define PID_LIMIT	(1U << 22)
#define PAGE		4096ULL
#define ADDR_MAX	(1ULL << 47)
#define FD_LIMIT	(1U << 30)

#define bad(e, ...)	lm_fail(e, LM_REFUSED, __VA_ARGS__)

static int check_process(struct lm_model *m, struct lm_process *p, struct lm_error *e)
{
	uint32_t flags = lm_u32(p->obj.tb[LIVEMIG_PROCESS_FLAGS]);

	if (p->pid > PID_LIMIT)
		return bad(e, "pid %u: impossible pid", p->pid);
	if (p->ppid && !lm_model_process(m, p->ppid))
		return bad(e, "pid %u: its parent %u is missing", p->pid, p->ppid);
	p->task = p->host;
	if (flags & LIVEMIG_PROCESS_F_ZOMBIE)
		return 0;
	p->mm = lm_model_mm(m, p->mm_id);
	if (!p->mm)
		return bad(e, "pid %u: its address space %u is missing", p->pid, p->mm_id);
	p->files = lm_model_files(m, p->files_id);
	if (!p->files)
		return bad(e, "pid %u: its table of files %u is missing", p->pid, p->files_id);
	if (!p->nr_threads || p->threads[0]->tid != p->pid)
		return bad(e, "pid %u: the main thread is missing", p->pid);
	for (size_t i = 0; i < p->nr_threads; i++) {
		const struct lm_thread *t = p->threads[i];

		if (t->tid > PID_LIMIT)
			return bad(e, "pid %u: impossible thread %u", p->pid, t->tid);
		if (t->ended && (i || p->nr_threads == 1))
			return bad(e, "pid %u: thread %u has ended before nobody", p->pid,
				   t->tid);
	}
	if (p->threads[0]->ended)
		p->task = p->threads[1]->host;
	return 0;
}

/* One process without a parent here, and everybody descends from it; several,
 * where the container has a pid namespace: those were sent in from outside.
 */
static int check_tree(const struct lm_model *m, struct lm_error *e)
{
	const struct lm_process *root = NULL;

	if (!m->nr_procs)
		return bad(e, "there is no process");
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i], *up = p;
		size_t steps = 0;

		while (up && up->ppid && steps++ < m->nr_procs)
			up = lm_model_process(m, up->ppid);
		if (!up || up->ppid)
			return bad(e, "pid %u descends from itself", p->pid);
		if (root && up != root && !lm_model_process(m, 1))
			return bad(e, "pid %u and pid %u both have a parent outside: only one process tree can be moved",
				   root->pid, up->pid);
		root = up;
	}
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int check_tids(const struct lm_model *m, struct lm_error *e)
{
	size_t n = 0, all = 0;
	uint32_t *tids, twice = 0;

	for (size_t i = 0; i < m->nr_procs; i++)
		all += m->procs[i]->nr_threads;
	tids = calloc(all + 1, sizeof(*tids));
	if (!tids)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (size_t i = 0; i < m->nr_procs; i++)
		for (size_t j = 0; j < m->procs[i]->nr_threads; j++)
			tids[n++] = m->procs[i]->threads[j]->tid;
	qsort(tids, n, sizeof(*tids), by_number);
	for (size_t i = 1; i < n; i++)
		if (tids[i] == tids[i - 1])
			twice = tids[i];
	free(tids);
	return twice ? bad(e, "thread %u is there twice", twice) : 0;
}

static int check_vma(const struct lm_model *m, const struct lm_mm *mm,
		     const struct livemig_vma *v, uint64_t *end, struct lm_error *e)
{
	const struct lm_vma_kind *kind = lm_vma_kind_nr(v->kind);
	unsigned long long start = v->start;

	if (!kind)
		return bad(e, "mm %u: mapping %#llx of unknown kind %u", mm->id, start, v->kind);
	if (v->start < *end || v->end <= v->start)
		return bad(e, "mm %u: mapping %#llx is out of order or overlaps", mm->id, start);
	if ((v->start | v->end | v->offset) % PAGE)
		return bad(e, "mm %u: mapping %#llx is not page aligned", mm->id, start);
	/* (vsyscall is in the kernel's half) */
	if (v->end > ADDR_MAX && v->kind != LIVEMIG_VMA_VSYSCALL)
		return bad(e, "mm %u: mapping %#llx is out of the address space", mm->id, start);
	if (v->offset > INT64_MAX - (v->end - v->start))
		return bad(e, "mm %u: mapping %#llx has an impossible offset", mm->id, start);
	*end = v->end;

	if (!v->object && m->source)	/* it is refused */
		return 0;
	if (kind->object == LM_VMA_FILE && !lm_model_file(m, v->object))
		return bad(e, "mm %u: mapping %#llx: file %u is missing", mm->id, start,
			   v->object);
	if (kind->object == LM_VMA_SHMEM && !lm_model_shmem(m, v->object))
		return bad(e, "mm %u: mapping %#llx: shared memory %u is missing", mm->id,
			   start, v->object);
	return 0;
}

static int check_mm(const struct lm_model *m, const struct lm_mm *mm, struct lm_error *e)
{
	uint32_t exe = lm_u32(mm->obj.tb[LIVEMIG_MM_EXE_FILE]);
	uint64_t end = 0;

	if (!mm->obj.raw)
		return bad(e, "mm %u: only its mappings are there", mm->id);
	if (exe && !lm_model_file(m, exe))
		return bad(e, "mm %u: its program, file %u, is missing", mm->id, exe);
	for (size_t i = 0; i < mm->nr_vmas; i++)
		if (check_vma(m, mm, &mm->vmas[i], &end, e))
			return -1;
	return 0;
}

static int check_fds(const struct lm_model *m, const struct lm_files *f, struct lm_error *e)
{
	for (size_t i = 0; i < f->nr_fds; i++) {
		const struct livemig_fd *fd = &f->fds[i];

		if (fd->fd >= FD_LIMIT || (i && fd->fd <= fd[-1].fd))
			return bad(e, "files %u: fd %u is out of order", f->id, fd->fd);
		if (fd->cloexec > 1)
			return bad(e, "files %u: fd %u: cloexec is %u", f->id, fd->fd,
				   fd->cloexec);
		if (!lm_model_file(m, fd->file))
			return bad(e, "files %u: fd %u: file %u is missing", f->id, fd->fd,
				   fd->file);
	}
	return 0;
}

static int check_file(const struct lm_model *m, struct lm_file *f, struct lm_error *e)
{
	if (f->type > LIVEMIG_FILE_MQUEUE)
		return bad(e, "file %u is of unknown type %u", f->id, f->type);
	if (f->type == LIVEMIG_FILE_MEMFD && !lm_model_shmem(m, f->shmem_id))
		return bad(e, "file %u: shared memory %u is missing", f->id, f->shmem_id);
	if (f->type == LIVEMIG_FILE_SOCKET && !f->obj.tb[LIVEMIG_FILE_A_SOCK])
		return bad(e, "file %u is a socket and nothing is said about it", f->id);
	for (size_t i = 0; i < f->nr_data; i++) {
		const struct nlattr *fds = f->data[i]->obj.tb[LIVEMIG_DATA_FDS];
		const uint32_t *ids;
		size_t n;

		if (f->data[i]->queue > LIVEMIG_QUEUE_GROUPS)
			return bad(e, "file %u: data for an unknown queue", f->id);
		ids = lm_array(fds, sizeof(*ids), &n);
		while (n--)
			if (!lm_model_file(m, ids[n]))
				return bad(e, "file %u: file %u in its queue is missing",
					   f->id, ids[n]);
	}
	f->kind = lm_file_kind(f);
	return 0;
}

/* Huge pages are those of the processor, 2 MB or 1 GB. */
static int check_shmem(const struct lm_shmem *s, struct lm_error *e)
{
	uint32_t shift = lm_u32(s->obj.tb[LIVEMIG_SHMEM_HUGE_SHIFT]);

	if (shift && shift != 21 && shift != 30)
		return bad(e, "shared memory %u: pages of 2^%u bytes", s->id, shift);
	return 0;
}

/* What the source's host calls it. */
static void name_holder(const struct lm_model *m, struct lm_file *f)
{
	const struct lm_process *p = lm_model_process(m, f->holder.pid);

	f->host = p ? p->host : f->holder.pid;
	f->task = p ? p->task : f->host;
}

static void name_owner(const struct lm_model *m, uint32_t shmem, uint32_t host)
{
	struct lm_shmem *s = lm_model_shmem(m, shmem);

	if (s && !s->host)
		s->host = host;
}

/* Who has it mapped, or else open. */
static void name_owners(const struct lm_model *m)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_mm *mm = m->procs[i]->mm;

		for (size_t j = 0; mm && j < mm->nr_vmas; j++)
			if (lm_vma_kind(&mm->vmas[j])->object == LM_VMA_SHMEM)
				name_owner(m, mm->vmas[j].object, m->procs[i]->host);
	}
	for (size_t i = 0; i < m->nr_file; i++)
		if (m->file[i]->shmem_id)
			name_owner(m, m->file[i]->shmem_id, m->file[i]->host);
}

int lm_model_finish(struct lm_model *m, struct lm_error *e)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		if (check_process(m, m->procs[i], e))
			return -1;
	if (check_tree(m, e) || check_tids(m, e))
		return -1;
	for (size_t i = 0; i < m->nr_mms; i++)
		if (check_mm(m, m->mms[i], e))
			return -1;
	for (size_t i = 0; i < m->nr_files; i++)
		if (check_fds(m, m->files[i], e))
			return -1;
	for (size_t i = 0; i < m->nr_shmems; i++)
		if (check_shmem(m->shmems[i], e))
			return -1;
	for (size_t i = 0; i < m->nr_file; i++) {
		if (check_file(m, m->file[i], e))
			return -1;
		name_holder(m, m->file[i]);
	}
	name_owners(m);
	return 0;
}
