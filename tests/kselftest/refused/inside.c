// SPDX-License-Identifier: GPL-2.0-or-later
/* What the things are made with: see refused.h. */
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refused.h"

char wrong[1024];
int fd;
pid_t pid;
static bool (*set_it)(void), (*get_it)(void);
static int asks[2], tells[2];

const char *name(const char *suffix)
{
	static char buf[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "%s/%s.%s", getenv("REFUSED_DIR"), getenv("REFUSED"),
		 suffix);
	return buf[n];
}

void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

int file_with(const char *path, const char *text)
{
	write_file(path, text);
	return open(path, O_RDWR);
}

bool run(const char *command)
{
	char line[1400];

	snprintf(line, sizeof(line), "{ %s; } >/dev/null 2>&1", command);
	return system(line) == 0;
}

/* ---- who answers ---- */

static void tell(bool yes)
{
	if (write(tells[1], yes ? "y" : "n", 1) != 1)
		_exit(9);
}

static bool hear(void)
{
	char c;

	return read(tells[0], &c, 1) == 1 && c == 'y';
}

static void *serve(void *arg)
{
	char c;

	tell(set_it());
	if (read(asks[0], &c, 1) == 1)
		tell(get_it());
	return NULL;
}

static void begin(bool (*set)(void), bool (*get)(void))
{
	set_it = set;
	get_it = get;
	check(!pipe(asks) && !pipe(tells));
}

void thread(bool (*set)(void), bool (*get)(void))
{
	pthread_t t;

	begin(set, get);
	check(!pthread_create(&t, NULL, serve, NULL));
	need(hear());
}

bool thread_says_yes(void)
{
	return write(asks[1], "?", 1) == 1 && hear();
}

pid_t child(bool (*set)(void), bool (*get)(void))
{
	pid_t pid;

	begin(set, get);
	pid = fork();
	if (!pid) {
		serve(NULL);
		_exit(7);
	}
	if (!hear())
		snprintf(wrong, sizeof(wrong), "none: the child cannot");
	return pid;
}

static bool has_ended(pid_t pid)
{
	char file[64], stat[64] = "";
	int fd;

	snprintf(file, sizeof(file), "/proc/%d/stat", pid);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (read(fd, stat, sizeof(stat) - 1) < 0)
		_exit(9);
	close(fd);
	return strstr(stat, ") Z ");
}

static void *serve_alone(void *arg)
{
	while (!has_ended(getpid()))
		usleep(1000);
	serve(NULL);
	_exit(7);
}

pid_t orphan_thread(bool (*set)(void), bool (*get)(void))
{
	pthread_t t;
	pid_t pid;

	begin(set, get);
	pid = fork();
	if (!pid) {
		if (pthread_create(&t, NULL, serve_alone, NULL))
			_exit(9);
		syscall(SYS_exit, 0);	/* the thread, only */
	}
	if (!hear())
		snprintf(wrong, sizeof(wrong), "none: the thread cannot");
	return pid;
}

bool child_ends_with_7(pid_t of)
{
	int status;

	return waitpid(of, &status, 0) == of && status == 7 << 8;
}

void get_fd(void)
{
	check(fcntl(fd, F_GETFD) >= 0);
}

void get_thread(void)
{
	check(thread_says_yes());
}

void get_child(void)
{
	check(thread_says_yes() && child_ends_with_7(pid));
}

/* ---- where it is ---- */

bool again(const char *exe)
{
	if (getenv("AGAIN"))
		return false;
	setenv("AGAIN", "", 1);
	execl(exe, "refused", NULL);
	check(!"it begins again");
	return true;
}

bool again_in_mounts(void)
{
	char exe[512];

	if (getenv("AGAIN"))
		return false;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		check(!"a mount namespace");
		return true;
	}
	/* (/proc/self/exe is on a mount of the other one) */
	snprintf(exe, sizeof(exe), "%s/refused", getenv("REFUSED_DIR"));
	return again(exe);
}

void leave(void)
{
	write_file(CGROUPS "/cgroup.procs", "0");
}

/* (the pipe is there instead of the standard input) */
void is_ready(void)
{
	if (write(0, "", 1) != 1)
		_exit(8);
}

void outside(void (*what)(void))
{
	int ends[2];
	char c;

	check(!pipe(ends));
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		leave();
		close(ends[0]);
		dup2(ends[1], 0);
		close(ends[1]);
		what();
		_exit(0);
	}
	close(ends[1]);
	check(read(ends[0], &c, 1) == 1);
	close(ends[0]);
}

bool own_net(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s, ret;

	if (unshare(CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM, 0);
	ret = ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
	return !ret;
}

const char *cgroup_below(const char *sub)
{
	static char below[512];

	snprintf(below, sizeof(below), BOX "%s/%s", getenv("REFUSED"), sub);
	check(!mkdir(below, 0700));
	return below;
}
