// SPDX-License-Identifier: GPL-2.0
/*
 * POSIX message queues. An open one is named; attributes user space asks for, and
 * what waits in it, opened by anybody or not, it gets by an ioctl.
 *
 * Locking: the queue's lock, a spin lock, while a piece of what waits is copied;
 * task_lock() around the ipc namespace of a task, a number to compare with.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/nsproxy.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "file_kinds.h"
#include "restore.h"
#include "wrapper/mqueue_state.h"

#define MSG_MAX		65536		/* HARD_MSGMAX */
#define MSGSIZE_MAX	(16U << 20)	/* HARD_MSGSIZEMAX */

static bool is_mqueue(struct file *f)
{
	return file_inode(f)->i_sb->s_magic == LM_MQUEUE_MAGIC &&
	       S_ISREG(file_inode(f)->i_mode);
}

static const void *ipc_ns_of(struct task_struct *t)
{
	const void *ns;

	task_lock(t);
	ns = t->nsproxy ? t->nsproxy->ipc_ns : NULL;
	task_unlock(t);
	return ns;
}

/* Queues go with their namespace, which must be the container's own. */
static int dump_mqueue(struct lm_dump *d, struct task_struct *t, int fd,
		       struct file *f, struct sk_buff *obj)
{
	const void *ns = READ_ONCE(file_inode(f)->i_sb->s_fs_info);
	const char *name = f->f_path.dentry->d_name.name;

	if (ns == ipc_ns_of(current))
		return lm_unsupported(d, t, fd, false,
				      "give the container an ipc namespace (unshare --ipc)",
				      "POSIX message queue /%s in the host's ipc namespace",
				      name);
	if (ns != ipc_ns_of(t))
		return lm_unsupported(d, t, fd, false, NULL,
				      "POSIX message queue /%s in another ipc namespace",
				      name);
	return 0;
}

const struct lm_file_kind lm_file_mqueue = {
	.name = "POSIX message queue",
	.type = LIVEMIG_FILE_MQUEUE,
	.match = is_mqueue,
	.dump = dump_mqueue,
};

/* The next messages of a queue, as user space gets them. */
struct piece {
	char *buf;
	u32 len, room;
	u32 skip;	/* messages that come before */
};

static void copy_message(char *to, const struct msg_msg *m)
{
	size_t left = m->m_ts, n = min(left, PAGE_SIZE - sizeof(*m));
	const struct lm_msg_part *more = lm_msg_more(m);

	memcpy(to, m + 1, n);
	for (left -= n; left && more; left -= n, more = more->next) {
		to += n;
		n = min(left, PAGE_SIZE - sizeof(*more));
		memcpy(to, more + 1, n);
	}
}

/* Return: was there room for it? */
static bool add_message(struct piece *p, const struct msg_msg *m, u32 priority)
{
	struct livemig_message *head = (void *)(p->buf + p->len);
	size_t size = sizeof(*head) + ALIGN(m->m_ts, 8);

	if (size > p->room - p->len)
		return false;
	head->priority = priority;
	head->len = m->m_ts;
	copy_message((char *)(head + 1), m);
	p->len += size;
	return true;
}

/* In the order in which they would be received. Callers hold the queue's lock. */
static void add_messages(const struct lm_mqueue *q, struct piece *p)
{
	struct rb_node *node;

	for (node = rb_last(&q->tree); node; node = rb_prev(node)) {
		const struct lm_mqueue_level *level =
			rb_entry(node, struct lm_mqueue_level, node);
		const struct msg_msg *m;

		list_for_each_entry(m, &level->messages, m_list) {
			if (p->skip)
				p->skip--;
			else if (m->m_ts > q->attr.mq_msgsize ||
				 !add_message(p, m, level->priority))
				return;
		}
	}
}

static void tell_notify(const struct lm_mqueue *q, struct livemig_ioc_mqueue *a)
{
	if (!q->notify_owner)
		return;
	/* One that the caller does not see is not "nobody". */
	a->notify_pid = pid_vnr(q->notify_owner) ?: -1;
	a->notify_how = q->notify.sigev_notify;
	a->notify_signo = q->notify.sigev_signo;
	a->notify_value = (uintptr_t)q->notify.sigev_value.sival_ptr;
}

static int look(struct file *f, struct livemig_ioc_mqueue *a)
{
	struct piece p = {
		.skip = a->first,
		/* Any message fits, and the lock is not held for long. */
		.room = max_t(u32, LIVEMIG_MQUEUE_PIECE,
			      sizeof(struct livemig_message) + ALIGN(a->msgsize, 8)),
	};
	struct lm_mqueue *q;
	int err = 0;

	if (!is_mqueue(f) || p.room > a->len)
		return -EINVAL;
	q = lm_mqueue(file_inode(f), a->maxmsg, a->msgsize);
	if (!q)
		return -EOPNOTSUPP;
	p.buf = kvzalloc(p.room, GFP_KERNEL_ACCOUNT);
	if (!p.buf)
		return -ENOMEM;
	spin_lock(&q->lock);
	a->waiting = q->attr.mq_curmsgs;
	tell_notify(q, a);
	add_messages(q, &p);
	spin_unlock(&q->lock);
	a->len = p.len;
	if (copy_to_user(u64_to_user_ptr(a->buf), p.buf, p.len))
		err = -EFAULT;
	kvfree(p.buf);
	return err;
}

/**
 * lm_mqueue_look - what waits in a POSIX message queue
 * @a: as the uapi header tells; not trusted
 *
 * Sleeps.
 * Return: 0 or -errno.
 */
int lm_mqueue_look(struct livemig_ioc_mqueue *a)
{
	struct file *f;
	int err;

	if (!a->maxmsg || a->maxmsg > MSG_MAX || !a->msgsize ||
	    a->msgsize > MSGSIZE_MAX || a->resv)
		return -EINVAL;
	a->waiting = 0;
	a->notify_pid = a->notify_how = a->notify_signo = 0;
	a->notify_value = 0;
	f = fget(a->fd);
	if (!f)
		return -EBADF;
	err = look(f, a);
	fput(f);
	return err;
}
