// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of kinds, their records, and how one gets an object of its id. */
#include <errno.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc.h"
#include "../ns/ns.h"
#include "../textfile.h"
#include "../vma_kind.h"

#define RECORD	(256U << 10)	/* about as large as a record gets */

const struct lm_ipc_kind *const lm_ipc_kinds[LM_IPC_KINDS] = {
	&lm_ipc_shm,
	&lm_ipc_sem,
	&lm_ipc_msg,
	&lm_ipc_mqueue,
};

const struct lm_ipc_kind *lm_ipc_kind(const char *name)
{
	for (size_t i = 0; i < LM_IPC_KINDS; i++)
		if (!strcmp(lm_ipc_kinds[i]->name, name))
			return lm_ipc_kinds[i];
	return NULL;
}

/* ---- records ---- */

void lm_ipc_begin(struct lm_ipc_out *out, const struct lm_ipc_kind *kind,
		  const struct lm_ipc *o)
{
	out->kind = kind;
	out->o = o;
	lm_put_str(&out->b, LM_IPC_KIND, kind->name);
	lm_put_u32(&out->b, LM_IPC_NS, o->ns);
	lm_put_u32(&out->b, LM_IPC_ID, o->id);
	lm_put(&out->b, LM_IPC_PERM, &o->perm, sizeof(o->perm));
	lm_put_u64(&out->b, LM_IPC_SIZE, o->size);
	if (!o->name)
		return;
	lm_put_str(&out->b, LM_IPC_NAME, o->name);
	lm_put(&out->b, LM_IPC_QUEUE, &o->queue, sizeof(o->queue));
}

int lm_ipc_end(struct lm_ipc_out *out, struct lm_error *e)
{
	int ret = out->emit(&out->b, out->arg, e);

	memset(&out->b, 0, sizeof(out->b));
	return ret;
}

static void put_piece(struct lm_buf *b, uint64_t number, const void *bytes, size_t len)
{
	char piece[sizeof(number) + LM_IPC_PIECE];

	memcpy(piece, &number, sizeof(number));
	memcpy(piece + sizeof(number), bytes, len);
	lm_put(b, LM_IPC_BYTES, piece, sizeof(number) + len);
}

int lm_ipc_put(struct lm_ipc_out *out, uint64_t number, const void *bytes,
	       size_t len, struct lm_error *e)
{
	size_t n = len < LM_IPC_PIECE ? len : LM_IPC_PIECE;
	const char *p = bytes;

	put_piece(&out->b, number, p, n);
	while (p += n, len -= n) {
		n = len < LM_IPC_PIECE ? len : LM_IPC_PIECE;
		lm_put(&out->b, LM_IPC_MORE, p, n);
		if (out->b.len < RECORD)
			continue;
		if (lm_ipc_end(out, e))
			return -1;
		lm_ipc_begin(out, out->kind, out->o);
	}
	if (out->b.len < RECORD)
		return 0;
	if (lm_ipc_end(out, e))
		return -1;
	lm_ipc_begin(out, out->kind, out->o);
	return 0;
}

/* One in the host's namespace is nobody's to make. */
static int parse_queue(const struct lm_obj *rec, struct lm_ipc *o, struct lm_error *e)
{
	o->fd = -1;
	o->name = lm_str(rec->tb[LM_IPC_NAME]);
	if (!o->name || !*o->name || strchr(o->name, '/') || !rec->tb[LM_IPC_QUEUE] || !o->ns)
		return lm_fail(e, LM_REFUSED, "POSIX message queue without %s",
			       o->ns ? "a name and limits" : "a namespace");
	memcpy(&o->queue, lm_data(rec->tb[LM_IPC_QUEUE]), sizeof(o->queue));
	return 0;
}

int lm_ipc_parse(const struct lm_obj *rec, const struct lm_ipc_kind **kind,
		 struct lm_ipc *o, struct lm_error *e)
{
	const char *name = lm_str(rec->tb[LM_IPC_KIND]);

	memset(o, 0, sizeof(*o));
	*kind = lm_ipc_kind(name);
	if (!*kind)
		return lm_fail(e, LM_REFUSED, "IPC \"%s\": not known here", name);
	o->ns = lm_u32(rec->tb[LM_IPC_NS]);
	o->id = lm_u32(rec->tb[LM_IPC_ID]);
	o->size = lm_u64(rec->tb[LM_IPC_SIZE]);
	memcpy(&o->perm, lm_data(rec->tb[LM_IPC_PERM]), sizeof(o->perm));
	if (*kind == &lm_ipc_mqueue)
		return parse_queue(rec, o, e);
	if (o->id > INT32_MAX)
		return lm_fail(e, LM_REFUSED, "System V %s: impossible id", (*kind)->what);
	return 0;
}

const void *lm_ipc_bytes(const struct nlattr *a, uint64_t *number, size_t *len)
{
	const char *p = lm_data(a);

	*len = lm_len(a);
	if (lm_type(a) == LM_IPC_MORE)
		return p;
	if (*len < sizeof(*number))
		return NULL;
	memcpy(number, p, sizeof(*number));
	*len -= sizeof(*number);
	return p + sizeof(*number);
}

size_t lm_ipc_message(const struct lm_obj *rec, const struct nlattr *a,
		      uint64_t *number, void *to)
{
	size_t total = 0, len;
	uint64_t other;

	do {
		const void *p = lm_ipc_bytes(a, total ? &other : number, &len);

		if (to && len)
			memcpy((char *)to + total, p, len);
		total += len;
		/* A message in many records has their other attributes between. */
		while ((a = lm_next(rec->raw, rec->len, a)) &&
		       lm_type(a) != LM_IPC_BYTES && lm_type(a) != LM_IPC_MORE)
			;
	} while (a && lm_type(a) == LM_IPC_MORE);
	return total;
}

/* ---- making one ---- */

/* Who calls get() is the creator of the object; this thread alone. It may still do
 * what root may: limits may have been others when the object was made.
 */
static int get_as(const struct lm_ipc_kind *kind, const struct lm_ipc *o)
{
	unsigned long bits = prctl(PR_GET_SECUREBITS);
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int id = -1, err = 0;

	prctl(PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP);
	if (syscall(SYS_setresgid, -1, o->perm.cgid, -1) ||
	    syscall(SYS_setresuid, -1, o->perm.cuid, -1))
		err = errno;
	if (!err)
		id = kind->get(o);
	if (id < 0 && !err)
		err = errno;
	/* Back to what we were: that is always allowed. */
	if (syscall(SYS_setresuid, -1, uid, -1) || syscall(SYS_setresgid, -1, gid, -1))
		_exit(LM_FAILED);
	prctl(PR_SET_SECUREBITS, bits);
	errno = err;
	return id;
}

static int make_queue(const struct lm_ipc *o, struct lm_error *e)
{
	int fd = get_as(&lm_ipc_mqueue, o);

	return fd >= 0 ? fd : lm_fail_errno(e, LM_REFUSED, "POSIX message queue /%s", o->name);
}

int lm_ipc_make(const struct lm_ipc_kind *kind, const struct lm_ipc *o,
		struct lm_error *e)
{
	char name[32], text[16];
	int id;

	if (kind == &lm_ipc_mqueue)
		return make_queue(o, e);
	snprintf(name, sizeof(name), "kernel/%s_next_id", kind->name);
	snprintf(text, sizeof(text), "%u", o->id);
	if (lm_text_write("/proc/sys", name, text))
		return lm_fail_errno(e, LM_REFUSED, "/proc/sys/%s", name);
	id = get_as(kind, o);
	if (id < 0 && errno == EEXIST)
		return lm_fail(e, LM_REFUSED,
			       "System V %s %u: key %#x is taken here; remove what has it (ipcrm), or give the container an ipc namespace",
			       kind->what, o->id, o->perm.key);
	if (id < 0)
		return lm_fail_errno(e, LM_REFUSED, "System V %s %u", kind->what, o->id);
	if (id == (int)o->id)
		return 0;
	kind->remove(id);
	return lm_fail(e, LM_REFUSED,
		       "System V %s %u: its id is taken here; remove what has it (ipcrm), or give the container an ipc namespace",
		       kind->what, o->id);
}

uint32_t lm_ipc_ns_of(const struct lm_model *m, const struct lm_shmem *s)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_mm *mm = m->procs[i]->mm;

		for (size_t j = 0; mm && j < mm->nr_vmas; j++)
			if (mm->vmas[j].object == s->id &&
			    lm_vma_kind(&mm->vmas[j])->object == LM_VMA_SHMEM)
				return lm_ns_of(m->procs[i], &lm_ns_ipc);
	}
	return LM_NS_NONE;
}

uint32_t lm_ipc_ns_in(const struct lm_model *m, const struct lm_process *p)
{
	uint32_t ns = lm_ns_of(p, &lm_ns_ipc);

	return lm_ns_record(m, &lm_ns_ipc, ns) ? ns : LM_NS_NONE;
}

bool lm_ipc_segment(const struct lm_model *m, uint32_t ns, const struct lm_shmem *s,
		    struct lm_ipc *o)
{
	uint32_t id = lm_u32(s->obj.tb[LIVEMIG_SHMEM_SYSV]);
	const struct lm_ipc_kind *kind;

	for (size_t i = 0; i < m->nr_ipc; i++)
		if (lm_u32(m->ipc[i]->tb[LM_IPC_ID]) == id &&
		    lm_u32(m->ipc[i]->tb[LM_IPC_NS]) == ns &&
		    !lm_ipc_parse(m->ipc[i], &kind, o, NULL) &&
		    kind == &lm_ipc_shm && o->size == s->size)
			return true;
	return false;
}

/* ---- who has segments attached ---- */

#define PAGE	4096ULL

static const struct lm_shmem *segment_of(const struct lm_model *m,
					 const struct livemig_vma *v)
{
	const struct lm_shmem *s = v->kind == LIVEMIG_VMA_SHMEM ?
		lm_model_shmem(m, v->object) : NULL;

	return s && s->obj.tb[LIVEMIG_SHMEM_SYSV] ? s : NULL;
}

/* (mremap() lets a mapping grow) */
static bool is_beyond(const struct lm_shmem *s, const struct livemig_vma *v)
{
	uint64_t size = (s->size + PAGE - 1) & -PAGE;

	return v->offset > size || v->end - v->start > size - v->offset;
}

/* @found: the segments that have been seen, by their ids as objects, and the namespaces
 * that they were in.
 */
static int misplaced(const struct lm_model *m, const struct lm_process *p,
		     const struct lm_shmem *s, const struct livemig_vma *v,
		     struct lm_ids *found, const char **why, struct lm_error *e)
{
	uint32_t ns = lm_ipc_ns_in(m, p);
	long in = lm_ids_get(found, s->id);
	struct lm_ipc o;

	*why = NULL;
	if (is_beyond(s, v))
		*why = "mapped beyond its end";
	else if (in != (long)ns && !lm_ipc_segment(m, ns, s, &o))
		*why = "attached, but not of the ipc namespace that it is in";
	else if (in < 0 && lm_ids_put(found, s->id, ns))
		return lm_fail(e, LM_FAILED, "out of memory");
	return 0;
}

static int check_process(const struct lm_model *m, const struct lm_process *p,
			 struct lm_ids *found,
			 bool (*still)(const struct lm_process *p,
				       const struct livemig_vma *v),
			 struct lm_error *e)
{
	for (size_t i = 0; p->mm && i < p->mm->nr_vmas; i++) {
		const struct livemig_vma *v = &p->mm->vmas[i];
		const struct lm_shmem *s = segment_of(m, v);
		const char *why;

		if (!s)
			continue;
		if (misplaced(m, p, s, v, found, &why, e))
			return -1;
		if (why && (!still || still(p, v)))
			return lm_fail(e, LM_REFUSED,
				       "pid %u: System V segment %u %s: not supported",
				       p->host, lm_u32(s->obj.tb[LIVEMIG_SHMEM_SYSV]), why);
	}
	return 0;
}

int lm_ipc_check_attached(const struct lm_model *m,
			  bool (*still)(const struct lm_process *p,
					const struct livemig_vma *v),
			  struct lm_error *e)
{
	struct lm_ids found = { 0 };
	int ret = 0;

	for (size_t i = 0; i < m->nr_procs && !ret; i++)
		ret = check_process(m, m->procs[i], &found, still, e);
	for (size_t i = 0; i < m->nr_shmems && !still && !ret; i++) {
		const struct lm_shmem *s = m->shmems[i];
		const struct nlattr *id = s->obj.tb[LIVEMIG_SHMEM_SYSV];

		if (id && lm_ids_get(&found, s->id) < 0)
			ret = lm_fail(e, LM_REFUSED,
				      "pid %u: System V segment %u, which is open as a file and not attached: not supported",
				      s->host, lm_u32(id));
	}
	lm_ids_free(&found);
	return ret;
}
