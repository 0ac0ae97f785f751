// SPDX-License-Identifier: LGPL-2.1-or-later
/* Objects on their way from the kernel to the image. They stop in memory, as a
 * dump that turns out to be unusable must not have left anything in the image.
 */
#include <stdlib.h>
#include <string.h>

#include "source_priv.h"
#include "../grow.h"
#include "../schema.h"

void lm_objects_free(struct lm_objects *o)
{
	for (size_t i = 0; i < o->nr; i++)
		free(o->list[i].attrs);
	free(o->list);
	memset(o, 0, sizeof(*o));
}

int lm_objects_add(struct lm_objects *o, uint16_t type, const void *attrs, size_t len)
{
	void *copy;

	if (lm_grow(&o->list, o->nr, sizeof(*o->list)))
		return -1;
	copy = malloc(len ? len : 1);
	if (!copy)
		return -1;
	memcpy(copy, attrs, len);
	o->list[o->nr++] = (struct lm_object){ type, len, copy };
	return 0;
}

/* What no reader would take is refused here, where the container still runs. */
int lm_objects_add_checked(struct lm_objects *o, uint16_t type, const void *attrs, size_t len,
			   struct lm_error *e)
{
	if (lm_schema_check(lm_schema(type), attrs, len, e))
		return -1;
	return lm_objects_add(o, type, attrs, len) < 0 ? lm_fail(e, LM_FAILED, "no memory") : 0;
}

int lm_objects_add_buf(struct lm_objects *o, uint16_t type, struct lm_buf *b,
		       struct lm_error *e)
{
	int ret = b->oom ? lm_fail(e, LM_FAILED, "no memory") :
			   lm_objects_add_checked(o, type, b->data, b->len, e);

	lm_buf_free(b);
	return ret;
}

struct get {
	struct lm_source *s;
	struct lm_objects *o;
};

static int take(uint16_t type, const void *attrs, size_t len, void *arg, struct lm_error *e)
{
	struct get *g = arg;

	if (lm_model_add(&g->s->model, type, attrs, len, e) < 0)
		return -1;
	/* A refusal is for us; it is not part of an image. */
	if (type == LIVEMIG_OBJ_UNSUPPORTED)
		return 0;
	if (g->o && lm_objects_add(g->o, type, attrs, len) < 0)
		return lm_fail(e, LM_FAILED, "no memory");
	return 0;
}

int lm_objects_get(struct lm_source *s, struct lm_objects *o, struct lm_error *e)
{
	struct get g = { s, o };

	lm_model_free(&s->model);
	lm_model_init(&s->model);
	s->model.source = true;
	if (lm_nl_task_get(s->nl, s->session, take, &g, e) < 0)
		return -1;
	if (!s->model.nr_procs)
		return lm_fail(e, LM_REFUSED, "%s: there is no process in it", s->name);
	for (size_t i = 0; i < s->model.nr_file; i++)
		s->model.file[i]->source = s;
	return lm_model_finish(&s->model, e);
}

int lm_source_netns(const struct lm_source *s)
{
	return s->nsfd;
}

struct lm_usual **lm_source_usual(struct lm_source *s)
{
	return &s->usual;
}

bool lm_source_is_frozen(const struct lm_source *s)
{
	return s->frozen;
}

int lm_source_grab(struct lm_source *s, const struct lm_file *f, struct lm_error *e)
{
	int fd;

	return lm_nl_file_get(s->nl, s->session, f->id, &fd, e) < 0 ? -1 : fd;
}

int lm_objects_write(const struct lm_objects *o, struct lm_out *out, struct lm_error *e)
{
	int ret = lm_out_gather(out, true, e);

	for (size_t i = 0; i < o->nr && !ret; i++)
		ret = lm_out_rec(out, o->list[i].type, o->list[i].attrs, o->list[i].len, e);
	return lm_out_gather(out, false, e) ? -1 : ret;
}
