// SPDX-License-Identifier: LGPL-2.1-or-later
/* Signalfds: the mask is in the fdinfo; the signals are the process's. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kinds.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_SIGNALFD;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	if (!lm_kind_fdinfo(f, "sigmask"))
		return lm_fail(e, LM_REFUSED, "signalfd: the kernel does not tell its mask");
	return 0;
}

static int signalfd_open(struct lm_restorer *r, struct lm_file *f,
			 struct lm_error *e)
{
	uint64_t mask;

	if (check(NULL, f, e))
		return -1;
	mask = strtoull(lm_kind_fdinfo(f, "sigmask"), NULL, 16);
	/* The system call: libc would refuse masks with its own signals. */
	f->fd = syscall(SYS_signalfd4, -1, &mask, sizeof(mask), 02000000);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "signalfd");
	return lm_kind_setfl(f, e);
}

const struct lm_file_kind lm_kind_signalfd = {
	.name	= "signalfd",
	.match	= match,
	.check	= check,
	.open	= signalfd_open,
};
