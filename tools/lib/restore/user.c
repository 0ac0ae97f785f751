// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * User namespaces. They are made before the first helper, by a child of ours that was in
 * their parent; their maps are written from there. Helpers stay outside as long as they can, as much of
 * what they do needs root's privileges on the host. For a moment they go in, to make
 * what is to belong to it (lm_user_unshare()), and the module lets them out again.
 * The last step of a process is to become who it was, and to enter for good:
 * together with the credentials of its first thread, but before there are others,
 * which are then born there.
 */
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "internal.h"
#include "../ns/user.h"

/* Where a helper has the namespace that it is to enter. */
#define USER_FD(p)	(lm_remote_fd_base((p)->remote) + LM_HELPER_FDS + 1)

/* A user namespace under construction. */
struct birth {
	const struct lm_obj *o, *parent;	/* NULL: the host's */
	int user;				/* an fd of @parent's; 0: ours */
};

#define NR_FILES	4

/* A map has the host's ids; the kernel wants to be told those of the parent. One line of
 * it is within one of the parent's map: the kernel had seen to that.
 */
static int translate(const struct lm_obj *parent, int map, const char *text, char *out,
		     size_t size)
{
	unsigned int first, there, count, n_out = 0;
	int n = 0;

	for (; sscanf(text, "%u %u %u%n", &first, &there, &count, &n) == 3; text += n) {
		uint32_t inside;

		if (!lm_user_inside(parent, map, there, &inside))
			return -1;
		n_out += snprintf(out + n_out, size - n_out, "%u %u %u\n", first, inside, count);
		if (n_out >= size)
			return -1;
	}
	return 0;
}

static int furnish(pid_t pid, void *arg, struct lm_error *e)
{
	/* Who may call setgroups() is settled before there are groups. */
	static const struct {
		const char *name;
		int map;
	} files[NR_FILES] = {
		{ "setgroups", 0 }, { "uid_map", LM_NS_UID_MAP },
		{ "gid_map", LM_NS_GID_MAP }, { "projid_map", LM_NS_PROJID_MAP },
	};
	const struct birth *b = arg;
	char paths[NR_FILES][48], maps[NR_FILES][LM_USER_MAP_BYTES];
	const char *path[NR_FILES], *text[NR_FILES];

	for (size_t i = 0; i < NR_FILES; i++) {
		const char *map = lm_str(b->o->tb[files[i].map]);

		snprintf(paths[i], sizeof(paths[i]), "/proc/%d/%s", pid, files[i].name);
		path[i] = paths[i];
		text[i] = !files[i].map ? (b->o->tb[LM_NS_NO_SETGROUPS] ? "deny" : NULL) :
			  map && *map ? map : NULL;
		if (!files[i].map || !text[i] || !b->parent)
			continue;
		if (translate(b->parent, files[i].map, map, maps[i], sizeof(maps[i])))
			return lm_fail(e, LM_REFUSED,
				       "user namespace: its %s has what its parent has not",
				       files[i].name);
		text[i] = maps[i];
	}
	if (b->parent) {
		if (lm_user_write(b->user, path, text, NR_FILES))
			return lm_fail_errno(e, LM_REFUSED,
					     "user namespace: cannot write its maps here");
		return 0;
	}
	for (size_t i = 0; i < NR_FILES; i++)
		if (text[i] && lm_write_text(path[i], text[i]))
			return lm_fail_errno(e, LM_REFUSED,
					     "user namespace: cannot write its %s here",
					     files[i].name);
	return 0;
}

/* As whom it is made: who makes one in another one has ids there. */
static int choose_ids(const struct birth *in, struct lm_ns_birth *b, struct lm_error *e)
{
	const char *groups = in->parent ? lm_str(in->parent->tb[LM_NS_GID_MAP]) : NULL;
	uint32_t creator = lm_u32(in->o->tb[LM_NS_CREATOR]);

	b->somebody = in->parent || creator;
	b->uid = creator;
	if (!in->parent)
		return 0;
	return !lm_user_inside(in->parent, LM_NS_UID_MAP, creator, &b->uid) || !groups ||
	       sscanf(groups, "%u", &b->gid) != 1 ?
	       lm_fail(e, LM_REFUSED, "user namespace: its creator is unknown in its parent") : 0;
}

static int make(struct lm_restorer *r, const struct lm_obj *o, struct lm_error *e)
{
	uint32_t parent = lm_u32(o->tb[LM_NS_OWNER]);
	struct birth in = {
		.o = o,
		.parent = lm_ns_record(&r->m, &lm_ns_user, parent),
		.user = lm_user_fd(r, parent, e),
	};
	struct lm_ns_birth b = {
		.kind = &lm_ns_user,
		.user = in.user,
		.furnish = furnish,
		.arg = &in,
	};
	int fd;

	if (in.user < 0 || choose_ids(&in, &b, e))
		return -1;
	fd = lm_ns_born(&b, e);
	return fd < 0 ? -1 : lm_ns_add(r, &lm_ns_user, o, fd, -1, e);
}

static bool is_made(const struct lm_restorer *r, uint32_t id)
{
	return id == LM_NS_NONE || lm_ns_fd(r, &lm_ns_user, id) >= 0;
}

/* Those whose parents are there, until there is none any more. */
int lm_user_sync(struct lm_restorer *r, struct lm_error *e)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < r->m.nr_ns; i++) {
			const struct lm_obj *o = r->m.ns[i];

			if (strcmp(lm_str(o->tb[LM_NS_KIND]), lm_ns_user.name) ||
			    is_made(r, lm_u32(o->tb[LM_NS_ID])) ||
			    !is_made(r, lm_u32(o->tb[LM_NS_OWNER])))
				continue;
			if (make(r, o, e))
				return -1;
			more = true;
		}
	}
	return 0;
}

int lm_user_fd(const struct lm_restorer *r, uint32_t id, struct lm_error *e)
{
	int fd = id == LM_NS_NONE ? 0 : lm_ns_fd(r, &lm_ns_user, id);

	return fd < 0 ? lm_fail(e, LM_REFUSED,
				"the user namespace %u, which it belongs to, is missing",
				id) : fd;
}

int lm_user_enter(struct lm_restorer *r, struct lm_proc *p, uint32_t id,
		  struct lm_error *e)
{
	int fd = lm_user_fd(r, id, e);

	return fd < 0 ? -1 : !fd ? 0 : lm_remote_enter(p->remote, fd, e);
}

int lm_user_leave(struct lm_proc *p, uint32_t id, struct lm_error *e)
{
	return id == LM_NS_NONE ? 0 : lm_remote_leave(p->remote, e);
}

int lm_user_unshare(struct lm_restorer *r, struct lm_proc *p, uint32_t id, int flag,
		    struct lm_error *e)
{
	return lm_user_enter(r, p, id, e) ||
	       lm_remote_syscall(p->remote, e, __NR_unshare, flag) < 0 ||
	       lm_user_leave(p, id, e) ? -1 : 0;
}

/* ---- for good ---- */

/* Ids that are not in its map can be had outside only. The capabilities that change
 * with ids are kept; on entering, all that count there are given.
 */
void lm_user_batch(const struct lm_proc *p, struct lm_batch *b,
		   const struct lm_thread *t)
{
	lm_batch_add(b, __NR_prctl, PR_SET_SECUREBITS,
		     SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS, 0, 0, 0);
	lm_creds_ids(b, t);
	lm_batch_add(b, __NR_setns, USER_FD(p), CLONE_NEWUSER);
	lm_batch_add(b, __NR_close, USER_FD(p));
}

int lm_user_ready(struct lm_restorer *r, struct lm_proc *p, const struct lm_process *mp,
		  struct lm_error *e)
{
	const struct lm_thread *t = lm_leader(mp);
	struct lm_batch *b;
	int fd, ret;

	if (!lm_user_of(&r->m, mp) || !t)
		return 0;
	fd = lm_user_fd(r, lm_ns_of(mp, &lm_ns_user), e);
	if (fd < 0 || lm_remote_put_fd(p->remote, fd, USER_FD(p), true, e))
		return -1;
	if (mp->nr_threads == 1)
		return 0;
	b = lm_batch_new(p->remote);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	/* Priorities that root alone gives; threads are born with them. */
	lm_attrs_thread(b, t);
	lm_user_batch(p, b, t);
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	p->in_user = !ret;
	return ret ? lm_prefix(e, "pid %u: user namespace", mp->pid) : 0;
}
