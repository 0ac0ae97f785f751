// SPDX-License-Identifier: LGPL-2.1-or-later
/* The agent's listener: it forks a process for each connection. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../net/netns.h"
#include "migrate.h"
#include "wire.h"

/* More than this at a time wait in the backlog. */
#define CHILDREN_MAX	16

static int listen_on(const char *where, int *port, struct lm_error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = AI_PASSIVE }, *a;
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	const char *service;
	char host[256];
	int fd, ret, on = 1;

	if (lm_host_port(where, host, sizeof(host), &service, e))
		return -1;
	ret = getaddrinfo(host, service, &hints, &a);
	if (ret)
		return lm_fail(e, LM_USAGE,
			       "%s: no such address (%s): give one that this host has",
			       where, gai_strerror(ret));
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	ret = fd < 0 || bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 16) ||
	      getsockname(fd, (struct sockaddr *)&addr, &len);
	freeaddrinfo(a);
	if (ret) {
		lm_fail_errno(e, LM_REFUSED, "cannot listen on %s", where);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*port = ntohs(addr.ss_family == AF_INET6 ?
		      ((struct sockaddr_in6 *)&addr)->sin6_port :
		      ((struct sockaddr_in *)&addr)->sin_port);
	return fd;
}

static void child(int conn, int listener, int sig, const sigset_t *old,
		  const struct lm_agent_opts *o)
{
	struct lm_error e = { 0 };

	close(listener);
	close(sig);
	sigprocmask(SIG_SETMASK, old, NULL);
	/* A session of its own: ^C at the agent's terminal ends the listener,
	 * not a container that just arrived.
	 */
	setsid();
	_exit(lm_agent_serve(conn, o, &e) ? e.code : LM_OK);
}

static int reap(void)
{
	int n = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		n++;
	return n;
}

int lm_agent(const struct lm_agent_opts *o, void (*ready)(int port, void *arg),
	     struct lm_error *e)
{
	struct signalfd_siginfo si;
	sigset_t set, old;
	struct pollfd pfd[2];
	int fd, sig, conn, port = 0, children = 0, ret = -1;
	pid_t pid;

	fd = listen_on(o->listen, &port, e);
	if (fd < 0)
		return -1;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	sig = signalfd(-1, &set, SFD_CLOEXEC);
	if (sig < 0) {
		lm_fail_errno(e, LM_FAILED, "signalfd");
		goto out;
	}
	lm_netns_warm();
	if (ready)
		ready(port, o->arg);
	pfd[0] = (struct pollfd){ .fd = sig, .events = POLLIN };
	for (;;) {
		pfd[1] = (struct pollfd){
			.fd = children < CHILDREN_MAX ? fd : -1,
			.events = POLLIN };
		if (poll(pfd, 2, -1) < 0 && errno != EINTR) {
			lm_fail_errno(e, LM_FAILED, "poll");
			break;
		}
		if (pfd[0].revents && read(sig, &si, sizeof(si)) == sizeof(si)) {
			if (si.ssi_signo != SIGCHLD) {
				ret = 0;
				break;
			}
			children -= reap();
		}
		if (!pfd[1].revents)
			continue;
		conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0)
			continue;
		pid = fork();
		if (!pid)
			child(conn, fd, sig, &old, o);
		if (pid > 0)
			children++;
		close(conn);
	}
	close(sig);
out:
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fd);
	return ret;
}
