// SPDX-License-Identifier: GPL-2.0
/*
 * Files that no descriptor of the container names: they were sent through a
 * unix socket and nobody has received them. What is found in queues is noted
 * with a reference and dumped when all processes are, so that a file that has a
 * descriptor as well is dumped with that; a socket among them may have others
 * in its queue, which are noted in turn.
 *
 * User space has to look into some of them (a pipe's contents) and has no way to
 * them: those of a frozen session are kept until it is thawed, for FILE_GET. So are
 * the files of a process whose main thread has ended: pidfd_getfd() looks there.
 *
 * Locking: s->lock is held. May sleep.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include "inflight.h"
#include "state.h"

struct lm_inflight {
	struct list_head list;
	struct task_struct *t;	/* of the dump, which has a reference */
	struct file *file;
	u32 id;
};

static void drop(struct list_head *files)
{
	struct lm_inflight *f, *tmp;

	list_for_each_entry_safe(f, tmp, files, list) {
		fput(f->file);
		kfree(f);
	}
	INIT_LIST_HEAD(files);
}

static struct lm_inflight *take(struct file *file, u32 id)
{
	struct lm_inflight *f = kmalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (f) {
		f->file = get_file(file);
		f->id = id;
	}
	return f;
}

/**
 * lm_inflight_note - a file was found in a queue
 * @d: the dump
 * @t: the process through whose descriptor the queue was found
 * @file: the file, which cannot go meanwhile
 *
 * Return: its number, 0: no memory.
 */
u32 lm_inflight_note(struct lm_dump *d, struct task_struct *t,
		     struct file *file)
{
	u32 id = lm_dump_id(d, LM_ID_FILE, file, NULL);
	struct lm_inflight *f;

	if (!id)
		return 0;
	f = take(file, id);
	if (!f)
		return 0;
	f->t = t;
	list_add_tail(&f->list, &d->inflight);
	return id;
}

/**
 * lm_inflight_dump - queue the objects of the next file that was noted
 * @d: the dump
 *
 * Return: 0 or -errno.
 */
int lm_inflight_dump(struct lm_dump *d)
{
	struct lm_inflight *f = list_first_entry(&d->inflight,
						 struct lm_inflight, list);
	bool first;
	int err = lm_dump_file(d, f->t, f->file, &first);

	list_del(&f->list);
	if (!err && first && d->frozen) {
		list_add_tail(&f->list, &d->s->held);
		return 0;
	}
	fput(f->file);
	kfree(f);
	return err;
}

/**
 * lm_held_add - keep a file that FILE_GET is to hand out
 * @d: the dump, of a frozen session
 * @file: the file
 * @id: its number
 *
 * Return: 0 or -ENOMEM.
 */
int lm_held_add(struct lm_dump *d, struct file *file, u32 id)
{
	struct lm_inflight *f = take(file, id);

	if (!f)
		return -ENOMEM;
	list_add_tail(&f->list, &d->s->held);
	return 0;
}

/**
 * lm_inflight_free - forget what was noted and not dumped
 * @d: the dump
 */
void lm_inflight_free(struct lm_dump *d)
{
	drop(&d->inflight);
}

/**
 * lm_held_get - a file that is kept since it was dumped last
 * @s: the session
 * @id: its number
 *
 * Return: the file, with a reference, or NULL.
 */
struct file *lm_held_get(struct lm_session *s, u32 id)
{
	struct lm_inflight *f;

	list_for_each_entry(f, &s->held, list) {
		if (f->id != id)
			continue;
		/* They are asked for in their order: the next one is found at once. */
		list_rotate_to_front(&f->list, &s->held);
		return get_file(f->file);
	}
	return NULL;
}

/**
 * lm_held_each - call a function for the files that are kept
 * @s: the session
 * @fn: the function; a return value other than 0 ends it
 * @arg: its argument
 *
 * Return: 0, or what @fn returned.
 */
int lm_held_each(struct lm_session *s, int (*fn)(struct file *f, void *arg),
		 void *arg)
{
	struct lm_inflight *f;
	int ret = 0;

	list_for_each_entry(f, &s->held, list) {
		ret = fn(f->file, arg);
		if (ret)
			break;
	}
	return ret;
}

/**
 * lm_held_drop - let go of the files that are kept
 * @s: the session
 */
void lm_held_drop(struct lm_session *s)
{
	drop(&s->held);
}
