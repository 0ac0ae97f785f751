/* SPDX-License-Identifier: GPL-2.0 */
/* Generic netlink as it is called on each kernel. */
#ifndef _LIVEMIG_WRAPPER_GENETLINK_H
#define _LIVEMIG_WRAPPER_GENETLINK_H

#include <linux/version.h>
#include <net/genetlink.h>

/* What pre_doit and post_doit get: split ops from 6.2 on. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
typedef struct genl_split_ops lm_genl_ops;
#else
typedef struct genl_ops lm_genl_ops;
#endif

/* The attributes of a dump request: in a genl_info from 6.7 on. */
static inline struct nlattr **lm_genl_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	return genl_dumpit_info(cb)->info.attrs;
#else
	return genl_dumpit_info(cb)->attrs;
#endif
}

/* Joining a group needs CAP_SYS_ADMIN: a bit from 6.7 and 6.1.67 on, before
 * that, CAP_NET_ADMIN is what can be asked for.
 */
#ifdef GENL_MCAST_CAP_SYS_ADMIN
#define LM_MCAST_FLAGS	GENL_MCAST_CAP_SYS_ADMIN
#else
#define LM_MCAST_FLAGS	GENL_UNS_ADMIN_PERM
#endif

#endif
