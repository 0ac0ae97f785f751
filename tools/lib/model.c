// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Filling a model and freeing it. What the parts must be like to fit together
 * is in model_check.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/user.h>

#include "grow.h"
#include "ipc/ipc.h"
#include "model.h"
#include "record.h"
#include "schema.h"

#define TB_MAX	(int)(sizeof(((struct lm_obj *)0)->tb) / sizeof(struct nlattr *) - 1)

static int oom(struct lm_error *e)
{
	return lm_fail(e, LM_FAILED, "out of memory");
}

/* Append a zeroed *element to an array of pointers. */
#define append(array, n) \
({ \
	typeof(*(array)) p_ = NULL; \
	if (!lm_grow(&(array), (n), sizeof(p_))) { \
		p_ = calloc(1, sizeof(*p_)); \
		if (p_) \
			(array)[(n)++] = p_; \
	} \
	p_; \
})

/* ... that lm_ids finds by @id from now on. */
#define append_id(array, n, ids, id) \
({ \
	typeof(*(array)) q_ = NULL; \
	if (!lm_ids_put((ids), (id), (n))) \
		q_ = append(array, n); \
	q_; \
})

#define lookup(array, ids, id) \
({ \
	long at_ = lm_ids_get((ids), (id)); \
	at_ < 0 ? NULL : (array)[at_]; \
})

/* The element of an array of pointers whose @field is @value, or NULL. Recent
 * ones first: what is filled is mostly the last.
 */
#define find(array, n, field, value) \
({ \
	typeof(*(array)) p_ = NULL; \
	for (size_t i_ = (n); i_-- && !p_; ) \
		if ((array)[i_]->field == (value)) \
			p_ = (array)[i_]; \
	p_; \
})

/* Add attributes to @o: objects that did not fit into one message go on in the
 * next.
 */
static int obj_add(struct lm_obj *o, uint16_t type, const void *attrs, size_t len,
		   struct lm_error *e)
{
	size_t start = NLA_ALIGN(o->len);	/* the last may lack its padding */
	void *p = realloc(o->raw, start + len + !len);

	if (!p)
		return oom(e);
	memset((char *)p + o->len, 0, start - o->len);
	if (len)
		memcpy((char *)p + start, attrs, len);
	o->type = type;
	o->raw = p;
	o->len = start + len;
	return lm_parse(o->raw, o->len, o->tb, TB_MAX, e);
}

void lm_model_init(struct lm_model *m)
{
	memset(m, 0, sizeof(*m));
}

static void free_objs(struct lm_obj **o, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(o[i]->raw);
		free(o[i]);
	}
	free(o);
}

static void free_process(struct lm_process *p)
{
	for (size_t i = 0; i < p->nr_threads; i++) {
		free(p->threads[i]->obj.raw);
		free(p->threads[i]);
	}
	free(p->threads);
	free(p->obj.raw);
	free(p->time.raw);
	free(p);
}

static void free_file(struct lm_file *f)
{
	for (size_t i = 0; i < f->nr_data; i++) {
		free(f->data[i]->obj.raw);
		free(f->data[i]);
	}
	free(f->data);
	free(f->fdinfo);
	free(f->obj.raw);
	free(f);
}

void lm_model_free(struct lm_model *m)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		free_process(m->procs[i]);
	for (size_t i = 0; i < m->nr_mms; i++) {
		free(m->mms[i]->vmas);
		free(m->mms[i]->policies);
		free(m->mms[i]->names);
		free(m->mms[i]->obj.raw);
		free(m->mms[i]);
	}
	for (size_t i = 0; i < m->nr_files; i++) {
		free(m->files[i]->fds);
		free(m->files[i]);
	}
	for (size_t i = 0; i < m->nr_file; i++)
		free_file(m->file[i]);
	for (size_t i = 0; i < m->nr_shmems; i++) {
		free(m->shmems[i]->obj.raw);
		free(m->shmems[i]);
	}
	free(m->procs);
	free(m->mms);
	free(m->files);
	free(m->file);
	free(m->shmems);
	free(m->refusals);
	free_objs(m->netns, m->nr_netns);
	free_objs(m->nft, m->nr_nft);
	free_objs(m->cgroups, m->nr_cgroups);
	free_objs(m->filters, m->nr_filters);
	free_objs(m->ns, m->nr_ns);
	lm_ids_free(&m->by_pid);
	lm_ids_free(&m->by_mm);
	lm_ids_free(&m->by_files);
	lm_ids_free(&m->by_file);
	lm_ids_free(&m->by_shmem);
	free_objs(m->ipc, m->nr_ipc);
	free_objs(m->trees, m->nr_trees);
	lm_model_init(m);
}

/* ---- one function for each type of object; @tb: its attributes ---- */

static int add_process(struct lm_model *m, const struct nlattr **tb,
		       const void *attrs, size_t len, struct lm_error *e)
{
	uint32_t pid = lm_u32(tb[LIVEMIG_PROCESS_PID]);
	struct lm_process *p = lm_model_process(m, pid);

	if (!pid)
		return lm_fail(e, LM_REFUSED, "PROCESS: pid 0");
	if (!p)
		p = append_id(m->procs, m->nr_procs, &m->by_pid, pid);
	if (!p)
		return oom(e);
	p->pid = pid;
	if (obj_add(&p->obj, LIVEMIG_OBJ_PROCESS, attrs, len, e))
		return -1;
	p->host = lm_u32(p->obj.tb[LIVEMIG_PROCESS_HOST_PID]);
	p->ppid = lm_u32(p->obj.tb[LIVEMIG_PROCESS_PPID]);
	p->pgid = lm_u32(p->obj.tb[LIVEMIG_PROCESS_PGID]);
	p->sid = lm_u32(p->obj.tb[LIVEMIG_PROCESS_SID]);
	p->mm_id = lm_u32(p->obj.tb[LIVEMIG_PROCESS_MM_ID]);
	p->files_id = lm_u32(p->obj.tb[LIVEMIG_PROCESS_FILES_ID]);
	p->fs_id = lm_u32(p->obj.tb[LIVEMIG_PROCESS_FS_ID]);
	return 0;
}

static int add_thread(struct lm_model *m, const struct nlattr **tb,
		      const void *attrs, size_t len, struct lm_error *e)
{
	uint32_t tid = lm_u32(tb[LIVEMIG_THREAD_TID]);
	uint32_t pid = lm_u32(tb[LIVEMIG_THREAD_PID]);
	struct lm_process *p = lm_model_process(m, pid);
	struct lm_thread *t;

	if (!p || !tid)
		return lm_fail(e, LM_REFUSED, "THREAD %u: no process %u before it", tid, pid);
	t = find(p->threads, p->nr_threads, tid, tid);
	if (!t)
		t = append(p->threads, p->nr_threads);
	if (!t)
		return oom(e);
	t->tid = tid;
	t->pid = pid;
	if (obj_add(&t->obj, LIVEMIG_OBJ_THREAD, attrs, len, e))
		return -1;
	t->host = lm_u32(t->obj.tb[LIVEMIG_THREAD_HOST_TID]);
	t->ended = t->obj.tb[LIVEMIG_THREAD_EXIT_STATUS];
	return 0;
}

static struct lm_mm *get_mm(struct lm_model *m, uint32_t id)
{
	struct lm_mm *mm = lm_model_mm(m, id);

	if (!mm)
		mm = append_id(m->mms, m->nr_mms, &m->by_mm, id);
	if (mm)
		mm->id = id;
	return mm;
}

static int add_mm(struct lm_model *m, const struct nlattr **tb,
		  const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_mm *mm = get_mm(m, lm_u32(tb[LIVEMIG_MM_ID]));

	return mm ? obj_add(&mm->obj, LIVEMIG_OBJ_MM, attrs, len, e) : oom(e);
}

static int take_name(struct lm_vma_name *to, const struct nlattr *a)
{
	size_t len = lm_len(a);

	memset(to, 0, sizeof(*to));
	if (len <= sizeof(to->at) || len - sizeof(to->at) > sizeof(to->name))
		return -1;
	memcpy(&to->at, lm_data(a), sizeof(to->at));
	memcpy(to->name, (const char *)lm_data(a) + sizeof(to->at), len - sizeof(to->at));
	return to->name[sizeof(to->name) - 1] ? -1 : 0;
}

static int add_vmas(struct lm_model *m, const struct nlattr **tb,
		    const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_mm *mm = get_mm(m, lm_u32(tb[LIVEMIG_VMAS_MM_ID]));
	const struct livemig_mempolicy *policies;
	const struct livemig_vma *v;
	size_t n;

	v = lm_array(tb[LIVEMIG_VMAS_LIST], sizeof(*v), &n);
	for (size_t i = 0; i < n; i++) {
		if (!mm || lm_grow(&mm->vmas, mm->nr_vmas, sizeof(*v)))
			return oom(e);
		memcpy(&mm->vmas[mm->nr_vmas++], v + i, sizeof(*v));
	}
	policies = lm_array(tb[LIVEMIG_VMAS_POLICIES], sizeof(*policies), &n);
	for (size_t i = 0; i < n; i++) {
		if (!mm || lm_grow(&mm->policies, mm->nr_policies, sizeof(*policies)))
			return oom(e);
		mm->policies[mm->nr_policies++] = policies[i];
	}
	for (const struct nlattr *a = NULL; (a = lm_next(attrs, len, a));)
		if (lm_type(a) == LIVEMIG_VMAS_NAME &&
		    (!mm || lm_grow(&mm->names, mm->nr_names, sizeof(*mm->names)) ||
		     take_name(&mm->names[mm->nr_names++], a)))
			return lm_fail(e, LM_FAILED, "name of a mapping");
	return mm ? 0 : oom(e);
}

/* A long fdinfo comes in several attributes, cut at the ends of lines. The
 * attributes are sound: lm_parse() went over them.
 */
static int join_fdinfo(struct lm_file *f, struct lm_error *e)
{
	const struct nlattr *a;
	size_t len = 0;

	free(f->fdinfo);
	f->fdinfo = NULL;
	for (size_t off = 0; off < f->obj.len; off += NLA_ALIGN(a->nla_len)) {
		const char *piece;
		size_t n;
		char *p;

		a = (const struct nlattr *)((const char *)f->obj.raw + off);
		if ((a->nla_type & NLA_TYPE_MASK) != LIVEMIG_FILE_A_FDINFO)
			continue;
		piece = (const char *)a + NLA_HDRLEN;
		n = strnlen(piece, a->nla_len - NLA_HDRLEN);
		p = realloc(f->fdinfo, len + n + 1);
		if (!p)
			return oom(e);
		memcpy(p + len, piece, n);
		len += n;
		p[len] = '\0';
		f->fdinfo = p;
	}
	return 0;
}

static int add_file(struct lm_model *m, const struct nlattr **tb,
		    const void *attrs, size_t len, struct lm_error *e)
{
	uint32_t id = lm_u32(tb[LIVEMIG_FILE_A_ID]);
	struct lm_file *f = lm_model_file(m, id);
	const struct nlattr *sock;

	if (!f) {
		f = append_id(m->file, m->nr_file, &m->by_file, id);
		if (!f)
			return oom(e);
		f->fd = f->dir = f->other = -1;
	}
	f->id = id;
	if (obj_add(&f->obj, LIVEMIG_OBJ_FILE, attrs, len, e))
		return -1;
	f->type = lm_u32(f->obj.tb[LIVEMIG_FILE_A_TYPE]);
	f->flags = lm_u32(f->obj.tb[LIVEMIG_FILE_A_FLAGS]);
	f->shmem_id = lm_u32(f->obj.tb[LIVEMIG_FILE_A_SHMEM_ID]);
	f->mapped = f->obj.tb[LIVEMIG_FILE_A_MAPPED];
	f->path = lm_str(f->obj.tb[LIVEMIG_FILE_A_PATH]);
	f->name = lm_str(f->obj.tb[LIVEMIG_FILE_A_NAME]);
	if (join_fdinfo(f, e))
		return -1;
	if (f->obj.tb[LIVEMIG_FILE_A_HOLDER])
		memcpy(&f->holder, lm_data(f->obj.tb[LIVEMIG_FILE_A_HOLDER]),
		       sizeof(f->holder));
	sock = f->obj.tb[LIVEMIG_FILE_A_SOCK];
	return sock ? lm_parse(lm_data(sock), lm_len(sock), f->sock,
			       sizeof(f->sock) / sizeof(*f->sock) - 1, e) : 0;
}

static int add_fds(struct lm_model *m, const struct nlattr **tb,
		   const void *attrs, size_t len, struct lm_error *e)
{
	uint32_t id = lm_u32(tb[LIVEMIG_FDS_FILES_ID]);
	struct lm_files *f = lm_model_files(m, id);
	const struct livemig_fd *fd;
	size_t n;

	if (!f)
		f = append_id(m->files, m->nr_files, &m->by_files, id);
	if (!f)
		return oom(e);
	f->id = id;
	fd = lm_array(tb[LIVEMIG_FDS_LIST], sizeof(*fd), &n);
	for (size_t i = 0; i < n; i++) {
		if (lm_grow(&f->fds, f->nr_fds, sizeof(*fd)))
			return oom(e);
		memcpy(&f->fds[f->nr_fds++], fd + i, sizeof(*fd));
	}
	return 0;
}

static int add_shmem(struct lm_model *m, const struct nlattr **tb,
		     const void *attrs, size_t len, struct lm_error *e)
{
	uint32_t id = lm_u32(tb[LIVEMIG_SHMEM_ID]);
	struct lm_shmem *s = lm_model_shmem(m, id);

	if (!s) {
		s = append_id(m->shmems, m->nr_shmems, &m->by_shmem, id);
		if (!s)
			return oom(e);
		s->fd = -1;
	}
	s->id = id;
	if (obj_add(&s->obj, LIVEMIG_OBJ_SHMEM, attrs, len, e))
		return -1;
	s->size = lm_u64(s->obj.tb[LIVEMIG_SHMEM_SIZE]);
	if (s->size > INT64_MAX)
		return lm_fail(e, LM_REFUSED, "shared memory %u has an impossible size", id);
	s->name = lm_str(s->obj.tb[LIVEMIG_SHMEM_NAME]);
	return 0;
}

static int add_data(struct lm_model *m, const struct nlattr **tb,
		    const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_file *f = lm_model_file(m, lm_u32(tb[LIVEMIG_DATA_FILE]));
	struct lm_data *d;

	if (!f)
		return lm_fail(e, LM_REFUSED, "DATA: no file %u before it",
			       lm_u32(tb[LIVEMIG_DATA_FILE]));
	d = append(f->data, f->nr_data);
	if (!d)
		return oom(e);
	if (obj_add(&d->obj, LIVEMIG_OBJ_DATA, attrs, len, e))
		return -1;
	tb = d->obj.tb;
	d->queue = lm_u32(tb[LIVEMIG_DATA_QUEUE]);
	d->offset = lm_u64(tb[LIVEMIG_DATA_OFFSET]);
	d->len = lm_len(tb[LIVEMIG_DATA_BYTES]);
	d->bytes = d->len ? lm_data(tb[LIVEMIG_DATA_BYTES]) : NULL;
	return 0;
}

static int add_time(struct lm_model *m, const struct nlattr **tb,
		    const void *attrs, size_t len, struct lm_error *e)
{
	uint32_t pid = lm_u32(tb[LIVEMIG_TIME_PID]);
	struct lm_process *p = lm_model_process(m, pid);

	if (!p)
		return lm_fail(e, LM_REFUSED, "TIME: no process %u before it", pid);
	return obj_add(&p->time, LIVEMIG_OBJ_TIME, attrs, len, e);
}

static int add_refusal(struct lm_model *m, const struct nlattr **tb,
		       const void *attrs, size_t len, struct lm_error *e)
{
	const char *remedy = lm_str(tb[LIVEMIG_UNSUPPORTED_REMEDY]);
	struct lm_refusal *r;

	if (lm_grow(&m->refusals, m->nr_refusals, sizeof(*r)))
		return oom(e);
	r = &m->refusals[m->nr_refusals++];
	memset(r, 0, sizeof(*r));
	r->pid = lm_u32(tb[LIVEMIG_UNSUPPORTED_PID]);
	r->fd = tb[LIVEMIG_UNSUPPORTED_FD] ? lm_s32(tb[LIVEMIG_UNSUPPORTED_FD]) : -1;
	r->transient = tb[LIVEMIG_UNSUPPORTED_TRANSIENT];
	snprintf(r->what, sizeof(r->what), "%s", lm_str(tb[LIVEMIG_UNSUPPORTED_WHAT]));
	snprintf(r->remedy, sizeof(r->remedy), "%s", remedy ? remedy : "");
	return 0;
}

static int add_netns(struct lm_model *m, const struct nlattr **tb,
		     const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = append(m->netns, m->nr_netns);

	return o ? obj_add(o, LM_REC_NETNS, attrs, len, e) : oom(e);
}

static int add_nft(struct lm_model *m, const struct nlattr **tb,
		   const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = append(m->nft, m->nr_nft);

	return o ? obj_add(o, LM_REC_NFT, attrs, len, e) : oom(e);
}

static int add_cgroup(struct lm_model *m, const struct nlattr **tb,
		      const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = append(m->cgroups, m->nr_cgroups);

	return o ? obj_add(o, LM_REC_CGROUP, attrs, len, e) : oom(e);
}

static int add_filter(struct lm_model *m, const struct nlattr **tb,
		      const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = append(m->filters, m->nr_filters);

	return o ? obj_add(o, LM_REC_SECCOMP, attrs, len, e) : oom(e);
}

static int add_ns(struct lm_model *m, const struct nlattr **tb,
		  const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = append(m->ns, m->nr_ns);

	return o ? obj_add(o, LM_REC_NS, attrs, len, e) : oom(e);
}

/* One with much in it comes in several. */
static int add_ipc(struct lm_model *m, const struct nlattr **tb,
		   const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = NULL;

	for (size_t i = m->nr_ipc; i-- && !o;)
		if (lm_u32(m->ipc[i]->tb[LM_IPC_ID]) == lm_u32(tb[LM_IPC_ID]) &&
		    lm_u32(m->ipc[i]->tb[LM_IPC_NS]) == lm_u32(tb[LM_IPC_NS]) &&
		    !strcmp(lm_str(m->ipc[i]->tb[LM_IPC_KIND]), lm_str(tb[LM_IPC_KIND])))
			o = m->ipc[i];
	if (!o)
		o = append(m->ipc, m->nr_ipc);
	return o ? obj_add(o, LM_REC_IPC, attrs, len, e) : oom(e);
}

static int add_tree(struct lm_model *m, const struct nlattr **tb,
		    const void *attrs, size_t len, struct lm_error *e)
{
	struct lm_obj *o = append(m->trees, m->nr_trees);

	return o ? obj_add(o, LM_REC_TREE, attrs, len, e) : oom(e);
}

int lm_model_add(struct lm_model *m, uint16_t type, const void *attrs, size_t len,
		 struct lm_error *e)
{
	static int (*const add[])(struct lm_model *m, const struct nlattr **tb,
				  const void *attrs, size_t len, struct lm_error *e) = {
		[LIVEMIG_OBJ_PROCESS] = add_process,
		[LIVEMIG_OBJ_THREAD] = add_thread,
		[LIVEMIG_OBJ_MM] = add_mm,
		[LIVEMIG_OBJ_VMAS] = add_vmas,
		[LIVEMIG_OBJ_FILE] = add_file,
		[LIVEMIG_OBJ_FDS] = add_fds,
		[LIVEMIG_OBJ_SHMEM] = add_shmem,
		[LIVEMIG_OBJ_DATA] = add_data,
		[LIVEMIG_OBJ_UNSUPPORTED] = add_refusal,
		[LIVEMIG_OBJ_TIME] = add_time,
		[LM_REC_NETNS] = add_netns,
		[LM_REC_CGROUP] = add_cgroup,
		[LM_REC_SECCOMP] = add_filter,
		[LM_REC_NS] = add_ns,
		[LM_REC_IPC] = add_ipc,
		[LM_REC_TREE] = add_tree,
		[LM_REC_NFT] = add_nft,
	};
	const struct nlattr *tb[TB_MAX + 1];

	if (type >= sizeof(add) / sizeof(*add) || !add[type])
		return 0;
	if (lm_schema_check(lm_schema(type), attrs, len, e) ||
	    lm_parse(attrs, len, tb, TB_MAX, e))
		return -1;
	return add[type](m, tb, attrs, len, e);
}

struct lm_process *lm_model_stand_in(struct lm_model *m, uint32_t pid)
{
	struct lm_process *p = append_id(m->procs, m->nr_procs, &m->by_pid, pid);

	if (p) {
		p->pid = pid;
		p->stand_in = true;
	}
	return p;
}

bool lm_model_any_ended(const struct lm_model *m)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		if (m->procs[i]->nr_threads && m->procs[i]->threads[0]->ended)
			return true;
	return false;
}

const struct lm_thread *lm_model_pdeath(const struct lm_model *m, const struct lm_process *p)
{
	const struct lm_process *up = lm_model_process(m, p->ppid);

	if (!up || !up->nr_threads || !up->threads[0]->ended)
		return NULL;
	for (size_t i = 0; i < p->nr_threads; i++)
		if (lm_u32(p->threads[i]->obj.tb[LIVEMIG_THREAD_PDEATH_SIG]))
			return p->threads[i];
	return NULL;
}

int lm_model_borrow(struct lm_model *m, const struct lm_model *from)
{
	lm_model_init(m);
	for (size_t i = 0; i < from->nr_procs; i++) {
		if (lm_grow(&m->procs, m->nr_procs, sizeof(*m->procs)) ||
		    lm_ids_put(&m->by_pid, from->procs[i]->pid, m->nr_procs)) {
			lm_model_give_back(m);
			return -1;
		}
		m->procs[m->nr_procs++] = from->procs[i];
	}
	return 0;
}

void lm_model_give_back(struct lm_model *m)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		if (m->procs[i]->stand_in)
			free_process(m->procs[i]);
	free(m->procs);
	lm_ids_free(&m->by_pid);
	lm_model_init(m);
}

const struct lm_thread *lm_model_thread_in(const struct lm_process *p, uint64_t start,
					   uint64_t end)
{
	for (size_t i = 0; i < p->nr_threads; i++) {
		const struct nlattr *a = p->threads[i]->obj.tb[LIVEMIG_THREAD_REGS];
		struct user_regs_struct regs;

		if (lm_len(a) < sizeof(regs))
			continue;
		memcpy(&regs, lm_data(a), sizeof(regs));
		if (regs.rip >= start && regs.rip < end)
			return p->threads[i];
	}
	return NULL;
}

const struct lm_thread *lm_model_in_vdso(const struct lm_process *p)
{
	const struct livemig_range *vdso;
	size_t n;

	vdso = p->mm ? lm_array(p->mm->obj.tb[LIVEMIG_MM_VDSO], sizeof(*vdso), &n) : NULL;
	return vdso && n ? lm_model_thread_in(p, vdso->start, vdso->end) : NULL;
}

struct lm_process *lm_model_process(const struct lm_model *m, uint32_t pid)
{
	return lookup(m->procs, &m->by_pid, pid);
}

bool lm_model_shares_fs(const struct lm_model *m, const struct lm_process *p)
{
	const struct lm_process *parent = lm_model_process(m, p->ppid);

	return parent && p->fs_id && parent->fs_id == p->fs_id;
}

bool lm_model_shares_files(const struct lm_model *m, const struct lm_process *p)
{
	const struct lm_process *parent = lm_model_process(m, p->ppid);

	return parent && p->files_id && parent->files_id == p->files_id;
}

struct lm_mm *lm_model_mm(const struct lm_model *m, uint32_t id)
{
	return lookup(m->mms, &m->by_mm, id);
}

struct lm_files *lm_model_files(const struct lm_model *m, uint32_t id)
{
	return lookup(m->files, &m->by_files, id);
}

struct lm_file *lm_model_file(const struct lm_model *m, uint32_t id)
{
	return lookup(m->file, &m->by_file, id);
}

struct lm_shmem *lm_model_shmem(const struct lm_model *m, uint32_t id)
{
	return lookup(m->shmems, &m->by_shmem, id);
}

void lm_refusal_text(const struct lm_refusal *r, char *buf, size_t len)
{
	char where[48] = "";

	if (r->pid && r->fd >= 0)
		snprintf(where, sizeof(where), "pid %u fd %d: ", r->pid, r->fd);
	else if (r->pid)
		snprintf(where, sizeof(where), "pid %u: ", r->pid);
	snprintf(buf, len, "%s%s: not supported%s%s", where, r->what,
		 *r->remedy ? "; " : "", r->remedy);
}
