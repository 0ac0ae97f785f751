/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persistent sessions: what freeze, thaw and track have in common. */
#ifndef MIGCTL_SESSION_H
#define MIGCTL_SESSION_H

#include <jansson.h>
#include "nl.h"
#include "target.h"

/* Parse TARGET, which has to be a cgroup, and connect. @verb: for the message. */
int session_open(const char *arg, const char *verb, struct lm_target *t,
		 struct lm_nl **nl, struct lm_error *e);
void session_close(struct lm_target *t, struct lm_nl *nl);
/* The session of @t. Return: 1, 0 there is none, -1: an error, or it belongs to
 * a running program.
 */
int session_find(struct lm_nl *nl, const struct lm_target *t,
		 struct lm_session_info *s, struct lm_error *e);

json_t *session_json(const struct lm_session_info *s);
void session_text(const json_t *j);
/* Read session @id again and print it. */
int session_show(struct lm_nl *nl, uint32_t id, struct lm_error *e);

#endif
