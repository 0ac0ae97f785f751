// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Netlink attributes in memory: writing them into a growing buffer, and reading
 * them from bytes that nobody has checked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

void lm_buf_free(struct lm_buf *b)
{
	free(b->data);
	memset(b, 0, sizeof(*b));
}

/* Room for @len more bytes, zeroed. */
static void *grow(struct lm_buf *b, size_t len)
{
	void *p;

	if (b->oom || b->too_long)
		return NULL;
	if (b->len + len > b->cap) {
		size_t cap = b->cap ? b->cap : 512;

		while (cap < b->len + len)
			cap *= 2;
		p = realloc(b->data, cap);
		if (!p) {
			b->oom = true;
			return NULL;
		}
		b->data = p;
		b->cap = cap;
	}
	p = (char *)b->data + b->len;
	memset(p, 0, len);
	b->len += len;
	return p;
}

void lm_buf_add(struct lm_buf *b, const void *data, size_t len)
{
	void *p = grow(b, len);

	if (p && len)
		memcpy(p, data, len);
}

void lm_put(struct lm_buf *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a;

	if (len > UINT16_MAX - NLA_HDRLEN) {
		b->too_long = true;
		return;
	}
	a = grow(b, NLA_ALIGN(NLA_HDRLEN + len));
	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	if (len)
		memcpy((char *)a + NLA_HDRLEN, data, len);
}

void lm_put_u32(struct lm_buf *b, uint16_t type, uint32_t v)
{
	lm_put(b, type, &v, sizeof(v));
}

void lm_put_u64(struct lm_buf *b, uint16_t type, uint64_t v)
{
	lm_put(b, type, &v, sizeof(v));
}

void lm_put_str(struct lm_buf *b, uint16_t type, const char *s)
{
	lm_put(b, type, s, strlen(s) + 1);
}

void lm_put_flag(struct lm_buf *b, uint16_t type)
{
	lm_put(b, type, NULL, 0);
}

size_t lm_nest_start(struct lm_buf *b, uint16_t type)
{
	size_t mark = b->len;

	lm_put(b, type | NLA_F_NESTED, NULL, 0);
	return mark;
}

void lm_nest_end(struct lm_buf *b, size_t mark)
{
	struct nlattr *a;

	if (b->oom || b->too_long)
		return;
	if (b->len - mark > UINT16_MAX) {
		b->too_long = true;
		return;
	}
	a = (struct nlattr *)((char *)b->data + mark);
	a->nla_len = b->len - mark;
}

/* The attribute at @pos, or NULL when no whole one is there. */
static const struct nlattr *at(const void *attrs, size_t len, size_t pos)
{
	const struct nlattr *a = (const void *)((const char *)attrs + pos);

	if (pos > len || len - pos < NLA_HDRLEN || a->nla_len < NLA_HDRLEN ||
	    a->nla_len > len - pos)
		return NULL;
	return a;
}

const struct nlattr *lm_next(const void *attrs, size_t len,
			     const struct nlattr *prev)
{
	size_t pos = 0;

	if (prev)
		pos = (const char *)prev - (const char *)attrs +
		      NLA_ALIGN(prev->nla_len);
	return at(attrs, len, pos);
}

uint16_t lm_type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

int lm_parse(const void *attrs, size_t len, const struct nlattr **tb, int max,
	     struct lm_error *e)
{
	size_t pos = 0;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	while (pos < len) {
		const struct nlattr *a = at(attrs, len, pos);

		if (!a)
			return lm_fail(e, LM_REFUSED,
				       "malformed attribute at byte %zu of %zu",
				       pos, len);
		if (lm_type(a) <= max)
			tb[lm_type(a)] = a;
		pos += NLA_ALIGN(a->nla_len);
	}
	return 0;
}

const void *lm_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

size_t lm_len(const struct nlattr *a)
{
	return a ? a->nla_len - NLA_HDRLEN : 0;
}

uint32_t lm_u32(const struct nlattr *a)
{
	uint32_t v = 0;

	if (lm_len(a) >= sizeof(v))
		memcpy(&v, lm_data(a), sizeof(v));
	return v;
}

int32_t lm_s32(const struct nlattr *a)
{
	return (int32_t)lm_u32(a);
}

uint64_t lm_u64(const struct nlattr *a)
{
	uint64_t v;

	if (lm_len(a) < sizeof(v))
		return lm_u32(a);
	memcpy(&v, lm_data(a), sizeof(v));
	return v;
}

const char *lm_str(const struct nlattr *a)
{
	size_t len = lm_len(a);

	if (!len || strnlen(lm_data(a), len) != len - 1)
		return NULL;
	return lm_data(a);
}

const void *lm_array(const struct nlattr *a, size_t size, size_t *n)
{
	*n = 0;
	if (!a || lm_len(a) % size)
		return NULL;
	*n = lm_len(a) / size;
	return lm_data(a);
}
