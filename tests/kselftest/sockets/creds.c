// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is at the other end, who sent what, and who made them. */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "tcp.h"

static int sv[2], later[2], server, client;
static pid_t dead, alive;

/* The next message with its credentials; @pid -1: there are none. */
static bool gets(int fd, const char *text, pid_t pid, uid_t uid, gid_t gid)
{
	char control[CMSG_SPACE(sizeof(struct ucred))], buf[64];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct ucred who;

	if (n != (ssize_t)strlen(text) || memcmp(buf, text, n))
		return false;
	if (!c || c->cmsg_type != SCM_CREDENTIALS)
		return false;
	memcpy(&who, CMSG_DATA(c), sizeof(who));
	if (pid < 0)
		return !who.pid;
	return who.pid == pid && who.uid == uid && who.gid == gid;
}

static void say_and_end(void)
{
	check(says(sv[0], "from the dead"));
}

static void say_and_stay(void)
{
	check(says(sv[0], "from the living"));
	pause();
}

static void set_scm(int type)
{
	int on = 1, status, before = 0, queued = 0;

	check(!socketpair(AF_UNIX, type, 0, sv) && !socketpair(AF_UNIX, type, 0, later));
	check(says(later[0], "nobody"));
	check(!setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	dead = in_child(77, 88, say_and_end);
	check(waitpid(dead, &status, 0) == dead && !status);
	check(!ioctl(sv[0], SIOCOUTQ, &before));
	alive = in_child(99, 111, say_and_stay);
	/* It has spoken when there is more in the queue than the dead has said. */
	while (ioctl(sv[0], SIOCOUTQ, &queued) == 0 && queued == before)
		usleep(1000);
	check(says(sv[0], "my own"));
}

static void set_dgram(void)
{
	set_scm(SOCK_DGRAM);
}

static void set_stream(void)
{
	set_scm(SOCK_STREAM);
}

static void get_scm(void)
{
	int on = 1;

	check(gets(sv[1], "from the dead", dead, 77, 88));
	check(gets(sv[1], "from the living", alive, 99, 111));
	check(gets(sv[1], "my own", getpid(), 0, 0));
	check(says(sv[0], "now") && gets(sv[1], "now", getpid(), 0, 0));
	/* Who was not noted when it was sent is not made up. */
	check(!setsockopt(later[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	check(gets(later[1], "nobody", -1, 0, 0));
	kill(alive, SIGKILL);
}

/* ---- SO_PEERCRED, SO_PEERGROUPS ---- */

static bool peer_is(int fd, pid_t pid, uid_t uid, gid_t gid, size_t groups)
{
	struct ucred who;
	socklen_t len = sizeof(who);
	gid_t list[64] = { 0 };

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) || who.pid != pid ||
	    who.uid != uid || who.gid != gid)
		return false;
	len = sizeof(list);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, list, &len))
		return false;
	return len == groups * sizeof(gid_t) &&
	       (!groups || (list[0] == gid && list[groups - 1] == gid + groups - 1));
}

static int pair[2], dgram[2], orphan;

static void connect_and_stay(void)
{
	unix_connected(SOCK_STREAM, "listener");
	pause();
}

static void connect_and_go(void)
{
	unix_connected(SOCK_SEQPACKET, "@livemig-creds");
}

static void set_peer(void)
{
	int l = unix_listening(SOCK_STREAM, "listener", 3);
	int q = unix_listening(SOCK_SEQPACKET, "@livemig-creds", 3);

	check(chmod("listener", 0777) == 0);
	alive = in_child(99, 111, connect_and_stay);
	server = accept(l, NULL, NULL);
	client = unix_connected(SOCK_STREAM, "listener");
	check(accept(l, NULL, NULL) >= 0);
	dead = in_child(77, 88, connect_and_go);
	orphan = accept(q, NULL, NULL);
	check(waitpid(dead, NULL, 0) == dead);
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, dgram));
}

static void get_peer(void)
{
	check(peer_is(server, alive, 99, 111, 3));
	check(peer_is(client, getpid(), 0, 0, 0));
	check(peer_is(orphan, dead, 77, 88, 3) && ends(orphan));
	check(peer_is(pair[0], getpid(), 0, 0, 0) && peer_is(dgram[1], getpid(), 0, 0, 0));
	kill(alive, SIGKILL);
}

/* ---- who made them ---- */

static int made[6], listener;

static void set_makers(void)
{
	const struct { int family, type, protocol; } kinds[] = {
		{ AF_INET, SOCK_STREAM, 0 }, { AF_INET6, SOCK_DGRAM, 0 },
		{ AF_UNIX, SOCK_DGRAM, 0 }, { AF_NETLINK, SOCK_RAW, 0 },
	};

	listener = tcp_listening(AF_INET, 7030, 1);
	for (int i = 0; i < 6; i++) {
		setfsuid(1000 + i);
		setfsgid(2000 + i);
		made[i] = i < 4 ? socket(kinds[i].family, kinds[i].type, kinds[i].protocol) :
			  i < 5 ? tcp_connected(AF_INET, 7030, 0) : accept(listener, NULL, NULL);
		check(made[i] >= 0);
	}
	setfsuid(0);
	setfsgid(0);
}

/* That of the connection between these ports, as others see it. */
static int uid_of(unsigned int local, unsigned int remote)
{
	FILE *f = fopen("/proc/net/tcp", "r");
	unsigned int l, r, uid;
	char line[512];
	int ret = -1;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*[^:]:%x %*[^:]:%x %*x %*x:%*x %*x:%*x %*x %u",
			   &l, &r, &uid) == 3 && l == local && r == remote)
			ret = uid;
	if (f)
		fclose(f);
	return ret;
}

static void get_makers(void)
{
	unsigned int here = ntohs(port_of(made[4], false));
	struct stat st;

	for (int i = 0; i < 6; i++)
		check(!fstat(made[i], &st) && st.st_uid == 1000u + i && st.st_gid == 2000u + i);
	check(!fstat(listener, &st) && !st.st_uid && !st.st_gid && uid_of(7030, 0) == 0);
	check(uid_of(here, 7030) == 1004 && uid_of(7030, here) == 1005);
}

const struct test cred_tests[] = {
	{ "scmcreds", set_dgram, get_scm },
	{ "streamcreds", set_stream, get_scm },
	{ "peercred", set_peer, get_peer },
	{ "tcpmakers", set_makers, get_makers },
	{ 0 }
};
