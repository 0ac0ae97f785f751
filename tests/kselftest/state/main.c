// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs every test in a process of its own, prints KTAP. With arguments: only
 * the tests whose names begin with one of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/sched.h>
#include "lm.h"

union told *told;
const void *test_arg;
static int ready_fd = -1;
static bool failed;

void bail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("#   ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	if (lm_cgroup_fd >= 0) {
		int fd = openat(lm_cgroup_fd, "cgroup.kill", O_WRONLY);

		if (fd >= 0 && write(fd, "1", 1) < 0)
			printf("#   cgroup.kill: %m\n");
	}
	_exit(1);
}

bool check(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	if (ok)
		return true;
	failed = true;
	va_start(ap, fmt);
	printf("#   %s:%d: ", strrchr(file, '/') ? strrchr(file, '/') + 1 : file,
	       line);
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	return false;
}

void skip(const char *why)
{
	lm_end();
	snprintf(told->s, sizeof(told->s), "%s", why);
	fflush(stdout);
	_exit(4);
}

static pid_t spawn_in(int cgroup, void (*fn)(void))
{
	struct clone_args args = {
		.flags = cgroup >= 0 ? CLONE_INTO_CGROUP : 0,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup,
	};
	int p[2];
	char c;
	pid_t pid;

	fflush(stdout);
	if (pipe2(p, O_CLOEXEC))
		bail("pipe: %m");
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		bail("clone3: %m");
	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		/* Nothing of the test's own files, all fds from 10 on close. */
		dup2(p[1], 200);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		syscall(SYS_close_range, 3, 199, 0);
		syscall(SYS_close_range, 201, ~0U, 0);
		fcntl(200, F_SETFD, FD_CLOEXEC);
		ready_fd = 200;
		setsid();
		fn();
		for (;;)
			pause();
	}
	close(p[1]);
	if (read(p[0], &c, 1) != 1)
		bail("the child ended before it was ready");
	close(p[0]);
	return pid;
}

pid_t spawn(void (*fn)(void))
{
	return spawn_in(lm_cgroup_fd, fn);
}

pid_t spawn_outside(void (*fn)(void))
{
	return spawn_in(-1, fn);
}

void ready(void)
{
	if (write(ready_fd, "r", 1) != 1)
		_exit(99);
	close(ready_fd);
}

#define WAITS	6000		/* of 10 ms, for a condition */

void wait_in_call(pid_t pid, long nr)
{
	char path[64], line[256];
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	for (i = 0; i < WAITS; i++, usleep(10000)) {
		long now = -1;

		f = fopen(path, "r");
		if (!f)
			bail("%s: %m", path);
		if (fgets(line, sizeof(line), f))
			sscanf(line, "%ld", &now);	/* or "running" */
		fclose(f);
		if (now == nr || now == SYS_restart_syscall)
			return;
	}
	bail("pid %d does not come to system call %ld", pid, nr);
}

static long user_ticks(pid_t pid)
{
	char path[64], line[512] = "", *p;
	long ticks = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		bail("%s: %m", path);
	if (fgets(line, sizeof(line), f)) {
		p = strrchr(line, ')');
		if (p)
			sscanf(p, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld",
			       &ticks);
	}
	fclose(f);
	return ticks;
}

void wait_running(pid_t pid)
{
	long from = user_ticks(pid);
	int i;

	for (i = 0; i < WAITS; i++, usleep(10000))
		if (user_ticks(pid) > from + 1)
			return;
	bail("pid %d does not run", pid);
}

void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static const struct test *const groups[] = {
	tests_process, tests_thread, tests_call, tests_mm, tests_file, tests_tcp,
	tests_unix, tests_refuse,
};

static bool wanted(const char *name, char **args)
{
	if (!*args)
		return true;
	for (; *args; args++)
		if (!strncmp(name, *args, strlen(*args)))
			return true;
	return false;
}

static int run(const struct test *t)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(300);
		test_arg = t->arg;
		lm_begin();
		t->run();
		lm_end();
		fflush(stdout);
		_exit(failed);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("#   killed by signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	const struct test *t;
	char why[160];
	int i, n = 0, ret, bad = 0, total = 0;

	for (i = 0; i < (int)(sizeof(groups) / sizeof(groups[0])); i++)
		for (t = groups[i]; t->name; t++)
			total += wanted(t->name, argv + 1);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("KTAP version 1\n1..%d\n", total);
	for (i = 0; i < (int)(sizeof(groups) / sizeof(groups[0])); i++) {
		for (t = groups[i]; t->name; t++) {
			if (!wanted(t->name, argv + 1))
				continue;
			memset(told, 0, sizeof(*told));
			ret = run(t);
			snprintf(why, sizeof(why), " # SKIP %.140s", told->s);
			printf("%sok %d %s%s\n", ret && ret != 4 ? "not " : "",
			       ++n, t->name, ret == 4 ? why : "");
			bad += ret && ret != 4;
		}
	}
	return !!bad;
}
