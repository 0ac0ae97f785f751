/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What nl.c does with bytes that came from a netlink socket; no sockets here. */
#ifndef LM_NL_PARSE_H
#define LM_NL_PARSE_H

#include <linux/netlink.h>
#include "nl.h"

/* One reply (or a part of a dump) in progress. */
struct lm_reply {
	uint16_t family;		/* message type that carries answers */
	uint32_t seq, portid;		/* of the request; portid 0: any */
	bool dump;
	/* Called with the attributes of each answer. When it fails, what is
	 * left of the dump is taken from the socket and ignored.
	 */
	int (*answer)(uint8_t cmd, const void *attrs, size_t len, void *arg,
		      struct lm_error *e);
	void *arg;
	const char *what;		/* the request, for messages: "freeze" */
	bool failed;
};

/* @len bytes of one datagram. Return: 1 the reply is complete, 0 more will come,
 * -1 it failed (complete, too).
 */
int lm_reply_parse(struct lm_reply *r, const void *buf, size_t len,
		   struct lm_error *e);

/* Attributes of the family's messages. */
int lm_parse_info(const void *attrs, size_t len, struct lm_info *i, struct lm_error *e);
int lm_parse_session(const void *attrs, size_t len, struct lm_session_info *s,
		     struct lm_error *e);
int lm_parse_stats(const struct nlattr *nest, struct lm_stats *st, struct lm_error *e);
int lm_parse_event(const void *attrs, size_t len, struct lm_event *ev,
		   struct lm_error *e);
/* CTRL_CMD_NEWFAMILY: the family's number, and that of group "events". */
int lm_parse_family(const void *attrs, size_t len, uint16_t *id, uint32_t *group,
		    struct lm_error *e);

/* The messages of one TASK_GET dump, checked for loss. */
struct lm_task_dump {
	bool begun;
	uint32_t cookie, seq;
	lm_obj_cb cb;
	void *arg;
};
int lm_parse_task(struct lm_task_dump *d, const void *attrs, size_t len,
		  struct lm_error *e);

#endif
