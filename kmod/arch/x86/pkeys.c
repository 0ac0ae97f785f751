// SPDX-License-Identifier: GPL-2.0
/*
 * x86: which protection keys an address space has taken. The key of a mapping
 * is in its flags, the rights of a thread in PKRU, a part of its extended state.
 *
 * Locking: mmap_lock.
 */
#include <linux/livemig.h>
#include <linux/mm.h>
#include <linux/pkeys.h>
#include <linux/sched.h>
#include <asm/cpufeature.h>

#include "arch.h"

#define KEY_ALWAYS	1U	/* bit 0 */

bool lm_arch_pkeys(struct mm_struct *mm, struct livemig_pkeys *keys)
{
#ifdef CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS
	if (!cpu_feature_enabled(X86_FEATURE_OSPKE))
		return false;
	keys->allocated = READ_ONCE(mm->context.pkey_allocation_map);
	keys->execute_only = READ_ONCE(mm->context.execute_only_pkey);
	return keys->allocated != KEY_ALWAYS;
#else
	return false;
#endif
}

int lm_arch_check_pkeys(const struct livemig_pkeys *keys)
{
#ifdef CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS
	if (!(keys->allocated & KEY_ALWAYS) || keys->allocated > U16_MAX)
		return -EINVAL;
	if (keys->execute_only < -1 || keys->execute_only > 15 ||
	    (keys->execute_only >= 0 &&
	     !(keys->allocated & BIT(keys->execute_only))))
		return -EINVAL;
	if (cpu_feature_enabled(X86_FEATURE_OSPKE))
		return 0;
#endif
	return -EOPNOTSUPP;
}

void lm_arch_set_pkeys(const struct livemig_pkeys *keys)
{
#ifdef CONFIG_X86_INTEL_MEMORY_PROTECTION_KEYS
	mmap_write_lock(current->mm);
	current->mm->context.pkey_allocation_map = keys->allocated;
	current->mm->context.execute_only_pkey = keys->execute_only;
	mmap_write_unlock(current->mm);
#endif
}
