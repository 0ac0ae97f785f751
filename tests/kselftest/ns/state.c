// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state KIND FILE - a program in namespaces of its own that knows what must become
 * of them. It sets them up, makes FILE.ready, waits for FILE.go (meanwhile it is
 * dumped, killed and restored), looks again, and writes "ok" or what is wrong to
 * FILE.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

char wrong[1024];
static const char *base;

const char *beside(const char *suffix)
{
	static char buf[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "%s.%s", base, suffix);
	return buf[n];
}

void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

const char *text_of(const char *file)
{
	static char buf[4][4096];
	static int nr;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	nr = (nr + 1) % 4;
	n = fd < 0 ? -1 : read(fd, buf[nr], sizeof(buf[nr]) - 1);
	close(fd);
	buf[nr][n < 0 ? 0 : n] = 0;
	buf[nr][strcspn(buf[nr], "\n")] = 0;
	return buf[nr];
}

unsigned long ns_ino(pid_t pid, const char *kind)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	return stat(path, &st) ? 0 : st.st_ino;
}

/* ---- a child that answers questions ---- */

pid_t child(void (*set)(void), bool (*get)(void))
{
	int ready[2], status = 0;
	pid_t pid;
	char c;

	check(!pipe(ready));
	pid = fork();
	if (!pid) {
		sigset_t usr1;

		sigemptyset(&usr1);
		sigaddset(&usr1, SIGUSR1);
		sigprocmask(SIG_BLOCK, &usr1, NULL);
		set();
		close(ready[0]);
		if (*wrong || write(ready[1], "", 1) != 1)
			_exit(8);
		close(ready[1]);
		sigwaitinfo(&usr1, NULL);
		_exit(get() ? 0 : 7);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		waitpid(pid, &status, 0);
		check(!"the child is set up");
	}
	close(ready[0]);
	return pid;
}

bool child_says_yes(pid_t pid)
{
	int status;

	return !kill(pid, SIGUSR1) && waitpid(pid, &status, 0) == pid &&
	       WIFEXITED(status) && !WEXITSTATUS(status);
}

/* ---- uts ---- */

static bool names_are(const char *host, const char *domain)
{
	struct utsname u;

	return !uname(&u) && !strcmp(u.nodename, host) &&
	       !strcmp(u.domainname, domain);
}

static void name(const char *host, const char *domain)
{
	check(!sethostname(host, strlen(host)));
	check(!setdomainname(domain, strlen(domain)));
}

static void set_uts(void)
{
	check(!unshare(CLONE_NEWUTS));
	name("moved-host", "moved.example");
}

static void get_uts(void)
{
	check(names_are("moved-host", "moved.example"));
	/* It is still its own. */
	check(!sethostname("again", 5));
	check(names_are("again", "moved.example"));
}

/* A child in the same one, another one in a second one. */
static pid_t sharing, apart;

static void nothing(void)
{
}

static void set_second(void)
{
	check(!unshare(CLONE_NEWUTS));
	name("second", "");
}

static bool get_shared(void)
{
	return names_are("changed", "moved.example");
}

static bool get_second(void)
{
	return names_are("second", "");
}

static void set_family(void)
{
	set_uts();
	sharing = child(nothing, get_shared);
	apart = child(set_second, get_second);
}

static void get_family(void)
{
	check(names_are("moved-host", "moved.example"));
	check(ns_ino(getpid(), "uts") == ns_ino(sharing, "uts"));
	check(ns_ino(getpid(), "uts") != ns_ino(apart, "uts"));
	name("changed", "moved.example");
	check(child_says_yes(sharing));
	check(child_says_yes(apart));
}

/* ---- ipc ---- */

#define SYSCTL "/proc/sys/"

static void set_ipc(void)
{
	check(!unshare(CLONE_NEWIPC));
	write_file(SYSCTL "kernel/msgmax", "12345");
	write_file(SYSCTL "kernel/sem", "33\t44444\t55\t66");
	write_file(SYSCTL "kernel/shmmax", "18446744073692774000");
	write_file(SYSCTL "fs/mqueue/msg_max", "17");
}

static void get_ipc(void)
{
	int shm;

	check(!strcmp(text_of(SYSCTL "kernel/msgmax"), "12345"));
	check(!strcmp(text_of(SYSCTL "kernel/sem"), "33\t44444\t55\t66"));
	check(!strcmp(text_of(SYSCTL "kernel/shmmax"), "18446744073692774000"));
	check(!strcmp(text_of(SYSCTL "fs/mqueue/msg_max"), "17"));
	check(!strcmp(text_of(SYSCTL "kernel/msgmnb"), "16384"));
	/* Nobody has taken the first number before us. */
	shm = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	check(shm == 0);
	check(!shmctl(shm, IPC_RMID, NULL));
}

/* A second one, for some of us. */
static void set_second_ipc(void)
{
	check(!unshare(CLONE_NEWIPC));
	write_file(SYSCTL "kernel/msgmax", "23456");
}

static bool get_shared_ipc(void)
{
	return !strcmp(text_of(SYSCTL "kernel/msgmax"), "34567");
}

static bool get_second_ipc(void)
{
	return !strcmp(text_of(SYSCTL "kernel/msgmax"), "23456");
}

static void set_twoipc(void)
{
	check(!unshare(CLONE_NEWIPC));
	write_file(SYSCTL "kernel/msgmax", "12345");
	sharing = child(nothing, get_shared_ipc);
	apart = child(set_second_ipc, get_second_ipc);
}

static void get_twoipc(void)
{
	check(!strcmp(text_of(SYSCTL "kernel/msgmax"), "12345"));
	check(ns_ino(getpid(), "ipc") == ns_ino(sharing, "ipc"));
	check(ns_ino(getpid(), "ipc") != ns_ino(apart, "ipc"));
	write_file(SYSCTL "kernel/msgmax", "34567");
	check(child_says_yes(sharing));
	check(child_says_yes(apart));
}

/* ---- cgroup ---- */

static void set_cgroups(void)
{
	check(!unshare(CLONE_NEWCGROUP));
}

static bool sees_root(void)
{
	return !strcmp(text_of("/proc/self/cgroup"), "0::/");
}

static bool sees_box(void)
{
	return !strcmp(text_of("/proc/self/cgroup"), "0::/ns-cgroups");
}

/* Two are in namespaces of their own, the third is in the host's, as we are. */
static pid_t beside_us;

static void set_three_cgroups(void)
{
	sharing = child(set_cgroups, sees_root);
	apart = child(set_cgroups, sees_root);
	beside_us = child(nothing, sees_box);
}

static void get_three_cgroups(void)
{
	check(sees_box());
	check(ns_ino(getpid(), "cgroup") == ns_ino(beside_us, "cgroup"));
	check(ns_ino(sharing, "cgroup") != ns_ino(apart, "cgroup"));
	check(child_says_yes(sharing) && child_says_yes(apart) && child_says_yes(beside_us));
}

/* ---- a root directory in a mount namespace of the container's own ---- */

static void set_below(void)
{
	check(!mkdir("/mnt/root", 0700) && !mkdir("/mnt/root/inner", 0700));
	write_file("/mnt/root/file", "inside");
	check(!chroot("/mnt/root") && !chdir("/inner"));
}

static bool get_below(void)
{
	char cwd[64];

	return !strcmp(text_of("/file"), "inside") && getcwd(cwd, sizeof(cwd)) &&
	       !strcmp(cwd, "/inner") && access("/usr", F_OK) && !chdir("..") && !chdir("..") &&
	       !strcmp(text_of("file"), "inside");
}

static void set_chroot(void)
{
	check(!mount("root", "/mnt", "tmpfs", 0, "size=1m"));
	sharing = child(set_below, get_below);
}

static void get_chroot(void)
{
	check(!access("/usr", F_OK) && !strcmp(text_of("/mnt/root/file"), "inside"));
	check(child_says_yes(sharing));
}

static const struct test tests[] = {
	{ "uts", set_uts, get_uts },
	{ "family", set_family, get_family },
	{ "ipc", set_ipc, get_ipc },
	{ "twoipc", set_twoipc, get_twoipc },
	{ "cgroups", set_three_cgroups, get_three_cgroups },
	{ "chroot", set_chroot, get_chroot },
	{ NULL }
};

static const struct test *const all[] = { tests, pid_tests };

static const struct test *find(const char *kind)
{
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		for (const struct test *t = all[i]; t->name; t++)
			if (!strcmp(t->name, kind))
				return t;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct test *t = argc == 3 ? find(argv[1]) : NULL;

	if (!t)
		return 2;
	base = argv[2];
	t->set();
	write_file(beside("ready"), wrong);
	while (access(beside("go"), F_OK))
		usleep(20000);
	if (!*wrong)
		t->get();
	write_file(base, *wrong ? wrong : "ok");
	return 0;
}
