// SPDX-License-Identifier: GPL-2.0
/*
 * Inotify: its fdinfo names what is watched by inode numbers only. Here a line
 * is added for each watch that names it by a path:
 *
 *	watched ino:1f4 sdev:800013 path:/below/the/root/of/the/file/system
 *
 * where the file system is mounted is found out by user space. What nobody has read
 * yet goes into DATA objects, as read() would tell it, and stays where it is; the
 * restorer hands it back by INOTIFY. Events are not made again: that of a watch that
 * has ended nothing could make.
 *
 * Locking: the mark_mutex of the group while its watches are looked at, its
 * notification_lock while its events are.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "file_kinds.h"
#include "restore.h"
#include "sock.h"
#include "wrapper/file_state.h"
#include "wrapper/inotify_state.h"

static bool is_inotify(struct file *f)
{
	return !strcmp(lm_anon_name(f), "inotify");
}

static void show_path(struct seq_file *m, struct inode *inode, char *buf)
{
	struct dentry *dentry = d_find_any_alias(inode);
	char *path;

	if (!dentry)
		return;
	path = dentry_path_raw(dentry, buf, PATH_MAX);
	if (inode->i_nlink && !d_unlinked(dentry) && !IS_ERR(path) &&
	    !strchr(path, '\n'))
		seq_printf(m, "watched ino:%lx sdev:%x path:%s\n",
			   (unsigned long)inode->i_ino, inode->i_sb->s_dev, path);
	dput(dentry);
}

static void show(struct seq_file *m, struct file *f)
{
	struct fsnotify_group *group = f->private_data;
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	struct fsnotify_mark *mark;
	struct inode *inode;

	f->f_op->show_fdinfo(m, f);
	if (!buf)
		return;		/* a watch without a path: refused */
	fsnotify_group_lock(group);
	list_for_each_entry(mark, &group->marks_list, g_list) {
		inode = igrab(lm_mark_inode(mark));
		if (!inode)
			continue;
		show_path(m, inode, buf);
		iput(inode);
	}
	fsnotify_group_unlock(group);
	kfree(buf);
}

static int dump_inotify(struct lm_dump *d, struct task_struct *t, int fd,
			struct file *f, struct sk_buff *obj)
{
	return lm_put_text(obj, f, show);
}

/* ---- events ---- */

/* What follows struct inotify_event. */
static u32 padded_name(const struct lm_inotify_event *ev)
{
	return ev->name_len ? roundup(ev->name_len + 1, sizeof(struct inotify_event)) : 0;
}

/* All that waits as one read() would tell it. @buf NULL: how much that is. Return:
 * bytes; -ENOSPC: more than @size; -EOPNOTSUPP: the kernel's struct is another.
 */
static ssize_t tell_events(struct fsnotify_group *group, u8 *buf, size_t size)
{
	struct lm_inotify_event *ev;
	ssize_t len = 0;

	spin_lock(&group->notification_lock);
	list_for_each_entry(ev, &group->notification_list, fse.list) {
		struct inotify_event head = {
			.wd = ev->wd,
			.mask = ev->mask & LM_INOTIFY_MASK,
			.cookie = ev->cookie,
			.len = padded_name(ev),
		};

		if (!lm_inotify_event_known(ev)) {
			len = -EOPNOTSUPP;
			break;
		}
		if (buf && size - len < sizeof(head) + head.len) {
			len = -ENOSPC;
			break;
		}
		if (buf) {
			memcpy(buf + len, &head, sizeof(head));
			memset(buf + len + sizeof(head), 0, head.len);
			memcpy(buf + len + sizeof(head), ev->name, ev->name_len);
		}
		len += sizeof(head) + head.len;
	}
	spin_unlock(&group->notification_lock);
	return len;
}

static int dump_events(struct lm_dump *d, struct fsnotify_group *group, u32 file_id)
{
	struct lm_data w = {
		.d = d,
		.file_id = file_id,
		.queue = LIVEMIG_QUEUE_EVENTS,
		.stream = true,
	};
	ssize_t len;
	u8 *buf;
	int err;

	/* Others go on, and what they do may be told meanwhile. */
	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		len = tell_events(group, NULL, 0);
		if (len <= 0)
			return len;	/* (-EOPNOTSUPP: refused before) */
		buf = kvmalloc(len, GFP_KERNEL_ACCOUNT);
		if (!buf)
			return -ENOMEM;
		len = tell_events(group, buf, len);
		if (len < 0)
			kvfree(buf);
	} while (len == -ENOSPC);
	if (len < 0)
		return len;
	err = lm_data_add_bytes(&w, buf, len);
	kvfree(buf);
	if (err)
		lm_data_abort(&w);
	else
		lm_data_end(&w);
	return err;
}

static int more_of_inotify(struct lm_dump *d, struct task_struct *t, int fd,
			   struct file *f, u32 file_id)
{
	int err = lm_put_more_text(d, f, file_id, LIVEMIG_FILE_INOTIFY, show);

	return err || !d->frozen ? err : dump_events(d, f->private_data, file_id);
}

static const char *inotify_unsupported(struct lm_dump *d, struct file *f,
				       bool *transient)
{
	*transient = true;
	return tell_events(f->private_data, NULL, 0) < 0 ?
	       "inotify with events that nobody has read (on this kernel)" : NULL;
}

const struct lm_file_kind lm_file_inotify = {
	.name = "inotify",
	.type = LIVEMIG_FILE_INOTIFY,
	.match = is_inotify,
	.dump = dump_inotify,
	.dump_data = more_of_inotify,
	.unsupported = inotify_unsupported,
};

/* ---- back ---- */

/* Return: 0, -ENOSPC. */
static int queue_event(struct fsnotify_group *group, struct fsnotify_event *ev)
{
	int err = 0;

	spin_lock(&group->notification_lock);
	if (!list_empty(&ev->list)) {
		;	/* (the one that tells of an overflow) */
	} else if (ev != group->overflow_event && group->q_len >= group->max_events) {
		err = -ENOSPC;
	} else {
		list_add_tail(&ev->list, &group->notification_list);
		group->q_len++;
	}
	spin_unlock(&group->notification_lock);
	return err;
}

/* @name: @head->len bytes. */
static int add_event(struct fsnotify_group *group, const struct inotify_event *head,
		     const char *name)
{
	size_t len = strnlen(name, head->len);
	struct lm_inotify_event *ev;
	int err;

	if (head->wd == -1 && head->mask == IN_Q_OVERFLOW && !head->len)
		return queue_event(group, group->overflow_event);
	if (head->wd <= 0 || !head->mask || len > NAME_MAX || (len && len == head->len) ||
	    (head->mask & ~(LM_INOTIFY_MASK & ~IN_Q_OVERFLOW)))
		return -EINVAL;
	ev = kmalloc(struct_size(ev, name, len + 1), GFP_KERNEL_ACCOUNT);
	if (!ev)
		return -ENOMEM;
	fsnotify_init_event(&ev->fse);
	ev->mask = head->mask;
	ev->wd = head->wd;
	ev->cookie = head->cookie;
	ev->name_len = len;
	memcpy(ev->name, name, len);
	ev->name[len] = 0;
	err = queue_event(group, &ev->fse);
	if (err)
		kfree(ev);
	return err;
}

static int add_events(struct fsnotify_group *group, const u8 *buf, size_t len)
{
	struct inotify_event head;
	size_t at;
	int err = 0;

	for (at = 0; at < len && !err; at += sizeof(head) + head.len) {
		if (len - at < sizeof(head))
			return -EINVAL;
		memcpy(&head, buf + at, sizeof(head));
		if (head.len > len - at - sizeof(head))
			return -EINVAL;
		err = add_event(group, &head, buf + at + sizeof(head));
	}
	return err;
}

/**
 * lm_restore_inotify - put back what nobody has read
 * @a: as the uapi header tells; not trusted
 *
 * Sleeps. Takes the notification_lock.
 * Return: 0 or -errno; then some of the events may be there.
 */
int lm_restore_inotify(const struct livemig_ioc_inotify *a)
{
	struct fsnotify_group *group;
	struct file *f;
	u8 *buf;
	int err;

	if (!a->len || a->len > LIVEMIG_INOTIFY_PIECE)
		return -EINVAL;
	f = fget(a->fd);
	if (!f)
		return -EBADF;
	err = -EINVAL;
	if (!is_inotify(f))
		goto out;
	buf = vmemdup_user(u64_to_user_ptr(a->buf), a->len);
	err = PTR_ERR_OR_ZERO(buf);
	if (err)
		goto out;
	group = f->private_data;
	err = add_events(group, buf, a->len);
	wake_up(&group->notification_waitq);
	kvfree(buf);
out:
	fput(f);
	return err;
}
