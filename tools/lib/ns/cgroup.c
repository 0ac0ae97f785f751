// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Cgroup namespaces. The root of one is the cgroup that its founder was in; that
 * must be the container's, which is where helpers are born.
 */
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "ns.h"
#include "../textfile.h"

/* Where @p is, as the caller's namespace shows it. */
static int look(const struct lm_process *p, char *buf, size_t size)
{
	char dir[32], text[PATH_MAX + 64], *line;

	snprintf(dir, sizeof(dir), "/proc/%u", p->task);
	if (lm_text_read(dir, "cgroup", text, sizeof(text)))
		return -1;
	line = strstr(text, "0::/");
	if (!line)
		return -1;
	line += 3;
	line[strcspn(line, "\n")] = 0;
	return snprintf(buf, size, "%s", line) < (int)size ? 0 : -1;
}

/* "/" when @p is in the root of its namespace, "/a" when below it. */
static int describe(const struct lm_ns_inside *in, struct lm_error *e)
{
	char inside[PATH_MAX], want[PATH_MAX];
	const char *sub = lm_str(in->p->obj.tb[LIVEMIG_PROCESS_CGROUP]);

	snprintf(want, sizeof(want), "/%s", sub ? sub : "");
	if (look(in->p, inside, sizeof(inside)))
		return lm_fail(e, LM_FAILED, "its cgroup cannot be read");
	if (strcmp(inside, want))
		return lm_fail(e, LM_REFUSED,
			       "cgroup namespace whose root is not the container's cgroup %s: not supported",
			       in->cgroup);
	lm_put_str(in->b, LM_NS_CGROUP, in->cgroup);
	return 0;
}

const struct lm_ns_kind lm_ns_cgroup = {
	.name		= "cgroup",
	.flag		= CLONE_NEWCGROUP,
	.at		= offsetof(struct livemig_ns, cgroup),
	.describe	= describe,
};
