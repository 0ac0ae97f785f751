// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Eventfds: the count is in the fdinfo. Whether it is a semaphore is there
 * from Linux 6.5 on; before, nothing tells without changing the count.
 */
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
	f->fd = eventfd(0, EFD_CLOEXEC |
			   (semaphore && atoi(semaphore) ? EFD_SEMAPHORE : 0));
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
