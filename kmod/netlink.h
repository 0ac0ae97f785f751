/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family. Locking: see netlink.c. */
#ifndef _LIVEMIG_NETLINK_H
#define _LIVEMIG_NETLINK_H

#include <linux/livemig.h>
#include "wrapper/genetlink.h"

extern struct genl_family lm_genl_family;

int lm_netlink_init(void);
void lm_netlink_exit(void);

/* info.c: the attributes of GET_INFO. Return: 0 or -EMSGSIZE. */
int lm_info_fill(struct sk_buff *skb);

#endif
