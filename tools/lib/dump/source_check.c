// SPDX-License-Identifier: LGPL-2.1-or-later
/* Can this container be moved? Every reason why not is named. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "source_priv.h"
#include "../kinds/kind.h"
#include "../kinds/tty.h"
#include "../net/rtnl.h"
#include "../ns/ns.h"
#include "../restore/restore.h"

struct verdict {
	void (*report)(const char *line, void *arg);
	void *arg;
	struct lm_error *e;
	struct lm_error transient;
};

static void refuse(struct verdict *v, bool transient, const char *line)
{
	if (transient) {
		lm_fail(&v->transient, LM_REFUSED, "%s", line);
		return;
	}
	if (!v->e->code)
		lm_fail(v->e, LM_REFUSED, "%s", line);
	else if (v->report)
		v->report(line, v->arg);
}

static const char *file_name(const struct lm_file *f)
{
	if (f->path && *f->path)
		return f->path;
	if (f->name && *f->name)
		return f->name;
	return f->type == LIVEMIG_FILE_SOCKET ? "socket of this family" : "file of this type";
}

/* Has the kernel said so already? */
static bool is_refused(const struct lm_model *m, const struct lm_file *f)
{
	const struct lm_refusal *r = m->refusals;

	for (size_t i = 0; i < m->nr_refusals; i++)
		if (!r[i].transient && r[i].fd >= 0 && r[i].pid == f->host &&
		    r[i].fd == f->holder.fd)
			return true;
	return false;
}

static void check_file(struct verdict *v, const struct lm_model *m, const struct lm_file *f)
{
	const struct lm_file_kind *kind = lm_file_kind(f);
	struct lm_error why = { 0 };
	char line[1400];

	if (is_refused(m, f))
		return;
	if (!kind)
		snprintf(why.msg, sizeof(why.msg), "%s: not supported", file_name(f));
	else if (!kind->check || kind->check(m, f, &why) == 0)
		return;
	if (f->holder.fd < 0 && !f->mapped)
		snprintf(line, sizeof(line), "pid %u, in the queue of a socket: %s",
			 f->host, why.msg);
	else if (f->mapped)
		snprintf(line, sizeof(line), "pid %u: mapped file: %s", f->host, why.msg);
	else
		snprintf(line, sizeof(line), "pid %u fd %d: %s",
			 f->host, f->holder.fd, why.msg);
	refuse(v, why.err == EAGAIN, line);
}

static uint32_t netns_of(const struct lm_process *p)
{
	const struct nlattr *a = p->obj.tb[LIVEMIG_PROCESS_NS];

	return lm_len(a) >= sizeof(struct livemig_ns) ?
		((const struct livemig_ns *)lm_data(a))->net : 0;
}

/* All in one network namespace: that of the first process. */
static void check_netns(struct verdict *v, const struct lm_model *m)
{
	uint32_t first = netns_of(m->procs[0]), other;
	char line[256];

	for (size_t i = 1; i < m->nr_procs; i++) {
		other = netns_of(m->procs[i]);
		if (!other || other == first)
			continue;
		snprintf(line, sizeof(line),
			 "pid %u: a second network namespace in one container: not supported",
			 m->procs[i]->host);
		refuse(v, false, line);
	}
	for (size_t i = 0; i < m->nr_file; i++) {
		other = lm_u32(m->file[i]->sock[LIVEMIG_SOCK_NETNS]);
		if (!other || !first || other == first)
			continue;
		snprintf(line, sizeof(line),
			 "pid %u fd %d: socket of another network namespace: not supported",
			 m->file[i]->host, m->file[i]->holder.fd);
		refuse(v, false, line);
	}
}

static void check_cttys(struct verdict *v, const struct lm_model *m)
{
	char line[256];

	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];
		const struct nlattr *nr = p->obj.tb[LIVEMIG_PROCESS_CTTY];

		if (!nr || lm_pty_master(m, lm_u32(nr)))
			continue;
		snprintf(line, sizeof(line),
			 "pid %u: controlling terminal /dev/pts/%u, whose master is outside the container: not supported; start it with setsid",
			 p->host, lm_u32(nr));
		refuse(v, false, line);
	}
}

static uint32_t id_of_fs(const struct lm_process *p)
{
	return p->fs_id;
}

static uint32_t id_of_files(const struct lm_process *p)
{
	return p->files_id;
}

/* What is shared by being born with it. */
static const struct shared {
	const char *name;
	uint32_t (*id)(const struct lm_process *p);
	bool (*with_parent)(const struct lm_model *m, const struct lm_process *p);
} shared[] = {
	{ "working directory", id_of_fs, lm_model_shares_fs },
	{ "table of open files", id_of_files, lm_model_shares_files },
};

static int check_shared(struct verdict *v, const struct lm_model *m,
			const struct shared *what)
{
	struct lm_ids owners = { 0 };
	char line[256];
	int ret = 0;

	for (size_t i = 0; i < m->nr_procs && !ret; i++) {
		const struct lm_process *p = m->procs[i];
		uint32_t id = what->id(p);
		long other;

		if (!id || what->with_parent(m, p))
			continue;
		other = lm_ids_get(&owners, id);
		if (other < 0) {
			ret = lm_ids_put(&owners, id, i);
			continue;
		}
		snprintf(line, sizeof(line),
			 "pid %u: %s shared with pid %u, but not with its parent: not supported",
			 p->host, what->name, m->procs[other]->host);
		refuse(v, false, line);
	}
	lm_ids_free(&owners);
	return ret ? lm_fail(v->e, LM_FAILED, "out of memory") : 0;
}

static void check_pdeath(struct verdict *v, const struct lm_model *m)
{
	const struct lm_thread *t;
	char line[256];

	for (size_t i = 0; i < m->nr_procs; i++) {
		t = lm_model_pdeath(m, m->procs[i]);
		if (!t)
			continue;
		snprintf(line, sizeof(line), "pid %u thread %u: " LM_PDEATH_LOST,
			 m->procs[i]->host, t->tid);
		refuse(v, false, line);
	}
}

/* All that a tree is made of. */
static uint64_t tree_sum(const struct lm_model *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];
		const struct nlattr *exit = p->obj.tb[LIVEMIG_PROCESS_EXIT_SIGNAL];
		uint32_t ids[] = {
			p->pid, p->ppid, p->pgid, p->sid, p->host, p->files_id, p->fs_id,
			exit ? lm_u32(exit) : 0, p->mm != NULL, lm_ns_of(p, &lm_ns_pid),
		};

		sum = XXH64(ids, sizeof(ids), sum);
	}
	return sum ?: 1;
}

/* A tree that is made round by round has what a plan from nothing does not know: who was
 * a parent, and who led a session, when the round before was made.
 */
int lm_source_tree(struct lm_source *s, struct lm_error *e)
{
	uint64_t sum;

	if (s->live && s->round)
		return 0;
	sum = tree_sum(&s->model);
	if (sum == s->tree_sum)
		return 0;
	if (lm_tree_possible(&s->model, e))
		return -1;
	s->tree_sum = sum;
	return 0;
}

/* Of a tree in which something else is refused nothing can be said; nor of one that is
 * stopped for nothing, where somebody may be just ending.
 */
static int check_tree(struct verdict *v, struct lm_source *s)
{
	struct lm_error why = { 0 };

	if (v->e->code || (s->frozen && v->transient.code) || !lm_source_tree(s, &why))
		return 0;
	if (why.code != LM_REFUSED)
		return lm_fail(v->e, why.code, "%s", why.msg);
	refuse(v, false, why.msg);
	return 0;
}

static void check_threads(struct verdict *v, const struct lm_model *m)
{
	char line[128];

	for (size_t i = 0; i < m->nr_procs; i++) {
		if (m->procs[i]->nr_threads <= 1 + lm_remote_threads())
			continue;
		snprintf(line, sizeof(line), "pid %u: more than %u threads: not supported",
			 m->procs[i]->host, 1 + lm_remote_threads());
		refuse(v, false, line);
	}
}

static void check_shmems(struct verdict *v, const struct lm_model *m)
{
	for (size_t i = 0; i < m->nr_shmems; i++) {
		struct lm_error why = { 0 };

		if (lm_shmem_possible(m->shmems[i], &why))
			refuse(v, false, why.msg);
	}
}

/* Another kernel has not got that code. (Who was frozen before stays where he is.) */
static void check_vdso(struct verdict *v, struct lm_source *s)
{
	const struct lm_model *m = &s->model;
	const struct lm_thread *t;
	bool any = false;
	char line[256];

	for (size_t i = 0; i < m->nr_procs; i++) {
		t = lm_model_in_vdso(m->procs[i]);
		if (!t)
			continue;
		any = true;
		snprintf(line, sizeof(line),
			 "pid %u thread %u: always in the vdso, and the destination has another: not supported; use the same kernel there",
			 m->procs[i]->host, t->tid);
		refuse(v, true, line);
	}
	if (any && s->vdso_tries > 0)
		s->vdso_tries--;
}

/* A moment later they may be idle. */
static void check_xstate(struct verdict *v, const struct lm_model *m)
{
	const struct lm_thread *t;
	char line[256];

	for (size_t i = 0; i < m->nr_procs; i++) {
		t = lm_xstate_impossible(m->procs[i]);
		if (!t)
			continue;
		snprintf(line, sizeof(line), "pid %u thread %u: " LM_XSTATE_LOST,
			 m->procs[i]->host, t->tid);
		refuse(v, true, line);
	}
}

/* What the kernel refused; not what a kind here refuses as well. */
static void check_refusals(struct verdict *v, const struct lm_model *m)
{
	char line[512];

	for (size_t i = 0; i < m->nr_refusals; i++) {
		lm_refusal_text(&m->refusals[i], line, sizeof(line));
		refuse(v, m->refusals[i].transient, line);
	}
}

int lm_source_judge(struct lm_source *s, void (*report)(const char *line, void *arg),
		    void *arg, struct lm_error *e)
{
	struct lm_error own = { 0 };
	struct verdict v = { report, arg, e ? e : &own };
	const struct lm_model *m = &s->model;

	check_refusals(&v, m);
	if (s->frozen && (s->vdso_tries < 0 || (s->vdso_tries && !s->paused)))
		check_vdso(&v, s);
	check_xstate(&v, m);
	check_netns(&v, m);
	check_cttys(&v, m);
	check_pdeath(&v, m);
	for (size_t i = 0; i < sizeof(shared) / sizeof(*shared); i++)
		if (check_shared(&v, m, &shared[i]))
			return -1;
	if (check_tree(&v, s))
		return -1;
	check_threads(&v, m);
	check_shmems(&v, m);
	for (size_t i = 0; i < m->nr_file; i++)
		check_file(&v, m, m->file[i]);
	if (v.e->code)
		return -1;
	if (!v.transient.code)
		return 0;
	if (e)
		snprintf(e->msg, sizeof(e->msg), "%s", v.transient.msg);
	return 1;
}

int lm_source_find_netns(struct lm_source *s, struct lm_error *e)
{
	uint32_t ino = netns_of(s->model.procs[0]);
	char path[64];
	int own, fd;

	if (s->nsfd >= 0)
		return 0;
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot open my own network namespace");
	if (!ino || ino == lm_ns_ino(own)) {
		close(own);
		return 0;
	}
	close(own);
	snprintf(path, sizeof(path), "/proc/%u/ns/net", s->model.procs[0]->task);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || lm_ns_ino(fd) != ino) {
		if (fd >= 0)
			close(fd);
		return lm_fail(e, LM_FAILED, "pid %u: its network namespace cannot be opened",
			       s->model.procs[0]->host);
	}
	s->nsfd = fd;
	return 0;
}
