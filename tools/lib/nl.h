/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Client of the "livemig" generic netlink family, over libmnl. All functions
 * return 0 or -1 with @e filled (the kernel's extack text is in the message).
 */
#ifndef LM_NL_H
#define LM_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/livemig.h>
#include "error.h"

struct lm_nl;

struct lm_info {
	char version[32], kernel[80];
	uint32_t protocol, xstate_size, sessions;
	uint64_t xfeatures, vdso_id;
	char features[256];		/* names, separated by spaces */
};

struct lm_session_info {
	uint32_t id, state, flags, tasks, round;
	uint64_t cgroup_id;
	char name[LIVEMIG_NAME_MAX + 1];
	char tracker[32];
};

struct lm_stats {			/* as enum livemig_stats_attr */
	uint64_t present, dirty, data, zero, same, hole, bytes;
	uint64_t ns_walk, ns_flush, ns_write, ns_total, ns_locked;
	uint64_t delta, copy, later;
};

struct lm_event {
	uint32_t event, session, round, pid;
	char name[LIVEMIG_NAME_MAX + 1];
	bool has_stats;
	struct lm_stats stats;
};

/* One object of TASK_GET; @attrs are the attributes inside OBJ, aligned to 4. */
typedef int (*lm_obj_cb)(uint16_t type, const void *attrs, size_t len, void *arg,
			 struct lm_error *e);

/* Fails with LM_REFUSED when the module is not loaded ("modprobe livemig"), has
 * another LIVEMIG_PROTOCOL, or the caller lacks the privilege.
 */
int lm_nl_open(struct lm_nl **nl, struct lm_error *e);
void lm_nl_close(struct lm_nl *nl);
int lm_nl_info(struct lm_nl *nl, struct lm_info *info, struct lm_error *e);
int lm_nl_session_new(struct lm_nl *nl, int cgroup_fd, const char *name,
		      uint32_t flags, uint32_t *id, struct lm_error *e);
int lm_nl_session_del(struct lm_nl *nl, uint32_t id, struct lm_error *e);
/* Persistent or not from now on; clearing it makes this socket the owner. */
int lm_nl_session_persist(struct lm_nl *nl, uint32_t id, bool on,
			  struct lm_error *e);
int lm_nl_session_get(struct lm_nl *nl, uint32_t id, struct lm_session_info *s,
		      struct lm_error *e);
int lm_nl_sessions(struct lm_nl *nl,
		   int (*cb)(const struct lm_session_info *s, void *arg),
		   void *arg, struct lm_error *e);
int lm_nl_freeze(struct lm_nl *nl, uint32_t id, uint32_t timeout_ms,
		 struct lm_error *e);
int lm_nl_thaw(struct lm_nl *nl, uint32_t id, struct lm_error *e);
int lm_nl_track(struct lm_nl *nl, uint32_t id, bool on, struct lm_error *e);
/* Checks COOKIE and SEQ: an incomplete dump is an error. */
int lm_nl_task_get(struct lm_nl *nl, uint32_t id, lm_obj_cb cb, void *arg,
		   struct lm_error *e);
/* A descriptor of a file in flight of the last TASK_GET, which froze it. */
int lm_nl_file_get(struct lm_nl *nl, uint32_t id, uint32_t file, int *fd,
		   struct lm_error *e);
/* @fd -1 with LIVEMIG_PAGES_F_COUNT. Runs until the round is over. */
int lm_nl_pages(struct lm_nl *nl, uint32_t id, int fd, uint32_t flags,
		struct lm_stats *st, struct lm_error *e);
/* Of a frozen container: pages that its last round has only named. */
int lm_nl_pages_of(struct lm_nl *nl, uint32_t id, int fd, uint32_t mm,
		   const struct livemig_range *v, size_t n, struct lm_stats *st,
		   struct lm_error *e);
/* Events on a socket of their own: join, then wait. Return of _wait: 1 an
 * event, 0 timeout, -1 error.
 */
int lm_nl_events_open(struct lm_nl **nl, struct lm_error *e);
int lm_nl_events_wait(struct lm_nl *nl, struct lm_event *ev, int timeout_ms,
		      struct lm_error *e);

#endif
