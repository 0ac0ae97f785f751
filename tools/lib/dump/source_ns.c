// SPDX-License-Identifier: LGPL-2.1-or-later
/* The container's namespaces, described from inside: one record each. */
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "source_priv.h"
#include "../net/rtnl.h"
#include "../ns/ns.h"
#include "../ns/user.h"
#include "../restore/restore.h"
#include "../target.h"

struct visit {
	const struct lm_ns_kind *kind;
	struct lm_ns_inside in;
};

static int describe(void *arg, struct lm_error *e)
{
	struct visit *v = arg;

	return v->kind->describe(&v->in, e);
}

static int look_inside(struct lm_source *s, struct lm_objects *o, struct lm_buf *b,
		       const struct lm_process *p, const struct lm_ns_kind *k,
		       int fd, bool owned, struct lm_error *e)
{
	char mount[PATH_MAX];
	struct visit v = { k, { .p = p, .b = b, .cgroup = s->dir } };

	if (k->describe_from)
		return k->describe_from(s, o, &v.in, fd, owned, e);
	if (!k->describe)
		return 0;
	if (!lm_cgroup_mount(mount, sizeof(mount), NULL) &&
	    !strncmp(s->dir, mount, strlen(mount)))
		v.in.cgroup += strlen(mount);
	return lm_in_ns(fd, k->flag, describe, &v, e);
}

static int one(struct lm_source *s, struct lm_objects *o, const struct lm_process *p,
	       const struct lm_ns_kind *k, uint32_t id, struct lm_error *e)
{
	struct lm_buf b = { 0 };
	int fd = lm_ns_open(p->task, k, e), ret;
	int64_t owner;

	if (fd < 0)
		return -1;
	lm_put_str(&b, LM_NS_KIND, k->name);
	lm_put_u32(&b, LM_NS_ID, id);
	owner = lm_source_owner(&s->model, k, fd, e);
	if (owner > 0)
		lm_put_u32(&b, LM_NS_OWNER, owner);
	ret = owner < 0 ? -1 : look_inside(s, o, &b, p, k, fd, owner, e);
	close(fd);
	if (!ret && (owner || !k->only_owner))
		ret = b.oom ? lm_fail(e, LM_FAILED, "no memory") :
		      lm_model_add(&s->model, LM_REC_NS, b.data, b.len, e);
	if (ret || !o || (!owner && k->only_owner)) {
		lm_buf_free(&b);
		/* (it may be about another one who is in it) */
		return !ret ? 0 : e && !strncmp(e->msg, "pid ", 4) ? -1 :
		       lm_prefix(e, "pid %u", p->host);
	}
	return lm_objects_add_buf(o, LM_REC_NS, &b, e);
}

/* Is there a process before the one with this index that is in it, too? */
static bool known(const struct lm_model *m, size_t index,
		  const struct lm_ns_kind *k, uint32_t id)
{
	for (size_t i = 0; i < index; i++)
		if (lm_ns_of(m->procs[i], k) == id)
			return true;
	return false;
}

bool lm_source_own_ns(const struct lm_process *p, const struct lm_ns_kind *k)
{
	uint32_t id = lm_ns_of(p, k), own;
	int fd;

	/* (that of mount namespaces is not an inode's, and of ours it is 0) */
	if (id == LM_NS_NONE || k == &lm_ns_mnt)
		return id != LM_NS_NONE;
	fd = lm_ns_open(getpid(), k, NULL);
	own = fd < 0 ? 0 : lm_ns_ino(fd);
	if (fd >= 0)
		close(fd);
	return id != own;
}

/* All of kind @k. */
static int describe_kind(struct lm_source *s, struct lm_objects *o,
			 const struct lm_ns_kind *k, struct lm_error *e)
{
	const struct lm_model *m = &s->model;

	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];
		uint32_t id = lm_ns_of(p, k);

		if (!known(m, i, k, id) && lm_source_own_ns(p, k) && one(s, o, p, k, id, e))
			return -1;
	}
	return 0;
}

/* By their records; ids in them are those of user namespaces, which came after them. In the
 * stop they mostly are what they were before.
 */
static int check_mounts(struct lm_source *s, struct lm_error *e)
{
	const struct lm_model *m = &s->model;
	uint64_t sum = 0;

	for (size_t i = 0; i < m->nr_ns; i++)
		sum = XXH64(m->ns[i]->raw, m->ns[i]->len, sum);
	if (sum == s->ns_sum)
		return 0;
	for (size_t i = 0; i < m->nr_procs; i++) {
		uint32_t id = lm_ns_of(m->procs[i], &lm_ns_mnt);
		const struct lm_obj *o = known(m, i, &lm_ns_mnt, id) ? NULL :
			lm_ns_record(m, &lm_ns_mnt, id);

		if (o && lm_mounts_possible(m, o, e))
			return lm_prefix(e, "pid %u", m->procs[i]->host);
	}
	s->ns_sum = sum;
	return 0;
}

int lm_source_describe_ns(struct lm_source *s, struct lm_objects *o,
			  struct lm_error *e)
{
	for (size_t i = 0; i < LM_NS_KINDS; i++)
		if (describe_kind(s, o, lm_ns_kinds[i], e))
			return -1;
	return check_mounts(s, e) || lm_source_check_users(&s->model, e) ? -1 : 0;
}
