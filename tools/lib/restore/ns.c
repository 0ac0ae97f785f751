// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Namespaces. A helper that is to be in one that is not there yet makes it, by
 * unshare(); the others join it. Children are born into those of their parent
 * and move on from there. What is in them comes last.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

struct lm_ns_made {
	const struct lm_ns_kind *kind;
	uint32_t id;
	int fd;
};

int lm_ns_fd(const struct lm_restorer *r, const struct lm_ns_kind *k, uint32_t id)
{
	for (size_t i = 0; i < r->nr_ns; i++)
		if (r->ns[i].kind == k && r->ns[i].id == id)
			return r->ns[i].fd;
	return -1;
}

static int make(struct lm_restorer *r, struct lm_proc *p,
		const struct lm_ns_kind *k, uint32_t id, struct lm_error *e)
{
	struct lm_ns_made *v = realloc(r->ns, (r->nr_ns + 1) * sizeof(*v));
	int fd;

	if (!v)
		return lm_fail(e, LM_FAILED, "out of memory");
	r->ns = v;
	if (lm_remote_syscall(p->remote, e, __NR_unshare, k->flag) < 0)
		return -1;
	fd = lm_ns_open(lm_remote_pid(p->remote), k, e);
	if (fd < 0)
		return -1;
	r->ns[r->nr_ns++] = (struct lm_ns_made){ k, id, fd };
	return 0;
}

int lm_ns_join(struct lm_restorer *r, struct lm_proc *p, int ns, int flag,
	       struct lm_error *e)
{
	int fd = r->fd_base + LM_HELPER_FDS;

	return lm_remote_put_fd(p->remote, ns, fd, true, e) ||
	       lm_remote_syscall(p->remote, e, __NR_setns, fd, flag) < 0 ||
	       lm_remote_syscall(p->remote, e, __NR_close, fd) < 0 ? -1 : 0;
}

/* Back to that of the host. */
static int leave(struct lm_restorer *r, struct lm_proc *p,
		 const struct lm_ns_kind *k, struct lm_error *e)
{
	int fd = lm_ns_open(getpid(), k, e), ret;

	if (fd < 0)
		return -1;
	ret = lm_ns_join(r, p, fd, k->flag, e);
	close(fd);
	return ret;
}

static int move(struct lm_restorer *r, struct lm_proc *p,
		const struct lm_process *mp, int nr, struct lm_error *e)
{
	const struct lm_ns_kind *k = lm_ns_kinds[nr];
	uint32_t want = lm_ns_of(mp, k);
	int fd, ret;

	if (!lm_ns_record(&r->m, k, want))
		want = LM_NS_NONE;
	if (want == p->ns[nr])
		return 0;
	fd = lm_ns_fd(r, k, want);
	ret = want == LM_NS_NONE ? leave(r, p, k, e) :
	      fd >= 0 ? lm_ns_join(r, p, fd, k->flag, e) : make(r, p, k, want, e);
	if (ret)
		return lm_prefix(e, "pid %u: %s namespace", p->pid, k->name);
	p->ns[nr] = want;
	return 0;
}

int lm_ns_sync(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_procs; i++) {
		struct lm_proc *p = r->procs[i];
		const struct lm_process *mp = lm_model_process(&r->m, p->pid);

		for (int nr = 0; mp->mm && nr < LM_NS_KINDS; nr++)
			if (move(r, p, mp, nr, e))
				return -1;
	}
	return 0;
}

static int fill(struct lm_proc *p, const struct lm_ns_kind *k,
		const struct lm_obj *o, struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = k->fill(b, o, e);
	if (!ret)
		ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret ? lm_prefix(e, "%s namespace", k->name) : 0;
}

int lm_ns_fill(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_ns; i++) {
		const struct lm_ns_made *ns = &r->ns[i];
		const struct lm_obj *o = lm_ns_record(&r->m, ns->kind, ns->id);

		for (size_t j = 0; o && ns->kind->fill && j < r->nr_procs; j++) {
			const struct lm_process *mp =
				lm_model_process(&r->m, r->procs[j]->pid);

			if (!mp->mm || lm_ns_of(mp, ns->kind) != ns->id)
				continue;
			if (fill(r->procs[j], ns->kind, o, e))
				return -1;
			break;
		}
	}
	return 0;
}

void lm_ns_close(struct lm_restorer *r)
{
	while (r->nr_ns)
		close(r->ns[--r->nr_ns].fd);
	free(r->ns);
	r->ns = NULL;
}
