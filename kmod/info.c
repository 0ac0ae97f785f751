// SPDX-License-Identifier: GPL-2.0
/*
 * GET_INFO: what two hosts must know of each other before they move anything.
 *
 * Locking: none; all of it is constant while the kernel runs.
 */
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/utsname.h>

#include "arch.h"
#include "netlink.h"
#include "session.h"

/* Names that peers negotiate by; one line for each thing that may be absent. */
static const char * const features[] = {
	"freeze",
	"dump",
	"pages",
	"restore",
	"later",
#ifdef CONFIG_MEM_SOFT_DIRTY
	"soft-dirty",
#endif
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	"thp",
#endif
};

/**
 * lm_info_fill() - the attributes of the answer to GET_INFO
 * @skb: the answer
 *
 * Context: in a user task.
 * Return: 0 or -EMSGSIZE.
 */
int lm_info_fill(struct sk_buff *skb)
{
	u64 vdso = current->mm ? lm_vdso_id(current->mm) : 0;
	int i;

	if (nla_put_string(skb, LIVEMIG_A_VERSION, LIVEMIG_VERSION) ||
	    nla_put_u32(skb, LIVEMIG_A_PROTOCOL, LIVEMIG_PROTOCOL) ||
	    nla_put_string(skb, LIVEMIG_A_KERNEL, init_utsname()->release) ||
	    nla_put_u32(skb, LIVEMIG_A_XSTATE_SIZE, lm_xstate_size()) ||
	    nla_put_u64_64bit(skb, LIVEMIG_A_XFEATURES, lm_xfeatures(),
			      LIVEMIG_A_PAD) ||
	    (vdso && nla_put_u64_64bit(skb, LIVEMIG_A_VDSO_ID, vdso,
				       LIVEMIG_A_PAD)) ||
	    nla_put_u32(skb, LIVEMIG_A_SESSIONS, lm_sessions_count()))
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (nla_put_string(skb, LIVEMIG_A_FEATURES, features[i]))
			return -EMSGSIZE;
	return 0;
}
