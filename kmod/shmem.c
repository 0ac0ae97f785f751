// SPDX-License-Identifier: GPL-2.0
/*
 * Shared memory objects in the rounds.
 *
 * The soft-dirty bit of a shared page is in the page tables of all who map it,
 * and goes with an entry that reclaim or MADV_DONTNEED takes: it is never
 * believed. Each object is read through a file of our own, once a round however
 * many map it, and what has the hash of the last time is not sent again.
 *
 * Locking: all with s->lock held; lm_obj_note() also under mmap_lock.
 */
#include <linux/cred.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "inflight.h"
#include "round.h"
#include "session.h"
#include "shmem.h"
#include "track.h"
#include "wrapper/shmem.h"

/**
 * lm_is_shmem_object() - is a file shared memory without a name
 * @f: the file
 *
 * MAP_SHARED|MAP_ANONYMOUS, memfd, System V: what lives in the kernel's own
 * mounts of tmpfs and hugetlbfs, and MAP_PRIVATE|MAP_HUGETLB, which has an object
 * without pages there. A file in a mounted tmpfs, deleted or not, is a file.
 *
 * Context: any.
 * Return: whether it is.
 */
bool lm_is_shmem_object(struct file *f)
{
	return (lm_shmem_mapping(f->f_mapping) || lm_is_hugetlb(f)) &&
	       (f->f_mapping->host->i_sb->s_flags & SB_KERNMOUNT);
}

/**
 * lm_is_hugetlb() - does a file consist of huge pages
 * @f: the file
 *
 * Context: any.
 * Return: whether it does, with a name or without.
 */
bool lm_is_hugetlb(struct file *f)
{
	return f->f_mapping->host->i_sb->s_magic == HUGETLBFS_MAGIC;
}

/**
 * lm_objs_init() - there are none yet
 * @objs: the objects of a tracker
 * @s: its session
 */
void lm_objs_init(struct lm_objs *objs, struct lm_session *s)
{
	objs->s = s;
	INIT_LIST_HEAD(&objs->list);
	hash_init(objs->by_inode);
}

static void forget_inode(struct lm_objs *objs, struct lm_obj *o)
{
	if (!o->inode)
		return;
	lm_id_forget(objs->s, LM_ID_SHMEM, o->inode);
	hash_del(&o->node);
	o->inode = NULL;
}

static struct lm_obj *find_inode(struct lm_objs *objs, const struct inode *inode)
{
	struct lm_obj *o;

	hash_for_each_possible(objs->by_inode, o, node, (unsigned long)inode)
		if (o->inode == inode)
			return o;
	return NULL;
}

static bool is_of(const struct lm_obj *o, const struct inode *inode)
{
	return o->ino == inode->i_ino && o->generation == inode->i_generation;
}

/**
 * lm_objs_inode() - an inode is about to be asked for its id
 * @objs: the objects of the tracker
 * @inode: referenced
 *
 * Another object that was at its address is gone; this one gets an id of its own.
 */
void lm_objs_inode(struct lm_objs *objs, const struct inode *inode)
{
	struct lm_obj *o = find_inode(objs, inode);

	if (o && !is_of(o, inode))
		forget_inode(objs, o);
}

/**
 * lm_obj_note() - the object behind a file is part of the container
 * @objs: the objects of the tracker
 * @f: lm_is_shmem_object()
 *
 * Return: the object with ->file set until lm_objs_round_end(); NULL: no memory.
 */
struct lm_obj *lm_obj_note(struct lm_objs *objs, struct file *f)
{
	const struct inode *inode = f->f_mapping->host;
	struct lm_obj *o;

	lm_objs_inode(objs, inode);
	o = find_inode(objs, inode);
	if (!o) {
		o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
		if (!o)
			return NULL;
		o->inode = inode;
		o->ino = inode->i_ino;
		o->generation = inode->i_generation;
		lm_sent_init(&o->sent);
		list_add_tail(&o->list, &objs->list);
		hash_add(objs->by_inode, &o->node, (unsigned long)inode);
	}
	if (!o->file)
		o->file = get_file(f);
	return o;
}

/* A program may have a million files open: some at a time, and noted without locks. */
struct fd_batch {
	unsigned int n, next;
	struct file *file[64];
};

static int collect_fd(const void *batch, struct file *f, unsigned int fd)
{
	struct fd_batch *b = (struct fd_batch *)batch;

	if (!lm_is_shmem_object(f))
		return 0;
	if (b->n == ARRAY_SIZE(b->file))
		return 1;
	b->file[b->n++] = get_file(f);
	b->next = fd + 1;
	return 0;
}

static int note_held(struct file *f, void *objs)
{
	if (!lm_is_shmem_object(f))
		return 0;
	return lm_obj_note(objs, f) ? 0 : -ENOMEM;
}

/**
 * lm_objs_of_task() - note the objects that a task has open
 * @objs: the objects of the tracker
 * @t: the task, referenced
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int lm_objs_of_task(struct lm_objs *objs, struct task_struct *t)
{
	struct fd_batch b = { .next = 0 };
	int err = 0, more;
	unsigned int i;

	do {
		b.n = 0;
		task_lock(t);
		more = t->files ? iterate_fd(t->files, b.next, collect_fd, &b) : 0;
		task_unlock(t);
		for (i = 0; i < b.n; i++) {
			if (!err && !lm_obj_note(objs, b.file[i]))
				err = -ENOMEM;
			fput(b.file[i]);
		}
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	} while (more && !err);
	return err;
}

/**
 * lm_objs_held() - note the objects that are in flight
 * @objs: the objects of the tracker
 *
 * Return: 0 or -ENOMEM.
 */
int lm_objs_held(struct lm_objs *objs)
{
	return lm_held_each(objs->s, note_held, objs);
}

/* Under UNSAFE_SHMEM: was neither sent nor has a dirty entry. */
static bool skip_page(struct lm_round *r, struct lm_obj *o, unsigned long index)
{
	struct lm_chunk *c = lm_sent_chunk(&o->sent, index, false);

	return (r->flags & LIVEMIG_PAGES_F_UNSAFE_SHMEM) &&
	       lm_chunk_value(c, index) > LM_SENT_STALE &&
	       !test_bit(index % LM_CHUNK_PAGES, c->seen);
}

static int round_page(struct lm_round *r, struct lm_obj *o, struct file *f,
		      unsigned long index)
{
	loff_t pos = (loff_t)index << PAGE_SHIFT;
	struct page *slot;
	ssize_t n;
	int err;

	r->st->present++;
	if (skip_page(r, o, index))
		return r->sent ? lm_sent_see(&o->sent, index) : 0;
	slot = lm_stream_slot(&r->stream);
	if (IS_ERR(slot))
		return PTR_ERR(slot);
	n = kernel_read(f, page_address(slot), PAGE_SIZE, &pos);
	if (n < 0)
		return n;
	memset(page_address(slot) + n, 0, PAGE_SIZE - n);
	if (r->sent && !(r->flags & LIVEMIG_PAGES_F_COUNT)) {
		err = lm_sent_see(&o->sent, index);
		if (err)
			return err;
	}
	return lm_round_shared(r, r->sent ? &o->sent : NULL, index, slot);
}

/* The next piece of data at or after *@pos, up to *@end. Return: 0, -ENXIO: none. */
static loff_t next_data(const struct lm_obj *o, struct file *f, loff_t *pos, loff_t *end)
{
	if (lm_is_hugetlb(o->file)) {
		*pos = lm_hugetlb_data(o->file->f_mapping, *pos);
		*end = round_down(*pos, 1LL << file_inode(o->file)->i_blkbits) +
		       (1LL << file_inode(o->file)->i_blkbits);
		return min_t(loff_t, *pos, 0);
	}
	*pos = vfs_llseek(f, *pos, SEEK_DATA);
	if (*pos < 0)
		return *pos;
	*end = vfs_llseek(f, *pos, SEEK_HOLE);
	return min_t(loff_t, *end, 0);	/* (-ENXIO: cut off meanwhile) */
}

static int round_obj(struct lm_round *r, struct lm_obj *o)
{
	struct file *f;
	loff_t pos = 0, end;
	u64 t = ktime_get_ns();
	int err = 0;

	if (!o->id)
		o->id = lm_id(r->s, LM_ID_SHMEM, o->inode, NULL);
	if (!o->id)
		return -ENOMEM;
	err = lm_stream_space(&r->stream, LIVEMIG_PAGES_SPACE_SHMEM, o->id);
	if (err)
		return err;
	f = dentry_open(&o->file->f_path, O_RDONLY | O_LARGEFILE, current_cred());
	if (IS_ERR(f))
		return PTR_ERR(f);
	while (!err) {
		err = next_data(o, f, &pos, &end);
		if (err) {
			err = err == -ENXIO ? 0 : err;
			break;
		}
		for (pos &= PAGE_MASK; pos < end && !err; pos += PAGE_SIZE) {
			if (fatal_signal_pending(current))
				err = -EINTR;
			else
				err = round_page(r, o, f, pos >> PAGE_SHIFT);
			cond_resched();
		}
	}
	fput(f);
	if (!err && r->sent && !(r->flags & LIVEMIG_PAGES_F_COUNT))
		err = lm_sent_holes(&o->sent, 0, ULONG_MAX, lm_round_hole, r);
	r->st->ns_write += ktime_get_ns() - t;
	return err;
}

/**
 * lm_objs_round() - write what changed in the objects that were noted
 * @r: the round
 * @objs: the objects of the tracker
 *
 * Context: sleeps, killable.
 * Return: 0, or an error of reading or writing.
 */
int lm_objs_round(struct lm_round *r, struct lm_objs *objs)
{
	struct lm_obj *o;
	int err = 0;

	list_for_each_entry(o, &objs->list, list) {
		if (o->file)
			err = round_obj(r, o);
		if (err)
			break;
	}
	return err;
}

static void obj_free(struct lm_objs *objs, struct lm_obj *o)
{
	list_del(&o->list);
	if (o->inode)
		hash_del(&o->node);
	if (o->file)
		fput(o->file);
	lm_sent_free(&o->sent);
	kfree(o);
}

/**
 * lm_objs_round_end() - let go of the objects' files
 * @objs: the objects of the tracker
 * @drop: forget those that were not noted since the last time
 */
void lm_objs_round_end(struct lm_objs *objs, bool drop)
{
	struct lm_obj *o, *tmp;

	list_for_each_entry_safe(o, tmp, &objs->list, list) {
		if (o->file) {
			fput(o->file);
			o->file = NULL;
		} else if (drop) {
			forget_inode(objs, o);
			obj_free(objs, o);
		}
	}
}

/**
 * lm_objs_stale() - as lm_sent_stale(), for all objects
 * @objs: the objects of the tracker
 */
void lm_objs_stale(struct lm_objs *objs)
{
	struct lm_obj *o;

	list_for_each_entry(o, &objs->list, list)
		lm_sent_stale(&o->sent);
}

/**
 * lm_objs_free() - forget all objects
 * @objs: the objects of the tracker
 */
void lm_objs_free(struct lm_objs *objs)
{
	struct lm_obj *o, *tmp;

	list_for_each_entry_safe(o, tmp, &objs->list, list)
		obj_free(objs, o);
}
