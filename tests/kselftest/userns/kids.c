// SPDX-License-Identifier: GPL-2.0-or-later
/* Children that answer when they are asked, and what several kinds make of them. */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "inside.h"

struct kid kid_begin(void (*become)(void), bool (*fn)(void))
{
	int sv[2];
	struct kid k;
	char c;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	k.fd = sv[0];
	k.pid = fork();
	if (k.pid) {
		close(sv[1]);
		return k;
	}
	become();
	if (*wrong)
		write_file(beside(".ready"), wrong);
	for (;;) {
		c = fn ? fn() : 1;
		if (write(sv[1], &c, 1) != 1 || read(sv[1], &c, 1) != 1)
			_exit(0);
	}
}

bool kid_ready(struct kid *k)
{
	char c;

	return read(k->fd, &c, 1) == 1;
}

struct kid kid(void (*become)(void), bool (*fn)(void))
{
	struct kid k = kid_begin(become, fn);

	check(kid_ready(&k));
	return k;
}

bool says_yes(struct kid *k)
{
	char c = 0;

	return write(k->fd, "?", 1) == 1 && read(k->fd, &c, 1) == 1 && c == 1;
}

pid_t *shared_pid(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

/* ---- user namespaces of their own ---- */

void own_uts(void)
{
	check(!unshare(CLONE_NEWUSER | CLONE_NEWUTS));
}

void own_user(void)
{
	check(!unshare(CLONE_NEWUSER));
}

bool renames(void)
{
	char name[64] = "";

	return !sethostname("first", 5) && !gethostname(name, sizeof(name)) &&
	       !strcmp(name, "first");
}

/* ---- a thread in a pid namespace ---- */

static pid_t thread_tid;

static void *called(void *arg)
{
	__atomic_store_n(&thread_tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	for (;;)
		pause();
	return NULL;
}

void with_thread(void)
{
	pthread_t t;

	check(getpid() == 1);
	check(!pthread_create(&t, NULL, called, NULL));
	while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
		usleep(1000);
}

bool called_as_before(void)
{
	return getpid() == 1 && thread_tid == 2 && !syscall(SYS_tgkill, 1, thread_tid, 0);
}
