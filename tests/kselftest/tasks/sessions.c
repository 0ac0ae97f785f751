// SPDX-License-Identifier: GPL-2.0-or-later
/* Sessions and process groups, above all those whose leaders have ended. */
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

#define PPID	4	/* in /proc/PID/stat */

static pid_t session, group, member, other;

/* Pids of the grandchildren come through here. */
static int ends[2];

static void tell(pid_t pid)
{
	check(write(ends[1], &pid, sizeof(pid)) == sizeof(pid));
}

static pid_t heard(void)
{
	pid_t pid = -1;

	check(read(ends[0], &pid, sizeof(pid)) == sizeof(pid));
	return pid;
}

static void begin(void)
{
	check(!pipe(ends) && !prctl(PR_SET_CHILD_SUBREAPER, 1));
}

/* ---- a pipeline of a shell: both the shell and its first program are gone ---- */

static void join_group(void)
{
	setpgid(0, group);
}

static void lead_group(void)
{
	setpgid(0, 0);
}

static void shell(void)
{
	setsid();
	group = waiter(lead_group);
	member = waiter(join_group);
	kill(group, SIGUSR1);
	status_of(group);
	tell(group);
	tell(member);
	tell(waiter(NULL));
	_exit(*wrong ? 1 : 0);
}

static void set_pipeline(void)
{
	begin();
	session = fork();
	if (!session)
		shell();
	group = heard();
	member = heard();
	other = heard();
	check(status_of(session) == 0);
}

static void get_pipeline(void)
{
	check(getpgid(member) == group && getsid(member) == session);
	check(getpgid(other) == session && getsid(other) == session);
	check(stat_field(member, PPID) == getpid());
	check(stat_field(other, PPID) == getpid());
	check(kill(session, 0) && errno == ESRCH);
	check(kill(group, 0) && errno == ESRCH);
	/* Signals and waits reach the group by its number. */
	check(!kill(-group, SIGUSR1));
	check(waitpid(-group, NULL, 0) == member);
	check(kill(-group, 0) && errno == ESRCH);
	check(!kill(-session, SIGUSR1) && status_of(other) == 7 << 8);
}

/* ---- a daemon: the first process is in a session that has no leader ---- */

static void set_daemon(void)
{
	session = getpid();
	if (fork())
		_exit(0);
	while (getppid() == session)
		usleep(1000);
}

static void get_daemon(void)
{
	check(getpid() != session);
	check(getsid(0) == session && getpgid(0) == session);
	member = waiter(NULL);
	check(getsid(member) == session);
	check(setsid() == getpid() && getsid(member) == session);
	check(!kill(-session, SIGUSR1) && status_of(member) == 7 << 8);
}

/* ---- the parent of a member has left the session, which then lost its leader,
 * and there is an orphan in it as well
 */
static void leave(void)
{
	tell(getpid());
	tell(waiter(NULL));
	setsid();
}

static void leader(void)
{
	setsid();
	waiter(leave);
	tell(waiter(NULL));
	_exit(0);
}

static pid_t left;

static void set_left(void)
{
	begin();
	session = fork();
	if (!session)
		leader();
	left = heard();
	member = heard();
	other = heard();
	check(status_of(session) == 0);
}

static void get_left(void)
{
	check(getsid(left) == left && stat_field(left, PPID) == getpid());
	check(getsid(member) == session && stat_field(member, PPID) == left);
	check(getsid(other) == session && stat_field(other, PPID) == getpid());
	check(!kill(left, SIGUSR1) && status_of(left) == 7 << 8);
	/* Now it is an orphan, and ours. */
	check(!kill(-session, SIGUSR1));
	check(status_of(member) == 7 << 8 && status_of(other) == 7 << 8);
}

/* ---- two sessions without a leader, two groups in one of them ---- */

static pid_t sessions[2], groups[2], members[2][2];

static void set_many(void)
{
	begin();
	for (int i = 0; i < 2; i++) {
		sessions[i] = fork();
		if (!sessions[i]) {
			setsid();
			for (int j = 0; j < 2; j++) {
				group = waiter(lead_group);
				tell(group);
				tell(waiter(join_group));
				kill(group, SIGUSR1);
				status_of(group);
			}
			_exit(0);
		}
		for (int j = 0; j < 2; j++) {
			group = heard();
			if (!i)
				groups[j] = group;
			members[i][j] = heard();
		}
		check(status_of(sessions[i]) == 0);
	}
}

static void get_many(void)
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			check(getsid(members[i][j]) == sessions[i]);
			check(stat_field(members[i][j], PPID) == getpid());
		}
	check(getpgid(members[0][0]) == groups[0]);
	check(getpgid(members[0][1]) == groups[1]);
	check(getpgid(members[1][0]) != getpgid(members[1][1]));
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			check(!kill(members[i][j], SIGUSR1));
			check(status_of(members[i][j]) == 7 << 8);
		}
	/* Nothing else is left of what made them. */
	check(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
}

const struct test session_tests[] = {
	{ "pipeline", set_pipeline, get_pipeline },
	{ "daemon", set_daemon, get_daemon },
	{ "left", set_left, get_left },
	{ "many", set_many, get_many },
	{ }
};
