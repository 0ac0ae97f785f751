// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * POSIX message queues, on the destination; the source is dump/source_mqueue.c. One
 * that has no name any more is open: by the descriptor with which it is made here,
 * until those that had it open have it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc.h"

int lm_ipc_open_queues(void)
{
	int fs = syscall(SYS_fsopen, "mqueue", FSOPEN_CLOEXEC), mnt = -1, fd;

	if (fs < 0)
		return -1;
	if (!syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		mnt = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	if (mnt < 0)
		return -1;
	fd = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(mnt);
	return fd;
}

/* It counts as its owner's, who may have had a higher limit than we have. */
static int get(const struct lm_ipc *o)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	struct mq_attr attr = { .mq_maxmsg = o->queue.maxmsg,
				.mq_msgsize = o->queue.msgsize };

	if (setrlimit(RLIMIT_MSGQUEUE, &all))
		return -1;
	return syscall(SYS_mq_open, o->name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK |
		       O_CLOEXEC, 0600, &attr);
}

static int send(const struct lm_ipc *o, const struct lm_obj *rec,
		const struct nlattr *a, struct lm_error *e)
{
	uint64_t priority;
	size_t len = lm_ipc_message(rec, a, &priority, NULL);
	char *m = malloc(len + 1);
	int ret = 0;

	if (!m)
		return lm_fail(e, LM_FAILED, "out of memory");
	lm_ipc_message(rec, a, &priority, m);
	if (mq_send(o->fd, m, len, priority))
		ret = lm_fail_errno(e, LM_REFUSED, "POSIX message queue /%s: message of %zu bytes",
				    o->name, len);
	free(m);
	return ret;
}

static int fill(const struct lm_ipc *o, const struct lm_obj *rec, struct lm_error *e)
{
	uint64_t priority;
	size_t len;

	for (const struct nlattr *a = NULL; (a = lm_next(rec->raw, rec->len, a));) {
		if (lm_type(a) != LM_IPC_BYTES)
			continue;
		if (!lm_ipc_bytes(a, &priority, &len))
			return lm_fail(e, LM_REFUSED,
				       "POSIX message queue /%s: message without a priority",
				       o->name);
		if (send(o, rec, a, e))
			return -1;
	}
	return 0;
}

static int set(const struct lm_ipc *o)
{
	if (fchmod(o->fd, o->perm.mode & 07777))
		return -1;
	return o->queue.removed ? syscall(SYS_mq_unlink, o->name) : 0;
}

const struct lm_ipc_kind lm_ipc_mqueue = {
	.name		= "mqueue",
	.what		= "POSIX message queue",
	.get		= get,
	.fill		= fill,
	.set		= set,
};
