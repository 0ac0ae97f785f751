// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "error.h"

static void set(struct lm_error *e, enum lm_code code, int err, const char *fmt,
		va_list ap)
{
	size_t n;

	if (!e || e->code)
		return;
	e->code = code;
	e->err = err;
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	n = strlen(e->msg);
	if (err)
		snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", strerror(err));
}

int lm_fail(struct lm_error *e, enum lm_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set(e, code, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int lm_fail_errno(struct lm_error *e, enum lm_code code, const char *fmt, ...)
{
	int err = errno;
	va_list ap;

	va_start(ap, fmt);
	set(e, code, err, fmt, ap);
	va_end(ap);
	errno = err;
	return -1;
}

int lm_prefix(struct lm_error *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)], what[256];
	va_list ap;

	if (!e || !e->code)
		return -1;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	memcpy(old, e->msg, sizeof(old));
	snprintf(e->msg, sizeof(e->msg), "%s: %.*s", what,
		 (int)(sizeof(e->msg) - sizeof(what) - 2), old);
	return -1;
}
