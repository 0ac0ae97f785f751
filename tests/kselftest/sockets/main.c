// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main TEST FILE - makes the sockets of TEST, makes FILE.ready, waits until FILE.go
 * is there (meanwhile it is dumped, killed and restored), looks again, and writes
 * "ok" or what is wrong to FILE.
 */
#include <fcntl.h>
#include <grp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"

#define NAP_US	10000

char wrong[1024], dir[256];

static const struct test *const all[] = { backlog_tests, rights_tests, cred_tests,
					  name_tests, tcp_tests, tcp_end_tests, opt_tests,
					  udp_tests, multicast_tests, refuse_tests };

bool says(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

bool hears(int fd, const char *text)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	return n == (ssize_t)strlen(text) && !memcmp(buf, text, n);
}

bool ends(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

socklen_t unix_addr(struct sockaddr_un *a, const char *name)
{
	size_t len = strlen(name);

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, name, len);
	if (name[0] == '@')
		a->sun_path[0] = 0;
	return offsetof(struct sockaddr_un, sun_path) + len + (name[0] != '@');
}

int unix_bound(int type, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = unix_addr(&a, name);
	int fd = socket(AF_UNIX, type, 0);

	check(bind(fd, (void *)&a, len) == 0);
	return fd;
}

int unix_listening(int type, const char *name, int backlog)
{
	int fd = unix_bound(type, name);

	check(listen(fd, backlog) == 0);
	return fd;
}

int unix_connected(int type, const char *name)
{
	struct sockaddr_un a;
	socklen_t len = unix_addr(&a, name);
	int fd = socket(AF_UNIX, type, 0);

	check(connect(fd, (void *)&a, len) == 0);
	return fd;
}

bool unix_is(int fd, bool peer, const char *name)
{
	struct sockaddr_un want, a;
	socklen_t want_len = unix_addr(&want, name), len = sizeof(a);
	int ret;

	memset(&a, 0, sizeof(a));
	ret = peer ? getpeername(fd, (void *)&a, &len) : getsockname(fd, (void *)&a, &len);
	return ret == 0 && len == want_len && !memcmp(&a, &want, sizeof(a));
}

pid_t in_child(uid_t uid, gid_t gid, void (*fn)(void))
{
	const gid_t groups[] = { gid, gid + 1, gid + 2 };
	pid_t pid = fork();

	if (!pid) {
		if (uid && (setgroups(3, groups) || setresgid(gid, gid, gid) ||
			    setresuid(uid, uid, uid)))
			_exit(1);
		fn();
		_exit(*wrong != 0);
	}
	return pid;
}

static void write_file(const char *file, const char *text)
{
	char tmp[512];
	int fd;

	snprintf(tmp, sizeof(tmp), "%s.new", file);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
	rename(tmp, file);
}

static const struct test *find(const char *name)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct test *t = all[i]; t->name; t++)
			if (!strcmp(t->name, name))
				return t;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct test *t = argc == 3 ? find(argv[1]) : NULL;
	char go[512], ready[512];

	if (!t)
		return 2;
	snprintf(go, sizeof(go), "%s.go", argv[2]);
	snprintf(ready, sizeof(ready), "%s.ready", argv[2]);
	snprintf(dir, sizeof(dir), "%s.d", argv[2]);
	check(mkdir(dir, 0755) == 0 && chdir(dir) == 0);
	t->set();
	write_file(ready, wrong);
	while (access(go, F_OK))
		usleep(NAP_US);
	if (!*wrong)
		t->get();
	write_file(argv[2], *wrong ? wrong : "ok");
	return 0;
}
