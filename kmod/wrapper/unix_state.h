/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unix sockets: what moved between kernels.
 */
#ifndef _LIVEMIG_WRAPPER_UNIX_STATE_H
#define _LIVEMIG_WRAPPER_UNIX_STATE_H

#include <linux/version.h>
#include <net/af_unix.h>
#include <net/sock.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
/* What Unix sockets keep in skb->cb became private to them; the order of the
 * members did not change.
 */
#ifdef CONFIG_RANDSTRUCT
#error "the layout of skb->cb of Unix sockets is not known"
#endif
struct lm_unix_cb {
	void *pid;
	kuid_t uid;
	kgid_t gid;
	void *fds;
#ifdef CONFIG_SECURITY_NETWORK
	u32 secid;
#endif
	u32 consumed;
};

static inline bool lm_unix_has_fds(const struct sk_buff *skb)
{
	return ((const struct lm_unix_cb *)skb->cb)->fds;
}

static inline u32 lm_unix_consumed(const struct sk_buff *skb)
{
	return ((const struct lm_unix_cb *)skb->cb)->consumed;
}

/* Exported, but not declared for modules any more. */
struct sock *unix_peer_get(struct sock *sk);
#else
static inline bool lm_unix_has_fds(const struct sk_buff *skb)
{
	return UNIXCB(skb).fp;
}

static inline u32 lm_unix_consumed(const struct sk_buff *skb)
{
	return UNIXCB(skb).consumed;
}
#endif

#endif
