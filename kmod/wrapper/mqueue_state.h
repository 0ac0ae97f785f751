/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What waits in a POSIX message queue only private structs of ipc/mqueue.c and
 * ipc/msgutil.c tell. They have looked like this from 4.x to 7.2. That they do is
 * seen by two members whose values are known, before any pointer is followed;
 * nothing is written.
 */
#ifndef _LIVEMIG_WRAPPER_MQUEUE_STATE_H
#define _LIVEMIG_WRAPPER_MQUEUE_STATE_H

#include <linux/fs.h>
#include <linux/list.h>
#include <linux/mqueue.h>
#include <linux/msg.h>
#include <linux/rbtree.h>
#include <linux/signal.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define LM_MQUEUE_MAGIC	0x19800202

struct lm_mqueue {
	spinlock_t lock;
	struct inode inode;
	wait_queue_head_t wait;
	struct rb_root tree;		/* of struct lm_mqueue_level */
	struct rb_node *rightmost;
	const void *node_cache;
	struct mq_attr attr;
	struct sigevent notify;
	struct pid *notify_owner;	/* NULL: nobody is to be notified */
};

/* The messages of one priority. */
struct lm_mqueue_level {
	struct rb_node node;
	struct list_head messages;	/* of struct msg_msg, oldest first */
	int priority;
};

/* A message goes on in further pages. */
struct lm_msg_part {
	struct lm_msg_part *next;
};

/* The queue behind @inode, for which mq_getattr() tells these limits; NULL: this
 * kernel's structs are others.
 */
static inline struct lm_mqueue *lm_mqueue(struct inode *inode, u32 maxmsg, u32 msgsize)
{
#ifdef CONFIG_RANDSTRUCT
	return NULL;
#else
	struct lm_mqueue *q = container_of(inode, struct lm_mqueue, inode);

	return q->attr.mq_maxmsg == maxmsg && q->attr.mq_msgsize == msgsize ? q : NULL;
#endif
}

static inline const struct lm_msg_part *lm_msg_more(const struct msg_msg *m)
{
	return (const struct lm_msg_part *)m->next;
}

#endif
