/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP connections with both ends in the container, and what goes through them. */
#ifndef TCP_H
#define TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSED,
       CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING };

/* At ports of the loopback addresses. */
int tcp_listening(int family, int port, int backlog);
int tcp_connected(int family, int port, int flags);	/* AF_INET6: to ::1 */
void tcp_pair(int family, int port, int sv[2]);

int state_of(int fd);			/* -1: it has none */
bool comes_to(int fd, int state);	/* waits; what makes it so is under way */
uint16_t port_of(int fd, bool peer);	/* in network order; 0: none */

/* It comes soon: within a minute, however slow the machine is. */
bool soon(int fd, const char *text);
bool ends_soon(int fd);
/* Bytes until the other side and we can take no more. Return: how many. */
size_t fill(int fd);
bool gives(int fd, size_t len);		/* so many of the same, at most MUCH */
bool drain(int fd, size_t len);		/* all of that, in order */
#define MUCH	60000

#endif
