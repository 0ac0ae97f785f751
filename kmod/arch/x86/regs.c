// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of a stopped thread, as the regsets of ptrace give them.
 *
 * Locking: none. The thread must be frozen and off its CPU (lm_task_stopped());
 * nobody else changes its registers then.
 */
#include <linux/elf.h>
#include <linux/mm_types.h>
#include <linux/regset.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/thread_info.h>
#include <net/netlink.h>
#include "../../dump.h"
#include "../../wrapper/x86_state.h"
#include "regs.h"
#include "restart.h"

static const struct user_regset *regset(struct task_struct *t, unsigned int note)
{
	const struct user_regset_view *view = task_user_regset_view(t);
	unsigned int i;

	for (i = 0; i < view->n; i++)
		if (view->regsets[i].core_note_type == note)
			return &view->regsets[i];
	return NULL;
}

/**
 * lm_arch_put_regs - add REGS, XSTATE and RESTART to a THREAD object
 * @obj: the object under construction
 * @t: the thread, stopped
 * @flags: LIVEMIG_THREAD_F_IN_SYSCALL is added when it is in a system call
 *	that will be executed again
 *
 * Does not sleep, but for a task with an LDT, which is refused.
 * Return: 0, -EMSGSIZE, or the errno of a regset.
 */
int lm_arch_put_regs(struct sk_buff *obj, struct task_struct *t, u32 *flags)
{
	const struct user_regset *set = regset(t, NT_PRSTATUS);
	struct livemig_restart restart = {};
	struct user_regs_struct regs = {};
	struct nlattr *nla;
	size_t size;
	int err;

	if (!set || set->n * set->size != sizeof(regs))
		return -EOPNOTSUPP;
	err = set->regset_get(t, set, (struct membuf){ &regs, sizeof(regs) });
	if (err < 0)
		return err;
	if (lm_resolve_restart(t, &regs, &restart))
		*flags |= LIVEMIG_THREAD_F_IN_SYSCALL;
	err = nla_put(obj, LIVEMIG_THREAD_REGS, sizeof(regs), &regs);
	if (!err && restart.kind != LIVEMIG_RESTART_NONE)
		err = nla_put(obj, LIVEMIG_THREAD_RESTART, sizeof(restart),
			      &restart);
	if (err)
		return err;

	set = regset(t, NT_X86_XSTATE);
	if (!set)
		return -EOPNOTSUPP;
	size = set->n * set->size;
	nla = nla_reserve(obj, LIVEMIG_THREAD_XSTATE, size);
	if (!nla)
		return -EMSGSIZE;
	memset(nla_data(nla), 0, size);
	err = set->regset_get(t, set, (struct membuf){ nla_data(nla), size });
	return err < 0 ? err : 0;
}

static bool has_gdt_tls(struct task_struct *t)
{
	int i;

	for (i = 0; i < GDT_ENTRY_TLS_ENTRIES; i++)
		if (!desc_empty(&t->thread.tls_array[i]))
			return true;
	return false;
}

/* They stay when the debugger that has set them goes. */
static bool has_breakpoints(struct task_struct *t)
{
	return READ_ONCE(t->thread.ptrace_dr7) &
	       (DR_LOCAL_ENABLE_MASK | DR_GLOBAL_ENABLE_MASK);
}

static bool has_ldt(struct task_struct *t)
{
	bool ret = false;

#ifdef CONFIG_MODIFY_LDT_SYSCALL
	task_lock(t);
	ret = t->mm && READ_ONCE(t->mm->context.ldt);
	task_unlock(t);
#endif
	return ret;
}

/**
 * lm_arch_unsupported - does the thread use something of x86 that stays behind
 * @t: the thread; it may run
 *
 * Return: the name of that, or NULL.
 */
const char *lm_arch_unsupported(struct task_struct *t)
{
	if (test_tsk_thread_flag(t, TIF_ADDR32))
		return "32-bit program";
	if (has_gdt_tls(t))
		return "TLS in the GDT (set_thread_area)";
	if (has_ldt(t))
		return "local descriptor table (modify_ldt)";
	if (test_tsk_thread_flag(t, TIF_IO_BITMAP))
		return "I/O port permissions";
	if (has_breakpoints(t))
		return "hardware breakpoints (debug registers)";
	if (lm_has_shadow_stack(t))
		return "shadow stack";
	if (lm_has_lam(t))
		return "linear address masking";
	return NULL;
}
