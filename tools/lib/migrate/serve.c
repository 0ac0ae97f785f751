// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pages of the frozen container, which runs elsewhere by now or is about to, for those
 * who ask. The module writes them (PAGES with RANGES), straight from where they are and
 * with their hashes, as in any round: it can read what the container itself may not,
 * brings in what is swapped out, and copies nothing.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "../clock.h"
#include "serve.h"
#include "../lazy/peer.h"

/* Requests that may wait here at first: an agent has LM_ASK_MAX under way, and one for
 * each thread that waits, of which there may be many.
 */
#define QUEUE		4
/* Bytes that wait in the socket, where what is wanted cannot overtake them. */
#define UNSENT		(128 << 10)
#define TELL_MS		200

struct want {
	uint32_t mm;
	size_t n;
	struct livemig_range v[LM_ASK_RANGES];
};

struct queue {
	struct want *v;		/* a ring of @size */
	size_t size, first, n;
};

struct server {
	struct lm_source *s;
	struct lm_peer *p;
	struct queue now, later;
	struct lm_postcopy *pc;
};

int lm_serve_check(struct lm_source *s, const struct lm_peer *p, struct lm_error *e)
{
	struct lm_info info;

	if (!lm_peer_has(p, "postcopy"))
		return lm_fail(e, LM_REFUSED, "%s does not know post-copy: leave out --postcopy, or update it",
			       p->host);
	if (lm_nl_info(lm_source_nl(s), &info, e))
		return -1;
	if (!lm_names_have(info.features, "later"))
		return lm_fail(e, LM_REFUSED, "the module that is loaded here does not know post-copy: leave out --postcopy, or load a newer one");
	return 0;
}

static int grow(struct queue *q, struct lm_error *e)
{
	size_t size = q->size ? 2 * q->size : QUEUE;
	struct want *v = reallocarray(NULL, size, sizeof(*v));

	if (!v)
		return lm_fail(e, LM_FAILED, "out of memory");
	for (size_t i = 0; i < q->n; i++)
		v[i] = q->v[(q->first + i) % q->size];
	free(q->v);
	*q = (struct queue){ .v = v, .size = size, .n = q->n };
	return 0;
}

/* There is always room: an agent that cannot write what it wants would not read what
 * it gets.
 */
static int push(struct queue *q, const struct want *w, struct lm_error *e)
{
	if (q->n == q->size && grow(q, e))
		return -1;
	q->v[(q->first + q->n++) % q->size] = *w;
	return 0;
}

static const struct want *pop(struct queue *q)
{
	const struct want *w = q->n ? &q->v[q->first] : NULL;

	if (w) {
		q->first = (q->first + 1) % q->size;
		q->n--;
	}
	return w;
}

static int take_want(struct server *v, const struct lm_record *rec, struct lm_error *e)
{
	const struct nlattr *tb[LM_WANT_MAX + 1];
	const struct livemig_range *r;
	struct want w = { 0 };
	uint64_t pages = 0;

	if (lm_parse(rec->head, rec->head_len, tb, LM_WANT_MAX, e))
		return -1;
	if (!tb[LM_WANT_RANGES])
		return 0;
	r = lm_array(tb[LM_WANT_RANGES], sizeof(*r), &w.n);
	w.mm = lm_u32(tb[LM_WANT_MM]);
	for (size_t i = 0; r && i < w.n && i < LM_ASK_RANGES; i++) {
		w.v[i] = r[i];
		pages += (r[i].end - r[i].start) / LIVEMIG_REC_PAGE;
	}
	if (!r || !w.n || w.n > LM_ASK_RANGES || pages > LM_ASK_PAGES)
		return lm_fail(e, LM_FAILED, "malformed WANT");
	return push(tb[LM_WANT_NOW] ? &v->now : &v->later, &w, e);
}

static int answer(struct server *v, const struct want *w, bool now, struct lm_error *e)
{
	struct lm_stats st;

	if (lm_nl_pages_of(lm_source_nl(v->s), lm_source_session(v->s), v->p->out.fd,
			   w->mm, w->v, w->n, &st, e))
		return -1;
	*(now ? &v->pc->wanted : &v->pc->brought) += st.data + st.zero;
	return 0;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* Return: 1 when what was waited for has come. */
static int turn(struct server *v, uint16_t until, int timeout_ms, struct lm_error *e)
{
	const struct want *w;
	struct lm_record rec;
	bool now;

	/* All that was asked for so far is known before anything is answered. */
	while ((!v->now.n && !v->later.n) || readable(v->p->in.fd)) {
		if (lm_peer_take(v->p, &rec, timeout_ms, e))
			return -1;
		if (rec.type == until)
			return lm_peer_parse(v->p, &rec, e) ? -1 : 1;
		if (rec.type != LM_REC_WANT)
			return lm_fail(e, LM_FAILED, "%s: sent record type %u where WANT was due",
				       v->p->host, rec.type);
		if (take_want(v, &rec, e))
			return lm_prefix(e, "%s", v->p->host);
	}
	now = v->now.n;
	w = pop(now ? &v->now : &v->later);
	return answer(v, w, now, e);
}

int lm_serve_pages(struct lm_source *s, struct lm_peer *p, uint16_t until, int timeout_ms,
		   struct lm_postcopy *pc,
		   void (*told)(const struct lm_postcopy *pc, void *arg), void *arg,
		   struct lm_error *e)
{
	struct server v = { .s = s, .p = p, .pc = pc };
	int ret, unsent = UNSENT, patience = LM_SILENCE_MS;
	uint64_t last = 0;

	setsockopt(p->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	setsockopt(p->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience, sizeof(patience));
	do {
		if (told && lm_now_ms() - last > TELL_MS) {
			last = lm_now_ms();
			told(pc, arg);
		}
		ret = turn(&v, until, timeout_ms, e);
	} while (!ret);
	free(v.now.v);
	free(v.later.v);
	return ret < 0 ? -1 : 0;
}
