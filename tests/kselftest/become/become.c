// SPDX-License-Identifier: GPL-2.0-or-later
/* Helpers become a program, exactly: its registers, its words, the call it was in. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests.h"

#define CGROUP "/sys/fs/cgroup/become"

static char *slurp(const char *fmt, uint32_t pid)
{
	static char buf[65536];
	char path[128];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), fmt, pid);
	f = fopen(path, "r");
	if (f) {
		n = fread(buf, 1, sizeof(buf) - 1, f);
		fclose(f);
	}
	buf[n] = 0;
	return buf;
}

static bool same_regs(int t)
{
	struct slot *s = image_slot(&im, t);
	struct user_regs_struct *r = &im.regs[t];
	uint64_t want[16] = { r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi,
			      r->rbp, r->rsp, r->r8, r->r9, r->r10, r->r11,
			      r->r12, r->r13, r->r14, r->r15 };
	bool ok = true;
	int i;

	for (i = 0; i < 16; i++) {
		if (s->reg[i] == want[i])
			continue;
		printf("# thread %d register %d: %#lx, not %#lx\n", t, i,
		       (long)s->reg[i], (long)want[i]);
		ok = false;
	}
	if ((s->flags & 0xcd5) != (r->eflags & 0xcd5) || s->fs0 != s->tls) {
		printf("# thread %d: flags %#lx, fs:0 %#lx not %#lx\n", t,
		       (long)s->flags, (long)s->fs0, (long)s->tls);
		ok = false;
	}
	if (memcmp(s->ymm, im.ymm[t], sizeof(s->ymm))) {
		printf("# thread %d: vector registers differ\n", t);
		ok = false;
	}
	return ok;
}

static bool same_status(int t)
{
	char path[64], want[64], *status;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%u/task/%%u/status", im.pid);
	status = slurp(path, im.tid[t]);
	snprintf(want, sizeof(want), "SigBlk:\t%016llx",
		 1ULL << (SIGUSR2 - 1) | 1ULL << t);
	ok = strstr(status, want);
	snprintf(want, sizeof(want), "Name:\trestored-%d\n", t);
	ok = ok && strstr(status, want);
	if (!ok)
		printf("# thread %d: %s\n", t, status);
	return ok;
}

static bool same_pointers(int t)
{
	uint64_t base = OUT_ADDR + t * SLOT_LEN, head = 0;
	struct __ptrace_rseq_configuration rseq = { 0 };
	size_t len;

	if (syscall(SYS_get_robust_list, im.tid[t], &head, &len) ||
	    head != base + offsetof(struct slot, robust))
		return false;
	if (ptrace(PTRACE_SEIZE, im.tid[t], 0, 0) ||
	    ptrace(PTRACE_INTERRUPT, im.tid[t], 0, 0))
		return false;
	waitpid(im.tid[t], NULL, __WALL);
	ptrace(PTRACE_GET_RSEQ_CONFIGURATION, im.tid[t], sizeof(rseq), &rseq);
	ptrace(PTRACE_DETACH, im.tid[t], 0, 0);
	return rseq.rseq_abi_pointer == base + offsetof(struct slot, rseq) &&
	       rseq.signature == 0x53053053;
}

static bool no_trace_of_the_helper(void)
{
	char *maps = slurp("/proc/%u/maps", im.pid), path[64], exe[256] = "";
	bool ok = !strstr(maps, "livemig");
	uint64_t start, end;
	char *line;
	ssize_t n;

	for (line = strtok(maps, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    lm_remote_collides(false, start, end))
			ok = false;
	snprintf(path, sizeof(path), "/proc/%u/exe", im.pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0 || !strstr(exe, "/true"))
		ok = false;
	snprintf(path, sizeof(path), "ls /proc/%u/fd | grep -q .", im.pid);
	if (!system(path))
		ok = false;
	if (!ok)
		printf("# exe %s\n# %s\n", exe, slurp("/proc/%u/maps", im.pid));
	return ok;
}

static bool same_auxv(void)
{
	uint64_t *a = (uint64_t *)slurp("/proc/%u/auxv", im.pid);

	return a[0] == AT_PAGESZ && a[1] == 4096 && a[2] == AT_UID && a[3] == 4711 &&
	       a[4] == AT_NULL;
}

static void test_become(int threads)
{
	bool ok;
	int t;

	im.pending_value = 0x1234567890;
	need(good(image_ready(&im, threads, -1)), "all threads are READY");
	sleep_ms(50);
	check(!image_slot(&im, 0)->done, "nothing runs before SERVE");
	check(image_serve(&im) == threads, "SERVE");
	if (!check(image_done(&im, 60000), "all threads run"))
		printf("# %s\n", slurp("/proc/%u/status", im.pid));
	for (ok = true, t = 0; t < threads; t++)
		ok &= same_regs(t);
	check(ok, "general, segment and vector registers are exact");
	for (ok = true, t = 0; t < threads; t++)
		ok &= same_status(t);
	check(ok, "names and signal masks");
	for (ok = true, t = 0; t < threads; t++)
		ok &= same_pointers(t);
	check(ok, "robust lists and rseqs are registered");
	check(image_slot(&im, 0)->signo == SIGUSR1 &&
	      image_slot(&im, 0)->sigval == im.pending_value,
	      "a pending signal arrives, with its value");
	check(image_slot(&im, 0)->sigsp - OUT_ADDR - 0x1000 < 0x2000,
	      "on the alternate stack");
	check((uint32_t)image_slot(&im, 0)->rseq[0] != 0 ||
	      image_slot(&im, 0)->rseq[0] >> 32 == (uint32_t)image_slot(&im, 0)->rseq[0],
	      "the kernel writes the CPU into the rseq");
	check(no_trace_of_the_helper(), "no memory, file or fd of the helper is left");
	check(same_auxv(), "the auxiliary vector");
	image_end(&im);
}

void test_one(void)
{
	test_become(1);
}

void test_seven(void)
{
	test_become(7);
}

/* ---- freezing ---- */

void test_frozen(void)
{
	int cg;

	mkdir(CGROUP, 0755);
	cg = open(CGROUP, O_RDONLY | O_DIRECTORY);
	need(cg >= 0, "a cgroup");
	need(good(image_ready(&im, 4, cg)), "READY in it");
	check(!system("echo 1 > " CGROUP "/cgroup.freeze"), "freeze while parked");
	check(image_serve(&im) == 4, "SERVE");
	for (int i = 0; i < 6000 && !strstr(slurp(CGROUP "/cgroup.events", 0), "frozen 1"); i++)
		sleep_ms(10);
	check(strstr(slurp(CGROUP "/cgroup.events", 0), "frozen 1"), "it is frozen");
	check(!image_slot(&im, 0)->done && !image_slot(&im, 3)->done,
	      "no instruction ran");
	check(!system("echo 0 > " CGROUP "/cgroup.freeze"), "thaw");
	check(image_done(&im, 60000), "it runs");
	check(same_regs(0) && same_regs(3), "registers are exact");
	image_end(&im);
	close(cg);
	rmdir(CGROUP);
}

/* ---- sleeps ---- */

static void test_sleep(const char *name, struct livemig_restart restart, long want)
{
	im.restart = restart;
	printf("# %s\n", name);
	need(good(image_ready(&im, 1, -1)), "a sleeper is READY");
	check(image_serve(&im) == 1, "SERVE");
	check(image_done(&im, 60000), "it does not sleep from the start");
	if (!check((long)image_slot(&im, 0)->result == want, "the call's result"))
		printf("# %ld\n", (long)image_slot(&im, 0)->result);
	image_end(&im);
}

/* Its end is more than there is time: it is not before now. */
static void test_endless(const char *name, struct livemig_restart restart)
{
	im.restart = restart;
	need(good(image_ready(&im, 1, -1)), name);
	check(image_serve(&im) == 1 && !image_done(&im, 300) && !gone(im.pid), name);
	image_end(&im);
}

void test_sleeps(void)
{
	struct livemig_restart r = { .left_ns = 200000000 };

	r.kind = LIVEMIG_RESTART_NANOSLEEP;
	r.clockid = CLOCK_MONOTONIC;
	test_sleep("nanosleep", r, 0);
	r.clockid = 0;
	r.kind = LIVEMIG_RESTART_POLL;
	test_sleep("poll", r, 0);
	r.kind = LIVEMIG_RESTART_FUTEX;
	r.flags = 128;	/* FUTEX_WAIT_PRIVATE */
	r.bitset = ~0U;
	test_sleep("futex", r, -ETIMEDOUT);

	r.left_ns = INT64_MAX;
	test_endless("endless futex", r);
	r = (struct livemig_restart){ .kind = LIVEMIG_RESTART_POLL, .left_ns = INT64_MAX };
	test_endless("endless poll", r);
	r.kind = LIVEMIG_RESTART_NANOSLEEP;
	r.clockid = CLOCK_MONOTONIC;
	test_endless("endless nanosleep", r);

	/* Taken out of the sleep, but its end is far: a signal ends it. */
	im.restart = (struct livemig_restart){
		.kind = LIVEMIG_RESTART_NANOSLEEP, .clockid = CLOCK_MONOTONIC,
		.left_ns = 1000000000LL * 100000,
	};
	im.pending_value = 77;
	need(good(image_ready(&im, 1, -1)), "a sleeper with a signal is READY");
	check(image_serve(&im) == 1, "SERVE");
	check(image_done(&im, 60000) &&
	      (long)image_slot(&im, 0)->result == -EINTR &&
	      image_slot(&im, 0)->sigval == 77, "the handler ends the sleep: EINTR");
	image_end(&im);
}
