// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Files and directories of /proc/PID. Those of processes of the container are there
 * again when these are. Those of one that has ended stay open, and tell that it has:
 * they are opened anew of a process that then ends, which has its number if nobody
 * else has. What is told of somebody outside is nothing that could be moved. All are
 * opened before there are threads, and before processes have their files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"

/* The number in the path of @f; 0: it is not of a process. @rest: what follows. */
static unsigned long pid_of(const struct lm_file *f, const char **rest)
{
	unsigned long pid;
	char *end;

	if (!f->path || strncmp(f->path, "/proc/", 6) || f->path[6] < '1' || f->path[6] > '9')
		return 0;
	pid = strtoul(f->path + 6, &end, 10);
	*rest = end;
	return *end && *end != '/' ? 0 : pid;
}

/* Is it a process or thread of the container? */
static bool is_member(const struct lm_model *m, unsigned long pid)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_process *p = m->procs[i];

		if (p->pid == pid)
			return true;
		for (size_t j = 0; j < p->nr_threads; j++)
			if (p->threads[j]->tid == pid)
				return true;
	}
	return false;
}

static const char *below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/' ? path + len + 1 : NULL;
}

/* Is @rest, below /proc/@pid, of a thread, but not the first one of a process that is
 * there?
 */
static bool is_of_thread(const struct lm_model *m, unsigned long pid, const char *rest)
{
	const char *tid = below(rest, "/task");

	if (is_member(m, pid) && !lm_model_process(m, pid))
		return true;
	return tid && strtoul(tid, NULL, 10) != pid;
}

/* What is there only as long as something is open, or mapped at an address. */
static bool is_of_file(const char *rest)
{
	const char *task = below(rest, "/task");

	rest = task ? task + strspn(task, "0123456789") : rest;
	return below(rest, "/fd") || below(rest, "/fdinfo") || below(rest, "/map_files");
}

int lm_kind_check_proc(const struct lm_model *m, const struct lm_file *f,
		       struct lm_error *e)
{
	char path[32];
	const char *rest;
	unsigned long pid = pid_of(f, &rest);

	if (!pid)
		return 0;
	snprintf(path, sizeof(path), "/proc/%lu", pid);
	if (is_member(m, pid) || access(path, F_OK)) {
		if (is_of_thread(m, pid, rest))
			return lm_fail(e, LM_REFUSED, "%s, of a thread: not supported", f->path);
		if (is_member(m, pid) && is_of_file(rest))
			return lm_fail(e, LM_REFUSED, "%s, of an open file or a mapping: not supported",
				       f->path);
		return 0;
	}
	for (size_t i = 0; i < m->nr_procs; i++)
		if (m->procs[i]->host == pid)
			return lm_fail(e, LM_REFUSED,
				       "%s: in its pid namespace that is process %u: not supported",
				       f->path, m->procs[i]->pid);
	return lm_fail(e, LM_REFUSED,
		       "%s, of a process outside the container: not supported", f->path);
}

bool lm_kind_is_dead_proc(const struct lm_model *m, const struct lm_file *f)
{
	const char *rest;
	unsigned long pid = pid_of(f, &rest);

	return pid && !is_member(m, pid);
}

static pid_t birth(pid_t number)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&number,
		.set_tid_size = 1,
	};
	pid_t parent = getpid(), pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid < 0)
		pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	return pid;
}

int lm_kind_open_dead_proc(struct lm_file *f, struct lm_error *e)
{
	const char *rest;
	pid_t pid = birth(pid_of(f, &rest));
	struct open_how how = {
		.flags = (unsigned int)lm_kind_open_flags(f),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	char path[32];
	int dir;

	if (pid < 0)
		return lm_fail_errno(e, LM_FAILED, "fork");
	snprintf(path, sizeof(path), "/proc/%d", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	f->fd = dir < 0 ? -1 : syscall(SYS_openat2, dir, *rest && rest[1] ? rest + 1 : ".",
				       &how, sizeof(how));
	if (f->fd < 0)
		lm_fail_errno(e, LM_REFUSED, "%s, of a process that has ended", f->path);
	if (dir >= 0)
		close(dir);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return f->fd < 0 ? -1 : 0;
}
