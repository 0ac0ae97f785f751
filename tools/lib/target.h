/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a user names as TARGET: a cgroup, or a process and its descendants. */
#ifndef LM_TARGET_H
#define LM_TARGET_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/livemig.h>
#include "error.h"

enum lm_target_kind {
	LM_TARGET_CGROUP,
	LM_TARGET_PID,
};

struct lm_target {
	enum lm_target_kind kind;
	char path[PATH_MAX];		/* CGROUP: its directory; PID: "" */
	char name[LIVEMIG_NAME_MAX + 1]; /* for a session: [A-Za-z0-9._:-] */
	uint64_t cgroup_id;		/* CGROUP: as in LIVEMIG_A_CGROUP_ID */
	pid_t pid;			/* PID */
	int fd;				/* CGROUP: the directory; PID: a pidfd; or -1 */
};

/* @s: an absolute path below a cgroup2 mount, "cgroup:NAME" (below the mount;
 * NAME may have slashes) or "pid:N". LM_USAGE when it is none of these, else
 * LM_REFUSED: no such cgroup or process, cgroup v1 or a hybrid host, the root
 * cgroup, not a cgroup. @t needs lm_target_close() after success.
 */
int lm_target_parse(const char *s, struct lm_target *t, struct lm_error *e);
void lm_target_close(struct lm_target *t);

/* Where cgroup2 is mounted, without a slash at the end. */
int lm_cgroup_mount(char *path, size_t len, struct lm_error *e);
/* "a/b c" -> a name for a session; unique for unequal paths. */
void lm_target_name(const char *path, char *name, size_t len);

#endif
