// SPDX-License-Identifier: GPL-2.0
/*
 * Unix sockets: streams, datagrams, sequenced packets; pairs and listeners.
 * What waits in a socket to be read is dumped with it, and so are connections
 * that wait to be accepted; files in flight are noted (inflight.c).
 *
 * Locking: unix_state_lock() (a spin lock) for the address; iolock (a mutex that
 * readers hold) while messages are dumped, so that nobody outside who shares the
 * socket takes the files out of them; in it the queue's own lock while references
 * on the buffers are taken.
 */
#include <linux/limits.h>
#include <linux/pid.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include "inflight.h"
#include "sock.h"
#include "state.h"
#include "wrapper/unix_state.h"

#define LM_GROUPS_MAX	2048	/* must fit into an object */

static bool is_unix(const struct sock *sk)
{
	return sk->sk_family == AF_UNIX;
}

static bool has_oob(struct sock *sk)
{
#if IS_ENABLED(CONFIG_AF_UNIX_OOB)
	return READ_ONCE(unix_sk(sk)->oob_skb);
#else
	return false;
#endif
}

/* A reference on the path that it is bound to; false: to none. */
static bool bound_path(struct sock *sk, struct path *path)
{
	unix_state_lock(sk);
	*path = unix_sk(sk)->path;
	if (path->dentry)
		path_get(path);
	unix_state_unlock(sk);
	return path->dentry;
}

static bool has_many_groups(struct sock *sk)
{
	bool ret;

	spin_lock(&sk->sk_peer_lock);
	ret = sk->sk_peer_cred &&
	      sk->sk_peer_cred->group_info->ngroups > LM_GROUPS_MAX;
	spin_unlock(&sk->sk_peer_lock);
	return ret;
}

static const char *unix_unsupported(struct lm_dump *d, struct sock *sk,
				    bool *transient)
{
	if (lm_sock_has_bpf(sk))
		return "BPF program on a socket";
	if (d->frozen && has_oob(sk))
		return "urgent data in a unix socket";
	if (has_many_groups(sk))
		return "unix socket whose peer is in more than 2048 groups";
	return NULL;
}

/* Bound names never change; the pointer is published once. */
static int put_name(struct sock *sk, int attr, struct sk_buff *obj)
{
	const struct unix_address *addr = smp_load_acquire(&unix_sk(sk)->addr);

	return addr ? nla_put(obj, attr, addr->len, addr->name) : 0;
}

/* Where the inode is that it is bound to: it may have been renamed or deleted. */
static int put_bound(struct sock *sk, struct sk_buff *obj)
{
	struct livemig_sock_bound b = {};
	struct inode *inode;
	struct path path;
	int err;

	if (!bound_path(sk, &path))
		return 0;
	inode = d_backing_inode(path.dentry);
	b.mode = inode->i_mode;
	b.uid = from_kuid(&init_user_ns, inode->i_uid);
	b.gid = from_kgid(&init_user_ns, inode->i_gid);
	b.deleted = d_unlinked(path.dentry);
	err = lm_put_path(obj, LIVEMIG_SOCK_PATH, &path) ?:
	      nla_put(obj, LIVEMIG_SOCK_BOUND, sizeof(b), &b);
	path_put(&path);
	return err;
}

static int put_peer(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	struct sock *peer = unix_peer_get(sk);
	u64 ino = 0;
	int err;

	if (!peer)
		return 0;
	/* 0: the other end is closed. */
	if (!sock_flag(peer, SOCK_DEAD))
		ino = lm_sock_ino(d, peer);
	err = nla_put_u64_64bit(obj, LIVEMIG_SOCK_PEER_INO, ino,
				LIVEMIG_SOCK_PAD) ?:
	      put_name(peer, LIVEMIG_SOCK_REMOTE, obj);
	sock_put(peer);
	return err;
}

static int put_groups(const struct cred *cred, struct sk_buff *obj)
{
	const struct group_info *g = cred->group_info;
	struct nlattr *a;
	u32 *ids;
	int i;

	if (!g->ngroups)
		return 0;
	a = nla_reserve(obj, LIVEMIG_SOCK_PEER_GROUPS, g->ngroups * sizeof(*ids));
	if (!a)
		return -EMSGSIZE;
	ids = nla_data(a);
	for (i = 0; i < g->ngroups; i++)
		ids[i] = from_kgid(&init_user_ns, g->gid[i]);
	return 0;
}

static int put_peer_cred(struct lm_dump *d, struct sock *sk,
			 struct sk_buff *obj)
{
	struct ucred uc = {};
	const struct cred *cred;
	struct pid *pid;
	int err;

	spin_lock(&sk->sk_peer_lock);
	pid = get_pid(sk->sk_peer_pid);
	cred = get_cred(sk->sk_peer_cred);
	spin_unlock(&sk->sk_peer_lock);
	if (cred) {
		uc.uid = from_kuid(&init_user_ns, cred->euid);
		uc.gid = from_kgid(&init_user_ns, cred->egid);
	}
	uc.pid = pid_nr_ns(pid, d->pid_ns);
	err = pid ? nla_put(obj, LIVEMIG_SOCK_PEER_CRED, sizeof(uc), &uc) : 0;
	if (!err && cred)
		err = put_groups(cred, obj);
	put_cred(cred);
	put_pid(pid);
	return err;
}

static int put_unix(struct lm_dump *d, struct sock *sk, struct sk_buff *obj)
{
	int err;

	err = put_name(sk, LIVEMIG_SOCK_LOCAL, obj) ?:
	      put_bound(sk, obj) ?:
	      put_peer(d, sk, obj) ?:
	      put_peer_cred(d, sk, obj);
	if (!err && sk->sk_state == TCP_LISTEN)
		err = nla_put_u32(obj, LIVEMIG_SOCK_BACKLOG,
				  sk->sk_max_ack_backlog) ?:
		      nla_put_u32(obj, LIVEMIG_SOCK_UNACCEPTED,
				  skb_queue_len_lockless(&sk->sk_receive_queue));
	return err;
}

/* References on all buffers in the queue, an array to be freed with
 * put_buffers(). Return: their number or -ENOMEM.
 */
static int get_buffers(struct sock *sk, struct sk_buff ***out)
{
	struct sk_buff_head *q = &sk->sk_receive_queue;
	struct sk_buff **skbs, *skb;
	int max = skb_queue_len_lockless(q), n = 0;

	skbs = kvmalloc_array(max + 1, sizeof(*skbs), GFP_KERNEL);
	if (!skbs)
		return -ENOMEM;
	spin_lock(&q->lock);
	skb_queue_walk(q, skb) {
		if (n == max)
			break;
		skbs[n++] = skb_get(skb);
	}
	spin_unlock(&q->lock);
	*out = skbs;
	return n;
}

static void put_buffers(struct sk_buff **skbs, int n)
{
	while (n--)
		consume_skb(skbs[n]);
	kvfree(skbs);
}

/* What a message carries besides its bytes. */
struct ancillary {
	struct lm_data_head head;
	struct ucred cred;
	u32 fds[SCM_MAX_FD];
};

static int get_fds(struct lm_dump *d, struct task_struct *t,
		   const struct scm_fp_list *fp, struct ancillary *a)
{
	int i;

	for (i = 0; i < fp->count; i++) {
		a->fds[i] = lm_inflight_note(d, t, fp->fp[i]);
		if (!a->fds[i])
			return -ENOMEM;
	}
	a->head.fds = a->fds;
	a->head.nr_fds = fp->count;
	return 0;
}

static int get_ancillary(struct lm_data *w, struct task_struct *t,
			 const struct sk_buff *skb, struct ancillary *a)
{
	struct lm_dump *d = w->d;

	memset(&a->head, 0, sizeof(a->head));
	w->cred = NULL;
	if (LM_UNIX_CB(skb)->pid) {
		a->cred.pid = pid_nr_ns(LM_UNIX_CB(skb)->pid, d->pid_ns);
		a->cred.uid = from_kuid(&init_user_ns, LM_UNIX_CB(skb)->uid);
		a->cred.gid = from_kgid(&init_user_ns, LM_UNIX_CB(skb)->gid);
		w->cred = &a->cred;
	}
	return LM_UNIX_CB(skb)->fp ?
	       get_fds(d, t, LM_UNIX_CB(skb)->fp, a) : 0;
}

static int put_message(struct lm_data *w, struct sk_buff *skb,
		       struct ancillary *a)
{
	const struct unix_address *from = NULL;
	int err;

	if (skb->sk)
		from = smp_load_acquire(&unix_sk(skb->sk)->addr);
	if (from) {
		a->head.name = from->name;
		a->head.name_len = from->len;
	}
	err = lm_data_begin(w, &a->head) ?: lm_data_add(w, skb, 0, skb->len);
	if (err)
		return err;
	lm_data_end(w);
	w->offset++;
	return 0;
}

/* Bytes run on from buffer to buffer, but not across what comes along. */
static int put_stream(struct lm_data *w, struct sk_buff *skb,
		      struct ancillary *a)
{
	u32 read = LM_UNIX_CB(skb)->consumed;
	bool alone = w->cred || a->head.nr_fds;
	int err = 0;

	if (read >= skb->len)
		return 0;
	if (alone) {
		lm_data_end(w);
		err = lm_data_begin(w, &a->head);
	}
	err = err ?: lm_data_add(w, skb, read, skb->len - read);
	if (alone && !err)
		lm_data_end(w);
	return err;
}

static int put_buffer(struct lm_data *w, struct task_struct *t,
		      struct sk_buff *skb, struct ancillary *a)
{
	int err = get_ancillary(w, t, skb, a);

	/* Of a running container only the files are of interest. */
	if (err || !w->d->frozen)
		return err;
	return w->stream ? put_stream(w, skb, a) : put_message(w, skb, a);
}

static int put_messages(struct lm_dump *d, struct task_struct *t,
			struct sock *sk, u32 file_id)
{
	struct lm_data w = {
		.d = d,
		.file_id = file_id,
		.queue = LIVEMIG_QUEUE_RECV,
		.stream = sk->sk_type == SOCK_STREAM,
	};
	struct ancillary *a;
	struct sk_buff **skbs;
	int i, n, err = 0;

	n = get_buffers(sk, &skbs);
	if (n < 0)
		return n;
	a = kmalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		err = -ENOMEM;
	for (i = 0; i < n && !err; i++)
		err = fatal_signal_pending(current) ? -EINTR :
		      put_buffer(&w, t, skbs[i], a);
	put_buffers(skbs, n);
	kfree(a);
	if (err)
		lm_data_abort(&w);
	else
		lm_data_end(&w);
	return err;
}

/* The queue of a listener holds a buffer for each connection, which belongs to
 * the socket that accept() is going to give.
 */
static int put_unaccepted(struct lm_dump *d, struct task_struct *t,
			  struct sock *sk, u32 file_id)
{
	struct sk_buff **skbs;
	int i, n, err = 0;

	n = get_buffers(sk, &skbs);
	if (n < 0)
		return n;
	for (i = 0; i < n && !err; i++) {
		/* (the buffer holds the socket) */
		err = fatal_signal_pending(current) ? -EINTR :
		      lm_dump_fileless(d, t, skbs[i]->sk, file_id);
	}
	put_buffers(skbs, n);
	return err;
}

static int put_unix_queues(struct lm_dump *d, struct task_struct *t,
			   struct sock *sk, u32 file_id)
{
	int err;

	if (sk->sk_state == TCP_LISTEN)
		return put_unaccepted(d, t, sk, file_id);
	if (mutex_lock_killable(&unix_sk(sk)->iolock))
		return -EINTR;
	err = put_messages(d, t, sk, file_id);
	mutex_unlock(&unix_sk(sk)->iolock);
	return err;
}

const struct lm_sock_kind lm_sock_unix = {
	.name = "unix",
	.match = is_unix,
	.put = put_unix,
	.put_queues = put_unix_queues,
	.unsupported = unix_unsupported,
};
