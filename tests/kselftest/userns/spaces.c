// SPDX-License-Identifier: GPL-2.0-or-later
/* User namespaces that processes made by themselves: one, several, one in another, and
 * with a pid namespace in one of theirs.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inside.h"

/* ---- no more than that, by somebody who is nobody ---- */

static void take_self(void)
{
	uid_t owner = -1;
	int fd = open("/proc/self/ns/user", O_RDONLY);

	check(!ioctl(fd, NS_GET_OWNER_UID, &owner));
	close(fd);
	note_process(getpid());
	note_owners(getpid());
	note("its creator is %u\n", owner);
}

static void be_alone(void)
{
	static const gid_t groups[] = { 1000, 27 };

	check(!setgroups(2, groups) && !setresgid(1000, 1000, 1000) &&
	      !setresuid(1000, 1000, 1000) && !prctl(PR_SET_DUMPABLE, 1));
	check(!unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	map_of(getpid(), "setgroups", "deny");
	map_of(getpid(), "uid_map", "0 1000 1");
	map_of(getpid(), "gid_map", "0 1000 1");
}

static int run_alone(void)
{
	be_alone();
	move(take_self);
	check(setgroups(0, NULL) && errno == EPERM);
	check(!sethostname("alone", 5));
	check_limits();
	return answer();
}

/* ---- some processes of a container ---- */

static struct kid first, second, unwritten;

static void take_some(void)
{
	const struct kid *all[] = { &first, &second, &unwritten };

	note_process(getpid());
	for (int i = 0; i < 3; i++) {
		note_process(all[i]->pid);
		note_owners(all[i]->pid);
	}
}

static int run_some(void)
{
	first = kid(own_uts, renames);
	second = kid(own_user, NULL);
	unwritten = kid(own_user, NULL);
	map_of(first.pid, "uid_map", "0 0 1\n10 300000 5");
	map_of(first.pid, "gid_map", "0 0 1");
	map_of(second.pid, "uid_map", "5 0 10");
	move(take_some);
	check(says_yes(&first) && says_yes(&second) && says_yes(&unwritten));
	return answer();
}

/* ---- one in another one ---- */

static struct kid outer, inner;
static pid_t *inner_pid;	/* shared: only its parent is told */

/* As somebody who has an id in all of them. */
static void be_inner(void)
{
	static const gid_t group = 2;

	check(!unshare(CLONE_NEWUSER | CLONE_NEWUTS));
	check(!raise(SIGSTOP));		/* until it has maps */
	check(!setgroups(1, &group) && !setresgid(1, 1, 1));
	check(!prctl(PR_SET_KEEPCAPS, 1) && !setresuid(1, 1, 1));
	check(!prctl(PR_SET_DUMPABLE, 1));
}

static bool inner_may(void)
{
	return setresuid(7, -1, -1) && getuid() == 1;	/* (7 is nobody there) */
}

/* First without maps, then it makes the inner one, from then on it asks that. */
static bool outer_may(void)
{
	static int calls;
	int status;

	switch (calls++) {
	case 0:
		return true;
	case 1:
		/* Not as root, with its capabilities. */
		if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) ||
		    setresgid(20, 20, 20) || setresuid(20, 20, 20) ||
		    prctl(PR_SET_DUMPABLE, 1) || !renames())
			return false;
		inner = kid_begin(be_inner, inner_may);
		*inner_pid = inner.pid;
		if (waitpid(inner.pid, &status, WUNTRACED) != inner.pid || !WIFSTOPPED(status))
			return false;
		map_of(inner.pid, "uid_map", "0 20 2\n4 10 3");
		map_of(inner.pid, "gid_map", "0 20 3");
		kill(inner.pid, SIGCONT);
		return kid_ready(&inner) && !*wrong;
	default:
		return renames() && says_yes(&inner);
	}
}

static void take_within(void)
{
	char path[64];
	struct stat parent, st;
	int fd, up;

	note_process(outer.pid);
	note_owners(outer.pid);
	note_process(*inner_pid);
	note_owners(*inner_pid);
	snprintf(path, sizeof(path), "/proc/%d/ns/user", outer.pid);
	check(!stat(path, &parent));
	snprintf(path, sizeof(path), "/proc/%d/ns/user", *inner_pid);
	fd = open(path, O_RDONLY);
	up = ioctl(fd, NS_GET_PARENT);
	check(up >= 0 && !fstat(up, &st) && st.st_ino == parent.st_ino);
	close(up);
	close(fd);
}

static int run_within(void)
{
	inner_pid = shared_pid();
	outer = kid(own_uts, outer_may);
	map_of(outer.pid, "uid_map", "0 0 1\n10 300000 50");
	map_of(outer.pid, "gid_map", "0 0 1\n10 400000 50");
	check(says_yes(&outer) && says_yes(&outer));
	move(take_within);
	check(says_yes(&outer));
	return answer();
}

/* ---- pid namespaces, one in another one ---- */

static struct kid deep;

static void take_deep(void)
{
	note_process(deep.pid);
	note_owners(deep.pid);
}

/* In one that is in that of the container; both belong to its user namespace. */
static int run_levels(void)
{
	own_proc();
	check(!unshare(CLONE_NEWPID));
	deep = kid(with_thread, called_as_before);
	check(says_yes(&deep));
	move(take_deep);
	check(says_yes(&deep));
	return answer();
}

const struct kind space_kinds[] = {
	{ "alone", run_alone },
	{ "some", run_some },
	{ "within", run_within },
	{ "levels", run_levels },
	{ }
};
