// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Namespaces. A helper that is to be in one that is not there yet makes it, by
 * unshare(); the others join it. Children are born into those of their parent
 * and move on from there. What is in them comes last.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "../net/rtnl.h"
#include "../ns/user.h"

struct lm_ns_made {
	const struct lm_ns_kind *kind;
	uint32_t id;
	int fd;
	int root;		/* mnt: its root directory, else -1 */
	void *as;		/* mnt, user: the record that it was made of */
	size_t as_len;
};

int lm_ns_fd(const struct lm_restorer *r, const struct lm_ns_kind *k, uint32_t id)
{
	for (size_t i = 0; i < r->nr_ns; i++)
		if (r->ns[i].kind == k && r->ns[i].id == id)
			return r->ns[i].fd;
	return -1;
}

int lm_ns_add(struct lm_restorer *r, const struct lm_ns_kind *k, const struct lm_obj *o,
	      int fd, int root, struct lm_error *e)
{
	struct lm_ns_made *v = realloc(r->ns, (r->nr_ns + 1) * sizeof(*v));
	struct lm_ns_made made = { k, lm_u32(o->tb[LM_NS_ID]), fd, root, NULL, o->len };

	if (v)
		r->ns = v;
	if (v && (k == &lm_ns_mnt || k == &lm_ns_user))
		made.as = malloc(o->len);
	if (!v || (!made.as && (k == &lm_ns_mnt || k == &lm_ns_user))) {
		close(fd);
		if (root >= 0)
			close(root);
		return lm_fail(e, LM_FAILED, "out of memory");
	}
	if (made.as)
		memcpy(made.as, o->raw, o->len);
	v[r->nr_ns++] = made;
	return 0;
}

/* sysfs shows the network namespace that it was mounted in, and /proc/PID/net that of the
 * process at the moment when a file there is opened.
 */
static int join_net(struct lm_restorer *r, struct lm_proc *p, struct lm_error *e)
{
	struct lm_batch *b;
	int ret;

	if (p->in_net || r->netns < 0)
		return 0;
	b = lm_batch_new(p->remote);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = lm_net_join(r, b, lm_model_process(&r->m, p->pid), e) ||
	      lm_batch_run(b, e) ? -1 : 0;
	lm_batch_free(b);
	p->in_net = !ret;
	return ret;
}

static int make_mounts(struct lm_restorer *r, struct lm_proc *p,
		       const struct lm_obj *o, struct lm_error *e)
{
	char path[48];
	int root;

	if (join_net(r, p, e) || lm_mounts_make(r, p, o, e))
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/root", p->host);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? lm_fail_errno(e, LM_FAILED, "%s", path) : root;
}

/* What is mounted is mounted once, and a map is written once. */
static int check_same(const struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_ns; i++) {
		const struct lm_ns_made *ns = &r->ns[i];
		const struct lm_obj *o = lm_ns_record(&r->m, ns->kind, ns->id);

		if (ns->as && o &&
		    (o->len != ns->as_len || memcmp(o->raw, ns->as, o->len)))
			return lm_fail(e, LM_FAILED, ns->kind == &lm_ns_user ?
				       "a user namespace of the container got its maps meanwhile; try again" :
				       "something was mounted or unmounted in the container meanwhile; try again");
	}
	return 0;
}

static int make(struct lm_restorer *r, struct lm_proc *p,
		const struct lm_ns_kind *k, uint32_t id, struct lm_error *e)
{
	const struct lm_obj *o = lm_ns_record(&r->m, k, id);
	int root = -1, fd;

	if (k == &lm_ns_mnt) {
		root = make_mounts(r, p, o, e);
		if (root < 0)
			return -1;
	} else if (lm_user_unshare(r, p, lm_ns_owner(&r->m, k, id), k->flag, e)) {
		return -1;
	}
	fd = lm_ns_open(p->host, k, e);
	if (fd < 0) {
		if (root >= 0)
			close(root);
		return -1;
	}
	return lm_ns_add(r, k, o, fd, root, e);
}

int lm_ns_root(const struct lm_restorer *r, uint32_t id)
{
	for (size_t i = 0; i < r->nr_ns; i++)
		if (r->ns[i].kind == &lm_ns_mnt && r->ns[i].id == id)
			return r->ns[i].root;
	return -1;
}

void lm_ns_add_join(const struct lm_restorer *r, struct lm_batch *b, int ns, int flag)
{
	int fd = r->fd_base + LM_HELPER_FDS;

	lm_batch_put_fd(b, ns, fd, true);
	lm_batch_add(b, __NR_setns, fd, flag);
	lm_batch_add(b, __NR_close, fd);
}

int lm_ns_join(struct lm_restorer *r, struct lm_proc *p, int ns, int flag,
	       struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret;

	if (b)
		lm_ns_add_join(r, b, ns, flag);
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret;
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
	/* What the host has is found in the host's. */
	if (k == &lm_ns_mnt && fd < 0 && want != LM_NS_NONE &&
	    p->ns[nr] != LM_NS_NONE && leave(r, p, k, e))
		return lm_prefix(e, "pid %u: %s namespace", p->pid, k->name);
	ret = want == LM_NS_NONE ? leave(r, p, k, e) :
	      fd >= 0 ? lm_ns_join(r, p, fd, k->flag, e) : make(r, p, k, want, e);
	if (ret)
		return lm_prefix(e, "pid %u: %s namespace", p->pid, k->name);
	p->ns[nr] = want;
	return 0;
}

int lm_ns_sync(struct lm_restorer *r, struct lm_error *e)
{
	if (check_same(r, e))
		return -1;
	for (size_t i = 0; i < r->nr_procs; i++) {
		struct lm_proc *p = r->procs[i];
		const struct lm_process *mp = lm_model_process(&r->m, p->pid);

		for (int nr = 0; mp->mm && nr < LM_NS_JOINED; nr++)
			if (move(r, p, mp, nr, e))
				return -1;
		if (mp->mm && join_net(r, p, e))
			return lm_prefix(e, "pid %u: net namespace", p->pid);
	}
	return 0;
}

struct fill {
	const struct lm_ns_kind *kind;
	const struct lm_obj *o;
};

static int fill(void *arg, struct lm_error *e)
{
	const struct fill *f = arg;

	return f->kind->fill(f->o, e);
}

int lm_ns_fill(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->nr_ns; i++) {
		const struct lm_ns_made *ns = &r->ns[i];
		struct fill f = { ns->kind, lm_ns_record(&r->m, ns->kind, ns->id) };

		if (f.o && f.kind->fill && lm_in_ns(ns->fd, f.kind->flag, fill, &f, e))
			return lm_prefix(e, "%s namespace", f.kind->name);
	}
	return 0;
}

void lm_ns_close(struct lm_restorer *r)
{
	while (r->nr_ns) {
		const struct lm_ns_made *ns = &r->ns[--r->nr_ns];

		if (ns->fd >= 0)
			close(ns->fd);
		if (ns->root >= 0)
			close(ns->root);
		free(ns->as);
	}
	free(r->ns);
	r->ns = NULL;
}
