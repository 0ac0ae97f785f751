// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pages from the host where the memory was. What is asked for is written down by its
 * address there (missing.h), as it may be anywhere here when it comes: in a mapping
 * that has moved, in several processes that have forked, or nowhere.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../clock.h"
#include "lazy.h"
#include "peer.h"

#define PAGE	LIVEMIG_REC_PAGE
#define ADDR(x)	((x) & ~(uint64_t)(PAGE - 1))
/* Pages in a request that nobody waits for: the shorter, the sooner the next wanted
 * page has its turn.
 */
#define BRING	32
/* Pages that nobody needs any more, which are passed over before faults have their turn. */
#define SKIP	4096
/* Until something is said when nothing is to be said. */
#define ALIVE_MS	5000

static int ask(struct lm_lazy_peer *p, uint32_t mm, const struct livemig_range *v,
	       size_t n, bool wanted, struct lm_error *e)
{
	p->asked_ms = lm_now_ms();
	return p->link->ask(mm, v, n, wanted, p->link->arg, e);
}

/* ---- where it is here ---- */

/* The range of @m that lacks the page that was at @addr on the source. */
static const struct lm_todo_range *place(const struct lm_lazy_mem *m, uint64_t addr)
{
	const struct lm_todo_range *r = lm_todo_find(&m->todo, addr);

	if (r && r->from == r->start)
		return r;
	for (size_t i = 0; i < m->todo.n; i++) {
		r = &m->todo.v[i];
		if (r->from <= addr && addr - r->from < r->end - r->start)
			return r;
	}
	return NULL;
}

/* Does somebody? If not, *@next is the next page of which that is so. */
static bool is_needed(const struct lm_lazy *z, uint32_t mm, uint64_t addr, uint64_t *next)
{
	*next = UINT64_MAX;
	for (size_t i = 0; i < z->nr_mem; i++) {
		const struct lm_lazy_mem *m = &z->mem[i];

		if (m->mm != mm || m->gone)
			continue;
		if (place(m, addr))
			return true;
		for (size_t j = 0; j < m->todo.n; j++)
			if (m->todo.v[j].from > addr && m->todo.v[j].from < *next)
				*next = m->todo.v[j].from;
	}
	return false;
}

/* When nothing of @m is on its way, what is still to be done has no bytes. */
static void forget_if_all(struct lm_lazy *z, const struct lm_missing_mm *m)
{
	for (size_t i = 0; i < z->nr_mem && !m->left; i++)
		if (z->mem[i].mm == m->mm)
			lm_todo_free(&z->mem[i].todo);
}

/* ---- asking ---- */

static void change(struct lm_lazy_peer *p, struct lm_missing_mm *m, uint8_t *state,
		   enum lm_missing_state to)
{
	p->asked += (to == LM_MISSING_ASKED) - (*state == LM_MISSING_ASKED);
	p->wanted += (to == LM_MISSING_WANTED) - (*state == LM_MISSING_WANTED);
	m->left -= (to == LM_MISSING_NOT) - (*state == LM_MISSING_NOT);
	*state = to;
}

/* Somebody waits for a page. If it is on its way it may be a long one. */
static int get(struct lm_lazy *z, uint32_t mm, uint64_t addr, int max, int *n,
	       uint64_t *end, struct lm_error *e)
{
	struct lm_missing_mm *m = lm_missing_of(&z->peer->missing, mm);
	struct livemig_range r = { addr, addr };
	uint8_t *state;

	*n = 0;
	*end = UINT64_MAX;
	state = m ? lm_missing_find(m, addr, end) : NULL;
	if (!state)
		return LM_LAZY_DONE;
	if (*state == LM_MISSING_WANTED)
		return LM_LAZY_COMING;
	if (*state != LM_MISSING)
		max = 1;
	do {
		change(z->peer, m, state, LM_MISSING_WANTED);
		r.end += PAGE;
		state = --max > 0 ? lm_missing_find(m, r.end, end) : NULL;
	} while (state && *state == LM_MISSING);
	return ask(z->peer, mm, &r, 1, true, e) ? -1 : LM_LAZY_COMING;
}

/* One request. *@skipped: pages that were passed over. Return: 1; 0: there is nothing to
 * be asked for, or *@skipped is enough; -1.
 */
static int bring_some(struct lm_lazy *z, struct lm_missing_mm *m, size_t *skipped,
		      struct lm_error *e)
{
	struct livemig_range v[BRING];
	uint64_t addr, needed = 0;
	size_t n = 0, pages = 0;
	uint8_t *state;

	while (pages < BRING && *skipped < SKIP && (state = lm_missing_next(m, &addr))) {
		if (addr < needed || !is_needed(z, m->mm, addr, &needed)) {
			change(z->peer, m, state, LM_MISSING_NOT);
			++*skipped;
			continue;
		}
		needed = 0;
		change(z->peer, m, state, LM_MISSING_ASKED);
		if (n && v[n - 1].end == addr)
			v[n - 1].end += PAGE;
		else
			v[n++] = (struct livemig_range){ addr, addr + PAGE };
		pages++;
	}
	forget_if_all(z, m);
	if (!n)
		return 0;
	return ask(z->peer, m->mm, v, n, false, e) ? -1 : 1;
}

static int bring(struct lm_lazy *z, struct lm_error *e)
{
	struct lm_lazy_peer *p = z->peer;
	size_t skipped = 0;

	for (size_t i = 0; i < p->missing.n; i++)
		while (p->asked < LM_ASK_MAX * BRING) {
			int ret = bring_some(z, &p->missing.mm[i], &skipped, e);

			if (ret < 0)
				return -1;
			if (!ret)
				break;
		}
	return skipped < SKIP ? LM_LAZY_COMING : LM_LAZY_DONE;
}

/* ---- what comes ---- */

static unsigned int kind(const struct livemig_page_entry *x)
{
	return le64toh(x->addr) & LIVEMIG_PAGE_KIND_MASK;
}

static uint64_t pages(const struct livemig_page_entry *x)
{
	return kind(x) == LIVEMIG_PAGE_DATA ? 1 : le64toh(x->value);
}

/* Pages @from to @to of the entries, of which the first has its bytes at @bytes, to
 * where @m has them. Return: as lm_lazy_put().
 */
static int put_run(struct lm_lazy_mem *m, uint64_t addr, uint64_t n, const char *bytes,
		   struct lm_error *e)
{
	while (n) {
		const struct lm_todo_range *r = place(m, addr);
		uint64_t at = r ? r->start + (addr - r->from) : 0, some = 1;
		int ret = LM_LAZY_DONE;

		if (r) {
			some = (r->end - at) / PAGE < n ? (r->end - at) / PAGE : n;
			if (bytes)
				ret = lm_lazy_put(m, at, bytes, some, e);
			else if (lm_todo_cut(&m->todo, at, at + some * PAGE))
				ret = lm_fail(e, LM_FAILED, "out of memory");
		}
		if (ret != LM_LAZY_DONE)
			return ret;
		addr += some * PAGE;
		bytes = bytes ? bytes + some * PAGE : NULL;
		n -= some;
	}
	return LM_LAZY_DONE;
}

static int put_all(struct lm_lazy_peer *p, struct lm_lazy_mem *m, struct lm_error *e)
{
	const char *bytes = p->page;
	uint32_t i, run;

	for (i = 0; i < p->nr_entries && !m->gone; i += run) {
		const struct livemig_page_entry *x = &p->entry[i];
		bool data = kind(x) == LIVEMIG_PAGE_DATA;
		int ret;

		for (run = 1; data && i + run < p->nr_entries; run++)
			if (le64toh(x[run].addr) != le64toh(x->addr) + run * PAGE)
				break;
		ret = put_run(m, ADDR(le64toh(x->addr)), data ? run : pages(x),
			      data ? bytes : NULL, e);
		if (ret != LM_LAZY_DONE)
			return ret;
		bytes += data ? run * PAGE : 0;
	}
	return LM_LAZY_DONE;
}

/* Events tell of who has forked and what has moved meanwhile: if one is to be read
 * first all is tried again, and finds done what is done.
 */
static int deliver(struct lm_lazy *z, struct lm_error *e)
{
	struct lm_lazy_peer *p = z->peer;
	struct lm_missing_mm *m = lm_missing_of(&p->missing, p->mm);
	uint64_t end;

	for (size_t i = 0; i < z->nr_mem; i++)
		if (z->mem[i].mm == p->mm) {
			int ret = put_all(p, &z->mem[i], e);

			if (ret != LM_LAZY_DONE)
				return ret;
		}
	for (uint32_t i = 0; i < p->nr_entries; i++) {
		uint64_t addr = ADDR(le64toh(p->entry[i].addr));

		for (uint64_t n = pages(&p->entry[i]); n--; addr += PAGE)
			change(p, m, lm_missing_find(m, addr, &end), LM_MISSING_NOT);
	}
	p->nr_entries = 0;
	z->from_fd = p->link->fd;
	forget_if_all(z, m);
	return LM_LAZY_DONE;
}

/* It is something that was asked for, and has the right bytes. */
static int check_record(struct lm_lazy_peer *p, const struct lm_record *rec,
			struct lm_error *e)
{
	const struct livemig_page_entry *x;
	const struct livemig_pages *head;
	struct lm_missing_mm *m;
	uint64_t addr, all = 0, end;
	char *page = p->page;
	uint8_t *state;
	uint32_t n;

	if (lm_pages_check(rec, &head, &x, &n, e))
		return -1;
	p->mm = le32toh(head->id);
	m = le32toh(head->space) == LIVEMIG_PAGES_SPACE_MM ?
	    lm_missing_of(&p->missing, p->mm) : NULL;
	if (!m || n > LM_ASK_PAGES)
		return lm_fail(e, LM_FAILED, "pages came that nobody has asked for");
	memcpy(p->entry, x, n * sizeof(*x));
	for (uint32_t i = 0; i < n; i++) {
		all += pages(&p->entry[i]);
		addr = ADDR(le64toh(p->entry[i].addr));
		for (uint64_t k = 0; k < pages(&p->entry[i]) && all <= LM_ASK_PAGES; k++) {
			state = lm_missing_find(m, addr + k * PAGE, &end);
			if (!state || *state == LM_MISSING)
				all = UINT64_MAX / 2;
		}
		if (all > LM_ASK_PAGES || kind(&p->entry[i]) > LIVEMIG_PAGE_ZERO)
			return lm_fail(e, LM_FAILED, "the page at %#" PRIx64 " of memory %u came, which nobody has asked for",
				       addr, p->mm);
	}
	if (lm_in_payload(p->link->in, p->page, rec->payload_len, e))
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		if (kind(&p->entry[i]) != LIVEMIG_PAGE_DATA)
			continue;
		if (lm_lazy_verify(page, le64toh(p->entry[i].value), p->mm,
				   ADDR(le64toh(p->entry[i].addr)), e))
			return -1;
		page += PAGE;
	}
	p->nr_entries = n;
	return 0;
}

static int still_there(struct lm_lazy_peer *p, struct lm_error *e)
{
	uint64_t now = lm_now_ms();

	if (now - p->asked_ms > ALIVE_MS && ask(p, 0, NULL, 0, false, e))
		return -1;
	if (!(p->asked + p->wanted))
		p->heard_ms = now;
	if (now - p->heard_ms > LM_SILENCE_MS)
		return lm_fail(e, LM_FAILED, "no page has come for %d s", LM_SILENCE_MS / 1000);
	return LM_LAZY_DONE;
}

static int take(struct lm_lazy *z, bool readable, struct lm_error *e)
{
	struct lm_lazy_peer *p = z->peer;
	struct lm_record rec;
	int ret;

	if (p->nr_entries) {
		/* (that nothing comes meanwhile is our doing) */
		p->heard_ms = lm_now_ms();
		ret = deliver(z, e);
		return ret == LM_LAZY_AGAIN && still_there(p, e) ? -1 : ret;
	}
	if (!readable)
		return still_there(p, e);
	p->heard_ms = lm_now_ms();
	ret = p->link->next(&rec, p->link->arg, e);
	if (ret <= 0)
		return ret;
	if (check_record(p, &rec, e))
		return -1;
	z->from_fd = -1;
	return deliver(z, e);
}

const struct lm_lazy_from lm_lazy_from_peer = {
	.what = "post-copy",
	.get = get,
	.bring = bring,
	.take = take,
};
