// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A main thread that has ended before others stays, as a zombie, for the number of the
 * process. It is born as all are, so that there is a process, and what it does first
 * when it runs is to end: its next instruction is the system call that the vdso has. (How
 * a signal ended it, if one ended that thread alone, nobody can ask the kernel for.)
 */
#include <asm/unistd.h>
#include <string.h>
#include <sys/user.h>

#include "internal.h"
#include "../record.h"

static const unsigned char syscall_insn[] = { 0x0f, 0x05 };

/* Is there something else, or less? The vdso that this kernel has brought is in no mapping
 * of a container that comes from another one.
 */
static bool is_vdso(const struct lm_mm *mm, uint64_t at)
{
	for (size_t i = 0; i < mm->nr_vmas; i++) {
		const struct livemig_vma *v = &mm->vmas[i];

		if (at >= v->start && at < v->end)
			return v->kind == LIVEMIG_VMA_VDSO && v->flags & LIVEMIG_VMA_F_EXEC;
	}
	return mm->vdso_at;
}

/* Where @p has a system call to make; 0: nowhere. */
static uint64_t find_syscall(const struct lm_proc *p, const struct lm_mm *mm,
			     const struct lm_vdso *own)
{
	struct livemig_range have = lm_remote_vdso(p->remote);
	const unsigned char *insn = own->bytes ? memmem(own->bytes, own->len, syscall_insn,
							sizeof(syscall_insn)) : NULL;
	uint64_t at;

	if (!insn || !mm->obj.tb[LIVEMIG_MM_VDSO] || have.end - have.start < own->len)
		return 0;
	at = have.end - own->len + (insn - own->bytes);
	return is_vdso(mm, at) ? at : 0;
}

/* Registers, of which most are those of @other: which segments there are, say. */
static bool put_regs(struct lm_buf *b, const struct lm_thread *other, uint64_t at,
		     uint32_t status)
{
	const struct user_regs_struct *theirs;
	struct user_regs_struct regs;
	size_t n;

	theirs = lm_array(other->obj.tb[LIVEMIG_THREAD_REGS], sizeof(regs), &n);
	if (n != 1)
		return false;
	memcpy(&regs, theirs, sizeof(regs));
	regs.orig_rax = -1;
	regs.rax = __NR_exit;
	regs.rdi = status >> 8 & 0xff;
	regs.rip = at;
	regs.eflags = 0x202;	/* interrupts are on; what is always set */
	lm_put(b, LIVEMIG_THREAD_REGS, &regs, sizeof(regs));
	return true;
}

static void copy(struct lm_buf *b, const struct lm_thread *other, int attr)
{
	const struct nlattr *a = other->obj.tb[attr];

	if (a)
		lm_put(b, attr, lm_data(a), lm_len(a));
}

/* It gets what only those have that live. */
static int complete(struct lm_restorer *r, const struct lm_process *mp, uint64_t at,
		    struct lm_error *e)
{
	const struct lm_thread *t = lm_leader(mp), *other = mp->threads[1];
	uint32_t status = lm_u32(t->obj.tb[LIVEMIG_THREAD_EXIT_STATUS]);
	struct lm_buf b = { 0 };
	int ret = -1;

	lm_put_u32(&b, LIVEMIG_THREAD_TID, t->tid);
	lm_put_u32(&b, LIVEMIG_THREAD_PID, t->pid);
	lm_put_u64(&b, LIVEMIG_THREAD_SIGMASK, ~0ULL);
	/* Inside of a user namespace threads are born with its priorities, and may not be
	 * given better ones.
	 */
	copy(&b, other, LIVEMIG_THREAD_SCHED);
	copy(&b, other, LIVEMIG_THREAD_IOPRIO);
	copy(&b, other, LIVEMIG_THREAD_XSTATE);
	if (!put_regs(&b, other, at, status))
		lm_fail(e, LM_REFUSED, "thread %u: its registers are missing", other->tid);
	else
		ret = b.oom ? lm_fail(e, LM_FAILED, "out of memory") :
			      lm_model_add(&r->m, LIVEMIG_OBJ_THREAD, b.data, b.len, e);
	lm_buf_free(&b);
	return ret;
}

int lm_ended_leaders(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_vdso own = { 0 };
	int ret = 0;

	for (size_t i = 0; i < r->m.nr_procs && !ret; i++) {
		const struct lm_process *mp = r->m.procs[i];
		uint64_t at;

		if (!mp->mm || !lm_leader(mp)->ended)
			continue;
		ret = own.bytes ? 0 : lm_vdso_own(&own, e);
		at = ret ? 0 : find_syscall(lm_proc(r, mp->pid), mp->mm, &own);
		if (!ret && !at)
			ret = lm_fail(e, LM_REFUSED,
				      "pid %u: its main thread has ended, and it has no vdso: not supported",
				      mp->pid);
		if (!ret && complete(r, mp, at, e))
			ret = lm_prefix(e, "pid %u", mp->pid);
	}
	lm_vdso_free(&own);
	return ret;
}
