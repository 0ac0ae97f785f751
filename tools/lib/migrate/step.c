// SPDX-License-Identifier: LGPL-2.1-or-later
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "migrate.h"

static const char *const names[] = {
	[LM_STEP_CHECK] = "check",
	[LM_STEP_CONNECTED] = "connected",
	[LM_STEP_OFFERED] = "offered",
	[LM_STEP_ROUND] = "round",
	[LM_STEP_FROZEN] = "frozen",
	[LM_STEP_READY] = "ready",
	[LM_STEP_COMMITTED] = "committed",
	[LM_STEP_HELD] = "held",
	[LM_STEP_SENT] = "sent",
	[LM_STEP_GOING] = "going",
	[LM_STEP_RUNNING] = "running",
	[LM_STEP_ARRIVED] = "arrived",
	[LM_STEP_DONE] = "done",
};

const char *lm_step_name(enum lm_migrate_step step)
{
	return names[step];
}

void lm_step_reached(enum lm_migrate_step step)
{
	const char *at = getenv("LIVEMIG_DIE_AT");
	size_t len = strlen(names[step]);

	if (!at || strncmp(at, names[step], len) || (at[len] && at[len] != ':'))
		return;
	kill(getpid(), at[len] ? atoi(at + len + 1) : SIGKILL);
}
