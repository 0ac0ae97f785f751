// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a restore makes outside of its processes (cgroups, System V objects) must go when it
 * fails, also when it is killed: a small process waits at a pipe for that. It
 * is the only place that removes anything, so both ways are the same code.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "../ipc/ipc.h"

#define TRIES		500	/* of 10 ms: until killed tasks are gone */
#define COMMITTED	"commit"

struct lm_undo {
	int fd;
	pid_t pid;
};

struct action {
	struct action *next;
	char verb[16], path[PATH_MAX], text[64];
};

static void remove_cgroup(const char *path)
{
	lm_text_write(path, "cgroup.kill", "1");
	for (int i = 0; i < TRIES && rmdir(path) && errno == EBUSY; i++)
		usleep(10000);
}

static bool has_subdirs(const char *path)
{
	struct dirent *d;
	bool found = false;
	DIR *dir = opendir(path);

	while (dir && !found && (d = readdir(dir)))
		found = d->d_type == DT_DIR && *d->d_name != '.';
	if (dir)
		closedir(dir);
	return found;
}

/* Those below @path lose their limits when it takes a controller away: somebody
 * else may have set some by now.
 */
static bool is_in_use(const char *path)
{
	static const char file[] = "/cgroup.subtree_control";
	size_t len = strlen(path), n = sizeof(file) - 1;
	char dir[PATH_MAX];

	if (len < n || strcmp(path + len - n, file))
		return false;
	snprintf(dir, sizeof(dir), "%.*s", (int)(len - n), path);
	return has_subdirs(dir);
}

static void write_back(const struct action *a)
{
	if (!is_in_use(a->path))
		lm_write_text(a->path, a->text);
}

static void undo(const struct action *a)
{
	if (!strcmp(a->verb, "cgroup"))
		remove_cgroup(a->path);
	else if (!strcmp(a->verb, "kill"))
		lm_text_write(a->path, "cgroup.kill", "1");
	else if (!strcmp(a->verb, "rmdir"))
		rmdir(a->path);
	else if (!strcmp(a->verb, "write"))
		write_back(a);
	else if (!strcmp(a->verb, "ipc"))
		lm_ipc_kind(a->path)->remove(atoi(a->text));
}

/* One write() of a struct action is one action: far below the pipe's size. */
static bool read_action(int fd, struct action *a)
{
	size_t got = 0;

	while (got < sizeof(*a)) {
		ssize_t n = read(fd, (char *)a + got, sizeof(*a) - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += n;
	}
	return true;
}

static void janitor(int fd)
{
	struct action *last = NULL, *a;

	for (;;) {
		/* (its end would be taken for that of the restore) */
		while (!(a = malloc(sizeof(*a))))
			usleep(100000);
		if (!read_action(fd, a))
			break;
		if (!strcmp(a->verb, COMMITTED))
			_exit(0);
		a->next = last;
		last = a;
	}
	for (; last; last = last->next)
		undo(last);
	_exit(0);
}

static void become_janitor(int fd)
{
	const int null = open("/dev/null", O_RDWR);
	sigset_t all;

	setsid();
	lm_write_text("/proc/self/oom_score_adj", "-1000");
	/* Who kills all migctl by name does not mean this one. */
	prctl(PR_SET_NAME, "migctl-undo");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	dup2(fd, 3);
	closefrom(4);
	janitor(3);
}

int lm_undo_new(struct lm_undo **u, struct lm_error *e)
{
	int ends[2];

	*u = calloc(1, sizeof(**u));
	if (!*u)
		return lm_fail(e, LM_FAILED, "out of memory");
	if (pipe2(ends, O_CLOEXEC)) {
		free(*u);
		*u = NULL;
		return lm_fail_errno(e, LM_FAILED, "pipe");
	}
	(*u)->fd = ends[1];
	(*u)->pid = fork();
	if (!(*u)->pid)
		become_janitor(ends[0]);
	close(ends[0]);
	if ((*u)->pid < 0) {
		close(ends[1]);
		free(*u);
		*u = NULL;
		return lm_fail_errno(e, LM_FAILED, "fork");
	}
	return 0;
}

int lm_undo_add(struct lm_undo *u, const char *verb, const char *path,
		const char *text, struct lm_error *e)
{
	struct action a = { 0 };

	if (strlen(path) >= sizeof(a.path) || strlen(text) >= sizeof(a.text))
		return lm_fail(e, LM_REFUSED, "%s: name too long", path);
	strcpy(a.verb, verb);
	strcpy(a.path, path);
	strcpy(a.text, text);
	if (write(u->fd, &a, sizeof(a)) != sizeof(a))
		return lm_fail_errno(e, LM_FAILED, "the process that cleans up");
	return 0;
}

void lm_undo_commit(struct lm_undo *u)
{
	lm_undo_add(u, COMMITTED, "", "", NULL);
}

void lm_undo_run(struct lm_undo *u)
{
	if (!u)
		return;
	close(u->fd);
	while (waitpid(u->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(u);
}
