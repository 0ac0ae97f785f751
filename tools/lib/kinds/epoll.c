// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Epolls. The fdinfo lists what is watched:
 *
 *   tfd:  5 events: 19 data: ffff8  pos:0 ino:2f sdev:d
 *
 * tfd is the number under which the file was added, and later the key for
 * changes; it is a number in the process that added it. Readiness is found
 * again when a file is added; an edge that was not reported yet is reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"

struct watch {
	int tfd;
	unsigned int events;
	unsigned long long data;
	unsigned long ino;
};

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_EPOLL;
}

/* The next watch at *@text, which moves on. Return: false at the end. */
static bool next_watch(const char **text, struct watch *w)
{
	while (*text) {
		const char *line = *text;

		*text = strchr(line, '\n');
		*text += *text ? 1 : 0;
		if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%lx",
			   &w->tfd, &w->events, &w->data, &w->ino) == 4)
			return true;
	}
	return false;
}

static struct lm_file *file_at(const struct lm_model *m,
			       const struct lm_files *files, int fd)
{
	for (size_t i = 0; i < files->nr_fds; i++)
		if ((int)files->fds[i].fd == fd)
			return lm_model_file(m, files->fds[i].file);
	return NULL;
}

static bool has_file(const struct lm_files *files, const struct lm_file *f)
{
	for (size_t i = 0; i < files->nr_fds; i++)
		if (files->fds[i].file == f->id)
			return true;
	return false;
}

/* The file that @w watches: under that number, in a process that has @f open. */
static struct lm_file *watched(const struct lm_model *m, const struct lm_file *f,
			       const struct watch *w)
{
	for (size_t i = 0; i < m->nr_files; i++) {
		struct lm_file *t;

		if (!has_file(m->files[i], f))
			continue;
		t = file_at(m, m->files[i], w->tfd);
		if (t && lm_u64(t->obj.tb[LIVEMIG_FILE_A_INO]) == w->ino)
			return t;
	}
	return NULL;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	const char *text = f->fdinfo;
	struct watch w;

	while (next_watch(&text, &w))
		if (!watched(m, f, &w))
			return lm_fail(e, LM_REFUSED,
				       "epoll watches fd %d, which is closed or another file now: not supported",
				       w.tfd);
	return 0;
}

static int epoll_open(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	f->fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "epoll");
	return 0;
}

/*
 * In a child, whose table of fds is its own, so that each file can have the
 * number that it had. First all files move above those numbers, as putting one
 * in its place may destroy another; on exit the child's copies go and the
 * epoll, which the coordinator holds, stays as it is.
 */
static int add_all(const struct lm_model *m, const struct lm_file *f,
		   struct lm_error *e)
{
	const char *text = f->fdinfo;
	int above = 0, epfd, n = 0, *moved;
	struct watch w;

	for (; next_watch(&text, &w); n++)
		above = w.tfd >= above ? w.tfd + 1 : above;
	moved = calloc(n + 1, sizeof(*moved));
	epfd = fcntl(f->fd, F_DUPFD_CLOEXEC, above);
	if (!moved || epfd < 0)
		return lm_fail_errno(e, LM_FAILED, "epoll");
	text = f->fdinfo;
	for (int i = 0; next_watch(&text, &w); i++) {
		const struct lm_file *t = watched(m, f, &w);

		moved[i] = t ? fcntl(t->fd, F_DUPFD_CLOEXEC, above) : -1;
		if (moved[i] < 0)
			return lm_fail_errno(e, LM_FAILED, "epoll: fd %d is missing",
					     w.tfd);
	}
	text = f->fdinfo;
	for (int i = 0; next_watch(&text, &w); i++) {
		struct epoll_event ev = { w.events, { .u64 = w.data } };

		if (dup2(moved[i], w.tfd) < 0 ||
		    epoll_ctl(epfd, EPOLL_CTL_ADD, w.tfd, &ev))
			return lm_fail_errno(e, LM_FAILED, "epoll: fd %d", w.tfd);
		close(w.tfd);
	}
	return 0;
}

static int epoll_link(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	const char *text = f->fdinfo;
	struct lm_error *shared;
	struct watch w;
	int status = 0;
	pid_t pid;

	if (!next_watch(&text, &w))
		return 0;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return lm_fail_errno(e, LM_FAILED, "epoll");
	pid = fork();
	if (!pid)
		_exit(!!add_all(lm_restorer_model(r), f, shared));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		lm_fail_errno(e, LM_FAILED, "epoll");
	else if (shared->code)
		lm_fail(e, shared->code, "%s", shared->msg);
	else if (status)
		lm_fail(e, LM_FAILED, "epoll: its helper died");
	munmap(shared, sizeof(*shared));
	return pid < 0 || status ? -1 : 0;
}

const struct lm_file_kind lm_kind_epoll = {
	.name	= "epoll",
	.match	= match,
	.check	= check,
	.open	= epoll_open,
	.link	= epoll_link,
};
