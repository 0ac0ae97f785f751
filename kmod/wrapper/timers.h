/* SPDX-License-Identifier: GPL-2.0 */
/* POSIX timers, where struct k_itimer and its list changed between kernels. */
#ifndef _LIVEMIG_WRAPPER_TIMERS_H
#define _LIVEMIG_WRAPPER_TIMERS_H

#include <linux/version.h>
#include <linux/posix-timers.h>
#include <linux/sched/signal.h>

/* A list; a hash list from 6.12 on. Under siglock. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define lm_for_each_timer(tmr, sig) \
	hlist_for_each_entry(tmr, &(sig)->posix_timers, list)
#else
#define lm_for_each_timer(tmr, sig) \
	list_for_each_entry(tmr, &(sig)->posix_timers, list)
#endif

/* Its signal, queued or not; a member of the timer from 6.13 on. */
static inline const struct sigqueue *lm_timer_signal(const struct k_itimer *tmr)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	return &tmr->sigq;
#else
	return tmr->sigq;
#endif
}

/* The next id; atomic from 6.15 on. Under siglock. */
static inline u32 lm_next_timer(const struct signal_struct *sig)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	return atomic_read(&sig->next_posix_timer_id);
#else
	return READ_ONCE(sig->next_posix_timer_id);
#endif
}

static inline void lm_set_next_timer(struct signal_struct *sig, u32 id)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 15, 0)
	atomic_set(&sig->next_posix_timer_id, id);
#else
	WRITE_ONCE(sig->next_posix_timer_id, id);
#endif
}

#endif
