// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Seccomp filters are told to a tracer only, of a task that it has stopped: so
 * they are read while the container runs, before the freeze, once for each list
 * of filters however many threads have it. The module gives equal ids to equal
 * lists. A list of filters can only grow, and lives as long as a thread has it:
 * while the thread that it was read from has the same id, it has not changed.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "source_priv.h"
#include "../restore/restore.h"

#define STOP_MS		5000
#define INSNS_MAX	4096	/* BPF_MAXINSNS */

struct lm_seccomp_chain {
	uint32_t id, tid;	/* tid: from which it was read */
	struct lm_objects filters;
	size_t bytes;		/* of their programs */
};

/* Of the signal that was on its way when @tid stopped. */
static int wait_stop(pid_t tid, int *sig)
{
	struct timespec nap = { .tv_nsec = 200000 };
	int status;

	for (int i = 0; i < STOP_MS * 5; i++) {
		pid_t ret = waitpid(tid, &status, __WALL | WNOHANG);

		if (ret < 0 || (ret && !WIFSTOPPED(status))) {
			errno = ESRCH;
			return -1;
		}
		if (ret) {
			*sig = status >> 16 ? 0 : WSTOPSIG(status);
			return 0;
		}
		nanosleep(&nap, NULL);
	}
	errno = ETIMEDOUT;
	return -1;
}

static bool notifies(const struct sock_filter *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].code == (BPF_RET | BPF_K) &&
		    (f[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF)
			return true;
	return false;
}

static int read_filter(struct lm_seccomp_chain *c, uint64_t nr, struct lm_error *e)
{
	struct __ptrace_seccomp_metadata meta = { .filter_off = nr };
	struct sock_filter insns[INSNS_MAX];
	struct lm_buf b = { 0 };
	long n;

	n = ptrace(PTRACE_SECCOMP_GET_FILTER, c->tid, nr, insns);
	if (n < 0)
		return lm_fail_errno(e, LM_REFUSED, "filter %llu cannot be read",
				     (unsigned long long)nr);
	/* Without it: no flags. */
	ptrace(PTRACE_SECCOMP_GET_METADATA, c->tid, sizeof(meta), &meta);
	if (notifies(insns, n))
		return lm_fail(e, LM_REFUSED,
			       "filter with user notification: not supported");
	lm_put_u32(&b, LM_SECCOMP_ID, c->id);
	lm_put_u32(&b, LM_SECCOMP_FLAGS, meta.flags);
	lm_put(&b, LM_SECCOMP_PROG, insns, n * sizeof(*insns));
	c->bytes += n * sizeof(*insns);
	return lm_objects_add_buf(&c->filters, LM_REC_SECCOMP, &b, e);
}

static int read_chain(struct lm_seccomp_chain *c, uint32_t filters,
		      struct lm_error *e)
{
	int sig = 0, ret = 0;

	if (ptrace(PTRACE_SEIZE, c->tid, 0, 0))
		return lm_fail_errno(e, LM_REFUSED, "cannot be traced");
	if (ptrace(PTRACE_INTERRUPT, c->tid, 0, 0) || wait_stop(c->tid, &sig))
		ret = lm_fail_errno(e, LM_REFUSED, "does not stop for a tracer");
	for (uint32_t i = 0; i < filters && !ret; i++)
		ret = read_filter(c, i, e);
	/* (One that did not stop goes free when this program ends.) */
	ptrace(PTRACE_DETACH, c->tid, 0, sig);
	return ret;
}

static struct lm_seccomp_chain *find(const struct lm_source *s, uint32_t id)
{
	for (size_t i = 0; i < s->nr_chains; i++)
		if (s->chains[i].id == id)
			return &s->chains[i];
	return NULL;
}

static const struct livemig_seccomp *filters_of(const struct lm_thread *t)
{
	const struct livemig_seccomp *sc;
	size_t n;

	sc = lm_array(t->obj.tb[LIVEMIG_THREAD_SECCOMP], sizeof(*sc), &n);
	return n == 1 && sc->mode == SECCOMP_MODE_FILTER ? sc : NULL;
}

/* Has the thread that @c was read from still the same filters? */
static bool is_valid(const struct lm_model *m, const struct lm_seccomp_chain *c)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		for (size_t j = 0; j < m->procs[i]->nr_threads; j++) {
			const struct lm_thread *t = m->procs[i]->threads[j];
			const struct livemig_seccomp *sc = filters_of(t);

			if (t->host == c->tid)
				return sc && sc->id == c->id;
		}
	}
	return false;
}

static void forget(struct lm_source *s, struct lm_seccomp_chain *c)
{
	lm_objects_free(&c->filters);
	*c = s->chains[--s->nr_chains];
}

static int learn(struct lm_source *s, const struct lm_thread *t,
		 const struct livemig_seccomp *sc, struct lm_error *e)
{
	struct lm_seccomp_chain *c = find(s, sc->id);

	if (c && is_valid(&s->model, c))
		return 0;
	if (c)
		forget(s, c);
	c = realloc(s->chains, (s->nr_chains + 1) * sizeof(*c));
	if (!c)
		return lm_fail(e, LM_FAILED, "out of memory");
	s->chains = c;
	c += s->nr_chains++;
	*c = (struct lm_seccomp_chain){ .id = sc->id, .tid = t->host };
	if (!read_chain(c, sc->filters, e))
		return 0;
	forget(s, c);
	return lm_prefix(e, "pid %u: seccomp: thread %u", t->pid, t->tid);
}

static bool has_chain(const struct lm_process *p, uint32_t id)
{
	for (size_t i = 0; i < p->nr_threads; i++) {
		const struct livemig_seccomp *sc = filters_of(p->threads[i]);

		if (sc && sc->id == id)
			return true;
	}
	return false;
}

/* Threads may have one each; seldom are all together too much for one process. */
static int check_room(const struct lm_source *s, const struct lm_process *p,
		      struct lm_error *e)
{
	size_t n = 0, bytes = 0;

	for (size_t i = 0; i < s->nr_chains; i++)
		if (!p || has_chain(p, s->chains[i].id)) {
			n += s->chains[i].filters.nr;
			bytes += s->chains[i].bytes;
		}
	if (lm_seccomp_possible(n, bytes))
		return 0;
	if (p)
		return lm_fail(e, LM_REFUSED,
			       "pid %u: %zu seccomp filters of %zu bytes in its threads: not supported",
			       p->host, n, bytes);
	for (size_t i = 0; i < s->model.nr_procs; i++)
		if (check_room(s, s->model.procs[i], e))
			return -1;
	return 0;
}

int lm_seccomp_learn(struct lm_source *s, struct lm_error *e)
{
	uint32_t last = 0;	/* most threads have the same as the one before */

	for (size_t i = 0; i < s->model.nr_procs; i++) {
		const struct lm_process *p = s->model.procs[i];

		for (size_t j = 0; j < p->nr_threads; j++) {
			const struct livemig_seccomp *sc = filters_of(p->threads[j]);

			if (!sc || sc->id == last)
				continue;
			if (learn(s, p->threads[j], sc, e))
				return -1;
			last = sc->id;
		}
	}
	return check_room(s, NULL, e);
}

int lm_seccomp_known(const struct lm_source *s, struct lm_error *e)
{
	uint32_t last = 0;

	for (size_t i = 0; i < s->model.nr_procs; i++) {
		const struct lm_process *p = s->model.procs[i];

		for (size_t j = 0; j < p->nr_threads; j++) {
			const struct livemig_seccomp *sc = filters_of(p->threads[j]);
			const struct lm_seccomp_chain *c;

			if (!sc || sc->id == last)
				continue;
			last = sc->id;
			c = find(s, sc->id);
			if (c && c->filters.nr == sc->filters && is_valid(&s->model, c))
				continue;
			snprintf(e->msg, sizeof(e->msg),
				 "pid %u: its seccomp filters change all the time",
				 p->pid);
			return 1;
		}
	}
	return 0;
}

int lm_seccomp_describe(const struct lm_source *s, struct lm_objects *o,
			struct lm_error *e)
{
	for (size_t i = 0; i < s->nr_chains; i++) {
		const struct lm_objects *f = &s->chains[i].filters;

		for (size_t j = 0; j < f->nr; j++)
			if (lm_objects_add(o, f->list[j].type, f->list[j].attrs,
					   f->list[j].len))
				return lm_fail(e, LM_FAILED, "out of memory");
	}
	return 0;
}

void lm_seccomp_free(struct lm_source *s)
{
	while (s->nr_chains)
		forget(s, s->chains);
	free(s->chains);
	s->chains = NULL;
}
