// SPDX-License-Identifier: GPL-2.0-or-later
/* restore: make a container run again out of an image. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "cmd.h"
#include "out.h"
#include "restore/restore.h"

static const char *pidfile, *cgroup, *net_parent;
static bool detach, frozen, lazy, wait_for_it;

static void show_progress(const char *step, uint64_t done, uint64_t total,
			  void *arg)
{
	if (total)
		progress("restore: %s %" PRIu64 "/%" PRIu64, step, done, total);
	else
		progress("restore: %s %" PRIu64, step, done);
}

static int feed(struct lm_restorer *r, int fd, const char *image,
		struct lm_error *e)
{
	struct lm_record rec;
	struct lm_in in;
	int ret;

	lm_in_init(&in, fd);
	while ((ret = lm_in_next(&in, &rec, e)) > 0)
		if (lm_restorer_record(r, &in, &rec, e)) {
			ret = -1;
			break;
		}
	if (!ret && !lm_restorer_ready(r))
		ret = lm_fail(e, LM_REFUSED, "not complete: it ends after %" PRIu64
			      " records", in.records);
	if (ret)
		lm_prefix(e, "%s", image);
	lm_in_free(&in);
	return ret;
}

static int write_pidfile(pid_t pid, struct lm_error *e)
{
	FILE *f;

	if (!pidfile)
		return 0;
	f = fopen(pidfile, "we");
	if (f && fprintf(f, "%d\n", pid) > 0 && !fclose(f))
		return 0;
	return lm_fail_errno(e, LM_OPERATOR,
			     "the container runs (pid %d), but %s was not written",
			     pid, pidfile);
}

static void text(const json_t *j)
{
	printf("restored: pid %" PRIu64 ", %" PRIu64 " processes, in %s%s\n",
	       out_num(j, "pid"), out_num(j, "processes"),
	       out_ns(out_num(j, "ns")), lazy ? "; its memory follows" : "");
}

static int restore(const char *image, pid_t *pid, struct lm_error *e)
{
	struct lm_restore_opts o = {
		.cgroup = cgroup,
		.net_parent = net_parent,
		.frozen = frozen,
		.lazy = lazy,
		.waits = wait_for_it,
		.progress = show_progress,
	};
	uint64_t start = lm_now_ns(), running;
	struct lm_restorer *r;
	size_t processes;
	int fd, ret;

	fd = open(image, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "%s", image);
	if (lm_restorer_new(&r, &o, e)) {
		close(fd);
		return -1;
	}
	ret = feed(r, fd, image, e);
	close(fd);
	if (!ret)
		ret = lm_restore_commit(r, e);
	running = lm_now_ns();
	progress_end();
	*pid = lm_restorer_pid(r);
	processes = lm_restorer_model(r)->nr_procs;
	lm_restorer_free(r);
	if (ret || write_pidfile(*pid, e))
		return -1;
	return out(json_pack("{s:i, s:I, s:b, s:I, s:I}", "pid", *pid,
			     "processes", (json_int_t)processes,
			     "lazy", lazy, "running_ns", (json_int_t)(running - start),
			     "ns", (json_int_t)(lm_now_ns() - start)), text, e);
}

static int run(int argc, char **argv, struct lm_error *e)
{
	int status;
	pid_t pid = -1;

	if (detach && wait_for_it)
		return lm_fail(e, LM_USAGE, "--detach and --wait exclude each other");
	if (restore(argv[0], &pid, e))
		return -1;
	/* (its first process is a child of ours, and so init's when we end) */
	if (!wait_for_it)
		return 0;
	fflush(NULL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return lm_fail_errno(e, LM_FAILED, "waiting for pid %d", pid);
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static const struct opt opts[] = {
	{ "pidfile", 'p', OPT_STR, "FILE", "write the pid of its first process there",
	  &pidfile },
	{ "cgroup", 0, OPT_STR, "DIR", "the cgroup to make for it (as it was)",
	  &cgroup },
	{ "net-parent", 0, OPT_STR, "DEV",
	  "bridge or device for its network (of the same name)", &net_parent },
	{ "detach", 0, OPT_FLAG, NULL, "leave it to init (default)", &detach },
	{ "frozen", 0, OPT_FLAG, NULL,
	  "let nothing of it run until 0 is written to its cgroup.freeze", &frozen },
	{ "lazy", 0, OPT_FLAG, NULL,
	  "let it run at once; its memory comes when it is touched, or soon", &lazy },
	{ "wait", 0, OPT_FLAG, NULL, "stay its parent and pass on its exit status",
	  &wait_for_it },
	{ 0 }
};

MIGCTL_CMD(cmd_restore) = {
	.name = "restore",
	.args = "IMAGE",
	.summary = "make a container run again out of an image",
	.help = "Its processes have the pids that they had. When it cannot be restored\n"
		"nothing is left behind.\n"
		"\n"
		"With --lazy a process stays behind that brings the memory, and needs the\n"
		"image until then. A page that is damaged, or that process's end, kills the\n"
		"container: the kernel's log tells why.\n",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
