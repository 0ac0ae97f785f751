// SPDX-License-Identifier: GPL-2.0-or-later
/* THREAD objects: registers, interrupted system calls, and the small words. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>
#include "lm.h"

static const struct obj *thread(const struct dump *d, pid_t tid)
{
	const struct obj *o = find_obj(d, LIVEMIG_OBJ_THREAD,
				       LIVEMIG_THREAD_TID, tid);

	if (!o)
		bail("no THREAD object for %d", tid);
	return o;
}

static const struct user_regs_struct *regs_of(const struct obj *t)
{
	size_t len;
	const struct user_regs_struct *r = attr_data(t, LIVEMIG_THREAD_REGS, &len);

	if (!r || len != sizeof(*r))
		bail("REGS has %zu bytes", len);
	return r;
}

/* ---- registers ---- */

extern char spin_start[], spin_end[];

static void spin_child(void)
{
	static const char lanes[16] = "livemig xmm text";

	told->n[0] = (uint64_t)spin_start;
	told->n[1] = (uint64_t)spin_end;
	ready();
	asm volatile("movdqu %0, %%xmm7\n\t"
		     "mov $0x1111222233334444, %%rbx\n\t"
		     "mov $0x5555666677778888, %%r12\n\t"
		     "mov $0x9999aaaabbbbcccc, %%r13\n\t"
		     "mov $0xddddeeeeffff0000, %%r15\n\t"
		     ".globl spin_start, spin_end\n"
		     "spin_start: pause\n\t"
		     "jmp spin_start\n"
		     "spin_end:" :: "m"(lanes)
		     : "rbx", "r12", "r13", "r15", "xmm7");
}

static void test_regs(void)
{
	const struct user_regs_struct *r;
	const struct obj *t;
	const char *x;
	struct dump d;
	size_t len;
	pid_t pid = spawn(spin_child);

	wait_running(pid);	/* past the write() in ready() */
	lm_freeze();
	lm_dump(&d);
	t = thread(&d, pid);
	r = regs_of(t);
	CHECK_EQ(r->rbx, 0x1111222233334444);
	CHECK_EQ(r->r12, 0x5555666677778888);
	CHECK_EQ(r->r13, 0x9999aaaabbbbcccc);
	CHECK_EQ(r->r15, 0xddddeeeeffff0000);
	CHECK(r->rip >= told->n[0] && r->rip < told->n[1]);
	CHECK_EQ(r->orig_rax, -1);
	CHECK(r->fs_base);
	CHECK_EQ(r->cs, 0x33);
	CHECK(!(attr_u32(t, LIVEMIG_THREAD_FLAGS) & LIVEMIG_THREAD_F_IN_SYSCALL));
	x = attr_data(t, LIVEMIG_THREAD_XSTATE, &len);
	CHECK_EQ(len, lm_info_u32(LIVEMIG_A_XSTATE_SIZE));
	CHECK(len >= 576 && !memcmp(x + 160 + 7 * 16, "livemig xmm text", 16));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* ---- interrupted system calls ---- */

/* Each child waits in one system call for ever, or nearly so. */
static const struct obj *frozen_in(pid_t pid, struct dump *d, long nr)
{
	const struct user_regs_struct *r;
	const struct obj *t;

	wait_in_call(pid, nr);
	lm_freeze();
	lm_dump(d);
	t = thread(d, pid);
	r = regs_of(t);
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
	t = thread(&d, pid);
	CHECK_EQ(regs_of(t)->rax, rax);
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
		CHECK(attr(thread(&d, target), LIVEMIG_THREAD_REGS));
		lm_dump_free(&d);
	}
	kill_child(nag);
	lm_thaw();
	kill_child(target);
}

/* ---- NUMA ---- */

static const unsigned long node0 = 1, no_node;

/* The last one lies where the first was, and has no nodes of its own. */
static void local_child(void)
{
	const int bits = sizeof(node0) * 8 + 1;
	char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	told->n[0] = (uint64_t)p;
	told->n[1] = !syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &node0, bits) &&
		     !syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0) &&
		     !syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0) &&
		     !syscall(SYS_mbind, p, 4096, MPOL_INTERLEAVE, &node0, bits, 0) &&
		     !syscall(SYS_mbind, p, 4096, MPOL_PREFERRED, &no_node, bits, 0) &&
		     !syscall(SYS_mbind, p, 4096, MPOL_LOCAL, NULL, 0, 0);
	ready();
}

static void check_local(const struct livemig_mempolicy *p)
{
	if (!CHECK(p))
		return;
	CHECK_EQ(p->mode, MPOL_LOCAL);
	CHECK_EQ(p->nodes, 0);
	CHECK_EQ(p->home_node, -1);
}

static void test_local(void)
{
	const struct livemig_mempolicy *p, *of_mapping = NULL;
	struct dump d;
	size_t len;
	pid_t pid;

	if (syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0))
		skip("this kernel has no NUMA");
	pid = spawn(local_child);
	CHECK(told->n[1]);
	lm_freeze();
	lm_dump(&d);
	check_local(attr_data(thread(&d, pid), LIVEMIG_THREAD_MEMPOLICY, NULL));
	for (int i = 0; i < d.nr; i++) {
		if (d.objs[i].type != LIVEMIG_OBJ_VMAS)
			continue;
		p = attr_data(&d.objs[i], LIVEMIG_VMAS_POLICIES, &len);
		for (size_t j = 0; p && j < len / sizeof(*p); j++)
			if (p[j].start == told->n[0])
				of_mapping = &p[j];
	}
	check_local(of_mapping);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* ---- words ---- */

static volatile int barrier;

static void *second(void *arg)
{
	static char alt[32768];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	union sigval v = { .sival_int = 99 };
	void *head;
	size_t len;
	sigset_t set;

	sigaltstack(&ss, NULL);
	prctl(PR_SET_NAME, "second one");
	prctl(PR_SET_TIMERSLACK, 123456);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 3);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	syscall(SYS_get_robust_list, 0, &head, &len);
	told->n[0] = gettid();
	told->n[1] = (uint64_t)alt;
	told->n[2] = (uint64_t)head;
	told->n[3] = (uint64_t)__builtin_thread_pointer();
	pthread_sigqueue(pthread_self(), SIGRTMIN + 3, v);
	barrier = 1;
	for (;;)
		pause();
	return arg;
}

static void words_child(void)
{
	struct sched_param sp = { .sched_priority = 7 };
	gid_t groups[] = { 11, 22, 33 };
	pthread_t t;
	cpu_set_t cpus;

	pthread_create(&t, NULL, second, NULL);
	while (!barrier)
		usleep(1000);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &sp);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	syscall(SYS_prctl, PR_CAPBSET_DROP, CAP_SYS_BOOT);
	/* Not by the library, which would signal the second thread. */
	syscall(SYS_setgroups, 3, groups);
	syscall(SYS_setresgid, 101, 102, 103);
	syscall(SYS_setresuid, 201, 202, 203);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	ready();
}

static uint64_t status_hex(pid_t pid, const char *key)
{
	char path[64], line[256];
	unsigned long long v = ~0ULL;
	size_t n = strlen(key);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && line[n] == ':')
			v = strtoull(line + n + 1, NULL, 16);
	if (f)
		fclose(f);
	return v;
}

static void test_words(void)
{
	const struct livemig_altstack *ss;
	const struct livemig_creds *c;
	const struct livemig_sched *s;
	const struct livemig_rseq *rseq;
	const struct obj *t;
	const siginfo_t *si;
	const uint32_t *g;
	struct dump d;
	size_t len;
	pid_t pid = spawn(words_child), tid = told->n[0];

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	CHECK_EQ(attr_u32(find_obj(&d, LIVEMIG_OBJ_PROCESS,
				   LIVEMIG_PROCESS_PID, pid),
			  LIVEMIG_PROCESS_THREADS), 2);

	t = thread(&d, tid);
	CHECK_EQ(attr_u32(t, LIVEMIG_THREAD_PID), pid);
	CHECK_STR(attr_str(t, LIVEMIG_THREAD_COMM), "second one");
	CHECK_EQ(attr_u64(t, LIVEMIG_THREAD_SIGMASK),
		 1ULL << (SIGUSR2 - 1) | 1ULL << (SIGRTMIN + 3 - 1));
	ss = attr_data(t, LIVEMIG_THREAD_ALTSTACK, NULL);
	CHECK_EQ(ss->sp, told->n[1]);
	CHECK_EQ(ss->size, 32768);
	CHECK_EQ(attr_u64(t, LIVEMIG_THREAD_ROBUST_LIST), told->n[2]);
	CHECK_EQ(regs_of(t)->fs_base, told->n[3]);
	CHECK(attr_u64(t, LIVEMIG_THREAD_CLEAR_TID) > told->n[3]);
	CHECK_EQ(attr_u64(t, LIVEMIG_THREAD_TIMERSLACK), 123456);
	rseq = attr_data(t, LIVEMIG_THREAD_RSEQ, NULL);
	if (CHECK(rseq)) {
		CHECK_EQ(rseq->len, 32);
		CHECK_EQ(rseq->sig, 0x53053053);
		CHECK(rseq->addr > told->n[3]);
	}
	si = attr_data(t, LIVEMIG_THREAD_SIGPENDING, &len);
	if (CHECK_EQ(len, sizeof(*si))) {
		CHECK_EQ(si->si_signo, SIGRTMIN + 3);
		CHECK_EQ(si->si_value.sival_int, 99);
	}

	t = thread(&d, pid);
	CHECK_EQ(attr_u32(t, LIVEMIG_THREAD_FLAGS) & LIVEMIG_THREAD_F_NO_NEW_PRIVS,
		 LIVEMIG_THREAD_F_NO_NEW_PRIVS);
	CHECK_EQ(attr_u32(t, LIVEMIG_THREAD_PDEATH_SIG), SIGUSR1);
	c = attr_data(t, LIVEMIG_THREAD_CREDS, NULL);
	CHECK_EQ(c->uid, 201);
	CHECK_EQ(c->euid, 202);
	CHECK_EQ(c->suid, 203);
	CHECK_EQ(c->fsuid, 202);
	CHECK_EQ(c->gid, 101);
	CHECK_EQ(c->egid, 102);
	CHECK_EQ(c->sgid, 103);
	CHECK_EQ(c->cap_permitted, status_hex(pid, "CapPrm"));
	CHECK_EQ(c->cap_effective, status_hex(pid, "CapEff"));
	CHECK_EQ(c->cap_bounding, status_hex(pid, "CapBnd"));
	CHECK_EQ(c->cap_bounding & 1ULL << CAP_SYS_BOOT, 0);
	CHECK_EQ(c->cap_inheritable, status_hex(pid, "CapInh"));
	CHECK_EQ(c->cap_ambient, status_hex(pid, "CapAmb"));
	g = attr_data(t, LIVEMIG_THREAD_GROUPS, &len);
	if (CHECK_EQ(len, 12))
		CHECK(g[0] == 11 && g[1] == 22 && g[2] == 33);
	s = attr_data(t, LIVEMIG_THREAD_SCHED, NULL);
	CHECK_EQ(s->policy, SCHED_RR);
	CHECK_EQ(s->rt_priority, 7);
	CHECK_EQ(s->reset_on_fork, 1);
	CHECK_EQ(*(uint64_t *)attr_data(t, LIVEMIG_THREAD_AFFINITY, NULL), 1);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* Many threads, so that the dump takes several messages. */
static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void many_child(void)
{
	pthread_attr_t a;
	pthread_t t;
	int i;

	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 65536);
	for (i = 0; i < 99; i++)
		if (pthread_create(&t, &a, idle, NULL))
			_exit(1);
	ready();
}

static void test_many(void)
{
	struct dump d;
	pid_t pid = spawn(many_child);
	int i, n = 0;

	lm_freeze();
	lm_dump(&d);
	for (i = 0; i < d.nr; i++)
		if (d.objs[i].type == LIVEMIG_OBJ_THREAD) {
			n++;
			CHECK(attr(&d.objs[i], LIVEMIG_THREAD_REGS));
		}
	CHECK_EQ(n, 100);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

const struct test tests_thread[] = {
	{ "thread_regs", test_regs },
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
	{ "thread_words", test_words },
	{ "thread_many", test_many },
	{ "thread_local", test_local },
	{}
};
