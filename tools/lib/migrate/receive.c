// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The agent's half of a migration: one process a connection. It is the
 * coordinator of the restore, so that its death before the commit removes
 * all that it built. After a post-copy it stays until all memory is there; its death
 * is that of the container then.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arrive.h"
#include "journal.h"
#include "migrate.h"
#include "survivors.h"
#include "wire.h"
#include "../net/packets.h"

/* The source may be busy in a round; but a dead one must not hold pids and
 * memory here for ever.
 */
#define RECORD_MS	120000
#define COMMIT_MS	120000
#define OFFER_MS	30000	/* connections that want nothing are in the way */
#define QUERY_WAIT_MS	30000
#define PACKETS_MS	2000	/* those that come after RUNNING */
#define PACKETS_MAX	(16 << 20)
#define DYING_MS	3000	/* until the last of those to be killed has been */

static void __attribute__((format(printf, 2, 3)))
say(const struct lm_agent_opts *o, const char *fmt, ...)
{
	char line[1200];
	va_list ap;

	if (!o->log)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	o->log(line, o->arg);
}

/* Bytes that this host could give without swapping. */
static uint64_t memory_free(void)
{
	unsigned long long kb = 0;
	char line[128];
	FILE *f = fopen("/proc/meminfo", "re");

	if (!f)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kb) == 1)
			break;
	fclose(f);
	return kb ? kb << 10 : UINT64_MAX;
}

/*
 * It died between its promise and its word. Parked tasks were killed before the lock was
 * free; released ones run on. (The pid of the first may be somebody else's by now, or that
 * one may have ended and left others.) Return: -1 when it cannot be said.
 */
static int survived(const struct lm_journal *j, struct lm_error *e)
{
	struct stat st;
	int ret;

	if (!*j->dir)
		return lm_fail(e, LM_FAILED, "%s: the agent was another version then", j->name);
	/* (another one by that name is not ours) */
	if (!stat(j->dir, &st) && st.st_ino != j->cgroup)
		return 0;
	ret = lm_survivors(j->dir);
	for (int ms = 0; ret > 0 && ms < DYING_MS; ms += 50) {
		usleep(50000);
		ret = lm_survivors(j->dir);
	}
	return ret < 0 ? lm_fail_errno(e, LM_FAILED, "%s: whether it runs", j->name) : ret;
}

static int query(struct lm_peer *p, const uint8_t *id, struct lm_error *e)
{
	const char *state = "discarded";
	struct lm_buf b = { 0 };
	struct lm_journal j;
	int ret, runs;

	ret = lm_journal_read(&j, "agent", id, QUERY_WAIT_MS, e);
	if (ret < 0)
		return -1;
	runs = ret && !strcmp(j.state, "running");
	if (ret && (!strcmp(j.state, "committing") || !strcmp(j.state, "arriving")))
		runs = survived(&j, e);
	if (runs < 0) {
		lm_journal_close(&j, false);
		return -1;	/* no answer: it asks again */
	}
	if (!ret)
		state = "unknown";
	else if (runs)
		state = "running";
	else if (!strcmp(j.state, "arriving") || !strcmp(j.state, "lost"))
		state = "lost";
	if (ret)
		lm_journal_close(&j, false);
	lm_put(&b, LM_WIRE_ID, id, 16);
	lm_put_str(&b, LM_WIRE_STATE, state);
	return lm_out_buf(&p->out, LM_REC_STATE, &b, e);
}

static int accept_offer(struct lm_peer *p, const uint8_t *id, struct lm_error *e)
{
	uint64_t need = lm_u64(p->tb[LM_WIRE_BYTES]), have = memory_free();

	if (p->tb[LM_WIRE_POSTCOPY] && lm_arrive_check(e))
		return -1;
	if (need > have)
		return lm_fail(e, LM_REFUSED,
			       "needs %llu MB of memory, %llu MB are free; make room there, or use another host",
			       (unsigned long long)(need >> 20),
			       (unsigned long long)(have >> 20));
	return lm_peer_say(p, LM_REC_ACCEPT, id, e);
}

static int round_ok(struct lm_peer *p, uint32_t nr, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LM_WIRE_ROUND, nr);
	return lm_out_buf(&p->out, LM_REC_ROUND_OK, &b, e);
}

/* Take the image's records until all is in place. */
static int fill(struct lm_peer *p, struct lm_restorer *r, struct lm_arrive *a,
		struct lm_error *e)
{
	const struct nlattr *tb[LM_ROUND_MAX + 1];
	bool final = false;
	uint32_t nr = 0;
	struct lm_record rec;
	uint16_t type;

	while (!lm_restorer_ready(r)) {
		if (lm_peer_take(p, &rec, RECORD_MS, e))
			return -1;
		type = rec.type;
		if (type == LM_REC_FRAMES) {
			if (lm_peer_decompress(p, e))
				return -1;
			continue;
		}
		if (type >= LM_REC_HELLO)
			return lm_fail(e, LM_FAILED,
				       "record type %u in the middle of the image",
				       type);
		if (type == LM_REC_ROUND) {
			if (lm_parse(rec.head, rec.head_len, tb, LM_ROUND_MAX, e))
				return -1;
			final = tb[LM_ROUND_FINAL];
			if (final)
				lm_arrive_from(a);
			nr = lm_u32(tb[LM_ROUND_NR]);
		}
		if (lm_restorer_record(r, &p->in, &rec, e))
			return -1;
		if (type == LM_REC_ROUND_END) {
			lm_step_reached(final ? LM_STEP_FROZEN : LM_STEP_ROUND);
			if (!final && round_ok(p, nr, e))
				return -1;
		}
	}
	return 0;
}

/* ---- packets that came for it while it was stopped ---- */

/* PACKET records one after the other. */
struct waiting {
	struct lm_packets *way;		/* into the container; NULL: it has none */
	struct packet {
		struct packet *next;
		size_t len;
		char head[];
	} *first, **end;
	size_t len;
};

static void deliver(struct waiting *w, const void *head, size_t len)
{
	const struct nlattr *tb[LM_PACKET_MAX + 1];

	if (!w->way || lm_parse(head, len, tb, LM_PACKET_MAX, NULL) ||
	    !lm_str(tb[LM_PACKET_DEV]))
		return;
	lm_packets_deliver(lm_str(tb[LM_PACKET_DEV]), lm_data(tb[LM_PACKET_BYTES]),
			   lm_len(tb[LM_PACKET_BYTES]), w->way);
}

static void wait_for_later(struct waiting *w, const struct lm_record *rec)
{
	struct packet *one;

	if (w->len + rec->head_len > PACKETS_MAX)
		return;
	one = malloc(sizeof(*one) + rec->head_len);
	if (!one)
		return;
	one->next = NULL;
	one->len = rec->head_len;
	memcpy(one->head, rec->head, rec->head_len);
	*w->end = one;
	w->end = &one->next;
	w->len += rec->head_len;
}

static void end_waiting(struct waiting *w, bool runs)
{
	struct packet *one;

	while ((one = w->first)) {
		w->first = one->next;
		if (runs)
			deliver(w, one->head, one->len);
		free(one);
	}
}

/* Those that went to the old place until the neighbours knew the new one. */
static void late_packets(struct lm_peer *p, struct waiting *w)
{
	struct lm_error why = { 0 };
	struct lm_record rec;

	while (!lm_peer_take(p, &rec, PACKETS_MS, &why) && rec.type == LM_REC_PACKET)
		deliver(w, rec.head, rec.head_len);
}

static int expect_commit(struct lm_peer *p, struct waiting *w, struct lm_error *e)
{
	struct lm_record rec;

	do {
		if (lm_peer_take(p, &rec, COMMIT_MS, e))
			return -1;
		if (rec.type == LM_REC_PACKET)
			wait_for_later(w, &rec);
	} while (rec.type == LM_REC_PACKET);
	if (rec.type != LM_REC_COMMIT)
		return lm_fail(e, LM_FAILED, "record type %u where COMMIT was due",
			       rec.type);
	return lm_peer_parse(p, &rec, e);
}

/* Post-copy: all that is still missing. What else comes are packets. */
static int packet(const struct lm_record *rec, void *arg, struct lm_error *e)
{
	if (rec->type != LM_REC_PACKET)
		return lm_fail(e, LM_FAILED, "record type %u where PAGES were due", rec->type);
	deliver(arg, rec->head, rec->head_len);
	return 0;
}

static int arrive(struct lm_peer *p, struct lm_lazy_restore *l, struct lm_journal *j,
		  struct lm_arrive *a, struct waiting *w, struct lm_error *e)
{
	int ret;

	a->other = packet;
	a->arg = w;
	ret = lm_arriving_run(l, e);
	lm_arriving_free(l);		/* if it failed nobody of it is left now */
	lm_journal_state(j, ret ? "lost" : "running", NULL);
	if (!ret)
		lm_step_reached(LM_STEP_ARRIVED);
	/* (who does not hear it asks) */
	if (!ret)
		lm_peer_say(p, LM_REC_ARRIVED, j->id, NULL);
	return ret;
}

/* A restorer and its journal. */
struct going {
	struct lm_restorer *r;
	struct lm_journal *j;
};

/* Before they go: who dies in between cannot say afterwards whether it ran. */
static int going(void *arg, struct lm_error *e)
{
	const struct going *g = arg;

	lm_step_reached(LM_STEP_GOING);
	return lm_restorer_lacks(g->r) ? lm_journal_state(g->j, "arriving", e) : 0;
}

static int let_run(struct lm_peer *p, struct lm_restorer *r, struct lm_journal *j,
		   struct waiting *w, struct lm_error *e)
{
	struct lm_buf b = { 0 };
	struct stat st;
	uint8_t id[16];

	lm_step_reached(LM_STEP_READY);
	if (lm_journal_state(j, "ready", e) ||
	    lm_peer_say(p, LM_REC_READY, j->id, e) || expect_commit(p, w, e) ||
	    lm_peer_id(p, id, e))
		return -1;
	if (memcmp(id, j->id, sizeof(id)))
		return lm_fail(e, LM_FAILED, "COMMIT of another migration");
	j->pid = lm_restorer_pid(r);
	snprintf(j->dir, sizeof(j->dir), "%s", lm_restorer_cgroup(r));
	j->cgroup = stat(j->dir, &st) ? 0 : st.st_ino;
	if (lm_journal_state(j, "committing", e))
		return -1;
	lm_step_reached(LM_STEP_COMMITTED);
	if (lm_restore_commit(r, e))
		return -1;
	end_waiting(w, true);
	lm_step_reached(LM_STEP_RUNNING);
	/* It runs: whatever fails now is found out by QUERY. */
	if (!lm_restorer_lacks(r))
		lm_journal_state(j, "running", NULL);
	lm_put(&b, LM_WIRE_ID, j->id, 16);
	lm_put_u32(&b, LM_WIRE_PID, j->pid);
	lm_out_buf(&p->out, LM_REC_RUNNING, &b, NULL);
	return 0;
}

/* Frees the restorer, as soon as nothing of it is needed: it has all files of the
 * container open.
 */
static int commit(struct lm_peer *p, struct lm_restorer **r, struct lm_journal *j,
		  struct lm_arrive *a, const struct lm_agent_opts *o, struct lm_error *e)
{
	struct waiting w = { .end = &w.first };
	struct lm_lazy_restore *l;
	int ret;

	if (lm_restorer_netns(*r) >= 0)
		lm_packets_open(lm_restorer_netns(*r), &w.way, NULL);
	ret = let_run(p, *r, j, &w, e);
	l = lm_restorer_arriving(*r);
	if (!ret && l) {
		lm_restorer_free(*r);
		*r = NULL;
		say(o, "%s from %s: running as pid %d, memory follows", j->name, p->host,
		    j->pid);
		ret = arrive(p, l, j, a, &w, e);
		if (!ret)
			say(o, "%s from %s: all of its memory is here", j->name, p->host);
	} else if (!ret) {
		say(o, "%s from %s: running as pid %d", j->name, p->host, j->pid);
		lm_restorer_free(*r);
		*r = NULL;
		late_packets(p, &w);
	}
	end_waiting(&w, false);
	lm_packets_close(w.way);
	return ret;
}

static int receive(struct lm_peer *p, const struct lm_agent_opts *o,
		   struct lm_error *e)
{
	struct lm_journal j;
	struct going g = { .j = &j };
	struct lm_restore_opts ro = {
		.net_parent = o->net_parent, .live = true, .going = going, .arg = &g,
	};
	struct lm_restorer *r = NULL;
	struct lm_arrive a;
	char name[PATH_MAX];
	const char *s;
	uint8_t id[16];
	int ret = -1;

	if (lm_peer_id(p, id, e))
		return -1;
	s = lm_str(p->tb[LM_WIRE_NAME]);
	snprintf(name, sizeof(name), "%s", s ? s : "?");
	if (lm_journal_begin(&j, "agent", id, name, p->host, "receiving", e))
		return -1;
	lm_arrive_init(&a, p);
	if (p->tb[LM_WIRE_POSTCOPY])
		ro.link = &a.link;
	if (accept_offer(p, id, e) || lm_restorer_new(&r, &ro, e))
		goto out;
	g.r = r;
	lm_step_reached(LM_STEP_OFFERED);
	say(o, "%s from %s: receiving", name, p->host);
	if (fill(p, r, &a, e) || commit(p, &r, &j, &a, o, e))
		goto out;
	ret = 0;
out:
	lm_restorer_free(r);
	/* Only now is it certain that nothing of it is left here. */
	if (ret && strcmp(j.state, "lost"))
		lm_journal_state(&j, "discarded", NULL);
	lm_journal_close(&j, false);
	return ret;
}

int lm_agent_serve(int fd, const struct lm_agent_opts *o, struct lm_error *e)
{
	struct lm_nl *nl = NULL;
	struct lm_record rec;
	struct lm_peer p;
	uint8_t id[16];
	int ret = -1;

	lm_peer_init(&p, fd);
	if (lm_nl_open(&nl, e) || lm_peer_hello(&p, nl, true, e))
		goto out;
	lm_step_reached(LM_STEP_CONNECTED);
	do {
		if (lm_peer_take(&p, &rec, OFFER_MS, e))
			goto out;
		if (rec.type == LM_REC_ECHO && lm_peer_echo(&p, e))
			goto out;
	} while (rec.type == LM_REC_ECHO);
	if (lm_peer_parse(&p, &rec, e))
		goto out;
	if (rec.type == LM_REC_QUERY)
		ret = lm_peer_id(&p, id, e) ? -1 : query(&p, id, e);
	else if (rec.type == LM_REC_OFFER)
		ret = receive(&p, o, e);
	else
		lm_fail(e, LM_REFUSED, "record type %u where OFFER or QUERY was due",
			rec.type);
out:
	if (ret) {
		lm_peer_abort(&p, e);
		say(o, "%s: %s", p.host[0] ? p.host : "connection", e->msg);
	}
	if (nl)
		lm_nl_close(nl);
	lm_peer_close(&p);
	return ret;
}
