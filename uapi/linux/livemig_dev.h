/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * livemig: /dev/livemig, by which a container is restored.
 *
 * One open file is one restore (a transaction). The coordinator, an ordinary
 * process, opens it, builds the process tree out of helper tasks that inherit
 * the file, fills their memory (LIVEMIG_IOC_APPLY), and gives the module the
 * THREAD, PROCESS and MM objects of the dump as they are (LIVEMIG_IOC_ADD).
 * Each helper task then calls LIVEMIG_IOC_BECOME and is parked in the kernel.
 * A task that has put seccomp filters on itself can make no more system calls
 * but those that they let through. So a helper maps a page of the file, and
 * after each filter reads from it: that suspends the check until SERVE. Each
 * mapping does so once.
 * When LIVEMIG_IOC_WAIT says that all are parked, everything is in place, the
 * registers too, and nothing has run: that is READY. LIVEMIG_IOC_SERVE lets all
 * tasks go: it is the commit point. If the coordinator closes the file (any of
 * its fds for it) or dies before, all parked tasks are killed.
 */
#ifndef _UAPI_LINUX_LIVEMIG_DEV_H
#define _UAPI_LINUX_LIVEMIG_DEV_H

#include <linux/types.h>
#include <linux/ioctl.h>
#include <linux/livemig.h>

/* Give one object to the restore. @type: PROCESS, THREAD or MM. @buf: its
 * attributes, as in TASK_GET. Errors: EINVAL (malformed, or something that this
 * kernel lacks; @why says what), EEXIST, ENOSPC, EBUSY (after the first WAIT).
 */
struct livemig_ioc_add {
	__u64 buf;
	__u32 len;		/* 1..65536 */
	__u32 type;
	__u32 mm_id;		/* MM: which; else 0 */
	__u32 resv;
	char why[64];		/* out */
};

enum livemig_become_flags {
	/* The caller enters the sleep of its THREAD_RESTART next (with any
	 * timeout above that of the WAIT) and is taken from there.
	 */
	LIVEMIG_BECOME_F_SLEEP	= 1 << 0,
};

/* Called by a helper task for itself. It does not return to the helper. The
 * task is found by its tid among the THREAD objects.
 * @unmap: the helper's own memory, unmapped by the last thread of the process.
 * @close_fd: fds of the helper to be closed then; -1 = none.
 * @error: an errno if the caller failed in what it had to do before, else 0: the
 * restore is given up, and WAIT tells.
 */
struct livemig_ioc_become {
	struct livemig_range unmap;
	__s32 close_fd[4];
	__u32 flags;		/* enum livemig_become_flags */
	__u32 error;		/* 0..4095 */
};

enum livemig_apply_flags {
	/* A DATA page whose bytes are there already is left as it is, so that
	 * what the task shares with its parent since fork() stays shared.
	 */
	LIVEMIG_APPLY_F_KEEP_SAME	= 1 << 0,
};

/* Fill pages of @pid (which must have this file open and not be parked) with
 * the payload read from @fd. @entries: as in a PAGES record, DATA and ZERO and
 * HOLE alike (HOLE on private memory drops the page). A DATA page whose
 * bytes do not have the hash of its entry fails with EBADMSG.
 * Pages for which there is no mapping are skipped: their bits in @missed
 * (a bitmap of nr_entries bits, may be 0) are set and their payload is copied
 * to @missed_buf when that is given (nr_entries * 4096 bytes), else EFAULT.
 * Answers @done entries. From a non-blocking or short @fd: EIO.
 */
struct livemig_ioc_apply {
	__u32 pid;
	__s32 fd;
	__u64 entries;		/* struct livemig_page_entry[] */
	__u32 nr_entries;	/* 1..LIVEMIG_PAGES_ENTRIES_MAX */
	__u32 done;
	__u64 missed;
	__u64 missed_buf;
	__u32 flags;		/* enum livemig_apply_flags */
	__u32 resv;
};

/* Wait until all threads that were added are parked and all is prepared.
 * Errors: ETIMEDOUT, EINTR, or the errno with which preparing failed; then
 * @failed_pid and @step say where.
 */
struct livemig_ioc_wait {
	__u32 timeout_ms;	/* 1..600000 */
	__u32 failed_pid;
	char step[32];
};

struct livemig_ioc_serve {
	__u32 flags;		/* 0 */
	__u32 served;		/* out: threads let go */
};

enum livemig_timer_op {
	LIVEMIG_TIMER_NEXT,	/* the caller's next timer_create() gives @id */
	LIVEMIG_TIMER_OVERRUN,	/* what timer_getoverrun() of its timer @id gives */
};

/* Called by a helper for the timers of its process. Errors: EINVAL, ENOENT (no
 * such timer).
 */
struct livemig_ioc_timer {
	__u32 op;		/* enum livemig_timer_op */
	__u32 id;		/* 0..INT_MAX */
	__u32 overrun;		/* 0..INT_MAX */
	__u32 resv;
};

enum livemig_peer_flags {
	/* Of the socket at the other end, which may be waiting to be accepted. */
	LIVEMIG_PEER_F_OTHER	= 1 << 0,
};

/* Whom the unix socket @fd takes for its peer: SO_PEERCRED, SO_PEERGROUPS.
 * Errors: EBADF, ENOTSOCK (no unix socket), ENOTCONN (there is no other end),
 * EINVAL, ESRCH (no such pid).
 */
struct livemig_ioc_peer {
	__s32 fd;
	__u32 flags;		/* enum livemig_peer_flags */
	__u32 pid;		/* 0: none, as of one that is not visible */
	__u32 uid, gid;
	__u32 nr_groups;	/* 0..65536 */
	__u64 groups;		/* __u32[] */
};

/* From now on the pids of objects are those of the pid namespace that the helper
 * @pid is in; at first they are those of the coordinator's. (@pid and that of
 * APPLY always are.) Errors: EINVAL, ESRCH, EPERM (no helper), EBUSY (after the
 * first THREAD).
 */
struct livemig_ioc_pidns {
	__u32 pid;
	__u32 resv;		/* 0 */
};

enum livemig_tcp_op {
	/* The socket @fd gets the state @arg: TCP_CLOSE_WAIT from
	 * TCP_ESTABLISHED, TCP_CLOSING from TCP_FIN_WAIT1: the peer's FIN has come;
	 * TCP_FIN_WAIT2 from TCP_ESTABLISHED: ours is acknowledged. The sequence
	 * numbers count them.
	 */
	LIVEMIG_TCP_STATE,
	/* The connection of @fd, not in repair mode, is the next that waits to be
	 * accepted by the listener @arg (an fd). @fd is closed; it must be the only
	 * one: EBUSY. It must have been made outside of memory cgroups: EXDEV.
	 * The peer has reset it meanwhile: ENOTCONN.
	 */
	LIVEMIG_TCP_UNACCEPT,
	/* The IPv6 socket @fd has IPV6_V6ONLY @arg, 0 or 1: a connection that was
	 * accepted has that of its listener, but bind() to an address sets it.
	 */
	LIVEMIG_TCP_V6ONLY,
};

/* Errors: EBADF, ENOTSOCK (no TCP socket), EINVAL (another state), and those told
 * above.
 */
struct livemig_ioc_tcp {
	__s32 fd;
	__u32 op;		/* enum livemig_tcp_op */
	__u32 arg;
	__u32 resv;
};

/* The TCP socket @fd, which socket() or bind() has left as it is, becomes one whose
 * connection has ended. @len bytes at @buf follow what can be read of it; with
 * @more nothing else happens, and another call follows. @local is a struct
 * sockaddr_in or _in6 of the socket's family, which it is not bound to any more, or
 * 0. Where there are bytes its @shutdown is for receiving, and it was connected. Errors:
 * EBADF, ENOTSOCK (no TCP socket), EINVAL (it is in use, or what is wanted does not
 * exist), ENOBUFS (SO_RCVBUF), ENOMEM, EFAULT.
 */
struct livemig_ioc_ended {
	__s32 fd;
	__u32 more;		/* 0 or 1 */
	__aligned_u64 buf;
	__u32 len;
	__u32 shutdown;		/* as LIVEMIG_SOCK_SHUTDOWN */
	struct livemig_tcp_ended ended;
	__u8 local[32];
};

/* The socket @fd has an error that nobody was told yet. Errors: EBADF, ENOTSOCK, EINVAL
 * (no errno).
 */
struct livemig_ioc_error {
	__s32 fd;
	__u32 err;
};

/* Room for a piece of what waits in a queue. */
#define LIVEMIG_MQUEUE_PIECE	65536

/* What waits in the POSIX message queue @fd, opened in any way, from the message
 * @first on, in the order in which it would be received; all stays where it is. @buf
 * gets as many struct livemig_message as fit, each with its bytes behind it, padded
 * to 8. @maxmsg (1..65536) and @msgsize (1..16777216) are those of mq_getattr().
 * Errors: EBADF, EINVAL (no queue; @len is too little), EOPNOTSUPP (not on this
 * kernel), ENOMEM, EFAULT.
 */
struct livemig_ioc_mqueue {
	__s32 fd;
	__u32 first;
	__u64 buf;
	__u32 len;		/* LIVEMIG_MQUEUE_PIECE at least, and 8 more than
				 * @msgsize rounded up to 8; out: bytes in @buf
				 */
	__u32 maxmsg;
	__u32 msgsize;
	__u32 waiting;		/* out: messages in the queue, all in all */
	__s32 notify_pid;	/* out: who called mq_notify(); 0: nobody, -1: one
				 * that the caller does not see
				 */
	__s32 notify_how;	/* out: SIGEV_* */
	__s32 notify_signo;
	__u32 resv;		/* 0 */
	__u64 notify_value;
};

struct livemig_message {
	__u32 priority;
	__u32 len;
};

/* As much as INOTIFY takes at once. */
#define LIVEMIG_INOTIFY_PIECE	65536

/* Nobody has read these events of the inotify @fd: @len bytes (1..
 * LIVEMIG_INOTIFY_PIECE) of struct inotify_event, each whole, as read() tells them.
 * Whether there is such a watch (any more) does not matter. Errors: EBADF, EINVAL (no
 * inotify; not such events), ENOSPC (more than its queue holds), ENOMEM, EFAULT.
 */
struct livemig_ioc_inotify {
	__s32 fd;
	__u32 len;
	__u64 buf;
};

/* From now on all tasks of the cgroup whose directory is @cgroup, and of those below
 * it, are killed when the caller ends or closes this file; -1: of none. (Who brings
 * the memory of a running container must not leave it: what is missing would read as
 * zeros.) Errors: EINVAL, EBADF (no cgroup v2 directory), EDEADLK (the caller is in
 * it).
 */
struct livemig_ioc_guard {
	__s32 cgroup;
	__u32 flags;		/* 0 */
};

/* What of a mount is fixed for those who have privileges only in the user namespace that
 * its mount namespace belongs to.
 */
enum livemig_mount_flags {
	LIVEMIG_MOUNT_F_PLACE		= 1 << 0, /* it cannot be unmounted or moved */
	LIVEMIG_MOUNT_F_READ_ONLY	= 1 << 1, /* its flags: that it is read-only, ... */
	LIVEMIG_MOUNT_F_NODEV		= 1 << 2,
	LIVEMIG_MOUNT_F_NOSUID		= 1 << 3,
	LIVEMIG_MOUNT_F_NOEXEC		= 1 << 4,
	LIVEMIG_MOUNT_F_ATIME		= 1 << 5,
	LIVEMIG_MOUNT_F_ALL		= (1 << 6) - 1,
};

/* Look at the mount that the file @fd (opened in any way) is on, and fix more of it;
 * what is fixed is never loosened. Errors: EBADF, EINVAL, EBUSY (somebody changes the
 * mount at this moment).
 */
struct livemig_ioc_mount {
	__s32 fd;
	__u32 add;		/* enum livemig_mount_flags */
	__u32 locks;		/* out */
	__u32 resv;		/* 0 */
};

/*
 * LIVEMIG_IOC_CREDS, of a helper that has one thread, without an argument: it gets
 * the credentials with which the coordinator opened this file. A helper that has
 * joined a user namespace, to make there what is to belong to it, so leaves it again.
 * Errors: EPERM (the coordinator), EINVAL (other threads), EBUSY (a THREAD was
 * added).
 */

#define LIVEMIG_IOC_MAGIC	0xB7
#define LIVEMIG_IOC_ADD		_IOWR(LIVEMIG_IOC_MAGIC, 1, struct livemig_ioc_add)
#define LIVEMIG_IOC_BECOME	_IOW(LIVEMIG_IOC_MAGIC, 2, struct livemig_ioc_become)
#define LIVEMIG_IOC_APPLY	_IOWR(LIVEMIG_IOC_MAGIC, 3, struct livemig_ioc_apply)
#define LIVEMIG_IOC_WAIT	_IOWR(LIVEMIG_IOC_MAGIC, 4, struct livemig_ioc_wait)
#define LIVEMIG_IOC_SERVE	_IOWR(LIVEMIG_IOC_MAGIC, 5, struct livemig_ioc_serve)
#define LIVEMIG_IOC_TIMER	_IOW(LIVEMIG_IOC_MAGIC, 6, struct livemig_ioc_timer)
#define LIVEMIG_IOC_PEER	_IOW(LIVEMIG_IOC_MAGIC, 7, struct livemig_ioc_peer)
#define LIVEMIG_IOC_PIDNS	_IOW(LIVEMIG_IOC_MAGIC, 8, struct livemig_ioc_pidns)
#define LIVEMIG_IOC_TCP		_IOW(LIVEMIG_IOC_MAGIC, 9, struct livemig_ioc_tcp)
#define LIVEMIG_IOC_MQUEUE	_IOWR(LIVEMIG_IOC_MAGIC, 10, struct livemig_ioc_mqueue)
#define LIVEMIG_IOC_CREDS	_IO(LIVEMIG_IOC_MAGIC, 12)
#define LIVEMIG_IOC_MOUNT	_IOWR(LIVEMIG_IOC_MAGIC, 14, struct livemig_ioc_mount)
#define LIVEMIG_IOC_GUARD	_IOW(LIVEMIG_IOC_MAGIC, 11, struct livemig_ioc_guard)
#define LIVEMIG_IOC_INOTIFY	_IOW(LIVEMIG_IOC_MAGIC, 13, struct livemig_ioc_inotify)
#define LIVEMIG_IOC_ENDED	_IOW(LIVEMIG_IOC_MAGIC, 15, struct livemig_ioc_ended)
#define LIVEMIG_IOC_ERROR	_IOW(LIVEMIG_IOC_MAGIC, 16, struct livemig_ioc_error)

#endif /* _UAPI_LINUX_LIVEMIG_DEV_H */
