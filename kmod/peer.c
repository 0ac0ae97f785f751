// SPDX-License-Identifier: GPL-2.0
/*
 * PEER: whom a restored unix socket takes for its peer. connect(), listen() and
 * socketpair() note who calls them, and that is the coordinator.
 *
 * Locking: sk_peer_lock of the socket.
 */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <net/sock.h>
#include "restore.h"
#include "wrapper/unix_state.h"

/* The groups, sorted, or an ERR_PTR. */
static struct group_info *get_groups(const struct livemig_ioc_peer *p)
{
	struct group_info *g;
	u32 *ids;
	u32 i;

	if (p->nr_groups > NGROUPS_MAX)
		return ERR_PTR(-EINVAL);
	ids = vmemdup_user(u64_to_user_ptr(p->groups),
			   array_size(p->nr_groups, sizeof(*ids)));
	if (IS_ERR(ids))
		return ERR_CAST(ids);
	g = groups_alloc(p->nr_groups);
	for (i = 0; g && i < p->nr_groups; i++) {
		g->gid[i] = make_kgid(current_user_ns(), ids[i]);
		if (!gid_valid(g->gid[i])) {
			put_group_info(g);
			g = ERR_PTR(-EINVAL);
			break;
		}
	}
	kvfree(ids);
	if (!g)
		return ERR_PTR(-ENOMEM);
	if (!IS_ERR(g))
		groups_sort(g);
	return g;
}

/* Credentials that name somebody and are never anybody's: of the caller's only
 * what a peer is asked for is changed.
 */
static struct cred *make_cred(const struct livemig_ioc_peer *p)
{
	kuid_t uid = make_kuid(current_user_ns(), p->uid);
	kgid_t gid = make_kgid(current_user_ns(), p->gid);
	struct group_info *groups;
	struct cred *cred;

	if (!uid_valid(uid) || !gid_valid(gid))
		return ERR_PTR(-EINVAL);
	groups = get_groups(p);
	if (IS_ERR(groups))
		return ERR_CAST(groups);
	cred = prepare_creds();
	if (!cred) {
		put_group_info(groups);
		return ERR_PTR(-ENOMEM);
	}
	cred->euid = uid;
	cred->egid = gid;
	set_groups(cred, groups);
	put_group_info(groups);
	return cred;
}

static void set_peer(struct sock *sk, struct pid *pid, const struct cred *cred)
{
	const struct cred *old_cred;
	struct pid *old_pid;

	spin_lock(&sk->sk_peer_lock);
	old_pid = sk->sk_peer_pid;
	old_cred = sk->sk_peer_cred;
	sk->sk_peer_pid = pid;
	sk->sk_peer_cred = cred;
	spin_unlock(&sk->sk_peer_lock);
	put_pid(old_pid);
	put_cred(old_cred);
}

static int note_peer(struct sock *sk, const struct livemig_ioc_peer *p)
{
	struct cred *cred = make_cred(p);
	struct pid *pid = NULL;

	if (IS_ERR(cred))
		return PTR_ERR(cred);
	if (p->pid) {
		pid = find_get_pid(p->pid);
		if (!pid) {
			put_cred(cred);
			return -ESRCH;
		}
	}
	set_peer(sk, pid, cred);
	return 0;
}

/**
 * lm_restore_peer - note a unix socket's peer
 * @p: as the uapi header tells; not trusted
 *
 * Return: 0 or -errno.
 */
int lm_restore_peer(const struct livemig_ioc_peer *p)
{
	struct socket *sock;
	struct sock *other;
	int err = 0;

	if (p->flags & ~LIVEMIG_PEER_F_OTHER)
		return -EINVAL;
	sock = sockfd_lookup(p->fd, &err);
	if (!sock)
		return err;
	if (sock->ops->family != PF_UNIX) {
		err = -ENOTSOCK;
		goto out;
	}
	if (!(p->flags & LIVEMIG_PEER_F_OTHER)) {
		err = note_peer(sock->sk, p);
		goto out;
	}
	other = unix_peer_get(sock->sk);
	err = other ? note_peer(other, p) : -ENOTCONN;
	if (other)
		sock_put(other);
out:
	sockfd_put(sock);
	return err;
}
