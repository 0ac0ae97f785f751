// SPDX-License-Identifier: GPL-2.0-or-later
/* track start, stop, show */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "out.h"
#include "session.h"

static bool tracking(const struct lm_session_info *s)
{
	return *s->tracker && strcmp(s->tracker, "none");
}

static int start(struct lm_nl *nl, const struct lm_target *t, struct lm_error *e)
{
	struct lm_session_info s;
	int found = session_find(nl, t, &s, e);

	if (found < 0)
		return -1;
	if (found && tracking(&s))
		return lm_fail(e, LM_REFUSED, "%s: is tracked already (session %u)",
			       t->path, s.id);
	/* Persistent only when all is well, see cmd_freeze.c. */
	if ((!found && lm_nl_session_new(nl, t->fd, t->name, 0, &s.id, e)) ||
	    lm_nl_track(nl, s.id, true, e) ||
	    (!found && lm_nl_session_persist(nl, s.id, true, e)))
		return lm_prefix(e, "%s", t->path);
	return session_show(nl, s.id, e);
}

static void stop_text(const json_t *j)
{
	printf("%s: tracker none\n", out_get(j, "cgroup"));
}

/* The session of @t, which must be tracked. */
static int find_tracked(struct lm_nl *nl, const struct lm_target *t,
			struct lm_session_info *s, struct lm_error *e)
{
	int found = session_find(nl, t, s, e);

	if (found < 0)
		return -1;
	if (!found || !tracking(s))
		return lm_fail(e, LM_REFUSED, "%s: is not tracked (migctl track start)",
			       t->path);
	return 0;
}

static int stop(struct lm_nl *nl, const struct lm_target *t, struct lm_error *e)
{
	struct lm_session_info s;
	int ret;

	if (find_tracked(nl, t, &s, e))
		return -1;
	if (s.state == LIVEMIG_STATE_RUNNING)
		ret = lm_nl_session_del(nl, s.id, e);
	else
		ret = lm_nl_track(nl, s.id, false, e);
	if (ret)
		return lm_prefix(e, "%s", t->path);
	return out(json_pack("{s:o, s:s}", "cgroup", out_str(t->path), "tracker", "none"),
		   stop_text, e);
}

static void show_text(const json_t *j)
{
	uint64_t present = out_num(j, "present"), dirty = out_num(j, "dirty");

	session_text(j);
	printf("  present   %llu pages (%s)\n", (unsigned long long)present,
	       out_bytes(present * 4096));
	printf("  written   %llu pages (%s) since the last round\n",
	       (unsigned long long)dirty, out_bytes(dirty * 4096));
	printf("  counting  %s, of which %s with the address space locked\n",
	       out_ns(out_num(j, "ns_total")), out_ns(out_num(j, "ns_locked")));
}

static int show(struct lm_nl *nl, const struct lm_target *t, struct lm_error *e)
{
	struct lm_session_info s;
	struct lm_stats st;
	json_t *j, *counts;

	if (find_tracked(nl, t, &s, e))
		return -1;
	if (lm_nl_pages(nl, s.id, -1, LIVEMIG_PAGES_F_COUNT, &st, e))
		return lm_prefix(e, "%s", t->path);
	j = session_json(&s);
	counts = json_pack("{s:I, s:I, s:I, s:I}",
			   "present", (json_int_t)st.present,
			   "dirty", (json_int_t)st.dirty,
			   "ns_total", (json_int_t)st.ns_total,
			   "ns_locked", (json_int_t)st.ns_locked);
	if (!j || !counts || json_object_update(j, counts)) {
		json_decref(j);
		j = NULL;
	}
	json_decref(counts);
	return out(j, show_text, e);
}

static int with_session(const char *arg, struct lm_error *e,
			int (*fn)(struct lm_nl *nl, const struct lm_target *t,
				  struct lm_error *e))
{
	struct lm_target t;
	struct lm_nl *nl;
	int ret;

	if (session_open(arg, "track", &t, &nl, e))
		return -1;
	ret = fn(nl, &t, e);
	session_close(&t, nl);
	return ret;
}

static int run_start(int argc, char **argv, struct lm_error *e)
{
	return with_session(argv[0], e, start);
}

static int run_stop(int argc, char **argv, struct lm_error *e)
{
	return with_session(argv[0], e, stop);
}

static int run_show(int argc, char **argv, struct lm_error *e)
{
	return with_session(argv[0], e, show);
}

MIGCTL_CMD(cmd_track_start) = {
	.name = "track start",
	.args = "TARGET",
	.summary = "note from now on which pages a container writes",
	.help = "Tracking goes on when migctl ends, until 'migctl track stop TARGET'.\n",
	.min_args = 1,
	.max_args = 1,
	.run = run_start,
};

MIGCTL_CMD(cmd_track_stop) = {
	.name = "track stop",
	.args = "TARGET",
	.summary = "end that",
	.min_args = 1,
	.max_args = 1,
	.run = run_stop,
};

MIGCTL_CMD(cmd_track_show) = {
	.name = "track show",
	.args = "TARGET",
	.summary = "count the pages written since tracking or the last round began",
	.min_args = 1,
	.max_args = 1,
	.run = run_show,
};
