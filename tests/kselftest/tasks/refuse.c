// SPDX-License-Identifier: GPL-2.0-or-later
/* Trees of processes that no restore could make again, and what it has no room for. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

#define PPID	4	/* in /proc/PID/stat */

static pid_t one, other, reaper;
static int ends[2];

static void tell(pid_t pid)
{
	if (write(ends[1], &pid, sizeof(pid)) != sizeof(pid))
		_exit(9);
}

static pid_t heard(void)
{
	pid_t pid = -1;

	check(read(ends[0], &pid, sizeof(pid)) == sizeof(pid));
	return pid;
}

static void adopt(void)
{
	check(!prctl(PR_SET_CHILD_SUBREAPER, 1));
}

/* ---- it shares its table of files with a parent that never was in its session ---- */

static pid_t clone_files(void)
{
	return syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);
}

static void set_crossed(void)
{
	pid_t leader;

	check(!pipe(ends));
	adopt();
	leader = clone_files();
	if (!leader) {
		setsid();
		one = clone_files();
		if (!one)
			wait_here();
		tell(one);
		_exit(0);
	}
	one = heard();
	check(status_of(leader) == 0);
	check(stat_field(one, PPID) == getpid());
}

static void get_crossed(void)
{
	check(!kill(one, SIGUSR1) && status_of(one) == 7 << 8);
}

/* ---- a session without a leader, whose members have two parents outside of it ---- */

static void orphan(void)
{
	pid_t parent = fork(), pid;

	if (!parent) {
		pid = fork();
		if (!pid)
			wait_here();
		tell(pid);
		_exit(0);
	}
	status_of(parent);
}

/* One goes to the first process, the other, later, to its parent. */
static void lead(void)
{
	setsid();
	orphan();
	tell(getpid());
	wait_usr1();
	orphan();
	_exit(0);
}

static void be_reaper(void)
{
	pid_t leader = fork();
	int status;

	if (!leader)
		lead();
	wait_usr1();
	adopt();
	tell(getpid());
	status_of(leader);
	tell(getpid());
	wait_usr1();
	_exit(wait(&status) > 0 && status == 7 << 8 ? 7 : 8);
}

static void set_astray(void)
{
	pid_t leader;

	check(!pipe(ends));
	adopt();
	reaper = fork();
	if (!reaper)
		be_reaper();
	one = heard();
	leader = heard();
	check(!kill(reaper, SIGUSR1) && heard() == reaper);
	check(!kill(leader, SIGUSR1));
	other = heard();
	check(heard() == reaper);
	check(stat_field(one, PPID) == getpid() && stat_field(other, PPID) == reaper);
}

static void get_astray(void)
{
	check(!kill(one, SIGUSR1) && status_of(one) == 7 << 8);
	check(!kill(other, SIGUSR1) && !kill(reaper, SIGUSR1));
	check(status_of(reaper) == 7 << 8);
}

/* ---- memory in both places that the helper of a restore could have ---- */

static char *places[] = { (char *)0x200000000000, (char *)0x300000000000 };

static void set_places(void)
{
	for (int i = 0; i < 2; i++) {
		check(mmap(places[i], 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			   MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == places[i]);
		if (!*wrong)
			strcpy(places[i], "here");
	}
}

static void get_places(void)
{
	check(!strcmp(places[0], "here") && !strcmp(places[1], "here"));
}

/* ---- a list of filters for each of many threads, about as long as one may be ---- */

#define THREADS	40
#define FILTERS	7
#define LENGTH	4000

static volatile int filtered;

static void *filter_itself(void *arg)
{
	static struct sock_filter f[LENGTH];
	static const struct sock_fprog prog = { LENGTH, f };

	if (!f[0].code) {
		for (int i = 0; i < LENGTH - 1; i++)
			f[i] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, i);
		f[LENGTH - 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							     SECCOMP_RET_ALLOW);
	}
	for (int i = 0; i < FILTERS; i++)
		check(!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
	filtered++;
	for (;;)
		pause();
	return NULL;
}

static void set_filtered(void)
{
	pthread_t t;

	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	for (int i = 0; i < THREADS && !*wrong; i++) {
		check(!pthread_create(&t, NULL, filter_itself, NULL));
		while (filtered == i && !*wrong)
			usleep(1000);
	}
}

static void get_filtered(void)
{
	check(filtered == THREADS);
}

const struct test refuse_tests[] = {
	{ "crossed", set_crossed, get_crossed },
	{ "astray", set_astray, get_astray },
	{ "places", set_places, get_places },
	{ "filtered", set_filtered, get_filtered },
	{ }
};
