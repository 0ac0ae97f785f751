/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * User namespaces, and what belongs to them. One that a container has is a child of
 * the host's or of another one that it has.
 */
#ifndef LM_USER_H
#define LM_USER_H

#include "ns.h"

/* As many lines as a map may have. */
#define LM_USER_MAP_BYTES	16384

/* The user namespace that the namespace of kind @k belongs to, LM_NS_NONE: the
 * host's.
 */
uint32_t lm_ns_owner(const struct lm_model *m, const struct lm_ns_kind *k, uint32_t id);
/* The record of that in which @p is, NULL: the host's. */
const struct lm_obj *lm_user_of(const struct lm_model *m, const struct lm_process *p);
/* What the host's @id is called in @user. @map: LM_NS_UID_MAP, LM_NS_GID_MAP.
 * Return: false: nothing.
 */
bool lm_user_inside(const struct lm_obj *user, int map, uint32_t id, uint32_t *inside);

struct lm_ns_birth {
	const struct lm_ns_kind *kind;
	int user;		/* an fd of the user namespace it is to belong to; 0: ours */
	bool somebody;		/* it is made as: */
	uint32_t uid, gid;	/* ... as they are called in @user; else as root */
	/* Called while nobody but the process @pid is in it; may be NULL. */
	int (*furnish)(pid_t pid, void *arg, struct lm_error *e);
	void *arg;
};

/* A new namespace. Return: an fd of it, or -1. */
int lm_ns_born(const struct lm_ns_birth *b, struct lm_error *e);

/* Write @text to @path from within @user (0: ours): that is where the maps of its
 * children are written. Return: 0 or -1 with errno.
 */
int lm_user_write(int user, const char *path, const char *text);

/* What this thread, root, makes from now on is made as the owner of @fd: in a file
 * system that belongs to a user namespace nothing can be made as somebody whom that
 * does not know. It keeps its privileges. Return: 0 or -1 with errno.
 */
int lm_as_owner(int fd);
void lm_as_root(void);

#endif
