/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unix sockets: what moved between kernels.
 */
#ifndef _LIVEMIG_WRAPPER_UNIX_STATE_H
#define _LIVEMIG_WRAPPER_UNIX_STATE_H

#include <linux/version.h>
#include <net/af_unix.h>
#include <net/scm.h>
#include <net/sock.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
/* What Unix sockets keep in skb->cb became private to them; the order of the
 * members did not change.
 */
#ifdef CONFIG_RANDSTRUCT
#error "the layout of skb->cb of Unix sockets is not known"
#endif
struct lm_unix_cb {
	struct pid *pid;
	kuid_t uid;
	kgid_t gid;
	struct scm_fp_list *fp;
#ifdef CONFIG_SECURITY_NETWORK
	u32 secid;
#endif
	u32 consumed;
};

#define LM_UNIX_CB(skb)	((const struct lm_unix_cb *)(skb)->cb)

/* Exported, but not declared for modules any more. */
struct sock *unix_peer_get(struct sock *sk);
#else
#define LM_UNIX_CB(skb)	(&UNIXCB(skb))
#endif

#endif
