// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * PAGES records. Private memory is filled by the module, straight from where
 * the records come from; shared memory through its descriptor. What has no
 * mapping yet (the inventory of a running container is a little older than its
 * pages) waits in the stash.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "internal.h"

#define PAGE LIVEMIG_REC_PAGE
#define ADDR(x) ((x) & ~(uint64_t)(PAGE - 1))
/* Of hugetlb, in a private mapping. */
#define HUGE_PAGE (2UL << 20)

static const unsigned char zeros[PAGE];

/* One record, taken apart. */
struct run {
	struct lm_restorer *r;
	struct lm_in *in;
	uint32_t space, id, nr;
	const struct livemig_page_entry *entry;
};

static unsigned int kind(const struct livemig_page_entry *x)
{
	return x->addr & LIVEMIG_PAGE_KIND_MASK;
}

static uint64_t pages(const struct livemig_page_entry *x)
{
	return kind(x) == LIVEMIG_PAGE_DATA ? 1 : x->value;
}

static int damaged(const struct run *u, uint64_t addr, struct lm_error *e)
{
	return lm_fail(e, LM_FAILED,
		       "the page at %#" PRIx64 " of %s %u is damaged (wrong hash)",
		       addr, u->space == LIVEMIG_PAGES_SPACE_MM ? "memory" :
		       "shared memory", u->id);
}

/* Zero pages without a mapping: more is nothing that a source sends. */
#define STASH_MAX	(1 << 20)

/* ---- the stash ---- */

static int stash_entry(struct run *u, const struct livemig_page_entry *x,
		       const void *bytes, struct lm_error *e)
{
	struct lm_stash *s = &u->r->stash;

	switch (kind(x)) {
	case LIVEMIG_PAGE_DATA:
		if (XXH64(bytes, PAGE, 0) != x->value)
			return damaged(u, ADDR(x->addr), e);
		return lm_stash_put(s, u->space, u->id, ADDR(x->addr), bytes, e);
	case LIVEMIG_PAGE_ZERO:
		if (x->value > STASH_MAX || s->nr_pages + x->value > STASH_MAX)
			return lm_fail(e, LM_FAILED,
				       "too many pages without a mapping");
		for (uint64_t i = 0; i < x->value; i++)
			if (lm_stash_put(s, u->space, u->id,
					 ADDR(x->addr) + i * PAGE, NULL, e))
				return -1;
		return 0;
	default:
		lm_stash_del(s, u->space, u->id, ADDR(x->addr), x->value);
		return 0;
	}
}

/* The next entry has no place: it waits for one, unless the mappings that are here are
 * the last ones.
 */
static int no_place(struct run *u, const struct livemig_page_entry *x, struct lm_error *e)
{
	unsigned char page[PAGE];

	if (kind(x) == LIVEMIG_PAGE_DATA && lm_in_payload(u->in, page, PAGE, e))
		return -1;
	return u->r->replay ? 0 : stash_entry(u, x, page, e);
}

static int no_places(struct run *u, struct lm_error *e)
{
	for (uint32_t i = 0; i < u->nr; i++)
		if (no_place(u, &u->entry[i], e))
			return -1;
	return 0;
}

/* ---- private memory ---- */

static bool test_bit(const uint64_t *bits, uint32_t i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static bool own_at(const struct lm_proc *p, uint64_t addr)
{
	const struct livemig_vma *v = lm_mm_find(p, addr);

	return v && lm_mm_own(v);
}

/* Those that were put in are newer than what waits; the others wait. */
static int settle(struct run *u, const struct lm_proc *p,
		  const struct livemig_page_entry *x, uint32_t n,
		  const uint64_t *missed, struct lm_error *e)
{
	for (uint32_t i = 0; i < n; i++) {
		const char *bytes = (char *)u->r->missed_buf + (size_t)i * PAGE;

		/* A file's bytes show again; nobody but the task itself can do
		 * that. It fails where there is no mapping: as well.
		 */
		if (test_bit(missed, i) && kind(&x[i]) == LIVEMIG_PAGE_HOLE)
			lm_remote_syscall(p->remote, NULL, __NR_madvise,
					  ADDR(x[i].addr), pages(&x[i]) * PAGE,
					  MADV_DONTNEED);
		if (!test_bit(missed, i))
			lm_stash_del(&u->r->stash, u->space, u->id,
				     ADDR(x[i].addr), pages(&x[i]));
		else if (stash_entry(u, &x[i], bytes, e))
			return -1;
	}
	return 0;
}

static int apply(struct run *u, const struct lm_proc *p,
		 const struct livemig_page_entry *entry, uint32_t nr, struct lm_error *e)
{
	uint64_t missed[LIVEMIG_PAGES_ENTRIES_MAX / 64 + 1];
	uint32_t at = 0;

	while (at < nr) {
		struct livemig_ioc_apply a = {
			.pid = p->host,
			.fd = u->in->fd,
			.entries = (uintptr_t)(entry + at),
			.nr_entries = nr - at,
			.missed = (uintptr_t)missed,
			.missed_buf = (uintptr_t)u->r->missed_buf,
			.flags = p->keeps ? LIVEMIG_APPLY_F_KEEP_SAME : 0,
		};
		size_t data = 0;
		char more;
		int ret;

		memset(missed, 0, sizeof(missed));
		ret = ioctl(u->r->dev, LIVEMIG_IOC_APPLY, &a);
		if (ret && errno == EBADMSG)
			return damaged(u, a.done < a.nr_entries ?
				       ADDR(entry[at + a.done].addr) : 0, e);
		/* Where the file ends, or the connection, the reader tells it. */
		if (ret && errno == EIO && lm_in_payload(u->in, &more, 1, e))
			return -1;
		if (ret && (errno != EINTR || !a.done))
			return lm_fail_errno(e, LM_FAILED,
					     "pid %u: filling memory at %#" PRIx64,
					     p->pid, a.done < a.nr_entries ?
					     (uint64_t)ADDR(entry[at + a.done].addr) : 0);
		if (!a.done || a.done > a.nr_entries)
			return lm_fail(e, LM_FAILED, "pid %u: filling memory got stuck",
				       p->pid);
		for (uint32_t i = 0; i < a.done; i++)
			data += kind(&entry[at + i]) == LIVEMIG_PAGE_DATA;
		lm_in_taken(u->in, data * PAGE);
		if (settle(u, p, entry + at, a.done, missed, e))
			return -1;
		at += a.done;
	}
	return 0;
}

/* Up to where what is at @addr goes on, at most @end. */
static uint64_t same_until(const struct lm_proc *p, uint64_t addr, uint64_t end)
{
	size_t i = lm_mm_index(p, addr);
	uint64_t next = end;

	if (i < p->nr_vmas)
		next = p->vmas[i].start > addr ? p->vmas[i].start : p->vmas[i].end;
	return next < end ? next : end;
}

/*
 * What was at an address when its page was read need not be there in the mappings that
 * we have: of an image's earlier rounds, or when they change while they are told. Never
 * may it be written to shared memory or a file that is mapped there instead.
 */
static int apply_own(struct run *u, const struct lm_proc *p, struct lm_error *e)
{
	struct livemig_page_entry own[LIVEMIG_PAGES_ENTRIES_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < u->nr; i++) {
		struct livemig_page_entry part = u->entry[i];
		uint64_t at = ADDR(part.addr), end = at + pages(&part) * PAGE, next;

		for (; at < end; at = next) {
			bool is_own = own_at(p, at);

			next = same_until(p, at, end);
			part.addr = at | (part.addr & (PAGE - 1));
			if (kind(&part) != LIVEMIG_PAGE_DATA)
				part.value = (next - at) / PAGE;
			/* (bytes are taken in their order) */
			if (!is_own || n == LIVEMIG_PAGES_ENTRIES_MAX) {
				if (apply(u, p, own, n, e))
					return -1;
				n = 0;
			}
			if (is_own)
				own[n++] = part;
			else if (no_place(u, &part, e))
				return -1;
		}
	}
	return apply(u, p, own, n, e);
}

/* ---- shared memory ---- */

static int write_all(int fd, const void *buf, size_t len, uint64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, buf, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf = (const char *)buf + n;
		len -= n;
		at += n;
	}
	return 0;
}

/* Of the object @id whose descriptor is @fd. */
static int write_shmem(const struct lm_restorer *r, uint32_t id,
		       struct lm_huge_window *w, int fd, const void *buf, size_t len,
		       uint64_t off)
{
	uint32_t shift = lm_huge_shift(lm_model_shmem(&r->m, id));

	if (!shift || !len)
		return write_all(fd, buf, len, off);
	return lm_huge_write(w, fd, shift, buf, len, off);
}

static int write_shmem_page(const struct lm_restorer *r, uint32_t id, int fd,
			    const void *buf, size_t len, uint64_t off)
{
	struct lm_huge_window w = { 0 };
	int ret = write_shmem(r, id, &w, fd, buf, len, off);

	lm_huge_close(&w);
	return ret;
}

/* The last page of an object that ends in its middle is as long as the object. */
static size_t page_len(const struct lm_restorer *r, uint32_t id, uint64_t off)
{
	const struct lm_shmem *s = lm_model_shmem(&r->m, id);

	if (!s || off >= s->size)
		return 0;
	return s->size - off < PAGE ? s->size - off : PAGE;
}

/* More of a page than the object is long: it has grown since its size was told.
 * The page waits until that comes. (In a replay it has become shorter since.)
 */
static bool has_grown(const unsigned char *page, size_t len)
{
	return len < PAGE && memcmp(page + len, zeros, PAGE - len);
}

/* A page of zeros and none are the same in here. */
static int clear_shmem(const struct lm_restorer *r, uint32_t id,
		       struct lm_huge_window *w, int fd, uint64_t off, uint64_t n)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	int ret = 0;

	if (!lm_huge_shift(lm_model_shmem(&r->m, id)))
		return fallocate(fd, punch, off, n * PAGE);
	for (uint64_t i = 0; i < n && !ret; i++, off += PAGE)
		if (page_len(r, id, off))
			ret = write_shmem(r, id, w, fd, zeros, PAGE, off);
	return ret;
}

static int fill_shmem_page(struct run *u, int fd, struct lm_huge_window *w,
			   const struct livemig_page_entry *x, struct lm_error *e)
{
	unsigned char page[PAGE];
	uint64_t off = ADDR(x->addr);
	size_t len;
	int ret;

	if (kind(x) == LIVEMIG_PAGE_DATA) {
		if (lm_in_payload(u->in, page, PAGE, e))
			return -1;
		if (XXH64(page, PAGE, 0) != x->value)
			return damaged(u, off, e);
		len = page_len(u->r, u->id, off);
		if (has_grown(page, len) && !u->r->replay)
			return lm_stash_put(&u->r->stash, u->space, u->id, off, page, e);
		ret = write_shmem(u->r, u->id, w, fd, page, len, off);
	} else {
		ret = clear_shmem(u->r, u->id, w, fd, off, x->value);
	}
	if (ret)
		return lm_fail_errno(e, LM_FAILED, "filling shared memory %u at %#" PRIx64,
				     u->id, off);
	lm_stash_del(&u->r->stash, u->space, u->id, off, pages(x));
	return 0;
}

static int fill_shmem(struct run *u, int fd, struct lm_error *e)
{
	struct lm_huge_window w = { 0 };
	int ret = 0;

	for (uint32_t i = 0; i < u->nr && !ret; i++)
		ret = fill_shmem_page(u, fd, &w, &u->entry[i], e);
	lm_huge_close(&w);
	return ret;
}

static bool has_later(const struct run *u)
{
	for (uint32_t i = 0; i < u->nr; i++)
		if (kind(&u->entry[i]) == LIVEMIG_PAGE_LATER)
			return true;
	return false;
}

int lm_pages_record(struct lm_restorer *r, struct lm_in *in,
		    const struct lm_record *rec, struct lm_error *e)
{
	struct livemig_page_entry rest[LIVEMIG_PAGES_ENTRIES_MAX];
	const struct livemig_pages *head;
	struct run u = { .r = r, .in = in };
	struct lm_proc *p;
	int fd;

	if (lm_pages_check(rec, &head, &u.entry, &u.nr, e))
		return -1;
	u.space = head->space;
	u.id = head->id;
	if (!r->missed_buf) {
		r->missed_buf = malloc(LIVEMIG_PAGES_ENTRIES_MAX * PAGE);
		if (!r->missed_buf)
			return lm_fail(e, LM_FAILED, "out of memory");
	}
	r->pages += rec->payload_len / PAGE;
	if (u.space == LIVEMIG_PAGES_SPACE_SHMEM) {
		fd = lm_shmem_fd(r, u.id);
		return fd < 0 ? no_places(&u, e) : fill_shmem(&u, fd, e);
	}
	p = lm_proc_of_mm(r, u.id);
	if (!p && lm_inherit_birth(r, u.id, e))
		return -1;
	p = p ?: lm_proc_of_mm(r, u.id);
	if (has_later(&u)) {
		if (lm_later_take(r, p, u.id, u.entry, &u.nr, rest, e))
			return -1;
		u.entry = rest;
	}
	if (!p)
		return no_places(&u, e);
	return lm_inherit_pages(p, u.entry, u.nr, e) || apply_own(&u, p, e) ? -1 : 0;
}

/* ---- from the stash to its place, and back ---- */

struct unstash {
	struct lm_restorer *r;
	const struct lm_proc *p;	/* whose memory ... */
	int mem;			/* ... this is */
	struct lm_error *e;
};

static int open_mem(const struct lm_proc *p, const char *file, int flags,
		    struct lm_error *e)
{
	char path[48];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", p->host, file);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		lm_fail_errno(e, LM_FAILED, "%s", path);
	return fd;
}

/*
 * /proc/PID/mem writes to what the task itself may not write to only for a
 * tracer, on kernels that are configured so (from 6.12 on), and never to huge
 * pages: then let the task write for a moment.
 */
static int write_protected(const struct lm_proc *p, int fd, const void *buf,
			   uint64_t at)
{
	const struct livemig_vma *v = lm_mm_find(p, at);
	uint64_t addr = at, size = PAGE;
	int ret;

	if (!v || v->flags & LIVEMIG_VMA_F_WRITE)
		return -1;
	if (lm_remote_syscall(p->remote, NULL, __NR_mprotect, addr, size,
			      PROT_READ | PROT_WRITE)) {
		/* One of hugetlb cannot be divided. */
		size = HUGE_PAGE;
		addr &= -size;
		if (v->kind != LIVEMIG_VMA_SHMEM_PRIVATE || addr < v->start ||
		    addr + size > v->end ||
		    lm_remote_syscall(p->remote, NULL, __NR_mprotect, addr, size,
				      PROT_READ | PROT_WRITE))
			return -1;
	}
	ret = write_all(fd, buf, PAGE, at);
	if (lm_remote_syscall(p->remote, NULL, __NR_mprotect, addr, size,
			      lm_mm_prot(v)))
		ret = -1;
	return ret;
}

static int unstash(uint32_t space, uint32_t id, uint64_t addr, const void *page,
		   void *arg)
{
	struct unstash *u = arg;
	struct lm_proc *p = NULL;
	size_t len = PAGE;
	int fd;

	if (space == LIVEMIG_PAGES_SPACE_SHMEM) {
		fd = lm_shmem_fd(u->r, id);
		len = page_len(u->r, id, addr);
		if (fd < 0 || !len)
			return 0;
	} else {
		p = lm_proc_of_mm(u->r, id);
		if (!p || !own_at(p, addr))
			return 0;
		if (u->p != p) {
			if (u->mem >= 0)
				close(u->mem);
			u->p = p;
			u->mem = open_mem(p, "mem", O_RDWR, u->e);
		}
		fd = u->mem;
		if (fd < 0)
			return -1;
	}
	if (p ? write_all(fd, page ?: zeros, len, addr) &&
		write_protected(p, fd, page ?: zeros, addr) :
		write_shmem_page(u->r, id, fd, page ?: zeros, len, addr))
		return lm_fail_errno(u->e, LM_FAILED, "filling memory %u at %#" PRIx64,
				     id, addr);
	return 1;
}

int lm_pages_unstash(struct lm_restorer *r, struct lm_error *e)
{
	struct unstash u = { .r = r, .mem = -1, .e = e };
	int ret = lm_stash_each(&r->stash, unstash, &u);

	if (u.mem >= 0)
		close(u.mem);
	return ret;
}

/* Is there a page of the process's own (not the file's), by /proc/PID/pagemap? */
static bool own_page(uint64_t pm)
{
	const uint64_t present = 1ULL << 63, swapped = 1ULL << 62,
		       file = 1ULL << 61;

	return pm & swapped || (pm & present && !(pm & file));
}

int lm_pages_save(struct lm_restorer *r, const struct lm_proc *p, uint64_t start,
		  uint64_t end, struct lm_error *e)
{
	int map = open_mem(p, "pagemap", O_RDONLY, e);
	int mem = open_mem(p, "mem", O_RDONLY, e);
	int ret = map < 0 || mem < 0 ? -1 : 0;
	unsigned char page[PAGE];
	uint64_t pm[512];

	for (uint64_t at = start; at < end && !ret;) {
		size_t n = (end - at) / PAGE < 512 ? (end - at) / PAGE : 512;
		ssize_t got = pread(map, pm, n * 8, at / PAGE * 8);

		if (got != (ssize_t)n * 8)
			ret = lm_fail_errno(e, LM_FAILED, "pagemap of pid %u", p->pid);
		for (size_t i = 0; i < n && !ret; i++, at += PAGE) {
			if (!own_page(pm[i]) ||
			    lm_stash_has(&r->stash, LIVEMIG_PAGES_SPACE_MM,
					 p->mm_id, at))
				continue;
			if (pread(mem, page, PAGE, at) != PAGE)
				ret = lm_fail_errno(e, LM_FAILED,
						    "memory of pid %u at %#" PRIx64,
						    p->pid, at);
			else
				ret = lm_stash_put(&r->stash,
						   LIVEMIG_PAGES_SPACE_MM,
						   p->mm_id, at, page, e);
		}
	}
	if (map >= 0)
		close(map);
	if (mem >= 0)
		close(mem);
	return ret;
}

/* ---- one page ---- */

/* The memory of @p, kept open for the next time. */
static int proc_mem(struct lm_restorer *r, const struct lm_proc *p, struct lm_error *e)
{
	struct lm_proc_mem *m = r->mem;

	if (m[0].pid == p->pid)
		return m[0].fd;
	if (m[1].pid != p->pid) {
		if (m[1].pid)
			close(m[1].fd);
		m[1].pid = 0;
		m[1].fd = open_mem(p, "mem", O_RDWR, e);
		if (m[1].fd < 0)
			return -1;
		m[1].pid = p->pid;
	}
	struct lm_proc_mem used = m[1];

	m[1] = m[0];
	m[0] = used;
	return used.fd;
}

void lm_pages_close(struct lm_restorer *r)
{
	for (int i = 0; i < 2; i++)
		if (r->mem[i].pid)
			close(r->mem[i].fd);
	memset(r->mem, 0, sizeof(r->mem));
}

/* Where the page at @addr is: an fd, or -1 when it has no place (yet). @p: whose
 * memory it is, @len: how much of it there is.
 */
static int place(struct lm_restorer *r, uint32_t space, uint32_t id, uint64_t addr,
		 struct lm_proc **p, size_t *len, struct lm_error *e)
{
	*p = NULL;
	*len = PAGE;
	if (space == LIVEMIG_PAGES_SPACE_SHMEM) {
		*len = page_len(r, id, addr);
		return *len ? lm_shmem_fd(r, id) : -1;
	}
	*p = lm_proc_of_mm(r, id);
	return *p && own_at(*p, addr) ? proc_mem(r, *p, e) : -1;
}

int lm_page_read(struct lm_restorer *r, uint32_t space, uint32_t id, uint64_t addr,
		 void *page, struct lm_error *e)
{
	struct lm_proc *p;
	ssize_t n;
	size_t len;
	int fd;

	if (lm_stash_get(&r->stash, space, id, addr, page))
		return 0;
	fd = place(r, space, id, addr, &p, &len, e);
	n = fd < 0 ? -1 : pread(fd, page, len, addr);
	if (n < 0 || (p && n != PAGE))
		return lm_fail(e, LM_FAILED, "the page at %#" PRIx64 " of %s %u, which the source counts on, is not here",
			       addr, p ? "memory" : "shared memory", id);
	memset((char *)page + n, 0, PAGE - n);
	return 0;
}

int lm_page_write(struct lm_restorer *r, uint32_t space, uint32_t id,
		  uint64_t addr, const void *page, struct lm_error *e)
{
	unsigned char was[PAGE];
	struct lm_proc *p;
	size_t len;
	int fd = place(r, space, id, addr, &p, &len, e);

	if (fd < 0 || has_grown(page, len))
		return lm_stash_put(&r->stash, space, id, addr, page, e);
	/* What it has in common with its parent stays so; a file's page is not that. */
	if (p && p->keeps && lm_mm_find(p, addr)->kind == LIVEMIG_VMA_ANON &&
	    pread(fd, was, PAGE, addr) == PAGE && !memcmp(was, page, PAGE)) {
		lm_stash_del(&r->stash, space, id, addr, 1);
		return 0;
	}
	if (p ? write_all(fd, page, len, addr) && write_protected(p, fd, page, addr) :
		write_shmem_page(r, id, fd, page, len, addr))
		return lm_fail_errno(e, LM_FAILED, "filling memory %u at %#" PRIx64,
				     id, addr);
	lm_stash_del(&r->stash, space, id, addr, 1);
	return 0;
}
