// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot CGROUP [BEFORE] - all that /proc tells about its processes: what `ls -l fd`, fdinfo,
 * maps, the flags of smaps, status, limits, stat, mountinfo and the rest show, and ss
 * about their sockets, but what is bound to change in a move.
 * snapshot --known - the list of what that is, with the reasons
 *
 * Everything is printed unless known[] names it: what a new kernel tells in
 * addition is compared, too.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ELSEWHERE "which pages are in memory already is not state of the program"
#define NUMBERED "the kernel numbers these as they come"
#define LOST "(deleted, and its name lost)"
#define COUNTED "a count of what happened here"

static const struct known {
	const char *file, *name, *why;
} known[] = {
	{ "status", "VmPeak", COUNTED },
	{ "status", "VmHWM", ELSEWHERE },
	{ "status", "VmRSS", ELSEWHERE },
	{ "status", "RssAnon", ELSEWHERE },
	{ "status", "RssFile", ELSEWHERE },
	{ "status", "RssShmem", ELSEWHERE },
	{ "status", "HugetlbPages", ELSEWHERE },
	{ "status", "VmSwap", "what is swapped out is read in to be moved" },
	{ "status", "VmPTE", ELSEWHERE },
	{ "status", "FDSize", "the table is as large as its files need; it does not shrink" },
	{ "status", "Ngid", "NUMA balancing finds its groups anew" },
	{ "status", "SigQ", "counts the signals of a user, of all processes" },
	{ "status", "Pid", "in NSpid" },
	{ "status", "Tgid", "in NStgid" },
	{ "status", "PPid", "in stat" },
	{ "status", "NSpid, NStgid, NSpgid, NSsid: the first", NUMBERED
	  " (where the container has a pid namespace of its own)" },
	{ "status", "NSpgid, NSsid: 0 outside of the container",
	  "who is outside does not move; it is init's group or session then" },
	{ "status", "State", "a task that is about to sleep may be counted either way" },
	{ "status", "SigBlk in ppoll() and the like",
	  "the system call sets its own again when it is made again" },
	{ "status", "ShdPnd: SIGSTOP", "a stopped task is stopped again once it can run" },
	{ "status", "SigPnd, ShdPnd: SIGALRM, signals of its timers",
	  "time goes on: they are due while it is frozen" },
	{ "status", "voluntary_ctxt_switches", COUNTED },
	{ "status", "nonvoluntary_ctxt_switches", COUNTED },
	{ "VmFlags", "sd", "soft-dirty is livemig's own instrument" },
	{ "VmFlags", "sh", "the s of rw-s, and whether it may be written, which mw tells" },
	{ "VmFlags", "--ac", "memory is accounted when it is written to" },
	{ "fdinfo", "mnt_id", NUMBERED },
	{ "fdinfo", "ino", NUMBERED " (of a file that has no name)" },
	{ "fdinfo", "sdev", NUMBERED " (devices without hardware)" },
	{ "fdinfo", "eventfd-id", NUMBERED },
	{ "fdinfo", "it_value", "time goes on" },
	{ "fdinfo", "ticks", "time goes on: of a timerfd that is due while it is frozen" },
	{ "fdinfo", "fhandle-bytes", "inotify: names the file by its inode" },
	{ "fdinfo", "fhandle-type", "inotify: names the file by its inode" },
	{ "fdinfo", "f_handle", "inotify: names the file by its inode" },
	{ "fdinfo", "number, order, device and inode of locks", NUMBERED },
	{ "fdinfo", "pid of flock() locks", "who took them does not matter: migctl did (a limit)" },
	{ "fdinfo", "flags: O_TMPFILE", "such files are opened anew without it (a limit)" },
	{ "fdinfo", "scm_fds", NUMBERED },
	{ "fdinfo", "flags: O_LARGEFILE", "pipes are opened by name; means nothing on 64 bits" },
	{ "fdinfo", "order of what epoll watches", "by the addresses of kernel objects" },
	{ "link", "[number]", NUMBERED " (pipes, sockets: `pipe:[123]')" },
	{ "timers", "ClockID of a thread's CPU time", "its own, or that of its tid: the same clock" },
	{ "timers", "order", "the newest first, and they are made in the order of their ids" },
	{ "link, maps", "name of what is deleted, where another file has it now",
	  "it cannot be made under it" },
	{ "link, maps", "name of what is deleted, but has another name", "it is found under that" },
	{ "link, maps", "name in a directory that is deleted, too", "there is no such place" },
	{ "link, maps", "number of an O_TMPFILE file", NUMBERED },
	{ "maps", "borders between private mappings that are alike", "of no meaning" },
	{ "maps", "key in /SYSVkey", "a removed segment has none, and gets none (a limit)" },
	{ "maps", "inode of a deleted file", NUMBERED },
	{ "maps", "device and inode on a device without hardware", NUMBERED
	  " (a tmpfs is filled anew)" },
	{ "stat", "CPU, faults, start in ticks of the host", COUNTED },
	{ "mountinfo", "root of cgroup2",
	  "a container in a cgroup namespace does not see those above it (a limit)" },
	{ "mountinfo", "ids, device numbers, numbers of groups", NUMBERED },
	{ "ss", "queues", "peers under load send meanwhile" },
	{ "ss", "cgroup", "sockets are made by migctl, and belong to its cgroup (a limit)" },
	{ "ss", "inodes, devices, timers", NUMBERED },
};

#define SIG_BIT(nr) (1ull << ((nr) - 1))

/* As the kernel's; glibc's O_LARGEFILE is 0 here. */
#define LARGEFILE 0100000ul
#define TMPFILE 020200000ul

#define MAX_PIDS 4096

static struct task {
	char pid[16];		/* here */
	int inner;		/* in the outermost pid namespace but the host's */
	int has_sockets;
} tasks[MAX_PIDS];
static int nr_tasks;
/* What was told before the move, if it is after one. */
static char *before = "";
/* Signals that the process gets at some time. */
static unsigned long long timed;
/* All of them are in pid namespaces of their own: the outermost pids are others after
 * a move. */
static int own_pidns = 1;

static const char *known_pid(const char *pid);

static int is_known(const char *file, const char *name)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(known[i].file, file) && !strcmp(known[i].name, name))
			return 1;
	return 0;
}

static int by_number(const struct dirent **a, const struct dirent **b)
{
	return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static int is_number(const struct dirent *d)
{
	return isdigit(*d->d_name);
}

static size_t text(const char *file, char *buf, size_t len)
{
	int fd = open(file, O_RDONLY);
	size_t got = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf + got, len - 1 - got)) > 0)
		got += n;
	if (fd >= 0)
		close(fd);
	buf[got] = 0;
	return got;
}

static void whole(const char *file)
{
	static char buf[65536];
	size_t n = text(file, buf, sizeof(buf));

	printf("%s: ", file);
	for (size_t i = 0; i < n; i++)
		if (isprint(buf[i]) || buf[i] == '\n')
			putchar(buf[i]);
		else
			printf("\\%02x", (unsigned char)buf[i]);
	putchar('\n');
}

/* Is this the name of something deleted under which nothing can be made any more? */
static int is_lost(const char *file, const char *name)
{
	char *end = strstr(name, " (deleted)"), path[5000], *slash;
	struct stat st;

	if (!end || *name != '/')
		return 0;
	snprintf(path, sizeof(path), "root%.*s", (int)(end - name), name);
	slash = strrchr(path, '/');
	if ((slash[1] == '#' && isdigit(slash[2])) || !access(path, F_OK) ||
	    (!stat(file, &st) && S_ISREG(st.st_mode) && st.st_nlink))
		return 1;
	*slash = 0;
	return !!access(path, F_OK);
}

/* Did the line that began like this say so before the move? */
static int was_lost(const char *start)
{
	char line[300], *at, *lost;

	snprintf(line, sizeof(line), "\n%s ", start);
	at = strstr(before, line);
	lost = at ? strstr(at, LOST) : NULL;
	return lost && lost < at + 1 + strcspn(at + 1, "\n");
}

/* As ls -l does, with the mode; "socket:[123]" is "socket:". Return: it is a socket. */
static int link_of(const char *file)
{
	char to[4096] = "";
	struct stat st;

	if (readlink(file, to, sizeof(to) - 1) < 0)
		strcpy(to, "?");
	if (strstr(to, ":["))
		strstr(to, ":[")[1] = 0;
	if (was_lost(file) || is_lost(file, to))
		strcpy(to, LOST);
	printf("%s %03o -> %s\n", file, lstat(file, &st) ? 0 : st.st_mode & 0777, to);
	return !strcmp(to, "socket:");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Words of the form "name:value" or "name: value"; a line may have several. */
static void fdinfo_line(const char *nr, char *line)
{
	int drop = 0, flags = 0, words_seen = 0;
	char *w, *words;

	for (w = strtok_r(line, " \t", &words); w; w = strtok_r(NULL, " \t", &words)) {
		char *colon = strchr(w, ':');

		if (flags) {
			unsigned long value = strtoul(w, NULL, 8) & ~LARGEFILE;

			printf(" %lo", (value & TMPFILE) == TMPFILE ? value & ~TMPFILE : value);
			flags = 0;
			continue;
		}
		if (colon) {
			*colon = 0;
			drop = is_known("fdinfo", w);
			flags = !strcmp(w, "flags");
			*colon = ':';
		}
		if (drop)
			continue;
		if (!words_seen++)
			printf("fdinfo %s:", nr);
		printf(" %s", w);
	}
	if (words_seen)
		putchar('\n');
}

/* "lock: 1: FLOCK ADVISORY READ 12 00:1e:280 0 EOF" without the number, the inode and,
 * of flock(), the pid.
 */
static char *lock_line(char *l)
{
	char how[3][32], from[32], to[32], pid[32], text[256];

	if (sscanf(l, "lock: %*d: %31s %31s %31s %31s %*s %31s %31s", how[0], how[1], how[2],
		   pid, from, to) != 6)
		return l;
	snprintf(text, sizeof(text), "lock %s %s %s %s %s %s", how[0], how[1], how[2],
		 strcmp(how[0], "FLOCK") ? known_pid(pid) : "?", from, to);
	if (strlen(text) <= strlen(l))
		strcpy(l, text);
	return l;
}

static void fdinfo(const char *nr)
{
	static char buf[65536], *line[4096];
	char path[300], *l, *save;
	size_t n = 0;

	snprintf(path, sizeof(path), "fdinfo/%s", nr);
	text(path, buf, sizeof(buf));
	for (l = strtok_r(buf, "\n", &save); l && n < 4096; l = strtok_r(NULL, "\n", &save))
		line[n++] = lock_line(l);
	qsort(line, n, sizeof(*line), by_text);
	for (size_t i = 0; i < n; i++)
		fdinfo_line(nr, line[i]);
}

/* The value of a line of a status file, from the first word on; NULL: there is none. */
static char *status_line(const char *buf, const char *name)
{
	static char line[1024];
	const char *at = strstr(buf, name);

	if (!at)
		return NULL;
	at += strlen(name) + strspn(at + strlen(name), ": \t");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line;
}

/* "12 5 1" is "5 1" where the first is the pid outside. */
static const char *inner(const char *pids_of)
{
	return own_pidns ? pids_of + strcspn(pids_of, " \t") : pids_of;
}

static void inner_ids(const char *ids)
{
	const char *in = inner(ids);

	if (in != ids && atoi(in) == 0)
		printf(" 1%s\n", in + strcspn(in, "0") + 1);
	else
		printf(" %s\n", in + strspn(in, "\t"));
}

/* What a pid is in the container. */
static const char *known_pid(const char *pid)
{
	char path[64], buf[8192], *of = NULL;

	if (own_pidns && atoi(pid) > 0) {
		snprintf(path, sizeof(path), "/proc/%d/status", atoi(pid));
		text(path, buf, sizeof(buf));
		of = status_line(buf, "\nNSpid:");
	}
	return of ? inner(of) : pid;
}

/* The how manieth it is, from 1 on; 0: none of the container's. */
static int nth(int pid)
{
	for (int i = 0; i < nr_tasks; i++)
		if (atoi(tasks[i].pid) == pid)
			return i + 1;
	return 0;
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

/* Of a line of smaps with a mapping. */
static int has_lost(const char *line)
{
	char range[64], file[128], name[4096] = "";

	if (sscanf(line, "%63s %*s %*s %*s %*s %4095[^\n]", range, name) < 2)
		return 0;
	snprintf(file, sizeof(file), "map_files/%s", range);
	return was_lost(range) || (strncmp(name, "/SYSV", 5) && is_lost(file, name));
}

/* One mapping, and what smaps tells about it. */
struct mapping {
	unsigned long start, end;
	int plain;		/* private, of nothing, without a name but [heap] */
	char *text;
	size_t len;
	FILE *out;		/* ... as long as it is written */
};

static void begin_mapping(struct mapping *m, const char *line)
{
	char name[16] = "", inode[24] = "";

	sscanf(line, "%lx-%lx", &m->start, &m->end);
	m->plain = sscanf(line, "%*s %*4[rwxps-] 00000000 00:00 %23s %15s", inode, name) > 0 &&
		   (!*name || !strcmp(name, "[heap]"));
	m->out = open_memstream(&m->text, &m->len);
}

/* Neighbours that are alike may be one, or several: a fork, and what it has changed in
 * between, tells them apart in the kernel.
 */
static void end_mapping(struct mapping *before, struct mapping *m)
{
	if (m->out)
		fclose(m->out);
	m->out = NULL;
	if (before->text && m->text && before->plain && m->plain && before->end == m->start &&
	    !strcmp(before->text, m->text)) {
		before->end = m->end;
		free(m->text);
		return;
	}
	if (before->text)
		printf("%lx-%lx%s", before->start, before->end, before->text);
	free(before->text);
	*before = *m;
}

/* Of smaps, which has thousands of lines of which few are looked at. */
static void mappings(void)
{
	static char buf[1 << 16];
	struct mapping m = { 0 }, before = { 0 };
	char line[8192], *w, *save;
	FILE *f = fopen("smaps", "r");

	if (f)
		setvbuf(f, buf, _IOFBF, sizeof(buf));
	while (f && fgets(line, sizeof(line), f)) {
		int mapping = !isupper(*line), numbered, lost;

		if (!mapping && strncmp(line, "VmFlags", 7) &&
		    strncmp(line, "ProtectionKey", 13))
			continue;
		if (mapping) {
			if (m.out)
				end_mapping(&before, &m);
			begin_mapping(&m, line);
		}
		numbered = mapping && (strstr(line, "(deleted)") || strstr(line, " 00:"));
		lost = mapping && has_lost(line);
		w = strtok_r(line, " \n", &save);
		for (int i = 0; w; w = strtok_r(NULL, " \n", &save), i++)
			if (mapping && !i)
				fputc(' ', m.out);
			else if (lost && i > 4)
				fputs(i == 5 ? LOST : "", m.out);
			else if (mapping && !strncmp(w, "/SYSV", 5))
				fputs("/SYSV ", m.out);
			else if (mapping ? !(numbered && (i == 3 || i == 4)) :
			    !is_known("VmFlags", w))
				fprintf(m.out, "%s ", w);
		fputc('\n', m.out);
	}
	if (m.out)
		end_mapping(&before, &m);
	end_mapping(&before, &(struct mapping){ 0 });
	if (f)
		fclose(f);
}

/* "net:[4026532158]" is "net:". */
static void unnumbered(const char *word)
{
	const char *end = strstr(word, ":[");

	printf(" %.*s", end ? (int)(end + 1 - word) : (int)strlen(word), word);
}

/* Groups of mounts that propagate to each other are numbered anew: the how manieth. */
static int group_of(int id)
{
	static int ids[256], n;
	int i;

	for (i = 0; i < n && ids[i] != id; i++)
		;
	if (i == n && n < 256)
		ids[n++] = id;
	return i + 1;
}

/* Of the first process that shows them; the others are told to be the same. */
static void mounts(void)
{
	static char first[65536], buf[65536];
	char *l, *w, *save, *words;
	int number;

	text("mountinfo", buf, sizeof(buf));
	if (!strcmp(first, buf)) {
		printf("mounts: the same\n");
		return;
	}
	strcpy(first, buf);
	for (l = strtok_r(buf, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		int cgroups = !!strstr(l, " - cgroup2 ");

		printf("mount:");
		w = strtok_r(l, " ", &words);
		for (int i = 0; w; w = strtok_r(NULL, " ", &words), i++)
			if (i > 5 && (sscanf(w, "shared:%d", &number) == 1 ||
				      sscanf(w, "master:%d", &number) == 1 ||
				      sscanf(w, "propagate_from:%d", &number) == 1))
				printf(" %.*s:%d", (int)strcspn(w, ":"), w,
				       group_of(number));
			else if (i > 2 && !(i == 3 && cgroups))
				unnumbered(w);
		putchar('\n');
	}
}

static void fds(struct task *t)
{
	struct dirent **list;
	char path[300];
	int n = scandir("fd", &list, is_number, by_number);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "fd/%s", list[i]->d_name);
		t->has_sockets |= link_of(path);
		fdinfo(list[i]->d_name);
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

static void process(struct task *t)
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

/* A line of ss, without queues (but the backlog of listeners) and inodes; pids are the
 * how manieth of the container.
 * Return: one of the container has it.
 */
static int ss_line(const char *line, FILE *out)
{
	char buf[4096], *w, *save;
	int mine = 0, is_unix = !strncmp(line, "u_", 2), listens = 0, pid;

	snprintf(buf, sizeof(buf), "%s", line);
	w = strtok_r(buf, " \n", &save);
	for (int i = 0; w; w = strtok_r(NULL, " \n", &save), i++) {
		if (i == 1)
			listens = !strcmp(w, "LISTEN");
		if (i == 2 || (i == 3 && !listens) || (is_unix && w[strspn(w, "0123456789")] == 0) ||
		    !strncmp(w, "ino:", 4) || !strncmp(w, "sk:", 3) ||
		    !strncmp(w, "timer:", 6) || !strncmp(w, "cgroup:", 7) ||
		    !strncmp(w, "dev:", 4))
			continue;
		fputc(' ', out);
		for (; *w; w++) {
			if (sscanf(w, "pid=%d", &pid) != 1) {
				fputc(*w, out);
				continue;
			}
			fprintf(out, "process %d", nth(pid));
			mine |= nth(pid);
			w += strcspn(w, ",)") - 1;
		}
	}
	return mine;
}

/* As ss shows them in the network namespace of a process. */
static void ss(const char *pid)
{
	char path[64], line[4096], *lines[4096];
	size_t n = 0, len;
	FILE *f = NULL;
	int fd;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0 && !setns(fd, CLONE_NEWNET))
		f = popen("ss -Hanptuwx0e", "r");
	while (f && n < 4096 && fgets(line, sizeof(line), f)) {
		FILE *out = open_memstream(&lines[n], &len);
		int mine = ss_line(line, out);

		fclose(out);
		if (mine)
			n++;
		else
			free(lines[n]);
	}
	if (f)
		pclose(f);
	close(fd);
	qsort(lines, n, sizeof(*lines), by_text);
	for (size_t i = 0; i < n; i++)
		printf("ss:%s\n", lines[i]);
}

/* In each of the network namespaces that processes with sockets are in. */
static void sockets(void)
{
	static ino_t seen[MAX_PIDS];
	char path[64];
	struct stat st;
	int n = 0, j;

	for (int i = 0; i < nr_tasks; i++) {
		snprintf(path, sizeof(path), "/proc/%.15s/ns/net", tasks[i].pid);
		if (!tasks[i].has_sockets || stat(path, &st))
			continue;
		for (j = 0; j < n && seen[j] != st.st_ino; j++)
			;
		if (j < n)
			continue;
		seen[n++] = st.st_ino;
		ss(tasks[i].pid);
	}
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
		for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
			printf("%s\t%s\t%s\n", known[i].file, known[i].name, known[i].why);
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
