// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot CGROUP [BEFORE] - all that /proc tells about its processes: what `ls -l fd`, fdinfo,
 * maps, the flags of smaps, status, limits, stat, mountinfo and the rest show, and ss
 * about their sockets, but what is bound to change in a move.
 * snapshot --known - the list of what that is, with the reasons
 *
 * Everything is printed unless known.c names it: what a new kernel tells in
 * addition is compared, too.
 */
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "snapshot.h"

struct task tasks[MAX_PIDS];
int nr_tasks;
const char *before = "";

int nth(int pid)
{
	for (int i = 0; i < nr_tasks; i++)
		if (atoi(tasks[i].pid) == pid)
			return i + 1;
	return 0;
}

static void add_task(const char *pid)
{
	struct task *t = &tasks[nr_tasks];
	char path[64], buf[8192], *of;

	if (nr_tasks == MAX_PIDS)
		exit(1);
	snprintf(t->pid, sizeof(t->pid), "%s", pid);
	snprintf(path, sizeof(path), "/proc/%s/status", t->pid);
	text(path, buf, sizeof(buf));
	of = status_line(buf, "\nNSpid:");
	if (!of)
		return;
	own_pidns &= !!strchr(of, '\t');
	t->inner = atoi(of + (strchr(of, '\t') ? strcspn(of, "\t") : 0));
	nr_tasks++;
}

static int add_cgroup(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char buf[65536], *save;

	if (strcmp(path + ftw->base, "cgroup.procs"))
		return 0;
	text(path, buf, sizeof(buf));
	for (char *p = strtok_r(buf, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		add_task(p);
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct task *x = a, *y = b;

	return x->inner != y->inner ? x->inner - y->inner : atoi(x->pid) - atoi(y->pid);
}

static char *file_text(const char *file)
{
	struct stat st;
	char *buf = stat(file, &st) ? NULL : malloc(st.st_size + 1);

	if (buf)
		text(file, buf, st.st_size + 1);
	return buf;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "--known")) {
		print_known();
		return 0;
	}
	if (argc > 2 && !(before = file_text(argv[2])))
		return 2;
	if (nftw(argv[1], add_cgroup, 16, FTW_PHYS))
		return 1;
	qsort(tasks, nr_tasks, sizeof(*tasks), by_pid);
	for (int i = 0; i < nr_tasks; i++)
		process(&tasks[i]);
	sockets();
	return !nr_tasks;
}
