// SPDX-License-Identifier: LGPL-2.1-or-later
/* The source side while the container runs, and its end: see source.h. The
 * stopped phase is in source_final.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "source_priv.h"
#include "../clock.h"
#include "../kinds/sockopt.h"
#include "../net/nft.h"
#include "../net/rtnl.h"
#include "../textfile.h"
#include "../target.h"
#include "../vdso.h"

/* A running container changes while it is listed. */
#define LIST_TRIES 5
#define FAILED_TRIES 20
/* The destination takes no unsettled one. */
#define LIVE_NS 1000000000ULL
/* Time in the stop that does not depend on pages. */
#define FIXED_MS 20.0
#define JUDGE_TRIES 10
#define REAPED_MS 1000
/* Where an image is restored nobody knows. */
#define VDSO_TRIES 5
/* A round of fewer bytes says little about the rate. */
#define RATE_BYTES (4 << 20)

static int find_cgroup(struct lm_source *s, const char *target, struct lm_error *e)
{
	struct lm_target t;
	int ret = 0;

	if (lm_target_parse(target, &t, e) < 0)
		return -1;
	snprintf(s->name, sizeof(s->name), "%s", t.name);
	if (t.kind == LM_TARGET_PID) {
		ret = lm_transient_make(&s->transient, t.pid, e);
		snprintf(s->dir, sizeof(s->dir), "%s", s->transient.dir);
	} else {
		snprintf(s->dir, sizeof(s->dir), "%s", t.path);
	}
	lm_target_close(&t);
	if (ret < 0)
		return -1;
	s->cgroup_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->cgroup_fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "%s", s->dir);
	return 0;
}

static struct lm_source *new_source(const char *target, struct lm_error *e)
{
	struct lm_source *s = calloc(1, sizeof(*s));

	if (!s) {
		lm_fail(e, LM_FAILED, "no memory");
		return NULL;
	}
	s->cgroup_fd = s->nsfd = s->net_watch.links = s->net_watch.rules = -1;
	s->vdso_tries = VDSO_TRIES;
	lm_model_init(&s->model);
	/* The module first: without it nothing is to be moved anywhere. */
	if (lm_nl_open(&s->nl, e) == 0 && find_cgroup(s, target, e) == 0)
		return s;
	lm_source_close(s);
	return NULL;
}

int lm_source_open(struct lm_source **out, const char *target, struct lm_error *e)
{
	struct lm_source *s = new_source(target, e);

	if (!s)
		return -1;
	if (lm_nl_session_new(s->nl, s->cgroup_fd, s->name, 0, &s->session, e) < 0) {
		lm_source_close(s);
		return -1;
	}
	s->has_session = true;
	*out = s;
	return 0;
}

int lm_source_adopt(struct lm_source **out, const char *target, uint32_t session,
		    struct lm_error *e)
{
	struct lm_source *s = new_source(target, e);

	if (!s)
		return -1;
	s->session = session;
	s->has_session = s->frozen = true;
	if (lm_objects_get(s, NULL, e) < 0 || lm_source_find_netns(s, e) < 0 ||
	    (s->nsfd >= 0 && lm_netlock(s->nsfd, false, &s->lock, e) < 0)) {
		goto fail;
	}
	*out = s;
	return 0;
fail:
	lm_source_close(s);
	return -1;
}

/* In doubt it is: one that is not ends with our socket, whatever we do. */
static bool is_persistent(const struct lm_source *s)
{
	struct lm_session_info info;
	struct lm_error e = { 0 };

	if (!s->has_session)
		return false;
	if (lm_nl_session_get(s->nl, s->session, &info, &e))
		return e.err != ENOENT;
	return info.flags & LIVEMIG_SESSION_F_PERSISTENT;
}

void lm_source_close(struct lm_source *s)
{
	bool stays;

	if (!s)
		return;
	stays = is_persistent(s);
	if (s->has_session && !stays) {
		/* (that would thaw it, too, but what came for it would be lost) */
		lm_source_thaw(s, NULL);
		lm_nl_session_del(s->nl, s->session, NULL);
	}
	lm_netunlock(s->lock);
	lm_packets_close(s->packets);
	lm_nl_close(s->nl);
	if (!stays)
		lm_transient_undo(&s->transient);
	lm_model_free(&s->model);
	free(s->builds);
	lm_ids_free(&s->by_file);
	lm_seccomp_free(s);
	lm_sockopt_forget(s->usual);
	if (s->cgroup_fd >= 0)
		close(s->cgroup_fd);
	if (s->nsfd >= 0)
		close(s->nsfd);
	lm_netns_watch_close(&s->net_watch);
	free(s);
}

const char *lm_source_dir(const struct lm_source *s)
{
	return s->dir;
}

const char *lm_source_name(const struct lm_source *s)
{
	return s->name;
}

struct lm_nl *lm_source_nl(struct lm_source *s)
{
	return s->nl;
}

uint32_t lm_source_session(const struct lm_source *s)
{
	return s->session;
}

const struct lm_model *lm_source_model(const struct lm_source *s)
{
	return &s->model;
}

/* A child between vfork() and exec has its parent's memory: a moment later it
 * has its own.
 */
static bool spawning(const struct lm_model *m)
{
	struct lm_ids seen = { 0 };
	bool twice = false;

	for (size_t i = 0; i < m->nr_procs && !twice; i++)
		if (m->procs[i]->mm)
			twice = lm_ids_get(&seen, m->procs[i]->mm_id) >= 0 ||
				lm_ids_put(&seen, m->procs[i]->mm_id, i);
	lm_ids_free(&seen);
	return twice;
}

/* Who makes a session and a child in it while they are looked at may be seen before the
 * one and after the other.
 */
static bool settled(struct lm_source *s)
{
	return !spawning(&s->model) && !lm_source_tree(s, NULL);
}

/* The inventory of the running container. */
static int list(struct lm_source *s, struct lm_objects *o, struct lm_error *e)
{
	uint64_t end = lm_now_ns() + (s->live ? LIVE_NS : 0);
	int tries = LIST_TRIES;
	struct lm_error why;

	for (int failed = 0; failed < FAILED_TRIES;) {
		memset(&why, 0, sizeof(why));
		if (lm_objects_get(s, o, &why) < 0)
			failed++;
		else if (settled(s) || (--tries <= 0 && lm_now_ns() > end))
			return 0;
		if (o)
			lm_objects_free(o);
		usleep(5000);
	}
	if (e && !e->code)
		*e = why;
	return -1;
}

/* A running container is told of in several messages: of a pipe that is made meanwhile,
 * of a process that comes or goes, some have only the one half. What three lists in a row
 * refuse is refused.
 */
static int judge_running(struct lm_source *s, void (*report)(const char *line, void *arg),
			 void *arg, struct lm_error *e)
{
	struct lm_error last = { 0 }, now;

	for (int i = 0, same = 0; i < JUDGE_TRIES && same < 2; i++) {
		memset(&now, 0, sizeof(now));
		if (lm_source_judge(s, NULL, NULL, &now) >= 0)
			return 0;
		same = strcmp(now.msg, last.msg) ? 0 : same + 1;
		last = now;
		usleep(20000);
		if (same < 2 && list(s, NULL, e) < 0)
			return -1;
	}
	return lm_source_judge(s, report, arg, e) < 0 ? -1 : 0;
}

int lm_source_check(struct lm_source *s, void (*report)(const char *line, void *arg),
		    void *arg, struct lm_error *e)
{
	struct lm_error own = { 0 };
	struct lm_buf b = { 0 };
	int ret;

	if (!e)
		e = &own;
	if (lm_cgroup_check(s->dir, e) < 0 || list(s, NULL, e) < 0 ||
	    lm_source_find_netns(s, e) < 0)
		return -1;
	ret = judge_running(s, report, arg, e);
	if (lm_source_builds(s, NULL, e) < 0)
		return -1;
	if (ret >= 0 && (lm_source_keys(s, report, arg, e) < 0 ||
			 lm_seccomp_learn(s, e) < 0 || lm_source_labels(s, NULL, e) < 0 ||
			 lm_source_describe_ns(s, NULL, e) < 0 ||
			 lm_source_describe_ipc(s, NULL, false, e) < 0))
		ret = -1;
	if (s->nsfd >= 0) {
		struct lm_error net = { 0 };

		if (lm_source_list_net(s, &b, &net) < 0 ||
		    lm_nft_dump(s->nsfd, &b, &net) < 0) {
			ret = -1;
			if (!e->code)
				*e = net;
			else if (report)
				report(net.msg, arg);
		}
		lm_buf_free(&b);
		lm_netns_warm();
	}
	return ret < 0 ? -1 : 0;
}

int lm_source_track(struct lm_source *s, bool on, struct lm_error *e)
{
	if (lm_nl_track(s->nl, s->session, on, e) < 0)
		return -1;
	s->tracked = on;
	return 0;
}

static void pages_flag(struct lm_source *s, uint32_t flag, bool on)
{
	s->pages_flags = on ? s->pages_flags | flag : s->pages_flags & ~flag;
}

void lm_source_patches(struct lm_source *s, bool on)
{
	pages_flag(s, LIVEMIG_PAGES_F_PATCHES, on);
}

void lm_source_other_vdso(struct lm_source *s, bool on)
{
	s->vdso_tries = on ? -1 : 0;
}

void lm_source_live(struct lm_source *s, bool on)
{
	s->live = on;
}

void lm_source_hot(struct lm_source *s, bool on)
{
	pages_flag(s, LIVEMIG_PAGES_F_HOT, on);
}

void lm_source_later(struct lm_source *s, bool on)
{
	pages_flag(s, LIVEMIG_PAGES_F_LATER, on);
}

int lm_source_header(struct lm_source *s, struct lm_out *out, uint8_t *id,
		     struct lm_error *e)
{
	struct lm_buf b = { 0 };
	struct lm_vdso vdso;
	struct lm_info info;
	struct utsname u;
	struct timespec boot;
	uint8_t own[16];

	if (lm_nl_info(s->nl, &info, e) < 0)
		return -1;
	if (!id)
		id = own;
	if (getrandom(id, 16, 0) != 16)
		return lm_fail_errno(e, LM_FAILED, "getrandom");
	uname(&u);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	lm_put_u32(&b, LM_HEADER_FORMAT, 1);
	lm_put(&b, LM_HEADER_ID, id, 16);
	lm_put_str(&b, LM_HEADER_ARCH, u.machine);
	lm_put_str(&b, LM_HEADER_KERNEL, u.release);
	lm_put_str(&b, LM_HEADER_HOST, u.nodename);
	lm_put_u64(&b, LM_HEADER_TIME, time(NULL));
	lm_put_u64(&b, LM_HEADER_XFEATURES, info.xfeatures);
	lm_put_u32(&b, LM_HEADER_XSTATE_SIZE, info.xstate_size);
	lm_put_u64(&b, LM_HEADER_VDSO_ID, info.vdso_id);
	lm_put_str(&b, LM_HEADER_NAME, s->name);
	lm_put_u64(&b, LM_HEADER_BOOTTIME_NS, boot.tv_sec * 1000000000ULL + boot.tv_nsec);
	/* (without it, it can be restored on this kernel only) */
	if (!lm_vdso_own(&vdso, NULL) && lm_vdso_id(&vdso) == info.vdso_id)
		lm_put(&b, LM_HEADER_VDSO, vdso.bytes, vdso.len);
	lm_vdso_free(&vdso);
	return lm_out_buf(out, LM_REC_HEADER, &b, e);
}

int lm_source_round(struct lm_source *s, struct lm_out *out, struct lm_stats *st,
		    struct lm_error *e)
{
	struct lm_objects o = { 0 };
	int ret = -1;

	if (list(s, &o, e) == 0 && lm_source_builds(s, &o, e) == 0 &&
	    lm_source_labels(s, &o, e) == 0 &&
	    lm_source_describe_net(s, &o, e) == 0 &&
	    lm_source_describe_ns(s, &o, e) == 0 &&
	    lm_source_describe_ipc(s, &o, false, e) == 0 &&
	    lm_source_round_begin(s, out, false, e) == 0 &&
	    lm_objects_write(&o, out, e) == 0)
		ret = lm_source_round_end(s, out, s->pages_flags, st, e);
	lm_objects_free(&o);
	return ret;
}

int lm_source_predict(struct lm_source *s, const struct lm_stats *st, uint64_t ns,
		      struct lm_predict *p, struct lm_error *e)
{
	struct lm_stats now;

	if (lm_nl_pages(s->nl, s->session, -1, LIVEMIG_PAGES_F_COUNT, &now, e))
		return -1;
	if (ns && (!p->rate || st->bytes > RATE_BYTES))
		p->rate = (double)st->bytes / ns;
	p->left = now.dirty;
	p->ms = FIXED_MS + (p->rate > 0 ? now.dirty * (double)LIVEMIG_REC_PAGE / p->rate / 1e6 : 0);
	return 0;
}

int lm_source_net_quiet(struct lm_source *s, bool quiet, struct lm_error *e)
{
	if (s->nsfd < 0)
		return 0;
	if (lm_netns_quiet(s->nsfd, quiet, e))
		return -1;
	/* The other host may have done so. */
	if (!quiet)
		lm_netns_announce(s->nsfd);
	return 0;
}

struct lm_packets *lm_source_packets(const struct lm_source *s)
{
	return s->packets;
}

int lm_source_thaw(struct lm_source *s, struct lm_error *e)
{
	int ret = s->frozen ? lm_nl_thaw(s->nl, s->session, e) : 0;

	/* Packets are worth something only to those who can answer. */
	lm_netunlock(s->lock);
	s->lock = NULL;
	s->frozen = false;
	if (s->packets) {
		lm_packets_stop(s->packets);
		lm_packets_each(s->packets, lm_packets_deliver, s->packets);
	}
	lm_packets_close(s->packets);
	s->packets = NULL;
	return ret;
}

int lm_source_let_talk(const char *dir, struct lm_error *e)
{
	char path[64];
	int fd, own, ret = 0;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", lm_cgroup_any(dir));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	/* (without a living process nobody is to talk) */
	if (fd >= 0 && own >= 0 && lm_ns_ino(fd) != lm_ns_ino(own)) {
		ret = lm_netns_quiet(fd, false, e);
		lm_netns_announce(fd);
	}
	if (fd >= 0)
		close(fd);
	if (own >= 0)
		close(own);
	return ret;
}

void lm_source_reaped(const struct lm_source *s)
{
	for (size_t i = 0, waits = 0; i < s->model.nr_procs; i++) {
		pid_t pid = s->model.procs[i]->host;

		while (pid && !kill(pid, 0) && waits++ < REAPED_MS)
			usleep(1000);
	}
}

int lm_source_kill(struct lm_source *s, struct lm_error *e)
{
	if (lm_cgroup_kill(s->dir, 10000) < 0)
		return errno == ETIMEDOUT ?
		       lm_fail(e, LM_OPERATOR, "%s: its tasks do not die", s->dir) :
		       lm_fail_errno(e, LM_OPERATOR, "cannot kill %s", s->dir);
	/* Their files that the module has kept for us are closed now, not later. */
	if (lm_model_any_ended(&s->model))
		lm_nl_thaw(s->nl, s->session, NULL);
	lm_source_drop_ipc(s);
	/* The lock is still on: what their sockets say to the peers on closing
	 * does not leave, and then there is no way out any more.
	 */
	if (s->nsfd >= 0 && lm_netns_clear(s->nsfd, e) < 0)
		return -1;
	lm_netunlock(s->lock);
	s->lock = NULL;
	lm_nl_session_del(s->nl, s->session, NULL);
	s->has_session = s->frozen = false;
	if (lm_cgroup_remove(s->dir) < 0)
		return lm_fail_errno(e, LM_OPERATOR, "cannot remove %s", s->dir);
	return 0;
}

/* The cgroup of that name may be another one by now. */
static bool is_of_session(const struct lm_source *s, uint32_t session)
{
	struct lm_session_info info;
	struct stat st;

	return !lm_nl_session_get(s->nl, session, &info, NULL) &&
	       !fstat(s->cgroup_fd, &st) && st.st_ino == info.cgroup_id;
}

/* One without a name has gone with its last task, and its number is another one's by now. */
static int bury_netns(uint32_t ino, const char *name, struct lm_error *e)
{
	char path[512];
	int fd, ret;

	if (!*name)
		return 0;
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : lm_fail_errno(e, LM_OPERATOR, "%s", path);
	ret = lm_ns_ino(fd) == ino ? lm_netns_clear(fd, e) : 0;
	close(fd);
	return ret;
}

int lm_source_bury(const char *target, uint32_t session, uint32_t netns,
		   const char *netns_name, struct lm_error *e)
{
	struct lm_source *s = new_source(target, e);
	int ret = 0;

	if (!s)
		return -1;
	if (!is_of_session(s, session))
		ret = lm_fail(e, LM_OPERATOR, "%s: is another one by now", s->dir);
	else if (lm_cgroup_kill(s->dir, 10000) < 0)
		ret = lm_fail_errno(e, LM_OPERATOR, "cannot kill %s", s->dir);
	else
		ret = bury_netns(netns, netns_name, e);
	if (!ret) {
		lm_nl_session_del(s->nl, session, NULL);
		if (lm_cgroup_remove(s->dir) < 0)
			ret = lm_fail_errno(e, LM_OPERATOR, "cannot remove %s", s->dir);
	}
	lm_source_close(s);
	return ret;
}
