// SPDX-License-Identifier: GPL-2.0
/*
 * TASK_GET: the processes of a container become objects, objects become
 * messages.
 *
 * Locking: a dump lasts over many recvmsg() calls of its reader, so s->lock is
 * taken in each of them and the session is held by a reference between them.
 * What was true in the last call is checked again in the next.
 *
 * The checks that may refuse the dump are made in its first call and not in
 * start(), which cannot give a reason before 6.7. So a refusal comes as the
 * errno and text of NLMSG_DONE.
 */
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "dump.h"
#include "extack.h"
#include "inflight.h"
#include "netlink.h"
#include "state.h"
#include "wrapper/cgroup.h"

/* In skb->cb of a queued object. */
struct obj_cb {
	enum livemig_obj type;
};

#define OBJ_CB(skb)	((struct obj_cb *)(skb)->cb)

/* ---- objects ---- */

/**
 * lm_obj_begin() - start an object
 * @d: the dump
 * @type: of the object
 *
 * Return: an skb for LM_OBJ_MAX bytes of attributes, to be given to
 * lm_obj_end() or kfree_skb(); NULL: no memory.
 */
struct sk_buff *lm_obj_begin(struct lm_dump *d, enum livemig_obj type)
{
	struct sk_buff *skb = d->spare;

	d->spare = NULL;
	if (!skb) {
		skb = alloc_skb(LM_OBJ_MAX, GFP_KERNEL_ACCOUNT);
		if (!skb)
			return NULL;
		/* The allocator rounds up: the limit is to be met exactly. */
		skb_reserve(skb, skb_tailroom(skb) - LM_OBJ_MAX);
	}
	OBJ_CB(skb)->type = type;
	return skb;
}

/* For the next object: an skb of that size is cleared each time that it is made. */
static void keep(struct lm_dump *d, struct sk_buff *skb)
{
	if (d->spare) {
		kfree_skb(skb);
		return;
	}
	skb_trim(skb, 0);
	d->spare = skb;
}

/**
 * lm_obj_end() - queue a finished object
 * @d: the dump
 * @skb: from lm_obj_begin()
 */
void lm_obj_end(struct lm_dump *d, struct sk_buff *skb)
{
	struct sk_buff *small = NULL;

	/* A process may have thousands of objects of a few bytes each. */
	if (skb->len < LM_OBJ_MAX / 4)
		small = alloc_skb(skb->len, GFP_KERNEL_ACCOUNT);
	if (small) {
		skb_put_data(small, skb->data, skb->len);
		OBJ_CB(small)->type = OBJ_CB(skb)->type;
		keep(d, skb);
		skb = small;
	}
	__skb_queue_tail(&d->queue, skb);
}

struct seen {
	struct hlist_node node;
	enum lm_idspace space;
	u32 id;
};

/**
 * lm_dump_id() - the number of an object, and whether it is still to be dumped
 * @d: the dump; d->s->lock is held
 * @space: what kind of object it is
 * @ptr: the object
 * @first: set to true when this dump has not met it before; may be NULL
 *
 * Return: its number, or 0: no memory.
 */
u32 lm_dump_id(struct lm_dump *d, enum lm_idspace space, const void *ptr,
	       bool *first)
{
	u32 id = lm_id(d->s, space, ptr, NULL);
	struct seen *e;

	if (!id || !first)
		return id;
	*first = false;
	hash_for_each_possible(d->seen, e, node, id)
		if (e->id == id && e->space == space)
			return id;
	e = kmalloc(sizeof(*e), GFP_KERNEL);
	if (!e)
		return 0;
	e->id = id;
	e->space = space;
	hash_add(d->seen, &e->node, id);
	*first = true;
	return id;
}

/**
 * lm_unsupported() - queue an UNSUPPORTED object
 * @d: the dump
 * @t: the task that is concerned
 * @fd: the file that is to blame, or < 0
 * @transient: it may be gone a moment later
 * @remedy: what to do about it, or NULL
 * @fmt: what it is
 *
 * Return: 0 or -ENOMEM.
 */
int lm_unsupported(struct lm_dump *d, struct task_struct *t, int fd,
		   bool transient, const char *remedy, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	struct sk_buff *obj;
	char what[256];
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	snprintf(what, sizeof(what), "%pV", &vaf);
	va_end(args);

	obj = lm_obj_begin(d, LIVEMIG_OBJ_UNSUPPORTED);
	if (!obj)
		return -ENOMEM;
	if (nla_put_u32(obj, LIVEMIG_UNSUPPORTED_PID,
			task_tgid_nr_ns(t, d->s->pid_ns)) ||
	    (fd >= 0 && nla_put_s32(obj, LIVEMIG_UNSUPPORTED_FD, fd)) ||
	    nla_put_string(obj, LIVEMIG_UNSUPPORTED_WHAT, what) ||
	    (remedy && nla_put_string(obj, LIVEMIG_UNSUPPORTED_REMEDY, remedy)) ||
	    (transient && nla_put_flag(obj, LIVEMIG_UNSUPPORTED_TRANSIENT))) {
		kfree_skb(obj);
		return -EMSGSIZE;
	}
	lm_obj_end(d, obj);
	return 0;
}

/* ---- processes ---- */

/*
 * A frozen task is at the border to user mode, with one exception: the parent
 * of a vfork() child counts as frozen while it waits inside the system call.
 */
static int check_vfork(struct lm_dump *d, struct task_struct *child)
{
	struct task_struct *parent;
	int err;

	if (!READ_ONCE(child->vfork_done))
		return 0;
	rcu_read_lock();
	/* (of who has been waited for nobody keeps it) */
	parent = pid_alive(child) ? rcu_dereference(child->real_parent) : NULL;
	if (parent)
		get_task_struct(parent);
	rcu_read_unlock();
	if (!parent)
		return -ESRCH;
	err = lm_unsupported(d, parent, -1, true, "try again",
			     "it waits in vfork() for pid %d",
			     task_tgid_nr_ns(child, d->s->pid_ns));
	put_task_struct(parent);
	return err;
}

static int check_ending(struct lm_dump *d)
{
	struct task_struct *t = lm_task_ending(d->s);
	int err;

	if (!t)
		return 0;
	err = lm_unsupported(d, t, -1, true, "try again", "it is just ending");
	put_task_struct(t);
	return err;
}

/* A zombie that a process of the container has not waited for, after @last. */
static struct task_struct *next_zombie(struct lm_dump *d, pid_t last)
{
	struct cgroup *cgrp = d->s->cgrp;
	struct task_struct *p, *best = NULL;

	rcu_read_lock();
	for_each_process(p) {
		if (READ_ONCE(p->exit_state) != EXIT_ZOMBIE ||
		    !thread_group_empty(p) || p->pid <= last ||
		    (best && p->pid > best->pid) ||
		    !task_under_cgroup_hierarchy(p, cgrp) ||
		    !task_under_cgroup_hierarchy(rcu_dereference(p->real_parent),
						 cgrp))
			continue;
		best = p;
	}
	if (best)
		get_task_struct(best);
	rcu_read_unlock();
	return best;
}

/* Queues the objects of the next one, if any. */
static int dump_zombie(struct lm_dump *d)
{
	struct task_struct *p = next_zombie(d, d->last_zombie);
	int err;

	if (!p) {
		d->no_zombies = true;
		return 0;
	}
	d->last_zombie = p->pid;
	err = lm_dump_zombie(d, p);
	put_task_struct(p);
	return err;
}

static int dump_closed(struct lm_dump *d)
{
	d->no_closed = true;
	return d->nr_tasks ? lm_dump_closed(d, d->tasks[0]) : 0;
}

/* Queues the objects of the next process. */
static int dump_next(struct lm_dump *d, struct netlink_ext_ack *extack)
{
	struct task_struct **threads = d->tasks + d->next_task;
	int n = 1, i, err;

	while (d->next_task + n < d->nr_tasks &&
	       same_thread_group(threads[0], threads[n]))
		n++;
	d->next_task += n;

	for (i = 0, err = 0; i < n && !err; i++)	/* CLONE_VFORK makes threads, too */
		err = check_vfork(d, threads[i]);
	if (!err)
		err = lm_dump_process(d, threads, n);
	if (err && extack && !extack->_msg)
		lm_err(extack, err, "the dump of pid %d failed",
		       task_tgid_nr_ns(threads[0], d->s->pid_ns));
	return err;
}

/* ---- the dump ---- */

static struct lm_dump *dump_of(struct netlink_callback *cb)
{
	return (struct lm_dump *)cb->args[0];
}

/**
 * lm_dump_start() - TASK_GET begins
 * @cb: of the dump
 *
 * Return: 0.
 */
int lm_dump_start(struct netlink_callback *cb)
{
	/* The reader's buffer says how large messages may be, but an object
	 * must fit in any case.
	 */
	cb->min_dump_alloc = LM_DUMP_MSG;
	return 0;
}

/* The first call: everything that can be refused. s->lock is not held yet. */
static int dump_open(struct netlink_callback *cb)
{
	struct nlattr *attr = lm_genl_dump_attrs(cb)[LIVEMIG_A_SESSION];
	struct netlink_ext_ack *extack = cb->extack;
	struct lm_dump *d;
	int err;

	if (!netlink_capable(cb->skb, CAP_SYS_ADMIN))
		return lm_err(extack, -EPERM,
			      "CAP_SYS_ADMIN in the initial user namespace is needed");
	if (!attr)
		return lm_err(extack, -EINVAL, "the attribute SESSION is missing");
	d = kzalloc(sizeof(*d), GFP_KERNEL_ACCOUNT);
	if (!d)
		return -ENOMEM;
	skb_queue_head_init(&d->queue);
	INIT_LIST_HEAD(&d->inflight);
	hash_init(d->seen);
	d->s = lm_session_find(nla_get_u32(attr));
	if (!d->s) {
		kfree(d);
		return lm_err(extack, -ENOENT, "there is no session %u",
			      nla_get_u32(attr));
	}
	cb->args[0] = (long)d;		/* lm_dump_done() frees it */

	err = lm_session_lock(d->s, extack);
	if (err)
		return err;
	d->frozen = lm_session_frozen(d->s);
	d->freezes = d->s->freezes;
	lm_held_drop(d->s);
	d->cookie = ++d->s->cookie;
	d->nr_tasks = lm_tasks_get(d->s, &d->tasks);
	if (d->nr_tasks < 0) {
		err = d->nr_tasks;
		d->nr_tasks = 0;
		lm_err(extack, err, "cannot list the tasks of session %u",
		       d->s->id);
	}
	d->pid_ns = lm_pidns_of_tasks(d);
	if (!err && d->frozen)
		err = check_ending(d);
	mutex_unlock(&d->s->lock);
	return err;
}

/* Has the container been frozen all the time. s->lock is held. */
static int check_frozen(struct lm_dump *d, struct netlink_ext_ack *extack)
{
	if (d->frozen && (d->s->freezes != d->freezes ||
			  !lm_cgroup_frozen(d->s->cgrp)))
		return lm_err(extack, -EAGAIN, "thawed during the dump");
	return 0;
}

/* One object as one message. Return: -EMSGSIZE when @skb is full. */
static int put_obj(struct lm_dump *d, struct sk_buff *skb,
		   struct netlink_callback *cb, struct sk_buff *obj)
{
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			  &lm_genl_family, NLM_F_MULTI, LIVEMIG_CMD_TASK_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, LIVEMIG_A_SESSION, d->s->id) ||
	    nla_put_u32(skb, LIVEMIG_A_COOKIE, d->cookie) ||
	    nla_put_u32(skb, LIVEMIG_A_SEQ, d->seq) ||
	    nla_put_u32(skb, LIVEMIG_A_OBJ_TYPE, OBJ_CB(obj)->type) ||
	    nla_put(skb, LIVEMIG_A_OBJ | NLA_F_NESTED, obj->len, obj->data)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	d->seq++;
	return 0;
}

/**
 * lm_dump_more() - the next messages of a TASK_GET
 * @skb: to be filled
 * @cb: of the dump
 *
 * Context: sleeps, killable; in the context of whoever reads the socket.
 * Return: > 0: there is more, 0: this was the last, or -errno.
 */
int lm_dump_more(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct netlink_ext_ack *extack = cb->extack;
	struct lm_dump *d;
	int err;

	if (!dump_of(cb)) {
		err = dump_open(cb);
		if (err)
			return err;
	}
	d = dump_of(cb);
	err = lm_session_lock(d->s, extack);
	if (err)
		return err;
	err = check_frozen(d, extack);
	while (!err) {
		struct sk_buff *obj = skb_peek(&d->queue);

		if (!obj && d->no_zombies)
			break;
		if (!obj) {
			err = fatal_signal_pending(current) ?
			      lm_err(extack, -EINTR, "killed") :
			      d->next_task < d->nr_tasks ?
			      dump_next(d, extack) :
			      !list_empty(&d->inflight) ?
			      lm_inflight_dump(d) :
			      !d->no_closed ? dump_closed(d) : dump_zombie(d);
			continue;
		}
		err = put_obj(d, skb, cb, obj);
		if (err && skb->len) {
			err = skb->len;		/* full: go on in the next call */
			break;
		}
		if (!err) {
			__skb_unlink(obj, &d->queue);
			kfree_skb(obj);
		}
	}
	/* Somebody may have thawed it while the last objects were made. */
	if (!err)
		err = check_frozen(d, extack);
	if (!err && d->frozen)
		lm_event(d->s, LIVEMIG_EVENT_DUMPED, 0, NULL);
	mutex_unlock(&d->s->lock);
	return err;
}

/**
 * lm_dump_done() - TASK_GET ended, for whatever reason
 * @cb: of the dump
 *
 * Return: 0.
 */
int lm_dump_done(struct netlink_callback *cb)
{
	struct lm_dump *d = dump_of(cb);
	struct hlist_node *tmp;
	struct seen *e;
	int bkt;

	if (!d)
		return 0;
	cb->args[0] = 0;
	__skb_queue_purge(&d->queue);
	kfree_skb(d->spare);
	lm_inflight_free(d);
	hash_for_each_safe(d->seen, bkt, tmp, e, node) {
		hash_del(&e->node);
		kfree(e);
	}
	if (d->tasks)
		lm_tasks_put(d->tasks, d->nr_tasks);
	if (d->pid_ns)
		put_pid_ns(d->pid_ns);
	lm_session_put(d->s);
	kfree(d);
	return 0;
}
