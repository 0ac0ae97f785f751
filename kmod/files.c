// SPDX-License-Identifier: GPL-2.0
/*
 * Open files: the FDS list of a process, and a FILE object for each open file
 * at first sight. What is special about a kind of file is in its own file;
 * here is the table of kinds.
 *
 * Locking: task_lock() and ->file_lock (by iterate_fd()) while a batch of
 * descriptors is referenced; f_owner's lock for who gets SIGIO; nothing while the files are looked at, except
 * what a kind's lock() takes around dump() and dump_data().
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/pid.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/user_namespace.h>
#include "file_kinds.h"
#include "inflight.h"
#include "state.h"
#include "wrapper/file_state.h"

#define LM_FD_BATCH	256

/* The first that matches takes the file. */
static const struct lm_file_kind *const kinds[] = {
	&lm_file_opath,
	&lm_file_socket,
	&lm_file_pipe,
	&lm_file_fifo,
	&lm_file_eventfd,
	&lm_file_epoll,
	&lm_file_timerfd,
	&lm_file_signalfd,
	&lm_file_inotify,
	&lm_file_pidfd,
	&lm_file_memfd,
	&lm_file_tty,
	&lm_file_chr,
	&lm_file_dir,
	&lm_file_mqueue,
	&lm_file_reg,
	&lm_file_unknown,
};

static const struct lm_file_kind *kind_of(struct file *f)
{
	int i = 0;

	while (!kinds[i]->match(f))
		i++;
	return kinds[i];
}

static bool has_path(const struct lm_file_kind *kind)
{
	switch (kind->type) {
	case LIVEMIG_FILE_REG:
	case LIVEMIG_FILE_DIR:
	case LIVEMIG_FILE_CHR:
	case LIVEMIG_FILE_FIFO:
	case LIVEMIG_FILE_TTY:
	case LIVEMIG_FILE_OPATH:
		return true;
	default:
		return false;
	}
}

/* What stat() says; of the last time it was known, lest a file system whose
 * server is frozen makes us wait.
 */
static int put_stat(struct lm_dump *d, struct task_struct *t, int fd,
		    const struct path *path, struct sk_buff *obj)
{
	struct kstat st;
	int err;

	err = vfs_getattr(path, &st, STATX_BASIC_STATS, AT_STATX_DONT_SYNC);
	if (err)
		return lm_unsupported_path(d, t, fd, "look after its file system",
					   "file that stat() fails on:", path);
	return nla_put_u32(obj, LIVEMIG_FILE_A_MODE, st.mode) ?:
	       nla_put_u32(obj, LIVEMIG_FILE_A_UID,
			   from_kuid(&init_user_ns, st.uid)) ?:
	       nla_put_u32(obj, LIVEMIG_FILE_A_GID,
			   from_kgid(&init_user_ns, st.gid)) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_FILE_A_DEV,
				 new_encode_dev(st.dev), LIVEMIG_FILE_A_PAD) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_FILE_A_INO, st.ino,
				 LIVEMIG_FILE_A_PAD) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_FILE_A_RDEV,
				 (u64)MAJOR(st.rdev) << 20 | MINOR(st.rdev),
				 LIVEMIG_FILE_A_PAD) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_FILE_A_SIZE, st.size,
				 LIVEMIG_FILE_A_PAD) ?:
	       nla_put_s64(obj, LIVEMIG_FILE_A_MTIME_NS,
			   timespec64_to_ns(&st.mtime), LIVEMIG_FILE_A_PAD) ?:
	       nla_put_u32(obj, LIVEMIG_FILE_A_NLINK, st.nlink);
}

static int put_owner(struct lm_dump *d, struct file *f, struct sk_buff *obj)
{
	struct fown_struct *from = lm_file_owner(f);
	struct livemig_fown o = {};

	if (!from)
		return 0;
	read_lock_irq(&from->lock);
	o.pid = pid_nr_ns(from->pid, d->pid_ns);
	if (from->pid_type == PIDTYPE_PGID)
		o.pid = -o.pid;
	o.signum = from->signum;
	o.uid = from_kuid(&init_user_ns, from->uid);
	o.euid = from_kuid(&init_user_ns, from->euid);
	read_unlock_irq(&from->lock);
	if (!o.pid && !o.signum)
		return 0;
	return nla_put(obj, LIVEMIG_FILE_A_OWNER, sizeof(o), &o);
}

/* Standard input and output mostly are what the runtime was given outside. */
static int put_named(struct lm_dump *d, struct task_struct *t, int fd, struct file *f,
		     struct sk_buff *obj)
{
	enum lm_place place = lm_path_place(t, &f->f_path);
	int err = 0;

	if (place == LM_PLACE_NONE)
		err = lm_unsupported_path(d, t, fd, NULL,
					  "file of a mount that is neither the container's nor the host's:",
					  &f->f_path);
	if (place == LM_PLACE_HOST)
		err = nla_put_flag(obj, LIVEMIG_FILE_A_OUTSIDE);
	return err ?: lm_put_path(obj, LIVEMIG_FILE_A_PATH, &f->f_path);
}

static int put_common(struct lm_dump *d, struct task_struct *t, int fd,
		      struct file *f, const struct lm_file_kind *kind, u32 id,
		      struct sk_buff *obj)
{
	struct livemig_holder holder = {
		.pid = task_tgid_nr_ns(t, d->pid_ns),
		.fd = fd,
	};
	int err;

	err = nla_put_u32(obj, LIVEMIG_FILE_A_ID, id) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_TYPE, kind->type) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_FLAGS, f->f_flags) ?:
	      nla_put_s64(obj, LIVEMIG_FILE_A_POS, f->f_pos,
			  LIVEMIG_FILE_A_PAD) ?:
	      nla_put(obj, LIVEMIG_FILE_A_HOLDER, sizeof(holder), &holder) ?:
	      put_stat(d, t, fd, &f->f_path, obj) ?:
	      put_owner(d, f, obj) ?:
	      lm_put_lease(d, t, fd, f, obj);
	if (err)
		return err;
	if (has_path(kind))
		return put_named(d, t, fd, f, obj);
	return nla_put_string(obj, LIVEMIG_FILE_A_NAME,
			      f->f_path.dentry->d_name.name);
}

static int check_file(struct lm_dump *d, struct task_struct *t, int fd,
		      struct file *f, const struct lm_file_kind *kind)
{
	bool transient = false;
	const char *why = NULL;

	if (kind->unsupported)
		why = kind->unsupported(d, f, &transient);
	if (!why)
		return 0;
	if (has_path(kind))
		return lm_unsupported_path(d, t, fd, NULL, why, &f->f_path);
	return lm_unsupported(d, t, fd, transient, NULL, "%s", why);
}

/* Between the state of a file and what is queued in it nothing may happen:
 * both are dumped under the kind's lock.
 */
static int dump_locked(struct lm_dump *d, struct task_struct *t, int fd,
		       struct file *f, const struct lm_file_kind *kind, u32 id,
		       struct sk_buff *obj)
{
	int err = 0;

	if (kind->dump)
		err = kind->dump(d, t, fd, f, obj);
	if (err) {
		kfree_skb(obj);
		return err;
	}
	lm_obj_end(d, obj);
	if (kind->dump_data)
		err = kind->dump_data(d, t, fd, f, id);
	return err;
}

static int dump_file(struct lm_dump *d, struct task_struct *t, int fd,
		     struct file *f, u32 id)
{
	const struct lm_file_kind *kind = kind_of(f);
	struct sk_buff *obj;
	int err;

	err = check_file(d, t, fd, f, kind);
	if (err)
		return err;
	obj = lm_obj_begin(d, LIVEMIG_OBJ_FILE);
	if (!obj)
		return -ENOMEM;
	err = put_common(d, t, fd, f, kind, id, obj);
	if (err) {
		kfree_skb(obj);
		return err;
	}
	if (kind->lock)
		kind->lock(f);
	err = dump_locked(d, t, fd, f, kind, id, obj);
	if (kind->unlock)
		kind->unlock(f);
	return err;
}

/* The next descriptors of a table, referenced. */
struct fd_batch {
	struct files_struct *files;
	unsigned int next;
	int n;
	struct {
		struct file *file;
		unsigned int fd;
		bool cloexec;
	} fds[LM_FD_BATCH];
};

static int note_fd(const void *data, struct file *f, unsigned int fd)
{
	struct fd_batch *b = (struct fd_batch *)data;

	if (b->n == LM_FD_BATCH)
		return 1;
	b->fds[b->n].file = get_file(f);
	b->fds[b->n].fd = fd;
	b->fds[b->n].cloexec = test_bit(fd, files_fdtable(b->files)->close_on_exec);
	b->n++;
	b->next = fd + 1;
	return 0;
}

static int collect(struct task_struct *t, struct fd_batch *b)
{
	int ret = -ESRCH;

	b->n = 0;
	task_lock(t);
	b->files = t->files;
	if (b->files)
		ret = iterate_fd(b->files, b->next, note_fd, b);
	task_unlock(t);
	return ret < 0 ? ret : b->n;
}

static int dump_fd(struct lm_dump *d, struct task_struct *t,
		   struct files_struct *files, u32 files_id, struct file *f,
		   int fd, u32 *id, bool *first)
{
	int err = 0;

	*id = lm_dump_id(d, LM_ID_FILE, f, first);
	if (!*id)
		return -ENOMEM;
	if (*first)
		err = dump_file(d, t, fd, f, *id);
	return err ?: lm_dump_locks(d, f, files, files_id, *id, kind_of(f)->type);
}

/**
 * lm_dump_file - queue the objects of a file without a descriptor
 * @d: the dump
 * @t: the process that it was found at
 * @f: the file, referenced
 * @first: set to false when this dump has had it already
 *
 * Sleeps.
 * Return: 0 or -errno.
 */
int lm_dump_file(struct lm_dump *d, struct task_struct *t, struct file *f,
		 bool *first)
{
	u32 id;

	return dump_fd(d, t, NULL, 0, f, -1, &id, first);
}

static int dump_batch(struct lm_dump *d, struct task_struct *t, u32 files_id,
		      struct fd_batch *b)
{
	struct livemig_fd *list;
	struct sk_buff *obj;
	int i, err = 0;
	bool first;

	list = kcalloc(b->n, sizeof(*list), GFP_KERNEL);
	if (!list)
		return -ENOMEM;
	for (i = 0; i < b->n && !err; i++) {
		list[i].fd = b->fds[i].fd;
		list[i].cloexec = b->fds[i].cloexec;
		err = dump_fd(d, t, b->files, files_id, b->fds[i].file, b->fds[i].fd,
			      &list[i].file, &first);
		if (!err && first && d->frozen && !thread_group_leader(t))
			err = lm_held_add(d, b->fds[i].file, list[i].file);
	}
	if (err)
		goto out;
	obj = lm_obj_begin(d, LIVEMIG_OBJ_FDS);
	err = -ENOMEM;
	if (!obj)
		goto out;
	err = nla_put_u32(obj, LIVEMIG_FDS_FILES_ID, files_id) ?:
	      nla_put(obj, LIVEMIG_FDS_LIST, b->n * sizeof(*list), list);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
out:
	kfree(list);
	return err;
}

/**
 * lm_dump_files - queue the open files of a process
 * @d: the dump; queues of sockets only if d->frozen
 * @threads: the threads of the process that live, a leader first
 * @n: their number
 *
 * Sleeps, killable between batches.
 * Return: 0, -ESRCH when the process is exiting, -EINTR, -ENOMEM, -EMSGSIZE.
 */
int lm_dump_files(struct lm_dump *d, struct task_struct **threads, int n)
{
	struct task_struct *t = threads[0];
	struct fd_batch *b;
	int i, got, err = 0;
	bool first, start = true, shared = false;
	u32 id;

	b = kvmalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	b->next = 0;
	do {
		got = collect(t, b);
		if (got < 0) {
			err = got;
			break;
		}
		if (!b->next)
			break;	/* no descriptors at all */
		if (fatal_signal_pending(current))
			err = -EINTR;
		if (!err && got) {
			id = lm_dump_id(d, LM_ID_FILES, b->files, &first);
			err = id ? 0 : -ENOMEM;
			/* Of another process, too (CLONE_FILES), and dumped. */
			shared = start && !first;
			if (!err && !shared)
				err = dump_batch(d, t, id, b);
			start = false;
		}
		for (i = 0; i < got; i++)
			fput(b->fds[i].file);
	} while (!err && !shared && got == LM_FD_BATCH);
	kvfree(b);
	return err;
}

/**
 * lm_mapped_file - id of a file that is mapped or being executed
 * @d: the dump
 * @t: whose mapping it is
 * @f: the file, referenced
 * @id: set to the id, which stands for the inode
 *
 * Queues a FILE object at first sight. Sleeps.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_mapped_file(struct lm_dump *d, struct task_struct *t, struct file *f,
		   u32 *id)
{
	const struct path *path = lm_file_path(f);
	struct livemig_holder holder = {
		.pid = task_tgid_nr_ns(t, d->pid_ns),
		.fd = -1,
	};
	struct sk_buff *obj;
	bool first;
	int err;

	*id = lm_dump_id(d, LM_ID_FILE, file_inode(f), &first);
	if (!*id)
		return -ENOMEM;
	if (!first)
		return 0;
	if (lm_name_lost(path)) {
		err = lm_unsupported_path(d, t, -1,
					  "restart what uses the old version",
					  "mapping of a file that has lost its name",
					  path);
		if (err)
			return err;
	}
	if (lm_path_place(t, path) != LM_PLACE_OWN) {
		err = lm_unsupported_path(d, t, -1, NULL,
					  "mapping of a file outside of the container's mounts:",
					  path);
		if (err)
			return err;
	}
	obj = lm_obj_begin(d, LIVEMIG_OBJ_FILE);
	if (!obj)
		return -ENOMEM;
	err = nla_put_u32(obj, LIVEMIG_FILE_A_ID, *id) ?:
	      nla_put_u32(obj, LIVEMIG_FILE_A_TYPE, LIVEMIG_FILE_REG) ?:
	      nla_put_flag(obj, LIVEMIG_FILE_A_MAPPED) ?:
	      nla_put(obj, LIVEMIG_FILE_A_HOLDER, sizeof(holder), &holder) ?:
	      put_stat(d, t, -1, path, obj) ?:
	      lm_put_path(obj, LIVEMIG_FILE_A_PATH, path);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}
