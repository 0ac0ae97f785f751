// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inside KIND FILE [CGROUP] - user namespaces of a container. What is to be the same
 * afterwards is noted before FILE.ready is made and after FILE.go is there (meanwhile
 * it is dumped, killed and restored); then it tries what it may and may not do, and
 * writes "ok" or what is wrong to FILE. With a CGROUP it begins as a runtime that puts
 * the container there.
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inside.h"

char wrong[1024];
static const char *file, *self;

static const struct kind *const all[] = {
	container_kinds, space_kinds, map_kinds, refused_kinds
};

void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

void map_of(pid_t pid, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY);
	check(fd >= 0 && write(fd, text, strlen(text)) > 0);
	close(fd);
}

void own_proc(void)
{
	check(!mount("", "/", "", MS_REC | MS_PRIVATE, ""));
	check(!mount("proc", "/proc", "proc", 0, ""));
}

const char *beside(const char *suffix)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s%s", file, suffix);
	return path;
}

void wait_for_move(void)
{
	write_file(beside(".ready"), wrong);
	while (access(beside(".go"), F_OK))
		usleep(10000);
}

int answer(void)
{
	write_file(beside(""), *wrong ? wrong : "ok");
	return 0;
}

/* As runtimes do it: from outside of the box, which gets the child, this program again. */
static int found(const char *kind, const char *cgroup)
{
	int p[2];
	char c, text[16];
	pid_t pid;

	if (pipe(p))
		return 1;
	pid = syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
		      CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET, 0, 0, 0, 0);
	if (!pid) {
		close(p[1]);
		if (read(p[0], &c, 1) != 1 || setgroups(0, NULL) || setresgid(0, 0, 0) ||
		    setresuid(0, 0, 0) || unshare(CLONE_NEWCGROUP))
			_exit(1);
		execl(self, self, kind, file, NULL);
		_exit(1);
	}
	map_of(pid, "uid_map", "0 100000 2000\n3000 150000 10");
	map_of(pid, "gid_map", "0 200000 2000");
	snprintf(text, sizeof(text), "%d", pid);
	write_file(cgroup, text);
	return write(p[1], "", 1) == 1 && !*wrong ? 0 : 1;
}

static const struct kind *find(const char *name)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct kind *k = all[i]; k->name; k++)
			if (!strcmp(k->name, name))
				return k;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct kind *k = argc > 2 ? find(argv[1]) : NULL;

	if (!k)
		return 2;
	self = argv[0];
	file = argv[2];
	if (argc == 4)
		return k->found ? k->found(argv[3]) : found(k->name, argv[3]);
	return k->run ? k->run() : 2;
}
