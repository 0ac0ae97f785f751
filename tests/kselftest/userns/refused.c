// SPDX-License-Identifier: GPL-2.0-or-later
/* What is refused: run.sh has the reasons, and looks whether all goes on. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inside.h"

/* The one that they are in belongs to their user namespace, the host's around it does
 * not.
 */
static int run_ancestor(void)
{
	struct kid deep;

	check(!unshare(CLONE_NEWUSER | CLONE_NEWPID));
	deep = kid(with_thread, called_as_before);
	wait_for_move();
	check(says_yes(&deep));
	return answer();
}

/* What is not its user namespace's. */
static bool renames_not(void)
{
	return sethostname("no", 2) && errno == EPERM;
}

/* The program was started in the container's user namespace, and goes on in another one
 * below that.
 */
static int run_above(void)
{
	struct kid below = kid(own_user, renames_not);

	wait_for_move();
	check(says_yes(&below));
	return answer();
}

static int run_nested(void)
{
	check(!unshare(CLONE_NEWUSER));
	map_of(getpid(), "uid_map", "0 0 1");
	map_of(getpid(), "setgroups", "deny");
	map_of(getpid(), "gid_map", "0 0 1");
	check(!unshare(CLONE_NEWUSER));
	wait_for_move();
	return answer();
}

static void *idle(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static int run_threads(void)
{
	pthread_t t;

	check(!unshare(CLONE_NEWUSER));
	check(!pthread_create(&t, NULL, idle, NULL));
	wait_for_move();
	return answer();
}

/* Two directories of its own tmpfs, one above the other. */
static int run_overlay(void)
{
	own_proc();
	check(!mount("mine", "/mnt", "tmpfs", 0, "size=1m,mode=755"));
	check(!mkdir("/mnt/low", 0755) && !mkdir("/mnt/high", 0755) && !mkdir("/mnt/over", 0755));
	write_file("/mnt/low/file", "low");
	check(!mount("mine", "/mnt/over", "overlay", 0, "lowerdir=/mnt/high:/mnt/low"));
	wait_for_move();
	check(!access("/mnt/over/file", R_OK));
	return answer();
}

/* A map that somebody outside writes, while @ask is read. */
static pid_t mapper(int ask)
{
	pid_t of = getpid(), pid = fork();
	char c;

	if (pid)
		return pid;
	if (read(ask, &c, 1) != 1)
		_exit(1);
	map_of(of, "uid_map", "0 100000 2000");
	map_of(of, "gid_map", "0 200000 2000");
	_exit(*wrong ? 1 : 0);
}

/* All threads were root of the host, whom the namespace does not know; the first one
 * has become root of the namespace. @procs: of the box.
 */
static int become_root(int procs)
{
	pthread_t t;

	check(getpid() == 1);
	check(write(procs, "0", 1) == 1);
	close(procs);
	check(!pthread_create(&t, NULL, idle, NULL));
	check(!syscall(SYS_setgroups, 0, NULL) && !syscall(SYS_setresgid, 0, 0, 0) &&
	      !syscall(SYS_setresuid, 0, 0, 0));
	wait_for_move();
	return answer();
}

/* Who is in the pid namespace above stays outside of the box: threads in there could not
 * be numbered either.
 */
static int found_strangers(const char *cgroup)
{
	int ask[2], procs = open(cgroup, O_WRONLY | O_CLOEXEC), status = 1;
	pid_t pid;

	check(procs >= 0 && !pipe(ask));
	pid = mapper(ask[0]);
	check(!unshare(CLONE_NEWUSER | CLONE_NEWPID));
	check(write(ask[1], "", 1) == 1);
	check(waitpid(pid, &status, 0) == pid && !status);
	pid = fork();
	if (!pid)
		_exit(become_root(procs));
	return pid > 0 && !*wrong ? 0 : 1;
}

/* (its uts namespace is that of somebody else) */
static int run_foreign(void)
{
	wait_for_move();
	return answer();
}

const struct kind refused_kinds[] = {
	{ "nested", run_nested },
	{ "threads", run_threads },
	{ "ancestor", run_ancestor },
	{ "above", run_above },
	{ "foreign", run_foreign },
	{ "overlay", run_overlay },
	{ "strangers", NULL, found_strangers },
	{ }
};
