// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Clocks. The container gets a time namespace, in which CLOCK_MONOTONIC and
 * CLOCK_BOOTTIME go on from where they were when it was dumped: the time in
 * between does not exist for it. Whatever the image gives as time that remains
 * was measured before its clocks, so nothing that is armed with it here, where
 * the clocks run already, comes early.
 */
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#define NSEC 1000000000LL

/* The latest: all stood still by then. NULL: none. */
static const struct livemig_clocks *clocks(const struct lm_model *m)
{
	const struct livemig_clocks *last = NULL;

	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct livemig_clocks *c;
		size_t n;

		c = lm_array(m->procs[i]->time.tb[LIVEMIG_TIME_CLOCKS],
			     sizeof(*c), &n);
		if (n && (!last || c->monotonic > last->monotonic))
			last = c;
	}
	return last;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

/* "monotonic 123 456" of a namespace that nobody is in yet: what it inherited. */
static int read_offset(const char *path, const char *clock, int64_t *ns)
{
	char line[96], name[32];
	long long sec, nsec;
	FILE *f = fopen(path, "re");
	int ret = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%31s %lld %lld", name, &sec, &nsec) != 3 ||
		    strcmp(name, clock))
			continue;
		*ns = sec * NSEC + nsec;
		ret = 0;
	}
	if (f)
		fclose(f);
	return ret;
}

/* The offset which makes @clock show @want now. */
static int set_offset(const char *path, const char *name, clockid_t clock,
		      int64_t want, struct lm_error *e)
{
	int64_t own, ns, sec;
	char text[96];

	if (read_offset(path, name, &own))
		return lm_fail_errno(e, LM_FAILED, "%s", path);
	ns = want - (now(clock) - own);
	sec = ns / NSEC - (ns % NSEC < 0);
	snprintf(text, sizeof(text), "%s %lld %lld", name, (long long)sec,
		 (long long)(ns - sec * NSEC));
	if (lm_write_text(path, text))
		return lm_fail_errno(e, LM_FAILED, "%s: %s", path, text);
	return 0;
}

int lm_time_make(struct lm_restorer *r, struct lm_error *e)
{
	const struct livemig_clocks *c = clocks(&r->m);
	uint32_t host = lm_host_pid(r, r->root_pid);
	char path[48];

	if (!c)
		return 0;
	if (c->monotonic < 0 || c->boottime < 0)
		return lm_fail(e, LM_REFUSED, "its clocks show an impossible time");
	/* A helper has it for children that are never born. */
	if (lm_remote_syscall(lm_proc(r, r->root_pid)->remote, e, __NR_unshare,
			      CLONE_NEWTIME) < 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/timens_offsets", host);
	if (set_offset(path, "monotonic", CLOCK_MONOTONIC, c->monotonic, e) ||
	    set_offset(path, "boottime", CLOCK_BOOTTIME, c->boottime, e))
		return -1;
	snprintf(path, sizeof(path), "/proc/%u/ns/time_for_children", host);
	r->timens = open(path, O_RDONLY | O_CLOEXEC);
	return r->timens < 0 ? lm_fail_errno(e, LM_FAILED, "%s", path) : 0;
}

void lm_time_join(const struct lm_restorer *r, struct lm_batch *b)
{
	if (r->timens >= 0)
		lm_ns_add_join(r, b, r->timens, CLONE_NEWTIME);
}
