// SPDX-License-Identifier: GPL-2.0
/*
 * Flushing the TLB after write bits were taken away. The kernel's own functions
 * are not exported, and a mask of the CPUs that run an mm is wrong where the
 * hardware broadcasts flushes: so every CPU flushes everything that is not
 * global.
 *
 * Locking: none; the caller may hold mmap_lock, no spinlock.
 */
#include <linux/smp.h>
#include <asm/cpufeature.h>
#include <asm/invpcid.h>
#include <asm/processor-flags.h>

#include "arch.h"

static void flush_local(void *unused)
{
	unsigned long flags, cr4;

	if (boot_cpu_has(X86_FEATURE_INVPCID)) {
		invpcid_flush_all_nonglobals();
		return;
	}
	/* A change of CR4.PGE flushes all PCIDs, global entries too. */
	local_irq_save(flags);
	asm volatile("mov %%cr4, %0" : "=r" (cr4));
	asm volatile("mov %0, %%cr4" : : "r" (cr4 ^ X86_CR4_PGE) : "memory");
	asm volatile("mov %0, %%cr4" : : "r" (cr4) : "memory");
	local_irq_restore(flags);
}

/**
 * lm_flush_tlb() - no CPU uses an old user page-table entry after this
 *
 * Context: sleeps at most as long as an IPI takes; interrupts are enabled.
 */
void lm_flush_tlb(void)
{
	on_each_cpu(flush_local, NULL, 1);
}

/**
 * lm_soft_dirty_works() - can page-table entries be changed by us here
 *
 * Return: false when the kernel has no soft-dirty bits, or under Xen PV, where
 * the hypervisor owns the tables and the TLB.
 */
bool lm_soft_dirty_works(void)
{
	return IS_ENABLED(CONFIG_MEM_SOFT_DIRTY) &&
	       !boot_cpu_has(X86_FEATURE_XENPV);
}
