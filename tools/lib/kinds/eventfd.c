// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Eventfds: count, and whether it is a semaphore, are in the fdinfo.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kinds.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_EVENTFD;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	if (!lm_kind_fdinfo(f, "eventfd-count"))
		return lm_fail(e, LM_REFUSED, "eventfd: the kernel does not tell its count");
	if (!lm_kind_fdinfo(f, "eventfd-semaphore")) {
		/* It changed while it was looked at. */
		lm_fail(e, LM_REFUSED,
			"eventfd: the kernel does not tell whether it is a semaphore");
		e->err = EAGAIN;
		return -1;
	}
	return 0;
}

static int eventfd_open(struct lm_restorer *r, struct lm_file *f,
			struct lm_error *e)
{
	const char *count = lm_kind_fdinfo(f, "eventfd-count");
	const char *semaphore = lm_kind_fdinfo(f, "eventfd-semaphore");
	uint64_t n;

	if (check(NULL, f, e))
		return -1;
	n = strtoull(count, NULL, 16);
	f->fd = eventfd(0, EFD_CLOEXEC | (atoi(semaphore) ? EFD_SEMAPHORE : 0));
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "eventfd");
	if (n && write(f->fd, &n, sizeof(n)) != sizeof(n))
		return lm_fail_errno(e, LM_FAILED, "eventfd: count %llu",
				     (unsigned long long)n);
	return lm_kind_setfl(f, e);
}

const struct lm_file_kind lm_kind_eventfd = {
	.name	= "eventfd",
	.match	= match,
	.check	= check,
	.open	= eventfd_open,
};
