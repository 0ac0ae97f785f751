/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP sockets: udp.c makes them, udp_queue.c fills them. */
#ifndef LM_KINDS_UDP_H
#define LM_KINDS_UDP_H

#include "sock.h"

/* Network open: send what waited in @f to it again. */
int lm_udp_fill(struct lm_restorer *r, struct lm_file *f, struct lm_error *e);

#endif
