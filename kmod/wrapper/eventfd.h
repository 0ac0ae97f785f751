/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Is an eventfd a semaphore? Up to 6.4 only its private struct tells, which has
 * looked like this since 5.2; count and id, which fdinfo tells, prove that it
 * does.
 */
#ifndef _LIVEMIG_WRAPPER_EVENTFD_H
#define _LIVEMIG_WRAPPER_EVENTFD_H

#include <linux/version.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/wait.h>

/* Return: 0 or 1; -1: it is not known. */
static inline int lm_eventfd_semaphore(struct file *f, u64 count, int id)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
	const struct {
		struct kref kref;
		wait_queue_head_t wqh;
		__u64 count;
		unsigned int flags;
		int id;
	} *ctx = f->private_data;

	if (READ_ONCE(ctx->count) == count && ctx->id == id)
		return !!(ctx->flags & EFD_SEMAPHORE);
#endif
	return -1;
}

#endif
