// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdio.h>

#include "clock.h"
#include "cmd.h"
#include "nl.h"
#include "out.h"

static uint32_t limit, seconds;
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = sig;
}

static const char *name(uint32_t event)
{
	static const char *const names[] = {
		[LIVEMIG_EVENT_FROZEN] = "frozen",
		[LIVEMIG_EVENT_THAWED] = "thawed",
		[LIVEMIG_EVENT_ROUND] = "round",
		[LIVEMIG_EVENT_DUMPED] = "dumped",
		[LIVEMIG_EVENT_RESTORED] = "restored",
		[LIVEMIG_EVENT_TRACKER_LOST] = "tracker-lost",
		[LIVEMIG_EVENT_SESSION_NEW] = "session-new",
		[LIVEMIG_EVENT_SESSION_GONE] = "session-gone",
	};

	return event < sizeof(names) / sizeof(*names) ? names[event] : "unknown";
}

static void text(const json_t *j)
{
	const json_t *st = json_object_get(j, "stats");

	printf("%s", out_get(j, "event"));
	if (out_num(j, "session"))
		printf(" session %llu", (unsigned long long)out_num(j, "session"));
	if (*out_get(j, "name"))
		printf(" %s", out_get(j, "name"));
	if (out_num(j, "pid"))
		printf(" pid %llu", (unsigned long long)out_num(j, "pid"));
	if (st)
		printf(" round %llu: %llu pages, %s in %s",
		       (unsigned long long)out_num(j, "round"),
		       (unsigned long long)out_num(st, "data"),
		       out_bytes(out_num(st, "bytes")), out_ns(out_num(st, "ns_total")));
	putchar('\n');
}

static json_t *event_json(const struct lm_event *ev)
{
	json_t *j = json_pack("{s:s, s:I, s:o, s:I, s:I}",
			      "event", name(ev->event),
			      "session", (json_int_t)ev->session,
			      "name", out_str(ev->name),
			      "round", (json_int_t)ev->round,
			      "pid", (json_int_t)ev->pid);
	const struct lm_stats *st = &ev->stats;

	if (j && ev->has_stats)
		json_object_set_new(j, "stats", json_pack(
			"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			"present", (json_int_t)st->present, "dirty", (json_int_t)st->dirty,
			"data", (json_int_t)st->data, "zero", (json_int_t)st->zero,
			"same", (json_int_t)st->same, "hole", (json_int_t)st->hole,
			"bytes", (json_int_t)st->bytes,
			"ns_total", (json_int_t)st->ns_total));
	return j;
}

static int watch(struct lm_nl *nl, struct lm_error *e)
{
	uint64_t end = lm_now_ms() + seconds * 1000ULL;
	uint32_t n = 0;

	while (!stop && (!limit || n < limit)) {
		uint64_t now = lm_now_ms();
		struct lm_event ev;
		int ret;

		if (seconds && now >= end)
			break;
		ret = lm_nl_events_wait(nl, &ev, seconds ? (int)(end - now) : -1, e);
		if (ret < 0 || (ret && out_line(event_json(&ev), text, e)))
			return -1;
		n += ret;
	}
	return 0;
}

static int run(int argc, char **argv, struct lm_error *e)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct lm_nl *nl;
	int ret;

	if (lm_nl_events_open(&nl, e))
		return -1;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	ret = watch(nl, e);
	lm_nl_close(nl);
	return ret;
}

static const struct opt opts[] = {
	{ "count", 'n', OPT_U32, "N", "end after N events", &limit, 1, UINT32_MAX },
	{ "timeout", 't', OPT_U32, "S", "end after S seconds", &seconds, 1, 1000000 },
	{ 0 }
};

MIGCTL_CMD(cmd_events) = {
	.name = "events",
	.args = "",
	.summary = "print what happens to all sessions, line by line, until ^C",
	.opts = opts,
	.run = run,
};
