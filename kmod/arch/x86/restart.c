// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupted system calls. Freezing a task ends the system call that it
 * sleeps in with one of the kernel's restart codes; on the way back to user
 * mode the kernel would turn the code into EINTR or execute the call again. A
 * frozen task has not come to that yet: here the decision is taken for it.
 *
 * A sleep with a relative timeout (-ERESTART_RESTARTBLOCK) goes on by
 * restart_syscall(), with the time of its end in the restart block. Executing
 * it again would start over; what is left of it is given beside the registers,
 * which execute the call again, for a restore that cannot do better.
 *
 * Locking: none; the thread is stopped, and so is its restart block.
 */
#include <linux/ktime.h>
#include <linux/restart_block.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>
#include <asm/unistd.h>
#include <asm/user.h>
#include <uapi/linux/futex.h>
#include "../../signals.h"
#include "../../wrapper/task_state.h"
#include "restart.h"

#define SYSCALL_INSN	2	/* bytes of the syscall instruction */

/* Continuations of the restart block, learned from threads whose system call
 * is still known; static functions of the kernel otherwise.
 */
static long (*fn_of[LIVEMIG_RESTART_FUTEX + 1])(struct restart_block *);

static u32 kind_of_call(long nr)
{
	switch (nr) {
	case __NR_nanosleep:
	case __NR_clock_nanosleep:
		return LIVEMIG_RESTART_NANOSLEEP;
	case __NR_poll:
		return LIVEMIG_RESTART_POLL;
	case __NR_futex:
		return LIVEMIG_RESTART_FUTEX;
	}
	return LIVEMIG_RESTART_NONE;
}

/* In its second interruption the call is restart_syscall, but the arguments in
 * the registers are still those of the first: they tell what it was.
 */
static u32 kind_of_block(const struct restart_block *r,
			 const struct user_regs_struct *regs)
{
	u32 kind;

	for (kind = LIVEMIG_RESTART_NONE + 1; kind < ARRAY_SIZE(fn_of); kind++)
		if (r->fn && r->fn == READ_ONCE(fn_of[kind]))
			return kind;
	if ((u64)(unsigned long)r->futex.uaddr == regs->di &&
	    r->futex.val == (u32)regs->dx && r->futex.bitset &&
	    (regs->si & FUTEX_CMD_MASK) <= FUTEX_CMP_REQUEUE_PI)
		return LIVEMIG_RESTART_FUTEX;
	if ((u64)(unsigned long)r->poll.ufds == regs->di &&
	    (u32)r->poll.nfds == (u32)regs->si)
		return LIVEMIG_RESTART_POLL;
	if ((u64)(unsigned long)r->nanosleep.rmtp == regs->si ||
	    (u64)(unsigned long)r->nanosleep.rmtp == regs->r10)
		return LIVEMIG_RESTART_NANOSLEEP;
	return LIVEMIG_RESTART_NONE;
}

/* A clock, which is a small or a negative int, rather than an address. Callers
 * leave the upper half of a register that holds an int zero or sign-extended.
 */
static bool is_clock(unsigned long arg)
{
	u32 upper = upper_32_bits(arg);

	return arg < PAGE_SIZE || ((upper == 0 || upper == U32_MAX) &&
				   (s32)lower_32_bits(arg) < 0);
}

/* The number of the call that restart_syscall continues. The first argument
 * of nanosleep is an address, that of clock_nanosleep a clock.
 */
static long original_call(u32 kind, const struct user_regs_struct *regs)
{
	switch (kind) {
	case LIVEMIG_RESTART_NANOSLEEP:
		return is_clock(regs->di) ? __NR_clock_nanosleep :
					    __NR_nanosleep;
	case LIVEMIG_RESTART_POLL:
		return __NR_poll;
	case LIVEMIG_RESTART_FUTEX:
		return __NR_futex;
	}
	return __NR_restart_syscall;
}

/* Does the call wait without limit, and does the kernel end it with EINTR even
 * when nothing but freezing has interrupted it? It can be made again. With a
 * time limit it cannot: nobody has written down when it began.
 */
static bool ended_by_freezing(long nr, const struct user_regs_struct *regs)
{
	switch (nr) {
	case __NR_epoll_wait:
	case __NR_epoll_pwait:
		return (int)regs->r10 < 0;
	case __NR_epoll_pwait2:
	case __NR_semtimedop:
		return !regs->r10;
	case __NR_rt_sigtimedwait:
		return !regs->dx;
	case __NR_io_getevents:
		return !regs->r8;
	case __NR_semop:
		return true;
	}
	return false;
}

static s64 time_left(s64 end, ktime_t now)
{
	return max_t(s64, end - ktime_to_ns(now), 0);
}

static bool clock_now(clockid_t clock, ktime_t *now)
{
	switch (clock) {
	case CLOCK_MONOTONIC:
		*now = ktime_get();
		return true;
	case CLOCK_REALTIME:
		*now = ktime_get_real();
		return true;
	case CLOCK_BOOTTIME:
		*now = ktime_get_boottime();
		return true;
	case CLOCK_TAI:
		*now = ktime_get_clocktai();
		return true;
	}
	return false;
}

static void fill_restart(const struct restart_block *r, u32 kind,
			 const struct user_regs_struct *regs,
			 struct livemig_restart *out)
{
	ktime_t now;

	switch (kind) {
	case LIVEMIG_RESTART_NANOSLEEP:
		if (!clock_now(r->nanosleep.clockid, &now))
			return;	/* a CPU clock: starts over */
		out->clockid = r->nanosleep.clockid;
		out->flags = r->nanosleep.type;
		out->addr = (unsigned long)r->nanosleep.rmtp;
		out->left_ns = time_left(r->nanosleep.expires, now);
		break;
	case LIVEMIG_RESTART_POLL:
		out->addr = (unsigned long)r->poll.ufds;
		out->val = r->poll.nfds;
		out->left_ns = r->poll.has_timeout ?
			       time_left(lm_poll_end_ns(r), ktime_get()) : -1;
		break;
	case LIVEMIG_RESTART_FUTEX:
		out->addr = (unsigned long)r->futex.uaddr;
		out->val = r->futex.val;
		out->flags = regs->si;	/* the op: numbers of the kernel vary */
		out->bitset = r->futex.bitset;
		out->absolute = !!(regs->si & FUTEX_CLOCK_REALTIME);
		out->left_ns = out->absolute ? max_t(s64, r->futex.time, 0) :
			       time_left(r->futex.time, ktime_get());
		break;
	default:
		return;
	}
	out->kind = kind;
}

/**
 * lm_resolve_restart - decide how an interrupted system call goes on
 * @t: the thread, stopped
 * @regs: its registers; changed so that they can be loaded as they are
 * @restart: filled when a sleep was interrupted; else left alone
 *
 * A handler that runs before the next user instruction ends some calls with
 * EINTR. Not so when the call waits with a signal mask of its own: that mask
 * is not part of the state, so the call must set it again.
 * Return: true when the call will be executed again.
 */
bool lm_resolve_restart(struct task_struct *t, struct user_regs_struct *regs,
			struct livemig_restart *restart)
{
	long nr = (long)regs->orig_ax, code = (long)regs->ax;
	struct restart_block *r = &t->restart_block;
	enum lm_handled handled;
	u32 kind;

	regs->orig_ax = -1UL;
	if (nr < 0)
		return false;
	if (code != -ERESTARTSYS && code != -ERESTARTNOINTR &&
	    code != -ERESTARTNOHAND && code != -ERESTART_RESTARTBLOCK &&
	    (code != -EINTR || !ended_by_freezing(nr, regs)))
		return false;

	handled = test_tsk_restore_sigmask(t) ? LM_HANDLED_NOT :
						lm_handled_next(t);
	if ((handled && code != -ERESTARTSYS && code != -ERESTARTNOINTR) ||
	    (handled == LM_HANDLED_INTR && code == -ERESTARTSYS)) {
		regs->ax = -EINTR;
		return false;
	}

	if (code == -ERESTART_RESTARTBLOCK) {
		kind = kind_of_call(nr);
		if (kind != LIVEMIG_RESTART_NONE)
			WRITE_ONCE(fn_of[kind], r->fn);
		else if (nr == __NR_restart_syscall) {
			kind = kind_of_block(r, regs);
			nr = original_call(kind, regs);
		}
		fill_restart(r, kind, regs, restart);
	}
	regs->ax = nr;
	regs->ip -= SYSCALL_INSN;
	return true;
}
