// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of a task that becomes, through the regsets that ptrace uses.
 *
 * Locking: lm_arch_set_regs() needs a task that is parked and off its CPU for as
 * long as it runs; restore.h tells why it is.
 */
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <linux/regset.h>
#include <linux/sched.h>
#include <linux/sched/task_stack.h>
#include <asm/fpu/types.h>
#include <asm/processor.h>
#include <asm/segment.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <asm/user.h>

#include "../../arch.h"
#include "../../restore.h"
#include "../../wrapper/sched.h"

#define SYSCALL_INSN	2	/* bytes */

/**
 * lm_arch_user_range() - can [@start, @start + @len) be user memory
 * @start: address
 * @len: bytes, 0: the address itself
 *
 * Return: whether it lies below the end of user addresses.
 */
bool lm_arch_user_range(u64 start, u64 len)
{
	return start <= TASK_SIZE_MAX && len <= TASK_SIZE_MAX - start;
}

static bool flat(unsigned long selector)
{
	return !selector || selector == __USER_DS;
}

static int check_general(const struct user_regs_struct *r, const char **why)
{
	*why = "REGS: not of a 64-bit program";
	if (r->cs != __USER_CS || r->ss != __USER_DS)
		return -EINVAL;
	*why = "REGS: a segment that only the source had";
	if (!flat(r->ds) || !flat(r->es) || !flat(r->fs) || !flat(r->gs))
		return -EINVAL;
	*why = "REGS: ip, fs_base or gs_base is no user address";
	if (r->ip >= TASK_SIZE_MAX || r->fs_base >= TASK_SIZE_MAX ||
	    r->gs_base >= TASK_SIZE_MAX)
		return -EINVAL;
	*why = "REGS: a system call that was not resolved";
	return r->orig_ax == -1UL ? 0 : -EINVAL;
}

/* The checks of the regset that need no task: what fails here fails early. */
static int check_xstate(const void *xstate, const char **why)
{
	struct xstate_header h;

	memcpy(&h, xstate + sizeof(struct fxregs_state), sizeof(h));
	*why = "XSTATE: a feature that this CPU lacks";
	if (h.xfeatures & ~lm_xfeatures())
		return -EINVAL;
	*why = "XSTATE: malformed header";
	return h.xcomp_bv || memchr_inv(h.reserved, 0, sizeof(h.reserved)) ?
	       -EINVAL : 0;
}

/**
 * lm_arch_check_regs() - can the registers of a THREAD object be set here
 * @t: the object: regs and xstate with their lengths
 * @why: on failure, what is wrong
 *
 * Return: 0 or -EINVAL.
 */
int lm_arch_check_regs(const struct lm_restore_thread *t, const char **why)
{
	struct user_regs_struct regs;
	int ret;

	*why = "REGS: length";
	if (t->regs_len != sizeof(regs))
		return -EINVAL;
	memcpy(&regs, t->regs, sizeof(regs));
	ret = check_general(&regs, why);
	if (ret)
		return ret;
	*why = "XSTATE: another size than this CPU's";
	if (t->xstate_len != lm_xstate_size())
		return -EINVAL;
	return t->xstate_len ? check_xstate(t->xstate, why) : 0;
}

static int set(struct task_struct *task, unsigned int note, const void *from,
	       size_t len)
{
	const struct user_regset_view *view = task_user_regset_view(task);
	const struct user_regset *rs;
	unsigned int i;

	for (i = 0; i < view->n; i++) {
		rs = &view->regsets[i];
		if (rs->core_note_type == note)
			return rs->set(task, rs, 0, len, from, NULL);
	}
	return -EOPNOTSUPP;
}

/**
 * lm_arch_set_regs() - load a parked task's registers
 * @t: the THREAD object, with its task
 *
 * A thread that slept returns from its sleep with the code that makes the kernel
 * restart it, so the call is undone that the dump had put in its place.
 * Must not be called by the task itself or a kernel thread. May sleep.
 * Return: 0 or the errno of a regset.
 */
int lm_arch_set_regs(struct lm_restore_thread *t)
{
	struct user_regs_struct regs;
	int ret;

	memcpy(&regs, t->regs, sizeof(regs));
	if (t->slept) {
		regs.orig_ax = regs.ax;
		regs.ax = -ERESTART_RESTARTBLOCK;
		regs.ip += SYSCALL_INSN;
	}
	ret = set(t->task, NT_PRSTATUS, &regs, sizeof(regs));
	if (!ret && t->xstate_len)
		ret = set(t->task, NT_X86_XSTATE, t->xstate, t->xstate_len);
	return ret;
}

static long sleep_call(u32 kind)
{
	switch (kind) {
	case LIVEMIG_RESTART_NANOSLEEP:
		return __NR_clock_nanosleep;
	case LIVEMIG_RESTART_POLL:
		return __NR_poll;
	case LIVEMIG_RESTART_FUTEX:
		return __NR_futex;
	}
	return -1;
}

/**
 * lm_arch_asleep() - has a thread that said it would sleep fallen asleep
 * @t: the THREAD object, with its task
 *
 * Return: whether it sleeps in the system call of its RESTART's kind.
 */
bool lm_arch_asleep(const struct lm_restore_thread *t)
{
	bool asleep;

	/* Keeps one that is being killed, and its stack, in exit_mm(). */
	task_lock(t->task);
	asleep = t->task->mm &&
		 (READ_ONCE(t->task->__state) & TASK_INTERRUPTIBLE) &&
		 !lm_task_on_cpu(t->task) &&
		 READ_ONCE(task_pt_regs(t->task)->orig_ax) ==
			sleep_call(t->restart.kind);
	task_unlock(t->task);
	return asleep;
}

/**
 * lm_arch_note_sleep() - was current taken out of a sleep
 * @t: its THREAD object
 *
 * When it was not (it never slept, or the sleep ended otherwise), its call is
 * made again from the start: the registers of the dump say so.
 */
void lm_arch_note_sleep(struct lm_restore_thread *t)
{
	struct pt_regs *regs = task_pt_regs(current);

	t->slept = (t->arg.flags & LIVEMIG_BECOME_F_SLEEP) &&
		   regs->orig_ax == sleep_call(t->restart.kind) &&
		   (long)regs->ax == -ERESTART_RESTARTBLOCK;
}
