// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pid namespaces, and the numbers of processes. The model's are those in the
 * container's namespace. We and the kernel's files here know a helper by its
 * number on this host (lm_host_pid()); a helper that is in a namespace further
 * down makes its calls with the numbers that are good there (lm_pid_at()).
 */
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "internal.h"
#include "../ns/user.h"

bool lm_own_pidns(const struct lm_model *m)
{
	return lm_model_process(m, 1);
}

uint32_t lm_host_pid(const struct lm_restorer *r, uint32_t pid)
{
	const struct lm_proc *p = lm_proc(r, pid);

	return p ? p->host : lm_own_pidns(&r->m) ? 0 : pid;
}

/* Of a thread the kernel tells "NSpid:\t1234\t5\t1": what it is called here, in the
 * container's namespace, and so on. (Its groups, which may be many, come before.)
 */
static uint32_t called_inside(const char *task, const char *tid)
{
	char path[320], *line = NULL;
	uint32_t there = 0;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/status", task, tid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0 &&
	       sscanf(line, "NSpid: %*u %u", &there) != 1)
		;
	free(line);
	if (f)
		fclose(f);
	return there;
}

/* What all threads of a process are called here, by what they are called there. (What there
 * is no memory for is not found.)
 */
static void list_threads(uint32_t host, struct lm_ids *tids)
{
	char task[48];
	struct dirent *d;
	DIR *dir;

	lm_ids_free(tids);
	snprintf(task, sizeof(task), "/proc/%u/task", host);
	dir = opendir(task);
	while (dir && (d = readdir(dir)))
		if (*d->d_name != '.')
			lm_ids_put(tids, called_inside(task, d->d_name),
				   strtoul(d->d_name, NULL, 10));
	if (dir)
		closedir(dir);
}

uint32_t lm_host_tid(struct lm_restorer *r, uint32_t pid, uint32_t tid)
{
	long host = -1;

	if (!lm_own_pidns(&r->m))
		return tid;
	/* (many files have the same owner, and threads in other cgroups are many) */
	if (r->owner.pid == pid)
		host = lm_ids_get(&r->owner.tids, tid);
	if (host < 0) {
		r->owner.pid = pid;
		list_threads(lm_host_pid(r, pid), &r->owner.tids);
		host = lm_ids_get(&r->owner.tids, tid);
	}
	return host < 0 ? 0 : host;
}

static const uint32_t *inner(const struct lm_thread *t, size_t *n)
{
	return lm_array(t->obj.tb[LIVEMIG_THREAD_INNER_TIDS], sizeof(uint32_t), n);
}

const struct lm_thread *lm_leader(const struct lm_process *mp)
{
	for (size_t i = 0; i < mp->nr_threads; i++)
		if (mp->threads[i]->tid == mp->pid)
			return mp->threads[i];
	return NULL;
}

size_t lm_pid_depth(const struct lm_process *mp)
{
	const struct lm_thread *t = lm_leader(mp);
	size_t n = 0;

	if (t)
		inner(t, &n);
	return n;
}

uint32_t lm_tid_at(const struct lm_thread *t, size_t depth)
{
	const uint32_t *v;
	size_t n;

	if (!depth)
		return t->tid;
	v = inner(t, &n);
	return depth <= n ? v[depth - 1] : 0;
}

uint32_t lm_pid_at(const struct lm_restorer *r, uint32_t pid, size_t depth)
{
	const struct lm_process *mp = lm_model_process(&r->m, pid);
	const struct lm_thread *t = mp ? lm_leader(mp) : NULL;

	return !depth ? pid : t ? lm_tid_at(t, depth) : 0;
}

uint32_t lm_tid_of(const struct lm_process *mp, uint32_t tid, size_t depth)
{
	for (size_t i = 0; i < mp->nr_threads; i++)
		if (mp->threads[i]->tid == tid)
			return lm_tid_at(mp->threads[i], depth);
	return depth ? 0 : tid;
}

int lm_tids(const struct lm_thread *t, struct lm_tids *out, struct lm_error *e)
{
	const uint32_t *v;
	size_t n;

	v = inner(t, &n);
	if (n >= LM_HELPER_LEVELS)
		return lm_fail(e, LM_REFUSED,
			       "pid namespaces nested %zu deep: not supported", n + 1);
	out->nr = 0;
	while (n)
		out->v[out->nr++] = v[--n];
	out->v[out->nr++] = t->tid;
	return 0;
}

/* The number of a process that may be only that. */
int lm_tids_of(const struct lm_process *mp, struct lm_tids *out, struct lm_error *e)
{
	const struct lm_thread *t = lm_leader(mp);

	if (t)
		return lm_tids(t, out, e);
	*out = (struct lm_tids){ .nr = 1, .v = { mp->pid } };
	return 0;
}

/* Now that the first helper is there: the module is to understand the numbers. */
int lm_pidns_tell(struct lm_restorer *r, const struct lm_proc *p, struct lm_error *e)
{
	struct livemig_ioc_pidns arg = { .pid = p->host };

	if (ioctl(r->dev, LIVEMIG_IOC_PIDNS, &arg))
		return lm_fail_errno(e, LM_FAILED, "pid namespace");
	return 0;
}

/* Which namespace @mp is in; that of the container is as good as any. */
uint32_t lm_pidns_of(const struct lm_process *mp)
{
	return lm_ns_of(mp, &lm_ns_pid);
}

/* One that is in the namespace of @mp already. */
static struct lm_proc *member(const struct lm_restorer *r, const struct lm_process *mp)
{
	for (size_t i = 0; i < r->nr_procs; i++)
		if (r->procs[i]->pidns == lm_pidns_of(mp))
			return r->procs[i];
	return NULL;
}

/* Its init is to be born into it, by one that is in the namespace around it. */
static bool founds(const struct lm_process *mp, const struct lm_proc *from)
{
	size_t depth = lm_pid_depth(mp);
	const struct lm_thread *t = lm_leader(mp);

	return t && depth == from->depth + 1 && lm_tid_at(t, depth) == 1;
}

bool lm_pidns_possible(const struct lm_restorer *r, const struct lm_proc *from,
		       const struct lm_process *mp)
{
	return !lm_pid_depth(mp) || lm_pidns_of(mp) == from->pidns ||
	       founds(mp, from) || member(r, mp);
}

/* Children of @p, a helper, are born into the namespace of the process @in. */
static int for_children(struct lm_restorer *r, struct lm_proc *p,
			const struct lm_proc *in, struct lm_error *e)
{
	int fd = lm_ns_open(in->host, &lm_ns_pid, e), ret;

	if (fd < 0)
		return -1;
	ret = lm_ns_join(r, p, fd, CLONE_NEWPID, e);
	close(fd);
	return ret;
}

int lm_pidns_fork(struct lm_restorer *r, struct lm_proc *from,
		  struct lm_remote_fork *f, const struct lm_process *mp,
		  struct lm_remote **child, struct lm_error *e)
{
	struct lm_proc *in = NULL;
	int ret;

	if (lm_tids_of(mp, &f->tids, e))
		return -1;
	if (lm_pid_depth(mp) && lm_pidns_of(mp) != from->pidns) {
		if (founds(mp, from)) {
			f->clone_flags |= CLONE_NEWPID;
			f->userns = lm_user_fd(r, lm_ns_owner(&r->m, &lm_ns_pid,
							      lm_pidns_of(mp)), e);
			if (f->userns < 0)
				return -1;
		} else {
			in = member(r, mp);
		}
	}
	if (in && for_children(r, from, in, e))
		return -1;
	ret = lm_remote_fork(from->remote, f, child, e);
	return ret || (in && for_children(r, from, from, e)) ? -1 : 0;
}

/* What it had called unshare() or setns() for. */
int lm_pidns_for_children(struct lm_restorer *r, struct lm_proc *p,
			  const struct lm_process *mp, struct lm_error *e)
{
	size_t n;
	const struct livemig_ns *ns =
		lm_array(mp->obj.tb[LIVEMIG_PROCESS_NS], sizeof(*ns), &n);

	if (!n || ns->pid_for_children == ns->pid)
		return 0;
	for (size_t i = 0; i < r->nr_procs; i++)
		if (r->procs[i]->pidns == ns->pid_for_children)
			return for_children(r, p, r->procs[i], e);
	return lm_fail(e, LM_REFUSED, "pid namespace for children: nobody is in it");
}
