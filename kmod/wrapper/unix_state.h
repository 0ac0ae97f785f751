/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Unix sockets: what moved between kernels.
 */
#ifndef _LIVEMIG_WRAPPER_UNIX_STATE_H
#define _LIVEMIG_WRAPPER_UNIX_STATE_H

#include <net/af_unix.h>
#include <net/sock.h>

static inline void lm_peer_cred_lock(struct sock *sk)
{
	spin_lock(&sk->sk_peer_lock);
}

static inline void lm_peer_cred_unlock(struct sock *sk)
{
	spin_unlock(&sk->sk_peer_lock);
}

#endif
