// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "session.h"

#define FILEID_KERNFS	0xfe

int session_open(const char *arg, const char *verb, struct lm_target *t,
		 struct lm_nl **nl, struct lm_error *e)
{
	if (lm_target_parse(arg, t, e))
		return -1;
	if (t->kind != LM_TARGET_CGROUP) {
		lm_fail(e, LM_REFUSED, "%s: %s works on a cgroup only (dump and migrate take pid:N, too)",
			arg, verb);
		goto fail;
	}
	if (!lm_nl_open(nl, e))
		return 0;
fail:
	lm_target_close(t);
	return -1;
}

void session_close(struct lm_target *t, struct lm_nl *nl)
{
	lm_nl_close(nl);
	lm_target_close(t);
}

struct search {
	uint64_t cgroup_id;
	struct lm_session_info *found;
	int n;
};

static int match(const struct lm_session_info *s, void *arg)
{
	struct search *w = arg;

	if (s->cgroup_id == w->cgroup_id) {
		*w->found = *s;
		w->n = 1;
	}
	return 0;
}

int session_find(struct lm_nl *nl, const struct lm_target *t,
		 struct lm_session_info *s, struct lm_error *e)
{
	struct search w = { t->cgroup_id, s, 0 };

	if (lm_nl_sessions(nl, match, &w, e))
		return -1;
	if (w.n && !(s->flags & LIVEMIG_SESSION_F_PERSISTENT))
		return lm_fail(e, LM_REFUSED, "%s: another program is at work on it (session %u): wait for its end, or end it",
			       t->path, s->id);
	return w.n;
}

/* The directory of a cgroup by its number; "" when it is gone. */
static void cgroup_path(uint64_t id, char *path, size_t len)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + sizeof(id)];
	} u = { .h = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char mount[PATH_MAX], link[64];
	ssize_t n = -1;
	int dir, fd;

	*path = 0;
	if (lm_cgroup_mount(mount, sizeof(mount), NULL))
		return;
	memcpy(u.h.f_handle, &id, sizeof(id));
	dir = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = open_by_handle_at(dir, &u.h, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, path, len - 1);
		close(fd);
	}
	path[n > 0 ? n : 0] = 0;
	if (dir >= 0)
		close(dir);
}

json_t *session_json(const struct lm_session_info *s)
{
	static const char *const states[] = {
		[LIVEMIG_STATE_RUNNING] = "running",
		[LIVEMIG_STATE_FREEZING] = "freezing",
		[LIVEMIG_STATE_FROZEN] = "frozen",
	};
	char path[PATH_MAX];

	cgroup_path(s->cgroup_id, path, sizeof(path));
	return json_pack("{s:I, s:o, s:s, s:o, s:I, s:I, s:o, s:I, s:b}",
			 "session", (json_int_t)s->id,
			 "name", out_str(s->name),
			 "state", s->state <= LIVEMIG_STATE_FROZEN ? states[s->state] : "?",
			 "cgroup", out_str(path),
			 "cgroup_id", (json_int_t)s->cgroup_id,
			 "tasks", (json_int_t)s->tasks,
			 "tracker", out_str(*s->tracker ? s->tracker : "none"),
			 "round", (json_int_t)s->round,
			 "persistent", !!(s->flags & LIVEMIG_SESSION_F_PERSISTENT));
}

void session_text(const json_t *j)
{
	const char *cgroup = out_get(j, "cgroup");

	printf("%s: %s, %llu tasks, tracker %s, round %llu, session %llu%s\n",
	       *cgroup ? cgroup : out_get(j, "name"), out_get(j, "state"),
	       (unsigned long long)out_num(j, "tasks"), out_get(j, "tracker"),
	       (unsigned long long)out_num(j, "round"),
	       (unsigned long long)out_num(j, "session"),
	       json_is_true(json_object_get(j, "persistent")) ? "" :
	       " (of a running program)");
}

int session_show(struct lm_nl *nl, uint32_t id, struct lm_error *e)
{
	struct lm_session_info s;

	if (lm_nl_session_get(nl, id, &s, e))
		return -1;
	return out(session_json(&s), session_text, e);
}
