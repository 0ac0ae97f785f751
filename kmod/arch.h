/* SPDX-License-Identifier: GPL-2.0 */
/* What the architecture tells about itself; kmod/arch/. No locks needed. */
#ifndef _LIVEMIG_ARCH_H
#define _LIVEMIG_ARCH_H

#include <linux/types.h>

struct livemig_pkeys;
struct mm_struct;

/* Bytes of an NT_X86_XSTATE note on this host; 0: it has none. */
u32 lm_xstate_size(void);
/* XCR0: the extended states that tasks may use. */
u64 lm_xfeatures(void);
/* xxh64 (seed 0) of the vdso image that @mm was given; 0: it has none. */
u64 lm_vdso_id(struct mm_struct *mm);
/* Has @mm protection keys besides the one that every mm has; then @keys is set. */
bool lm_arch_pkeys(struct mm_struct *mm, struct livemig_pkeys *keys);
/* Keys of current's mm, whose mappings have theirs. -EINVAL: impossible ones;
 * -EOPNOTSUPP: the CPU has none.
 */
int lm_arch_check_pkeys(const struct livemig_pkeys *keys);
void lm_arch_set_pkeys(const struct livemig_pkeys *keys);
/* tlb.c: every CPU drops its user translations. */
void lm_flush_tlb(void);
/* Can writes be tracked with soft-dirty bits here. */
bool lm_soft_dirty_works(void);

#endif
