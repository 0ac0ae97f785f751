// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pidfds of processes of the container: these are there before files are made. One
 * whose process has ended is made of a process that ends.
 */
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_PIDFD;
}

static uint32_t pid_of(const struct lm_file *f)
{
	const char *pid = lm_kind_fdinfo(f, "Pid");

	return pid ? strtoul(pid, NULL, 10) : 0;
}

static bool has_ended(const struct lm_file *f)
{
	const char *pid = lm_kind_fdinfo(f, "Pid");

	return pid && *pid == '-';
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	if (has_ended(f) || lm_model_process(m, pid_of(f)))
		return 0;
	return lm_fail(e, LM_REFUSED,
		       "pidfd of pid %u, which is outside the container: not supported",
		       pid_of(f));
}

static int open_ended(void)
{
	pid_t pid = fork();
	int fd;

	if (!pid)
		_exit(0);
	if (pid < 0)
		return -1;
	fd = syscall(SYS_pidfd_open, pid, 0);
	return waitpid(pid, NULL, 0) == pid ? fd : -1;
}

static int pidfd_open(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	f->fd = has_ended(f) ? open_ended() :
		syscall(SYS_pidfd_open, lm_restorer_host(r, pid_of(f)), 0);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "pidfd of pid %u", pid_of(f));
	return lm_kind_setfl(f, e);
}

const struct lm_file_kind lm_kind_pidfd = {
	.name	= "pidfd",
	.match	= match,
	.check	= check,
	.open	= pidfd_open,
};
