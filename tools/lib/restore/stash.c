// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pages that came before their mapping: a hash table from where they belong
 * to their bytes. The newest wins.
 */
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define PAGE LIVEMIG_REC_PAGE

struct lm_stash_page {
	struct lm_stash_page *next;
	uint64_t addr;
	uint32_t space, id;
	bool zero;
	unsigned char bytes[];
};

static size_t slot(const struct lm_stash *s, uint32_t space, uint32_t id,
		   uint64_t addr)
{
	uint64_t h = (addr / PAGE + ((uint64_t)id << 40) + space) *
		     0x9e3779b97f4a7c15ULL;

	return (h >> 32) & (s->nr_buckets - 1);
}

static struct lm_stash_page **find(const struct lm_stash *s, uint32_t space,
				   uint32_t id, uint64_t addr)
{
	struct lm_stash_page **p;

	for (p = &s->bucket[slot(s, space, id, addr)]; *p; p = &(*p)->next)
		if ((*p)->addr == addr && (*p)->id == id && (*p)->space == space)
			break;
	return p;
}

static int grow(struct lm_stash *s)
{
	struct lm_stash big = { .nr_buckets = s->nr_buckets * 2 ?: 1024 };

	big.bucket = calloc(big.nr_buckets, sizeof(*big.bucket));
	if (!big.bucket)
		return -1;
	for (size_t i = 0; i < s->nr_buckets; i++) {
		for (struct lm_stash_page *p = s->bucket[i], *next; p; p = next) {
			size_t to = slot(&big, p->space, p->id, p->addr);

			next = p->next;
			p->next = big.bucket[to];
			big.bucket[to] = p;
		}
	}
	free(s->bucket);
	s->bucket = big.bucket;
	s->nr_buckets = big.nr_buckets;
	return 0;
}

static void drop(struct lm_stash *s, struct lm_stash_page **p)
{
	struct lm_stash_page *gone = *p;

	*p = gone->next;
	free(gone);
	s->nr_pages--;
}

int lm_stash_put(struct lm_stash *s, uint32_t space, uint32_t id, uint64_t addr,
		 const void *page, struct lm_error *e)
{
	struct lm_stash_page **at, *p;

	if (s->nr_pages >= s->nr_buckets && grow(s))
		return lm_fail(e, LM_FAILED, "out of memory");
	at = find(s, space, id, addr);
	if (*at)
		drop(s, at);
	p = malloc(sizeof(*p) + (page ? PAGE : 0));
	if (!p)
		return lm_fail(e, LM_FAILED, "out of memory");
	p->addr = addr;
	p->space = space;
	p->id = id;
	p->zero = !page;
	if (page)
		memcpy(p->bytes, page, PAGE);
	p->next = *at;
	*at = p;
	s->nr_pages++;
	return 0;
}

bool lm_stash_has(const struct lm_stash *s, uint32_t space, uint32_t id,
		  uint64_t addr)
{
	return s->nr_pages && *find(s, space, id, addr);
}

bool lm_stash_get(const struct lm_stash *s, uint32_t space, uint32_t id,
		  uint64_t addr, void *page)
{
	const struct lm_stash_page *p;

	if (!s->nr_pages)
		return false;
	p = *find(s, space, id, addr);
	if (p && p->zero)
		memset(page, 0, PAGE);
	else if (p)
		memcpy(page, p->bytes, PAGE);
	return p;
}

void lm_stash_del(struct lm_stash *s, uint32_t space, uint32_t id, uint64_t addr,
		  uint64_t pages)
{
	if (pages > s->nr_buckets) {	/* it is shorter through what is there */
		for (size_t i = 0; i < s->nr_buckets; i++) {
			struct lm_stash_page **p = &s->bucket[i];

			while (*p)
				if ((*p)->space == space && (*p)->id == id &&
				    (*p)->addr >= addr &&
				    ((*p)->addr - addr) / PAGE < pages)
					drop(s, p);
				else
					p = &(*p)->next;
		}
		return;
	}
	for (; pages && s->nr_pages; pages--, addr += PAGE) {
		struct lm_stash_page **p = find(s, space, id, addr);

		if (*p)
			drop(s, p);
	}
}

int lm_stash_each(struct lm_stash *s,
		  int (*use)(uint32_t space, uint32_t id, uint64_t addr,
			     const void *page, void *arg), void *arg)
{
	for (size_t i = 0; i < s->nr_buckets; i++) {
		struct lm_stash_page **p = &s->bucket[i];

		while (*p) {
			int ret = use((*p)->space, (*p)->id, (*p)->addr,
				      (*p)->zero ? NULL : (*p)->bytes, arg);

			if (ret < 0)
				return ret;
			if (ret)
				drop(s, p);
			else
				p = &(*p)->next;
		}
	}
	return 0;
}

void lm_stash_free(struct lm_stash *s)
{
	for (size_t i = 0; i < s->nr_buckets; i++)
		while (s->bucket[i])
			drop(s, &s->bucket[i]);
	free(s->bucket);
	memset(s, 0, sizeof(*s));
}
