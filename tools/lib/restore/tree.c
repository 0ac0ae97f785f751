// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The tree of processes: born with their pids from the parents that they had,
 * in the sessions that they had. A child keeps the session that its parent had
 * when it was born, so setsid() of a parent waits for children that remained
 * in the session before; where the parent never was in it (an orphan), a
 * sibling that is gives birth. Leaders that have ended are there for a while
 * (leaders.c). Ids from outside the container are those of its first process.
 *
 * Whether all that leads to the tree that there was is not told by any rule: it is
 * tried. So the source tries it, too, without making anything (lm_tree_possible()).
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "../ns/user.h"

#define FD_BASE_MIN	1000

/* Without memory for an index (it has not all then) they are gone through. */
struct lm_proc *lm_proc(const struct lm_restorer *r, uint32_t pid)
{
	long at;

	if (r->by_pid.nr == r->nr_procs) {
		at = lm_ids_get(&r->by_pid, pid);
		return at < 0 ? NULL : r->procs[at];
	}
	for (size_t i = 0; i < r->nr_procs; i++)
		if (r->procs[i]->pid == pid)
			return r->procs[i];
	return NULL;
}

struct lm_proc *lm_proc_of_mm(const struct lm_restorer *r, uint32_t mm_id)
{
	for (size_t i = 0; i < r->nr_procs; i++)
		if (r->procs[i]->mm_id == mm_id)
			return r->procs[i];
	return NULL;
}

void lm_proc_free(struct lm_proc *p)
{
	if (!p)
		return;
	lm_remote_free(p->remote);
	free(p->vmas);
	free(p->rings);
	free(p);
}

/* Its number in a message: to who only plans it is still a process of the source. Who
 * stands in for a leader is told by one of those who were led.
 */
static uint32_t called(const struct lm_restorer *r, const struct lm_process *mp)
{
	if (!r->plan)
		return mp->pid;
	for (size_t i = 0; mp->stand_in && i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];

		if (!p->stand_in && (p->sid == mp->pid || p->pgid == mp->pid))
			return p->host;
	}
	return mp->host;
}

static const struct lm_process *first(const struct lm_restorer *r)
{
	for (size_t i = 0; i < r->m.nr_procs; i++)
		if (!r->m.procs[i]->ppid)
			return r->m.procs[i];
	return NULL;
}

uint32_t lm_tree_session(const struct lm_restorer *r, const struct lm_process *p)
{
	if (p->sid && lm_model_process(&r->m, p->sid))
		return p->sid;
	/* One that was sent in from outside had a session there. */
	while (p->ppid && lm_model_process(&r->m, p->ppid))
		p = lm_model_process(&r->m, p->ppid);
	return p->pid;
}

bool lm_tree_descends(const struct lm_restorer *r, uint32_t pid, uint32_t from)
{
	const struct lm_process *p = lm_model_process(&r->m, pid);
	size_t steps = 0;

	while (p && p->pid != from && steps++ < r->m.nr_procs)
		p = p->ppid ? lm_model_process(&r->m, p->ppid) : NULL;
	return !from || (p && p->pid == from);
}

uint32_t lm_tree_birth(const struct lm_restorer *r, const struct lm_process *p)
{
	uint32_t sid = lm_tree_session(r, p), born;

	if (sid != p->pid)
		return sid;
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *c = r->m.procs[i];

		if (c->ppid != p->pid)
			continue;
		born = lm_tree_birth(r, c);
		/* (A session made further down: the child is an orphan.) */
		if (born && !lm_tree_descends(r, born, p->pid))
			return born;
	}
	return 0;
}

static uint32_t exit_signal(const struct lm_process *p)
{
	const struct nlattr *a = p->obj.tb[LIVEMIG_PROCESS_EXIT_SIGNAL];

	return a ? lm_u32(a) : SIGCHLD;
}

/* ---- birth ---- */

static struct lm_proc *add_proc(struct lm_restorer *r, uint32_t pid,
				struct lm_proc *parent, struct lm_error *e)
{
	struct lm_proc **v = realloc(r->procs, (r->nr_procs + 1) * sizeof(*v));
	struct lm_proc *p;

	if (v)
		r->procs = v;
	p = v ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		lm_fail(e, LM_FAILED, "out of memory");
		return NULL;
	}
	p->pid = pid;
	p->exit_signal = SIGCHLD;
	p->parent = parent;
	return p;
}

/* Has the container memory where the helper, or the other one, would be? */
static void look_for_room(const struct lm_model *m, bool collides[2])
{
	collides[0] = collides[1] = false;
	for (size_t i = 0; i < m->nr_mms; i++)
		for (size_t j = 0; j < m->mms[i]->nr_vmas; j++)
			for (int alt = 0; alt < 2; alt++)
				collides[alt] |= lm_remote_collides(alt,
					m->mms[i]->vmas[j].start,
					m->mms[i]->vmas[j].end);
}

static int no_room(const struct lm_restorer *r, struct lm_error *e)
{
	return lm_fail(e, r->built ? LM_FAILED : LM_REFUSED,
		       "memory is in use at both addresses of the restore helper: not supported");
}

/* Where the helpers' own memory and fds are out of the container's way. */
static int choose_places(struct lm_restorer *r, struct lm_error *e)
{
	bool collides[2];
	uint32_t top = 0;

	look_for_room(&r->m, collides);
	for (size_t i = 0; i < r->m.nr_files; i++) {
		const struct lm_files *f = r->m.files[i];

		if (f->nr_fds && f->fds[f->nr_fds - 1].fd > top)
			top = f->fds[f->nr_fds - 1].fd;
	}
	if (!r->built) {
		r->alt = collides[0];
		/* Room for files that are opened before the last round. */
		r->fd_base = top < FD_BASE_MIN / 2 ? FD_BASE_MIN : 2 * top;
	}
	if (collides[r->alt])
		return no_room(r, e);
	if (top >= (uint32_t)r->fd_base)
		return lm_fail(e, LM_FAILED,
			       "fd %u was opened meanwhile; try again", top);
	return 0;
}

/* The mappings that it inherits; lm_mm_sync() makes its own of them. */
static int inherit(struct lm_proc *p, const struct lm_proc *from,
		   struct lm_error *e)
{
	p->origin_mm = from->mm_id;
	if (!from->nr_vmas)
		return 0;
	p->vmas = malloc(from->nr_vmas * sizeof(*p->vmas));
	if (!p->vmas)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (size_t i = 0; i < from->nr_vmas; i++)
		if (!(from->vmas[i].flags & LIVEMIG_VMA_F_DONTFORK))
			p->vmas[p->nr_vmas++] = from->vmas[i];
	return 0;
}

static struct lm_proc *start(struct lm_restorer *r, const struct lm_process *mp,
			     struct lm_error *e)
{
	struct lm_remote_opts o = {
		.pid = mp->pid,
		.cgroup_fd = r->cgroup_fd,
		.dev_fd = r->dev,
		.fd_base = r->fd_base,
		.alt = r->alt,
	};
	struct lm_proc *p = add_proc(r, mp->pid, NULL, e);
	bool own = lm_own_pidns(&r->m);
	int ret;

	if (!p)
		return NULL;
	p->pidns = lm_pidns_of(mp);
	if (r->plan)
		return p;
	if (own && !r->nr_procs) {
		o.clone_flags = CLONE_NEWPID;
		o.userns = lm_user_fd(r, lm_ns_owner(&r->m, &lm_ns_pid, p->pidns), e);
	} else if (own) {
		o.pidns = lm_ns_open(lm_host_pid(r, 1), &lm_ns_pid, e);
	}
	ret = o.pidns < 0 || o.userns < 0 ? -1 : lm_remote_start(&o, &p->remote, e);
	if (o.pidns > 0)
		close(o.pidns);
	if (!ret)
		p->host = lm_remote_pid(p->remote);
	if (!ret && o.clone_flags)
		ret = lm_pidns_tell(r, p, e);
	if (!ret)
		return p;
	lm_proc_free(p);
	return NULL;
}

/* A leader that has ended is known by its number in the container's pid namespace only. */
static bool is_numbered(const struct lm_restorer *r, const struct lm_proc *from,
			const struct lm_process *mp, struct lm_error *e)
{
	if (!mp->stand_in || !from->depth)
		return true;
	lm_fail(e, r->built ? LM_FAILED : LM_REFUSED,
		"session or process group %u, whose leader has ended, in a pid namespace within that of the container: not supported",
		mp->pid);
	return false;
}

/* Its number on the host, which is that of the source as long as nothing is made. */
static int give_birth(struct lm_restorer *r, struct lm_proc *from, struct lm_remote_fork *f,
		      const struct lm_process *mp, struct lm_proc *p, struct lm_error *e)
{
	p->host = mp->host;
	if (r->plan)
		return lm_tids_of(mp, &f->tids, e);
	if (lm_pidns_fork(r, from, f, mp, &p->remote, e))
		return -1;
	p->host = lm_remote_pid(p->remote);
	return 0;
}

/* Born from @from: as its child, or as the child of its parent. */
static struct lm_proc *fork_from(struct lm_restorer *r, struct lm_proc *from,
				 bool sibling, const struct lm_process *mp,
				 struct lm_error *e)
{
	struct lm_remote_fork f = {
		/* A sibling has that of @from. */
		.exit_signal = sibling ? 0 : exit_signal(mp),
		.clone_flags = sibling ? CLONE_PARENT : 0,
	};
	struct lm_proc *p;

	if (!is_numbered(r, from, mp, e))
		return NULL;
	if (!sibling && lm_model_shares_fs(&r->m, mp))
		f.clone_flags |= CLONE_FS;
	if (lm_model_shares_files(&r->m, mp)) {
		if (sibling) {
			lm_fail(e, r->built ? LM_FAILED : LM_REFUSED,
				"table of open files shared with its parent, which is in another session: not supported");
			return NULL;
		}
		f.clone_flags |= CLONE_FILES;
		f.fd_base = LM_SHARED_FDS(r, ++r->nr_shared);
	}

	p = add_proc(r, mp->pid, sibling ? from->parent : from, e);
	if (!p)
		return NULL;
	p->sid = from->sid;
	p->pgid = from->pgid;
	memcpy(p->ns, from->ns, sizeof(p->ns));
	p->in_net = from->in_net;
	p->shares_fs = f.clone_flags & CLONE_FS;
	p->shares_files = f.clone_flags & CLONE_FILES;
	p->has_pkeys = from->has_pkeys;
	p->exit_signal = sibling ? from->exit_signal : f.exit_signal;
	if (!inherit(p, from, e) && !give_birth(r, from, &f, mp, p, e)) {
		p->pidns = lm_pidns_of(mp);
		p->depth = lm_pid_depth(mp);
		return p;
	}
	free(p->vmas);
	free(p);
	return NULL;
}

static int new_session(struct lm_proc *p, struct lm_error *e)
{
	p->setsid = false;
	if (p->remote && lm_remote_syscall(p->remote, e, __NR_setsid) < 0)
		return lm_prefix(e, "pid %u", p->pid);
	p->sid = p->pgid = p->pid;
	return 0;
}

/* Has @p a child still to be born into the session that @p is in now? */
static bool awaited(const struct lm_restorer *r, const struct lm_proc *p)
{
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *c = r->m.procs[i];

		if (c->ppid == p->pid && !lm_proc(r, c->pid) &&
		    lm_tree_birth(r, c) == p->sid)
			return true;
	}
	return false;
}

/* Who can give birth to @mp, a child of @parent (NULL: of ours), now. */
static struct lm_proc *find_origin(const struct lm_restorer *r,
				   const struct lm_process *mp,
				   struct lm_proc *parent, bool *sibling)
{
	uint32_t sid = lm_tree_birth(r, mp);

	*sibling = false;
	if (parent && (!sid || parent->sid == sid))
		return parent;
	*sibling = true;
	/* What came from outside is a child of ours (an init has no siblings). */
	if (!parent && lm_own_pidns(&r->m))
		return NULL;
	for (size_t i = 0; i < r->nr_procs; i++) {
		struct lm_proc *p = r->procs[i];

		if (p->parent == parent && (!sid || p->sid == sid) &&
		    p->exit_signal == exit_signal(mp))
			return p;
	}
	return NULL;
}

/* Return: 1 made, 0 not yet possible, -1 error. */
static int make(struct lm_restorer *r, const struct lm_process *mp,
		struct lm_error *e)
{
	struct lm_proc *parent = NULL, *origin, *p;
	bool sibling;

	if (mp->late)
		return 0;
	if (mp->ppid) {
		parent = lm_proc(r, mp->ppid);
		if (!parent)
			return 0;
	}
	origin = find_origin(r, mp, parent, &sibling);
	if (!origin && (lm_tree_birth(r, mp) ||
			(lm_own_pidns(&r->m) ? !r->nr_procs != (mp->pid == 1) ||
					       mp->ppid : r->nr_procs)))
		return 0;
	if (origin && !lm_pidns_possible(r, origin, mp))
		return 0;
	if (!origin && lm_pid_depth(mp)) {
		if (!lm_own_pidns(&r->m))
			return 0;
		lm_fail(e, r->built ? LM_FAILED : LM_REFUSED,
			"sent from outside into a pid namespace within that of the container: not supported");
		return lm_prefix(e, "pid %u", called(r, mp));
	}
	p = origin ? fork_from(r, origin, sibling, mp, e) : start(r, mp, e);
	if (!p)
		return lm_prefix(e, "pid %u", called(r, mp));
	lm_ids_put(&r->by_pid, p->pid, r->nr_procs);
	r->procs[r->nr_procs++] = p;
	if (!r->root_pid && !mp->ppid && !mp->stand_in)
		r->root_pid = p->pid;
	p->setsid = lm_tree_session(r, mp) == p->pid;
	if (p->setsid && !awaited(r, p))
		return new_session(p, e) ? -1 : 1;
	return 1;
}

static int make_all(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_process *left;
	bool moved = true, late = false;

	while (moved) {
		moved = false;
		left = NULL;
		for (size_t i = 0; i < r->m.nr_procs; i++) {
			const struct lm_process *mp = r->m.procs[i];
			int ret;

			if (lm_proc(r, mp->pid))
				continue;
			late |= mp->late;
			ret = make(r, mp, e);
			if (ret < 0)
				return -1;
			if (ret)
				moved = true;
			else
				left = mp;
		}
		for (size_t i = 0; i < r->nr_procs; i++) {
			struct lm_proc *p = r->procs[i];

			if (!p->setsid || awaited(r, p))
				continue;
			if (new_session(p, e))
				return -1;
			moved = true;
		}
	}
	if (left && !late)	/* (others may wait for them) */
		return lm_fail(e, r->built ? LM_FAILED : LM_REFUSED,
			       "pid %u: its session (%u) cannot be made again: not supported",
			       called(r, left), left->sid);
	return 0;
}

/* ---- change ---- */

static int changed_too_much(const struct lm_process *mp, const char *what,
			    struct lm_error *e)
{
	return lm_fail(e, LM_FAILED,
		       "the process tree changed too much (%s of pid %u); try again",
		       what, mp->pid);
}

static void end(struct lm_restorer *r, size_t i)
{
	struct lm_proc *p = r->procs[i], *parent = p->parent;
	uint32_t there = !parent ? 0 : !parent->depth ? p->pid :
			 parent->depth == p->depth ? lm_remote_self(p->remote) : 0;

	kill(p->host, SIGKILL);
	if (there)
		lm_remote_syscall(parent->remote, NULL, __NR_wait4, there, 0,
				  __WALL, 0);
	for (size_t j = 0; j < r->nr_procs; j++)
		if (r->procs[j]->parent == p)
			r->procs[j]->parent = NULL;
	lm_proc_free(p);
	memmove(&r->procs[i], &r->procs[i + 1],
		(--r->nr_procs - i) * sizeof(*r->procs));
	lm_ids_free(&r->by_pid);
	for (size_t j = 0; j < r->nr_procs; j++)
		if (lm_ids_put(&r->by_pid, r->procs[j]->pid, j))
			break;
}

static int follow(struct lm_restorer *r, struct lm_proc *p,
		  const struct lm_process *mp, struct lm_error *e)
{
	uint32_t sid = lm_tree_session(r, mp);

	if (mp->ppid != (p->parent ? p->parent->pid : 0)) {
		/* An orphan? Ours went to whom the kernel gave it, too. */
		if (p->parent ||
		    lm_remote_syscall(p->remote, e, __NR_getppid) !=
		    lm_pid_at(r, mp->ppid, p->depth))
			return changed_too_much(mp, "parent", e);
		p->parent = lm_proc(r, mp->ppid);
	}
	if (p->shares_files != lm_model_shares_files(&r->m, mp))
		return changed_too_much(mp, "table of open files", e);
	if (sid == p->sid)
		return 0;
	if (sid != p->pid)
		return changed_too_much(mp, "session", e);
	p->setsid = true;
	return 0;
}

/* Before anybody here becomes an orphan. */
static int set_subreaper(struct lm_proc *p, const struct lm_process *mp,
			 struct lm_error *e)
{
	bool want = lm_u32(mp->obj.tb[LIVEMIG_PROCESS_FLAGS]) &
		    LIVEMIG_PROCESS_F_SUBREAPER;

	if (want == p->subreaper)
		return 0;
	p->subreaper = want;
	return lm_remote_syscall(p->remote, e, __NR_prctl, PR_SET_CHILD_SUBREAPER,
				 want) < 0 ? lm_prefix(e, "pid %u", p->pid) : 0;
}

int lm_tree_sync(struct lm_restorer *r, struct lm_error *e)
{
	if (!first(r))
		return lm_fail(e, LM_REFUSED, "no process without a parent in it");
	if (choose_places(r, e))
		return -1;
	if (r->built && !lm_model_process(&r->m, r->root_pid))
		return lm_fail(e, LM_FAILED, "the first process (pid %d) ended; try again",
			       r->root_pid);
	for (size_t i = r->nr_procs; i-- > 0;)
		if (!lm_model_process(&r->m, r->procs[i]->pid))
			end(r, i);
	for (size_t i = 0; i < r->nr_procs; i++)
		if (follow(r, r->procs[i],
			   lm_model_process(&r->m, r->procs[i]->pid), e))
			return -1;
	return lm_tree_grow(r, e);
}

int lm_tree_grow(struct lm_restorer *r, struct lm_error *e)
{
	if (make_all(r, e))
		return -1;
	for (size_t i = 0; i < r->nr_procs; i++)
		if (set_subreaper(r->procs[i],
				  lm_model_process(&r->m, r->procs[i]->pid), e))
			return -1;
	return 0;
}

/* ---- process groups ---- */

static uint32_t group(const struct lm_restorer *r, const struct lm_process *p,
		      const struct lm_proc *proc)
{
	const struct lm_process *leader = p->pgid ?
		lm_model_process(&r->m, p->pgid) : NULL;

	return leader && lm_tree_session(r, leader) == proc->sid ? p->pgid :
								    proc->sid;
}

/* In the last round: leaders first, then those who join. Now that all are in
 * their sessions and groups, those who only stood in for their leaders go,
 * children before their parents.
 */
int lm_tree_groups(struct lm_restorer *r, struct lm_error *e)
{
	for (int leaders = 1; leaders >= 0; leaders--) {
		for (size_t i = 0; i < r->nr_procs; i++) {
			struct lm_proc *p = r->procs[i];
			uint32_t want = group(r, lm_model_process(&r->m, p->pid), p);
			uint32_t there = lm_pid_at(r, want, p->depth);

			if ((want == p->pid) != leaders || p->pgid == want)
				continue;
			if (!there)
				return lm_fail(e, LM_REFUSED,
					       "pid %u: process group %u, whose leader is outside of its pid namespace or has ended: not supported; start it with setsid",
					       called(r, lm_model_process(&r->m, p->pid)), want);
			if (p->remote &&
			    lm_remote_syscall(p->remote, e, __NR_setpgid, 0, there) < 0)
				return lm_prefix(e, "pid %u: process group %u",
						 p->pid, want);
			p->pgid = want;
		}
	}
	for (size_t i = r->nr_procs; i-- > 0 && !r->plan;)
		if (lm_model_process(&r->m, r->procs[i]->pid)->stand_in)
			end(r, i);
	return 0;
}

/* ---- could it be made? ---- */

int lm_tree_possible(const struct lm_model *m, struct lm_error *e)
{
	struct lm_restorer r = { .plan = true };
	bool collides[2];
	int ret;

	look_for_room(m, collides);
	if (collides[0] && collides[1])
		return no_room(&r, e);
	if (lm_model_borrow(&r.m, m))
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = lm_leaders_add(&r, e) || make_all(&r, e) || lm_tree_groups(&r, e) ? -1 : 0;
	while (r.nr_procs)
		lm_proc_free(r.procs[--r.nr_procs]);
	free(r.procs);
	lm_ids_free(&r.by_pid);
	lm_model_give_back(&r.m);
	return ret;
}
