// SPDX-License-Identifier: GPL-2.0-or-later
/* migrate: move a running container to the agent of another host. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "migrate/journal.h"
#include "migrate/migrate.h"
#include "out.h"

static uint32_t downtime_ms = 100, rounds = 30, timeout_s = 300;
static const char *compress = "none";
static bool insecure, delta, postcopy, protect_hot, strict, throttle, recover;

static double ms(uint64_t ns)
{
	return ns / 1e6;
}

static void show_progress(enum lm_migrate_step step, const struct lm_round *r,
			  int nr, void *arg)
{
	/* From COMMIT on they are no reason to leave it frozen here, or, with post-copy, to
	 * lose it.
	 */
	if (step == LM_STEP_READY)
		ignore_signals();
	if (step == LM_STEP_ROUND)
		progress_round("migrate", nr - 1, &r->st, r->ns, r->left, r->predicted_ms);
	else
		progress("migrate: %s", lm_step_name(step));
}

static void show_arriving(const struct lm_postcopy *pc, void *arg)
{
	progress("post-copy: %llu of %llu pages, %llu of them waited for",
		 (unsigned long long)(pc->before + pc->wanted + pc->brought),
		 (unsigned long long)pc->pages, (unsigned long long)pc->wanted);
}

static json_t *round_json(const struct lm_stats *st, uint64_t ns, bool final)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:b}",
			 "pages", (json_int_t)st->data,
			 "delta", (json_int_t)st->delta,
			 "copy", (json_int_t)st->copy,
			 "zero", (json_int_t)st->zero,
			 "hole", (json_int_t)st->hole,
			 "bytes", (json_int_t)st->bytes,
			 "seconds", ns / 1e9, "final", final);
}

/* null: it was not needed. */
static json_t *postcopy_json(const struct lm_postcopy *pc)
{
	if (!pc->used)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I, s:f}",
			 "pages", (json_int_t)pc->pages,
			 "before", (json_int_t)pc->before,
			 "wanted", (json_int_t)pc->wanted,
			 "brought", (json_int_t)pc->brought,
			 "seconds", pc->ns / 1e9);
}

static json_t *result_json(const struct lm_migrate_result *r)
{
	json_t *list = json_array(), *o;
	char id[33];
	int i;

	for (i = 0; i < r->nr_rounds; i++) {
		o = round_json(&r->rounds[i].st, r->rounds[i].ns, false);
		json_object_set_new(o, "left_pages",
				    json_integer(r->rounds[i].left));
		json_object_set_new(o, "predicted_stop_ms",
				    json_real(r->rounds[i].predicted_ms));
		json_object_set_new(o, "cpu_percent",
				    json_integer(r->rounds[i].percent));
		json_array_append_new(list, o);
	}
	json_array_append_new(list, round_json(&r->final, r->final.ns_total, true));
	lm_id_text(r->id, id);
	return json_pack("{s:s, s:o, s:o, s:i, s:o, s:o, s:I, s:I, s:s, s:f, s:f, s:f, s:{s:f, s:f, s:f, s:f, s:f, s:f, s:f}}",
			 "id", id, "target", out_str(r->name),
			 "host", out_str(r->host), "pid", (int)r->pid,
			 "rounds", list, "postcopy", postcopy_json(&r->postcopy),
			 "pages_sent", (json_int_t)r->pages,
			 "bytes_sent", (json_int_t)r->bytes,
			 "compress", r->codec, "link_rate", r->link_rate,
			 "stop_ms", ms(r->stop_ns), "total_s", r->total_ns / 1e9,
			 "stop_steps",
			 "freeze", ms(r->stop.freeze),
			 "netlock", ms(r->stop.netlock),
			 "state", ms(r->stop.state),
			 "files", ms(r->stop.files),
			 "pages", ms(r->stop.pages),
			 "ready", ms(r->ready_ns),
			 "resume", ms(r->resume_ns));
}

static void result_text(const json_t *j)
{
	const json_t *pc = json_object_get(j, "postcopy");

	printf("%s: runs on %s as pid %llu; stopped for %.1f ms, %s in %.2f s\n",
	       out_get(j, "target"), out_get(j, "host"),
	       (unsigned long long)out_num(j, "pid"),
	       json_number_value(json_object_get(j, "stop_ms")),
	       out_bytes(out_num(j, "bytes_sent")),
	       json_number_value(json_object_get(j, "total_s")));
	if (json_is_object(pc))
		printf("%llu pages came in %.2f s while it ran there, %llu of them because somebody waited\n",
		       (unsigned long long)(out_num(pc, "wanted") + out_num(pc, "brought")),
		       json_number_value(json_object_get(pc, "seconds")),
		       (unsigned long long)out_num(pc, "wanted"));
}

static void recover_text(const json_t *j)
{
	printf("it runs %s\n", json_is_true(json_object_get(j, "moved")) ?
	       "there; the copy here is gone" : "here");
}

static int run_recover(const char *arg, struct lm_error *e)
{
	bool running = false;
	uint8_t id[16];

	if (arg && lm_id_parse(arg, id))
		return lm_fail(e, LM_USAGE, "%s: not the id of a migration", arg);
	ignore_signals();	/* what it kills it has to remove, too */
	if (lm_migrate_recover(arg ? id : NULL, &running, e))
		return -1;
	return out(json_pack("{s:b}", "moved", running), recover_text, e);
}

static int run(int argc, char **argv, struct lm_error *e)
{
	struct lm_migrate_opts o = {
		.downtime_ms = downtime_ms,
		.rounds = rounds,
		.timeout_s = timeout_s,
		.delta = delta,
		.postcopy = postcopy,
		.protect_hot = protect_hot,
		.strict = strict,
		.throttle = throttle,
		.progress = show_progress,
		.arriving = show_arriving,
		.refused = out_refused,
	};
	struct lm_migrate_result r;
	int ret;

	/* A peer that goes away is an error of the write. */
	signal(SIGPIPE, SIG_IGN);
	if (recover)
		return argc > 1 ? lm_fail(e, LM_USAGE, "--recover takes one id at most") :
				  run_recover(argc ? argv[0] : NULL, e);
	if (argc != 2)
		return lm_fail(e, LM_USAGE, "usage: migctl migrate TARGET HOST[:PORT] | --recover [ID]");
	if (!insecure)
		return lm_fail(e, LM_REFUSED,
			       "the connection would be neither encrypted nor authenticated: say --insecure on both sides if the network is trusted");
	if (lm_compress_parse(compress, &o.compress, e))
		return -1;
	o.target = argv[0];
	o.host = argv[1];
	ret = lm_migrate(&o, &r, e);
	progress_end();
	if (ret)
		return -1;
	return out(result_json(&r), result_text, e);
}

static const struct opt opts[] = {
	{ "downtime", 'd', OPT_U32, "MS",
	  "stop when the stop is predicted to be this short (100)",
	  &downtime_ms, 1, 600000 },
	{ "rounds", 'r', OPT_U32, "N", "at most so many rounds while it runs (30, at most 64)",
	  &rounds, 1, LM_ROUNDS_MAX },
	{ "timeout", 't', OPT_U32, "S", "at most so long in rounds (300)",
	  &timeout_s, 1, 86400 },
	{ "compress", 0, OPT_STR, "HOW",
	  "none, lz4, zstd[:LEVEL], auto (when the link is slow) (none)", &compress },
	{ "delta", 0, OPT_FLAG, NULL,
	  "send what is different in pages that were sent before", &delta },
	{ "postcopy", 0, OPT_FLAG, NULL,
	  "when rounds are not enough, run it there before its memory is there",
	  &postcopy },
	{ "protect-hot", 0, OPT_FLAG, NULL,
	  "fault on writes to pages that are written in every round, too",
	  &protect_hot },
	{ "strict", 0, OPT_FLAG, NULL,
	  "give up rather than stop for longer than --downtime", &strict },
	{ "throttle", 0, OPT_FLAG, NULL,
	  "slow it down (cpu.max) while rounds do not get ahead of it", &throttle },
	{ "insecure", 0, OPT_FLAG, NULL,
	  "neither encryption nor authentication", &insecure },
	{ "recover", 0, OPT_FLAG, NULL,
	  "finish a migration whose outcome is not known: --recover [ID]", &recover },
	{ 0 }
};

MIGCTL_CMD(cmd_migrate) = {
	.name = "migrate",
	.args = "TARGET HOST[:PORT] | --recover [ID]",
	.summary = "move a running container to another host",
	.help =
"HOST[:PORT] is where `migctl agent` listens (port 7447). Memory goes over in\n"
"rounds while the container runs; it stops for the last one. Until the other\n"
"host has all of it, any failure lets it run on here (exit status 2 or 3).\n"
"Status 4: nobody could say whether it runs there, so it stays frozen here\n"
"until `migctl migrate --recover [ID]`. With --postcopy it may begin to run there\n"
"while a part of its memory is still here: if either host or the connection fails\n"
"then, it is lost (status 4).\n",
	.opts = opts,
	.min_args = 0,
	.max_args = 2,
	.pids = true,
	.run = run,
};
