// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Seccomp: threads put their filters on themselves, in the order in which they
 * were, before they give up their privileges. Calls that the filters would not
 * let through are still to come, so after each one the thread goes through the
 * module's door (livemig_dev.h), which suspends them until it is
 * let go. The programs are in the helper's memory.
 *
 * When all threads of a process have the same filters, they share them, as they
 * do after TSYNC or when the threads were born with them: the leader, which is
 * the last to come, puts them on all. (Only threads that share filters can be
 * given further ones by TSYNC.) Otherwise each has its own.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include "internal.h"

#define ROOM	(LM_HELPER_SLOTS - LM_HELPER_FILTERS)
#define FLAGS	SECCOMP_FILTER_FLAG_LOG

static const struct livemig_seccomp *seccomp_of(const struct lm_thread *t)
{
	static const struct livemig_seccomp none;
	const struct livemig_seccomp *sc;
	size_t n;

	sc = lm_array(t->obj.tb[LIVEMIG_THREAD_SECCOMP], sizeof(*sc), &n);
	return n == 1 ? sc : &none;
}

static uint32_t id_of(const struct lm_obj *filter)
{
	return lm_u32(filter->tb[LM_SECCOMP_ID]);
}

static bool has_filters(const struct lm_thread *t, uint32_t id)
{
	const struct livemig_seccomp *sc = seccomp_of(t);

	return sc->mode == SECCOMP_MODE_FILTER && (!id || sc->id == id);
}

int lm_seccomp_check(const struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_model *m = &r->m;

	for (size_t i = 0; i < m->nr_procs; i++) {
		for (size_t j = 0; j < m->procs[i]->nr_threads; j++) {
			const struct lm_thread *t = m->procs[i]->threads[j];
			const struct livemig_seccomp *sc = seccomp_of(t);
			uint32_t n = 0;

			if (sc->mode > SECCOMP_MODE_FILTER)
				return lm_fail(e, LM_REFUSED,
					       "thread %u: seccomp mode %u is not known here",
					       t->tid, sc->mode);
			if (!has_filters(t, 0))
				continue;
			for (size_t k = 0; k < m->nr_filters; k++)
				n += id_of(m->filters[k]) == sc->id;
			if (n != sc->filters)
				return lm_fail(e, LM_REFUSED,
					       "thread %u: %u seccomp filters, %u are there",
					       t->tid, sc->filters, n);
		}
	}
	return 0;
}

/* One chain of filters for all threads? */
static bool shared(const struct lm_process *mp)
{
	const struct livemig_seccomp *first = seccomp_of(mp->threads[0]);

	for (size_t i = 0; i < mp->nr_threads; i++)
		if (!has_filters(mp->threads[i], first->id))
			return false;
	return first->id;
}

static bool needed(const struct lm_process *mp, const struct lm_obj *filter)
{
	for (size_t i = 0; i < mp->nr_threads; i++)
		if (has_filters(mp->threads[i], id_of(filter)))
			return true;
	return false;
}

/* A filter in the helper's memory: struct sock_fprog, then the program. */
static size_t room_of(const struct lm_obj *filter)
{
	return sizeof(struct sock_fprog) + lm_len(filter->tb[LM_SECCOMP_PROG]);
}

bool lm_seccomp_possible(size_t filters, size_t bytes)
{
	return filters * sizeof(struct sock_fprog) + bytes <= ROOM;
}

static uint64_t area(const struct lm_proc *p)
{
	return lm_remote_base(p->remote) + LM_HELPER_FILTERS;
}

static int write_filter(struct lm_proc *p, uint64_t at,
			const struct lm_obj *filter, struct lm_error *e)
{
	const struct nlattr *prog = filter->tb[LM_SECCOMP_PROG];
	struct sock_fprog f = {
		.len = lm_len(prog) / sizeof(struct sock_filter),
		.filter = (void *)(uintptr_t)(at + sizeof(f)),
	};
	struct iovec from[] = {
		{ &f, sizeof(f) },
		{ (void *)lm_data(prog), lm_len(prog) },
	};
	struct iovec to = { (void *)(uintptr_t)at, room_of(filter) };

	if (process_vm_writev(p->host, from, 2, &to, 1, 0) != (ssize_t)to.iov_len)
		return lm_fail_errno(e, LM_FAILED, "pid %u: seccomp filters", p->pid);
	return 0;
}

int lm_seccomp_load(struct lm_restorer *r, struct lm_proc *p,
		    const struct lm_process *mp, struct lm_error *e)
{
	const struct lm_model *m = &r->m;
	size_t len = 0, at = 0, n = 0;

	for (size_t i = 0; i < m->nr_filters; i++)
		if (needed(mp, m->filters[i])) {
			len += room_of(m->filters[i]);
			n++;
		}
	if (!len)
		return 0;
	if (!lm_seccomp_possible(n, len - n * sizeof(struct sock_fprog)))
		return lm_fail(e, LM_REFUSED, "pid %u: too many seccomp filters",
			       p->pid);
	if (lm_remote_syscall(p->remote, e, __NR_mmap, area(p), len,
			      PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
			      -1, 0) != (int64_t)area(p))
		return lm_prefix(e, "pid %u: seccomp filters", p->pid);
	for (size_t i = 0; i < m->nr_filters; i++) {
		if (!needed(mp, m->filters[i]))
			continue;
		if (write_filter(p, area(p) + at, m->filters[i], e))
			return -1;
		at += room_of(m->filters[i]);
	}
	return 0;
}

/* A door opens once: a new one for each filter. */
static uint64_t add_door(const struct lm_proc *p, struct lm_batch *b)
{
	uint64_t door = lm_remote_base(p->remote) + LM_HELPER_DOOR;

	lm_batch_add(b, __NR_mmap, door, LIVEMIG_REC_PAGE, PROT_READ,
		     MAP_SHARED | MAP_FIXED,
		     lm_remote_fd_base(p->remote) + LM_HELPER_FD_DEV, 0);
	return door;
}

void lm_seccomp_batch(const struct lm_restorer *r, const struct lm_proc *p,
		      struct lm_batch *b, const struct lm_process *mp,
		      const struct lm_thread *t)
{
	const struct livemig_seccomp *sc = seccomp_of(t);
	bool for_all = shared(mp);
	uint64_t at = area(p), door;
	uint32_t flags;

	if (sc->mode == SECCOMP_MODE_STRICT) {
		door = add_door(p, b);
		lm_batch_add(b, __NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		lm_batch_add(b, LM_NR_TOUCH, door);
	}
	if (!has_filters(t, 0) || (for_all && t->tid != mp->pid))
		return;
	for (size_t i = 0; i < r->m.nr_filters; i++) {
		const struct lm_obj *f = r->m.filters[i];

		if (!needed(mp, f))
			continue;
		if (id_of(f) == sc->id) {
			flags = lm_u32(f->tb[LM_SECCOMP_FLAGS]) & FLAGS;
			if (for_all)
				flags |= SECCOMP_FILTER_FLAG_TSYNC |
					 SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
			door = add_door(p, b);
			lm_batch_add(b, __NR_seccomp, SECCOMP_SET_MODE_FILTER,
				     flags, at);
			lm_batch_add(b, LM_NR_TOUCH, door);
		}
		at += room_of(f);
	}
}
