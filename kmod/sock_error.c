// SPDX-License-Identifier: GPL-2.0
/*
 * The error of a socket that nobody was told yet: the peer has gone without reading all,
 * or nobody is where a datagram went. There is no system call that sets it.
 *
 * Locking: none; it is set and taken without a lock by all.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/net.h>
#include <net/sock.h>
#include "restore.h"

/**
 * lm_restore_error - give a socket an error
 * @e: as the uapi header tells; not trusted
 *
 * Return: 0 or -errno.
 */
int lm_restore_error(const struct livemig_ioc_error *e)
{
	struct socket *sock;
	struct file *f;
	int err = -ENOTSOCK;

	if (!e->err || e->err >= ERESTARTSYS)	/* the first that is the kernel's own */
		return -EINVAL;
	f = fget(e->fd);
	if (!f)
		return -EBADF;
	sock = sock_from_file(f);
	if (sock && sock->sk) {
		WRITE_ONCE(sock->sk->sk_err, e->err);
		sk_error_report(sock->sk);
		err = 0;
	}
	fput(f);
	return err;
}
