// SPDX-License-Identifier: GPL-2.0-or-later
/* THREAD objects: registers, the policy of its memory, and the small words. */
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <unistd.h>
#include "lm.h"

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
	t = thread_obj(&d, pid);
	r = thread_regs(t);
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
	check_local(attr_data(thread_obj(&d, pid), LIVEMIG_THREAD_MEMPOLICY, NULL));
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

	t = thread_obj(&d, tid);
	CHECK_EQ(attr_u32(t, LIVEMIG_THREAD_PID), pid);
	CHECK_STR(attr_str(t, LIVEMIG_THREAD_COMM), "second one");
	CHECK_EQ(attr_u64(t, LIVEMIG_THREAD_SIGMASK),
		 1ULL << (SIGUSR2 - 1) | 1ULL << (SIGRTMIN + 3 - 1));
	ss = attr_data(t, LIVEMIG_THREAD_ALTSTACK, NULL);
	CHECK_EQ(ss->sp, told->n[1]);
	CHECK_EQ(ss->size, 32768);
	CHECK_EQ(attr_u64(t, LIVEMIG_THREAD_ROBUST_LIST), told->n[2]);
	CHECK_EQ(thread_regs(t)->fs_base, told->n[3]);
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

	t = thread_obj(&d, pid);
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
	{ "thread_words", test_words },
	{ "thread_many", test_many },
	{ "thread_local", test_local },
	{}
};
