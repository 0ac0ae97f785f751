// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of unix sockets that lead elsewhere by now, or nowhere. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sockets.h"

#define LONG	"a-name-of-a-hundred-and-six-bytes-------------------------------" \
		"------------------------------------------"

static int gone, gone_server, gone_client, renamed, relative, longest, abstract_server,
	   abstract_client, sink, old_sink, to_old;

static void set(void)
{
	struct sockaddr_un a;
	socklen_t len;
	int l, fd;

	/* Removed, and another file has the name. */
	gone = unix_listening(SOCK_STREAM, "gone", 3);
	gone_client = unix_connected(SOCK_STREAM, "gone");
	gone_server = accept(gone, NULL, NULL);
	check(!unlink("gone"));
	fd = open("gone", O_CREAT | O_WRONLY, 0600);
	check(fd >= 0);
	close(fd);
	renamed = unix_listening(SOCK_STREAM, "before", 3);
	check(!chmod("before", 0640) && !chown("before", 12, 34) && !rename("before", "after"));
	/* Relative to where it was bound; absolute; as long as can be. */
	check(!mkdir("sub", 0755) && !chdir("sub"));
	relative = unix_listening(SOCK_STREAM, "relative", 3);
	longest = unix_listening(SOCK_SEQPACKET, LONG, 3);
	check(!chdir(".."));
	/* A connection whose listener is closed. */
	l = unix_listening(SOCK_SEQPACKET, "@livemig-names", 1);
	abstract_client = unix_connected(SOCK_SEQPACKET, "@livemig-names");
	abstract_server = accept(l, NULL, NULL);
	close(l);
	/* Senders that are gone. */
	sink = unix_bound(SOCK_DGRAM, "sink");
	len = unix_addr(&a, "sink");
	fd = unix_bound(SOCK_DGRAM, "sender");
	check(sendto(fd, "by path", 7, 0, (void *)&a, len) == 7 && !close(fd));
	fd = unix_bound(SOCK_DGRAM, "@livemig-sender");
	check(sendto(fd, "abstract", 8, 0, (void *)&a, len) == 8 && !close(fd));
	/* Known to those who were connected before. */
	old_sink = unix_bound(SOCK_DGRAM, "old");
	to_old = unix_connected(SOCK_DGRAM, "old");
	check(!unlink("old") && says(to_old, "a letter"));
}

static bool gets_from(int fd, const char *text, const char *name)
{
	struct sockaddr_un a, want;
	socklen_t len = sizeof(a), want_len = unix_addr(&want, name);
	char buf[64];
	ssize_t n;

	memset(&a, 0, sizeof(a));
	n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, (void *)&a, &len);
	return n == (ssize_t)strlen(text) && !memcmp(buf, text, n) && len == want_len &&
	       !memcmp(&a, &want, sizeof(a));
}

static bool accepts(int listener, const char *path, int type)
{
	int c = unix_connected(type, path), s = accept(listener, NULL, NULL);

	return says(c, "hello") && hears(s, "hello");
}

static void get(void)
{
	struct stat st;

	check(unix_is(gone, false, "gone") && unix_is(gone_client, true, "gone") &&
	      unix_is(gone_server, false, "gone"));
	check(says(gone_client, "x") && hears(gone_server, "x"));
	check(!stat("gone", &st) && S_ISREG(st.st_mode));
	check(unix_is(renamed, false, "before") && access("before", F_OK));
	check(!stat("after", &st) && (st.st_mode & 07777) == 0640 && st.st_uid == 12 &&
	      st.st_gid == 34);
	check(accepts(renamed, "after", SOCK_STREAM));
	check(unix_is(relative, false, "relative") &&
	      accepts(relative, "sub/relative", SOCK_STREAM));
	check(unix_is(longest, false, LONG) && !chdir("sub") &&
	      accepts(longest, LONG, SOCK_SEQPACKET) && !chdir(".."));
	check(unix_is(abstract_client, true, "@livemig-names") &&
	      unix_is(abstract_server, false, "@livemig-names"));
	check(says(abstract_server, "y") && hears(abstract_client, "y"));
	check(gets_from(sink, "by path", "sender"));
	check(gets_from(sink, "abstract", "@livemig-sender"));
	check(unix_is(old_sink, false, "old") && hears(old_sink, "a letter"));
	check(says(to_old, "another") && hears(old_sink, "another") && access("old", F_OK));
}

const struct test name_tests[] = {
	{ "names", set, get },
	{ 0 }
};
