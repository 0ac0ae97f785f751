/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unix sockets: unix.c makes them, unix_name.c gives them their names,
 * unix_msg.c fills their queues, unix_peer.c tells them who is at the other end.
 * f->dir is the directory of the inode that f is bound to (O_PATH), as long as
 * it must be found; f->other an end of a pair that the container has closed.
 */
#ifndef LM_KINDS_UNIX_H
#define LM_KINDS_UNIX_H

#include "sock.h"

bool lm_unix_is(const struct lm_file *f);
int lm_unix_type(const struct lm_file *f);
/* The socket that @f is connected to, if it is in the container. */
struct lm_file *lm_unix_peer(const struct lm_model *m, const struct lm_file *f);
/* A socketpair or a connection, as opposed to a datagram socket that sends to
 * another.
 */
bool lm_unix_is_pair(const struct lm_model *m, const struct lm_file *f);
/* The socket with this name, a listener or not. */
struct lm_file *lm_unix_bound_to(const struct lm_model *m, const union lm_sockaddr *a,
				 bool listening);

/* Bind @fd to the name of @f, if it has one; set f->dir. */
int lm_unix_bind(struct lm_restorer *r, struct lm_file *f, int fd, struct lm_error *e);
/* connect() @fd to @to, wherever that is bound. */
int lm_unix_connect(struct lm_restorer *r, const struct lm_file *to, int fd,
		    struct lm_error *e);
/* sendmsg() through @fd to @to, from within its directory. */
int lm_unix_send_to(struct lm_restorer *r, const struct lm_file *to, int fd,
		    struct msghdr *msg, struct lm_error *e);
/* The name is not to be found any more: remove it. */
int lm_unix_unlink(const struct lm_file *f, struct lm_error *e);
/* A socket with the name in an attribute, which nobody else sees; or without. */
int lm_unix_named_socket(struct lm_restorer *r, int type, const struct nlattr *name,
			 struct lm_error *e);
/* Connect @client to a listener of this name that is gone afterwards.
 * Return: the accepted socket.
 */
int lm_unix_accept_by_name(struct lm_restorer *r, int type, const struct nlattr *name,
			   int client, struct lm_error *e);

/* Put the messages of @f into its queue: from @from, a socket connected to it, or
 * (-1) from who sent them.
 */
int lm_unix_fill(struct lm_restorer *r, struct lm_file *f, int from,
		 struct lm_error *e);

/* SO_PEERCRED of the socket @fd, or (@other) of who is connected to it, as @f had
 * it.
 */
int lm_unix_set_peer(struct lm_restorer *r, const struct lm_file *f, int fd,
		     bool other, struct lm_error *e);
/* A child that has ended with the number @pid, so that the kernel knows it, when
 * nobody else has it. Return: true: to be waited for.
 */
bool lm_unix_stand_in(uint32_t pid);
void lm_unix_stand_down(uint32_t pid);

#endif
