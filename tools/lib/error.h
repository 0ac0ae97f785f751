/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How functions of liblivemig say what went wrong. */
#ifndef LM_ERROR_H
#define LM_ERROR_H

/* Exit codes of migctl, and the code of every struct lm_error. */
enum lm_code {
	LM_OK = 0,
	LM_USAGE = 1,		/* the command line is wrong */
	LM_REFUSED = 2,		/* cannot be done; nothing was changed */
	LM_FAILED = 3,		/* failed on the way; the source runs on */
	LM_OPERATOR = 4,	/* somebody has to look: the message says at what */
};

struct lm_error {
	enum lm_code code;
	int err;		/* an errno that goes with it, or 0 */
	char msg[1024];		/* names the thing and the remedy; no newline */
};

/* Fill @e (may be NULL) unless it already holds an error: the first cause is
 * what the user wants to read. Return: -1, so that `return lm_fail(...)` works.
 */
int lm_fail(struct lm_error *e, enum lm_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with ": " and strerror(errno) added, e->err = errno. */
int lm_fail_errno(struct lm_error *e, enum lm_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Put "what: " in front of the message. Return: -1 */
int lm_prefix(struct lm_error *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
