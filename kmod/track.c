// SPDX-License-Identifier: GPL-2.0
/*
 * Tracking and the PAGES command: which address spaces and shared memory
 * objects a container has, and one round on all of them.
 *
 * A tracker belongs to the container, not to the tool: a process that appears
 * between two rounds is dirty as a whole in the first round that sees it, and
 * what a process that has gone had is forgotten.
 *
 * Locking: s->lock is held throughout.
 */
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <net/netlink.h>

#include "extack.h"
#include "patch.h"
#include "round.h"
#include "session.h"
#include "shmem.h"
#include "track.h"
#include "versions.h"

static bool unsafe_controls;
module_param(unsafe_controls, bool, 0400);
MODULE_PARM_DESC(unsafe_controls,
		 "Accept PAGES flags that break tracking on purpose (for tests)");

#define UNSAFE	(LIVEMIG_PAGES_F_UNSAFE_NOFLUSH | \
		 LIVEMIG_PAGES_F_UNSAFE_NOVMA | \
		 LIVEMIG_PAGES_F_UNSAFE_SHMEM)

struct lm_tracker {
	const struct lm_tracker_ops *ops;
	DECLARE_HASHTABLE(mms, 8);
	struct list_head order;	/* the same, a parent before its children */
	struct lm_objs objs;
	struct lm_versions *versions; /* NULL: PATCHES were not asked for yet */
};

static struct lm_tracker *tracker_new(struct lm_session *s, const struct lm_tracker_ops *ops)
{
	struct lm_tracker *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (!t)
		return NULL;
	t->ops = ops;
	hash_init(t->mms);
	INIT_LIST_HEAD(&t->order);
	lm_objs_init(&t->objs, s);
	return t;
}

static void mm_free(struct lm_mm *m)
{
	hash_del(&m->node);
	list_del(&m->order);
	lm_sent_free(&m->sent);
	mmdrop(m->mm);
	kfree(m);
}

static void tracker_free(struct lm_tracker *t)
{
	struct hlist_node *tmp;
	struct lm_mm *m;
	int i;

	hash_for_each_safe(t->mms, i, tmp, m, node)
		mm_free(m);
	lm_objs_free(&t->objs);
	lm_versions_free(t->versions);
	kfree(t);
}

/* Part of a round is lost: nobody knows which pages the receiver has. */
static void tracker_stale(struct lm_tracker *t)
{
	struct lm_mm *m;
	int i;

	hash_for_each(t->mms, i, m, node)
		lm_sent_stale(&m->sent);
	lm_objs_stale(&t->objs);
	lm_versions_forget(t->versions);
}

/**
 * lm_track_stale() - a round was written, but its counts reached nobody
 * @s: the session
 *
 * Who asked takes it for failed, so the next round writes everything again.
 * Context: caller holds s->lock.
 */
void lm_track_stale(struct lm_session *s)
{
	if (s->tracker)
		tracker_stale(s->tracker);
}

/**
 * lm_track_start() - from now on writes are noted
 * @s: the session
 * @extack: gets the reason of a refusal
 *
 * The first round after this still writes everything, and takes the marks.
 *
 * Return: 0, -EALREADY, -EOPNOTSUPP (no soft-dirty bits), -ENOMEM.
 */
int lm_track_start(struct lm_session *s, struct netlink_ext_ack *extack)
{
	const struct lm_tracker_ops *ops = &lm_track_soft_dirty;
	int err;

	if (s->tracker)
		return lm_err(extack, -EALREADY, "session %u is tracked", s->id);
	err = ops->check(extack);
	if (err)
		return err;
	s->tracker = tracker_new(s, ops);
	return s->tracker ? 0 : -ENOMEM;
}

/**
 * lm_track_inode() - a shared memory object is about to be asked for its id
 * @s: the session
 * @inode: the object's, referenced
 *
 * Ids are of addresses: the object that the rounds have known at this one may be gone.
 */
void lm_track_inode(struct lm_session *s, const struct inode *inode)
{
	if (s->tracker)
		lm_objs_inode(&s->tracker->objs, inode);
}

/**
 * lm_track_stop() - forget what was sent
 * @s: the session; it need not be tracked
 *
 * Marks that were taken stay taken; they cost nothing.
 */
void lm_track_stop(struct lm_session *s)
{
	if (!s->tracker)
		return;
	tracker_free(s->tracker);
	s->tracker = NULL;
}

static struct lm_mm *find_mm(struct lm_tracker *t, struct mm_struct *mm)
{
	struct lm_mm *m;

	hash_for_each_possible(t->mms, m, node, (unsigned long)mm)
		if (m->mm == mm)
			return m;
	return NULL;
}

/* Process @pid has @m now. Had it another one, that is, did it exec()? */
static void tell_exec(struct lm_round *r, struct lm_tracker *t, struct lm_mm *m)
{
	struct lm_mm *old;
	int i;

	hash_for_each(t->mms, i, old, node)
		if (old != m && old->pid == m->pid) {
			lm_event(r->s, LIVEMIG_EVENT_TRACKER_LOST, m->pid, NULL);
			old->pid = 0;
		}
}

static struct lm_mm *new_mm(struct lm_round *r, struct lm_tracker *t,
			    struct mm_struct *mm, u32 pid)
{
	struct lm_mm *m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);

	if (!m)
		return NULL;
	m->id = lm_id(r->s, LM_ID_MM, mm, NULL);
	if (!m->id) {
		kfree(m);
		return NULL;
	}
	mmgrab(mm);
	m->mm = mm;
	m->pid = pid;
	lm_sent_init(&m->sent);
	hash_add(t->mms, &m->node, (unsigned long)mm);
	list_add_tail(&m->order, &t->order);
	if (r->sent)
		tell_exec(r, t, m);
	return m;
}

static int note_task(struct lm_round *r, struct lm_tracker *t,
		     struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	struct lm_mm *m;

	if (!mm)	/* exiting */
		return 0;
	m = find_mm(t, mm) ?:
	    new_mm(r, t, mm, task_tgid_nr_ns(task, r->s->pid_ns));
	if (m && !m->used) {
		m->used = true;
		/* Tasks come in the order of their birth. */
		list_move_tail(&m->order, &t->order);
	}
	mmput(mm);
	return m ? lm_objs_of_task(r->objs, task) : -ENOMEM;
}

/* The address spaces of the tasks that there are now. */
static int find_mms(struct lm_round *r, struct lm_tracker *t)
{
	struct task_struct **tasks;
	struct lm_mm *m;
	int n, i, err = 0;

	hash_for_each(t->mms, i, m, node)
		m->used = false;
	n = lm_tasks_get(r->s, &tasks);
	if (n < 0)
		return n;
	for (i = 0; i < n && !err; i++) {
		/* A thread has all in common with the one before, as a rule; a
		 * pointer that changes meanwhile belongs to an exiting task.
		 */
		if (i && READ_ONCE(tasks[i]->mm) == READ_ONCE(tasks[i - 1]->mm) &&
		    READ_ONCE(tasks[i]->files) == READ_ONCE(tasks[i - 1]->files))
			continue;
		err = note_task(r, t, tasks[i]);
	}
	lm_tasks_put(tasks, n);
	return err ?: lm_objs_held(r->objs);
}

static void drop_unused_mms(struct lm_round *r, struct lm_tracker *t)
{
	struct hlist_node *tmp;
	struct lm_mm *m;
	int i;

	hash_for_each_safe(t->mms, i, tmp, m, node)
		if (!m->used) {
			lm_id_forget(r->s, LM_ID_MM, m->mm);
			mm_free(m);
		}
}

static int do_round(struct lm_round *r, struct lm_tracker *t)
{
	struct lm_mm *m;
	int err;

	err = find_mms(r, t);
	if (err)
		return err;
	drop_unused_mms(r, t);
	list_for_each_entry(m, &t->order, order) {
		err = lm_round_mm(r, m);
		if (err)
			return err;
	}
	err = lm_objs_round(r, r->objs);
	return err ?: lm_stream_end(&r->stream);
}

static int check_flags(struct lm_session *s, struct file *out, u32 flags,
		       struct netlink_ext_ack *extack)
{
	bool count = flags & LIVEMIG_PAGES_F_COUNT;

	if (!out != count)
		return lm_err(extack, -EINVAL,
			      "either an FD to write to, or COUNT");
	if (count && (flags & ~LIVEMIG_PAGES_F_COUNT))
		return lm_err(extack, -EINVAL, "COUNT goes with no other flag");
	if ((flags & UNSAFE) && !unsafe_controls)
		return lm_err(extack, -EPERM,
			      "UNSAFE flags break tracking: load the module with unsafe_controls=1 for a test");
	if ((flags & UNSAFE) && !s->tracker)
		return lm_err(extack, -EINVAL,
			      "UNSAFE flags need a tracked session");
	if ((flags & LIVEMIG_PAGES_F_FINAL) && !lm_session_frozen(s))
		return lm_err(extack, -EBUSY,
			      "a final round needs a frozen container");
	if ((flags & LIVEMIG_PAGES_F_LATER) && !(flags & LIVEMIG_PAGES_F_FINAL))
		return lm_err(extack, -EINVAL, "LATER goes with FINAL");
	if ((flags & LIVEMIG_PAGES_F_LATER) && S_ISREG(file_inode(out)->i_mode))
		return lm_err(extack, -EINVAL,
			      "LATER goes to a pipe or socket: who reads a file cannot ask");
	if ((flags & LIVEMIG_PAGES_F_PATCHES) && S_ISREG(file_inode(out)->i_mode))
		return lm_err(extack, -EINVAL,
			      "PATCHES go to a pipe or socket: pages in a file are aligned");
	return 0;
}

static int open_patches(struct lm_round *r, struct lm_tracker *t)
{
	if (!t->versions)
		t->versions = lm_versions_new();
	if (t->versions)
		r->stream.patches = lm_patches_new(t->versions);
	return r->stream.patches ? 0 : -ENOMEM;
}

/**
 * lm_pages() - one round
 * @s: the session
 * @out: where to, open for writing; NULL: COUNT
 * @flags: enum livemig_pages_flags
 * @st: zeroed, is filled
 * @extack: gets the reason of a failure
 *
 * After a failure the next round writes everything again.
 * Context: sleeps, killable; a signal ends it while the reader is slow.
 * Return: 0; -EINVAL, -EPERM, -EBUSY (flags); -EINTR; -ENOMEM; -EAGAIN (FINAL:
 * somebody thawed it); -EFAULT or
 * -EHWPOISON (FINAL: a page that cannot be read); what writing to @out gives.
 */
int lm_pages(struct lm_session *s, struct file *out, u32 flags,
	     struct lm_stats *st, struct netlink_ext_ack *extack)
{
	u64 t0 = ktime_get_ns();
	struct lm_tracker *t;
	struct lm_round *r;
	int err;

	err = check_flags(s, out, flags, extack);
	if (err)
		return err;
	t = s->tracker ?: tracker_new(s, &lm_track_none);
	r = kvzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	err = -ENOMEM;
	if (!t || !r)
		goto out;
	r->s = s;
	r->ops = t->ops;
	r->objs = &t->objs;
	r->st = st;
	r->extack = extack;
	r->flags = flags;
	r->sent = t == s->tracker;
	err = lm_stream_open(&r->stream, out, s->round, extack);
	if (err)
		goto out;
	if (r->sent && (flags & LIVEMIG_PAGES_F_PATCHES)) {
		err = open_patches(r, t);
		if (err)
			goto out;
	}
	if (out) {
		r->spans = kvmalloc_array(LM_SPANS_MAX, sizeof(*r->spans),
					  GFP_KERNEL_ACCOUNT);
		err = -ENOMEM;
		if (!r->spans)
			goto out;
	}
	err = do_round(r, t);
	if (!err && (flags & LIVEMIG_PAGES_F_FINAL) && !lm_session_frozen(s))
		err = lm_err(extack, -EAGAIN, "thawed during the final round");
	if (err && r->sent)
		tracker_stale(t);
	lm_objs_round_end(&t->objs, !err);
	if (err && extack && !extack->_msg)
		lm_err(extack, err, "the round failed after %llu bytes: error %d",
		       r->stream.bytes, -err);
	st->bytes = r->stream.bytes;
	st->ns_total = ktime_get_ns() - t0;
out:
	if (r) {
		lm_stream_close(&r->stream);
		lm_patches_free(r->stream.patches);
		kvfree(r->spans);
		kvfree(r);
	}
	if (t && t != s->tracker)
		tracker_free(t);
	return err;
}

static int check_ranges(const struct livemig_range *v, unsigned int n,
			struct netlink_ext_ack *extack)
{
	u64 pages = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!PAGE_ALIGNED(v[i].start) || !PAGE_ALIGNED(v[i].end) ||
		    v[i].start >= v[i].end || v[i].end > TASK_SIZE_MAX)
			return lm_err(extack, -EINVAL,
				      "RANGES: number %u is no range of whole pages",
				      i);
		pages += (v[i].end - v[i].start) >> PAGE_SHIFT;
		if (pages > LIVEMIG_RANGE_PAGES_MAX)
			return lm_err(extack, -EINVAL, "RANGES: more than %d pages",
				      LIVEMIG_RANGE_PAGES_MAX);
	}
	return 0;
}

/* The mm with an id, of those that the last round has seen. */
static struct lm_mm *mm_with_id(struct lm_session *s, u32 id)
{
	struct lm_mm *m;

	if (s->tracker)
		list_for_each_entry(m, &s->tracker->order, order)
			if (m->id == id)
				return m;
	return NULL;
}

/**
 * lm_pages_of() - pages that LATER has named, and nothing else
 * @s: the session
 * @out: where to, open for writing
 * @id: of the mm
 * @v: where; not yet checked
 * @n: how many of these
 * @st: zeroed, is filled
 * @extack: gets the reason of a failure
 *
 * The next round is none the wiser. Context: sleeps, killable.
 * Return: 0; -EINVAL (ranges); -EBUSY: not frozen; -ENOENT: no such mm; -EAGAIN:
 * somebody thawed it; -EFAULT, -EHWPOISON: a page cannot be read; -EINTR; -ENOMEM;
 * what writing to @out gives.
 */
int lm_pages_of(struct lm_session *s, struct file *out, u32 id,
		const struct livemig_range *v, unsigned int n,
		struct lm_stats *st, struct netlink_ext_ack *extack)
{
	struct lm_mm *m = mm_with_id(s, id);
	u64 t0 = ktime_get_ns();
	struct lm_round *r;
	int err;

	err = check_ranges(v, n, extack);
	if (err)
		return err;
	if (!lm_session_frozen(s))
		return lm_err(extack, -EBUSY, "RANGES need a frozen container");
	if (!m)
		return lm_err(extack, -ENOENT, "no MM %u in the last round", id);
	r = kvzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	r->s = s;
	r->st = st;
	r->extack = extack;
	r->flags = LIVEMIG_PAGES_F_FINAL;
	err = lm_stream_open(&r->stream, out, s->round, extack);
	if (!err)
		err = lm_round_ranges(r, m, v, n);
	if (!err)
		err = lm_stream_end(&r->stream);
	if (!err && !lm_session_frozen(s))
		err = lm_err(extack, -EAGAIN, "thawed while pages were written");
	st->bytes = r->stream.bytes;
	st->ns_total = ktime_get_ns() - t0;
	lm_stream_close(&r->stream);
	kvfree(r);
	return err;
}

/**
 * lm_stats_put() - counts of a round as a nest of attributes
 * @skb: the message
 * @attrtype: of the nest
 * @st: the counts
 *
 * Return: 0 or -EMSGSIZE.
 */
int lm_stats_put(struct sk_buff *skb, int attrtype, const struct lm_stats *st)
{
	const u64 v[] = {
		[LIVEMIG_STATS_PRESENT] = st->present,
		[LIVEMIG_STATS_DIRTY] = st->dirty,
		[LIVEMIG_STATS_DATA] = st->data,
		[LIVEMIG_STATS_ZERO] = st->zero,
		[LIVEMIG_STATS_SAME] = st->same,
		[LIVEMIG_STATS_HOLE] = st->hole,
		[LIVEMIG_STATS_BYTES] = st->bytes,
		[LIVEMIG_STATS_NS_WALK] = st->ns_walk,
		[LIVEMIG_STATS_NS_FLUSH] = st->ns_flush,
		[LIVEMIG_STATS_NS_WRITE] = st->ns_write,
		[LIVEMIG_STATS_NS_TOTAL] = st->ns_total,
		[LIVEMIG_STATS_NS_LOCKED] = st->ns_locked,
		[LIVEMIG_STATS_DELTA] = st->delta,
		[LIVEMIG_STATS_COPY] = st->copy,
		[LIVEMIG_STATS_LATER] = st->later,
	};
	struct nlattr *nest = nla_nest_start(skb, attrtype);
	int i;

	BUILD_BUG_ON(ARRAY_SIZE(v) != LIVEMIG_STATS_MAX + 1);
	if (!nest)
		return -EMSGSIZE;
	for (i = LIVEMIG_STATS_PRESENT; i <= LIVEMIG_STATS_MAX; i++)
		if (nla_put_u64_64bit(skb, i, v[i], LIVEMIG_STATS_PAD)) {
			nla_nest_cancel(skb, nest);
			return -EMSGSIZE;
		}
	nla_nest_end(skb, nest);
	return 0;
}
