// SPDX-License-Identifier: GPL-2.0-or-later
/* Unix listeners with connections that nobody has accepted. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"

static int listener, accepted, before, client[4], type;
static char name[32];

static void from_another_user(void)
{
	client[3] = unix_connected(type, name);
	check(says(client[3], "from a stranger") && !close(client[3]));
}

static pid_t stranger;

static void set(int t, const char *n)
{
	type = t;
	strcpy(name, n);
	listener = unix_listening(type, name, 8);
	if (name[0] != '@')
		check(chmod(name, 0777) == 0);
	before = unix_connected(type, name);
	accepted = accept(listener, NULL, NULL);
	client[0] = unix_connected(type, name);
	check(says(client[0], "first"));
	client[1] = unix_connected(type, name);
	check(says(client[1], "second") && says(client[1], "and its end") && !close(client[1]));
	client[2] = unix_bound(type, "client");
	struct sockaddr_un a;
	socklen_t len = unix_addr(&a, name);
	check(connect(client[2], (void *)&a, len) == 0);
	check(says(client[2], "third") && shutdown(client[2], SHUT_WR) == 0);
	stranger = in_child(4321, 1234, from_another_user);
	int status;
	check(waitpid(stranger, &status, 0) == stranger && status == 0);
	client[3] = unix_connected(type, name);
	check(listen(listener, 2) == 0);
}

static void get(void)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	int s;

	check(says(before, "x") && hears(accepted, "x"));
	s = accept(listener, NULL, NULL);
	check(hears(s, "first") && says(s, "answer") && hears(client[0], "answer"));
	check(unix_is(client[0], true, name) && unix_is(s, false, name));
	s = accept(listener, NULL, NULL);
	if (type == SOCK_STREAM)
		check(hears(s, "secondand its end"));
	else
		check(hears(s, "second") && hears(s, "and its end"));
	check(ends(s));
	s = accept(listener, NULL, NULL);
	check(unix_is(s, true, "client") && unix_is(client[2], false, "client"));
	check(hears(s, "third") && ends(s));
	check(says(s, "still") && hears(client[2], "still") && !says(client[2], "x"));
	s = accept(listener, NULL, NULL);
	check(hears(s, "from a stranger") && ends(s));
	check(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0);
	check(who.pid == stranger && who.uid == 4321 && who.gid == 1234);
	s = accept(listener, NULL, NULL);
	check(says(client[3], "empty") && hears(s, "empty"));
	check(getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid());
	check(getsockopt(client[3], SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 &&
	      who.pid == getpid() && who.uid == 0);
	check(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
	check(accept(listener, NULL, NULL) < 0 && errno == EAGAIN);
	/* The backlog is as it was. */
	for (int i = 0; i < 3; i++)
		client[i] = unix_connected(type, name);
	client[3] = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	struct sockaddr_un a;
	len = unix_addr(&a, name);
	check(connect(client[3], (void *)&a, len) < 0 && errno == EAGAIN);
}

static void set_stream(void)
{
	set(SOCK_STREAM, "listener");
}

static void set_seqpacket(void)
{
	set(SOCK_SEQPACKET, "@livemig-backlog");
}

const struct test backlog_tests[] = {
	{ "backlog", set_stream, get },
	{ "seqbacklog", set_seqpacket, get },
	{ 0 }
};
