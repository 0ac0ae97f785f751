// SPDX-License-Identifier: GPL-2.0-or-later
/* dump: write a container into an image. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "out.h"
#include "dump/source.h"

/* How often a freeze is tried when something passing is in the way. */
#define FREEZE_TRIES	20

/* Without --rounds: as many as shorten the stop, up to so many; ... */
#define ROUNDS_AUTO	UINT32_MAX
#define ROUNDS_MAX	4
/* ... memory that is copied in a few ms is not worth one. */
#define STOP_PAGES	1024

static const char *image, *leave = "running";
static uint32_t nr_rounds = ROUNDS_AUTO;

/* The image until it is complete, for the handler of signals. */
static char tmp[PATH_MAX];
static struct stat ours;

/* (somebody else may dump to that name, too, and have removed it) */
static bool tmp_is_ours(void)
{
	struct stat st;

	return !lstat(tmp, &st) && st.st_ino == ours.st_ino && st.st_dev == ours.st_dev;
}

static void remove_tmp(void)
{
	if (tmp_is_ours())
		unlink(tmp);
}

/* Stopped half-way: no half image stays. The module thaws by itself. */
static void on_signal(int sig)
{
	remove_tmp();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_signals(bool on)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGXFSZ };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		signal(sigs[i], on ? on_signal : SIG_DFL);
	/* A write to a pipe that nobody reads is an error with a name. */
	signal(SIGPIPE, SIG_IGN);
}

static json_t *round_json(const struct lm_stats *st)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I}",
			 "data", (json_int_t)st->data, "zero", (json_int_t)st->zero,
			 "hole", (json_int_t)st->hole, "bytes", (json_int_t)st->bytes,
			 "ns", (json_int_t)st->ns_total);
}

static json_t *stop_json(const struct lm_stop_times *t)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
			 "freeze", (json_int_t)t->freeze, "netlock", (json_int_t)t->netlock,
			 "state", (json_int_t)t->state, "files", (json_int_t)t->files,
			 "pages", (json_int_t)t->pages, "total", (json_int_t)t->total);
}

static void text(const json_t *j)
{
	printf("%s: %" PRIu64 " processes, %s, stopped for %s; left %s\n",
	       out_get(j, "image"), out_num(j, "processes"),
	       out_bytes(out_num(j, "bytes")),
	       out_ns(out_num(json_object_get(j, "stop"), "total")), out_get(j, "left"));
}

/* Is there to be a round @i? @left: pages that are dirty; @before: when the last round
 * began. When they do not get fewer, the program writes faster than they are copied.
 */
static bool another_round(uint32_t i, uint64_t before, uint64_t left)
{
	if (nr_rounds != ROUNDS_AUTO)
		return i < nr_rounds;
	return i < ROUNDS_MAX && left > STOP_PAGES && (!i || left < before - before / 4);
}

static int running_rounds(struct lm_source *s, struct lm_out *o, json_t *rounds,
			  struct lm_error *e)
{
	struct lm_predict stop = { 0 };
	uint64_t before = 0;
	struct lm_stats st;

	if (nr_rounds == ROUNDS_AUTO && lm_source_predict(s, NULL, 0, &stop, e))
		return -1;
	for (uint32_t i = 0; another_round(i, before, stop.left); i++) {
		before = stop.left;
		if ((!i && lm_source_track(s, true, e)) || lm_source_round(s, o, &st, e) ||
		    lm_source_predict(s, &st, st.ns_total, &stop, e))
			return -1;
		progress_round("dump", i, &st, st.ns_total, stop.left, stop.ms);
		json_array_append_new(rounds, round_json(&st));
	}
	return 0;
}

/* The directory, too: a name that a crash takes back is no image. */
static int finish(int fd, struct lm_error *e)
{
	char dir[PATH_MAX], *slash;
	int d, ret = 0;

	if (fsync(fd))
		return lm_fail_errno(e, LM_FAILED, "%s", tmp);
	if (!tmp_is_ours())
		return lm_fail(e, LM_FAILED, "%s: somebody else dumps to that name, too", tmp);
	if (rename(tmp, image))
		return lm_fail_errno(e, LM_FAILED, "%s", image);
	snprintf(dir, sizeof(dir), "%s", image);
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	d = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d < 0 || fsync(d))
		ret = lm_fail_errno(e, LM_FAILED, "%s", slash ? dir : ".");
	if (d >= 0)
		close(d);
	return ret;
}

static int write_image(struct lm_source *s, int fd, json_t *j, struct lm_error *e)
{
	struct lm_stop_times stop;
	struct lm_stats st;
	struct stat size;
	json_t *rounds = json_array();
	uint8_t id[16];
	struct lm_out o;

	json_object_set_new(j, "rounds", rounds);
	lm_out_init(&o, fd);
	if (lm_source_header(s, &o, id, e) || running_rounds(s, &o, rounds, e) ||
	    lm_source_final(s, &o, FREEZE_TRIES, &st, &stop, e))
		return -1;
	/* Complete, if not yet safe: to run on does not need it to be safe. */
	if (!strcmp(leave, "running") && lm_source_thaw(s, e))
		return -1;
	progress("dump: writing to the disk");
	if (finish(fd, e))
		return -1;
	fstat(fd, &size);
	json_array_append_new(rounds, round_json(&st));
	json_object_set_new(j, "id", out_hex(id, sizeof(id)));
	json_object_set_new(j, "processes", json_integer(lm_source_model(s)->nr_procs));
	json_object_set_new(j, "bytes", json_integer(size.st_size));
	json_object_set_new(j, "stop", stop_json(&stop));
	return 0;
}

static int leave_it(struct lm_source *s, struct lm_error *e)
{
	if (!strcmp(leave, "killed")) {
		if (lm_source_kill(s, e))
			return -1;
		/* Who restores it next needs them. */
		lm_source_reaped(s);
	}
	if (strcmp(leave, "frozen"))
		return 0;
	/* Nobody asks for another round: a session that only tracks would stay after that. */
	lm_nl_track(lm_source_nl(s), lm_source_session(s), false, NULL);
	/* Its kernel would acknowledge what is not in the image, and say farewell to its peers
	 * when it is killed. (`migctl thaw` undoes it.) What is silent must stay frozen: as
	 * before COMMIT, in this order.
	 */
	if (lm_nl_session_persist(lm_source_nl(s), lm_source_session(s), true, e))
		return -1;
	if (!lm_source_net_quiet(s, true, e))
		return 0;
	lm_nl_session_persist(lm_source_nl(s), lm_source_session(s), false, NULL);
	return -1;
}

static int dump(struct lm_source *s, json_t *j, struct lm_error *e)
{
	int fd, ret;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", image) >= (int)sizeof(tmp))
		return lm_fail(e, LM_USAGE, "%.60s...: too long", image);
	catch_signals(true);
	/* An old one is of no use; and nobody else's is to be filled with all that memory. */
	unlink(tmp);
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0) {
		ret = fstat(fd, &ours) ? lm_fail_errno(e, LM_FAILED, "%s", tmp) :
					 write_image(s, fd, j, e);
		close(fd);
		if (ret)
			remove_tmp();
	} else {
		ret = lm_fail_errno(e, LM_REFUSED, "%s", tmp);
	}
	/* The image is complete; what is left here is not to be half of something. */
	if (!ret)
		ignore_signals();
	ret = ret ? ret : leave_it(s, e);
	catch_signals(false);
	return ret;
}

static int run(int argc, char **argv, struct lm_error *e)
{
	struct lm_source *s;
	json_t *j;
	int ret;

	if (!image)
		return lm_fail(e, LM_USAGE, "-o IMAGE is missing");
	if (lm_source_open(&s, argv[0], e))
		return -1;
	j = json_pack("{s:o, s:s, s:o}", "image", out_str(image), "left", leave,
		      "name", out_str(lm_source_name(s)));
	ret = lm_source_check(s, out_refused, NULL, e);
	if (!ret)
		ret = dump(s, j, e);
	progress_end();
	lm_source_close(s);
	if (ret) {
		json_decref(j);
		return -1;
	}
	return out(j, text, e);
}

static const struct opt opts[] = {
	{ "output", 'o', OPT_STR, "IMAGE", "where to write it", &image },
	{ "leave", 0, OPT_WORD, "STATE",
	  "what becomes of the container: running (default), frozen, killed", &leave,
	  .words = "running frozen killed" },
	{ "rounds", 0, OPT_U32, "N",
	  "copy memory N times while it runs, to stop it for less time (as needed)",
	  &nr_rounds,
	  0, 100 },
	{ 0 }
};

MIGCTL_CMD(cmd_dump) = {
	.name = "dump",
	.args = "TARGET",
	.summary = "write a container into an image",
	.help = "TARGET is a cgroup (a path below /sys/fs/cgroup, or cgroup:NAME) or pid:N\n"
		"with its descendants. What cannot be moved is named, and nothing is changed.\n",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.pids = true,
	.run = run,
};
