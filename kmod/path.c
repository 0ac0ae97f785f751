// SPDX-License-Identifier: GPL-2.0
/*
 * Paths, as the caller of TASK_GET sees them if it is in the same mount namespace;
 * those of another one begin at its root.
 *
 * Locking: none of its own; d_path() takes mount and rename locks. May sleep.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/mount.h>
#include <linux/namei.h>
#include <linux/nsproxy.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "state.h"

/* The path in @buf of PATH_MAX bytes, without the mark of deleted files. */
static char *path_text(const struct path *path, char *buf)
{
	char *s = d_path(path, buf, PATH_MAX);
	size_t len;

	if (!IS_ERR(s) && d_unlinked(path->dentry)) {
		len = strlen(s);
		if (len > 10 && !strcmp(s + len - 10, " (deleted)"))
			s[len - 10] = '\0';
	}
	return s;
}

/* A name that a file has besides the one at @path, which was removed, as far as it
 * is known without a search. Return: referenced, or NULL.
 */
static struct dentry *other_name(const struct path *path)
{
	const struct inode *inode = d_inode(path->dentry);
	struct dentry *other;

	if (!inode || S_ISDIR(inode->i_mode) || !inode->i_nlink ||
	    !d_unlinked(path->dentry))
		return NULL;
	other = d_find_alias(d_inode(path->dentry));
	if (other && (d_unlinked(other) || !is_subdir(other, path->mnt->mnt_root))) {
		dput(other);
		other = NULL;
	}
	return other;
}

/**
 * lm_name_lost - has a file names, but none that could be told
 * @path: where it was found, referenced
 *
 * Sleeps.
 * Return: whether it does.
 */
bool lm_name_lost(const struct path *path)
{
	const struct inode *inode = d_inode(path->dentry);
	struct dentry *other;

	if (!inode->i_nlink || S_ISDIR(inode->i_mode) || !d_unlinked(path->dentry))
		return false;
	other = other_name(path);
	dput(other);
	return !other;
}

/**
 * lm_put_path - add a path to an object
 * @obj: the object under construction
 * @attr: number of the attribute, a string
 * @path: the path, referenced
 *
 * Return: 0, -ENOMEM, -EMSGSIZE, or -ENAMETOOLONG.
 */
int lm_put_path(struct sk_buff *obj, int attr, const struct path *path)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	struct path named = *path;
	struct dentry *other;
	char *s;
	int err;

	if (!buf)
		return -ENOMEM;
	other = other_name(path);
	if (other)
		named.dentry = other;
	s = path_text(&named, buf);
	err = IS_ERR(s) ? PTR_ERR(s) : nla_put_string(obj, attr, s);
	dput(other);
	kfree(buf);
	return err;
}

/* The mount at the top of what @path is in; only to be compared. */
static const struct vfsmount *top_of(const struct path *path)
{
	struct path p = *path;
	const struct vfsmount *top;

	path_get(&p);
	while (follow_up(&p))
		;
	top = p.mnt;
	path_put(&p);
	return top;
}

static const struct vfsmount *top_of_task(struct task_struct *t)
{
	const struct vfsmount *top;
	struct path root = {};

	task_lock(t);
	if (t->fs)
		get_fs_root(t->fs, &root);
	task_unlock(t);
	if (!root.mnt)
		return NULL;
	top = top_of(&root);
	path_put(&root);
	return top;
}

static bool same_mnt_ns(struct task_struct *t)
{
	bool same;

	task_lock(t);
	same = !t->nsproxy || t->nsproxy->mnt_ns == current->nsproxy->mnt_ns;
	task_unlock(t);
	return same;
}

/**
 * lm_path_place - in whose mount namespace is a path?
 * @t: whose it should be in
 * @path: the path, referenced
 *
 * struct mnt_namespace is private to the VFS, but all mounts of one hang below the
 * same. What the kernel mounts for itself is everywhere.
 * Return: where a name leads there, if at all.
 */
enum lm_place lm_path_place(struct task_struct *t, const struct path *path)
{
	const struct vfsmount *top;

	if (path->mnt->mnt_flags & MNT_INTERNAL || same_mnt_ns(t))
		return LM_PLACE_OWN;
	top = top_of(path);
	if (top == top_of_task(t))
		return LM_PLACE_OWN;
	return top == top_of_task(current) ? LM_PLACE_HOST : LM_PLACE_NONE;
}

/**
 * lm_unsupported_path - queue an UNSUPPORTED object that ends in a path
 * @d: the dump
 * @t: whose it is
 * @fd: file descriptor, -1: none
 * @remedy: what to do about it, or NULL
 * @what: the reason, for example "deleted file"
 * @path: the path, referenced
 *
 * Return: 0 or -ENOMEM.
 */
int lm_unsupported_path(struct lm_dump *d, struct task_struct *t, int fd,
			const char *remedy, const char *what,
			const struct path *path)
{
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	char *s;
	int err;

	if (!buf)
		return -ENOMEM;
	s = path_text(path, buf);
	err = lm_unsupported(d, t, fd, false, remedy, "%s %s", what,
			     IS_ERR(s) ? "(path too long)" : s);
	kfree(buf);
	return err;
}
