// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * refused DIR MIGCTL [TEST...] - makes each of the things in a cgroup of its own, asks
 * MIGCTL for a dump, which has to refuse it by its name, and looks whether what has it
 * goes on. Files are made in DIR, which has the programs, too. KTAP.
 *
 * One program for all: what is emulated takes a second for an exec.
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "refused.h"

#define LIMIT_S		60		/* times TIME_FACTOR, for anything */

static const struct thing *const all[] = {
	task_things, space_things, memory_things, file_things, ring_things, socket_things
};

static const char *dir, *migctl;
static int number, failed;
static char output[65536];

static const struct thing *find(const char *test)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct thing *t = all[i]; t->name; t++)
			if (!strcmp(t->name, test))
				return t;
	return NULL;
}

static const char *path(const char *format, const char *test)
{
	static char buf[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), format, test);
	return buf[n];
}

static const char *text_of(const char *file)
{
	static char buf[4096];
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return buf;
}

/* Polls; what is waited for is not to be disturbed. */
static bool wait_until(bool (*done)(const void *), const void *arg)
{
	const char *factor = getenv("TIME_FACTOR");
	time_t end = time(NULL) + LIMIT_S * (factor ? atoi(factor) : 1);

	while (!done(arg)) {
		if (time(NULL) > end)
			return false;
		usleep(5000);
	}
	return true;
}

static bool is_there(const void *file)
{
	return !access(file, F_OK);
}

static bool is_removed(const void *cgroup)
{
	return !rmdir(cgroup) || errno == ENOENT;
}

static bool has_ended(const void *pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, *(const pid_t *)pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid;
}

/* ---- in the container ---- */

static void say(const char *as)
{
	write_file(name("new"), wrong);
	rename(name("new"), name(as));
}

static void live(const struct thing *t)
{
	sigset_t go;
	int sig;

	sigemptyset(&go);
	sigaddset(&go, SIGUSR1);
	sigprocmask(SIG_BLOCK, &go, NULL);
	t->set();
	say("ready");
	sigwait(&go, &sig);
	if (!*wrong && t->get)
		t->get();
	say("wrong");
	_exit(0);
}

static pid_t start(const struct thing *t)
{
	pid_t pid;
	int null;

	mkdir(path(BOX "%s", t->name), 0755);
	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	setsid();
	write_file(path(BOX "%s/cgroup.procs", t->name), "0");
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
	live(t);
	return 0;
}

/* ---- what migctl says ---- */

/* Return: its status. */
static int call(const char *const argv[])
{
	size_t len = 0;
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		execv(migctl, (char *const *)argv);
		_exit(127);
	}
	close(ends[1]);
	while ((n = read(ends[0], output + len, sizeof(output) - 1 - len)) > 0)
		len += n;
	output[len] = 0;
	close(ends[0]);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *image(void)
{
	return path("%s/image", dir);
}

static int dump(const struct thing *t)
{
	return call((const char *[]){ "migctl", "dump", path(BOX "%s", t->name), "-o", image(),
				      "--leave", "killed", NULL });
}

static bool is_inside(unsigned int pid, const struct thing *t)
{
	char file[64];

	snprintf(file, sizeof(file), "/proc/%u/cgroup", pid);
	return pid && strstr(text_of(file), path("/refused-%s", t->name));
}

/* Is it what @line tells, of a process of the container? */
static bool tells(const char *line, const struct thing *t)
{
	char want[1024];
	unsigned int pid;
	const char *p = strchr(t->what, '%');
	int at = 0, fd;

	snprintf(want, sizeof(want), "%.*s%s%s", p ? (int)(p - t->what) : 0, t->what,
		 p ? name("") : "", p ? p + 1 : t->what);
	if (t->of == OF_ALL)
		return strstr(line, want);
	if (t->of == OF_PROCESS)
		sscanf(line, "migctl: pid %u: %n", &pid, &at);
	else
		sscanf(line, "migctl: pid %u fd %d: %n", &pid, &fd, &at);
	return at && !strncmp(line + at, want, strlen(want)) && is_inside(pid, t);
}

static const char *line_of(const struct thing *t)
{
	static char copy[sizeof(output)];

	strcpy(copy, output);
	for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
		if (tells(line, t))
			return line;
	return NULL;
}

/* ---- the test ---- */

static bool fail(const char *why, const char *more)
{
	printf("# %s", why);
	for (; *more; more++) {
		putchar(*more);
		if (*more == '\n')
			printf("# ");
	}
	printf("\n");
	return false;
}

static bool goes_on(const struct thing *t, pid_t pid)
{
	if (atoi(text_of(path(BOX "%s/cgroup.freeze", t->name))) ||
	    !strstr(text_of(path(BOX "%s/cgroup.events", t->name)), "frozen 0"))
		return fail("it is frozen", "");
	kill(pid, SIGUSR1);
	if (!wait_until(has_ended, &pid))
		return fail("it does not answer", "");
	if (*text_of(name("wrong")))
		return fail("", text_of(name("wrong")));
	return is_there(name("wrong")) || fail("it has ended by itself", "");
}

static bool stays(const struct thing *t, pid_t pid)
{
	int status = dump(t);
	const char *line = line_of(t);

	if (status != 2 || !line) {
		printf("# status %d, expected 2, and %s\n", status, t->what);
		return fail("", output);
	}
	printf("# refused: %s\n", line + strlen("migctl: "));
	if (is_there(image()))
		return fail("an image is left", "");
	return goes_on(t, pid);
}

/* Dumped, killed and restored under the same number; nobody here is its parent. */
static bool moves(const struct thing *t, pid_t pid)
{
	if (dump(t))
		return fail("", output);
	waitpid(pid, NULL, 0);
	if (call((const char *[]){ "migctl", "restore", image(), NULL }))
		return fail("", output);
	unlink(image());
	kill(pid, SIGUSR1);
	if (!wait_until(is_there, name("wrong")) || *text_of(name("wrong")))
		return fail("it says: ", text_of(name("wrong")));
	return true;
}

static void remove_box(const struct thing *t)
{
	static const char *const below[] = { BOX "%s/inner", BOX "%s" };

	int fd = open(path(BOX "%s/cgroup.kill", t->name), O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		fail("cgroup.kill", "");
	close(fd);
	for (int i = 0; i < 2; i++)
		wait_until(is_removed, path(below[i], t->name));
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void test(const struct thing *t)
{
	const char *verdict = t->of == OF_NOTHING ? "" : " is refused";
	bool ok = false;
	pid_t pid;

	setenv("REFUSED", t->name, 1);
	setenv("REFUSED_DIR", dir, 1);
	pid = start(t);
	number++;
	if (!wait_until(is_there, name("ready"))) {
		fail("it is not ready", "");
	} else if (!strncmp(text_of(name("ready")), "none: ", 6)) {
		printf("ok %d - %s%s # SKIP %s\n", number, t->name, verdict,
		       text_of(name("ready")) + 6);
		remove_box(t);
		return;
	} else if (*text_of(name("ready"))) {
		fail("", text_of(name("ready")));
	} else {
		ok = t->of == OF_NOTHING ? moves(t, pid) : stays(t, pid);
	}
	remove_box(t);
	printf("%sok %d - %s%s\n", ok ? "" : "not ", number, t->name, verdict);
	failed += !ok;
}

int main(int argc, char **argv)
{
	int n = argc - 3;

	if (argc == 1 && getenv("REFUSED"))
		live(find(getenv("REFUSED")));
	if (argc < 3)
		return 2;
	dir = argv[1];
	migctl = argv[2];
	for (size_t i = 0; argc == 3 && i < sizeof(all) / sizeof(*all); i++)
		for (const struct thing *t = all[i]; t->name; t++)
			n++;
	printf("KTAP version 1\n1..%d\n", n);
	for (int i = 3; i < argc; i++) {
		if (!find(argv[i]))
			return 2;
		test(find(argv[i]));
	}
	for (size_t i = 0; argc == 3 && i < sizeof(all) / sizeof(*all); i++)
		for (const struct thing *t = all[i]; t->name; t++)
			test(t);
	return failed > 0;
}
