// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Build-ids of programs and libraries. They are read through the mapping itself
 * (map_files), as the path may lead to another file by now. What was read before
 * the stop is not read again in it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "source_priv.h"

static uint64_t attr(const struct lm_file *f, int nr)
{
	return lm_u64(f->obj.tb[nr]);
}

static struct lm_known_build *known(struct lm_source *s, const struct lm_file *f)
{
	long at = lm_ids_get(&s->by_file, f->id);

	return at < 0 ? NULL : &s->builds[at];
}

static struct lm_known_build *remember(struct lm_source *s, const struct lm_file *f)
{
	struct lm_known_build *b = known(s, f);

	if (b)
		return b;
	b = realloc(s->builds, (s->nr_builds + 1) * sizeof(*b));
	if (!b)
		return NULL;
	s->builds = b;
	if (lm_ids_put(&s->by_file, f->id, s->nr_builds))
		return NULL;
	b += s->nr_builds++;
	b->file = f->id;
	return b;
}

/* A mapping of a running process may be gone by now: then the file is looked at in
 * the next round. Return: false for that.
 */
static bool look(uint32_t pid, const struct livemig_vma *v, struct lm_known_build *b)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", pid,
		 (unsigned long long)v->start, (unsigned long long)v->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return false;
	b->len = lm_build_id(fd, b->id);
	close(fd);
	return true;
}

static int tell(struct lm_objects *o, struct lm_model *m, const struct lm_file *f,
		const struct lm_known_build *k, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	if (!k->len)
		return 0;
	lm_put_u32(&b, LIVEMIG_FILE_A_ID, f->id);
	lm_put_u32(&b, LIVEMIG_FILE_A_TYPE, f->type);
	lm_put(&b, LIVEMIG_FILE_A_BUILD_ID, k->id, k->len);
	if (b.oom || lm_model_add(m, LIVEMIG_OBJ_FILE, b.data, b.len, e)) {
		lm_buf_free(&b);
		return lm_fail(e, LM_FAILED, "no memory");
	}
	return lm_objects_add_buf(o, LIVEMIG_OBJ_FILE, &b, e);
}

static int one(struct lm_source *s, struct lm_objects *o, uint32_t pid,
	       const struct livemig_vma *v, struct lm_error *e)
{
	struct lm_file *f = lm_model_file(&s->model, v->object);
	struct lm_known_build *k;

	if (!f || f->type != LIVEMIG_FILE_REG ||
	    f->obj.tb[LIVEMIG_FILE_A_BUILD_ID])
		return 0;
	k = known(s, f);
	if (!k || k->size != attr(f, LIVEMIG_FILE_A_SIZE) ||
	    k->mtime_ns != attr(f, LIVEMIG_FILE_A_MTIME_NS)) {
		struct lm_known_build now = { 0 };

		if (!look(pid, v, &now))
			return 0;
		k = remember(s, f);
		if (!k)
			return lm_fail(e, LM_FAILED, "no memory");
		k->size = attr(f, LIVEMIG_FILE_A_SIZE);
		k->mtime_ns = attr(f, LIVEMIG_FILE_A_MTIME_NS);
		k->len = now.len;
		memcpy(k->id, now.id, now.len);
	}
	return o ? tell(o, &s->model, f, k, e) : 0;
}

int lm_source_builds(struct lm_source *s, struct lm_objects *o, struct lm_error *e)
{
	for (size_t i = 0; i < s->model.nr_procs; i++) {
		const struct lm_process *p = s->model.procs[i];

		for (size_t j = 0; p->mm && j < p->mm->nr_vmas; j++) {
			const struct livemig_vma *v = &p->mm->vmas[j];

			if (v->kind == LIVEMIG_VMA_FILE_PRIVATE &&
			    v->flags & LIVEMIG_VMA_F_EXEC &&
			    one(s, o, p->task, v, e))
				return -1;
		}
	}
	return 0;
}
