// SPDX-License-Identifier: GPL-2.0-or-later
/* agent: receive containers from other hosts. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include "cmd.h"
#include "migrate/migrate.h"
#include "nl.h"
#include "out.h"
#include "target.h"

static const char *listen_addr, *net_parent;
static bool insecure;

static void log_line(const char *line, void *arg)
{
	char when[32];
	time_t t = time(NULL);
	struct tm tm;

	if (out_json) {
		out_line(json_pack("{s:I, s:o}", "time", (json_int_t)t, "event",
				   out_str(line)), NULL, NULL);
		return;
	}
	strftime(when, sizeof(when), "%F %T", localtime_r(&t, &tm));
	printf("%s %s\n", when, line);
	fflush(stdout);
}

static void ready(int port, void *arg)
{
	char line[64];

	snprintf(line, sizeof(line), "listening on port %d", port);
	log_line(line, NULL);
}

static int run(int argc, char **argv, struct lm_error *e)
{
	struct lm_agent_opts o = {
		.listen = listen_addr,
		.net_parent = net_parent,
		.log = log_line,
	};
	char cgroups[PATH_MAX];
	struct lm_nl *nl;

	if (!listen_addr)
		return lm_fail(e, LM_USAGE, "say where to listen: --listen ADDRESS[:PORT]");
	if (!insecure)
		return lm_fail(e, LM_REFUSED,
			       "connections would be neither encrypted nor authenticated: say --insecure on both sides if the network is trusted");
	/* Better now than when somebody's container is on the way. */
	if (lm_nl_open(&nl, e))
		return -1;
	if (lm_cgroup_mount(cgroups, sizeof(cgroups), e)) {
		lm_nl_close(nl);
		return -1;
	}
	lm_nl_close(nl);
	signal(SIGPIPE, SIG_IGN);
	return lm_agent(&o, ready, e);
}

static const struct opt opts[] = {
	{ "listen", 'l', OPT_STR, "ADDRESS",
	  "address to listen on, [:PORT] as well (7447)", &listen_addr },
	{ "net-parent", 0, OPT_STR, "DEV",
	  "bridge or device for the containers' links (as at the source)",
	  &net_parent },
	{ "insecure", 0, OPT_FLAG, NULL,
	  "take connections without encryption or authentication", &insecure },
	{ 0 }
};

MIGCTL_CMD(cmd_agent) = {
	.name = "agent",
	.args = "",
	.summary = "receive containers from other hosts",
	.help =
"Runs in the foreground until SIGTERM; one for each host. A migration that is\n"
"under way is finished by a process of its own.\n",
	.opts = opts,
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
