// SPDX-License-Identifier: GPL-2.0-or-later
/* One process: its threads, their status, its timers, and what the other files tell. */
#include <linux/kcmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "snapshot.h"

#define SIG_BIT(nr) (1ull << ((nr) - 1))

/* Signals that the process gets at some time. */
static unsigned long long timed;

static void inner_ids(const char *ids)
{
	const char *in = inner(ids);

	if (in != ids && atoi(in) == 0)
		printf(" 1%s\n", in + strcspn(in, "0") + 1);
	else
		printf(" %s\n", in + strspn(in, "\t"));
}

/* Fields of stat, counted as in proc(5): 4 to 8 but 7 are pids. */
static void fields(const char *file, const int *which)
{
	char buf[4096], *save, *p;
	int i = 3;

	text(file, buf, sizeof(buf));
	p = strrchr(buf, ')');
	printf("%s:", file);
	for (p = p ? strtok_r(p + 1, " \n", &save) : NULL; p;
	     p = strtok_r(NULL, " \n", &save), i++)
		if (i == *which) {
			if (i == 4 && !nth(atoi(p)))
				printf(" outside");
			else if (i < 9 && i != 7)
				printf(" %s", known_pid(p));
			else
				printf(" %s", p);
			which++;
		}
	putchar('\n');
}

/* The system call that it is in has a mask of signals of its own, which it sets
 * again when it is called again: after a move not before it runs.
 */
static int masked(const char *thread)
{
	static const int calls[] = { SYS_ppoll, SYS_pselect6, SYS_epoll_pwait,
				     SYS_epoll_pwait2, SYS_rt_sigsuspend,
				     SYS_rt_sigtimedwait, SYS_io_pgetevents };
	char buf[256], head[300], *at, *end;
	int nr;

	text("syscall", buf, sizeof(buf));
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (sscanf(buf, "%d", &nr) == 1 && nr == calls[i])
			return 1;
	snprintf(head, sizeof(head), "-- thread %s\n", thread);
	at = strstr(before, head);
	if (!at)
		return 0;
	end = strstr(at + 1, "-- thread ");
	at = strstr(at, "SigBlk: of a system call");
	return at && (!end || at < end);
}

static void status(char *buf, int is_masked)
{
	char *save, *colon;

	for (char *l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		colon = strchr(l, ':');
		if (!colon)
			continue;
		*colon++ = 0;
		if (is_known("status", l))
			continue;
		printf("%s:", l);
		if (!strcmp(l, "SigBlk") && is_masked)
			printf(" of a system call\n");
		else if (!strcmp(l, "ShdPnd") || !strcmp(l, "SigPnd"))
			printf(" %llx\n", strtoull(colon, NULL, 16) & ~timed &
			       ~(l[1] == 'h' ? SIG_BIT(SIGSTOP) : 0));
		else if (!strncmp(l, "NS", 2))
			inner_ids(colon + 1);
		else
			printf("%s\n", colon);
	}
}

static int by_id(const void *a, const void *b)
{
	return atoi(*(char *const *)a) - atoi(*(char *const *)b);
}

/* POSIX timers, which signal a pid or tid, and may be of the CPU time of one. */
static void timers(void)
{
	static char buf[65536], *timer[1024];
	char *l, *id, *save;
	FILE *out = NULL;
	int n = 0, nr;
	size_t len;

	timed = SIG_BIT(SIGALRM);
	text("timers", buf, sizeof(buf));
	for (l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (sscanf(l, "ID: %d", &nr) == 1 && n < 1024) {
			if (out)
				fclose(out);
			out = open_memstream(&timer[n++], &len);
			fprintf(out, "%d", nr);
			continue;
		}
		if (!out)
			continue;
		if (sscanf(l, "signal: %d/", &nr) == 1 && nr > 0 && nr <= 64)
			timed |= SIG_BIT(nr);
		id = strstr(l, "id.");
		if (sscanf(l, "ClockID: %d", &nr) == 1 && nr < 0 && (nr & 7) == 6)
			fprintf(out, ", CPU time of a thread");
		else if (id)
			fprintf(out, ", %.*s%s", (int)(id + 3 - l), l, known_pid(id + 3));
		else
			fprintf(out, ", %s", l);
	}
	if (out)
		fclose(out);
	qsort(timer, n, sizeof(*timer), by_id);
	for (int i = 0; i < n; i++)
		printf("timer %s\n", timer[i]);
}

static void thread(struct task *t, const char *tid, const char *first)
{
	static const int which[] = { 18, 19, 40, 41, 0 };
	char path[300], buf[8192], name[256], *pid;

	snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s", tid, tid);
	if (chdir(path))
		exit(1);
	text("status", buf, sizeof(buf));
	pid = status_line(buf, "\nNSpid:");
	snprintf(name, sizeof(name), "%s", pid ? inner(pid) : "?");
	printf("-- thread %s", name);
	if (strstr(buf, "\nState:\tZ")) {
		printf(" has ended\n");
		return;
	}
	putchar('\n');
	status(buf, masked(name));
	fields("stat", which);
	link_of("cwd");
	link_of("root");
	whole("cgroup");
	whole("attr/current");
	if (syscall(SYS_kcmp, atoi(tid), atoi(first), KCMP_FILES, 0, 0))
		fds(t);
	snprintf(path, sizeof(path), "/proc/%s/timerslack_ns", tid);
	text(path, buf, sizeof(buf));
	printf("timerslack_ns: %s", buf);
}

void process(struct task *t)
{
	static const char *const files[] = {
		"cmdline", "environ", "auxv", "limits", "oom_score_adj",
		"personality", "coredump_filter", "loginuid", "uid_map", "gid_map",
		"setgroups", NULL
	};
	static const int which[] = { 4, 7, 8, 26, 27, 28, 45, 46, 47, 48, 49,
				     50, 51, 0 };
	struct dirent **list;
	char path[300];
	int n;

	/* The last thread: the main one may have ended, and has nothing then. */
	snprintf(path, sizeof(path), "/proc/%s/task", t->pid);
	n = scandir(path, &list, is_number, by_number);
	if (n <= 0) {
		printf("no pid %s\n", t->pid);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%s", list[n - 1]->d_name);
	if (chdir(path))
		exit(1);
	printf("== process\n");
	for (const char *const *f = files; *f; f++)
		whole(*f);
	fields("stat", which);
	link_of("exe");
	fds(t);
	mappings();
	mounts();
	timers();
	for (int i = 0; i < n; i++)
		thread(t, list[i]->d_name, list[n - 1]->d_name);
}
