// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * POSIX message queues of an ipc namespace that is the container's own: those with a
 * name, and those that are open only, which come first: a name may be taken again.
 * What waits in them the module tells, as mq_receive() would take it away.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/livemig_dev.h>
#include <mqueue.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "source_priv.h"
#include "../ipc/ipc.h"
#include "../kinds/kinds.h"
#include "../ns/ns.h"

struct look {
	const struct lm_model *m;
	uint32_t ns;
	struct lm_objects *o;	/* NULL: only look */
	bool contents;
	int dev;		/* /dev/livemig */
};

static int emit(struct lm_buf *b, void *arg, struct lm_error *e)
{
	struct look *l = arg;

	return lm_objects_add_buf(l->o, LM_REC_IPC, b, e);
}

/* The pid of the process in the container that is @host outside, 0: none. */
static uint32_t pid_of(const struct lm_model *m, pid_t host)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		if (m->procs[i]->host == (uint32_t)host)
			return m->procs[i]->pid;
	return 0;
}

static int note_notify(const struct look *l, const struct livemig_ioc_mqueue *a,
		       struct lm_ipc *o, struct lm_error *e)
{
	if (!a->notify_pid)
		return 0;
	if (a->notify_how == SIGEV_THREAD)
		return lm_fail(e, LM_REFUSED,
			       "pid %d: mq_notify() of /%s by a thread (SIGEV_THREAD): not supported",
			       a->notify_pid, o->name);
	o->queue.notify_pid = pid_of(l->m, a->notify_pid);
	if (!o->queue.notify_pid)
		return lm_fail(e, LM_REFUSED,
			       "POSIX message queue /%s: pid %d outside the container waits for it by mq_notify(): not supported",
			       o->name, a->notify_pid);
	o->queue.notify_how = a->notify_how;
	o->queue.notify_signo = a->notify_signo;
	o->queue.notify_value = a->notify_value;
	return 0;
}

static int put_piece(struct lm_ipc_out *out, const char *buf, size_t len, uint32_t *n,
		     struct lm_error *e)
{
	struct livemig_message m;

	for (size_t at = 0; at < len; at += sizeof(m) + ((m.len + 7) & ~7U)) {
		memcpy(&m, buf + at, sizeof(m));
		if (lm_ipc_put(out, m.priority, buf + at + sizeof(m), m.len, e))
			return -1;
		++*n;
	}
	return 0;
}

static int ask(const struct look *l, struct livemig_ioc_mqueue *a, const char *name,
	       struct lm_error *e)
{
	if (!ioctl(l->dev, LIVEMIG_IOC_MQUEUE, a))
		return 0;
	return lm_fail_errno(e, errno == EOPNOTSUPP ? LM_REFUSED : LM_FAILED,
			     "POSIX message queue /%s: what waits in it", name);
}

/* @a has the first piece. */
static int put_all(struct look *l, struct livemig_ioc_mqueue *a, size_t room,
		   struct lm_ipc *o, struct lm_error *e)
{
	struct lm_ipc_out out = { .emit = emit, .arg = l };
	uint32_t total = a->waiting, n = 0;

	lm_ipc_begin(&out, &lm_ipc_mqueue, o);
	if (!l->contents)
		return lm_ipc_end(&out, e);
	for (;;) {
		if (put_piece(&out, (void *)(uintptr_t)a->buf, a->len, &n, e))
			goto fail;
		if (n == total)
			return lm_ipc_end(&out, e);
		a->first = n;
		a->len = room;
		if (ask(l, a, o->name, e))
			goto fail;
		if (a->waiting == total && a->len)
			continue;
		lm_fail(e, LM_FAILED,
			"POSIX message queue /%s: somebody outside the container uses it",
			o->name);
		break;
	}
fail:
	lm_buf_free(&out.b);
	return -1;
}

static int one(struct look *l, int fd, const char *name, bool removed, struct lm_error *e)
{
	struct lm_ipc o = { .ns = l->ns, .name = name, .queue.removed = removed };
	struct livemig_ioc_mqueue a = { .fd = fd };
	struct mq_attr attr;
	struct stat st;
	size_t room;
	int ret;

	if (fstat(fd, &st) || mq_getattr(fd, &attr))
		return lm_fail_errno(e, LM_FAILED, "POSIX message queue /%s", name);
	room = LIVEMIG_MQUEUE_PIECE + attr.mq_msgsize;
	a.buf = (uintptr_t)malloc(room);
	if (!a.buf)
		return lm_fail(e, LM_FAILED, "out of memory");
	a.len = room;
	a.maxmsg = o.queue.maxmsg = attr.mq_maxmsg;
	a.msgsize = o.queue.msgsize = attr.mq_msgsize;
	o.id = st.st_ino;
	o.size = (uint64_t)attr.mq_maxmsg * attr.mq_msgsize;
	o.perm = (struct lm_ipc_perm){ 0, st.st_uid, st.st_gid, st.st_uid, st.st_gid,
				       st.st_mode & 07777 };
	ret = ask(l, &a, name, e) || note_notify(l, &a, &o, e) ||
	      (l->o && put_all(l, &a, room, &o, e)) ? -1 : 0;
	free((void *)(uintptr_t)a.buf);
	return ret;
}

/* The first of those that have this queue open. */
static bool is_first(const struct lm_model *m, const struct lm_file *f)
{
	for (size_t i = 0; m->file[i] != f; i++)
		if (m->file[i]->type == f->type &&
		    lm_u64(m->file[i]->obj.tb[LIVEMIG_FILE_A_INO]) ==
		    lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]))
			return false;
	return true;
}

static int removed_ones(struct look *l, struct lm_error *e)
{
	for (size_t i = 0; i < l->m->nr_file; i++) {
		const struct lm_file *f = l->m->file[i];
		const struct lm_process *p = lm_model_process(l->m, f->holder.pid);
		int fd, ret;

		if (f->type != LIVEMIG_FILE_MQUEUE || lm_u32(f->obj.tb[LIVEMIG_FILE_A_NLINK]) ||
		    !p || lm_ns_of(p, &lm_ns_ipc) != l->ns || lm_kind_later(f) ||
		    !is_first(l->m, f))
			continue;
		fd = lm_kind_grab(f, e);
		if (fd < 0)
			return -1;
		ret = one(l, fd, f->name ?: "", true, e);
		close(fd);
		if (ret)
			return -1;
	}
	return 0;
}

static int named_ones(struct look *l, DIR *dir, struct lm_error *e)
{
	struct dirent *d;

	while ((d = readdir(dir))) {
		int fd, ret;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)	/* gone meanwhile */
			continue;
		if (fd < 0)
			return lm_fail_errno(e, LM_FAILED, "POSIX message queue /%s",
					     d->d_name);
		ret = one(l, fd, d->d_name, false, e);
		close(fd);
		if (ret)
			return -1;
	}
	return 0;
}

int lm_source_mqueues(const struct lm_model *m, uint32_t ns, struct lm_objects *o,
		      bool contents, struct lm_error *e)
{
	struct look l = { .m = m, .ns = ns, .o = o, .contents = contents };
	int fd = lm_ipc_open_queues(), ret;
	DIR *dir;

	if (fd < 0)	/* ENODEV: the kernel has none */
		return errno == ENODEV ? 0 : lm_fail_errno(e, LM_FAILED, "mqueue");
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return lm_fail_errno(e, LM_FAILED, "mqueue");
	}
	l.dev = open("/dev/livemig", O_RDWR | O_CLOEXEC);
	ret = l.dev < 0 ? lm_fail_errno(e, LM_FAILED, "/dev/livemig") :
	      removed_ones(&l, e) ?: named_ones(&l, dir, e);
	if (l.dev >= 0)
		close(l.dev);
	closedir(dir);
	return ret;
}
