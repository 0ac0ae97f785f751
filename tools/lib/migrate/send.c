// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The source's half of a migration. Up to the moment before COMMIT is sent every
 * failure, and the death of this process, lets the container run on here. From then
 * on it stays frozen until the agent says what became of it: the session is made
 * persistent, so that it outlives this process too.
 * Post-copy: when it runs there without all of its memory, which is here, it never
 * runs here again, whatever happens.
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "journal.h"
#include "migrate.h"
#include "serve.h"
#include "survivors.h"
#include "throttle.h"
#include "wire.h"
#include "../clock.h"
#include "../lazy/peer.h"
#include "../net/packets.h"
#include "../net/rtnl.h"
#include "../target.h"

#define CONNECT_MS	10000
#define ANSWER_MS	60000
/* How long the outcome of a COMMIT is asked for before an operator has to. */
#define RECOVER_S	60
/* Refused because of something that passes, such as a connection that nobody
 * accepted yet: how often the freeze is tried.
 */
#define FREEZE_TRIES	20

static void step(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
		 enum lm_migrate_step s)
{
	if (o->progress)
		o->progress(s, r->nr_rounds ? &r->rounds[r->nr_rounds - 1] : NULL,
			    r->nr_rounds, o->arg);
	lm_step_reached(s);
}

static uint64_t tcp_bytes(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_bytes_acked + info.tcpi_notsent_bytes;
}

static int offer(struct lm_peer *p, struct lm_source *s, uint8_t *id, bool postcopy,
		 struct lm_error *e)
{
	struct lm_stats st = { 0 };
	struct lm_buf b = { 0 };

	if (lm_nl_pages(lm_source_nl(s), lm_source_session(s), -1,
			LIVEMIG_PAGES_F_COUNT, &st, e))
		return -1;
	lm_put(&b, LM_WIRE_ID, id, 16);
	lm_put_str(&b, LM_WIRE_NAME, lm_source_name(s));
	lm_put_u64(&b, LM_WIRE_BYTES, st.present * LIVEMIG_REC_PAGE);
	if (postcopy)
		lm_put_flag(&b, LM_WIRE_POSTCOPY);
	if (lm_out_buf(&p->out, LM_REC_OFFER, &b, e))
		return -1;
	return lm_peer_expect(p, LM_REC_ACCEPT, ANSWER_MS, e);
}

/* Compress when that was asked for, or when the connection is slower than this
 * machine compresses.
 */
static int compress(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
		    struct lm_peer *p, struct lm_error *e)
{
	if (o->compress.how == LM_COMPRESS_FIXED ||
	    (o->compress.how == LM_COMPRESS_AUTO && r->link_rate > 0 &&
	     r->link_rate < lm_codec_rate()))
		return lm_peer_compress(p, &o->compress, e);
	return 0;
}

/* An agent that gave up says why before it closes: that is what the user
 * wants to read, not that a write failed.
 */
static void prefer_abort(struct lm_peer *p, struct lm_error *e)
{
	struct lm_error why = { 0 };
	struct lm_record rec;

	if (!p->aborted && lm_peer_take(p, &rec, 200, &why) && p->aborted)
		*e = why;
}

/* Until the stop would be short, or more of them are of no use. */
static int rounds(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
		  struct lm_source *s, struct lm_peer *p, struct lm_throttle *slow,
		  struct lm_error *e)
{
	uint64_t start = lm_now_ns(), t0;
	struct lm_round *now;
	unsigned int worse = 0;
	struct lm_predict stop = { 0 };
	int more;

	for (;;) {
		now = &r->rounds[r->nr_rounds];
		now->percent = slow->percent;
		t0 = lm_now_ns();
		if (lm_source_round(s, &p->out, &now->st, e))
			return -1;
		if (lm_peer_expect(p, LM_REC_ROUND_OK, ANSWER_MS * 5, e))
			return -1;
		now->ns = lm_now_ns() - t0;
		if (lm_source_predict(s, &now->st, now->ns, &stop, e))
			return -1;
		now->left = stop.left;
		now->predicted_ms = stop.ms;
		r->nr_rounds++;
		step(o, r, LM_STEP_ROUND);
		if (now->predicted_ms <= o->downtime_ms)
			return 0;
		/* Two rounds without progress: more of them will not help. */
		if (r->nr_rounds > 1 &&
		    now->predicted_ms > 0.9 * now[-1].predicted_ms)
			worse++;
		else
			worse = 0;
		if (worse && o->throttle) {
			more = lm_throttle_more(slow, lm_source_dir(s), e);
			if (more < 0)
				return -1;
			worse = more ? 0 : worse;
		}
		if ((unsigned int)r->nr_rounds >= o->rounds || worse >= 3 ||
		    lm_now_ns() - start > o->timeout_s * 1000000000ULL)
			break;
	}
	r->postcopy.used = o->postcopy;
	if (o->strict && !o->postcopy)
		return lm_fail(e, LM_FAILED,
			       "%s: would stop for %.0f ms, not %u ms, after %d rounds; it runs on (allow more with --downtime)",
			       o->target, now->predicted_ms, o->downtime_ms,
			       r->nr_rounds);
	return 0;
}

enum fate {
	NOBODY_KNOWS = -1,
	NOT_THERE,		/* and never was */
	RUNS_THERE,
	LOST,			/* it ran there, and was killed (post-copy) */
};

/* Post-copy: it has run there. */
static bool served(const struct lm_journal *j)
{
	return !strcmp(j->state, "serving");
}

/* Who got COMMIT has a journal of it, until that host starts anew. Whoever else answers
 * by its name now (there may be several addresses) knows nothing, and that means nothing.
 */
static bool started_anew(const struct lm_journal *j, const struct lm_peer *p)
{
	return !j->host || (p->host_id == j->host && p->boot != j->boot);
}

/* The agent's answer got lost, or never came. Ask until it tells. */
static enum fate ask(const struct lm_journal *j, struct lm_error *e)
{
	uint64_t end = lm_now_ns() + RECOVER_S * 1000000000ULL;
	struct lm_nl *nl = NULL;
	struct lm_error why;
	struct lm_peer p;
	const char *state;
	enum fate ret = NOBODY_KNOWS;
	bool stranger = false;

	if (lm_nl_open(&nl, e))
		return -1;
	do {
		memset(&why, 0, sizeof(why));
		if (lm_peer_connect(&p, j->peer, CONNECT_MS, &why)) {
			sleep(1);
			continue;
		}
		if (!lm_peer_hello(&p, nl, false, &why) &&
		    !lm_peer_say(&p, LM_REC_QUERY, j->id, &why) &&
		    !lm_peer_expect(&p, LM_REC_STATE, ANSWER_MS, &why)) {
			state = lm_str(p.tb[LM_WIRE_STATE]);
			if (state && !strcmp(state, "running"))
				ret = RUNS_THERE;
			else if (state && !strcmp(state, "discarded"))
				ret = NOT_THERE;
			else if (state && !strcmp(state, "unknown") && started_anew(j, &p))
				ret = NOT_THERE;
			else if (state && !strcmp(state, "unknown"))
				stranger = true;
			else if (state && !strcmp(state, "lost"))
				ret = LOST;
		}
		lm_peer_close(&p);
		if (ret < 0 && !stranger)
			sleep(1);
	} while (ret < 0 && !stranger && lm_now_ns() < end);
	if (stranger)
		lm_fail(&why, LM_OPERATOR,
			"it knows nothing of it, and is another host, or has lost its /run/livemig since");
	lm_nl_close(nl);
	if (ret < 0)
		lm_fail(e, LM_OPERATOR, "%s", why.msg);
	/* It ran there with a part of its memory, and that host has started anew. */
	return ret == NOT_THERE && served(j) ? LOST : ret;
}

/*
 * After COMMIT the connection broke, as @why tells. Return: what became of the container;
 * @e is filled unless it runs there.
 */
static enum fate settle(const struct lm_migrate_result *r, struct lm_peer *p,
			struct lm_journal *j, const struct lm_error *why, struct lm_error *e)
{
	struct lm_error again = { 0 };
	enum fate fate;
	char id[33];

	if (r->postcopy.used)
		lm_peer_close(p);	/* or it would wait for us */
	fate = ask(j, &again);
	lm_id_text(j->id, id);
	switch (fate) {
	case RUNS_THERE:
		break;
	case NOT_THERE:
		lm_fail(e, LM_FAILED, "%s: discarded it after the commit: %s", j->peer, why->msg);
		break;
	case LOST:	/* what is here is older than what it did */
		lm_journal_state(j, "serving", NULL);
		lm_fail(e, LM_OPERATOR,
			"%s: lost: it ran on %s, and was killed there before all of its memory had come: %s. What is frozen here is how it was before and will not run: `migctl migrate --recover %s` removes it",
			j->name, j->peer, why->msg, id);
		break;
	case NOBODY_KNOWS:
		lm_fail(e, LM_OPERATOR, served(j) ?
			"%s: %s: it is lost unless all of its memory had come to %s by then, which does not say so (%s); what is frozen here will not run: `migctl migrate --recover %s` asks again" :
			"%s: %s: frozen here, and %s does not say whether it runs there (%s): `migctl migrate --recover %s` asks again",
			j->name, why->msg, j->peer, again.msg, id);
		break;
	}
	return fate;
}

/* What came for it is worth something to those who can answer. */
static void pass_packets(struct lm_source *s, struct lm_peer *p)
{
	if (lm_source_packets(s) && lm_peer_has(p, "packets"))
		lm_packets_each(lm_source_packets(s), lm_peer_packet, p);
}

/* RUNNING, however long it takes: with post-copy to turn away is to kill. A host that has
 * gone is noticed all the same.
 */
static int expect_running(const struct lm_migrate_result *r, struct lm_peer *p,
			  struct lm_error *e)
{
	static const int idle = 10, between = 5, probes = 4;
	struct pollfd in = { .fd = p->in.fd, .events = POLLIN };

	if (r->postcopy.used) {
		setsockopt(p->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
		setsockopt(p->fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof(between));
		setsockopt(p->fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
		while (poll(&in, 1, -1) < 0 && errno == EINTR)
			;
	}
	return lm_peer_expect(p, LM_REC_RUNNING, ANSWER_MS, e);
}

/* What --recover is to know, looked up while the container still runs. */
static void note(struct lm_journal *j, const struct lm_source *s, const struct lm_peer *p)
{
	int netns = lm_source_netns(s);

	j->netns = netns < 0 ? 0 : lm_ns_ino(netns);
	if (!j->netns || !lm_netns_name(j->netns, j->netns_name, sizeof(j->netns_name)))
		j->netns_name[0] = 0;
	j->host = p->host_id;
	j->boot = p->boot;
}

/* From here on the container must not run here unless it does not run there. */
static int commit(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
		  struct lm_source *s, struct lm_peer *p, struct lm_journal *j,
		  struct lm_error *e)
{
	enum fate fate;
	struct lm_error why = { 0 };
	uint64_t t0 = lm_now_ns();

	pass_packets(s, p);
	j->session = lm_source_session(s);
	if (lm_journal_state(j, "committed", e))
		return -1;
	step(o, r, LM_STEP_COMMITTED);
	/* In this order, and nothing else in between: who dies before leaves it running
	 * and reachable, who dies after leaves it frozen and silent, and a journal. What
	 * stays silent must stay frozen, and be silent before it can run there.
	 */
	if (lm_nl_session_persist(lm_source_nl(s), lm_source_session(s), true, e))
		return -1;
	if (lm_source_net_quiet(s, true, e))
		goto undo;
	step(o, r, LM_STEP_HELD);
	if (lm_peer_say(p, LM_REC_COMMIT, r->id, &why))
		goto lost;
	step(o, r, LM_STEP_SENT);
	if (!expect_running(r, p, &why)) {
		r->pid = lm_u32(p->tb[LM_WIRE_PID]);
		r->resume_ns = lm_now_ns() - t0;
		pass_packets(s, p);
		/* (if it cannot be written it can still be served) */
		if (r->postcopy.used)
			lm_journal_state(j, "serving", NULL);
		return 0;
	}
lost:
	fate = settle(r, p, j, &why, e);
	if (fate == RUNS_THERE) {
		r->postcopy.used = false;	/* (nothing of it is missing) */
		return 0;
	}
	if (fate != NOT_THERE)
		return -1;
undo:
	lm_source_net_quiet(s, false, NULL);
	lm_nl_session_persist(lm_source_nl(s), lm_source_session(s), false, NULL);
	return -1;
}

/* Post-copy: some pages cannot come later. */
static int expect_ready(struct lm_migrate_result *r, struct lm_source *s,
			struct lm_peer *p, struct lm_error *e)
{
	struct lm_postcopy *pc = &r->postcopy;

	pc->pages = r->final.later;
	pc->used = pc->pages;
	if (!pc->used)
		return lm_peer_expect(p, LM_REC_READY, ANSWER_MS, e);
	if (lm_serve_pages(s, p, LM_REC_READY, ANSWER_MS, pc, NULL, NULL, e))
		return -1;
	pc->before = pc->wanted;
	pc->wanted = 0;
	return 0;
}

/* It runs there: what it needs is here. */
static int serve(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
		 struct lm_source *s, struct lm_peer *p, struct lm_journal *j,
		 struct lm_error *e)
{
	struct lm_error why = { 0 };
	uint64_t t0 = lm_now_ns();

	if (!lm_serve_pages(s, p, LM_REC_ARRIVED, LM_SILENCE_MS, &r->postcopy, o->arriving,
			    o->arg, &why)) {
		r->postcopy.ns = lm_now_ns() - t0;
		return 0;
	}
	prefer_abort(p, &why);
	lm_peer_abort(p, &why);
	/* (it may be that only the last word was lost) */
	return settle(r, p, j, &why, e) == RUNS_THERE ? 0 : -1;
}

int lm_migrate(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
	       struct lm_error *e)
{
	struct lm_peer p = { .fd = -1 };
	struct lm_journal j = { .lock = -1 };
	struct lm_throttle slow = { 0 };
	struct lm_source *s = NULL;
	uint64_t start = lm_now_ns(), frozen;
	int i, ret = -1;

	memset(r, 0, sizeof(*r));
	r->codec = lm_codec_name(LM_CODEC_STORED);
	if (lm_source_open(&s, o->target, e))
		return -1;
	snprintf(r->name, sizeof(r->name), "%s", lm_source_name(s));
	if (lm_source_check(s, o->refused, o->arg, e))
		goto out;
	step(o, r, LM_STEP_CHECK);
	if (o->throttle && lm_throttle_check(lm_source_dir(s), e))
		goto out;
	if (lm_peer_connect(&p, o->host, CONNECT_MS, e) ||
	    lm_peer_hello(&p, lm_source_nl(s), false, e))
		goto out;
	snprintf(r->host, sizeof(r->host), "%s", p.host);
	lm_source_patches(s, o->delta && lm_peer_has(&p, "patches"));
	lm_source_hot(s, !o->protect_hot);
	lm_source_other_vdso(s, p.other_vdso);
	lm_source_live(s, true);
	if (o->postcopy && lm_serve_check(s, &p, e))
		goto out;
	step(o, r, LM_STEP_CONNECTED);

	if (!lm_peer_has(&p, "frames")) {
		if (o->compress.how == LM_COMPRESS_FIXED) {
			lm_fail(e, LM_REFUSED, "%s does not know compression: leave out --compress, or update it",
				p.host);
			goto out;
		}
	} else if (o->compress.how == LM_COMPRESS_AUTO &&
		   lm_peer_rate(&p, &r->link_rate, e)) {
		goto out;
	}
	if (getentropy(r->id, sizeof(r->id))) {
		lm_fail_errno(e, LM_FAILED, "getentropy");
		goto out;
	}
	if (lm_journal_begin(&j, "source", r->id, o->target, o->host, "sending", e) ||
	    offer(&p, s, r->id, o->postcopy, e))
		goto abort;
	note(&j, s, &p);
	step(o, r, LM_STEP_OFFERED);
	if (lm_peer_has(&p, "frames") && compress(o, r, &p, e))
		goto abort;
	if (lm_source_track(s, true, e) ||
	    lm_source_header(s, &p.out, NULL, e) || rounds(o, r, s, &p, &slow, e))
		goto abort;
	/* Who is throttled would freeze late, and its limit would move. */
	lm_throttle_end(&slow);

	lm_source_later(s, r->postcopy.used);
	frozen = lm_now_ns();
	if (lm_source_final(s, &p.out, FREEZE_TRIES, &r->final, &r->stop, e))
		goto abort;
	step(o, r, LM_STEP_FROZEN);
	r->ready_ns = lm_now_ns();
	if (expect_ready(r, s, &p, e))
		goto abort;
	r->ready_ns = lm_now_ns() - r->ready_ns;
	step(o, r, LM_STEP_READY);
	if (commit(o, r, s, &p, &j, e)) {
		if (e->code == LM_OPERATOR)
			goto out;	/* frozen, journal kept */
		goto abort;
	}
	/* lm_source_final() tries again when something transient is in the way:
	 * only the last try counts as the stop.
	 */
	r->stop_ns = r->stop.total ? r->stop.total + r->ready_ns + r->resume_ns :
				     lm_now_ns() - frozen;
	step(o, r, LM_STEP_RUNNING);
	if (r->postcopy.used) {
		if (serve(o, r, s, &p, &j, e))
			goto out;
		step(o, r, LM_STEP_ARRIVED);
	}

	r->bytes = tcp_bytes(p.fd);
	if (p.pump_out)
		r->codec = lm_pump_codec(p.pump_out);
	for (i = 0; i < r->nr_rounds; i++)
		r->pages += r->rounds[i].st.data;
	r->pages += r->final.data + r->postcopy.before + r->postcopy.wanted +
		    r->postcopy.brought;
	if (lm_source_kill(s, e)) {
		/* It runs there; what is left here is frozen and quiet. */
		e->code = LM_OPERATOR;
		lm_prefix(e, "it runs on %s, but the copy here could not be removed",
			  r->host);
		goto out;
	}
	lm_journal_close(&j, true);
	r->total_ns = lm_now_ns() - start;
	step(o, r, LM_STEP_DONE);
	ret = 0;
	goto out;

abort:
	if (p.fd >= 0) {
		prefer_abort(&p, e);
		lm_peer_abort(&p, e);
	}
	lm_source_thaw(s, NULL);
	lm_journal_close(&j, j.id[0] || j.id[1] || j.lock >= 0);
out:
	lm_throttle_end(&slow);
	lm_journal_close(&j, false);
	lm_peer_close(&p);
	lm_source_close(s);
	return ret;
}

/* Is it still held here? Who died before it was has not sent COMMIT, and the module
 * has thawed it.
 */
static bool held(struct lm_nl *nl, const struct lm_journal *j)
{
	struct lm_session_info info;
	struct lm_error e = { 0 };

	if (!j->session)
		return false;
	/* (in doubt it is) */
	if (lm_nl_session_get(nl, j->session, &info, &e))
		return e.err != ENOENT;
	return info.flags & LIVEMIG_SESSION_F_PERSISTENT;
}

static int finish(struct lm_journal *j, bool *running, struct lm_error *e)
{
	struct lm_source *s = NULL;
	struct lm_error why = { 0 };
	enum fate fate;
	int ret;

	fate = ask(j, e);
	if (fate == NOBODY_KNOWS)
		return -1;
	*running = fate == RUNS_THERE;
	/* Takes over the persistent session of the process that died. */
	ret = lm_source_adopt(&s, j->name, j->session, &why);
	if (ret && fate == NOT_THERE) {
		*e = why;
		return -1;
	}
	if (fate != NOT_THERE) {
		/* (perhaps it died, as we were, while it killed what was here) */
		ret = ret ? lm_source_bury(j->name, j->session, j->netns, j->netns_name, e) :
			    lm_source_kill(s, e);
	} else {
		ret = lm_source_net_quiet(s, false, e);
		if (!ret)
			ret = lm_nl_session_persist(lm_source_nl(s), j->session,
						    false, e);
		if (!ret)
			ret = lm_source_thaw(s, e);
	}
	lm_source_close(s);
	if (!ret && fate == LOST) {
		lm_fail(e, LM_OPERATOR, "%s: lost: it ran on %s, and was killed there before all of its memory had come; the copy here is removed",
			j->name, j->peer);
		return 1;
	}
	return ret;
}

/* Not held any more: it runs here, unless nothing of it is left here. */
static int gone_from_here(const struct lm_journal *j, bool *running, struct lm_error *e)
{
	struct lm_target t;
	int left = 0;

	if (strcmp(j->state, "committed") && strcmp(j->state, "serving"))
		return 0;
	if (!lm_target_parse(j->name, &t, NULL)) {
		left = t.kind == LM_TARGET_PID || lm_survivors(t.path);
		lm_target_close(&t);
	}
	if (left)
		return 0;
	switch (ask(j, e)) {
	case RUNS_THERE:
		*running = true;
		return 0;
	case NOBODY_KNOWS:
		return -1;
	default:
		lm_fail(e, LM_OPERATOR, "%s: lost: it is neither here nor on %s", j->name, j->peer);
		return 1;
	}
}

/* The migrations whose containers are held. The journal of any other is of no use. */
static int list_open(struct lm_nl *nl, uint8_t (*open)[16], int max)
{
	uint8_t ids[64][16];
	struct lm_journal j;
	int i, n = 0, all = lm_journal_list("source", "", ids, 64);
	bool waits;

	for (i = 0; i < all && n < max; i++) {
		if (lm_journal_read(&j, "source", ids[i], 0, NULL) != 1)
			continue;
		waits = held(nl, &j);
		if (waits)
			memcpy(open[n++], ids[i], 16);
		lm_journal_close(&j, !waits);
	}
	return n;
}

static int recover(struct lm_nl *nl, const uint8_t *id, bool *running, struct lm_error *e)
{
	uint8_t ids[2][16];
	struct lm_journal j;
	int n, ret;

	if (!id) {
		n = list_open(nl, ids, 2);
		if (n != 1)
			return lm_fail(e, LM_REFUSED, n ?
				       "several migrations have no known outcome: give an id (ls /run/livemig/source)" :
				       "no migration waits for its outcome here");
		id = ids[0];
	}
	ret = lm_journal_read(&j, "source", id, 0, e);
	if (ret <= 0)
		return ret ? ret : lm_fail(e, LM_REFUSED,
					   "no migration of that id is known here");
	*running = false;
	ret = held(nl, &j) ? finish(&j, running, e) : gone_from_here(&j, running, e);
	lm_journal_close(&j, ret >= 0);
	return ret ? -1 : 0;
}

int lm_migrate_recover(const uint8_t *id, bool *running, struct lm_error *e)
{
	struct lm_nl *nl;
	int ret;

	if (lm_nl_open(&nl, e))
		return -1;
	ret = recover(nl, id, running, e);
	lm_nl_close(nl);
	return ret;
}
