// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "throttle.h"
#include "../restore/undo.h"
#include "../textfile.h"

#define PERIOD_US	100000U
/* Less than this would not end the rounds much sooner. */
#define LEAST_PERCENT	5U

static int read_max(const char *dir, char *text, size_t size, struct lm_error *e)
{
	if (!lm_text_read(dir, "cpu.max", text, size))
		return 0;
	return lm_fail_errno(e, LM_REFUSED, "%s/cpu.max: --throttle needs the cpu controller, write +cpu to cgroup.subtree_control of the cgroup above",
			     dir);
}

int lm_throttle_check(const char *dir, struct lm_error *e)
{
	char text[64];

	return read_max(dir, text, sizeof(text), e);
}

/* What "QUOTA PERIOD" or "max PERIOD" allows, of one processor. */
static uint32_t percent_of(const char *text)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint32_t all = processors > 0 ? processors * 100 : 100;
	unsigned long long quota, period;

	if (sscanf(text, "%llu %llu", &quota, &period) == 2 && period &&
	    quota * 100 / period < all)
		return quota * 100 / period;
	return all;
}

static int begin(struct lm_throttle *t, const char *dir, struct lm_error *e)
{
	char path[PATH_MAX], was[64];

	if (read_max(dir, was, sizeof(was), e))
		return -1;
	if ((size_t)snprintf(path, sizeof(path), "%s/cpu.max", dir) >= sizeof(path))
		return lm_fail(e, LM_REFUSED, "%s: name too long", dir);
	if (lm_undo_new(&t->undo, e) || lm_undo_add(t->undo, "write", path, was, e))
		return -1;
	t->percent = percent_of(was);
	return 0;
}

int lm_throttle_more(struct lm_throttle *t, const char *dir, struct lm_error *e)
{
	uint32_t before;
	char text[32];

	if (!t->undo && begin(t, dir, e))
		return -1;
	if (t->percent <= LEAST_PERCENT)
		return 0;
	before = t->percent;
	t->percent /= 2;
	if (t->percent < LEAST_PERCENT)
		t->percent = LEAST_PERCENT;
	snprintf(text, sizeof(text), "%u %u", t->percent * (PERIOD_US / 100), PERIOD_US);
	/* (not below cpu.max.burst, say: no reason to give up the migration) */
	if (lm_text_write(dir, "cpu.max", text)) {
		t->percent = before;
		return 0;
	}
	return 1;
}

void lm_throttle_end(struct lm_throttle *t)
{
	lm_undo_run(t->undo);
	t->undo = NULL;
}
