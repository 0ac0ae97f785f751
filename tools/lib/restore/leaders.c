// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions and process groups outlive their leaders, but only a process with
 * the number of the session or group can make it. So those that have ended are
 * added to the model; tree.c makes them like any other process, and ends them
 * when everybody is where he belongs (lm_tree_groups()). The numbers remain in
 * use, as they were on the source.
 */
#include "internal.h"

static struct lm_process *add(struct lm_restorer *r, uint32_t pid, uint32_t sid,
			      struct lm_error *e)
{
	struct lm_process *p = lm_model_stand_in(&r->m, pid);

	if (!p) {
		lm_fail(e, LM_FAILED, "out of memory");
		return NULL;
	}
	p->pgid = pid;
	p->sid = sid;
	return p;
}

/* It lived in the round before: then its helper takes its place. */
static bool has_place(const struct lm_restorer *r, struct lm_process *p)
{
	const struct lm_proc *was = lm_proc(r, p->pid);

	if (!was || (was->parent && !lm_model_process(&r->m, was->parent->pid)))
		return false;
	p->ppid = was->parent ? was->parent->pid : 0;
	return true;
}

/* The leader of a session is a sibling of those members whose parent is not in
 * it: orphans, to whom it gives birth. If there are several such parents, the
 * uppermost.
 */
static int add_session(struct lm_restorer *r, uint32_t sid, struct lm_error *e)
{
	struct lm_process *leader = add(r, sid, sid, e);
	bool found = false;

	if (!leader)
		return -1;
	if (has_place(r, leader))
		return 0;
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i], *parent;

		parent = lm_model_process(&r->m, p->ppid);
		if (p == leader || p->sid != sid || (parent && parent->sid == sid))
			continue;
		if (!found || lm_tree_descends(r, leader->ppid, p->ppid))
			leader->ppid = p->ppid;
		found = true;
	}
	return 0;
}

/* The leader of a group: a child of the leader of its session. */
static int add_group(struct lm_restorer *r, const struct lm_process *member,
		     struct lm_error *e)
{
	uint32_t sid = lm_tree_session(r, member);
	struct lm_process *leader = add(r, member->pgid, sid, e);

	if (!leader)
		return -1;
	if (!has_place(r, leader))
		leader->ppid = sid;
	return 0;
}

int lm_leaders_add(struct lm_restorer *r, struct lm_error *e)
{
	size_t n = r->m.nr_procs;

	for (size_t i = 0; i < n; i++) {
		const struct lm_process *p = r->m.procs[i];

		if (p->sid && !lm_model_process(&r->m, p->sid) &&
		    add_session(r, p->sid, e))
			return -1;
	}
	for (size_t i = 0; i < n; i++) {
		const struct lm_process *p = r->m.procs[i];

		if (p->pgid && !lm_model_process(&r->m, p->pgid) &&
		    add_group(r, p, e))
			return -1;
	}
	return 0;
}
