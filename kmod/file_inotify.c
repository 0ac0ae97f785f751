// SPDX-License-Identifier: GPL-2.0
/*
 * Inotify: its fdinfo names what is watched by inode numbers only. Here a line
 * is added for each watch that names it by a path:
 *
 *	watched ino:1f4 sdev:800013 path:/below/the/root/of/the/file/system
 *
 * where the file system is mounted is found out by user space.
 *
 * Locking: the mark_mutex of the group while its watches are looked at.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include "file_kinds.h"
#include "wrapper/file_state.h"

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

static int more_of_inotify(struct lm_dump *d, struct task_struct *t, int fd,
			   struct file *f, u32 file_id)
{
	return lm_put_more_text(d, f, file_id, LIVEMIG_FILE_INOTIFY, show);
}

static const char *inotify_unsupported(struct lm_dump *d, struct file *f,
				       bool *transient)
{
	struct fsnotify_group *group = f->private_data;

	*transient = true;
	return READ_ONCE(group->q_len) ? "inotify with events that nobody has read" :
					 NULL;
}

const struct lm_file_kind lm_file_inotify = {
	.name = "inotify",
	.type = LIVEMIG_FILE_INOTIFY,
	.match = is_inotify,
	.dump = dump_inotify,
	.dump_data = more_of_inotify,
	.unsupported = inotify_unsupported,
};
