/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that know what must become of their sockets. Each test is an entry in
 * a table of its file: set() makes the state, get() looks at it after the move
 * and check()s it, both in the one process of the container.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "../check.h"

struct test {
	const char *name;
	void (*set)(void);
	void (*get)(void);
};

extern const struct test backlog_tests[], rights_tests[], cred_tests[], name_tests[],
			 tcp_tests[], tcp_end_tests[], opt_tests[], udp_tests[],
			 multicast_tests[], refuse_tests[];

/* The directory of the test, which is the working directory of set(). */
extern char dir[256];

/* main.c */
bool says(int fd, const char *text);
bool hears(int fd, const char *text);	/* exactly this is next */
bool ends(int fd);			/* nothing more, and never will be */
/* An address; @name "@x" is abstract. Return: its length. */
socklen_t unix_addr(struct sockaddr_un *a, const char *name);
int unix_bound(int type, const char *name);
int unix_listening(int type, const char *name, int backlog);
int unix_connected(int type, const char *name);
bool unix_is(int fd, bool peer, const char *name);	/* getsockname, getpeername */
/* Run @fn in a child with these ids until it returns. Return: its pid, ended. */
pid_t in_child(uid_t uid, gid_t gid, void (*fn)(void));

#endif
