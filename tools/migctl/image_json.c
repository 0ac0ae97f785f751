// SPDX-License-Identifier: GPL-2.0-or-later
/* An image as a JSON value. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "image_out.h"
#include "out.h"
#include "schema.h"
#include "vma_kind.h"

#define MAX_DEPTH 1000	/* of the tree that is shown */
#define HEX_MAX	16	/* longer binary values are only measured */

static json_t *num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *nest_json(const struct lm_schema *s, const void *attrs, size_t len);

static json_t *value_json(const struct lm_attr *t, const struct nlattr *a)
{
	switch (t->kind) {
	case LM_ATTR_U32:
	case LM_ATTR_U64:
		return num(lm_u64(a));
	case LM_ATTR_S32:
		return json_integer(lm_s32(a));
	case LM_ATTR_S64:
		return json_integer((int64_t)lm_u64(a));
	case LM_ATTR_STR:
		return out_str(lm_str(a));
	case LM_ATTR_FLAG:
		return json_true();
	case LM_ATTR_NEST:
		return nest_json(t->nest, lm_data(a), lm_len(a));
	default:
		if (lm_len(a) <= HEX_MAX)
			return out_hex(lm_data(a), lm_len(a));
		return json_pack("{s:I}", "bytes", (json_int_t)lm_len(a));
	}
}

/* Attributes that occur more than once become an array. */
static void add(json_t *to, const char *name, json_t *v)
{
	json_t *old = json_object_get(to, name);

	if (!old)
		json_object_set_new(to, name, v);
	else if (json_is_array(old))
		json_array_append_new(old, v);
	else
		json_object_set_new(to, name, json_pack("[O, o]", old, v));
}

static json_t *nest_json(const struct lm_schema *s, const void *attrs, size_t len)
{
	const struct nlattr *a = NULL;
	json_t *j = json_object();

	while (j && (a = lm_next(attrs, len, a)))
		if (lm_type(a) <= s->max && s->attrs[lm_type(a)].name)
			add(j, s->attrs[lm_type(a)].name,
			    value_json(&s->attrs[lm_type(a)], a));
	return j;
}

json_t *attrs_json(uint16_t type, const void *attrs, size_t len)
{
	const struct lm_schema *s = lm_schema(type);

	return s && s->attrs ? nest_json(s, attrs, len) : json_object();
}

json_t *image_header_json(const struct lm_image *img)
{
	const struct lm_obj *h = &img->header;
	json_t *j = attrs_json(LM_REC_HEADER, h->raw, h->len);

	/* 64 bits that are no numbers */
	if (j && h->tb[LM_HEADER_VDSO_ID])
		json_object_set_new(j, "vdso-id", out_id(lm_u64(h->tb[LM_HEADER_VDSO_ID])));
	return j;
}

static const char *file_type(const struct lm_file *f)
{
	static const char *const names[] = {
		[LIVEMIG_FILE_UNKNOWN] = "unknown",
		[LIVEMIG_FILE_REG] = "file",
		[LIVEMIG_FILE_DIR] = "directory",
		[LIVEMIG_FILE_CHR] = "device",
		[LIVEMIG_FILE_PIPE] = "pipe",
		[LIVEMIG_FILE_FIFO] = "fifo",
		[LIVEMIG_FILE_EVENTFD] = "eventfd",
		[LIVEMIG_FILE_EPOLL] = "epoll",
		[LIVEMIG_FILE_TIMERFD] = "timerfd",
		[LIVEMIG_FILE_SIGNALFD] = "signalfd",
		[LIVEMIG_FILE_INOTIFY] = "inotify",
		[LIVEMIG_FILE_SOCKET] = "socket",
		[LIVEMIG_FILE_MEMFD] = "memfd",
		[LIVEMIG_FILE_PIDFD] = "pidfd",
		[LIVEMIG_FILE_TTY] = "terminal",
	};

	if (f->type != LIVEMIG_FILE_SOCKET)
		return f->type < sizeof(names) / sizeof(*names) ? names[f->type] : "?";
	switch (lm_u32(f->sock[LIVEMIG_SOCK_FAMILY])) {
	case AF_UNIX:
		return "unix socket";
	case AF_INET:
	case AF_INET6:
		return lm_u32(f->sock[LIVEMIG_SOCK_TYPE]) == SOCK_STREAM ?
			"TCP socket" : "UDP socket";
	default:
		return "socket";
	}
}

static json_t *fds_json(const struct lm_model *m, const struct lm_process *p)
{
	json_t *a = json_array();

	for (size_t i = 0; p->files && i < p->files->nr_fds; i++) {
		const struct livemig_fd *fd = &p->files->fds[i];
		const struct lm_file *f = lm_model_file(m, fd->file);

		if (f)
			json_array_append_new(a, json_pack("{s:I, s:I, s:s, s:o}",
				"fd", (json_int_t)fd->fd, "file", (json_int_t)fd->file,
				"type", file_type(f),
				"path", out_str(f->path ? f->path : f->name)));
	}
	return a;
}

static json_t *threads_json(const struct lm_process *p)
{
	json_t *a = json_array();

	for (size_t i = 0; i < p->nr_threads; i++)
		json_array_append_new(a, json_pack("{s:I, s:o}",
			"tid", (json_int_t)p->threads[i]->tid,
			"comm", out_str(lm_str(p->threads[i]->obj.tb[LIVEMIG_THREAD_COMM]))));
	return a;
}

/* The children of @ppid, with theirs below them down to MAX_DEPTH. */
static json_t *tree_json(const struct lm_model *m, uint32_t ppid, int depth)
{
	json_t *a = json_array();

	for (size_t i = 0; depth < MAX_DEPTH && i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];
		const struct lm_mm *mm = p->mm;

		if (p->ppid != ppid)
			continue;
		json_array_append_new(a, json_pack(
			"{s:I, s:I, s:I, s:o, s:o, s:b, s:o, s:o, s:o}",
			"pid", (json_int_t)p->pid,
			"pgid", (json_int_t)p->pgid,
			"sid", (json_int_t)p->sid,
			"exe", out_str(mm ? lm_str(mm->obj.tb[LIVEMIG_MM_EXE]) : NULL),
			"cwd", out_str(lm_str(p->obj.tb[LIVEMIG_PROCESS_CWD])),
			"zombie", !!(lm_u32(p->obj.tb[LIVEMIG_PROCESS_FLAGS]) &
				     LIVEMIG_PROCESS_F_ZOMBIE),
			"threads", threads_json(p),
			"fds", fds_json(m, p),
			"children", tree_json(m, p->pid, depth + 1)));
	}
	return a;
}

static json_t *memory_json(const struct lm_model *m)
{
	enum { N = 32 };		/* more kinds than there are */
	uint64_t bytes[N] = { 0 }, number[N] = { 0 };
	json_t *a = json_array();

	for (size_t i = 0; i < m->nr_mms; i++) {
		for (size_t k = 0; k < m->mms[i]->nr_vmas; k++) {
			const struct livemig_vma *v = &m->mms[i]->vmas[k];

			if (v->kind >= N)
				continue;
			bytes[v->kind] += v->end - v->start;
			number[v->kind]++;
		}
	}
	for (int k = 0; k < N && lm_vma_kind_nr(k); k++)
		if (number[k])
			json_array_append_new(a, json_pack("{s:s, s:o, s:o}",
				"kind", lm_vma_kind_nr(k)->name, "mappings", num(number[k]),
				"bytes", num(bytes[k])));
	return a;
}

static json_t *rounds_json(const struct lm_image *img)
{
	json_t *a = json_array();

	for (size_t i = 0; i < img->nr_rounds; i++) {
		const struct lm_image_round *r = &img->rounds[i];

		json_array_append_new(a, json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:o}",
			"round", num(r->nr), "final", r->final,
			"data", num(r->data), "zero", num(r->zero),
			"hole", num(r->hole), "bytes", num(r->bytes), "ns", num(r->ns)));
	}
	return a;
}

json_t *image_json(const struct lm_image *img)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}",
			 "header", image_header_json(img),
			 "records", num(img->records),
			 "bytes", num(img->bytes),
			 "processes", tree_json(&img->model, 0, 0),
			 "memory", memory_json(&img->model),
			 "rounds", rounds_json(img));
}
