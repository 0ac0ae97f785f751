/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multicast groups of UDP, raw and ICMP sockets: DATA of the queue GROUPS. */
#ifndef LM_KINDS_MCAST_H
#define LM_KINDS_MCAST_H

#include "sock.h"

/* Join what @f was in. That is told to the network, so it must be open. */
int lm_mcast_join(int fd, const struct lm_file *f, struct lm_error *e);
/* Could that be done? Asked of a socket that goes at once. */
int lm_mcast_try(struct lm_restorer *r, const struct lm_file *f, struct lm_error *e);
/* IP_MULTICAST_IF, by interface. */
int lm_mcast_set_if(int fd, const struct lm_file *f, struct lm_error *e);

#endif
