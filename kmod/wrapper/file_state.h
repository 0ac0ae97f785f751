/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Members of struct file and of file locks that moved between kernels.
 */
#ifndef _LIVEMIG_WRAPPER_FILE_STATE_H
#define _LIVEMIG_WRAPPER_FILE_STATE_H

#include <linux/version.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fsnotify_backend.h>
#include <linux/mm_types.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#include <linux/filelock.h>
#endif

/* The reference that a program's mm holds on its executable. get_file_rcu()
 * takes the pointer's place instead of its value from 6.7 on.
 */
static inline struct file *lm_mm_exe_file(struct mm_struct *mm)
{
	struct file *f;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
	f = get_file_active((struct file __force **)&mm->exe_file);
#else
	rcu_read_lock();
	f = rcu_dereference(mm->exe_file);
	if (f && !get_file_rcu(f))
		f = NULL;
	rcu_read_unlock();
#endif
	return f;
}

/* A mapped file of a stacked file system: where user space opened it. Its
 * f_path is that up to 6.7, later the path below the stack.
 */
static inline const struct path *lm_file_path(struct file *f)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	return file_user_path(f);
#else
	return &f->f_path;
#endif
}

/* Who gets SIGIO: a struct of its own, made when it is set, from 6.12 on. */
static inline struct fown_struct *lm_file_owner(struct file *f)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	return file_f_owner(f);
#else
	return &f->f_owner;
#endif
}

/* Whom a pidfd is for: its inode tells from 6.9 on, when they got a file system. */
static inline struct pid *lm_pidfd_pid(struct file *f)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return file_inode(f)->i_private;
#else
	return f->private_data;
#endif
}

/* What an inotify watch is on; callers hold the mark_mutex of its group. A mark
 * names the inode by its list of marks up to 6.9.
 */
static inline struct inode *lm_mark_inode(struct fsnotify_mark *mark)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	return mark->connector->obj;
#else
	return container_of(mark->connector->obj, struct inode, i_fsnotify_marks);
#endif
}

/* The parts common to locks and leases are in struct file_lock_core from 6.9
 * on. Callers hold flc_lock.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
#define lm_for_each_lock(fl, list) \
	list_for_each_entry(fl, list, c.flc_list)
#define lm_lock_file(fl)	((fl)->c.flc_file)
#define lm_lock_owner(fl)	((fl)->c.flc_owner)
#define lm_lock_type(fl)	((fl)->c.flc_type)
#define lm_for_each_lease(fl, list) \
	list_for_each_entry(fl, list, c.flc_list)
typedef struct file_lease lm_lease_t;
#define lm_lock_flags(fl)	((fl)->c.flc_flags)
#else
#define lm_for_each_lock(fl, list) \
	list_for_each_entry(fl, list, fl_list)
#define lm_lock_file(fl)	((fl)->fl_file)
#define lm_lock_owner(fl)	((fl)->fl_owner)
#define lm_lock_type(fl)	((fl)->fl_type)
#define lm_for_each_lease(fl, list)	lm_for_each_lock(fl, list)
typedef struct file_lock lm_lease_t;
#define lm_lock_flags(fl)	((fl)->fl_flags)
#endif
#define lm_lease_breaking(fl) \
	(!!(lm_lock_flags(fl) & (FL_UNLOCK_PENDING | FL_DOWNGRADE_PENDING)))

#endif
