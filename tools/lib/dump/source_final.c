// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The stopped phase. All that can be found out before is found out before:
 * every step here is time in which nobody is served.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source_priv.h"
#include "../clock.h"
#include "../kinds/kind.h"
#include "../kinds/sockopt.h"

#define FREEZE_MS	10000
/* Pause before another try, when something transient was in the way. */
#define PAUSE_US	30000

/* Time since *@since, which becomes now. */
static uint64_t lap(uint64_t *since)
{
	uint64_t now = lm_now_ns(), d = now - *since;

	*since = now;
	return d;
}

int lm_source_round_begin(struct lm_source *s, struct lm_out *out, bool final,
			  struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LM_ROUND_NR, s->round);
	if (final)
		lm_put_flag(&b, LM_ROUND_FINAL);
	return lm_out_buf(out, LM_REC_ROUND, &b, e);
}

/* The module tells how far it came; what stopped it is told by the errno. */
static int name_cause(struct lm_error *e)
{
	static const int of_fd[] = { ENOSPC, EDQUOT, EFBIG, EPIPE, ECONNRESET, EAGAIN, EIO };

	for (size_t i = 0; e && i < sizeof(of_fd) / sizeof(*of_fd); i++)
		if (e->err == of_fd[i])
			return lm_prefix(e, "%s", strerror(e->err));
	return -1;
}

int lm_source_round_end(struct lm_source *s, struct lm_out *out, uint32_t flags,
			struct lm_stats *st, struct lm_error *e)
{
	struct lm_stats own;
	struct lm_buf b = { 0 };

	if (!st)
		st = &own;
	memset(st, 0, sizeof(*st));
	if (lm_out_align(out, e) < 0)
		return -1;
	if (lm_nl_pages(s->nl, s->session, out->fd, flags, st, e) < 0)
		return name_cause(e);
	lm_put_u32(&b, LM_ROUND_NR, s->round);
	if (flags & LIVEMIG_PAGES_F_FINAL)
		lm_put_flag(&b, LM_ROUND_FINAL);
	lm_put_u64(&b, LM_ROUND_DATA, st->data);
	lm_put_u64(&b, LM_ROUND_ZERO, st->zero);
	lm_put_u64(&b, LM_ROUND_HOLE, st->hole);
	lm_put_u64(&b, LM_ROUND_BYTES, st->bytes);
	lm_put_u64(&b, LM_ROUND_NS, st->ns_total);
	s->round++;
	return lm_out_buf(out, LM_REC_ROUND_END, &b, e);
}

/* What the host knows about the container: its limits; and what can only be learned from
 * running tasks.
 */
static int describe_around(struct lm_source *s, struct lm_objects *o, struct lm_error *e)
{
	return lm_cgroup_describe(s->dir, o, e) ||
	       lm_seccomp_learn(s, e) ||
	       lm_seccomp_describe(s, o, e) ? -1 : 0;
}

/* @net was true before. Return: 0, 1 when the stop has to be tried again, -1. */
static int still_true(struct lm_source *s, struct lm_objects *net, struct lm_error *e)
{
	if (s->nsfd < 0 || !lm_netns_changed(&s->net_watch))
		return 0;
	if (!s->net_changes) {
		s->net_changes = true;
		snprintf(e->msg, sizeof(e->msg), "its network has changed; try again");
		return 1;
	}
	/* It will again. Now, that nobody runs, it does not, but that takes longer. */
	lm_objects_free(net);
	return lm_source_describe_net(s, net, e);
}

/* The same for the stop itself. */
static int stop(struct lm_source *s, struct lm_objects *net, struct lm_stop_times *t,
		uint64_t *clock, struct lm_error *e)
{
	int ret;

	if (lm_cgroup_check(s->dir, e) < 0)
		return -1;
	s->paused = lm_cgroup_paused(s->dir);
	if (lm_nl_freeze(s->nl, s->session, FREEZE_MS, e) < 0) {
		if (e->err != EAGAIN)
			return -1;
		e->code = LM_OK;
		e->err = 0;
		return 1;
	}
	s->frozen = true;
	t->freeze = lap(clock);
	/* (the lock is a change, too) */
	ret = still_true(s, net, e);
	if (ret)
		return ret;
	if (s->packets)
		lm_packets_keep(s->packets);
	if (s->nsfd >= 0 && lm_netlock(s->nsfd, false, &s->lock, e) < 0)
		return -1;
	t->netlock = lap(clock);
	return 0;
}

/* Stop, and list the objects. Return: 0, 1 when it has to be tried again, -1. */
static int stop_and_list(struct lm_source *s, struct lm_objects *o, struct lm_objects *net,
			 struct lm_stop_times *t, uint64_t *clock, struct lm_error *e)
{
	int ret = stop(s, net, t, clock, e);

	if (ret)
		return ret;
	if (lm_objects_get(s, o, e) < 0 ||
	    lm_source_builds(s, o, e) < 0 || lm_source_guards(s, o, e) < 0 ||
	    lm_source_labels(s, o, e) < 0)
		return -1;
	return lm_source_judge(s, NULL, NULL, e) ?:
	       lm_cgroup_describe_kinds(s->dir, s->paused, o, e) ?:
	       lm_source_describe_ns(s, o, e) ?:
	       lm_source_describe_ipc(s, o, true, e) ?: lm_seccomp_known(s, e);
}

static int dump_files(struct lm_source *s, struct lm_out *out, struct lm_error *e)
{
	for (size_t i = 0; i < s->model.nr_file; i++) {
		const struct lm_file *f = s->model.file[i];
		const struct lm_file_kind *kind = lm_file_kind(f);

		if (!kind || !kind->dump || (f->mapped && !kind->mapped))
			continue;
		if (kind->dump(s, f, out, e) < 0)
			return lm_prefix(e, "pid %u fd %d", f->holder.pid, f->holder.fd);
	}
	return 0;
}

static int write_end(struct lm_out *out, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_u64(&b, LM_END_RECORDS, out->seq);
	return lm_out_buf(out, LM_REC_END, &b, e);
}

static int write_all(struct lm_source *s, struct lm_out *out, const struct lm_objects *o,
		     const struct lm_objects *net, const struct lm_objects *around,
		     struct lm_stats *st, struct lm_stop_times *t, uint64_t *clock,
		     struct lm_error *e)
{
	if (lm_source_round_begin(s, out, true, e) < 0 || lm_objects_write(o, out, e) < 0)
		return -1;
	t->state = lap(clock);
	if (dump_files(s, out, e) < 0 || lm_objects_write(net, out, e) < 0 ||
	    lm_objects_write(around, out, e) < 0)
		return -1;
	t->files = lap(clock);
	if (lm_source_round_end(s, out, s->pages_flags | LIVEMIG_PAGES_F_FINAL,
				st, e) < 0 ||
	    write_end(out, e) < 0)
		return -1;
	t->pages = lap(clock);
	return 0;
}

int lm_source_final(struct lm_source *s, struct lm_out *out, int tries,
		    struct lm_stats *st, struct lm_stop_times *times,
		    struct lm_error *e)
{
	struct lm_objects o = { 0 }, net = { 0 }, around = { 0 };
	struct lm_error own = { 0 };
	struct lm_stop_times none, *t = times ? times : &none;
	uint64_t clock, start;
	int ret;

	if (!e)
		e = &own;
	memset(t, 0, sizeof(*t));
	if (!s->model.nr_procs && lm_source_check(s, NULL, NULL, e) < 0)
		return -1;
	for (;;) {
		ret = describe_around(s, &around, e);
		if (ret < 0)
			break;
		if (s->nsfd >= 0 && !s->packets)
			lm_packets_open(s->nsfd, &s->packets, NULL);
		/* (anew: defaults are sysctls of the container, some of them) */
		lm_sockopt_forget(s->usual);
		s->usual = NULL;
		lm_sockopt_learn(s, &s->model);
		ret = lm_source_describe_net(s, &net, e);
		if (ret < 0)
			break;
		start = clock = lm_now_ns();
		ret = stop_and_list(s, &o, &net, t, &clock, e);
		if (ret <= 0)
			break;
		lm_source_thaw(s, NULL);
		lm_objects_free(&o);
		lm_objects_free(&net);
		lm_objects_free(&around);
		if (--tries <= 0) {
			e->code = LM_REFUSED;	/* says what was in the way */
			ret = -1;
			break;
		}
		usleep(PAUSE_US);
	}
	if (ret == 0)
		ret = write_all(s, out, &o, &net, &around, st, t, &clock, e);
	if (ret == 0)
		t->total = lm_now_ns() - start;
	else
		lm_source_thaw(s, NULL);
	lm_objects_free(&o);
	lm_objects_free(&net);
	lm_objects_free(&around);
	return ret;
}
