// SPDX-License-Identifier: GPL-2.0
/*
 * Refusing a request with a reason.
 *
 * Locking: none. Netlink copies the text after the command has returned, when
 * nothing of the request is left that could own it, so the texts live in a ring
 * and are overwritten only when it has gone round.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>

#include "extack.h"

#define RING_TEXTS	64	/* power of two */
#define RING_TEXT_LEN	160

static char ring[RING_TEXTS][RING_TEXT_LEN];
static atomic_t ring_next;

/**
 * lm_err() - set the extack message of a request
 * @extack: of the request, or NULL
 * @err: what to return, a negative errno
 * @fmt: the reason, without a newline
 *
 * Context: any.
 * Return: @err.
 */
int lm_err(struct netlink_ext_ack *extack, int err, const char *fmt, ...)
{
	va_list args;
	char *text;

	if (!extack)
		return err;
	text = ring[(unsigned int)atomic_inc_return(&ring_next) % RING_TEXTS];
	va_start(args, fmt);
	vsnprintf(text, RING_TEXT_LEN, fmt, args);
	va_end(args);
	extack->_msg = text;
	return err;
}
