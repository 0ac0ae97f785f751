// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "nl.h"
#include "out.h"
#include "session.h"

static void text(const json_t *j)
{
	const json_t *sessions = json_object_get(j, "sessions"), *s;
	size_t i;

	printf("module    %s (protocol %u) on Linux %s\n", out_get(j, "module"),
	       (unsigned int)out_num(j, "protocol"), out_get(j, "kernel"));
	printf("features ");
	json_array_foreach(json_object_get(j, "features"), i, s)
		printf(" %s", json_string_value(s));
	printf("\nsessions  %zu\n", json_array_size(sessions));
	json_array_foreach(sessions, i, s) {
		printf("  ");
		session_text(s);
	}
}

static int add_session(const struct lm_session_info *s, void *arg)
{
	return json_array_append_new(arg, session_json(s));
}

static json_t *words(char *s)
{
	json_t *a = json_array();
	char *save, *w;

	for (w = strtok_r(s, " ", &save); a && w; w = strtok_r(NULL, " ", &save))
		json_array_append_new(a, out_str(w));
	return a;
}

static int run(int argc, char **argv, struct lm_error *e)
{
	struct lm_info info;
	struct lm_nl *nl;
	json_t *sessions;
	int ret = -1;

	if (lm_nl_open(&nl, e))
		return -1;
	sessions = json_array();
	if (!lm_nl_info(nl, &info, e) && !lm_nl_sessions(nl, add_session, sessions, e))
		ret = out(json_pack("{s:s, s:o, s:I, s:o, s:I, s:I, s:o, s:o, s:O}",
				    "tool", LIVEMIG_VERSION,
				    "module", out_str(info.version),
				    "protocol", (json_int_t)info.protocol,
				    "kernel", out_str(info.kernel),
				    "xstate_size", (json_int_t)info.xstate_size,
				    "xfeatures", (json_int_t)info.xfeatures,
				    "vdso_id", out_id(info.vdso_id),
				    "features", words(info.features),
				    "sessions", sessions), text, e);
	json_decref(sessions);
	lm_nl_close(nl);
	return ret;
}

MIGCTL_CMD(cmd_status) = {
	.name = "status",
	.args = "",
	.summary = "show the module and its sessions",
	.run = run,
};
