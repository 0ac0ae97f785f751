/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A process that outlives us by a moment. What it was told it undoes in reverse
 * order, when we tell it to or die; after lm_undo_commit() it does not.
 */
#ifndef LM_UNDO_H
#define LM_UNDO_H

#include "../error.h"

struct lm_undo;

int lm_undo_new(struct lm_undo **u, struct lm_error *e);
/* @verb: "cgroup" (kill and remove), "kill" (a cgroup and all below), "rmdir", "write"
 * (path, then text), "ipc" (kind, then id: of the host's namespace).
 */
int lm_undo_add(struct lm_undo *u, const char *verb, const char *path,
		const char *text, struct lm_error *e);
void lm_undo_commit(struct lm_undo *u);
void lm_undo_run(struct lm_undo *u);	/* waits until it is done; frees */

#endif
