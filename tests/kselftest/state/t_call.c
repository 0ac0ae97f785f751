// SPDX-License-Identifier: GPL-2.0-or-later
/* THREAD objects: in which system call it was interrupted, and how that goes on. */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>
#include "lm.h"

/* Each child waits in one system call for ever, or nearly so. */
static const struct obj *frozen_in(pid_t pid, struct dump *d, long nr)
{
	const struct user_regs_struct *r;
	const struct obj *t;

	wait_in_call(pid, nr);
	lm_freeze();
	lm_dump(d);
	t = thread_obj(d, pid);
	r = thread_regs(t);
	CHECK_EQ(r->rax, nr);
	CHECK_EQ(r->orig_rax, -1);
	CHECK(attr_u32(t, LIVEMIG_THREAD_FLAGS) & LIVEMIG_THREAD_F_IN_SYSCALL);
	return t;
}

static void check_sleep(const struct obj *t, uint32_t kind, int64_t at_most)
{
	const struct livemig_restart *r = attr_data(t, LIVEMIG_THREAD_RESTART, NULL);

	if (!CHECK(r))
		return;
	CHECK_EQ(r->kind, kind);
	if (at_most < 0)
		CHECK_EQ(r->left_ns, -1);
	else
		CHECK(r->left_ns > at_most / 2 && r->left_ns < at_most);
}

static void pause_child(void)
{
	ready();
}

static void test_pause(void)
{
	struct dump d;
	pid_t pid = spawn(pause_child);
	const struct obj *t = frozen_in(pid, &d, SYS_pause);

	CHECK(!attr(t, LIVEMIG_THREAD_RESTART));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* At an address of which the low half looks like a negative number, and at
 * one of which it does not: neither is a clock.
 */
static uintptr_t nanosleep_at;

static void nanosleep_child(void)
{
	struct timespec *ts = mmap((void *)nanosleep_at, 4096,
				   PROT_READ | PROT_WRITE, MAP_PRIVATE |
				   MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (ts == MAP_FAILED)
		_exit(1);
	ts->tv_sec = 1000;
	ready();
	syscall(SYS_nanosleep, ts, NULL);
}

static void clock_child(void)
{
	struct timespec ts = { 1000, 0 };

	ready();
	syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, 0, &ts, &ts);
}

static struct pollfd pfd = { .events = POLLIN };

static void poll_child(void)
{
	int p[2];

	if (pipe(p))
		_exit(1);
	pfd.fd = p[0];
	told->n[0] = (uint64_t)&pfd;
	ready();
	poll(&pfd, 1, 1000000);
}

static void poll_ever_child(void)
{
	int p[2];

	if (pipe(p))
		_exit(1);
	pfd.fd = p[0];
	ready();
	poll(&pfd, 1, -1);
}

static uint32_t word = 5;

static void futex_child(void)
{
	struct timespec ts = { 1000, 0 };

	told->n[0] = (uint64_t)&word;
	ready();
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &ts, NULL, 0);
}

/* Twice: the second time the call in the registers is restart_syscall. */
static void sleeper(void (*fn)(void), long nr, uint32_t kind, int64_t at_most)
{
	struct dump d;
	pid_t pid = spawn(fn);
	int i;

	for (i = 0; i < 2; i++) {
		check_sleep(frozen_in(pid, &d, nr), kind, at_most);
		lm_dump_free(&d);
		lm_thaw();
	}
	kill_child(pid);
}

static void test_nanosleep(void)
{
	nanosleep_at = 0x100080000000;
	sleeper(nanosleep_child, SYS_nanosleep, LIVEMIG_RESTART_NANOSLEEP,
		1000000000000);
	nanosleep_at = 0x100000000000;
	sleeper(nanosleep_child, SYS_nanosleep, LIVEMIG_RESTART_NANOSLEEP,
		1000000000000);
}

static void test_clock_nanosleep(void)
{
	sleeper(clock_child, SYS_clock_nanosleep, LIVEMIG_RESTART_NANOSLEEP,
		1000000000000);
}

static void test_poll(void)
{
	sleeper(poll_child, SYS_poll, LIVEMIG_RESTART_POLL, 1000000000000);
}

static void test_poll_ever(void)
{
	sleeper(poll_ever_child, SYS_poll, LIVEMIG_RESTART_POLL, -1);
}

static void test_futex(void)
{
	sleeper(futex_child, SYS_futex, LIVEMIG_RESTART_FUTEX, 1000000000000);
}

static void test_restart_fields(void)
{
	const struct livemig_restart *r;
	struct dump d;
	pid_t pid = spawn(futex_child);
	uint64_t addr = told->n[0];

	r = attr_data(frozen_in(pid, &d, SYS_futex), LIVEMIG_THREAD_RESTART, NULL);
	if (CHECK(r)) {
		CHECK_EQ(r->addr, addr);
		CHECK_EQ(r->val, 5);
		CHECK_EQ(r->flags, FUTEX_WAIT_PRIVATE);
		CHECK_EQ(r->bitset, ~0U);
	}
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);

	pid = spawn(poll_child);
	addr = told->n[0];
	r = attr_data(frozen_in(pid, &d, SYS_poll), LIVEMIG_THREAD_RESTART, NULL);
	if (CHECK(r)) {
		CHECK_EQ(r->addr, addr);
		CHECK_EQ(r->val, 1);
	}
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);

	pid = spawn(clock_child);
	r = attr_data(frozen_in(pid, &d, SYS_clock_nanosleep),
		      LIVEMIG_THREAD_RESTART, NULL);
	if (CHECK(r)) {
		CHECK_EQ(r->clockid, CLOCK_BOOTTIME);
		CHECK(r->addr);
	}
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* The mask during sigsuspend() is the call's, not the thread's. */
static void suspend_child(void)
{
	sigset_t set, none;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ready();
	sigsuspend(&none);
}

static void test_sigsuspend(void)
{
	struct dump d;
	pid_t pid = spawn(suspend_child);
	const struct obj *t = frozen_in(pid, &d, SYS_rt_sigsuspend);

	CHECK_EQ(attr_u64(t, LIVEMIG_THREAD_SIGMASK), 1ULL << (SIGUSR1 - 1));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* A signal came while it was frozen: its handler ends pause(), but not a
 * read() under SA_RESTART.
 */
static void handler(int sig)
{
}

static void pause_handler_child(void)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &sa, NULL);
	ready();
}

static void read_handler_child(void)
{
	int p[2];
	char c;

	if (pipe(p))
		_exit(1);
	pause_handler_child();
	if (read(p[0], &c, 1) < 0)
		_exit(1);
}

static void signalled(void (*fn)(void), long nr, uint64_t rax)
{
	const struct obj *t;
	struct dump d;
	pid_t pid = spawn(fn);

	wait_in_call(pid, nr);
	lm_freeze();
	kill(pid, SIGUSR1);
	lm_dump(&d);
	t = thread_obj(&d, pid);
	CHECK_EQ(thread_regs(t)->rax, rax);
	CHECK(attr(find_obj(&d, LIVEMIG_OBJ_PROCESS, LIVEMIG_PROCESS_PID, pid),
		   LIVEMIG_PROCESS_SIGPENDING));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void test_signalled(void)
{
	signalled(pause_handler_child, SYS_pause, -EINTR);
	signalled(read_handler_child, SYS_read, SYS_read);
}

/* Signals wake a frozen task, which goes back to sleep in the kernel: it is as
 * frozen as before.
 */
static pid_t target;

static void nagging_child(void)
{
	ready();
	for (;;)
		kill(target, SIGRTMIN + 1);
}

static void blocking_child(void)
{
	struct sigaction sa = { .sa_handler = handler };

	sigaction(SIGRTMIN + 1, &sa, NULL);
	ready();
}

static void test_nagged(void)
{
	pid_t nag;
	struct dump d;
	int i;

	target = spawn(blocking_child);
	wait_in_call(target, SYS_pause);
	lm_freeze();
	nag = spawn_outside(nagging_child);
	for (i = 0; i < 50; i++) {
		lm_dump(&d);
		CHECK(attr(thread_obj(&d, target), LIVEMIG_THREAD_REGS));
		lm_dump_free(&d);
	}
	kill_child(nag);
	lm_thaw();
	kill_child(target);
}

const struct test tests_call[] = {
	{ "thread_pause", test_pause },
	{ "thread_nanosleep", test_nanosleep },
	{ "thread_clock_nanosleep", test_clock_nanosleep },
	{ "thread_poll", test_poll },
	{ "thread_poll_ever", test_poll_ever },
	{ "thread_futex", test_futex },
	{ "thread_restart_fields", test_restart_fields },
	{ "thread_sigsuspend", test_sigsuspend },
	{ "thread_signalled", test_signalled },
	{ "thread_nagged", test_nagged },
	{}
};
