// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * User namespaces, and what belongs to them, other user namespaces too. The restorer
 * makes one for each that a process is in; others it cannot know.
 */
#include <errno.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "source_priv.h"
#include "../net/rtnl.h"
#include "../ns/user.h"
#include "../restore/restore.h"
#include "../textfile.h"

static int put_file(const struct lm_process *p, struct lm_buf *b, int attr,
		    const char *name, struct lm_error *e)
{
	char dir[32], text[LM_USER_MAP_BYTES];

	snprintf(dir, sizeof(dir), "/proc/%u", p->task);
	if (lm_text_read(dir, name, text, sizeof(text)))
		return lm_fail_errno(e, LM_FAILED, "%s/%s", dir, name);
	if (*text)
		lm_put_str(b, attr, text);
	return 0;
}

int lm_source_user(struct lm_source *s, struct lm_objects *o,
		   const struct lm_ns_inside *in, int fd, bool owned, struct lm_error *e)
{
	const struct lm_process *p = in->p;
	struct lm_buf *b = in->b;
	char dir[32], text[32];
	uid_t creator;

	if (put_file(p, b, LM_NS_UID_MAP, "uid_map", e) ||
	    put_file(p, b, LM_NS_GID_MAP, "gid_map", e) ||
	    put_file(p, b, LM_NS_PROJID_MAP, "projid_map", e))
		return -1;
	snprintf(dir, sizeof(dir), "/proc/%u", p->task);
	if (lm_text_read(dir, "setgroups", text, sizeof(text)))
		return lm_fail_errno(e, LM_FAILED, "%s/setgroups", dir);
	if (!strncmp(text, "deny", 4))
		lm_put_flag(b, LM_NS_NO_SETGROUPS);
	if (ioctl(fd, NS_GET_OWNER_UID, &creator))
		return lm_fail_errno(e, LM_FAILED, "user namespace: its owner");
	if (creator)
		lm_put_u32(b, LM_NS_CREATOR, creator);
	return 0;
}

static bool is_inhabited(const struct lm_model *m, uint32_t user)
{
	for (size_t i = 0; i < m->nr_procs; i++)
		if (lm_ns_of(m->procs[i], &lm_ns_user) == user)
			return true;
	return false;
}

static uint32_t own_user(void)
{
	int fd = lm_ns_open(getpid(), &lm_ns_user, NULL);
	uint32_t id = fd < 0 ? 0 : lm_ns_ino(fd);

	if (fd >= 0)
		close(fd);
	return id;
}

int64_t lm_source_owner(const struct lm_model *m, const struct lm_ns_kind *k, int fd,
			struct lm_error *e)
{
	/* (a user namespace belongs to the one that it was made in) */
	int owner = ioctl(fd, k == &lm_ns_user ? NS_GET_PARENT : NS_GET_USERNS);
	uint32_t id;

	if (owner < 0)
		return lm_fail_errno(e, LM_FAILED, "whom the %s namespace belongs to",
				     k->name);
	id = lm_ns_ino(owner);
	close(owner);
	if (id == own_user())
		return LM_NS_NONE;
	return is_inhabited(m, id) ? (int64_t)id :
	       lm_fail(e, LM_REFUSED,
		       "its %s namespace belongs to a user namespace that no process of the container is in: not supported",
		       k->name);
}

static bool belongs_to(int fd, uint32_t user)
{
	int owner = ioctl(fd, NS_GET_USERNS);
	bool ok = owner >= 0 && lm_ns_ino(owner) == user;

	if (owner >= 0)
		close(owner);
	return ok;
}

/* Threads get their numbers from the first one, who is in the user namespace by then:
 * all pid namespaces up to the container's must belong to that.
 */
static bool may_number(const struct lm_process *p)
{
	uint32_t user = lm_ns_of(p, &lm_ns_user);
	int fd = lm_ns_open(p->task, &lm_ns_pid, NULL), up;
	size_t levels;
	bool ok;

	if (fd < 0)
		return true;	/* (it has just ended) */
	lm_array(p->threads[0]->obj.tb[LIVEMIG_THREAD_INNER_TIDS], sizeof(uint32_t), &levels);
	ok = belongs_to(fd, user);
	while (ok && levels--) {
		up = ioctl(fd, NS_GET_PARENT);
		ok = up >= 0 && belongs_to(up, user);
		close(fd);
		fd = up;
	}
	if (fd >= 0)
		close(fd);
	return ok;
}

int lm_source_check_users(const struct lm_model *m, struct lm_error *e)
{
	uint32_t own = own_user();

	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];
		uint32_t user = lm_ns_of(p, &lm_ns_user);
		const struct lm_thread *t;

		if (!p->mm || user == LM_NS_NONE || user == own)
			continue;
		if (lm_model_shares_fs(m, p))
			return lm_fail(e, LM_REFUSED,
				       "pid %u: working directory shared with its parent, in a user namespace of their own: not supported",
				       p->host);
		if (p->nr_threads > 1 && !may_number(p))
			return lm_fail(e, LM_REFUSED,
				       "pid %u: threads in a user namespace that its pid namespace does not belong to: not supported",
				       p->host);
		t = lm_creds_impossible(m, p);
		if (t)
			return lm_fail(e, LM_REFUSED, "pid %u thread %u: " LM_IDS_OUTSIDE,
				       p->host, t->host);
	}
	return 0;
}
