// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Lazy restore: of an image's pages only the places are noted while it is read. What
 * can come later is private anonymous memory, of which nobody but the task itself
 * has anything; all else is filled in the end, when it is known which page is the
 * last: shared memory, private pages of files, what is locked, sealed, or not to be
 * seen by children (WIPEONFORK), what may be the vdso of an earlier kernel, and all
 * memory of those that share pages with their parent or child since fork(). Without
 * --lazy an image of several rounds is read like that, too, and nothing comes later.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"
#include "../grow.h"
#include "../lazy/lazy.h"
#include "../lazy/peer.h"

#define PAGE	LIVEMIG_REC_PAGE
/* What the program may do to its memory, and we must hear of. */
#define EVENTS	(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | \
		 UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP)
#define EAGER	(LIVEMIG_VMA_F_LOCKED | LIVEMIG_VMA_F_LOCKONFAULT | \
		 LIVEMIG_VMA_F_WIPEONFORK | LIVEMIG_VMA_F_SEALED | \
		 LIVEMIG_VMA_F_DROPPABLE)

struct lm_lazy_restore *lm_lazy_new(struct lm_restorer *r, const struct lm_lazy_from *from,
				    struct lm_error *e)
{
	struct lm_lazy_restore *l = calloc(1, sizeof(*l));

	if (!l) {
		lm_fail(e, LM_FAILED, "out of memory");
		return NULL;
	}
	l->server = l->z.ctl = l->z.image = l->z.guard = l->z.from_fd = -1;
	l->z.from = from;
	r->lazy = l;
	return l;
}

static int begin(struct lm_restorer *r, const struct lm_in *in, struct lm_error *e)
{
	struct lm_lazy_restore *l;
	char path[64];
	struct stat st;

	if (fstat(in->fd, &st) || !S_ISREG(st.st_mode))
		return lm_fail(e, LM_REFUSED, "a lazy restore needs its image in a file, to read pages when they are needed");
	l = lm_lazy_new(r, &lm_lazy_from_image, e);
	if (!l)
		return -1;
	l->all = !r->o.lazy;
	l->z.index = lm_index_new();
	if (!l->z.index)
		return lm_fail(e, LM_FAILED, "out of memory");
	/* With a position of its own. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", in->fd);
	l->z.image = open(path, O_RDONLY | O_CLOEXEC);
	return l->z.image < 0 ? lm_fail_errno(e, LM_FAILED, "opening the image again") : 0;
}

int lm_lazy_note(struct lm_restorer *r, struct lm_in *in, const struct lm_record *rec,
		 struct lm_error *e)
{
	if (!r->lazy && begin(r, in, e))
		return -1;
	return lm_index_note(r->lazy->z.index, in, rec, e);
}

void lm_arriving_free(struct lm_lazy_restore *l)
{
	if (!l)
		return;
	/* (nothing has run that would have to be killed) */
	if (l->z.guard >= 0 && !l->served)
		lm_lazy_unguard(&l->z);
	if (l->z.guard >= 0)
		close(l->z.guard);
	while (l->z.nr_mem)
		lm_lazy_mem_free(&l->z.mem[--l->z.nr_mem]);
	free(l->z.mem);
	lm_netns_free(l->net);
	free(l->eager);
	lm_missing_free(&l->now);
	free(l->name);
	free(l->z.buf);
	if (l->z.peer)
		lm_missing_free(&l->z.peer->missing);
	free(l->z.peer);
	lm_index_free(l->z.index);
	if (l->z.image >= 0)
		close(l->z.image);
	if (l->server >= 0)
		close(l->server);
	free(l);
}

void lm_lazy_free(struct lm_restorer *r)
{
	lm_arriving_free(r->lazy);
	r->lazy = NULL;
}

/* ---- what comes at once ---- */

static int add_eager(struct lm_lazy_restore *l, const struct lm_mm *mm, struct lm_error *e)
{
	if (lm_grow(&l->eager, l->nr_eager, sizeof(*l->eager)))
		return lm_fail(e, LM_FAILED, "out of memory");
	l->eager[l->nr_eager++] = mm->id;
	return 0;
}

int lm_lazy_choose(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];
		const struct lm_process *parent =
			p->ppid ? lm_model_process(&r->m, p->ppid) : NULL;

		if (!p->mm)
			continue;
		if (p->mm->obj.tb[LIVEMIG_MM_MLOCKALL] && add_eager(r->lazy, p->mm, e))
			return -1;
		if (parent && lm_inherit_related(parent->mm, p->mm) &&
		    (add_eager(r->lazy, parent->mm, e) || add_eager(r->lazy, p->mm, e)))
			return -1;
	}
	return 0;
}

bool lm_lazy_mm(const struct lm_lazy_restore *l, uint32_t id)
{
	if (l->all)
		return false;
	for (size_t i = 0; i < l->nr_eager; i++)
		if (l->eager[i] == id)
			return false;
	return true;
}

bool lm_lazy_vma(const struct livemig_vma *v)
{
	return v->kind == LIVEMIG_VMA_ANON && !(v->flags & EAGER) && !lm_vdso_like(v);
}

struct fill {
	struct lm_restorer *r;
	struct lm_error *e;
};

/* A record of memory that is not lazy: as if it came just now. */
static int fill_record(uint64_t start, uint32_t space, uint32_t id, void *arg)
{
	struct fill *f = arg;
	struct lm_lazy_restore *l = f->r->lazy;
	struct lm_record rec;
	struct lm_in in;
	int ret;

	if (space == LIVEMIG_PAGES_SPACE_MM ? lm_lazy_mm(l, id) || !lm_model_mm(&f->r->m, id) :
					      !lm_model_shmem(&f->r->m, id))
		return 0;
	lm_in_init(&in, l->z.image);
	in.start = in.pos = start;
	if (lseek(in.fd, start, SEEK_SET) < 0)
		return lm_fail_errno(f->e, LM_FAILED, "the image");
	ret = lm_in_next(&in, &rec, f->e);
	if (!ret)
		ret = lm_fail(f->e, LM_FAILED, "the image has become shorter");
	else if (ret > 0)
		ret = lm_pages_record(f->r, &in, &rec, f->e);
	lm_in_free(&in);
	return ret;
}

/* One mapping of memory that is lazy but for this. */
static int fill_vma(struct lm_restorer *r, uint32_t mm, const struct livemig_vma *v,
		    struct lm_error *e)
{
	struct lm_lazy *z = &r->lazy->z;
	unsigned char page[PAGE];
	struct lm_found f;

	for (uint64_t at = v->start; at < v->end; at = f.end) {
		uint64_t end;

		if (lm_index_find(z->index, z->image, mm, at, &f, e))
			return -1;
		end = f.end < v->end ? f.end : v->end;
		if (f.kind == LIVEMIG_PAGE_HOLE ||
		    (f.kind == LIVEMIG_PAGE_ZERO && v->kind == LIVEMIG_VMA_ANON))
			continue;
		memset(page, 0, sizeof(page));
		if (f.kind == LIVEMIG_PAGE_DATA &&
		    lm_lazy_read(z->image, &f, mm, at, page, e))
			return -1;
		for (; at < end; at += PAGE)
			if (lm_page_write(r, LIVEMIG_PAGES_SPACE_MM, mm, at, page, e))
				return -1;
	}
	return 0;
}

int lm_lazy_fill(struct lm_restorer *r, struct lm_error *e)
{
	struct fill f = { r, e };
	int ret;

	if (!r->lazy)
		return 0;
	r->replay = true;
	ret = lm_lazy_choose(r, e) || lm_index_each(r->lazy->z.index, fill_record, &f);
	r->replay = false;
	if (ret)
		return -1;
	for (size_t i = 0; i < r->m.nr_mms; i++) {
		const struct lm_mm *mm = r->m.mms[i];

		for (size_t j = 0; lm_lazy_mm(r->lazy, mm->id) && j < mm->nr_vmas; j++)
			if (lm_mm_own(&mm->vmas[j]) && !lm_lazy_vma(&mm->vmas[j]) &&
			    fill_vma(r, mm->id, &mm->vmas[j], e))
				return -1;
	}
	return 0;
}

/* ---- what comes later ---- */

/* The helper opens it, so that it is of its memory; we take it over. */
static int open_uffd(struct lm_proc *p, const char *option, struct lm_error *e)
{
	struct uffdio_api api = { .api = UFFD_API, .features = EVENTS };
	int64_t there = lm_remote_syscall(p->remote, NULL, __NR_userfaultfd,
					  O_CLOEXEC | O_NONBLOCK);
	int fd;

	if (there < 0)
		return lm_fail(e, LM_REFUSED, "pid %u: userfaultfd: %s; leave out %s",
			       p->pid, strerror(-there), option);
	fd = syscall(__NR_pidfd_getfd, lm_remote_pidfd(p->remote), (int)there, 0);
	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "pid %u: userfaultfd", p->pid);
	if (lm_remote_syscall(p->remote, e, __NR_close, there) < 0) {
		close(fd);
		return lm_prefix(e, "pid %u", p->pid);
	}
	if (!ioctl(fd, UFFDIO_API, &api))
		return fd;
	close(fd);
	return lm_fail_errno(e, LM_REFUSED, "pid %u: userfaultfd with events; leave out %s",
			     p->pid, option);
}

static int watch(struct lm_lazy_mem *m, const struct livemig_vma *v, struct lm_error *e)
{
	struct uffdio_register reg = {
		.range = { v->start, v->end - v->start },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(m->uffd, UFFDIO_REGISTER, &reg))
		return lm_fail_errno(e, LM_FAILED, "memory at %#llx: userfaultfd",
				     (unsigned long long)v->start);
	return lm_todo_add(&m->todo, v->start, v->end, v->start) ?
	       lm_fail(e, LM_FAILED, "out of memory") : 0;
}

/* What is missing and not watched would be zeros. */
static int check_watched(const struct lm_lazy_mem *m, const struct lm_missing_mm *of,
			 struct lm_error *e)
{
	for (size_t i = 0; i < of->n; i++)
		for (uint64_t at = of->v[i].start; at < of->v[i].end;) {
			const struct lm_todo_range *t = lm_todo_find(&m->todo, at);

			if (!t)
				return lm_fail(e, LM_FAILED, "memory at %#" PRIx64 " cannot come later",
					       at);
			at = t->end;
		}
	return 0;
}

int lm_lazy_watch(struct lm_restorer *r, struct lm_proc *p, const struct lm_mm *mm,
		  struct lm_error *e)
{
	const struct lm_missing_mm *of = NULL;
	const struct lm_lazy_peer *peer;
	struct lm_lazy_mem *m;

	if (!r->lazy || !lm_lazy_mm(r->lazy, mm->id))
		return 0;
	peer = r->lazy->z.peer;
	if (peer)
		of = lm_missing_of(&peer->missing, mm->id);
	if (peer && !of)
		return 0;
	m = lm_lazy_add(&r->lazy->z);
	if (!m)
		return lm_fail(e, LM_FAILED, "out of memory");
	m->mm = mm->id;
	m->uffd = open_uffd(p, peer ? "--postcopy" : "--lazy", e);
	if (m->uffd < 0)
		return -1;
	for (size_t i = 0; i < mm->nr_vmas; i++)
		if (lm_lazy_vma(&mm->vmas[i]) &&
		    (!of || lm_missing_any(of, mm->vmas[i].start, mm->vmas[i].end)) &&
		    watch(m, &mm->vmas[i], e))
			return lm_prefix(e, "pid %u", p->pid);
	return of && check_watched(m, of, e) ? lm_prefix(e, "pid %u", p->pid) : 0;
}

int lm_lazy_start(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_lazy_restore *l = r->lazy;
	int sv[2];
	pid_t pid;
	char c;

	if (!l || !l->z.nr_mem)
		return 0;
	l->z.name = r->name;
	l->z.cgroup = r->cgroup_fd;
	if (l->z.peer)
		return lm_lazy_ready(&l->z, e);
	l->z.tell = r->o.waits;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return lm_fail_errno(e, LM_FAILED, "socketpair");
	l->server = sv[0];
	l->z.ctl = sv[1];
	pid = fork();
	if (!pid)
		lm_lazy_serve(&l->z);
	close(sv[1]);
	if (pid < 0)
		return lm_fail_errno(e, LM_FAILED, "fork");
	if (read(l->server, &c, 1) != 1)
		return lm_fail(e, LM_FAILED, "the process that is to bring memory later has failed: its message is in the kernel's log");
	return 0;
}

int lm_lazy_go(struct lm_restorer *r, struct lm_error *e)
{
	if (!r->lazy || r->lazy->server < 0 || send(r->lazy->server, "g", 1, MSG_NOSIGNAL) == 1)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "the process that is to bring memory later");
}
