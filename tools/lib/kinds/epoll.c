// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Epolls. The fdinfo lists what is watched:
 *
 *   tfd:  5 events: 19 data: ffff8  pos:0 ino:2f sdev:d
 *
 * tfd is the number under which the file was added, and later the key for
 * changes; it is a number in the process that added it. It may be closed by now, or
 * be another file: kcmp() tells which file is watched, and if that is not the one
 * under the number for all of them, their ids are DATA of the epoll. Readiness is
 * found again when a file is added; an edge that was not reported yet is reported.
 *
 * A watch with EPOLLONESHOT that has reported waits for nothing, not for an error
 * either, until it is changed. It comes to that by no other way: so it reports once
 * more, to us, when the file is ready for anything. That of a pipe is made so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kinds.h"
#include "../dump/source.h"
#include "../restore/restore.h"

#define PIECE	4096	/* ids in one DATA */

/* What a watch is besides what it waits for. */
#define HOW	(EPOLLONESHOT | EPOLLET | EPOLLWAKEUP | EPOLLEXCLUSIVE)
#define ANYTHING (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDNORM | EPOLLRDBAND | \
		  EPOLLWRNORM | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP)

struct watch {
	int tfd;
	unsigned int events;
	unsigned long long data;
	unsigned long ino;
};

/* Out of the way: what is watched, and what writes to it (-1: nothing has to). */
struct held {
	int fd, writer;
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

/* The file under that number, in a process that has @f open. */
static struct lm_file *by_number(const struct lm_model *m, const struct lm_file *f,
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

/* ---- source ---- */

/* Is @t the @nth of those that @f watches under the number of @w? A kernel without
 * kcmp() is believed.
 */
static bool is_watched(const struct lm_file *f, const struct lm_file *t,
		       const struct watch *w, unsigned int nth)
{
	struct kcmp_epoll_slot slot = { f->holder.fd, w->tfd, nth };
	int ret;

	if (t->mapped || lm_u64(t->obj.tb[LIVEMIG_FILE_A_INO]) != w->ino)
		return false;
	ret = syscall(SYS_kcmp, t->task, f->task, KCMP_EPOLL_TFD,
		      t->holder.fd, &slot);
	return !ret || (ret < 0 && errno == ENOSYS);
}

/* How many came before under the same number. */
static unsigned int nth_of(const struct lm_file *f, const struct watch *w, size_t index)
{
	const char *text = f->fdinfo;
	unsigned int nth = 0;
	struct watch o;

	/* They are in the order of the files' addresses, then of the numbers. */
	while (index-- && next_watch(&text, &o))
		nth += o.tfd == w->tfd;
	return nth;
}

static const struct lm_file *watched(const struct lm_model *m, const struct lm_file *f,
				     const struct watch *w, size_t index)
{
	const struct lm_file *t = by_number(m, f, w);
	unsigned int nth = nth_of(f, w, index);

	if (t && is_watched(f, t, w, nth))
		return t;
	for (size_t i = 0; i < m->nr_file; i++)
		if (is_watched(f, m->file[i], w, nth))
			return m->file[i];
	return NULL;
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	const char *text = f->fdinfo;
	struct watch w;

	for (size_t i = 0; next_watch(&text, &w); i++)
		if (!watched(m, f, &w, i))
			return lm_fail(e, LM_REFUSED,
				       "epoll watches what was fd %d, which no process of the container has open: not supported",
				       w.tfd);
	return 0;
}

static int put_ids(struct lm_out *out, const struct lm_file *f, const uint32_t *ids,
		   size_t n, struct lm_error *e)
{
	for (size_t at = 0; at < n; at += PIECE) {
		size_t piece = n - at < PIECE ? n - at : PIECE;
		struct lm_buf b = { 0 };

		lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
		lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_RECV);
		lm_put_u64(&b, LIVEMIG_DATA_OFFSET, at);
		lm_put(&b, LIVEMIG_DATA_FDS, ids + at, piece * sizeof(*ids));
		if (lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e))
			return -1;
	}
	return 0;
}

static int dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		struct lm_error *e)
{
	const struct lm_model *m = lm_source_model(s);
	const char *text = f->fdinfo;
	bool by_numbers = true;
	uint32_t *ids = NULL;
	struct watch w;
	size_t n = 0;
	int ret = 0;

	for (; !ret && next_watch(&text, &w); n++) {
		const struct lm_file *t = watched(m, f, &w, n);

		if (!(n & (n - 1))) {
			void *more = realloc(ids, 2 * (n + 1) * sizeof(*ids));

			if (!more)
				ret = lm_fail(e, LM_FAILED, "out of memory");
			else
				ids = more;
		}
		if (!t)
			ret = lm_fail(e, LM_FAILED, "epoll: fd %d is missing", w.tfd);
		if (ret)
			break;
		ids[n] = t->id;
		by_numbers &= t == by_number(m, f, &w);
	}
	if (!ret && !by_numbers)
		ret = put_ids(out, f, ids, n, e);
	free(ids);
	return ret;
}

/* ---- destination ---- */

static struct lm_file *to_watch(const struct lm_model *m, const struct lm_file *f,
				const struct watch *w, size_t index)
{
	for (size_t i = 0; i < f->nr_data; i++) {
		const struct lm_data *d = f->data[i];
		size_t n;
		const uint32_t *ids = lm_array(d->obj.tb[LIVEMIG_DATA_FDS],
					       sizeof(*ids), &n);

		if (index >= d->offset && index - d->offset < n)
			return lm_model_file(m, ids[index - d->offset]);
	}
	return f->nr_data ? NULL : by_number(m, f, w);
}

static int epoll_open(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	f->fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "epoll");
	return 0;
}

static bool has_reported(const struct watch *w)
{
	return w->events & EPOLLONESHOT && !(w->events & ~(unsigned int)HOW);
}

static bool is_pipe(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_PIPE || f->type == LIVEMIG_FILE_FIFO;
}

/* An open file that writes to the empty pipe which @t reads from; NULL: @t is something
 * else.
 */
static const struct lm_file *writer_to(const struct lm_model *m, const struct lm_file *t)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };

	if (!is_pipe(t) || (t->flags & O_ACCMODE) == O_WRONLY || poll(&p, 1, 0))
		return NULL;
	for (size_t i = 0; i < m->nr_file; i++) {
		const struct lm_file *o = m->file[i];

		if (o->type == t->type && o->fd >= 0 && !(o->flags & O_PATH) &&
		    (o->flags & O_ACCMODE) != O_RDONLY &&
		    lm_u64(o->obj.tb[LIVEMIG_FILE_A_INO]) ==
		    lm_u64(t->obj.tb[LIVEMIG_FILE_A_INO]) &&
		    lm_u64(o->obj.tb[LIVEMIG_FILE_A_DEV]) ==
		    lm_u64(t->obj.tb[LIVEMIG_FILE_A_DEV]))
			return o;
	}
	return NULL;
}

/* What has the number of @w is watched, by an epoll whose other watches have all
 * reported. One that cannot do so waits for an error or a hang-up.
 */
static int report(int epfd, const struct watch *w, const struct held *h)
{
	struct epoll_event ev = { w->events | ANYTHING, { .u64 = w->data } }, got;
	char c = 0;

	if (h->writer >= 0 && write(h->writer, &c, 1) != 1)
		return -1;
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, w->tfd, &ev))
		return -1;
	ev.events = w->events;
	if (!epoll_wait(epfd, &got, 1, 0) && epoll_ctl(epfd, EPOLL_CTL_MOD, w->tfd, &ev))
		return -1;
	return h->writer >= 0 && read(h->fd, &c, 1) != 1 ? -1 : 0;
}

/* Those that have reported are first: nothing else may be ready then. */
static int add_some(const struct lm_file *f, int epfd, const struct held *held,
		    bool reported, struct lm_error *e)
{
	const char *text = f->fdinfo;
	struct watch w;

	for (int i = 0; next_watch(&text, &w); i++) {
		struct epoll_event ev = { w.events, { .u64 = w.data } };

		if (has_reported(&w) != reported)
			continue;
		if (dup2(held[i].fd, w.tfd) < 0 ||
		    (reported ? report(epfd, &w, &held[i]) :
				epoll_ctl(epfd, EPOLL_CTL_ADD, w.tfd, &ev)))
			return lm_fail_errno(e, LM_FAILED, "epoll: fd %d", w.tfd);
		close(w.tfd);
	}
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
	int above = 0, epfd, n = 0;
	struct held *held;
	struct watch w;

	for (; next_watch(&text, &w); n++)
		above = w.tfd >= above ? w.tfd + 1 : above;
	held = calloc(n + 1, sizeof(*held));
	epfd = fcntl(f->fd, F_DUPFD_CLOEXEC, above);
	if (!held || epfd < 0)
		return lm_fail_errno(e, LM_FAILED, "epoll");
	text = f->fdinfo;
	for (int i = 0; next_watch(&text, &w); i++) {
		const struct lm_file *t = to_watch(m, f, &w, i);
		const struct lm_file *writer = t && has_reported(&w) ? writer_to(m, t) : NULL;

		held[i].fd = t ? fcntl(t->fd, F_DUPFD_CLOEXEC, above) : -1;
		held[i].writer = writer ? fcntl(writer->fd, F_DUPFD_CLOEXEC, above) : -1;
		if (held[i].fd < 0 || (writer && held[i].writer < 0))
			return lm_fail_errno(e, LM_FAILED, "epoll: fd %d is missing",
					     w.tfd);
	}
	return add_some(f, epfd, held, true, e) ?: add_some(f, epfd, held, false, e);
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
	.dump	= dump,
	.open	= epoll_open,
	.link	= epoll_link,
};
