// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Post-copy: pages that the last round has only named. What we have of them is old,
 * and goes, so that whoever touches them waits for those to come; what cannot come
 * after the tasks run (lazy.c says what) is fetched before.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
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

static int add(struct later *t, struct lm_missing *x, uint64_t start, uint64_t end)
{
	int ret = lm_missing_add(x, t->mm, start, end);

	if (ret == -EINVAL)
		return lm_fail(t->e, LM_FAILED, "pages of memory %u are named in disorder, or twice",
			       t->mm);
	return ret ? no_memory(t) : 0;
}

/* It can wait. */
static int later(struct later *t, uint64_t start, uint64_t end)
{
	if (!lm_batch_room(t->b, 1, 0) && run(t))
		return -1;
	lm_batch_add(t->b, __NR_madvise, start, end - start, MADV_DONTNEED);
	t->calls++;
	return add(t, &t->r->lazy->z.peer->missing, start, end);
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
		ret = v && lm_lazy_vma(v) ? later(t, start, to) :
				    add(t, &t->r->lazy->now, start, to);
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

/* The next request, of @m. Return: pages in it; 0: all has been asked for; -1. */
static int ask(const struct lm_lazy_link *link, struct lm_missing_mm *m, struct lm_error *e)
{
	struct livemig_range v[LM_ASK_PAGES];
	int n = 0, pages = 0;
	uint64_t addr;
	uint8_t *state;

	while (pages < LM_ASK_PAGES && (state = lm_missing_next(m, &addr))) {
		*state = LM_MISSING_ASKED;
		if (n && v[n - 1].end == addr)
			v[n - 1].end += PAGE;
		else
			v[n++] = (struct livemig_range){ addr, addr + PAGE };
		pages++;
	}
	return n && link->ask(m->mm, v, n, true, link->arg, e) ? -1 : pages;
}

/* Each of them was asked for, and comes once. Return: how many they are, or -1. */
static int tick_off(struct lm_missing *x, const struct lm_record *rec, struct lm_error *e)
{
	const struct livemig_page_entry *p;
	const struct livemig_pages *head;
	struct lm_missing_mm *m;
	uint64_t addr, end, n;
	uint8_t *state;
	uint32_t nr;
	int all = 0;

	if (lm_pages_check(rec, &head, &p, &nr, e))
		return -1;
	m = le32toh(head->space) == LIVEMIG_PAGES_SPACE_MM ?
	    lm_missing_of(x, le32toh(head->id)) : NULL;
	for (uint32_t i = 0; i < nr; i++) {
		addr = le64toh(p[i].addr);
		if ((addr & LIVEMIG_PAGE_KIND_MASK) > LIVEMIG_PAGE_ZERO)
			return lm_fail(e, LM_FAILED, "pages came without their bytes");
		n = addr & LIVEMIG_PAGE_KIND_MASK ? le64toh(p[i].value) : 1;
		for (addr &= -(uint64_t)PAGE; n--; addr += PAGE, all++) {
			state = m ? lm_missing_find(m, addr, &end) : NULL;
			if (!state || *state != LM_MISSING_ASKED)
				return lm_fail(e, LM_FAILED, "the page at %#" PRIx64 " of memory %u came, which nobody has asked for",
					       addr, le32toh(head->id));
			*state = LM_MISSING_NOT;
			m->left--;
		}
	}
	return all;
}

static int answer(struct lm_restorer *r, struct lm_error *e)
{
	const struct lm_lazy_link *link = r->o.link;
	struct lm_record rec;
	int ret;

	do
		ret = link->next(&rec, link->arg, e);
	while (!ret);
	ret = ret < 0 ? -1 : tick_off(&r->lazy->now, &rec, e);
	return ret < 0 || lm_pages_record(r, link->in, &rec, e) ? -1 : ret;
}

int lm_later_fetch(struct lm_restorer *r, struct lm_error *e)
{
	struct lm_lazy_restore *l = r->lazy;
	size_t i = 0, due = 0;
	int n;

	if (!l || !l->z.peer)
		return 0;
	if (lm_missing_ready(&l->z.peer->missing) || lm_missing_ready(&l->now))
		return lm_fail(e, LM_FAILED, "out of memory");
	while (i < l->now.n || due) {
		while (i < l->now.n && due <= (FETCHES - 1) * LM_ASK_PAGES) {
			n = ask(r->o.link, &l->now.mm[i], e);
			if (n < 0)
				return -1;
			due += n;
			i += !n;
		}
		n = due ? answer(r, e) : 0;
		if (n < 0)
			return -1;
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
	l->net = r->net;
	r->net = NULL;
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
