// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TCP connections that wait in a listener's queue to be accepted. Each is made
 * like any other; when it has left repair mode the module takes it away from us and
 * puts it into the queue.
 *
 * accept() puts the memory of a connection on the account of who calls it, and
 * relies on nobody having had it before: such sockets are made by a child in the
 * root of the cgroups, which has no account.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../net/rtnl.h"
#include "tcp.h"

#define ROOT_PROCS "/sys/fs/cgroup/cgroup.procs"

static bool is_waiting(const struct lm_file *f)
{
	return lm_tcp_is(f) && f->sock[LIVEMIG_SOCK_LISTENER];
}

/* In the child: a socket, sent through @out. */
static int make_and_send(struct lm_restorer *r, const struct lm_file *f, int out)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int procs = open(ROOT_PROCS, O_WRONLY | O_CLOEXEC), fd;

	if (procs >= 0 && write(procs, "0", 1) < 0)
		return -1;	/* there is one, and we do not get there */
	fd = lm_sock_new(r, f, NULL);
	if (fd < 0)
		return -1;
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	return sendmsg(out, &m, 0) == 1 ? 0 : -1;
}

static int receive_fd(int in)
{
	char control[CMSG_SPACE(sizeof(int))], c;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *cm;
	ssize_t n;
	int fd;

	do
		n = recvmsg(in, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	cm = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!cm || cm->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	return fd;
}

static int new_outside(struct lm_restorer *r, const struct lm_file *f, struct lm_error *e)
{
	int sv[2], fd;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make a pair of unix sockets");
	pid = fork();
	if (pid == 0)
		_exit(make_and_send(r, f, sv[1]) < 0);
	close(sv[1]);
	fd = pid < 0 ? -1 : receive_fd(sv[0]);
	close(sv[0]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd < 0 ? lm_fail(e, LM_FAILED, "cannot make a TCP socket outside of all cgroups") :
			fd;
}

static int wait_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd = new_outside(r, f, e);

	if (fd < 0)
		return -1;
	if (lm_tcp_open_connected(r, f, fd, e) == 0)
		return 0;
	close(fd);
	return -1;
}

static int wait_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct lm_file *listener = lm_model_file(lm_restorer_model(r),
						       lm_u32(f->sock[LIVEMIG_SOCK_LISTENER]));
	struct livemig_ioc_tcp t = { .fd = f->fd, .op = LIVEMIG_TCP_UNACCEPT };

	if (!listener || listener->fd < 0)
		return lm_fail(e, LM_REFUSED, "a TCP connection waits for a listener that is not in the image");
	if (lm_tcp_resume(r, f, e) < 0)
		return -1;
	t.arg = listener->fd;
	f->fd = -1;		/* closed in any case */
	/* ENOTCONN: the peer has no use for it any more. */
	return ioctl(lm_restorer_device(r), LIVEMIG_IOC_TCP, &t) < 0 && errno != ENOTCONN ?
		lm_tcp_cannot(e, "let it wait to be accepted", f) : 0;
}

const struct lm_file_kind lm_kind_tcp_waiting = {
	.name = "TCP connection that is not accepted",
	.match = is_waiting,
	.check = lm_tcp_check,
	.open = wait_open,
	.resume = wait_resume,
};
