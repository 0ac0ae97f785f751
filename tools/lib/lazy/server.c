// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The process that answers faults. The guard's file is closed before the last
 * userfaultfd is: the module counts on that (kmod/guard.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/livemig.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../grow.h"
#include "../helper_proto.h"
#include "../textfile.h"
#include "lazy.h"

#define DEVICE		"/dev/livemig"
/* How long those who have just been let go may run before we take their CPU. */
#define SETTLE_MS	20
/* Until what was not possible is tried again. */
#define AGAIN_MS	2
#define PROBE_MS	500
/* Until z->from->take() may look after what does not come. */
#define IDLE_MS		1000

struct server {
	struct lm_lazy *z;
	bool go, on_demand;
	int wait_ms;			/* nothing to do for so long */
	struct pollfd *pfd;
	size_t nr_pfd;
};

struct lm_lazy_mem *lm_lazy_add(struct lm_lazy *z)
{
	if (lm_grow(&z->mem, z->nr_mem, sizeof(*z->mem)))
		return NULL;
	z->mem[z->nr_mem] = (struct lm_lazy_mem){ .uffd = -1 };
	return &z->mem[z->nr_mem++];
}

void lm_lazy_mem_free(struct lm_lazy_mem *m)
{
	if (m->uffd >= 0)
		close(m->uffd);
	lm_todo_free(&m->todo);
	lm_todo_free(&m->moved.what);
	lm_todo_free(&m->left);
	free(m->fault);
}

void lm_lazy_lost(const struct lm_lazy *z, const struct lm_error *e)
{
	char text[sizeof(e->msg) + 256];
	int n = snprintf(text, sizeof(text), "<3>livemig: %s of %s: %s\n",
			 z->from->what, z->name, e->msg);
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (log >= 0 && write(log, text, n) != n)
		perror("/dev/kmsg");
	if (log >= 0)
		close(log);
	if (z->tell)
		fprintf(stderr, "migctl: restore: %s; the container is killed\n", e->msg);
}

/* ---- events ---- */

static int add_fault(struct lm_lazy_mem *m, const struct uffd_msg *msg)
{
	uint64_t at = msg->arg.pagefault.address & ~(uint64_t)(LIVEMIG_REC_PAGE - 1);

	if (msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE)
		at |= LM_FAULT_WRITE;
	if (lm_grow(&m->fault, m->nr_faults, sizeof(*m->fault)))
		return -ENOMEM;
	m->fault[m->nr_faults++] = at;
	return 0;
}

static int forked(struct server *s, size_t parent, int uffd)
{
	struct lm_lazy_mem *child = lm_lazy_add(s->z);

	if (!child)
		return -ENOMEM;
	child->uffd = uffd;
	child->mm = s->z->mem[parent].mm;
	return lm_todo_copy(&child->todo, &s->z->mem[parent].todo);
}

/* Of an mremap() that makes it shorter kernels tell the old length (6.1 and 6.12 do);
 * what was at the new place before went with an event before this one.
 */
static int moved(struct lm_lazy_mem *m, uint64_t from, uint64_t to, uint64_t len)
{
	m->moved.from = from;
	m->moved.to = to;
	m->moved.len = len;
	return lm_todo_move(&m->todo, from, to, len, &m->moved.what) ?:
	       lm_todo_add(&m->left, from, from + len, from);
}

/* After a move its old place goes, and before that the end that was too long. Until
 * then nothing is filled: EAGAIN. Another thread may have moved something into the
 * old place before we are told: that stays.
 */
static int unmapped(struct lm_lazy_mem *m, uint64_t start, uint64_t end)
{
	const struct lm_todo_range *left = lm_todo_find(&m->left, start);
	bool is_old = left && left->end >= end;
	uint64_t old = m->moved.from;
	int ret = 0;

	if (m->moved.len && start > old && end == old + m->moved.len)
		ret = lm_todo_unmove(&m->todo, &m->moved.what,
				     m->moved.to + (start - old),
				     m->moved.to + m->moved.len);
	else if (start <= old && end > old)
		m->moved.len = 0;
	ret = ret ?: lm_todo_cut(&m->left, start, end);
	return ret || is_old ? ret : lm_todo_cut(&m->todo, start, end);
}

static int handle(struct server *s, size_t i, const struct uffd_msg *msg)
{
	struct lm_lazy_mem *m = &s->z->mem[i];

	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		return add_fault(m, msg);
	case UFFD_EVENT_FORK:
		return forked(s, i, msg->arg.fork.ufd);
	case UFFD_EVENT_REMAP:
		return moved(m, msg->arg.remap.from, msg->arg.remap.to,
			     msg->arg.remap.len);
	case UFFD_EVENT_REMOVE:
		return lm_todo_cut(&m->todo, msg->arg.remove.start, msg->arg.remove.end);
	case UFFD_EVENT_UNMAP:
		return unmapped(m, msg->arg.remove.start, msg->arg.remove.end);
	}
	return 0;
}

static int read_events(struct server *s, size_t i, struct lm_error *e)
{
	struct uffd_msg msg;
	ssize_t n;

	while ((n = read(s->z->mem[i].uffd, &msg, sizeof(msg))) == sizeof(msg))
		if (handle(s, i, &msg))
			return lm_fail(e, LM_FAILED, "out of memory");
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return lm_fail_errno(e, LM_FAILED, "userfaultfd");
	return 0;
}

/* ---- turns ---- */

/* Those that cannot be answered yet stay. */
static int answer_all(struct server *s, struct lm_lazy_mem *m, struct lm_error *e)
{
	size_t left = 0;

	for (size_t i = 0; i < m->nr_faults && !m->gone; i++) {
		int ret = lm_lazy_answer(s->z, m, m->fault[i], e);

		if (ret < 0)
			return -1;
		if (ret != LM_LAZY_DONE)
			m->fault[left++] = m->fault[i];
		if (ret == LM_LAZY_AGAIN)
			s->wait_ms = AGAIN_MS;
	}
	m->nr_faults = left;
	return 0;
}

/* By what bring() or take() says. */
static int when_next(struct server *s, int ret)
{
	if (ret == LM_LAZY_AGAIN)
		s->wait_ms = AGAIN_MS;
	else if (ret == LM_LAZY_COMING && !s->wait_ms)
		s->wait_ms = IDLE_MS;
	return ret < 0 ? -1 : 0;
}

/* What has all of its memory needs us no more. */
static void dismiss(struct lm_lazy *z)
{
	for (size_t i = z->nr_mem; i-- > 0;) {
		struct lm_lazy_mem *m = &z->mem[i];

		if (!m->gone && m->todo.n)
			continue;
		lm_lazy_mem_free(m);
		*m = z->mem[--z->nr_mem];
	}
}

static int make_room(struct server *s, size_t n, struct lm_error *e)
{
	struct pollfd *p;

	if (n <= s->nr_pfd)
		return 0;
	p = reallocarray(s->pfd, n, sizeof(*p));
	if (!p)
		return lm_fail(e, LM_FAILED, "out of memory");
	s->pfd = p;
	s->nr_pfd = n;
	return 0;
}

/* Is there still somebody? Where the helper was there is nothing to be filled. */
static void probe(struct lm_lazy_mem *m)
{
	struct uffdio_zeropage z = { .range = { LM_HELPER_BASE, LIVEMIG_REC_PAGE } };

	if (ioctl(m->uffd, UFFDIO_ZEROPAGE, &z) && errno == ESRCH)
		m->gone = true;
}

static int wait_for_something(struct server *s, size_t *nr, struct lm_error *e)
{
	struct lm_lazy *z = s->z;
	size_t n = z->nr_mem;
	int ready;

	if (make_room(s, n + 2, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		s->pfd[i] = (struct pollfd){ z->mem[i].uffd, POLLIN, 0 };
	s->pfd[n] = (struct pollfd){ s->go ? -1 : z->ctl, POLLIN, 0 };
	s->pfd[n + 1] = (struct pollfd){ z->from_fd, POLLIN, 0 };
	ready = poll(s->pfd, n + 2, s->wait_ms);
	if (ready < 0)
		return lm_fail_errno(e, LM_FAILED, "poll");
	for (size_t i = 0; s->on_demand && !ready && i < n; i++)
		probe(&z->mem[i]);
	*nr = n;
	return 0;
}

/* The coordinator lets the tasks go next. */
static void take_go(struct server *s)
{
	char c;

	if (read(s->z->ctl, &c, 1) != 1)
		_exit(0);		/* it has given up: nothing has run */
	s->go = true;
	s->wait_ms = SETTLE_MS;
}

static int turn(struct server *s, struct lm_error *e)
{
	const struct lm_lazy_from *from = s->z->from;
	size_t n = 0;

	if (wait_for_something(s, &n, e))
		return -1;
	s->wait_ms = !s->go ? -1 : s->on_demand ? PROBE_MS : 0;
	if (!s->go && s->pfd[n].revents)
		take_go(s);
	for (size_t i = 0; i < n; i++)
		if (s->pfd[i].revents && read_events(s, i, e))
			return -1;
	if (from->take && when_next(s, from->take(s->z, s->pfd[n + 1].revents, e)))
		return -1;
	for (size_t i = 0; i < s->z->nr_mem; i++)
		if (answer_all(s, &s->z->mem[i], e))
			return -1;
	if (s->go && !s->wait_ms && when_next(s, from->bring(s->z, e)))
		return -1;
	dismiss(s->z);
	return 0;
}

/* ---- the process ---- */

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All but ours are closed: among them are those by which helpers hear that the
 * coordinator has died.
 */
static int close_others(const struct lm_lazy *z, struct lm_error *e)
{
	const int null = open("/dev/null", O_RDWR);
	size_t n = z->nr_mem + 3;
	int *keep = calloc(n, sizeof(*keep)), from = 3;

	if (!keep || null < 0)
		return lm_fail_errno(e, LM_FAILED, "starting to bring memory");
	for (int i = 0; i < (z->tell ? 2 : 3); i++)
		dup2(null, i);
	for (size_t i = 0; i < z->nr_mem; i++)
		keep[i] = z->mem[i].uffd;
	keep[n - 3] = z->image;
	keep[n - 2] = z->ctl;
	keep[n - 1] = z->cgroup;
	qsort(keep, n, sizeof(*keep), compare);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] > from)
			close_range(from, keep[i] - 1, 0);
		from = keep[i] + 1;
	}
	close_range(from, ~0U, 0);
	free(keep);
	return 0;
}

int lm_lazy_ready(struct lm_lazy *z, struct lm_error *e)
{
	struct livemig_ioc_guard guard = { .cgroup = z->cgroup };

	z->buf = malloc(LM_LAZY_RUN * LIVEMIG_REC_PAGE);
	if (!z->buf)
		return lm_fail(e, LM_FAILED, "out of memory");
	z->guard = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (z->guard < 0 || ioctl(z->guard, LIVEMIG_IOC_GUARD, &guard))
		return lm_fail_errno(e, LM_FAILED, DEVICE);
	lm_write_text("/proc/self/oom_score_adj", "-1000");
	return 0;
}

void lm_lazy_unguard(struct lm_lazy *z)
{
	struct livemig_ioc_guard none = { .cgroup = -1 };

	ioctl(z->guard, LIVEMIG_IOC_GUARD, &none);
}

int lm_lazy_run(struct lm_lazy *z, struct lm_error *e)
{
	/* For tests: memory comes when it is touched, and not before. */
	const char *how = getenv("LIVEMIG_LAZY");
	struct server s = {
		.z = z,
		.go = z->ctl < 0,
		.on_demand = how && !strcmp(how, "on-demand"),
		.wait_ms = z->ctl < 0 ? 0 : -1,
	};
	sigset_t all;
	int ret = 0;

	prctl(PR_SET_NAME, "migctl-lazy");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (z->nr_mem && !ret)
		ret = turn(&s, e);
	free(s.pfd);
	if (!ret)
		lm_lazy_unguard(z);
	return ret;
}

static int serve(struct lm_lazy *z, struct lm_error *e)
{
	setsid();
	if (close_others(z, e) || lm_lazy_ready(z, e))
		return -1;
	if (write(z->ctl, "r", 1) != 1)
		return lm_fail_errno(e, LM_FAILED, "the coordinator");
	return lm_lazy_run(z, e);
}

void lm_lazy_serve(struct lm_lazy *z)
{
	struct lm_error e = { 0 };

	if (!serve(z, &e))
		_exit(0);
	lm_lazy_lost(z, &e);
	/* The end: whose memory we have dies with us. */
	_exit(LM_FAILED);
}
