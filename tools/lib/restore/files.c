// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Open files: each is made once, by its kind, as a descriptor of the
 * coordinator; then each process gets those that it had under the numbers that
 * they had.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"
#include "../kinds/kind.h"
#include "../kinds/tty.h"

static int blame(const struct lm_file *f, struct lm_error *e)
{
	if (f->holder.fd < 0)
		return lm_prefix(e, "pid %u, in the queue of a socket", f->holder.pid);
	return lm_prefix(e, "pid %u fd %d", f->holder.pid, f->holder.fd);
}

/* The process of the thread @tid, NULL: that is a process itself, or nobody. */
static const struct lm_process *of_thread(const struct lm_model *m, uint32_t tid)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		for (size_t j = 0; j < m->procs[i]->nr_threads; j++)
			if (m->procs[i]->threads[j]->tid == tid)
				return m->procs[i]->pid == tid ? NULL : m->procs[i];
	return NULL;
}

/* Whom it may send signals to is judged by who chose the owner: that one, for as long as it
 * takes, in this thread (and with the right to come back).
 */
static int set_owner(int fd, const struct f_owner_ex *ex, const struct livemig_fown *o)
{
	int ret, err;

	if (syscall(SYS_setresuid, o->uid, o->euid, 0))
		return -1;
	ret = fcntl(fd, F_SETOWN_EX, ex);
	err = errno;
	if (syscall(SYS_setresuid, 0, 0, 0))
		_exit(LM_FAILED);
	errno = err;
	return ret;
}

/* Who gets its signals (F_SETOWN, F_SETSIG). Processes are there early, threads in
 * the end.
 */
static int own(struct lm_restorer *r, const struct lm_file *f, bool thread,
	       struct lm_error *e)
{
	size_t n;
	const struct livemig_fown *o =
		lm_array(f->obj.tb[LIVEMIG_FILE_A_OWNER], sizeof(*o), &n);
	const struct lm_process *whose = n ? of_thread(&r->m, o->pid) : NULL;
	struct f_owner_ex ex;

	if (!n || !whose != !thread)
		return 0;
	ex.type = thread ? F_OWNER_TID : o->pid < 0 ? F_OWNER_PGRP : F_OWNER_PID;
	/* A signal may be chosen before there is somebody who gets it. */
	ex.pid = whose ? lm_host_tid(r, whose->pid, o->pid) :
		 o->pid ? lm_host_pid(r, o->pid < 0 ? -o->pid : o->pid) : 0;
	if (whose && !ex.pid)
		return lm_fail(e, LM_FAILED, "owner: thread %d is not there", o->pid);
	if (ex.pid && set_owner(f->fd, &ex, o) && errno != ESRCH)
		return lm_fail_errno(e, LM_FAILED, "owner");
	if (o->signum && fcntl(f->fd, F_SETSIG, o->signum))
		return lm_fail_errno(e, LM_FAILED, "signal");
	return 0;
}

/* Files that no name leads to, but /proc/self/fd; and terminals, but for masters, which
 * are all the one /dev/ptmx.
 */
static bool is_made_here(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_SOCKET || f->type == LIVEMIG_FILE_PIPE ||
	       f->type == LIVEMIG_FILE_MEMFD ||
	       (f->type == LIVEMIG_FILE_TTY && !lm_pty_is_master(f));
}

/* Who made a socket is known to ss, to rules of routing and of nftables; who made a pipe,
 * a memfd or a terminal may open it anew. (The mode of a memfd may be sealed.)
 */
static int made_by(const struct lm_file *f, struct lm_error *e)
{
	const struct nlattr *const *tb = f->obj.tb;
	uint32_t mode = lm_u32(tb[LIVEMIG_FILE_A_MODE]) & 07777;
	struct stat st;

	if (!is_made_here(f) || f->flags & O_PATH || !tb[LIVEMIG_FILE_A_UID] ||
	    !tb[LIVEMIG_FILE_A_GID])
		return 0;
	if (fstat(f->fd, &st) ||
	    ((st.st_uid != lm_u32(tb[LIVEMIG_FILE_A_UID]) ||
	      st.st_gid != lm_u32(tb[LIVEMIG_FILE_A_GID])) &&
	     fchown(f->fd, lm_u32(tb[LIVEMIG_FILE_A_UID]), lm_u32(tb[LIVEMIG_FILE_A_GID]))) ||
	    ((st.st_mode & 07777) != mode && f->type != LIVEMIG_FILE_SOCKET &&
	     fchmod(f->fd, mode)))
		return lm_fail_errno(e, LM_FAILED, "owner and mode");
	return 0;
}

int lm_files_make(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_model *m = &r->m;

	if (lm_deleted_fill(r, e))
		return -1;
	r->files_made = true;
	for (size_t i = 0; i < m->nr_file; i++) {
		struct lm_file *f = m->file[i];

		f->fd = f->dir = f->other = -1;
		f->kind = f->mapped ? NULL : lm_file_kind(f);
	}
	for (size_t i = 0; i < m->nr_file; i++) {
		struct lm_file *f = m->file[i];

		/* A pair is made at its first half. */
		if (!f->kind || f->fd >= 0)
			continue;
		if (f->kind->open(r, f, e))
			return blame(f, e);
	}
	for (size_t i = 0; i < m->nr_file; i++) {
		struct lm_file *f = m->file[i];

		if (!f->kind)
			continue;
		if (f->kind->no_fd)
			continue;
		if (f->fd < 0) {
			lm_fail(e, LM_FAILED, "%s: was not made", f->kind->name);
			return blame(f, e);
		}
		if ((f->kind->link && f->kind->link(r, f, e)) || made_by(f, e) ||
		    own(r, f, false, e) ||
		    lm_locks_of_file(f, e))
			return blame(f, e);
	}
	return 0;
}

/* By who had it, and with the number that the signal tells. */
static int lease(struct lm_restorer *r, struct lm_proc *p, const struct lm_process *mp,
		 struct lm_error *e)
{
	for (size_t i = 0; i < mp->files->nr_fds; i++) {
		const struct livemig_fd *fd = &mp->files->fds[i];
		const struct lm_file *f = lm_model_file(&r->m, fd->file);
		const struct nlattr *type = f->obj.tb[LIVEMIG_FILE_A_LEASE];

		if (!type || f->holder.pid != mp->pid || f->holder.fd != (int)fd->fd ||
		    lm_remote_syscall(p->remote, e, __NR_fcntl, fd->fd, F_SETLEASE,
				      lm_u32(type)) >= 0)
			continue;
		if (e && e->err == EAGAIN)
			lm_fail(e, LM_REFUSED, "somebody has it open here: no lease");
		return lm_prefix(e, "%s", f->path);
	}
	return 0;
}

/* Does a helper at @base have this table? */
static bool serves(const struct lm_restorer *r, const struct lm_proc *p, int base,
		   const struct lm_files *files)
{
	const struct lm_process *mp = lm_model_process(&r->m, p->pid);

	return lm_remote_fd_base(p->remote) == base && mp && mp->files == files;
}

/* What helpers have left in @files, or in a table that it is a copy of. */
static void close_left(const struct lm_restorer *r, struct lm_batch *b,
		       const struct lm_files *files)
{
	for (int i = 0; r->nr_shared && i <= r->nr_shared; i++) {
		int base = LM_SHARED_FDS(r, i);
		size_t j = 0;

		while (j < r->nr_procs && !serves(r, r->procs[j], base, files))
			j++;
		if (j == r->nr_procs)
			lm_batch_add(b, __NR_close_range, base, base + LM_HELPER_FDS - 1, 0);
	}
}

/* Its signals tell the number that it was switched on by. */
static bool is_held_at(const struct lm_restorer *r, const struct lm_file *f,
		       const struct lm_files *files, uint32_t fd)
{
	const struct lm_process *holder = lm_model_process(&r->m, f->holder.pid);

	return holder && holder->files == files && f->holder.fd == (int)fd;
}

static int install(struct lm_restorer *r, struct lm_proc *p,
		   const struct lm_process *mp, struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret = 0;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	close_left(r, b, mp->files);
	lm_batch_add(b, __NR_close_range, 0, r->fd_base - 1, 0);
	for (size_t i = 0; i < mp->files->nr_fds && !ret; i++) {
		const struct livemig_fd *fd = &mp->files->fds[i];
		const struct lm_file *f = lm_model_file(&r->m, fd->file);

		if (f->fd < 0) {
			ret = lm_fail(e, LM_REFUSED, "fd %u: not supported", fd->fd);
			break;
		}
		lm_batch_put_fd(b, f->fd, fd->fd, fd->cloexec);
		if (f->flags & O_ASYNC && is_held_at(r, f, mp->files, fd->fd))
			lm_batch_add(b, __NR_fcntl, fd->fd, F_SETFL,
				     fcntl(f->fd, F_GETFL) | O_ASYNC);
		if (!lm_batch_room(b, 8, 256)) {
			ret = lm_batch_run(b, e);
			lm_batch_reset(b);
		}
	}
	if (!ret)
		ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret ?: lm_locks_of_process(r, p, mp, e);
}

int lm_files_install(struct lm_restorer *r, struct lm_proc *p,
		     const struct lm_process *mp, struct lm_error *e)
{
	int ret = 0;

	/* One of those who share a table does it for all. */
	if (!mp->files->installed)
		ret = install(r, p, mp, e);
	mp->files->installed = true;
	if (!ret)
		ret = lease(r, p, mp, e) ?: lm_ipc_notify(r, p, mp, e);
	return ret ? lm_prefix(e, "pid %u: open files", p->pid) : 0;
}

/* Last, as whatever we do with a socket may be told it. */
static int error_of(struct lm_restorer *r, const struct lm_file *f, struct lm_error *e)
{
	struct livemig_ioc_error arg = { .fd = f->fd, .err = lm_u32(f->sock[LIVEMIG_SOCK_ERROR]) };

	if (f->type != LIVEMIG_FILE_SOCKET || f->fd < 0 || f->flags & O_PATH || !arg.err ||
	    !ioctl(r->dev, LIVEMIG_IOC_ERROR, &arg))
		return 0;
	return lm_fail_errno(e, LM_FAILED, "socket: error %u", arg.err);
}

int lm_files_resume(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_file; i++) {
		struct lm_file *f = r->m.file[i];

		if (f->kind && ((f->kind->resume && f->kind->resume(r, f, e)) ||
				own(r, f, true, e)))
			return blame(f, e);
	}
	for (size_t i = 0; i < r->m.nr_file; i++)
		if (error_of(r, r->m.file[i], e))
			return blame(r->m.file[i], e);
	return 0;
}

void lm_files_close(struct lm_restorer *r)
{
	if (!r->files_made)
		return;
	for (size_t i = 0; i < r->m.nr_file; i++) {
		const struct lm_file *f = r->m.file[i];
		const int fds[] = { f->fd, f->dir, f->other };

		for (size_t j = 0; j < sizeof(fds) / sizeof(*fds); j++)
			if (fds[j] >= 0)
				close(fds[j]);
	}
	r->files_made = false;
}
