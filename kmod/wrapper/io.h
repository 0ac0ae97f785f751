/* SPDX-License-Identifier: GPL-2.0 */
/* Pages to and from files and sockets. */
#ifndef _LIVEMIG_WRAPPER_IO_H
#define _LIVEMIG_WRAPPER_IO_H

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>

/*
 * Write some of what @iter has left, at *@pos. Advances both; vfs_iter_write() leaves
 * the former to the file system, and netfs (9p without a cache, seen on 7.2) does not
 * do it for pages of the kernel. The freeze protection it takes itself from 6.8 on.
 */
static inline ssize_t lm_iter_write(struct file *file, struct iov_iter *iter,
				    loff_t *pos)
{
	struct iov_iter some = *iter;
	ssize_t ret;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	file_start_write(file);
#endif
	ret = vfs_iter_write(file, &some, pos, 0);
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	file_end_write(file);
#endif
	if (ret > 0)
		iov_iter_advance(iter, ret);
	return ret;
}

/* Read some of what @iter has room for. Advances both, by what was read. */
static inline ssize_t lm_iter_read(struct file *file, struct iov_iter *iter,
				   loff_t *pos)
{
	struct iov_iter some = *iter;
	ssize_t ret = vfs_iter_read(file, &some, pos, 0);

	if (ret > 0)
		iov_iter_advance(iter, ret);
	return ret;
}

/* Send some of what @iter (of kvecs) has left. Advances @iter. */
static inline ssize_t lm_sock_send(struct socket *sock, struct iov_iter *iter)
{
	struct msghdr msg = { .msg_flags = MSG_NOSIGNAL, .msg_iter = *iter };
	ssize_t ret = sock_sendmsg(sock, &msg);

	if (ret > 0)
		iov_iter_advance(iter, ret);
	return ret;
}

/*
 * Send some of what @iter (of bvecs) has left, without copying where the
 * protocol can: the pages must stay as they are until nobody else has a
 * reference on them. Advances @iter. sendpage went with 6.5.
 */
static inline ssize_t lm_sock_splice(struct socket *sock, struct iov_iter *iter)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	struct msghdr msg = {
		.msg_flags = MSG_SPLICE_PAGES | MSG_NOSIGNAL,
		.msg_iter = *iter,
	};
	ssize_t ret = sock_sendmsg(sock, &msg);
#else
	struct bio_vec bv = mp_bvec_iter_bvec(iter->bvec, ((struct bvec_iter) {
		.bi_size = iter->count, .bi_bvec_done = iter->iov_offset }));
	int more = iter->count > bv.bv_len ? MSG_MORE | MSG_SENDPAGE_NOTLAST : 0;
	ssize_t ret = kernel_sendpage(sock, bv.bv_page, bv.bv_offset, bv.bv_len,
				      MSG_NOSIGNAL | more);
#endif
	if (ret > 0)
		iov_iter_advance(iter, ret);
	return ret;
}

#endif
