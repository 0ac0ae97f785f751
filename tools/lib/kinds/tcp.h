/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* TCP sockets: tcp.c makes them, tcp_wait.c those that wait to be
 * accepted, tcp_timewait.c those that are over, tcp_ended.c what a program still has of
 * those.
 */
#ifndef LM_KINDS_TCP_H
#define LM_KINDS_TCP_H

#include "sock.h"

bool lm_tcp_is(const struct lm_file *f);
int lm_tcp_check(const struct lm_model *m, const struct lm_file *f, struct lm_error *e);
/* Make the connection @f of @fd, in repair mode; sets f->fd. */
int lm_tcp_open_connected(struct lm_restorer *r, struct lm_file *f, int fd,
			  struct lm_error *e);
int lm_tcp_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e);
/* @fd, with its options, becomes the socket @f of a connection that has ended. */
int lm_tcp_end(struct lm_restorer *r, const struct lm_file *f, int fd, struct lm_error *e);
/* Fail with the addresses of @f: "cannot @what". */
int lm_tcp_cannot(struct lm_error *e, const char *what, const struct lm_file *f);

#endif
