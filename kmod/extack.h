/* SPDX-License-Identifier: GPL-2.0 */
/* Refusing a request with a reason. Locking: none needed, any context. */
#ifndef _LIVEMIG_EXTACK_H
#define _LIVEMIG_EXTACK_H

#include <linux/netlink.h>

/* Gives the caller of the request the reason in words (@extack may be NULL) and
 * returns @err, so that "return lm_err(extack, -EBUSY, ...)" is the whole
 * refusal.
 */
int lm_err(struct netlink_ext_ack *extack, int err, const char *fmt, ...)
	   __printf(3, 4);

#endif
