/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Packets that come for a stopped container. The network lock drops them; here
 * they are kept, and delivered when it runs again, wherever that is, so that
 * nobody has to wait for a retransmission. Best effort: what is not kept is
 * lost as on any network.
 */
#ifndef LM_PACKETS_H
#define LM_PACKETS_H

#include <stddef.h>
#include "../error.h"

struct lm_packets;

/* For the devices of @nsfd whose other ends are here. Nothing is kept yet. */
int lm_packets_open(int nsfd, struct lm_packets **p, struct lm_error *e);
void lm_packets_close(struct lm_packets *p);	/* NULL is fine */
/* Keep what comes from now on. */
void lm_packets_keep(struct lm_packets *p);
/* No more of them. Before they are delivered here, as otherwise those would be
 * kept again.
 */
void lm_packets_stop(struct lm_packets *p);
/* Take those that were kept since the last time. @dev: name of the device in the
 * container. @use returns nonzero to end it.
 */
int lm_packets_each(struct lm_packets *p,
		    int (*use)(const char *dev, const void *packet, size_t len,
			       void *arg), void *arg);
/* Put one on its way into the container, through @dev. @arg: struct lm_packets;
 * fits lm_packets_each(). Return: 0.
 */
int lm_packets_deliver(const char *dev, const void *packet, size_t len, void *arg);

#endif
