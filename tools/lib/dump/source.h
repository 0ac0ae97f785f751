/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source side: one container that is dumped or migrated. `migctl dump`
 * and `migctl migrate` write the same records through this. When the process
 * dies at any point the module thaws the container and the network lock goes
 * with its socket: the container runs on.
 */
#ifndef LM_SOURCE_H
#define LM_SOURCE_H

#include "../model.h"
#include "../nl.h"
#include "../record.h"

struct lm_source;

/* @target: a cgroup directory (/sys/fs/cgroup/...), cgroup:NAME, or pid:N (that
 * process and its descendants are put into a transient cgroup, and back into
 * their own by lm_source_close() if they are still here).
 */
int lm_source_open(struct lm_source **s, const char *target, struct lm_error *e);
/* Work on a frozen container whose persistent session another process left: it
 * stays persistent, so that it stays frozen whatever happens to us. Only who
 * knows that it does not run elsewhere makes it his own and thaws it.
 */
int lm_source_adopt(struct lm_source **s, const char *target, uint32_t session,
		    struct lm_error *e);
/* Also thaws, unless the session was made persistent. */
void lm_source_close(struct lm_source *s);
const char *lm_source_name(const struct lm_source *s);
const char *lm_source_dir(const struct lm_source *s);	/* of its cgroup */
struct lm_nl *lm_source_nl(struct lm_source *s);
uint32_t lm_source_session(const struct lm_source *s);
/* The newest model (of lm_source_check, _round or _final). */
const struct lm_model *lm_source_model(const struct lm_source *s);

/* For kinds: */
/* An fd of the container's network namespace, or -1 for the host's. */
int lm_source_netns(const struct lm_source *s);
/* What kinds/sockopt.c has learned. */
struct lm_usual;
struct lm_usual **lm_source_usual(struct lm_source *s);
bool lm_source_is_frozen(const struct lm_source *s);
/* An fd of our own for a file that is in flight in the frozen container. */
int lm_source_grab(struct lm_source *s, const struct lm_file *f, struct lm_error *e);

/* Inventory while it runs; LM_REFUSED naming every thing that cannot move (the
 * first in e->msg, the others on @report if not NULL). Transient refusals pass.
 */
int lm_source_check(struct lm_source *s, void (*report)(const char *line, void *arg),
		    void *arg, struct lm_error *e);
int lm_source_track(struct lm_source *s, bool on, struct lm_error *e);
/* From now on rounds say what is different instead of whole pages (PATCHES):
 * only when the reader of the stream knows these records.
 */
void lm_source_patches(struct lm_source *s, bool on);
/* Each round is made as it comes, so that the processes of the next one need not be made
 * from nothing (of an image only the last round is made).
 */
void lm_source_live(struct lm_source *s, bool on);
/* It goes to a kernel with another vdso: no thread may be in there; or to one with the
 * same. Until this is told, a few stops are tried for one in which no thread is.
 */
void lm_source_other_vdso(struct lm_source *s, bool on);
/* From now on pages that are written in round after round stay writable (HOT). */
void lm_source_hot(struct lm_source *s, bool on);

/* The last round names private memory without its bytes: who reads the stream asks for
 * them, as long as it is frozen (lm_nl_pages_of()).
 */
void lm_source_later(struct lm_source *s, bool on);

/* HEADER record. @id: 16 bytes out, may be NULL. */
int lm_source_header(struct lm_source *s, struct lm_out *out, uint8_t *id,
		     struct lm_error *e);
/* A round while it runs: ROUND, objects of the inventory (PROCESS, THREAD, MM,
 * VMAS, FILE, FDS, SHMEM), PAGES, ROUND_END.
 */
int lm_source_round(struct lm_source *s, struct lm_out *out, struct lm_stats *st,
		    struct lm_error *e);

/* What a stop would cost. All 0 before the first round. */
struct lm_predict {
	uint64_t left;		/* pages that are dirty now */
	double ms;		/* for them, at the rate of the rounds until now */
	double rate;		/* bytes a nanosecond; 0: not known */
};
/* After a round that was @st and took @ns from end to end (before the first: NULL, 0). */
int lm_source_predict(struct lm_source *s, const struct lm_stats *st, uint64_t ns,
		      struct lm_predict *p, struct lm_error *e);

/* What the stopped phase is made of, in nanoseconds. */
struct lm_stop_times {
	uint64_t freeze, netlock, state, files, pages, total;
};
/* Freeze (retrying while something transient is in the way: @tries times),
 * network lock, then ROUND{FINAL}, objects with registers, queues, NETNS,
 * CGROUP, PAGES{FINAL}, ROUND_END, END. Leaves it frozen and locked. On error
 * it is thawed and unlocked.
 */
int lm_source_final(struct lm_source *s, struct lm_out *out, int tries,
		    struct lm_stats *st, struct lm_stop_times *t,
		    struct lm_error *e);
/* Run on. */
int lm_source_thaw(struct lm_source *s, struct lm_error *e);
/* Packets that come for it while it is stopped; NULL: it has no devices of its own.
 * lm_source_thaw() delivers them here.
 */
struct lm_packets;
struct lm_packets *lm_source_packets(const struct lm_source *s);
/* Stop answering for its addresses (ARP), reversible: right before COMMIT.
 * @quiet false undoes it, and announces them.
 */
int lm_source_net_quiet(struct lm_source *s, bool quiet, struct lm_error *e);
/* The same for the frozen container in the cgroup @dir, whose source has gone: it is about
 * to run on.
 */
int lm_source_let_talk(const char *dir, struct lm_error *e);
/* Kill all its tasks while frozen (cgroup.kill), wait until they are gone,
 * remove its network devices, then its empty cgroup. After the destination's RUNNING
 * only.
 */
int lm_source_kill(struct lm_source *s, struct lm_error *e);
/* What is left where somebody died in that: its tasks are gone, or are to go. @netns is the
 * inode number of its network namespace, which had the name @netns_name ("": none).
 */
int lm_source_bury(const char *target, uint32_t session, uint32_t netns,
		   const char *netns_name, struct lm_error *e);
/* Then: until their pids can be given to others, which is when init, or whoever is their
 * parent, has waited for them; no longer than a second.
 */
void lm_source_reaped(const struct lm_source *s);

#endif
