// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that asks the time in all the ways that the vdso has, and compares with
 * what the kernel says.
 *
 *	calls FILE	until FILE.go is there; FILE then says ok, or what was wrong
 *	calls FILE handler	the same, from a signal handler that interrupted the
 *			vdso, which is then returned to
 *	calls FILE stuck	for ever in one instruction of the vdso
 *	calls FILE once		in it until it has been stopped once
 *
 * FILE.ready is made when it has begun.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static const char *file;
static char *page;

static void say(const char *suffix, const char *text)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s%s", file, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(2);
	close(fd);
}

static void wrong(const char *format, ...)
{
	char text[256];
	va_list a;

	va_start(a, format);
	vsnprintf(text, sizeof(text), format, a);
	va_end(a);
	say("", text);
	_exit(1);
}

static int told(void)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.go", file);
	return access(path, F_OK) == 0;
}

static long long ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

/* The vdso's answer lies between two of the kernel's (a tick, for the coarse ones). */
static void clocks(void)
{
	static const struct {
		clockid_t id;
		long slack;
	} all[] = {
		{ CLOCK_REALTIME, 0 }, { CLOCK_MONOTONIC, 0 }, { CLOCK_BOOTTIME, 0 },
		{ CLOCK_TAI, 0 }, { CLOCK_MONOTONIC_RAW, 0 },
		{ CLOCK_REALTIME_COARSE, 20000000 }, { CLOCK_MONOTONIC_COARSE, 20000000 },
		{ CLOCK_THREAD_CPUTIME_ID, 0 },
	};
	struct timespec a, b, c;
	struct timeval v;
	time_t t;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		syscall(SYS_clock_gettime, all[i].id, &a);
		clock_gettime(all[i].id, &b);
		syscall(SYS_clock_gettime, all[i].id, &c);
		if (ns(&b) < ns(&a) - all[i].slack || ns(&b) > ns(&c) + all[i].slack)
			wrong("clock %d: %lld, not in %lld..%lld", all[i].id, ns(&b),
			      ns(&a), ns(&c));
		clock_getres(all[i].id, &b);
		syscall(SYS_clock_getres, all[i].id, &c);
		if (ns(&b) != ns(&c))
			wrong("clock %d: resolution", all[i].id);
	}
	syscall(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &a);
	t = time(NULL);
	gettimeofday(&v, NULL);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &c);
	if (t < a.tv_sec || t > c.tv_sec)
		wrong("time: %ld, not in %ld..%ld", (long)t, (long)a.tv_sec, (long)c.tv_sec);
	if (v.tv_sec < a.tv_sec || v.tv_sec > c.tv_sec)
		wrong("gettimeofday: %ld", (long)v.tv_sec);
}

static void others(void)
{
	unsigned char bytes[64] = { 0 }, none[64] = { 0 };
	int cpu = sched_getcpu(), status;
	pid_t pid;

	if (cpu < 0 || cpu >= sysconf(_SC_NPROCESSORS_CONF))
		wrong("getcpu: %d", cpu);
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes) ||
	    !memcmp(bytes, none, sizeof(bytes)))
		wrong("getrandom");
	/* A child that is born here has the same; one that makes an exec its own. */
	pid = fork();
	if (!pid) {
		clocks();
		execl("/bin/date", "date", "+%s", (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		wrong("child: status %#x", status);
}

static void until_told(void)
{
	long turns = 0;

	say(".ready", "");
	while (!told()) {
		clocks();
		if (turns++ % 16 == 0)
			others();
		usleep(2000);
	}
	clocks();
	others();
}

static void in_handler(int sig)
{
	until_told();
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

static void again(int sig)
{
}

/* Until it has been stopped: sigtimedwait() is one of the calls that end then, also when
 * that was the stop after which it was restored.
 */
static void *let_it_write(void *arg)
{
	const struct timespec hour = { .tv_sec = 3600 };
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigtimedwait(&usr1, NULL, &hour);
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	return arg;
}

/* A call of the vdso that cannot write its answer. */
static void interrupted(void (*handler)(int))
{
	struct sigaction a = { .sa_handler = handler };
	struct timespec *t = (void *)page, now;

	sigaction(SIGSEGV, &a, NULL);
	if (handler == again)
		say(".ready", "");
	clock_gettime(CLOCK_MONOTONIC, t);
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	if (ns(t) <= 0 || ns(t) > ns(&now))
		wrong("the call that was interrupted: %lld of %lld", ns(t), ns(&now));
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 1;
	file = argv[1];
	freopen("/dev/null", "w", stdout);
	page = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (argc > 2 && argv[2][0] == 'o') {
		pthread_t t;

		if (pthread_create(&t, NULL, let_it_write, NULL))
			return 1;
	}
	if (argc > 2)
		interrupted(argv[2][0] == 'h' ? in_handler : again);
	if (argc == 2 || argv[2][0] == 'o')
		until_told();
	say("", "ok");
	return 0;
}
