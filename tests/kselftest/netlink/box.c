// SPDX-License-Identifier: GPL-2.0-or-later
/* See box.h. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "box.h"

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

bool box_write(struct box *b, const char *file, const char *value)
{
	int fd = openat(b->fd, file, O_WRONLY);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) > 0;

	if (fd >= 0)
		close(fd);
	return ok;
}

pid_t box_add(struct box *b, void (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!box_write(b, "cgroup.procs", "0"))
			die("cgroup.procs");
		fn(arg);
		_exit(0);
	}
	b->pid[b->n++] = pid;
	return pid;
}

static void counter(void *arg)
{
	volatile uint64_t *count = arg;

	for (;;) {
		++*count;
		usleep(1000);
	}
}

void box_open(struct box *b, const char *name, int n)
{
	memset(b, 0, sizeof(*b));
	snprintf(b->path, sizeof(b->path), "/sys/fs/cgroup/%s", name);
	if (mkdir(b->path, 0755))
		die(b->path);
	b->fd = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->count = mmap(NULL, BOX_MAX * sizeof(*b->count), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (b->fd < 0 || b->count == MAP_FAILED)
		die(b->path);
	while (n--)
		box_add(b, counter, (void *)&b->count[b->n]);
	/* They are in the cgroup once they count. */
	if (!box_moves(b))
		die("the processes of a box do not start");
}

void box_close(struct box *b)
{
	int i;

	box_write(b, "cgroup.freeze", "0");
	for (i = 0; i < b->n; i++)
		kill(b->pid[i], SIGKILL);
	for (i = 0; i < b->n; i++)
		waitpid(b->pid[i], NULL, 0);
	close(b->fd);
	munmap((void *)b->count, BOX_MAX * sizeof(*b->count));
	for (i = 0; i < 3000 && rmdir(b->path); i++)
		usleep(20000);
}

bool box_frozen(struct box *b)
{
	char buf[256] = "";
	int fd = openat(b->fd, "cgroup.events", O_RDONLY);

	if (fd < 0 || read(fd, buf, sizeof(buf) - 1) < 0)
		die("cgroup.events");
	close(fd);
	return strstr(buf, "frozen 1");
}

bool box_moves(struct box *b)
{
	uint64_t from[BOX_MAX];
	int i, tries;

	memcpy(from, (void *)b->count, sizeof(from));
	for (tries = 0; tries < 6000; tries++) {
		for (i = 0; i < b->n && b->count[i] != from[i]; i++)
			;
		if (i == b->n)
			return true;
		usleep(20000);
	}
	return false;
}

bool box_stands(struct box *b)
{
	uint64_t from[BOX_MAX];

	memcpy(from, (void *)b->count, sizeof(from));
	usleep(100000);
	return !memcmp(from, (void *)b->count, sizeof(from));
}
