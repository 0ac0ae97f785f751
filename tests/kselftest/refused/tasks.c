// SPDX-License-Identifier: GPL-2.0-or-later
/* Of tasks. */
#include <asm/ldt.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/io.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refused.h"

static int ends[2];

/* ---- who looks at whom, who shares what ---- */

static void set_traced(void)
{
	int status;

	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME);
		raise(SIGSTOP);
		_exit(7);
	}
	check(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
}

static void get_traced(void)
{
	check(!ptrace(PTRACE_CONT, pid, 0, 0) && child_ends_with_7(pid));
}

static volatile int shared;

static int share(void *arg)
{
	while (!shared)
		usleep(1000);
	return 7;
}

static void set_vm(void)
{
	char *stack = malloc(65536);

	pid = clone(share, stack + 65536, CLONE_VM | SIGCHLD, NULL);
	check(pid > 0);
}

static void get_vm(void)
{
	shared = 1;
	check(child_ends_with_7(pid));
}

/* Its parent waits for its exec or its end; it has its parent's memory until then. */
static void set_vfork(void)
{
	int ready[2];
	char c;

	check(!pipe(ends) && !pipe(ready));
	pid = fork();
	if (!pid) {
		pid = vfork();
		if (!pid) {
			if (write(ready[1], "", 1) != 1 || read(ends[0], &c, 1) != 1)
				_exit(8);
			_exit(7);
		}
		_exit(child_ends_with_7(pid) ? 7 : 8);
	}
	check(read(ready[0], &c, 1) == 1);
}

static void get_vfork(void)
{
	check(write(ends[1], "", 1) == 1 && child_ends_with_7(pid));
}

/* The same with somebody outside of the container. */
static int leave_and_share(void *arg)
{
	leave();
	if (write(*(int *)arg, "", 1) != 1)
		return 8;
	return share(NULL);
}

static void share_outside(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	static int ready[2];
	char c;

	check(!pipe(ready));
	pid = clone(leave_and_share, stack + sizeof(stack), flags | SIGCHLD, &ready[1]);
	check(pid > 0 && read(ready[0], &c, 1) == 1);
}

static void set_vmoutside(void)
{
	share_outside(CLONE_VM);
}

static void set_filesoutside(void)
{
	share_outside(CLONE_FILES);
}

static void set_fsoutside(void)
{
	share_outside(CLONE_FS);
}

/* (this one has memory of its own) */
static bool end_outside(void)
{
	return !kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid;
}

static void get_outside(void)
{
	check(end_outside());
}

/* As many threads as have the memory, but one of them has ended. */
static bool share_alone(void)
{
	share_outside(CLONE_VM);
	return !*wrong;
}

static bool end_alone(void)
{
	shared = 1;
	return child_ends_with_7(pid);
}

static void set_orphanvm(void)
{
	pid = orphan_thread(share_alone, end_alone);
}

static bool share_own_fs(void)
{
	if (unshare(CLONE_FS))
		return false;
	share_outside(CLONE_FS);
	return !*wrong;
}

static void set_threadfs(void)
{
	thread(share_own_fs, end_outside);
}

static int own_fd;

static bool set_own_table(void)
{
	if (unshare(CLONE_FILES))
		return false;
	own_fd = open("/dev/null", O_RDONLY);
	return own_fd >= 0;
}

static bool get_own_table(void)
{
	return !close(own_fd);
}

static void set_owntable(void)
{
	thread(set_own_table, get_own_table);
}

static void get_owntable(void)
{
	check(fcntl(own_fd, F_GETFD) < 0 && thread_says_yes());
}

static volatile int in_place;

static void *second(void *arg)
{
	char cwd[64] = "";

	in_place = 1;
	while (in_place != 2)
		usleep(1000);
	in_place = getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/usr") ? 3 : 4;
	return NULL;
}

/* Two threads have one working directory, and the others have another. */
static bool set_two(void)
{
	pthread_t t;

	if (unshare(CLONE_FS) || pthread_create(&t, NULL, second, NULL))
		return false;
	while (!in_place)
		usleep(1000);
	return true;
}

static bool get_two(void)
{
	if (chdir("/usr"))
		return false;
	in_place = 2;
	while (in_place == 2)
		usleep(1000);
	return in_place == 3;
}

static void set_twocwd(void)
{
	thread(set_two, get_two);
}

/* ---- scheduling ---- */

static void set_deadline(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t prio;
		uint64_t runtime, deadline, period;
	} a = { 48, SCHED_DEADLINE, 0, 0, 0, 50000000, 100000000, 100000000 };

	need(!syscall(SYS_sched_setattr, 0, &a, 0));
}

static void get_deadline(void)
{
	check(sched_getscheduler(0) == SCHED_DEADLINE);
}

static void set_cookie(void)
{
	need(!prctl(62 /* PR_SCHED_CORE */, 1 /* CREATE */, 0, 0, 0));
}

static void get_cookie(void)
{
	uint64_t cookie = 0;

	check(!prctl(62, 0 /* GET */, 0, 0, &cookie) && cookie);
}

/* ---- what it may not do ---- */

static void set_landlock(void)
{
	struct landlock_ruleset_attr no_fifos = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_MAKE_FIFO
	};
	int rules = syscall(SYS_landlock_create_ruleset, &no_fifos, sizeof(no_fifos), 0);

	need(rules >= 0);
	check(!syscall(SYS_landlock_restrict_self, rules, 0) && !close(rules));
}

static void get_landlock(void)
{
	check(mkfifo("/tmp/refused.fifo", 0600) && errno == EACCES);
}

/* ---- of x86 ---- */

static char selector;

static void set_dispatch(void)
{
	need(!prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector));
}

static void get_dispatch(void)
{
	check(!prctl(59, 0, 0, 0, 0));
}

static const struct user_desc segment = {
	.entry_number = 3, .base_addr = 0x1000, .limit = 4, .seg_32bit = 1, .useable = 1
};

static void set_ldt(void)
{
	need(!syscall(SYS_modify_ldt, 1, &segment, sizeof(segment)));
}

static void get_ldt(void)
{
	uint64_t table[8] = { 0 };

	check(syscall(SYS_modify_ldt, 0, table, sizeof(table)) >= 32 && table[3]);
}

static void set_ports(void)
{
	need(!ioperm(0x80, 1, 1));
}

static void get_ports(void)
{
	outb(0, 0x80);		/* or SIGSEGV */
}

/* That program does by itself what others do in main.c. */
static void set_addr32(void)
{
	const char *dir = getenv("REFUSED_DIR");
	unsigned char head[5] = "";
	char path[512];

	snprintf(path, sizeof(path), "%s/addr32", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(read(fd, head, sizeof(head)) == sizeof(head));
	errno = ENOEXEC;
	need(head[4] == 1);	/* or the compiler builds no such programs */
	execl(path, path, name(""), NULL);
	check(!"it begins");
}

const struct thing task_things[] = {
	{ "traced", set_traced, get_traced, OF_PROCESS, "traced process (ptrace)" },
	{ "vm", set_vm, get_vm, OF_PROCESS,
	  "memory shared with another process (CLONE_VM)" },
	{ "vfork", set_vfork, get_vfork, OF_PROCESS, "it waits in vfork() for pid" },
	{ "vmoutside", set_vmoutside, get_vm, OF_PROCESS,
	  "memory shared with a process outside of the container" },
	{ "filesoutside", set_filesoutside, get_outside, OF_PROCESS,
	  "table of open files shared with a process outside of the container" },
	{ "fsoutside", set_fsoutside, get_outside, OF_PROCESS,
	  "working directory shared with a process outside of the container" },
	{ "orphanvm", set_orphanvm, get_child, OF_PROCESS,
	  "memory shared with a process outside of the container" },
	{ "threadfs", set_threadfs, get_thread, OF_PROCESS,
	  "working directory shared with a process outside of the container" },
	{ "owntable", set_owntable, get_owntable, OF_PROCESS,
	  "thread with file descriptors of its own" },
	{ "twocwd", set_twocwd, get_thread, OF_PROCESS,
	  "working directory shared with another thread, but not with its process" },
	{ "deadline", set_deadline, get_deadline, OF_PROCESS, "deadline scheduling" },
	{ "cookie", set_cookie, get_cookie, OF_PROCESS, "core scheduling" },
	{ "landlock", set_landlock, get_landlock, OF_PROCESS, "Landlock sandbox" },
	{ "dispatch", set_dispatch, get_dispatch, OF_PROCESS, "syscall user dispatch" },
	{ "ldt", set_ldt, get_ldt, OF_PROCESS, "local descriptor table (modify_ldt)" },
	{ "ports", set_ports, get_ports, OF_PROCESS, "I/O port permissions" },
	{ "addr32", set_addr32, NULL, OF_PROCESS, "32-bit program" },
	{ }
};
