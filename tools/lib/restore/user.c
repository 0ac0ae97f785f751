// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * User namespaces. They are made before the first helper, by a child of ours that was in
 * their parent; their maps are written from there. Helpers stay outside as long as they
 * can, as much of what they do needs root's privileges on the host. For a moment they go
 * in, to make what is to belong to it (lm_user_unshare()), and the module lets them out
 * again. The last step of a process is to become who it was, and to enter for good:
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

/* A map has the host's ids; the kernel wants to be told those of the parent, and all of it
 * in less than a page. One line of it is within one of the parent's map: the kernel had
 * seen to that.
 */
static int translate(const struct birth *b, int map, char *out, size_t size,
		     const char *name, struct lm_error *e)
{
	const char *text = lm_str(b->o->tb[map]);
	unsigned int first, there, count;
	size_t len = 0;
	int n = 0;

	*out = 0;
	for (; sscanf(text, "%u %u %u%n", &first, &there, &count, &n) == 3; text += n) {
		uint32_t inside = there;

		if (b->parent && !lm_user_inside(b->parent, map, there, &inside))
			return lm_fail(e, LM_REFUSED,
				       "user namespace: its %s has what its parent has not", name);
		len += snprintf(out + len, size - len, "%u %u %u\n", first, inside, count);
		if (len >= size)
			return lm_fail(e, LM_REFUSED, "user namespace: its %s is too long", name);
	}
	return !text[strspn(text, " \n")] ? 0 :
	       lm_fail(e, LM_REFUSED, "user namespace: its %s is malformed", name);
}

static int furnish(pid_t pid, void *arg, struct lm_error *e)
{
	static const struct {
		const char *name;
		int map;
	} maps[] = {
		{ "uid_map", LM_NS_UID_MAP }, { "gid_map", LM_NS_GID_MAP },
		{ "projid_map", LM_NS_PROJID_MAP },
	};
	const struct birth *b = arg;
	char path[48], text[LM_USER_MAP_BYTES];

	/* Who may call setgroups() is settled before there are groups. */
	snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
	if (b->o->tb[LM_NS_NO_SETGROUPS] && lm_user_write(b->user, path, "deny"))
		return lm_fail_errno(e, LM_REFUSED,
				     "user namespace: cannot write its setgroups here");
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		if (!b->o->tb[maps[i].map])
			continue;
		if (translate(b, maps[i].map, text, sizeof(text), maps[i].name, e))
			return -1;
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, maps[i].name);
		if (*text && lm_user_write(b->user, path, text))
			return lm_fail_errno(e, LM_REFUSED,
					     "user namespace: cannot write its %s here",
					     maps[i].name);
	}
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
	for (size_t i = 0; i < r->m.nr_ns; i++)
		if (!strcmp(lm_str(r->m.ns[i]->tb[LM_NS_KIND]), lm_ns_user.name) &&
		    !is_made(r, lm_u32(r->m.ns[i]->tb[LM_NS_ID])))
			return lm_fail(e, LM_REFUSED, "user namespace %u: its parent is missing",
				       lm_u32(r->m.ns[i]->tb[LM_NS_ID]));
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
