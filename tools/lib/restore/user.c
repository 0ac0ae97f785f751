// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * User namespaces. They are made before the first helper, by a child of ours; their
 * maps are written from outside. Helpers stay outside as long as they can, as much of
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

static int write_proc(pid_t pid, const char *file, const char *text, struct lm_error *e)
{
	char path[48];

	if (!text || !*text)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	return lm_write_text(path, text) ?
	       lm_fail_errno(e, LM_REFUSED, "user namespace: cannot write its %s here",
			     file) : 0;
}

static int furnish(pid_t pid, void *arg, struct lm_error *e)
{
	const struct lm_obj *o = arg;

	/* Who may call setgroups() is settled before there are groups. */
	return write_proc(pid, "setgroups", o->tb[LM_NS_NO_SETGROUPS] ? "deny" : NULL, e) ||
	       write_proc(pid, "uid_map", lm_str(o->tb[LM_NS_UID_MAP]), e) ||
	       write_proc(pid, "gid_map", lm_str(o->tb[LM_NS_GID_MAP]), e) ||
	       write_proc(pid, "projid_map", lm_str(o->tb[LM_NS_PROJID_MAP]), e) ? -1 : 0;
}

int lm_user_sync(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_ns; i++) {
		const struct lm_obj *o = r->m.ns[i];
		struct lm_ns_birth b = {
			.kind = &lm_ns_user,
			.creator = lm_u32(o->tb[LM_NS_CREATOR]),
			.furnish = furnish,
			.arg = (void *)o,
		};
		int fd;

		if (strcmp(lm_str(o->tb[LM_NS_KIND]), lm_ns_user.name) ||
		    lm_ns_fd(r, &lm_ns_user, lm_u32(o->tb[LM_NS_ID])) >= 0)
			continue;
		fd = lm_ns_born(&b, e);
		if (fd < 0 || lm_ns_add(r, &lm_ns_user, o, fd, -1, e))
			return -1;
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
