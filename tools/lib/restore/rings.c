// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * AIO contexts. Programs know one by the address of its ring: the kernel puts a new
 * ring where it likes, and who moves it moves the context. What is in the ring comes
 * with the pages of the process. But where the next event goes, and how much room
 * there is, the kernel does not believe the ring: it counts for itself. So as many
 * requests that do nothing are made as it has seen events; those that the program has
 * not taken yet are left in the ring, and then get what they were.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

#define PAGE		LIVEMIG_REC_PAGE
#define NOTHING_FD	3	/* of /dev/null, in a helper that has no files yet */
#define AT_ONCE		32	/* requests that every ring has room for */

/* What a ring begins with; the events follow. */
struct head {
	uint32_t id, nr, head, tail;
	uint32_t magic, compat_features, incompat_features, length;
};

static uint32_t room_for(uint64_t len)
{
	return (len - sizeof(struct head)) / sizeof(struct io_event);
}

/* The least to ask io_setup() for that makes a ring of @len bytes. It doubles that, and
 * adds 2.
 */
static uint64_t requests_for(uint64_t len)
{
	uint64_t less = len - PAGE, used = sizeof(struct head) + 2 * sizeof(struct io_event);

	return less < used ? 1 : (less - used) / (2 * sizeof(struct io_event)) + 1;
}

static int read_ring(const struct lm_proc *p, uint64_t at, void *buf, size_t len,
		     struct lm_error *e)
{
	struct iovec here = { buf, len }, there = { (void *)(uintptr_t)at, len };

	return process_vm_readv(p->host, &here, 1, &there, 1, 0) == (ssize_t)len ? 0 :
	       lm_fail_errno(e, LM_FAILED, "pid %u: reading its AIO context", p->pid);
}

static int write_ring(const struct lm_proc *p, uint64_t at, void *buf, size_t len,
		      struct lm_error *e)
{
	struct iovec here = { buf, len }, there = { (void *)(uintptr_t)at, len };

	return process_vm_writev(p->host, &here, 1, &there, 1, 0) == (ssize_t)len ? 0 :
	       lm_fail_errno(e, LM_FAILED, "pid %u: writing its AIO context", p->pid);
}

/* ---- making one ---- */

/* Anywhere but in its place, from which the old and the new one might not differ. */
static int setup(struct lm_proc *p, const struct livemig_vma *v, uint64_t *ctx,
		 struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(p->remote);
	uint64_t len = v->end - v->start;
	size_t at;
	int call, ret;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	lm_batch_add(b, __NR_mmap, v->start, len, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	at = lm_batch_data(b, NULL, sizeof(*ctx));
	call = lm_batch_try(b, __NR_io_setup, requests_for(len), LM_DATA(at));
	ret = lm_batch_run(b, e);
	if (!ret && lm_batch_result(b, call) == -EAGAIN)
		ret = lm_fail(e, LM_REFUSED, "pid %u: no more AIO contexts here; raise fs.aio-max-nr",
			      p->pid);
	else if (!ret && lm_batch_result(b, call))
		ret = lm_fail(e, LM_FAILED, "pid %u: io_setup: %s", p->pid,
			      strerror(-lm_batch_result(b, call)));
	if (!ret)
		memcpy(ctx, lm_batch_get(b, at), sizeof(*ctx));
	lm_batch_free(b);
	return ret;
}

static int note(struct lm_proc *p, uint64_t at, uint32_t id, struct lm_error *e)
{
	struct lm_ring *rings;
	size_t i = 0;

	while (i < p->nr_rings && p->rings[i].at != at)
		i++;
	if (i == p->nr_rings) {
		rings = realloc(p->rings, (i + 1) * sizeof(*rings));
		if (!rings)
			return lm_fail(e, LM_FAILED, "out of memory");
		p->rings = rings;
		p->nr_rings++;
	}
	p->rings[i] = (struct lm_ring){ .at = at, .id = id };
	return 0;
}

int lm_ring_make(struct lm_proc *p, const struct livemig_vma *v, struct lm_error *e)
{
	uint64_t len = v->end - v->start, ctx = 0;
	struct head h;

	if (setup(p, v, &ctx, e) || read_ring(p, ctx, &h, sizeof(h), e))
		return -1;
	/* There is a least size, which grows with the number of processors. */
	if (h.nr != room_for(len))
		return lm_fail(e, LM_REFUSED,
			       "pid %u: an AIO context for %u events cannot be made here; use a host with fewer processors",
			       p->pid, room_for(len));
	if (lm_remote_syscall(p->remote, e, __NR_mremap, ctx, len, len,
			      MREMAP_MAYMOVE | MREMAP_FIXED, v->start) < 0)
		return lm_prefix(e, "pid %u: AIO context", p->pid);
	return note(p, v->start, h.id, e);
}

/* io_destroy() unmaps the ring. */
void lm_ring_unmake(struct lm_batch *b, const struct livemig_vma *v)
{
	lm_batch_try(b, __NR_io_destroy, v->start);
}

/* ---- where the kernel was ---- */

struct resume {
	const struct lm_proc *p;
	uint64_t at;
	uint32_t nr, tail;	/* room; where the next event goes */
	struct lm_error *e;
};

/* Up to AT_ONCE requests that do nothing. @taken: as if the program had taken their
 * events.
 */
static int submit(struct resume *s, uint32_t n, bool taken)
{
	const struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = NOTHING_FD,
	};
	struct lm_batch *b = lm_batch_new(s->p->remote);
	size_t iocb, list;
	int call, ret;

	if (!b)
		return lm_fail(s->e, LM_FAILED, "out of memory");
	iocb = lm_batch_data(b, &cb, sizeof(cb));
	list = lm_batch_data(b, NULL, n * sizeof(uint64_t));
	for (uint32_t i = 0; i < n; i++)
		lm_batch_add(b, LM_NR_STORE64, LM_DATA(list + i * sizeof(uint64_t)),
			     LM_DATA(iocb));
	call = lm_batch_add(b, __NR_io_submit, s->at, n, LM_DATA(list));
	s->tail = (s->tail + n) % s->nr;
	if (taken)
		lm_batch_add(b, LM_NR_STORE32, s->at + offsetof(struct head, head),
			     s->tail);
	ret = lm_batch_run(b, s->e);
	if (!ret && lm_batch_result(b, call) != n)
		ret = lm_fail(s->e, LM_FAILED, "pid %u: its AIO context takes %lld requests of %u; try again",
			      s->p->pid, (long long)lm_batch_result(b, call), n);
	lm_batch_free(b);
	return ret;
}

static int pass(struct resume *s, uint32_t n, bool taken)
{
	uint32_t some;

	for (; n; n -= some) {
		some = n < AT_ONCE ? n : AT_ONCE;
		if (submit(s, some, taken))
			return -1;
	}
	return 0;
}

static int resume(struct lm_proc *p, const struct lm_ring *ring, void *buf, size_t len,
		  struct lm_error *e)
{
	struct resume s = { .p = p, .at = ring->at, .nr = room_for(len), .e = e };
	struct head *h = buf, fresh, now;

	if (read_ring(p, ring->at, buf, len, e))
		return -1;
	if (h->nr != s.nr || h->tail >= s.nr)
		return lm_fail(e, LM_REFUSED, "pid %u: what is at %#" PRIx64 " is no AIO context",
			       p->pid, ring->at);
	h->id = ring->id;
	h->head %= s.nr;
	fresh = *h;
	fresh.head = fresh.tail = 0;
	if (write_ring(p, ring->at, &fresh, sizeof(fresh), e) || pass(&s, h->head, true) ||
	    pass(&s, (h->tail + s.nr - h->head) % s.nr, false) ||
	    read_ring(p, ring->at, &now, sizeof(now), e))
		return -1;
	if (now.tail != h->tail)
		return lm_fail(e, LM_FAILED, "pid %u: the AIO context at %#" PRIx64 " is at event %u instead of %u",
			       p->pid, ring->at, now.tail, h->tail);
	return write_ring(p, ring->at, buf, len, e);
}

static int resume_at(struct lm_proc *p, const struct livemig_vma *v, struct lm_error *e)
{
	size_t len = v->end - v->start, i = 0;
	void *buf;
	int ret;

	while (i < p->nr_rings && p->rings[i].at != v->start)
		i++;
	buf = i < p->nr_rings ? malloc(len) : NULL;
	if (!buf)
		return lm_fail(e, LM_FAILED, "pid %u: out of memory for its AIO context",
			       p->pid);
	ret = resume(p, &p->rings[i], buf, len, e);
	free(buf);
	return ret;
}

int lm_rings_resume(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e)
{
	int fd = -1, ret = 0;

	for (size_t i = 0; i < mm->nr_vmas && !ret; i++) {
		if (mm->vmas[i].kind != LIVEMIG_VMA_AIO_RING)
			continue;
		if (fd < 0) {
			fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				return lm_fail_errno(e, LM_FAILED, "/dev/null");
			ret = lm_remote_put_fd(p->remote, fd, NOTHING_FD, true, e);
		}
		ret = ret ?: resume_at(p, &mm->vmas[i], e);
	}
	if (fd < 0)
		return 0;
	close(fd);
	return ret ?: lm_remote_syscall(p->remote, e, __NR_close, NOTHING_FD) < 0 ? -1 : 0;
}
