/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Migration, from both ends; the protocol is told in wire.h. */
#ifndef LM_MIGRATE_H
#define LM_MIGRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "../dump/source.h"
#include "../restore/restore.h"
#include "codec.h"

/* Where a migration stands, for progress and for tests. */
enum lm_migrate_step {
	LM_STEP_CHECK,		/* the inventory is taken */
	LM_STEP_CONNECTED,
	LM_STEP_OFFERED,
	LM_STEP_ROUND,		/* a round is over */
	LM_STEP_FROZEN,		/* the last round is sent */
	LM_STEP_READY,
	LM_STEP_COMMITTED,	/* COMMIT is journalled, not yet sent */
	LM_STEP_HELD,		/* source: frozen for good, COMMIT is next */
	LM_STEP_SENT,		/* COMMIT is sent */
	LM_STEP_GOING,		/* agent: the network is unlocked, tasks are next */
	LM_STEP_RUNNING,
	LM_STEP_ARRIVED,	/* post-copy: all of its memory is there */
	LM_STEP_DONE,		/* the source's copy is gone */
};
const char *lm_step_name(enum lm_migrate_step step);

/* Post-copy. */
struct lm_postcopy {
	bool used;		/* false: rounds were enough */
	uint64_t pages;		/* that were only named in the last round */
	uint64_t before;	/* ... of which so many could not wait */
	uint64_t wanted;	/* sent because somebody waited, or close to it */
	uint64_t brought;	/* sent because nobody did */
	uint64_t ns;		/* RUNNING -> ARRIVED */
};

struct lm_round {
	struct lm_stats st;
	uint64_t ns;		/* until the destination had it all in place */
	uint64_t left;		/* pages dirty when it was over */
	double predicted_ms;	/* stop time if it stopped now */
	uint32_t percent;	/* of a processor that it was given; 0: not throttled */
};

#define LM_ROUNDS_MAX 64

struct lm_migrate_opts {
	const char *target;
	const char *host;	/* HOST[:PORT] */
	unsigned int downtime_ms;
	unsigned int rounds;	/* 1..LM_ROUNDS_MAX live rounds at most */
	unsigned int timeout_s;	/* for the live rounds */
	struct lm_compress compress;
	bool delta;		/* what is different in pages, if the other side can */
	bool protect_hot;	/* in every round, also pages written in each */
	bool throttle;		/* slow it down when rounds do not get ahead of it */
	bool strict;		/* give up rather than stop for longer than asked */
	bool postcopy;		/* start it there without the rest rather than that */
	/* May be NULL. @round: the newest, or NULL. */
	void (*progress)(enum lm_migrate_step step, const struct lm_round *round,
			 int nr, void *arg);
	/* Post-copy: pages have been sent; may be NULL. */
	void (*arriving)(const struct lm_postcopy *pc, void *arg);
	/* One line for each further thing that cannot move; may be NULL. */
	void (*refused)(const char *line, void *arg);
	void *arg;
};

struct lm_migrate_result {
	uint8_t id[16];
	char host[65];		/* the destination's name for itself */
	char name[256];
	struct lm_round rounds[LM_ROUNDS_MAX];
	int nr_rounds;
	struct lm_stats final;	/* the round of the stopped phase */
	struct lm_stop_times stop;
	struct lm_postcopy postcopy;
	uint64_t ready_ns;	/* last byte sent -> READY */
	uint64_t resume_ns;	/* COMMIT -> RUNNING */
	uint64_t stop_ns;	/* freeze -> RUNNING, as the source sees it */
	uint64_t total_ns;
	const char *codec;	/* name; "none" */
	double link_rate;	/* bytes a second before it began; 0: not measured */
	uint64_t pages, bytes;	/* sent in all; bytes as TCP counts them */
	uint32_t pid;		/* on the destination */
};

/* Move a container. On failure e->code tells what became of it: LM_REFUSED,
 * LM_FAILED: it runs here; LM_OPERATOR: it is frozen here, since nobody could
 * say whether it runs there (lm_migrate_recover() asks again), or since it ran there
 * and was lost before all of its memory was there (post-copy).
 */
int lm_migrate(const struct lm_migrate_opts *o, struct lm_migrate_result *r,
	       struct lm_error *e);
/* Finish a migration whose outcome was unknown: ask the agent, then kill or
 * thaw the copy here. *@running: it runs there. @id NULL: the only one there is.
 * LM_OPERATOR also when it is done, and the container is lost: e->msg says so.
 */
int lm_migrate_recover(const uint8_t *id, bool *running, struct lm_error *e);

struct lm_agent_opts {
	const char *listen;	/* ADDRESS[:PORT] */
	const char *net_parent;	/* see lm_restore_opts */
	/* What happens, one line each; may be NULL. */
	void (*log)(const char *line, void *arg);
	void *arg;
};

/* Serve until SIGTERM or SIGINT. @ready is called once it listens. Migrations
 * under way run in processes of their own and outlive the listener.
 */
int lm_agent(const struct lm_agent_opts *o, void (*ready)(int port, void *arg),
	     struct lm_error *e);
/* Serve one connection, in this process; closes @fd. */
int lm_agent_serve(int fd, const struct lm_agent_opts *o, struct lm_error *e);

/* Tests only: a signal to this process at the step that $LIVEMIG_DIE_AT ("STEP[:NUMBER]",
 * SIGKILL) names.
 */
void lm_step_reached(enum lm_migrate_step step);

#endif
