// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A container that comes from a kernel with another vdso. The one that it knows stays
 * at its place, as memory whose functions jump to this kernel's, which is put where
 * neither the container nor its stack and heap will want to be. The pages of data
 * below it are zeros: code that a signal handler has interrupted there and returns to
 * finds clocks that it has to ask the kernel for. Threads that are in the old code
 * otherwise are refused; a source that knows of the other kernel waits for a better
 * moment.
 *
 * Each kernel's vdso has one place in a process: when it comes back to a kernel that
 * it has been on, this one's goes where the memory is that it had left, and all that
 * were left otherwise lead there by one jump.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

#define USER_END	0x7ffffffff000ULL
#define GAP		LIVEMIG_REC_PAGE
/* More than a helper takes. */
#define HELPER_LEN	(1ULL << 30)

static bool is_other(const struct lm_restorer *r, const struct lm_mm *mm)
{
	return r->vdso.bytes && mm->obj.tb[LIVEMIG_MM_VDSO];
}

int lm_vdso_expect(struct lm_restorer *r, const void *bytes, size_t len, uint64_t id,
		   struct lm_error *e)
{
	struct lm_vdso *v = &r->vdso;
	int ret;

	if (!len || len > LM_VDSO_MAX || len % LIVEMIG_REC_PAGE)
		return lm_fail(e, LM_REFUSED, "a vdso of %zu bytes: malformed", len);
	for (int try = 0; try < 2; try++) {
		lm_vdso_free(v);
		v->bytes = malloc(len);
		if (!v->bytes)
			return lm_fail(e, LM_FAILED, "out of memory");
		memcpy(v->bytes, bytes, len);
		v->len = len;
		if (lm_vdso_id(v) != id)
			return lm_fail(e, LM_REFUSED, "its vdso is damaged");
		if (try)
			return 0;
		/* Can it be done? That spoils the copy. */
		if (lm_vdso_own(&r->own_vdso, e))
			return -1;
		ret = lm_vdso_redirect(v, &r->own_vdso, 0, e);
		if (ret)
			return -1;
	}
	return 0;
}

/* Its mappings become ones that programs could have made. */
static int adapt(struct lm_restorer *r, const struct lm_process *p, struct lm_error *e)
{
	struct lm_mm *mm = p->mm;

	if (lm_u64(mm->obj.tb[LIVEMIG_MM_VDSO_ID]) != r->vdso_id)
		return lm_fail(e, LM_REFUSED,
			       "pid %u: not the vdso of 64-bit programs, and this is another kernel: use the same kernel",
			       p->pid);
	for (size_t i = 0; i < mm->nr_vmas; i++) {
		struct livemig_vma *v = &mm->vmas[i];
		uint32_t exec = v->flags & LIVEMIG_VMA_F_EXEC;

		if (v->kind != LIVEMIG_VMA_VDSO)
			continue;
		if (exec && v->end - v->start != r->vdso.len)
			return lm_fail(e, LM_REFUSED,
				       "pid %u: a part of the vdso only, and this is another kernel: use the same kernel",
				       p->pid);
		*v = (struct livemig_vma){
			.start = v->start,
			.end = v->end,
			.flags = LIVEMIG_VMA_F_READ | exec,
			.kind = LIVEMIG_VMA_ANON,
		};
		if (exec)
			mm->vdso_at = v->start;
	}
	return 0;
}

int lm_vdso_adapt(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_thread *t;

	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];

		if (!p->mm || !is_other(r, p->mm))
			continue;
		if (r->final && (t = lm_model_in_vdso(p)))
			return lm_fail(e, LM_REFUSED,
				       "pid %u thread %u: just then in the vdso, and this is another kernel: dump it again",
				       p->pid, t->tid);
		if (adapt(r, p, e))
			return -1;
	}
	return 0;
}

static bool overlaps(const struct livemig_vma *v, size_t nr, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < nr; i++)
		if (v[i].start < end && start < v[i].end)
			return true;
	return false;
}

static bool is_free(const struct lm_proc *p, const struct lm_mm *mm, uint64_t start,
		    uint64_t len)
{
	static const uint64_t helper[] = { LM_HELPER_BASE, LM_HELPER_BASE_ALT };
	uint64_t end = start + len;

	for (size_t i = 0; i < 2; i++)
		if (start < helper[i] + HELPER_LEN && helper[i] < end)
			return false;
	return start >= (1 << 20) && end <= USER_END &&
	       !overlaps(mm->vmas, mm->nr_vmas, start, end) &&
	       !overlaps(p->vmas, p->nr_vmas, start, end);
}

/* At the end of the address space, or right below a mapping that does not grow. */
static uint64_t choose(const struct lm_proc *p, const struct lm_mm *mm, uint64_t len)
{
	uint64_t at = USER_END - GAP - len;

	for (size_t i = mm->nr_vmas; !is_free(p, mm, at, len) && i-- > 0;) {
		const struct livemig_vma *v = &mm->vmas[i];

		if (v->flags & (LIVEMIG_VMA_F_GROWSDOWN | LIVEMIG_VMA_F_STACK) ||
		    v->start < GAP + len)
			continue;
		at = v->start - GAP - len;
	}
	return at;
}

int lm_vdso_place(const struct lm_restorer *r, struct lm_proc *p, const struct lm_mm *mm,
		  bool *other, struct lm_error *e)
{
	struct livemig_range have = lm_remote_vdso(p->remote);
	uint64_t len = have.end - have.start, at;

	*other = is_other(r, mm);
	if (!*other || (p->vdso_placed && is_free(p, mm, have.start, len)))
		return 0;
	at = choose(p, mm, len);
	if (!is_free(p, mm, at, len))
		return lm_fail(e, LM_REFUSED,
			       "pid %u: no place for the vdso of this kernel; use the kernel that it comes from",
			       p->pid);
	p->vdso_placed = true;
	return lm_remote_move_vdso(p->remote, at, e);
}

/* ---- in the end, when all memory is there ---- */

static int write_code(struct lm_proc *p, uint64_t at, const struct lm_vdso *code,
		      struct lm_error *e)
{
	struct iovec here = { code->bytes, code->len }, there = { (void *)at, code->len };

	if (lm_remote_syscall(p->remote, e, __NR_mprotect, at, code->len,
			      PROT_READ | PROT_WRITE) < 0)
		return -1;
	if (process_vm_writev(lm_remote_pid(p->remote), &here, 1, &there, 1, 0) !=
	    (ssize_t)code->len)
		return lm_fail_errno(e, LM_FAILED, "cannot write a vdso");
	return lm_remote_syscall(p->remote, e, __NR_mprotect, at, code->len,
				 PROT_READ | PROT_EXEC) < 0 ? -1 : 0;
}

bool lm_vdso_like(const struct livemig_vma *v)
{
	const uint32_t flags = LIVEMIG_VMA_F_READ | LIVEMIG_VMA_F_WRITE |
			       LIVEMIG_VMA_F_EXEC | LIVEMIG_VMA_F_SEALED;

	return v->kind == LIVEMIG_VMA_ANON && v->end - v->start <= LM_VDSO_MAX &&
	       (v->flags & flags) == (LIVEMIG_VMA_F_READ | LIVEMIG_VMA_F_EXEC);
}

/* Is @v one of an earlier kernel, made by us? @code gets it, in room for the longest. */
static bool is_former(const struct lm_proc *p, const struct lm_mm *mm,
		      const struct livemig_vma *v, struct lm_vdso *code)
{
	struct iovec here = { code->bytes, SELFMAG }, there = { (void *)v->start, SELFMAG };
	pid_t pid = lm_remote_pid(p->remote);

	if (!lm_vdso_like(v) || v->start == mm->vdso_at)
		return false;
	/* Most of the code that programs make is not worth a second look. */
	if (process_vm_readv(pid, &here, 1, &there, 1, 0) != SELFMAG ||
	    memcmp(code->bytes, ELFMAG, SELFMAG))
		return false;
	code->len = here.iov_len = there.iov_len = v->end - v->start;
	return process_vm_readv(pid, &here, 1, &there, 1, 0) == (ssize_t)code->len &&
	       lm_vdso_redirected(code);
}

/* What became of the @len bytes of data below the code of mm->vmas[i]: the first of
 * the mappings that are just these; i: there is more or less.
 */
static size_t data_below(const struct lm_mm *mm, size_t i, uint64_t len)
{
	const uint32_t flags = LIVEMIG_VMA_F_READ | LIVEMIG_VMA_F_WRITE |
			       LIVEMIG_VMA_F_EXEC | LIVEMIG_VMA_F_SEALED;
	uint64_t start = mm->vmas[i].start - len;
	size_t first = i;

	while (first && mm->vmas[first].start > start) {
		const struct livemig_vma *v = &mm->vmas[first - 1];

		if (v->end != mm->vmas[first].start || v->kind != LIVEMIG_VMA_ANON ||
		    (v->flags & flags) != LIVEMIG_VMA_F_READ)
			return i;
		first--;
	}
	return mm->vmas[first].start == start ? first : i;
}

/* The container was on this kernel before: its vdso goes where it was then. */
static int settle(const struct lm_restorer *r, struct lm_proc *p,
		  const struct lm_process *mp, struct lm_vdso *code, struct lm_error *e)
{
	struct livemig_range have = lm_remote_vdso(p->remote);
	uint64_t data = have.end - have.start - r->own_vdso.len;
	struct lm_mm *mm = mp->mm;

	for (size_t i = 0; i < mm->nr_vmas; i++) {
		struct livemig_vma *v = &mm->vmas[i];
		size_t first;

		if (!is_former(p, mm, v, code) || !lm_vdso_is_of(code, &r->own_vdso) ||
		    /* (whose next instruction may be the end of a jump) */
		    lm_model_thread_in(mp, v->start, v->end))
			continue;
		first = data_below(mm, i, data);
		if (first == i)
			continue;
		for (; first <= i; first++)
			mm->vmas[first] = (struct livemig_vma){
				.start = mm->vmas[first].start,
				.end = mm->vmas[first].end,
				.flags = mm->vmas[first].flags & (LIVEMIG_VMA_F_READ |
								  LIVEMIG_VMA_F_EXEC),
				.kind = LIVEMIG_VMA_VDSO,
			};
		return lm_remote_move_vdso(p->remote, v->start - data, e);
	}
	return 0;
}

static int redirect_all(const struct lm_restorer *r, struct lm_proc *p,
			const struct lm_mm *mm, struct lm_vdso *code, struct lm_error *e)
{
	uint64_t at = lm_remote_vdso(p->remote).end - r->own_vdso.len;

	code->len = r->vdso.len;
	memcpy(code->bytes, r->vdso.bytes, code->len);
	if (lm_vdso_redirect(code, &r->own_vdso, at, e) ||
	    write_code(p, mm->vdso_at, code, e))
		return -1;
	/* (those that cannot lead there by one jump do so by two) */
	for (size_t i = 0; i < mm->nr_vmas; i++)
		if (is_former(p, mm, &mm->vmas[i], code) &&
		    !lm_vdso_redirect(code, &r->own_vdso, at, NULL) &&
		    write_code(p, mm->vmas[i].start, code, e))
			return -1;
	return 0;
}

int lm_vdso_fill(const struct lm_restorer *r, struct lm_proc *p,
		 const struct lm_process *mp, struct lm_error *e)
{
	struct lm_vdso code = { 0 };
	int ret;

	if (!is_other(r, mp->mm) || !mp->mm->vdso_at)
		return 0;
	code.bytes = malloc(LM_VDSO_MAX);
	if (!code.bytes)
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = settle(r, p, mp, &code, e) ||
	      redirect_all(r, p, mp->mm, &code, e) ? -1 : 0;
	lm_vdso_free(&code);
	return ret ? lm_prefix(e, "pid %u", mp->pid) : 0;
}
