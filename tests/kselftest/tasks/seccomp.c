// SPDX-License-Identifier: GPL-2.0-or-later
/* Seccomp: strict mode, several filters, filters of single threads, TSYNC. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tasks.h"

/* Calls that do no harm, and the errno that the filters answer with. */
#define ERR(n)	(40 + (n))

static int put_filter(int nr, int error, unsigned int flags)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(f) / sizeof(*f), f };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

static int answers(int nr)
{
	errno = 0;
	syscall(nr, -1, -1, -1, -1, -1, -1);
	return errno;
}

/* ---- the process and all of its threads, one filter after the other; the last
 * lets through neither what puts filters on nor what a restore needs
 */

enum { TELL, ASK, NR_WORDS };
static pthread_t thread;
static volatile int word[2], seen[4];

static void *loop(void *arg)
{
	for (int turn = 1; ; turn++) {
		while (word[ASK] < turn)
			syscall(SYS_sched_yield);
		seen[0] = answers(SYS_getpriority);
		seen[1] = answers(SYS_epoll_create);
		seen[2] = answers(SYS_seccomp);
		seen[3] = answers(SYS_sethostname);
		__sync_synchronize();
		word[TELL] = turn;
	}
	return NULL;
}

static void ask_thread(void)
{
	int turn = ++word[ASK];

	while (word[TELL] < turn)
		usleep(1000);
}

static void set_filters(void)
{
	static const int forbidden[] = {
		SYS_ioctl, SYS_prctl, SYS_sendmsg, SYS_recvfrom, SYS_seccomp,
	};

	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check(!pthread_create(&thread, NULL, loop, NULL));
	check(!put_filter(SYS_getpriority, ERR(0), SECCOMP_FILTER_FLAG_TSYNC));
	check(!put_filter(SYS_epoll_create, ERR(1),
			  SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG));
	/* Of two answers the first one put on counts less. */
	check(!put_filter(SYS_getpriority, ERR(2), SECCOMP_FILTER_FLAG_TSYNC));
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
		check(!put_filter(forbidden[i], ERR(3), SECCOMP_FILTER_FLAG_TSYNC));
}

static void get_filters(void)
{
	check(!strcmp(status_line(getpid(), "Seccomp"), "2"));
	check(!strcmp(status_line(getpid(), "Seccomp_filters"), "8"));
	check(!strcmp(status_line(getpid(), "NoNewPrivs"), "1"));
	check(answers(SYS_getpriority) == ERR(2));
	check(answers(SYS_epoll_create) == ERR(1));
	check(answers(SYS_ioctl) == ERR(3) && answers(SYS_seccomp) == ERR(3));
	ask_thread();
	check(seen[0] == ERR(2) && seen[1] == ERR(1) && seen[2] == ERR(3));
}

/* ---- threads that share their filters can be given more of them together ---- */

static void set_tsync(void)
{
	check(!pthread_create(&thread, NULL, loop, NULL));
	check(!put_filter(SYS_getpriority, ERR(0), SECCOMP_FILTER_FLAG_TSYNC));
}

static void get_tsync(void)
{
	check(!strcmp(status_line(getpid(), "NoNewPrivs"), "0"));
	ask_thread();
	check(seen[0] == ERR(0) && seen[3] != ERR(3));
	check(put_filter(SYS_sethostname, ERR(3), SECCOMP_FILTER_FLAG_TSYNC) == 0);
	ask_thread();
	check(seen[3] == ERR(3) && answers(SYS_sethostname) == ERR(3));
}

/* ---- only one thread has a filter, and it is asleep ---- */

static pid_t tid;

static void *sleeper(void *arg)
{
	check(!put_filter(SYS_getpriority, ERR(0), 0));
	tid = gettid();
	sleep(1000000);
	return NULL;
}

static void set_single(void)
{
	check(!pthread_create(&thread, NULL, sleeper, NULL));
	while (!tid)
		usleep(1000);
	check(wait_state(tid, "S"));
}

static void get_single(void)
{
	check(wait_state(tid, "S"));
	check(!strcmp(status_line(tid, "Seccomp"), "2"));
	check(!strcmp(status_line(getpid(), "Seccomp"), "0"));
	check(answers(SYS_getpriority) != ERR(0));
}

/* ---- strict mode: read, write, exit; anything else kills ---- */

static volatile int *shared;
static pid_t child;

static void set_strict(void)
{
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (!child) {
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
		shared[0] = 1;
		while (!shared[1])
			;
		syscall(SYS_getpid);
		syscall(SYS_exit, 0);
	}
	while (!shared[0])
		usleep(1000);
}

static void get_strict(void)
{
	int status;

	check(!strcmp(status_line(child, "Seccomp"), "1"));
	shared[1] = 1;
	status = status_of(child);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- refused: somebody else decides ---- */

static void set_notify(void)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(f) / sizeof(*f), f };
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			 SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);

	check(fd >= 0);
	close(fd);
}

static void get_notify(void)
{
	check(answers(SYS_sethostname) == ENOSYS);
}

const struct test seccomp_tests[] = {
	{ "filters", set_filters, get_filters },
	{ "tsync", set_tsync, get_tsync },
	{ "single", set_single, get_single },
	{ "strict", set_strict, get_strict },
	{ "notify", set_notify, get_notify },
	{ }
};
