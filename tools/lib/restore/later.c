// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Post-copy: pages that the last round has only named. What we have of them is old,
 * and goes, so that whoever touches them waits for those to come; what cannot come
 * after the tasks run (lazy.c says what) is fetched before.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "../grow.h"
#include "../lazy/peer.h"
#include "../search.h"

#define PAGE	LIVEMIG_REC_PAGE
/* Requests under way at a time. */
#define FETCHES	8

static int begin(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_lazy_restore *l;

	if (!r->o.link || !r->final)
		return lm_fail(e, LM_REFUSED, "pages that are told without their bytes, which nobody here can ask for");
	l = lm_lazy_new(r, &lm_lazy_from_peer, e);
	if (!l)
		return -1;
	l->z.peer = calloc(1, sizeof(*l->z.peer));
	if (!l->z.peer)
		return lm_fail(e, LM_FAILED, "out of memory");
	l->z.peer->link = r->o.link;
	l->z.from_fd = r->o.link->fd;
	return lm_lazy_choose(r, e);
}

/* ---- what was named ---- */

struct later {
	struct lm_restorer *r;
	struct lm_proc *p;
	uint32_t mm;
	const struct lm_mm *map;	/* as it will be: of the model */
	struct lm_batch *b;
	size_t calls;
	struct lm_error *e;
};

static int run(struct later *t)
{
	int ret = t->calls ? lm_batch_run(t->b, t->e) : 0;

	lm_batch_reset(t->b);
	t->calls = 0;
	return ret ? lm_prefix(t->e, "pid %u", t->p->pid) : 0;
}

static int no_memory(struct later *t)
{
	return lm_fail(t->e, LM_FAILED, "out of memory");
}

/* It can wait. */
static int later(struct later *t, uint64_t start, uint64_t end)
{
	if (!lm_batch_room(t->b, 1, 0) && run(t))
		return -1;
	lm_batch_add(t->b, __NR_madvise, start, end - start, MADV_DONTNEED);
	t->calls++;
	return lm_missing_add(&t->r->lazy->z.peer->missing, t->mm, start, end) ?
	       no_memory(t) : 0;
}

static int now(struct later *t, uint64_t start, uint64_t end)
{
	struct lm_lazy_restore *l = t->r->lazy;

	if (lm_grow(&l->now, l->nr_now, sizeof(*l->now)))
		return no_memory(t);
	l->now[l->nr_now++] = (struct lm_later_range){ t->mm, start, end };
	return 0;
}

static const struct livemig_vma *find(const struct lm_mm *mm, uint64_t addr)
{
	size_t i = lm_first_behind(mm->vmas, mm->nr_vmas, addr);

	return i < mm->nr_vmas && mm->vmas[i].start <= addr ? &mm->vmas[i] : NULL;
}

static int note(struct later *t, uint64_t start, uint64_t end)
{
	int ret = 0;

	lm_stash_del(&t->r->stash, LIVEMIG_PAGES_SPACE_MM, t->mm, start,
		     (end - start) / PAGE);
	for (uint64_t to; start < end && !ret; start = to) {
		const struct livemig_vma *v = t->map ? find(t->map, start) : NULL;

		to = v && v->end < end ? v->end : end;
		ret = v && lm_lazy_vma(v) ? later(t, start, to) : now(t, start, to);
	}
	return ret;
}

int lm_later_take(struct lm_restorer *r, struct lm_proc *p, uint32_t mm,
		  const struct livemig_page_entry *x, uint32_t *n,
		  struct livemig_page_entry *rest, struct lm_error *e)
{
	struct later t = { .r = r, .p = p, .mm = mm, .e = e };
	uint32_t left = 0;
	int ret = 0;

	if (!r->lazy && begin(r, e))
		return -1;
	if (p && lm_lazy_mm(r->lazy, mm))
		t.map = lm_model_process(&r->m, p->pid)->mm;
	t.b = p ? lm_batch_new(p->remote) : NULL;
	if (p && !t.b)
		return no_memory(&t);
	for (uint32_t i = 0; i < *n && !ret; i++) {
		uint64_t addr = le64toh(x[i].addr);
		uint64_t start = addr & -(uint64_t)PAGE;

		if ((addr & LIVEMIG_PAGE_KIND_MASK) == LIVEMIG_PAGE_LATER)
			ret = note(&t, start, start + le64toh(x[i].value) * PAGE);
		else
			rest[left++] = x[i];
	}
	*n = left;
	if (p && !ret)
		ret = run(&t);
	lm_batch_free(t.b);
	return ret;
}

/* ---- what cannot wait ---- */

/* The next request, of one address space. @at: page @pages of l->now[@i] is next. */
static int ask(struct lm_restorer *r, size_t *i, uint64_t *at, uint64_t *pages,
	       struct lm_error *e)
{
	const struct lm_lazy_restore *l = r->lazy;
	struct livemig_range v[LM_ASK_RANGES];
	uint32_t mm = l->now[*i].mm;
	size_t n = 0;

	*pages = 0;
	while (*i < l->nr_now && l->now[*i].mm == mm && n < LM_ASK_RANGES &&
	       *pages < LM_ASK_PAGES) {
		uint64_t start = l->now[*i].start + *at * PAGE, end = l->now[*i].end;

		if ((end - start) / PAGE > LM_ASK_PAGES - *pages) {
			end = start + (LM_ASK_PAGES - *pages) * PAGE;
			*at += (end - start) / PAGE;
		} else {
			++*i;
			*at = 0;
		}
		v[n++] = (struct livemig_range){ start, end };
		*pages += (end - start) / PAGE;
	}
	return r->o.link->ask(mm, v, n, true, r->o.link->arg, e);
}

static int answer(struct lm_restorer *r, uint64_t *pages, struct lm_error *e)
{
	const struct lm_lazy_link *link = r->o.link;
	const struct livemig_page_entry *x;
	const struct livemig_pages *head;
	struct lm_record rec;
	uint32_t n;
	int ret;

	*pages = 0;
	do
		ret = link->next(&rec, link->arg, e);
	while (!ret);
	if (ret < 0 || lm_pages_check(&rec, &head, &x, &n, e))
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		unsigned int kind = le64toh(x[i].addr) & LIVEMIG_PAGE_KIND_MASK;

		if (kind > LIVEMIG_PAGE_ZERO)
			return lm_fail(e, LM_FAILED, "pages came without their bytes");
		*pages += kind == LIVEMIG_PAGE_DATA ? 1 : le64toh(x[i].value);
	}
	return lm_pages_record(r, link->in, &rec, e);
}

int lm_later_fetch(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_lazy_restore *l = r->lazy;
	uint64_t at = 0, due = 0, n;
	size_t i = 0;

	if (!l || !l->z.peer)
		return 0;
	if (lm_missing_ready(&l->z.peer->missing))
		return lm_fail(e, LM_FAILED, "out of memory");
	while (i < l->nr_now || due) {
		while (i < l->nr_now && due <= (FETCHES - 1) * LM_ASK_PAGES) {
			if (ask(r, &i, &at, &n, e))
				return -1;
			due += n;
		}
		if (answer(r, &n, e))
			return -1;
		if (!n || n > due)
			return lm_fail(e, LM_FAILED, "pages came that nobody has asked for");
		due -= n;
	}
	lm_pages_close(r);
	return 0;
}

/* ---- when it runs ---- */

bool lm_restorer_lacks(const struct lm_restorer *r)
{
	return r->o.link && r->final && r->lazy && r->lazy->z.nr_mem;
}

struct lm_lazy_restore *lm_restorer_arriving(struct lm_restorer *r)
{
	struct lm_lazy_restore *l = r->lazy;

	if (!l || !l->z.peer || !r->committed)
		return NULL;
	r->lazy = NULL;
	l->served = true;
	l->name = strdup(r->name);
	l->z.name = l->name ?: "?";
	l->z.cgroup = -1;		/* the restorer's */
	return l;
}

int lm_arriving_run(struct lm_lazy_restore *l, struct lm_error *e)
{
	if (!lm_lazy_run(&l->z, e)) {
		l->served = false;	/* (it needs us no more) */
		return 0;
	}
	lm_lazy_lost(&l->z, e);
	return -1;
}
