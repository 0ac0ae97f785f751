// SPDX-License-Identifier: GPL-2.0-or-later
/* freeze and thaw */
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "dump/source.h"
#include "migrate/journal.h"
#include "out.h"
#include "session.h"

static uint32_t timeout_ms = 10000;

static int freeze(struct lm_nl *nl, const struct lm_target *t, struct lm_error *e)
{
	struct lm_session_info s;
	uint32_t id;

	switch (session_find(nl, t, &s, e)) {
	case 1:
		if (s.state == LIVEMIG_STATE_FROZEN)
			return lm_fail(e, LM_REFUSED, "%s: is frozen already (session %u)",
				       t->path, s.id);
		if (lm_nl_freeze(nl, s.id, timeout_ms, e))
			return lm_prefix(e, "%s", t->path);
		return session_show(nl, s.id, e);
	case 0:
		break;
	default:
		return -1;
	}
	/* Persistent only when all is well: if this fails or is killed half-way,
	 * the module thaws.
	 */
	if (lm_nl_session_new(nl, t->fd, t->name, 0, &id, e) ||
	    lm_nl_freeze(nl, id, timeout_ms, e) ||
	    lm_nl_session_persist(nl, id, true, e))
		return lm_prefix(e, "%s", t->path);
	return session_show(nl, id, e);
}

static int run_freeze(int argc, char **argv, struct lm_error *e)
{
	struct lm_target t;
	struct lm_nl *nl;
	int ret;

	if (session_open(argv[0], "freeze", &t, &nl, e))
		return -1;
	ret = freeze(nl, &t, e);
	session_close(&t, nl);
	return ret;
}

static void thaw_text(const json_t *j)
{
	printf("%s: running\n", out_get(j, "cgroup"));
}

static int thaw(struct lm_nl *nl, const struct lm_target *t, struct lm_error *e)
{
	struct lm_session_info s;
	int ret = session_find(nl, t, &s, e);

	if (ret < 0)
		return -1;
	if (!ret || s.state == LIVEMIG_STATE_RUNNING)
		return lm_fail(e, LM_REFUSED, "%s: livemig has not frozen it", t->path);
	if (lm_journal_holds(s.id))
		return lm_fail(e, LM_REFUSED,
			       "%s: it may run on another host: `migctl migrate --recover` finds out, and thaws it if not",
			       t->path);
	/* `dump --leave frozen` has closed its network. */
	if (lm_source_let_talk(t->path, e))
		return -1;
	/* Tracking goes on if somebody started it. */
	if (*s.tracker && strcmp(s.tracker, "none"))
		ret = lm_nl_thaw(nl, s.id, e);
	else
		ret = lm_nl_session_del(nl, s.id, e);
	if (ret)
		return lm_prefix(e, "%s", t->path);
	return out(json_pack("{s:o, s:s}", "cgroup", out_str(t->path), "state", "running"),
		   thaw_text, e);
}

static int run_thaw(int argc, char **argv, struct lm_error *e)
{
	struct lm_target t;
	struct lm_nl *nl;
	int ret;

	if (session_open(argv[0], "thaw", &t, &nl, e))
		return -1;
	ret = thaw(nl, &t, e);
	session_close(&t, nl);
	return ret;
}

static const struct opt freeze_opts[] = {
	{ "timeout", 't', OPT_U32, "MS", "give up (and thaw) after so long (10000)",
	  &timeout_ms, 1, 600000 },
	{ 0 }
};

MIGCTL_CMD(cmd_freeze) = {
	.name = "freeze",
	.args = "TARGET",
	.summary = "stop all tasks of a container",
	.help = "They stay stopped when migctl ends, until 'migctl thaw TARGET'.\n",
	.opts = freeze_opts,
	.min_args = 1,
	.max_args = 1,
	.run = run_freeze,
};

MIGCTL_CMD(cmd_thaw) = {
	.name = "thaw",
	.args = "TARGET",
	.summary = "let the tasks of a frozen container run on",
	.min_args = 1,
	.max_args = 1,
	.run = run_thaw,
};
