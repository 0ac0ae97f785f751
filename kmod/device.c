// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/livemig: the restoring side's entry. An open file is one restore; it
 * belongs to the process that opened it, the coordinator. All ioctls are the
 * coordinator's but BECOME, TIMER and CREDS, which are for the others that inherited
 * the file. MQUEUE and MOUNT are asked by a source, too.
 *
 * Locking: told in restore.h. The file holds the restore: it ends with the last
 * reference. The coordinator's end is told by flush(), which close() and exit
 * call in the context of whoever closes.
 */
#include <linux/compat.h>
#include <linux/fdtable.h>
#include <linux/fs.h>
#include <linux/fs_struct.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "restore.h"
#include "timers.h"

#define ADD_MAX 65536

static int lm_open(struct inode *inode, struct file *file)
{
	struct lm_restore *r;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return -ENOMEM;
	r->door = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!r->door) {
		kfree(r);
		return -ENOMEM;
	}
	mutex_init(&r->lock);
	init_waitqueue_head(&r->prepare);
	init_waitqueue_head(&r->run);
	init_waitqueue_head(&r->progress);
	INIT_LIST_HEAD(&r->threads);
	INIT_LIST_HEAD(&r->processes);
	INIT_LIST_HEAD(&r->mms);
	r->file = file;
	r->owner = get_pid(task_tgid(current));
	r->owner_ns = get_pid_ns(task_active_pid_ns(current));
	r->pid_ns = get_pid_ns(r->owner_ns);
	get_fs_root(current->fs, &r->root);
	file->private_data = r;
	return nonseekable_open(inode, file);
}

static bool is_owner(const struct lm_restore *r)
{
	return task_tgid(current) == r->owner;
}

static int lm_flush(struct file *file, fl_owner_t id)
{
	struct lm_restore *r = file->private_data;

	if (is_owner(r)) {
		lm_restore_fail(r, -ECANCELED, 0, "closed");
		lm_guard_fire(r);
	}
	return 0;
}

static int lm_release(struct inode *inode, struct file *file)
{
	struct lm_restore *r = file->private_data;

	lm_guard_fire(r);	/* (who closed it last shared the owner's fds) */
	lm_restore_free_objects(r);
	put_pid_ns(r->pid_ns);
	put_pid_ns(r->owner_ns);
	path_put(&r->root);
	put_pid(r->owner);
	mutex_destroy(&r->lock);
	put_page(r->door);
	kfree(r);
	return 0;
}

static int ioc_add(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_add add;
	void *buf;
	int ret;

	if (copy_from_user(&add, uarg, sizeof(add)))
		return -EFAULT;
	memset(add.why, 0, sizeof(add.why));
	if (!add.len || add.len > ADD_MAX || add.resv ||
	    (add.mm_id && add.type != LIVEMIG_OBJ_MM))
		return -EINVAL;
	buf = vmemdup_user(u64_to_user_ptr(add.buf), add.len);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	ret = lm_restore_add(r, &add, buf, add.why, sizeof(add.why));
	if (ret) {
		kvfree(buf);
		if (copy_to_user(uarg, &add, sizeof(add)))
			ret = -EFAULT;
	}
	return ret;
}

static int is_file(const void *file, struct file *f, unsigned int fd)
{
	return f == file;
}

/* A task that has the file open and is not on its way into it. Return: with a
 * reference, or an ERR_PTR.
 */
static struct task_struct *find_helper(struct lm_restore *r, u32 pid)
{
	struct lm_restore_thread *t;
	struct task_struct *task;
	int ret = 0;

	rcu_read_lock();
	task = pid_task(find_pid_ns(pid, r->owner_ns), PIDTYPE_TGID);
	if (task)
		get_task_struct(task);
	rcu_read_unlock();
	if (!task)
		return ERR_PTR(-ESRCH);
	task_lock(task);
	if (task == current || !task->files ||
	    !iterate_fd(task->files, 0, is_file, r->file))
		ret = -EPERM;
	task_unlock(task);

	mutex_lock(&r->lock);
	list_for_each_entry(t, &r->threads, list)
		if (t->task == task)
			ret = -EBUSY;
	if (r->state == LM_RESTORE_FAILED)
		ret = -ECANCELED;
	mutex_unlock(&r->lock);
	if (ret) {
		put_task_struct(task);
		return ERR_PTR(ret);
	}
	return task;
}

static int ioc_apply(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_apply a;
	struct task_struct *task;
	int ret;

	if (copy_from_user(&a, uarg, sizeof(a)))
		return -EFAULT;
	a.done = 0;
	if (!a.nr_entries || a.nr_entries > LIVEMIG_PAGES_ENTRIES_MAX ||
	    (a.flags & ~LIVEMIG_APPLY_F_KEEP_SAME) || a.resv)
		return -EINVAL;
	task = find_helper(r, a.pid);
	if (IS_ERR(task))
		return PTR_ERR(task);
	ret = lm_apply(task, &a);
	put_task_struct(task);
	if (copy_to_user(uarg, &a, sizeof(a)))
		return -EFAULT;
	return ret;
}

static int ioc_pidns(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_pidns arg;
	struct pid_namespace *ns = NULL;
	struct task_struct *task;
	int ret = 0;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.resv)
		return -EINVAL;
	task = find_helper(r, arg.pid);
	if (IS_ERR(task))
		return PTR_ERR(task);
	rcu_read_lock();
	ns = task_active_pid_ns(task);
	if (ns)
		get_pid_ns(ns);
	rcu_read_unlock();
	put_task_struct(task);
	if (!ns)
		return -ESRCH;
	mutex_lock(&r->lock);
	if (r->state == LM_RESTORE_ADDING && list_empty(&r->threads))
		swap(ns, r->pid_ns);
	else
		ret = -EBUSY;
	mutex_unlock(&r->lock);
	put_pid_ns(ns);
	return ret;
}

static int ioc_become(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_become arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_become(r, &arg);
}

static int ioc_wait(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_wait arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	ret = lm_restore_wait(r, &arg);
	if (copy_to_user(uarg, &arg, sizeof(arg)))
		return -EFAULT;
	return ret;
}

static int ioc_timer(void __user *uarg)
{
	struct livemig_ioc_timer arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_timer(&arg);
}

static int ioc_peer(void __user *uarg)
{
	struct livemig_ioc_peer arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_peer(&arg);
}

static int ioc_tcp(void __user *uarg)
{
	struct livemig_ioc_tcp arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_tcp(&arg);
}

static int ioc_ended(void __user *uarg)
{
	struct livemig_ioc_ended arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_ended(&arg);
}

static int ioc_error(void __user *uarg)
{
	struct livemig_ioc_error arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_error(&arg);
}

static int ioc_inotify(void __user *uarg)
{
	struct livemig_ioc_inotify arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_restore_inotify(&arg);
}

static int ioc_mqueue(void __user *uarg)
{
	struct livemig_ioc_mqueue arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	ret = lm_mqueue_look(&arg);
	if (!ret && copy_to_user(uarg, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static int ioc_mount(void __user *uarg)
{
	struct livemig_ioc_mount arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	ret = lm_mount(&arg);
	if (!ret && copy_to_user(uarg, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static int ioc_guard(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_guard arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	return lm_guard_set(r, &arg);
}

static int ioc_serve(struct lm_restore *r, void __user *uarg)
{
	struct livemig_ioc_serve arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	/* Nothing may fail once the tasks run. */
	if (copy_to_user(uarg, &arg, sizeof(arg)))
		return -EFAULT;
	ret = lm_restore_serve(r, &arg);
	if (!ret && put_user(arg.served,
			     &((struct livemig_ioc_serve __user *)uarg)->served))
		pr_warn_ratelimited("livemig: served, but nobody to tell\n");
	return ret;
}

static long lm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct lm_restore *r = file->private_data;
	void __user *uarg = (void __user *)arg;

	if (in_compat_syscall())
		return -EOPNOTSUPP;
	if (cmd == LIVEMIG_IOC_BECOME)
		return is_owner(r) ? -EPERM : ioc_become(r, uarg);
	if (cmd == LIVEMIG_IOC_TIMER)
		return is_owner(r) ? -EPERM : ioc_timer(uarg);
	if (cmd == LIVEMIG_IOC_CREDS)
		return is_owner(r) ? -EPERM : lm_restore_creds(r);
	if (!is_owner(r))
		return -EPERM;
	switch (cmd) {
	case LIVEMIG_IOC_ADD:
		return ioc_add(r, uarg);
	case LIVEMIG_IOC_APPLY:
		return ioc_apply(r, uarg);
	case LIVEMIG_IOC_PIDNS:
		return ioc_pidns(r, uarg);
	case LIVEMIG_IOC_WAIT:
		return ioc_wait(r, uarg);
	case LIVEMIG_IOC_PEER:
		return ioc_peer(uarg);
	case LIVEMIG_IOC_TCP:
		return ioc_tcp(uarg);
	case LIVEMIG_IOC_ENDED:
		return ioc_ended(uarg);
	case LIVEMIG_IOC_ERROR:
		return ioc_error(uarg);
	case LIVEMIG_IOC_INOTIFY:
		return ioc_inotify(uarg);
	case LIVEMIG_IOC_MQUEUE:
		return ioc_mqueue(uarg);
	case LIVEMIG_IOC_MOUNT:
		return ioc_mount(uarg);
	case LIVEMIG_IOC_GUARD:
		return ioc_guard(r, uarg);
	case LIVEMIG_IOC_SERVE:
		return ioc_serve(r, uarg);
	}
	return -ENOTTY;
}

static const struct file_operations lm_fops = {
	.owner		= THIS_MODULE,
	.open		= lm_open,
	.flush		= lm_flush,
	.release	= lm_release,
	.unlocked_ioctl	= lm_ioctl,
	.mmap		= lm_door_mmap,
	.llseek		= noop_llseek,
};

static struct miscdevice lm_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "livemig",
	.fops	= &lm_fops,
	.mode	= 0600,
};

/**
 * lm_device_init() - make /dev/livemig appear
 *
 * Return: 0 or -errno.
 */
int lm_device_init(void)
{
	return misc_register(&lm_misc);
}

/**
 * lm_device_exit() - take /dev/livemig away
 *
 * No file of it is open: each holds the module.
 */
void lm_device_exit(void)
{
	misc_deregister(&lm_misc);
}
