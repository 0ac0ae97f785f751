// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tasks TEST FILE - sets the state of TEST up, makes FILE.ready, waits until
 * FILE.go is there (meanwhile it is dumped, killed and restored), looks again,
 * and writes "ok" or what is wrong to FILE. With "?" as FILE: status 1, and why, if
 * TEST cannot run here.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

/* Generous: a machine under load is slow, and nothing here waits for time. */
#define TRIES	6000
#define NAP_US	10000

char wrong[1024], mark_file[512];

static const struct test *const all[] = { session_tests, zombie_tests, ended_tests, seccomp_tests,
					  attr_tests, job_tests, fs_tests,
					  cpu_tests, futex_tests, shared_tests,
					  vector_tests, refuse_tests };

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

static sigset_t block_usr1(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return set;
}

void wait_usr1(void)
{
	sigset_t set = block_usr1();
	int sig;

	while (sigwait(&set, &sig))
		;
}

void wait_here(void)
{
	wait_usr1();
	_exit(7);
}

pid_t waiter(void (*start)(void))
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		if (start)
			start();
		if (write(ready[1], "", 1) != 1)
			_exit(9);
		close(ready[0]);
		close(ready[1]);
		wait_here();
	}
	close(ready[1]);
	check(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	return pid;
}

int status_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, __WALL) == pid ? status : -1;
}

static bool read_proc(pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n > 0;
}

static const char *after_comm(pid_t pid, char *buf, size_t size)
{
	const char *p = read_proc(pid, "stat", buf, size) ? strrchr(buf, ')') : NULL;

	return p ? p + 2 : "";
}

bool wait_state(pid_t pid, const char *states)
{
	char buf[1024];

	for (int i = 0; i < TRIES; i++) {
		const char *state = after_comm(pid, buf, sizeof(buf));

		if (*state && strchr(states, *state))
			return true;
		usleep(NAP_US);
	}
	return false;
}

long long stat_field(pid_t pid, int n)
{
	char buf[1024];
	const char *p = after_comm(pid, buf, sizeof(buf));

	while (n-- > 3 && p) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p && *p ? atoll(p) : -1;
}

const char *status_line(pid_t pid, const char *key)
{
	static char buf[8192] = "\n";
	char find[64], *p;

	if (!read_proc(pid, "status", buf + 1, sizeof(buf) - 1))
		return "";
	snprintf(find, sizeof(find), "\n%s:\t", key);
	p = strstr(buf, find);
	if (!p)
		return "";
	p += strlen(find);
	p[strcspn(p, "\n")] = 0;
	return p;
}

static const struct test *find(const char *name)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct test *t = all[i]; t->name; t++)
			if (!strcmp(t->name, name))
				return t;
	return NULL;
}

static char file[256], go[512], ready[512];

static void *wait_and_look(void *arg)
{
	const struct test *t = arg;

	while (t->leaves && !wait_state(getpid(), "Z"))
		;
	write_file(ready, wrong);
	while (access(go, F_OK))
		usleep(NAP_US);
	if (!*wrong)
		t->get();
	write_file(file, *wrong ? wrong : "ok");
	exit(0);
}

int main(int argc, char **argv)
{
	const struct test *t = argc == 3 ? find(argv[1]) : NULL;
	pthread_t thread;

	if (!t)
		return 2;
	if (!strcmp(argv[2], "?")) {
		const char *why = t->lacks ? t->lacks() : NULL;

		return why ? puts(why), 1 : 0;
	}
	/* A test may write over its arguments. */
	snprintf(file, sizeof(file), "%s", argv[2]);
	snprintf(go, sizeof(go), "%s.go", file);
	snprintf(ready, sizeof(ready), "%s.ready", file);
	snprintf(mark_file, sizeof(mark_file), "%s.mark", file);
	block_usr1();	/* children are born so: none is killed before it waits */
	t->set();
	if (!t->leaves)
		wait_and_look((void *)t);
	if (!pthread_create(&thread, NULL, wait_and_look, (void *)t))
		syscall(SYS_exit, 0);
	return 9;
}
