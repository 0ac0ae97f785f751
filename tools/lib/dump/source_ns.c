// SPDX-License-Identifier: LGPL-2.1-or-later
/* The container's namespaces, described from inside: one record each. */
#include <unistd.h>

#include "source_priv.h"
#include "../net/rtnl.h"
#include "../ns/ns.h"

struct inside {
	const struct lm_ns_kind *kind;
	struct lm_buf *b;
};

static int describe(void *arg, struct lm_error *e)
{
	const struct inside *in = arg;

	return in->kind->describe(in->b, e);
}

static int one(struct lm_objects *o, const struct lm_process *p,
	       const struct lm_ns_kind *k, uint32_t id, struct lm_error *e)
{
	struct lm_buf b = { 0 };
	struct inside in = { k, &b };
	int fd = lm_ns_open(p->host, k, e), ret = 0;

	if (fd < 0)
		return -1;
	lm_put_str(&b, LM_NS_KIND, k->name);
	lm_put_u32(&b, LM_NS_ID, id);
	if (k->describe)
		ret = lm_in_ns(fd, k->flag, describe, &in, e);
	close(fd);
	if (ret || !o) {
		lm_buf_free(&b);
		return ret ? lm_prefix(e, "pid %u", p->host) : 0;
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

static int of_kind(const struct lm_model *m, struct lm_objects *o,
		   const struct lm_ns_kind *k, struct lm_error *e)
{
	int fd = lm_ns_open(getpid(), k, e);
	uint32_t own;

	if (fd < 0)
		return -1;
	own = lm_ns_ino(fd);
	close(fd);
	for (size_t i = 0; i < m->nr_procs; i++) {
		uint32_t id = lm_ns_of(m->procs[i], k);

		if (id != LM_NS_NONE && id != own && !known(m, i, k, id) &&
		    one(o, m->procs[i], k, id, e))
			return -1;
	}
	return 0;
}

int lm_source_describe_ns(struct lm_source *s, struct lm_objects *o,
			  struct lm_error *e)
{
	for (size_t i = 0; i < LM_NS_KINDS; i++)
		if (of_kind(&s->model, o, lm_ns_kinds[i], e))
			return -1;
	return 0;
}
