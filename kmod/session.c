// SPDX-License-Identifier: GPL-2.0
/*
 * Sessions: how they begin, are found, and end.
 *
 * Locking: told in session.h. Each session holds a reference on the module, so
 * that it cannot be unloaded below it; the work items run on a workqueue of our
 * own, which lm_sessions_exit() drains.
 */
#include <linux/cred.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "extack.h"
#include "session.h"
#include "track.h"
#include "wrapper/cgroup.h"

#define REAP_INTERVAL	(5 * HZ)
#define THAW_TRIES	100

static DEFINE_MUTEX(lm_sessions_lock);
static LIST_HEAD(sessions);		/* by id, ascending */
static u32 nr_sessions;
static u32 last_id;
static struct workqueue_struct *wq;

/*
 * Caller holds lm_sessions_lock. Passes the list's reference to the work. Until
 * that has thawed the cgroup the session stays in its way: a new one there must
 * not be thawed by the old one's end.
 */
static void end_session(struct lm_session *s)
{
	nr_sessions--;
	WRITE_ONCE(s->gone, true);
	queue_work(wq, &s->teardown);
}

static void teardown(struct work_struct *work)
{
	struct lm_session *s = container_of(work, struct lm_session, teardown);
	int err, try;

	mutex_lock(&s->lock);
	for (try = 0; (err = lm_thaw(s)) && try < THAW_TRIES; try++)
		msleep(50);
	if (err)
		pr_err("session %u: cannot thaw, write 0 to cgroup.freeze: %d\n",
		       s->id, err);
	lm_track_stop(s);
	mutex_unlock(&s->lock);

	mutex_lock(&lm_sessions_lock);
	list_del_init(&s->list);
	mutex_unlock(&lm_sessions_lock);
	lm_event(s, LIVEMIG_EVENT_SESSION_GONE, 0, NULL);
	complete_all(&s->ended);
	lm_session_put(s);
}

static void reap(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(reap_work, reap);

/* Persistent sessions end with their cgroup; nothing tells when it goes. */
static void reap(struct work_struct *work)
{
	struct lm_session *s, *tmp;

	mutex_lock(&lm_sessions_lock);
	list_for_each_entry_safe(s, tmp, &sessions, list)
		if (!s->gone && (s->flags & LIVEMIG_SESSION_F_PERSISTENT) &&
		    lm_cgroup_dead(s->cgrp))
			end_session(s);
	if (!list_empty(&sessions))
		queue_delayed_work(wq, &reap_work, REAP_INTERVAL);
	mutex_unlock(&lm_sessions_lock);
}

/* A netlink socket was closed: its sessions end. */
static int socket_closed(struct notifier_block *nb, unsigned long event,
			 void *data)
{
	const struct netlink_notify *n = data;
	struct lm_session *s, *tmp;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC ||
	    !net_eq(n->net, &init_net))
		return NOTIFY_DONE;
	mutex_lock(&lm_sessions_lock);
	list_for_each_entry_safe(s, tmp, &sessions, list)
		if (!s->gone && !(s->flags & LIVEMIG_SESSION_F_PERSISTENT) &&
		    s->portid == n->portid)
			end_session(s);
	mutex_unlock(&lm_sessions_lock);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_nb = {
	.notifier_call = socket_closed,
};

/* Drops what the session holds; it may be half made. */
static void free_session(struct lm_session *s)
{
	lm_ids_free(s);
	if (s->pid_ns)
		put_pid_ns(s->pid_ns);
	if (s->freeze_file)
		fput(s->freeze_file);
	if (s->cgrp)
		cgroup_put(s->cgrp);
	if (s->dir)
		fput(s->dir);
	kfree(s);
	module_put(THIS_MODULE);
}

/* The cgroup behind @fd, or why it cannot be a container. */
static int take_cgroup(struct lm_session *s, int fd,
		       struct netlink_ext_ack *extack)
{
	struct cgroup *cgrp;
	struct file *f;
	bool inside;

	s->dir = fget_raw(fd);
	if (!s->dir)
		return lm_err(extack, -EBADF, "CGROUP_FD %d is not open", fd);
	switch (file_inode(s->dir)->i_sb->s_magic) {
	case CGROUP2_SUPER_MAGIC:
		break;
	case CGROUP_SUPER_MAGIC:
		return lm_err(extack, -EOPNOTSUPP,
			      "CGROUP_FD is in a cgroup v1 hierarchy: only cgroup v2 can be frozen, boot with systemd.unified_cgroup_hierarchy=1");
	default:
		return lm_err(extack, -EBADF,
			      "CGROUP_FD is not a cgroup v2 directory");
	}
	if (lm_cgroup_hybrid())
		return lm_err(extack, -EOPNOTSUPP,
			      "this host uses cgroup v1 controllers (hybrid): boot with systemd.unified_cgroup_hierarchy=1");

	cgrp = cgroup_get_from_fd(fd);
	if (IS_ERR(cgrp))
		return lm_err(extack, PTR_ERR(cgrp),
			      "CGROUP_FD is not the directory of a living cgroup");
	s->cgrp = cgrp;
	if (cgroup_ino(cgrp) != file_inode(s->dir)->i_ino)
		return lm_err(extack, -EBADF, "CGROUP_FD was replaced meanwhile");
	if (!cgroup_parent(cgrp))
		return lm_err(extack, -EINVAL,
			      "the root cgroup cannot be frozen: put the container into a cgroup of its own");
	rcu_read_lock();
	inside = task_under_cgroup_hierarchy(current, cgrp);
	rcu_read_unlock();
	if (inside)
		return lm_err(extack, -EDEADLK,
			      "the caller is in this cgroup and would freeze itself");

	f = file_open_root(&s->dir->f_path, "cgroup.freeze", O_WRONLY, 0);
	if (IS_ERR(f))
		return lm_err(extack, PTR_ERR(f),
			      "cannot open cgroup.freeze of this cgroup for writing");
	s->freeze_file = f;
	return 0;
}

/* Caller holds lm_sessions_lock. */
static struct lm_session *find(u32 id)
{
	struct lm_session *s;

	list_for_each_entry(s, &sessions, list)
		if (s->id == id && !s->gone)
			return s;
	return NULL;
}

/* May @s stand beside the others. Caller holds lm_sessions_lock. -EAGAIN: when
 * *@ending, which is referenced, has ended.
 */
static int check_others(struct lm_session *s, struct lm_session **ending,
			struct netlink_ext_ack *extack)
{
	struct lm_session *o;
	bool overlap;

	list_for_each_entry(o, &sessions, list) {
		overlap = cgroup_is_descendant(s->cgrp, o->cgrp) ||
			  cgroup_is_descendant(o->cgrp, s->cgrp);
		if (o->gone && overlap) {
			refcount_inc(&o->refs);
			*ending = o;
			return -EAGAIN;
		}
		if (o->gone)
			continue;
		if (overlap)
			return lm_err(extack, -EBUSY,
				      "session %u has this cgroup or one above or below it",
				      o->id);
		if (*s->name && !strcmp(s->name, o->name))
			return lm_err(extack, -EEXIST,
				      "session %u has the name \"%s\"", o->id,
				      o->name);
	}
	return 0;
}

/**
 * lm_session_new() - make a session
 * @fd: of the calling task: a cgroup v2 directory
 * @name: its name, checked, or ""
 * @flags: enum livemig_session_flags, checked
 * @portid: of the socket that owns it
 * @res: set to the session, with a reference for the caller
 * @extack: gets the reason of a refusal
 *
 * Context: sleeps; in the context of the task that asks for it.
 * Return: 0, -EBADF (no cgroup), -ENOENT (a cgroup that was removed),
 * -EOPNOTSUPP (cgroup v1), -EINVAL (the root),
 * -EDEADLK (the caller is inside), -EBUSY (overlaps another session), -EEXIST
 * (name in use), -ENODEV (the module or the cgroup is going), -ENOMEM.
 */
int lm_session_new(int fd, const char *name, u32 flags, u32 portid,
		   struct lm_session **res, struct netlink_ext_ack *extack)
{
	struct lm_session *s, *ending;
	int err;

	if (!try_module_get(THIS_MODULE))
		return lm_err(extack, -ENODEV, "the module is being unloaded");
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s) {
		module_put(THIS_MODULE);
		return -ENOMEM;
	}
	INIT_LIST_HEAD(&s->list);
	INIT_LIST_HEAD(&s->held);
	refcount_set(&s->refs, 2);	/* the list's and the caller's */
	mutex_init(&s->lock);
	init_completion(&s->ended);
	INIT_WORK(&s->teardown, teardown);
	hash_init(s->ids);
	s->state = LIVEMIG_STATE_RUNNING;
	s->flags = flags;
	s->portid = portid;
	strscpy(s->name, name, sizeof(s->name));
	s->pid_ns = get_pid_ns(task_active_pid_ns(current));

	err = take_cgroup(s, fd, extack);
	if (err)
		goto err_free;

again:
	if (mutex_lock_killable(&lm_sessions_lock)) {
		err = lm_err(extack, -EINTR, "killed");
		goto err_free;
	}
	err = check_others(s, &ending, extack);
	if (err == -EAGAIN) {
		mutex_unlock(&lm_sessions_lock);
		err = wait_for_completion_killable(&ending->ended);
		lm_session_put(ending);
		if (!err)
			goto again;
		err = lm_err(extack, -EINTR, "killed");
		goto err_free;
	}
	if (err)
		goto err_unlock;
	do {
		s->id = ++last_id;
	} while (!s->id || find(s->id));
	list_add_tail(&s->list, &sessions);
	nr_sessions++;
	queue_delayed_work(wq, &reap_work, REAP_INTERVAL);
	mutex_unlock(&lm_sessions_lock);

	lm_event(s, LIVEMIG_EVENT_SESSION_NEW, 0, NULL);
	*res = s;
	return 0;

err_unlock:
	mutex_unlock(&lm_sessions_lock);
err_free:
	free_session(s);
	return err;
}

/**
 * lm_session_find() - find a session by its id
 * @id: the id
 *
 * Context: sleeps.
 * Return: the session with a reference for lm_session_put(), or NULL.
 */
struct lm_session *lm_session_find(u32 id)
{
	struct lm_session *s;

	mutex_lock(&lm_sessions_lock);
	s = find(id);
	if (s)
		refcount_inc(&s->refs);
	mutex_unlock(&lm_sessions_lock);
	return s;
}

/**
 * lm_session_put() - drop a reference
 * @s: the session; its lock is not held
 */
void lm_session_put(struct lm_session *s)
{
	if (refcount_dec_and_test(&s->refs))
		free_session(s);
}

/**
 * lm_session_lock() - lock a session for work on its container
 * @s: the session; the caller has a reference
 * @extack: gets the reason of a failure
 *
 * Context: sleeps, killable.
 * Return: 0 with s->lock held; -EINTR, -ENOENT (ended meanwhile), -ENODEV (its
 * cgroup was removed).
 */
int lm_session_lock(struct lm_session *s, struct netlink_ext_ack *extack)
{
	int err = 0;

	if (mutex_lock_killable(&s->lock))
		return lm_err(extack, -EINTR, "killed");
	if (READ_ONCE(s->gone))
		err = lm_err(extack, -ENOENT, "session %u has ended", s->id);
	else if (lm_cgroup_dead(s->cgrp))
		err = lm_err(extack, -ENODEV,
			     "the cgroup of session %u was removed", s->id);
	if (err)
		mutex_unlock(&s->lock);
	return err;
}

/**
 * lm_session_set() - change who owns a session
 * @s: the session, not locked; the caller has a reference
 * @flags: enum livemig_session_flags, checked: PERSISTENT set: nobody owns it
 * from now on; cleared: @portid does
 * @portid: of the socket that asks
 * @extack: gets the reason of a refusal
 *
 * Context: sleeps.
 * Return: 0; -ENOENT: it has ended; -EBUSY: another socket owns it.
 */
int lm_session_set(struct lm_session *s, u32 flags, u32 portid,
		   struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&lm_sessions_lock);
	if (s->gone) {
		err = lm_err(extack, -ENOENT, "session %u has ended", s->id);
	} else if (!(s->flags & LIVEMIG_SESSION_F_PERSISTENT) &&
		   s->portid != portid) {
		err = lm_err(extack, -EBUSY,
			     "session %u belongs to another socket", s->id);
	} else {
		WRITE_ONCE(s->flags, flags);
		s->portid = portid;
	}
	mutex_unlock(&lm_sessions_lock);
	return err;
}

/**
 * lm_session_del() - end a session and wait until its container runs
 * @s: the session, not locked; the caller has a reference
 * @extack: gets the reason of a failure
 *
 * Context: sleeps, killable.
 * Return: 0; -ENOENT: somebody else ended it; -EINTR: killed while waiting, the
 * session ends nevertheless.
 */
int lm_session_del(struct lm_session *s, struct netlink_ext_ack *extack)
{
	bool gone;

	mutex_lock(&lm_sessions_lock);
	gone = s->gone;
	if (!gone)
		end_session(s);
	mutex_unlock(&lm_sessions_lock);
	if (gone)
		return lm_err(extack, -ENOENT, "session %u has ended", s->id);
	if (wait_for_completion_killable(&s->ended))
		return lm_err(extack, -EINTR, "killed");
	return 0;
}

/**
 * lm_session_walk() - call a function for each session
 * @after: sessions up to this id are left out
 * @fn: the function; lm_sessions_lock is held, s->lock is not
 * @arg: for @fn
 *
 * Context: sleeps.
 * Return: 0, or what @fn returned to end the walk.
 */
int lm_session_walk(u32 after, int (*fn)(struct lm_session *s, void *arg),
		    void *arg)
{
	struct lm_session *s;
	int err = 0;

	mutex_lock(&lm_sessions_lock);
	list_for_each_entry(s, &sessions, list) {
		if (s->gone || s->id <= after)
			continue;
		err = fn(s, arg);
		if (err)
			break;
	}
	mutex_unlock(&lm_sessions_lock);
	return err;
}

/**
 * lm_sessions_count() - how many sessions there are
 *
 * Return: their number.
 */
u32 lm_sessions_count(void)
{
	return READ_ONCE(nr_sessions);
}

/**
 * lm_session_state() - the state to be told
 * @s: the session; no lock is needed
 *
 * Return: as s->state, but RUNNING when somebody else thawed the cgroup.
 */
enum livemig_state lm_session_state(const struct lm_session *s)
{
	enum livemig_state state = READ_ONCE(s->state);

	if (state == LIVEMIG_STATE_FROZEN && !lm_cgroup_frozen(s->cgrp))
		return LIVEMIG_STATE_RUNNING;
	return state;
}

/**
 * lm_sessions_init() - get ready for sessions
 *
 * Return: 0 or -errno.
 */
int __init lm_sessions_init(void)
{
	int err;

	wq = alloc_workqueue("livemig", WQ_UNBOUND, 0);
	if (!wq)
		return -ENOMEM;
	err = netlink_register_notifier(&netlink_nb);
	if (err)
		destroy_workqueue(wq);
	return err;
}

/**
 * lm_sessions_exit() - undo lm_sessions_init()
 *
 * There are no sessions any more, as each holds the module; but the tail of the
 * last teardown may still be running.
 */
void lm_sessions_exit(void)
{
	netlink_unregister_notifier(&netlink_nb);
	cancel_delayed_work_sync(&reap_work);
	destroy_workqueue(wq);
}
