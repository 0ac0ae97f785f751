// SPDX-License-Identifier: GPL-2.0-or-later
/* Semaphore sets. */
#include <signal.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc.h"

#define KEY	0x4c4d0002
#define MAX	32767

static int id;
static pid_t child, sleeper;

static int op(int nr, int by, int flags)
{
	struct sembuf o = { nr, by, flags };

	return semop(id, &o, 1);
}

static int value(int nr)
{
	return semctl(id, nr, GETVAL);
}

/* 0: taken by the child. 1: given by it. 2: taken by us. 3: far up, and back at
 * the end of the child. 4: all taken by the child. 5: waited for.
 */
static void set_sem(void)
{
	unsigned short values[6] = { 3, 5, 7, 0, MAX, 0 };

	id = semget(KEY, 6, IPC_CREAT | IPC_EXCL | 0640);
	check(id >= 0 && !semctl(id, 0, SETALL, values));
	check(!op(2, -4, SEM_UNDO));
	child = fork();
	if (!child) {
		if (op(0, -2, SEM_UNDO) || op(1, 1, SEM_UNDO) ||
		    op(3, MAX, SEM_UNDO) || op(4, -MAX, SEM_UNDO))
			_exit(1);
		write_file(name("took"), "");
		for (;;)
			pause();
	}
	wait_for(name("took"));
	sleeper = fork();
	if (!sleeper)
		_exit(op(5, -1, 0) ? 1 : 33);
	while (semctl(id, 5, GETNCNT) != 1)
		usleep(10000);
}

static void get_sem(void)
{
	struct semid_ds ds;
	int status = 0;

	check(semget(KEY, 6, 0) == id);
	check(!semctl(id, 0, IPC_STAT, &ds) && ds.sem_nsems == 6);
	check(ds.sem_perm.mode == 0640 && ds.sem_perm.__key == KEY);
	check(value(0) == 1 && value(1) == 6 && value(2) == 3);
	check(value(3) == MAX && value(4) == 0);
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
	check(value(0) == 3 && value(1) == 5 && value(2) == 3);
	check(value(3) == 0 && value(4) == MAX);
	while (semctl(id, 5, GETNCNT) != 1 && !waitpid(sleeper, &status, WNOHANG))
		usleep(10000);
	check(!op(5, 1, 0) && waitpid(sleeper, &status, 0) == sleeper);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 33);
	/* What we owe ourselves somebody else sees. */
	child = fork();
	if (!child)
		_exit(value(2) == 3 ? 0 : 1);
	check(waitpid(child, &status, 0) == child && !status);
	check(!semctl(id, 0, IPC_RMID));
}

/* The undo of a process that goes on after the move, told by who is left. */
static void set_semown(void)
{
	id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
	check(id >= 0 && !op(1, 9, 0));
	child = fork();
	if (!child) {
		/* all of it again after the move, on top of what was before */
		if (op(1, -5, SEM_UNDO))
			_exit(1);
		write_file(name("took"), "");
		wait_for(name("again"));
		_exit(op(1, -2, SEM_UNDO) || value(1) != 2);
	}
	wait_for(name("took"));
}

static void get_semown(void)
{
	int status = 1;

	check(value(1) == 4);
	write_file(name("again"), "");
	check(waitpid(child, &status, 0) == child && !status);
	check(value(1) == 9);
	check(!semctl(id, 0, IPC_RMID));
}

/* Somebody who has ended was the last to use it, but what is undone is ours. */
static void set_semundo(void)
{
	int status = 1;

	id = semget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600);
	check(id >= 0 && !op(0, 3, SEM_UNDO));
	child = fork();
	if (!child)
		_exit(op(0, 1, 0) ? 1 : 0);
	check(waitpid(child, &status, 0) == child && !status);
	check(semctl(id, 0, GETPID) == child);
}

static void get_semundo(void)
{
	check(value(0) == 4 && !semctl(id, 0, IPC_RMID));
}

const struct test sem_tests[] = {
	{ "sem", set_sem, get_sem },
	{ "semown", set_semown, get_semown },
	{ "semundo", set_semundo, get_semundo },
	{ }
};
