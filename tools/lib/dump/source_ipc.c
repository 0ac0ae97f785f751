// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * IPC of the container. In a namespace of its own everything belongs to
 * it. In the host's, which objects a program uses is in its memory only: what is
 * attached is its own, unless others have it too; sets and queues that one of its
 * processes was the last to use are refused, as they would be missed.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "source_priv.h"
#include "../grow.h"
#include "../ipc/ipc.h"
#include "../net/rtnl.h"
#include "../ns/ns.h"
#include "../textfile.h"

#define START_TIME	22	/* field of /proc/PID/stat, in clock ticks since boot */

struct look {
	struct lm_model *m;
	struct lm_objects *o;	/* NULL: only look */
	bool contents, host;
	bool frozen;
	uint32_t id;		/* of the namespace, as the model has it */
	struct lm_ids segments;	/* that are attached in it: where in ... */
	uint64_t *mappings;	/* ... how many there are of each */
	size_t nr_segments;
};

/* ---- in the host's namespace ---- */

/* Was it this process, and not one that had its pid before? */
static bool was(const struct lm_ipc_user *u)
{
	char dir[32], text[1024], *p;
	struct timespec boot;
	long long start;

	snprintf(dir, sizeof(dir), "/proc/%d", u->pid);
	p = lm_text_read(dir, "stat", text, sizeof(text)) ? NULL : strrchr(text, ')');
	for (int i = 2; p && i < START_TIME; i++)
		p = strchr(p + 1, ' ');
	if (!p)
		return false;
	clock_gettime(CLOCK_BOOTTIME, &boot);
	start = time(NULL) - boot.tv_sec + strtoll(p, NULL, 10) / sysconf(_SC_CLK_TCK);
	return start <= u->when + 1;
}

/* Pids are those of the host here. */
static bool is_member(const struct lm_model *m, pid_t host)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		if (m->procs[i]->host == (uint32_t)host)
			return true;
	return false;
}

static int count_one(struct look *l, const struct livemig_vma *v)
{
	const struct lm_shmem *s = v->kind == LIVEMIG_VMA_SHMEM ?
		lm_model_shmem(l->m, v->object) : NULL;
	const struct nlattr *id = s ? s->obj.tb[LIVEMIG_SHMEM_SYSV] : NULL;
	long at;

	if (!id)
		return 0;
	at = lm_ids_get(&l->segments, lm_u32(id));
	if (at < 0) {
		at = l->nr_segments;
		if (lm_grow(&l->mappings, at, sizeof(*l->mappings)) ||
		    lm_ids_put(&l->segments, lm_u32(id), at))
			return -1;
		l->mappings[l->nr_segments++] = 0;
	}
	l->mappings[at]++;
	return 0;
}

/* All mappings of those who are in this namespace. A child between vfork() and exec has
 * its parent's.
 */
static int count_attached(struct look *l, struct lm_error *e)
{
	struct lm_ids seen = { 0 };
	int ret = 0;

	for (size_t i = 0; i < l->m->nr_procs && !ret; i++) {
		const struct lm_mm *mm = l->m->procs[i]->mm;

		if (!mm || lm_ns_of(l->m->procs[i], &lm_ns_ipc) != l->id ||
		    lm_ids_get(&seen, mm->id) >= 0)
			continue;
		ret = lm_ids_put(&seen, mm->id, i);
		for (size_t j = 0; j < mm->nr_vmas && !ret; j++)
			ret = count_one(l, &mm->vmas[j]);
	}
	lm_ids_free(&seen);
	return ret ? lm_fail(e, LM_FAILED, "no memory") : 0;
}

static void forget_attached(struct look *l)
{
	lm_ids_free(&l->segments);
	free(l->mappings);
	l->mappings = NULL;
	l->nr_segments = 0;
}

/* In how many of them. */
static uint64_t attached(const struct look *l, uint32_t id)
{
	long at = lm_ids_get(&l->segments, id);

	return at < 0 ? 0 : l->mappings[at];
}

/* What is undone when it ends is its own, whoever used the set after it. */
static bool undoes(const struct lm_process *p, uint32_t id)
{
	const struct livemig_sem_undo *undo;
	size_t n;

	undo = lm_array(p->obj.tb[LIVEMIG_PROCESS_SEM_UNDO], sizeof(*undo), &n);
	while (n--)
		if (undo[n].id == id)
			return true;
	return false;
}

static uint32_t who_undoes(const struct look *l, uint32_t id)
{
	for (size_t i = 0; i < l->m->nr_procs; i++)
		if (lm_ns_of(l->m->procs[i], &lm_ns_ipc) == l->id &&
		    undoes(l->m->procs[i], id))
			return l->m->procs[i]->host;
	return 0;
}

static int in_host(uint32_t pid, const struct lm_ipc_kind *kind, const struct lm_ipc *o,
		   struct lm_error *e)
{
	return lm_fail(e, LM_REFUSED,
		       "pid %u uses System V %s %u in the host's ipc namespace: not supported; give the container an ipc namespace (unshare --ipc)",
		       pid, kind->what, o->id);
}

/* @n: in how many mappings of the container it is. Return: 1 it is the container's, 0 it
 * is not, -1 it is in the way.
 */
static int judge(const struct look *l, const struct lm_ipc_kind *kind,
		 const struct lm_ipc *o, uint64_t n, struct lm_error *e)
{
	uint32_t pid;

	/* (all processes of a namespace that came with the container are its own, but
	 * others may have left it with the segment attached, or have visited it)
	 */
	if (kind == &lm_ipc_shm && n != o->attached && (l->host ? n : l->frozen))
		return lm_fail(e, LM_REFUSED,
			       "System V %s %u: processes outside the container have it attached, too: not supported",
			       kind->what, o->id);
	if (!l->host || kind == &lm_ipc_shm)
		return !l->host || n;
	pid = kind == &lm_ipc_sem ? who_undoes(l, o->id) : 0;
	if (pid)
		return in_host(pid, kind, o, e);
	for (size_t i = 0; i < sizeof(o->users) / sizeof(*o->users); i++)
		if (o->users[i].pid && is_member(l->m, o->users[i].pid) &&
		    was(&o->users[i]))
			return in_host(o->users[i].pid, kind, o, e);
	return 0;
}

/* ---- all namespaces ---- */

static int emit(struct lm_buf *b, void *arg, struct lm_error *e)
{
	struct look *l = arg;

	return lm_objects_add_buf(l->o, LM_REC_IPC, b, e);
}

/* For lm_ipc_check_attached(). */
static int note(const struct look *l, const struct lm_ipc *o, struct lm_error *e)
{
	struct lm_ipc_out out = { 0 };
	int ret;

	lm_ipc_begin(&out, &lm_ipc_shm, o);
	ret = out.b.oom ? lm_fail(e, LM_FAILED, "no memory") :
	      lm_model_add(l->m, LM_REC_IPC, out.b.data, out.b.len, e);
	lm_buf_free(&out.b);
	return ret;
}

static int describe_one(struct look *l, const struct lm_ipc_kind *kind,
			struct lm_ipc *o, struct lm_error *e)
{
	struct lm_ipc_out out = { .emit = emit, .arg = l };
	uint64_t n = kind == &lm_ipc_shm ? attached(l, o->id) : 0;
	int ours = judge(l, kind, o, n, e);

	o->ns = l->host ? LM_NS_NONE : l->id;
	if (ours > 0 && n && note(l, o, e))
		return -1;
	if (ours <= 0 || !l->o)
		return ours < 0 ? -1 : 0;
	lm_ipc_begin(&out, kind, o);
	if (l->contents && kind->contents(o, &out, e)) {
		lm_buf_free(&out.b);
		return -1;
	}
	return lm_ipc_end(&out, e);
}

static int describe(void *arg, struct lm_error *e)
{
	struct look *l = arg;

	for (size_t i = 0; i < LM_IPC_KINDS; i++) {
		const struct lm_ipc_kind *kind = lm_ipc_kinds[i];
		int last = kind->last ? kind->last() : -1;

		for (int index = 0; index <= last; index++) {
			struct lm_ipc o = { 0 };

			if (kind->stat(index, &o) && describe_one(l, kind, &o, e))
				return -1;
		}
	}
	return l->host ? 0 : lm_source_mqueues(l->m, l->id, l->o, l->contents, e);
}

static bool seen(const struct lm_model *m, size_t index, uint32_t id)
{
	for (size_t i = 0; i < index; i++)
		if (lm_ns_of(m->procs[i], &lm_ns_ipc) == id)
			return true;
	return false;
}

static int own_ns(uint32_t *id, struct lm_error *e)
{
	int fd = lm_ns_open(getpid(), &lm_ns_ipc, e);

	if (fd < 0)
		return -1;
	*id = lm_ns_ino(fd);
	close(fd);
	return 0;
}

static int visit(struct look *l, const struct lm_process *p, struct lm_error *e)
{
	int fd, ret;

	if (count_attached(l, e))
		return -1;
	if (l->host)
		return describe(l, e);
	fd = lm_ns_open(p->task, &lm_ns_ipc, e);
	if (fd < 0)
		return -1;
	ret = lm_in_ns(fd, lm_ns_ipc.flag, describe, l, e);
	close(fd);
	return ret;
}

/* Each mapping is a link to its file. */
static bool still(const struct lm_process *p, const struct livemig_vma *v)
{
	char path[96], to[16];

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", p->task,
		 (unsigned long long)v->start, (unsigned long long)v->end);
	return readlink(path, to, sizeof(to)) > 5 && !strncmp(to, "/SYSV", 5);
}

int lm_source_describe_ipc(struct lm_source *s, struct lm_objects *o, bool contents,
			   struct lm_error *e)
{
	struct look l = { .m = &s->model, .o = o, .contents = contents,
			  .frozen = s->frozen };
	uint32_t own;
	int ret;

	if (access("/proc/sysvipc", F_OK))
		return 0;
	if (own_ns(&own, e))
		return -1;
	for (size_t i = 0; i < s->model.nr_procs; i++) {
		const struct lm_process *p = s->model.procs[i];

		l.id = lm_ns_of(p, &lm_ns_ipc);
		l.host = l.id == own;
		ret = l.id != LM_NS_NONE && !seen(&s->model, i, l.id) ? visit(&l, p, e) : 0;
		forget_attached(&l);
		if (ret)
			return -1;
	}
	return lm_ipc_check_attached(&s->model, s->frozen ? NULL : still, e);
}

/* The container is gone, and nobody else has them. */
void lm_source_drop_ipc(struct lm_source *s)
{
	uint32_t own;

	if (own_ns(&own, NULL))
		return;
	for (size_t i = 0; i < s->model.nr_shmems; i++) {
		const struct lm_shmem *m = s->model.shmems[i];
		const struct nlattr *id = m->obj.tb[LIVEMIG_SHMEM_SYSV];
		struct shmid_ds ds;

		if (id && lm_ipc_ns_of(&s->model, m) == own &&
		    !shmctl(lm_u32(id), IPC_STAT, &ds) && !ds.shm_nattch)
			lm_ipc_shm.remove(lm_u32(id));
	}
}
