/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /proc/PID/mountinfo: what a process has mounted. */
#ifndef LM_MOUNTINFO_H
#define LM_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../error.h"

struct lm_mount {
	uint32_t id, parent;
	uint64_t dev;		/* major << 20 | minor */
	uint32_t flags;		/* MS_*, of the mount */
	bool read_only;		/* the file system */
	uint32_t shared, master; /* peer groups, 0: none */
	bool unbindable;
	const char *root, *point, *type, *source, *options;
	char *line;		/* owned, the strings are in it */
};

struct lm_mounts {
	struct lm_mount *v;
	size_t nr;
};

int lm_mounts_read(pid_t pid, struct lm_mounts *m, struct lm_error *e);
void lm_mounts_free(struct lm_mounts *m);
const struct lm_mount *lm_mounts_find(const struct lm_mounts *m, uint32_t id);
/* What @path, as the caller sees it, is on; NULL: not known. */
const struct lm_mount *lm_mounts_of(const struct lm_mounts *m, const char *path);
/* What is left of @path below @dir ("" or "/..."), NULL: it is not below. */
const char *lm_path_below(const char *path, const char *dir);

#endif
