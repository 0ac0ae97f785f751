/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds of sockets (tcp.c, udp.c, unix.c) have in common. */
#ifndef LM_KINDS_SOCK_H
#define LM_KINDS_SOCK_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "kind.h"
#include "../restore/restore.h"

union lm_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

extern const struct lm_file_kind lm_kind_tcp_waiting;
extern const struct lm_file_kind lm_kind_tcp_timewait;
extern const struct lm_file_kind lm_kind_tcp_closed;
extern const struct lm_file_kind lm_kind_tcp;
extern const struct lm_file_kind lm_kind_udp;
extern const struct lm_file_kind lm_kind_raw;
extern const struct lm_file_kind lm_kind_netlink;
extern const struct lm_file_kind lm_kind_unix_unaccepted;
extern const struct lm_file_kind lm_kind_unix;

bool lm_sock_is(const struct lm_file *f, int family, int type, int protocol);
/* Address @attr (LIVEMIG_SOCK_LOCAL or _REMOTE). Return: its length, 0: none. */
socklen_t lm_sock_addr(const struct lm_file *f, int attr, union lm_sockaddr *a);
/* A v4 address that hides in a v6 one. */
void lm_sock_unmap(union lm_sockaddr *a);
uint16_t lm_sock_port(const union lm_sockaddr *a);	/* host order */
bool lm_sock_addr_equal(const union lm_sockaddr *a, const union lm_sockaddr *b);
/* "10.0.0.1:80", "[::1]:80", "/run/x", "@abstract" */
void lm_sock_addr_text(const union lm_sockaddr *a, socklen_t len, char *buf, size_t size);
const struct livemig_sock_options *lm_sock_options(const struct lm_file *f);
/* Inode number of this process's own network namespace. */
uint32_t lm_sock_own_netns(void);
uint64_t lm_sock_queue_len(const struct lm_file *f, uint32_t queue);

/* socket() in the container's namespace with the file's O_NONBLOCK. */
int lm_sock_new(struct lm_restorer *r, const struct lm_file *f, struct lm_error *e);
/* setsockopt of an int. */
int lm_sock_set(int fd, int level, int opt, int value, const char *name,
		struct lm_error *e);
/* Options that any socket has; buffers not included. */
int lm_sock_set_options(int fd, const struct lm_file *f, struct lm_error *e);
/* Buffer sizes as saved, and whether they were fixed by the application. */
int lm_sock_set_buffers(int fd, const struct lm_file *f, struct lm_error *e);
/* Room for what will be put into the queues. */
int lm_sock_make_room(int fd, uint64_t send, uint64_t recv, struct lm_error *e);
/* IPv6 sockets: v6only; addresses that are not there (yet): freebind. */
int lm_sock_before_bind(int fd, const struct lm_file *f, struct lm_error *e);

#endif
