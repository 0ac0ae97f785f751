// SPDX-License-Identifier: GPL-2.0
/*
 * Paths, as the caller of TASK_GET sees them if it is in the same mount namespace;
 * those of another one begin at its root.
 *
 * Locking: none of its own; d_path() takes mount and rename locks. May sleep.
 */
#include <linux/dcache.h>
#include <linux/fs.h>
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
	char *s;
	int err;

	if (!buf)
		return -ENOMEM;
	s = path_text(path, buf);
	err = IS_ERR(s) ? PTR_ERR(s) : nla_put_string(obj, attr, s);
	kfree(buf);
	return err;
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
