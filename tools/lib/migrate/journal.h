/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each side of a migration has promised, in files below /run/livemig, one
 * a migration: ROLE/ID. It lives as long as the host is up, like the
 * containers that it speaks of. The file is locked as long as the process that
 * works on the migration lives.
 *
 *	source:  sending -> committed -> [serving ->] done | aborted
 *	agent:   receiving -> ready -> committing -> [arriving ->] running | discarded
 *							       \-> lost
 *
 * Those in brackets are post-copy's: it runs there, or is about to, with memory that is
 * still here. From then on it never runs here again.
 *
 * "committing" or "arriving" with nobody holding the lock: the agent died between its
 * promise and its word that it is done; the container runs if its tasks are there. If
 * not, the first is "discarded": nothing has run. The second, which is written when the
 * tasks are next, is "lost".
 */
#ifndef LM_JOURNAL_H
#define LM_JOURNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "../error.h"

struct lm_journal {
	char role[8];		/* "source" or "agent" */
	uint8_t id[16];
	char state[16];
	char name[PATH_MAX];	/* target on the source, its name at the agent */
	char peer[256];		/* HOST[:PORT] of the other side */
	uint64_t host, boot;	/* source: who got COMMIT, see LM_HELLO_HOST_ID; 0: an
				 * agent that does not say
				 */
	uint32_t session;	/* source: the persistent session */
	uint32_t netns;		/* source: inode number of its network namespace, or 0, */
	char netns_name[256];	/* and its name in /run/netns, or "" */
	char dir[PATH_MAX];	/* agent: the container's cgroup, */
	uint64_t cgroup;	/* and its inode number */
	pid_t pid;		/* agent: first process of the container */
	int lock;		/* fd that holds the lock, or -1 */
};

/* Begin: takes the lock; state as given. A name that cannot be kept is refused. */
int lm_journal_begin(struct lm_journal *j, const char *role, const uint8_t *id,
		     const char *name, const char *peer, const char *state,
		     struct lm_error *e);
/* Write another state; it is on disk when this returns. */
int lm_journal_state(struct lm_journal *j, const char *state, struct lm_error *e);
/* Read what is there. @wait_ms: how long to wait for the lock's holder.
 * Return: 1 read (j->lock held), 0 there is none, -1 error or still held.
 */
int lm_journal_read(struct lm_journal *j, const char *role, const uint8_t *id,
		    int wait_ms, struct lm_error *e);
/* Ids of all journals of @role in that state ("" = any); at most @max. */
int lm_journal_list(const char *role, const char *state, uint8_t (*ids)[16],
		    int max);
void lm_journal_close(struct lm_journal *j, bool remove);
/* Does the outcome of a migration from here decide over what this session holds? (Whoever
 * works on that.)
 */
bool lm_journal_holds(uint32_t session);

void lm_id_text(const uint8_t *id, char *text);	/* 33 bytes */
int lm_id_parse(const char *text, uint8_t *id);	/* 0 or -1 */

#endif
