// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * System V IPC. Segments are made with the mappings, as they hold their memory;
 * sets and queues in the end. In a namespace of the container's own all goes with
 * it if the restore fails; in the host's it is removed. POSIX queues stay open until
 * all files are made.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "internal.h"
#include "../ipc/ipc.h"
#include "../net/rtnl.h"

#define SEM_MAX	32767	/* SEMVMX */

struct lm_ipc_made {
	const struct lm_ipc_kind *kind;
	uint32_t ns, id;
	int fd;			/* of a POSIX queue; else -1 */
};

/* What is done in one namespace. */
struct inside {
	struct lm_restorer *r;
	const struct lm_ipc_kind *kind;
	const struct lm_ipc *o;
	const struct lm_obj *rec;
	int fd;
};

static int in_ns(struct lm_restorer *r, uint32_t ns, lm_ns_fn fn, void *arg,
		 struct lm_error *e)
{
	int fd = lm_ns_fd(r, &lm_ns_ipc, ns);

	if (ns == LM_NS_NONE)
		return fn(arg, e);
	if (fd < 0)
		return lm_fail(e, LM_REFUSED, "ipc namespace %u is missing", ns);
	return lm_in_ns(fd, lm_ns_ipc.flag, fn, arg, e);
}

static bool is_made(const struct lm_restorer *r, const struct lm_ipc_kind *kind,
		    const struct lm_ipc *o)
{
	for (size_t i = 0; i < r->nr_ipc; i++)
		if (r->ipc[i].kind == kind && r->ipc[i].ns == o->ns &&
		    r->ipc[i].id == o->id)
			return true;
	return false;
}

static int make_inside(void *arg, struct lm_error *e)
{
	struct inside *in = arg;

	in->fd = lm_ipc_make(in->kind, in->o, e);
	return in->fd < 0 ? -1 : 0;
}

/* Sets @o->fd. */
static int make(struct lm_restorer *r, const struct lm_ipc_kind *kind,
		struct lm_ipc *o, struct lm_error *e)
{
	struct inside in = { .kind = kind, .o = o };
	struct lm_ipc_made *v;
	char id[16];

	if (is_made(r, kind, o))
		return 0;
	v = realloc(r->ipc, (r->nr_ipc + 1) * sizeof(*v));
	if (!v)
		return lm_fail(e, LM_FAILED, "out of memory");
	r->ipc = v;
	if (in_ns(r, o->ns, make_inside, &in, e))
		return -1;
	o->fd = kind == &lm_ipc_mqueue ? in.fd : -1;
	r->ipc[r->nr_ipc++] = (struct lm_ipc_made){ kind, o->ns, o->id, o->fd };
	snprintf(id, sizeof(id), "%u", o->id);
	return o->ns == LM_NS_NONE ? lm_undo_add(r->undo, "ipc", kind->name, id, e) : 0;
}

int lm_ipc_sync(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_ipc_kind *kind;
	struct lm_ipc o;

	for (size_t i = 0; i < r->m.nr_ipc; i++)
		if (lm_ipc_parse(r->m.ipc[i], &kind, &o, e) ||
		    (kind == &lm_ipc_shm && make(r, kind, &o, e)))
			return -1;
	return 0;
}

/* ---- memory ---- */

/* The record of the segment @s. */
static int find(const struct lm_restorer *r, const struct lm_shmem *s,
		struct lm_ipc *o, struct lm_error *e)
{
	uint32_t id = lm_u32(s->obj.tb[LIVEMIG_SHMEM_SYSV]);
	uint32_t ns = lm_ipc_ns_of(&r->m, s);

	if (!lm_ns_record(&r->m, &lm_ns_ipc, ns))
		ns = LM_NS_NONE;
	return lm_ipc_segment(&r->m, ns, s, o) ? 0 :
	       lm_fail(e, LM_REFUSED, "System V segment %u is missing", id);
}

static int open_inside(void *arg, struct lm_error *e)
{
	struct inside *in = arg;

	in->fd = lm_ipc_shm_open(in->o->id, e);
	return in->fd < 0 ? -1 : 0;
}

int lm_ipc_shm_fd(struct lm_restorer *r, const struct lm_shmem *s, struct lm_error *e)
{
	struct lm_ipc o;
	struct inside in = { .o = &o };

	return find(r, s, &o, e) || in_ns(r, o.ns, open_inside, &in, e) ? -1 : in.fd;
}

/* Attached whole, then the pieces that are wanted move to where they belong, and the
 * rest goes.
 */
int lm_ipc_attach(struct lm_proc *p, const struct lm_shmem *s, uint64_t size,
		  uint64_t at, const struct livemig_vma *const *v, size_t n,
		  struct lm_error *e)
{
	uint64_t done = 0;
	int flags = SHM_RDONLY, ret;
	struct lm_batch *b;
	int64_t got;

	for (size_t i = 0; i < n; i++) {
		if (v[i]->offset < done || v[i]->offset > size ||
		    v[i]->end - v[i]->start > size - v[i]->offset)
			return lm_fail(e, LM_REFUSED,
				       "System V segment is mapped beyond its end");
		done = v[i]->offset + v[i]->end - v[i]->start;
		if (v[i]->flags & LIVEMIG_VMA_F_MAYWRITE)
			flags &= ~SHM_RDONLY;
		if (v[i]->flags & LIVEMIG_VMA_F_EXEC)
			flags |= SHM_EXEC;
	}
	got = lm_remote_syscall(p->remote, e, __NR_shmat,
				lm_u32(s->obj.tb[LIVEMIG_SHMEM_SYSV]), at, flags);
	if (got < 0 && got > -4096)
		return -1;
	b = lm_batch_new(p->remote);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	done = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t len = v[i]->end - v[i]->start;

		lm_batch_add(b, __NR_mremap, at + v[i]->offset, len, len,
			     MREMAP_MAYMOVE | MREMAP_FIXED, v[i]->start);
		lm_batch_add(b, __NR_mprotect, v[i]->start, len, lm_mm_prot(v[i]));
		if (v[i]->offset > done)
			lm_batch_add(b, __NR_munmap, at + done, v[i]->offset - done);
		done = v[i]->offset + len;
	}
	if (done < size)
		lm_batch_add(b, __NR_munmap, at + done, size - done);
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret;
}

/* ---- the end ---- */

static int fill_inside(void *arg, struct lm_error *e)
{
	const struct inside *in = arg;
	char id[16];

	snprintf(id, sizeof(id), "%u", in->o->id);
	if (in->kind->fill(in->o, in->rec, e))
		return -1;
	if (in->kind->set(in->o))
		return lm_fail_errno(e, LM_FAILED, "%s %s", in->kind->what,
				     in->o->name ?: id);
	return 0;
}

static int remove_inside(void *arg, struct lm_error *e)
{
	const struct lm_ipc_made *made = arg;

	if (made->kind->remove)
		made->kind->remove(made->id);
	return 0;
}

/* Of an earlier round: it had gone by the last one. */
static int is_over(const struct lm_restorer *r, const struct lm_ipc_made *made)
{
	const struct lm_ipc_kind *kind;
	struct lm_ipc o;

	for (size_t i = 0; i < r->m.nr_ipc; i++)
		if (!lm_ipc_parse(r->m.ipc[i], &kind, &o, NULL) &&
		    kind == made->kind && o.ns == made->ns && o.id == made->id)
			return false;
	return true;
}

int lm_ipc_fill(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_ipc; i++)
		if (is_over(r, &r->ipc[i]) &&
		    in_ns(r, r->ipc[i].ns, remove_inside, &r->ipc[i], e))
			return -1;
	for (size_t i = 0; i < r->m.nr_ipc; i++) {
		struct lm_ipc o;
		struct inside in = { .rec = r->m.ipc[i], .o = &o };

		if (lm_ipc_parse(in.rec, &in.kind, &o, e) || make(r, in.kind, &o, e) ||
		    in_ns(r, o.ns, fill_inside, &in, e))
			return -1;
	}
	return 0;
}

/* ---- POSIX queues ---- */

int lm_restorer_mqueue(const struct lm_restorer *r, uint64_t ino)
{
	for (size_t i = 0; i < r->nr_ipc; i++)
		if (r->ipc[i].kind == &lm_ipc_mqueue && r->ipc[i].id == ino)
			return r->ipc[i].fd;
	return -1;
}

/* A number by which the process has the queue open; -1: none. */
static int number_of(const struct lm_restorer *r, const struct lm_process *mp, uint32_t ino)
{
	for (size_t i = 0; i < mp->files->nr_fds; i++) {
		const struct lm_file *f = lm_model_file(&r->m, mp->files->fds[i].file);

		if (f->type == LIVEMIG_FILE_MQUEUE &&
		    lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]) == ino)
			return mp->files->fds[i].fd;
	}
	return -1;
}

int lm_ipc_notify(struct lm_restorer *r, struct lm_proc *p,
		  const struct lm_process *mp, struct lm_error *e)
{
	const struct lm_ipc_kind *kind;
	struct lm_ipc o;

	for (size_t i = 0; i < r->m.nr_ipc; i++) {
		struct sigevent ev = { 0 };
		struct lm_batch *b;
		int ret;

		if (lm_ipc_parse(r->m.ipc[i], &kind, &o, e))
			return -1;
		if (kind != &lm_ipc_mqueue || o.queue.notify_pid != mp->pid)
			continue;
		ev.sigev_notify = o.queue.notify_how;
		ev.sigev_signo = o.queue.notify_signo;
		ev.sigev_value.sival_ptr = (void *)(uintptr_t)o.queue.notify_value;
		b = lm_batch_new(p->remote);
		if (!b)
			return lm_fail(e, LM_FAILED, "out of memory");
		lm_batch_add(b, __NR_mq_notify, number_of(r, mp, o.id),
			     LM_DATA(lm_batch_data(b, &ev, sizeof(ev))));
		ret = lm_batch_run(b, e);
		lm_batch_free(b);
		if (ret)
			return lm_prefix(e, "pid %u: mq_notify() of /%s", p->pid, o.name);
	}
	return 0;
}

void lm_ipc_close(struct lm_restorer *r)
{
	for (size_t i = 0; i < r->nr_ipc; i++)
		if (r->ipc[i].fd >= 0)
			close(r->ipc[i].fd);
	free(r->ipc);
	r->ipc = NULL;
	r->nr_ipc = 0;
}

/* ---- SEM_UNDO ---- */

/* What @value is for now. */
static int sem_value(const struct lm_restorer *r, uint32_t ns, uint32_t id, unsigned int nr)
{
	const struct lm_ipc_kind *kind;
	struct lm_ipc o;

	for (size_t i = 0; i < r->m.nr_ipc; i++) {
		const uint16_t *values;
		size_t n;

		if (lm_ipc_parse(r->m.ipc[i], &kind, &o, NULL) ||
		    kind != &lm_ipc_sem || o.ns != ns || o.id != id)
			continue;
		values = lm_array(r->m.ipc[i]->tb[LM_IPC_VALUES], sizeof(*values), &n);
		return nr < n ? values[nr] : -1;
	}
	return -1;
}

/* Two operations that leave the value as it is, one of them to be undone. They are
 * small enough that there is room for them on one side of the value.
 */
static void add_undo(struct lm_batch *b, uint32_t id, unsigned int nr, int value, int by)
{
	struct sembuf ops[2] = {
		{ .sem_num = nr, .sem_op = -by, .sem_flg = SEM_UNDO | IPC_NOWAIT },
		{ .sem_num = nr, .sem_op = by, .sem_flg = IPC_NOWAIT },
	};
	bool raise_first = value < abs(by);

	if (raise_first == (by > 0)) {
		struct sembuf first = ops[1];

		ops[1] = ops[0];
		ops[0] = first;
	}
	lm_batch_add(b, __NR_semop, id, LM_DATA(lm_batch_data(b, ops, sizeof(ops))), 2);
}

int lm_ipc_undo(struct lm_restorer *r, struct lm_proc *p,
		const struct lm_process *mp, struct lm_error *e)
{
	uint32_t ns = lm_ipc_ns_in(&r->m, mp);
	const struct livemig_sem_undo *undo;
	struct lm_batch *b;
	int ret = 0;
	size_t n;

	undo = lm_array(mp->obj.tb[LIVEMIG_PROCESS_SEM_UNDO], sizeof(*undo), &n);
	if (!n)
		return 0;
	b = lm_batch_new(p->remote);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (size_t i = 0; i < n && !ret; i++) {
		int value = sem_value(r, ns, undo[i].id, undo[i].nr);
		int left = undo[i].adjust;

		if (value < 0) {
			ret = lm_fail(e, LM_REFUSED, "semaphore %u of set %u is missing",
				      undo[i].nr, undo[i].id);
			break;
		}
		while (left) {
			int by = left > SEM_MAX / 2 ? SEM_MAX / 2 :
				 left < -(SEM_MAX / 2) ? -(SEM_MAX / 2) : left;

			add_undo(b, undo[i].id, undo[i].nr, value, by);
			left -= by;
		}
		if (!lm_batch_room(b, 8, 256)) {
			ret = lm_batch_run(b, e);
			lm_batch_reset(b);
		}
	}
	if (!ret)
		ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret ? lm_prefix(e, "pid %u: SEM_UNDO", p->pid) : 0;
}
