// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The mappings of one process of the skeleton follow those of the source. What
 * is there and what shall be there are two sorted lists; one sweep cuts both at
 * their borders and maps, protects or unmaps piece by piece.
 *
 * Before the last round nothing is unmapped merely because an inventory lacks
 * it: the source counts on pages that it sent until it has said that they are
 * gone, and a mapping may be back a moment later.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "newer.h"
#include "../grow.h"
#include "../search.h"

#ifndef MADV_DONTFORK
#include <linux/mman.h>
#endif

/* fds of a helper that are free while it maps. */
#define PKEYS		16

#define FIRST_FD	3
#define MAX_FDS		200

/* Make the mapping anew when one of these changes. */
#define IDENTITY	(LIVEMIG_VMA_F_GROWSDOWN | LIVEMIG_VMA_F_NORESERVE | \
			 LIVEMIG_VMA_F_DROPPABLE)
#define PROT		(LIVEMIG_VMA_F_READ | LIVEMIG_VMA_F_WRITE | LIVEMIG_VMA_F_EXEC)
/* Not before nobody forks any more, respectively all memory is there. */
#define AT_LAST		(LIVEMIG_VMA_F_DONTFORK | LIVEMIG_VMA_F_WIPEONFORK)
/* There is no way back to none of these. */
#define ONE_WAY		(LIVEMIG_VMA_F_HUGEPAGE | LIVEMIG_VMA_F_NOHUGEPAGE)
#define AFTER_FILL	(LIVEMIG_VMA_F_LOCKED | LIVEMIG_VMA_F_LOCKONFAULT)

struct sweep {
	struct lm_restorer *r;
	struct lm_proc *p;
	struct lm_error *e;
	struct lm_batch *b;
	bool born;			/* what is there was inherited */
	const struct livemig_vma *was, *is;	/* what there is, what shall be */
	size_t nr_was, nr_is;
	struct livemig_vma *vmas;	/* the list as it becomes */
	size_t nr;
	const struct livemig_vma *attached; /* last of the segment attached last */
	int local[MAX_FDS];		/* what is behind FIRST_FD... */
	int nr_fds;
};

/* What user space maps; vdso and vsyscall come with the kernel. */
static bool ours(const struct livemig_vma *v)
{
	return !lm_vma_kind(v)->kernel;
}

static bool has_object(const struct livemig_vma *v)
{
	return v->kind != LIVEMIG_VMA_ANON;
}

bool lm_mm_private(const struct livemig_vma *v)
{
	return lm_vma_kind(v)->private;
}

bool lm_mm_own(const struct livemig_vma *v)
{
	return lm_vma_kind(v)->own;
}

/* What may never be written is made of another descriptor. */
static uint32_t identity(const struct livemig_vma *v)
{
	return IDENTITY | (v->kind == LIVEMIG_VMA_SHMEM ? LIVEMIG_VMA_F_MAYWRITE : 0);
}

static bool same_thing(const struct livemig_vma *a, const struct livemig_vma *b)
{
	return a->kind == b->kind && !((a->flags ^ b->flags) & identity(a)) &&
	       (!has_object(a) ||
		(a->object == b->object &&
		 a->offset - a->start == b->offset - b->start));
}

int lm_mm_prot(const struct livemig_vma *v)
{
	return (v->flags & LIVEMIG_VMA_F_READ ? PROT_READ : 0) |
	       (v->flags & LIVEMIG_VMA_F_WRITE ? PROT_WRITE : 0) |
	       (v->flags & LIVEMIG_VMA_F_EXEC ? PROT_EXEC : 0);
}

/* ---- calls ---- */

static int flush(struct sweep *s)
{
	int ret = lm_batch_run(s->b, s->e);

	lm_batch_reset(s->b);
	return ret ? lm_prefix(s->e, "pid %u: mappings", s->p->pid) : 0;
}

static int room(struct sweep *s)
{
	return lm_batch_room(s->b, 12, 256) ? 0 : flush(s);
}

static int close_fds(struct sweep *s)
{
	if (!s->nr_fds)
		return 0;
	if (room(s))
		return -1;
	lm_batch_add(s->b, __NR_close_range, FIRST_FD,
		     FIRST_FD + s->nr_fds - 1, 0);
	s->nr_fds = 0;
	return 0;
}

/* The number that @local has in the helper, where it is brought if need be. */
static int remote_fd(struct sweep *s, int local)
{
	for (int i = 0; i < s->nr_fds; i++)
		if (s->local[i] == local)
			return FIRST_FD + i;
	if (s->nr_fds == MAX_FDS && close_fds(s))
		return -1;
	if (room(s))
		return -1;
	lm_batch_put_fd(s->b, local, FIRST_FD + s->nr_fds, true);
	s->local[s->nr_fds] = local;
	return FIRST_FD + s->nr_fds++;
}

static void advise(struct sweep *s, uint64_t start, uint64_t len, uint32_t was,
		   uint32_t is)
{
	static const struct {
		uint32_t flag;
		int set, clear;
	} advice[] = {
		{ LIVEMIG_VMA_F_DONTFORK, MADV_DONTFORK, MADV_DOFORK },
		{ LIVEMIG_VMA_F_WIPEONFORK, MADV_WIPEONFORK, MADV_KEEPONFORK },
		{ LIVEMIG_VMA_F_DONTDUMP, MADV_DONTDUMP, MADV_DODUMP },
		{ LIVEMIG_VMA_F_MERGEABLE, MADV_MERGEABLE, MADV_UNMERGEABLE },
		{ LIVEMIG_VMA_F_SEQ_READ, MADV_SEQUENTIAL, MADV_NORMAL },
		{ LIVEMIG_VMA_F_RAND_READ, MADV_RANDOM, MADV_NORMAL },
		/* There is no way back from these to neither. */
		{ LIVEMIG_VMA_F_HUGEPAGE, MADV_HUGEPAGE, -1 },
		{ LIVEMIG_VMA_F_NOHUGEPAGE, MADV_NOHUGEPAGE, -1 },
	};

	/* Clearing first: MADV_NORMAL would undo another's setting. */
	for (int set = 0; set < 2; set++)
		for (size_t i = 0; i < sizeof(advice) / sizeof(*advice); i++) {
			int what = set ? advice[i].set : advice[i].clear;

			if (((was ^ is) & advice[i].flag) && what >= 0 &&
			    !(is & advice[i].flag) == !set)
				lm_batch_try(s->b, __NR_madvise, start, len, what);
		}
}

static const struct livemig_vma *overlap(const struct livemig_vma *v, size_t n,
					 uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].start < end && start < v[i].end)
			return &v[i];
	return NULL;
}

/* A place below the helper for @size bytes where nothing is, and nothing will be. */
static uint64_t scratch(const struct sweep *s, uint64_t size)
{
	uint64_t at = lm_remote_base(s->p->remote) - size;
	const struct livemig_vma *in_way;

	while ((in_way = overlap(s->was, s->nr_was, at, at + size)) ||
	       (in_way = overlap(s->is, s->nr_is, at, at + size)))
		at = in_way->start - size;
	return at;
}

/* What is inherited of one is cut as the parent's is: the kernel counts the pieces. */
static bool is_sysv(const struct sweep *s, const struct livemig_vma *v)
{
	const struct lm_shmem *o = v->kind == LIVEMIG_VMA_SHMEM ?
		lm_model_shmem(&s->r->m, v->object) : NULL;

	return o && o->obj.tb[LIVEMIG_SHMEM_SYSV];
}

static bool one_attachment(const struct livemig_vma *a, const struct livemig_vma *b)
{
	return a->kind == LIVEMIG_VMA_SHMEM && b->kind == LIVEMIG_VMA_SHMEM &&
	       a->object == b->object && a->start - a->offset == b->start - b->offset;
}

/* Is there private memory that would be lost with the mapping that it is in? */
static bool holds_pages(const struct sweep *s, const struct livemig_vma *v)
{
	for (size_t i = 0; i < s->nr_was; i++)
		if (lm_mm_private(&s->was[i]) && s->was[i].start < v->end &&
		    v->start < s->was[i].end)
			return true;
	return false;
}

/* A System V segment. The pieces that it was cut into are attached together: shmdt()
 * takes those that have one file. What the sweep cuts finer is one mapping.
 */
static int attach(struct sweep *s, const struct livemig_vma *v, const struct lm_shmem *o)
{
	const struct livemig_vma *pieces[LM_IPC_PIECES];
	const uint64_t size = (o->size + LIVEMIG_REC_PAGE - 1) &
			      -(uint64_t)LIVEMIG_REC_PAGE;
	size_t n = 0;

	/* (what would have lost pages was left out) */
	if (s->attached && one_attachment(s->attached, v) && v->start < s->attached->end &&
	    !holds_pages(s, overlap(s->is, s->nr_is, v->start, v->end)))
		return 0;
	for (size_t i = 0; i < s->nr_is && n < LM_IPC_PIECES; i++)
		if (s->is[i].start >= v->start && one_attachment(&s->is[i], v) &&
		    !holds_pages(s, &s->is[i]))
			pieces[n++] = &s->is[i];
	if (n && pieces[0]->start == v->start) {
		s->attached = pieces[n - 1];
	} else {
		pieces[0] = v;
		n = 1;
	}
	return flush(s) || lm_ipc_attach(s->p, o, size, scratch(s, size), pieces, n, s->e) ?
	       -1 : 0;
}

static int map(struct sweep *s, const struct livemig_vma *v)
{
	int flags = MAP_FIXED, fd = -1;

	if (lm_vma_kind(v)->make)
		return flush(s) || lm_vma_kind(v)->make(s->p, v, s->e) ? -1 : 0;
	if (is_sysv(s, v))
		return attach(s, v, lm_model_shmem(&s->r->m, v->object));
	if (v->flags & LIVEMIG_VMA_F_DROPPABLE)
		flags |= MAP_DROPPABLE;
	else
		flags |= lm_mm_private(v) ? MAP_PRIVATE : MAP_SHARED;
	if (v->flags & LIVEMIG_VMA_F_GROWSDOWN)
		flags |= MAP_GROWSDOWN;
	if (v->flags & LIVEMIG_VMA_F_NORESERVE)
		flags |= MAP_NORESERVE;
	/* From Linux 6.7 on this is MADV_NOHUGEPAGE at birth, which keeps the
	 * mapping apart from its neighbours.
	 */
	if (v->flags & LIVEMIG_VMA_F_NOHUGEPAGE)
		flags |= MAP_STACK;
	if (has_object(v)) {
		fd = lm_mapped_fd(s->r, v, s->e);
		fd = fd < 0 ? -1 : remote_fd(s, fd);
		if (fd < 0)
			return -1;
	} else {
		flags |= MAP_ANONYMOUS;
	}
	if (room(s))
		return -1;
	lm_batch_add(s->b, __NR_mmap, v->start, v->end - v->start, lm_mm_prot(v),
		     flags, fd, has_object(v) ? v->offset : 0);
	return 0;
}

/* Which keys the program has taken is said by the module in the end: until then
 * all are ours, so that any can be given to a mapping.
 */
static int take_pkeys(struct sweep *s, const struct livemig_vma *v)
{
	if (v->pkey >= PKEYS)
		return lm_fail(s->e, LM_REFUSED,
			       "pid %u: memory at %#llx has an impossible protection key",
			       s->p->pid, (unsigned long long)v->start);
	if (!v->pkey || s->p->has_pkeys)
		return 0;
	if (!lm_batch_room(s->b, PKEYS + 8, 256) && flush(s))
		return -1;
	for (int key = 1; key < PKEYS; key++)
		lm_batch_try(s->b, __NR_pkey_alloc, 0, 0);
	s->p->has_pkeys = true;
	return 0;
}

static void protect(struct sweep *s, const struct livemig_vma *v)
{
	lm_batch_add(s->b, __NR_pkey_mprotect, v->start, v->end - v->start,
		     lm_mm_prot(v), v->pkey);
}

/* Memory that could be written to is accounted from then on, and the kernel joins it
 * with no neighbour that is not. (Newer kernels: only if anything has been written.)
 */
static void account(struct sweep *s, const struct livemig_vma *v, const struct livemig_vma *was)
{
	if (!(v->flags & LIVEMIG_VMA_F_ACCOUNT) || v->flags & LIVEMIG_VMA_F_WRITE ||
	    (was && was->flags & LIVEMIG_VMA_F_ACCOUNT) || !lm_mm_private(v))
		return;
	lm_batch_add(s->b, __NR_mprotect, v->start, v->end - v->start,
		     lm_mm_prot(v) | PROT_WRITE);
	if (!was && !has_object(v)) {
		lm_batch_try(s->b, __NR_madvise, v->start, 4096, MADV_POPULATE_WRITE);
		lm_batch_try(s->b, __NR_madvise, v->start, v->end - v->start, MADV_DONTNEED);
	}
	lm_batch_add(s->b, __NR_mprotect, v->start, v->end - v->start, lm_mm_prot(v));
}

/* ---- the sweep ---- */

/* Append @v, to be one with the piece before if it goes on. */
static int keep(struct sweep *s, const struct livemig_vma *v)
{
	struct livemig_vma *last = s->nr ? &s->vmas[s->nr - 1] : NULL;

	if (last && last->end == v->start && last->flags == v->flags &&
	    last->pkey == v->pkey &&
	    same_thing(last, v)) {
		last->end = v->end;
		return 0;
	}
	if (lm_grow(&s->vmas, s->nr, sizeof(*v)))
		return lm_fail(s->e, LM_FAILED, "out of memory");
	s->vmas[s->nr++] = *v;
	return 0;
}

static struct livemig_vma cut(const struct livemig_vma *v, uint64_t start,
			      uint64_t end)
{
	struct livemig_vma c = *v;

	if (has_object(v))
		c.offset += start - v->start;
	c.start = start;
	c.end = end;
	return c;
}

/* [start, end) is @was (NULL: nothing) and shall be @is. */
static int piece(struct sweep *s, uint64_t start, uint64_t end,
		 const struct livemig_vma *was, const struct livemig_vma *is)
{
	struct livemig_vma v;

	if (room(s))
		return -1;
	if (was && lm_vma_kind(was)->unmake && start == was->start &&
	    (is ? !same_thing(was, is) : s->r->final))
		lm_vma_kind(was)->unmake(s->b, was);
	if (!is && (s->r->final || s->born)) {
		lm_batch_add(s->b, __NR_munmap, start, end - start);
		return 0;
	}
	if (!is) {
		v = cut(was, start, end);
		return keep(s, &v);
	}
	v = cut(is, start, end);
	v.flags &= ~(AFTER_FILL | (s->r->final ? 0 : AT_LAST));
	if (take_pkeys(s, &v))
		return -1;
	if (was && same_thing(was, is) && !(s->born && is_sysv(s, is)) &&
	    !(s->born && lm_vma_kind(was)->not_inherited) &&
	    !(s->born && was->flags & ONE_WAY && !(is->flags & ONE_WAY))) {
		account(s, &v, was);
		if (v.pkey || was->pkey)
			protect(s, &v);
		else if ((was->flags ^ v.flags) & PROT)
			lm_batch_add(s->b, __NR_mprotect, start, end - start,
				     lm_mm_prot(&v));
		advise(s, start, end - start, was->flags, v.flags);
		return keep(s, &v);
	}
	if (was && !s->born && lm_mm_private(was) && lm_mm_private(is)) {
		if (flush(s) || lm_pages_save(s->r, s->p, start, end, s->e))
			return -1;
	}
	if (map(s, &v))
		return -1;
	account(s, &v, NULL);
	if (v.pkey)
		protect(s, &v);
	advise(s, start, end - start, 0, v.flags);
	return keep(s, &v);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int sweep(struct sweep *s, const struct livemig_vma *was, size_t nr_was,
		 const struct livemig_vma *is, size_t nr_is)
{
	uint64_t at = 0;
	size_t i = 0, j = 0;

	for (;;) {
		uint64_t a, b, start, stop;

		while (j < nr_is && !ours(&is[j]))
			j++;
		if (i == nr_was && j == nr_is)
			return 0;
		a = i < nr_was ? (was[i].start > at ? was[i].start : at) : UINT64_MAX;
		b = j < nr_is ? (is[j].start > at ? is[j].start : at) : UINT64_MAX;
		start = min(a, b);
		stop = min(a == start ? was[i].end : a, b == start ? is[j].end : b);
		if (piece(s, start, stop, a == start ? &was[i] : NULL,
			  b == start ? &is[j] : NULL))
			return -1;
		at = stop;
		if (i < nr_was && was[i].end == at)
			i++;
		if (j < nr_is && is[j].end == at)
			j++;
	}
}

int lm_mm_reset(struct lm_proc *p, struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret = 0;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (size_t i = 0; i < p->nr_vmas && !ret; i++) {
		const struct lm_vma_kind *k = lm_vma_kind(&p->vmas[i]);

		if (k->unmake)
			k->unmake(b, &p->vmas[i]);
		lm_batch_add(b, __NR_munmap, p->vmas[i].start,
			     p->vmas[i].end - p->vmas[i].start);
		if (!lm_batch_room(b, 2, 0) || i + 1 == p->nr_vmas) {
			ret = lm_batch_run(b, e);
			lm_batch_reset(b);
		}
	}
	lm_batch_free(b);
	p->nr_vmas = 0;
	return ret;
}

/* Before the mappings: the place of the old one may be needed by them. */
static int move_vdso(const struct lm_restorer *r, struct lm_proc *p,
		     const struct lm_mm *mm, struct lm_error *e)
{
	size_t n;
	const struct livemig_range *want =
		lm_array(mm->obj.tb[LIVEMIG_MM_VDSO], sizeof(*want), &n);
	struct livemig_range have = lm_remote_vdso(p->remote);
	bool other;

	if (lm_vdso_place(r, p, mm, &other, e))
		return -1;
	if (other)
		return 0;
	if (!n || !want->start || want->start == have.start)
		return 0;
	if (want->end - want->start != have.end - have.start)
		return lm_fail(e, LM_REFUSED, "pid %u: vdso of another kernel",
			       p->pid);
	return lm_remote_move_vdso(p->remote, want->start, e);
}

int lm_mm_sync(struct lm_restorer *r, struct lm_proc *p, const struct lm_mm *mm,
	       struct lm_error *e)
{
	struct sweep s = { .r = r, .p = p, .e = e, .is = mm->vmas, .nr_is = mm->nr_vmas };
	int ret;

	if (p->mm_id != mm->id) {
		s.born = !p->mm_id && p->nr_vmas &&
			 lm_inherit_related(lm_model_mm(&r->m, p->origin_mm), mm);
		if (!s.born && lm_mm_reset(p, e))
			return -1;
		p->mm_id = mm->id;
		p->keeps = p->inherits = s.born;
	}
	if (move_vdso(r, p, mm, e))
		return -1;
	s.was = p->vmas;
	s.nr_was = p->nr_vmas;
	s.b = lm_batch_new(p->remote);
	if (!s.b)
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = sweep(&s, p->vmas, p->nr_vmas, mm->vmas, mm->nr_vmas);
	if (!ret)
		ret = close_fds(&s) || flush(&s) ? -1 : 0;
	lm_batch_free(s.b);
	if (ret) {
		free(s.vmas);
		return -1;
	}
	free(p->vmas);
	p->vmas = s.vmas;
	p->nr_vmas = s.nr;
	return 0;
}

/* After all pages are there. */
int lm_mm_guard(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	for (const struct nlattr *a = NULL;
	     (a = lm_next(mm->obj.raw, mm->obj.len, a));) {
		const struct livemig_range *r;
		size_t n;

		if (lm_type(a) != LIVEMIG_MM_GUARDS)
			continue;
		r = lm_array(a, sizeof(*r), &n);
		for (size_t i = 0; i < n; i++)
			if (lm_remote_syscall(p->remote, NULL, __NR_madvise, r[i].start,
					      r[i].end - r[i].start,
					      MADV_GUARD_INSTALL) < 0)
				return lm_fail(e, LM_REFUSED,
					       "pid %u: this kernel cannot make the guard region at %#llx; use the same kernel",
					       p->pid, (unsigned long long)r[i].start);
	}
	return 0;
}

/* mlock() brings in every page: it comes after they are filled. */
int lm_mm_lock(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	const struct nlattr *future = mm->obj.tb[LIVEMIG_MM_MLOCKALL];

	for (size_t i = 0; i < mm->nr_vmas; i++) {
		const struct livemig_vma *v = &mm->vmas[i];
		int on_fault = v->flags & LIVEMIG_VMA_F_LOCKONFAULT ?
			MLOCK_ONFAULT : 0;

		if (!ours(v) || !(v->flags & AFTER_FILL))
			continue;
		/* PROT_NONE: marked as locked, though nothing can be brought in. */
		if (lm_remote_syscall(p->remote, v->flags & PROT ? e : NULL,
				      __NR_mlock2, v->start, v->end - v->start,
				      on_fault) < 0 && v->flags & PROT)
			return lm_prefix(e, "pid %u", p->pid);
	}
	if (future && lm_remote_syscall(p->remote, e, __NR_mlockall,
					lm_u32(future)) < 0)
		return lm_prefix(e, "pid %u", p->pid);
	return 0;
}

/* Nothing but /proc shows them; a kernel without is no obstacle. */
int lm_mm_names(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	struct lm_batch *b = mm->nr_names ? lm_batch_new(p->remote) : NULL;
	int ret = 0;

	for (size_t i = 0; i < mm->nr_names && !ret; i++) {
		const struct lm_vma_name *v = &mm->names[i];
		size_t name = lm_batch_data(b, v->name, sizeof(v->name));

		lm_batch_try(b, __NR_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, v->at.start,
			     v->at.end - v->at.start, LM_DATA(name));
		if (lm_batch_room(b, 1, sizeof(v->name)) && i + 1 < mm->nr_names)
			continue;
		ret = lm_batch_run(b, e);
		lm_batch_reset(b);
	}
	lm_batch_free(b);
	return ret ? lm_prefix(e, "pid %u: names of its memory", p->pid) : 0;
}

/* The last of all: what is sealed cannot be changed any more. */
int lm_mm_seal(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	for (size_t i = 0; i < mm->nr_vmas; i++) {
		const struct livemig_vma *v = &mm->vmas[i];

		if (ours(v) && v->flags & LIVEMIG_VMA_F_SEALED &&
		    lm_remote_syscall(p->remote, e, __NR_mseal, v->start,
				      v->end - v->start, 0) < 0)
			return lm_prefix(e, "pid %u: sealing its memory", p->pid);
	}
	return 0;
}

size_t lm_mm_index(const struct lm_proc *p, uint64_t addr)
{
	return lm_first_behind(p->vmas, p->nr_vmas, addr);
}

const struct livemig_vma *lm_mm_find(const struct lm_proc *p, uint64_t addr)
{
	size_t i = lm_mm_index(p, addr);

	return i < p->nr_vmas && p->vmas[i].start <= addr ? &p->vmas[i] : NULL;
}
