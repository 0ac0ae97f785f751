// SPDX-License-Identifier: GPL-2.0-or-later
/* Mappings: what the kernel says of them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define TB	(1UL << 40)
#define MANY	4000

/* ---- madvise ---- */

static const struct {
	int advice;
	const char *flag;
} advised[] = {
	{ MADV_DONTFORK, "dc" }, { MADV_WIPEONFORK, "wf" },
	{ MADV_DONTDUMP, "dd" }, { MADV_HUGEPAGE, "hg" },
	{ MADV_NOHUGEPAGE, "nh" }, { MADV_MERGEABLE, "mg" },
	{ MADV_SEQUENTIAL, "sr" }, { MADV_RANDOM, "rr" },
};

#define NR_ADVISED	(sizeof(advised) / sizeof(*advised))
#define STRIDE		(16 * PAGE)

static bool took[NR_ADVISED];

static void set_madvise(void)
{
	map1 = anon(NR_ADVISED * STRIDE, PROT_READ | PROT_WRITE, 0);
	memset(map1, 'x', NR_ADVISED * STRIDE);
	/* (the kernel may be built without one or the other) */
	for (size_t i = 0; i < NR_ADVISED; i++)
		took[i] = !madvise(map1 + i * STRIDE, STRIDE, advised[i].advice);
	check(took[0] && took[1] && took[2]);
}

static void get_madvise(void)
{
	int status = 1;
	pid_t pid;

	for (size_t i = 0; i < NR_ADVISED; i++)
		for (size_t j = 0; j < NR_ADVISED; j++)
			check(!took[j] || has_flag(map1 + i * STRIDE, advised[j].flag) ==
			      (i == j));
	pid = fork();
	if (!pid)
		_exit(map1[STRIDE] || map1[2 * STRIDE] != 'x');
	check(waitpid(pid, &status, 0) == pid && !status);
}

/* ---- locked ---- */

static void set_mlock(void)
{
	map1 = anon(32 * PAGE, PROT_READ | PROT_WRITE, 0);
	check(!mlock(map1, 8 * PAGE));
	check(!mlock2(map1 + 16 * PAGE, 8 * PAGE, MLOCK_ONFAULT));
}

static void get_mlock(void)
{
	check(has_flag(map1, "lo") && !has_flag(map1 + 8 * PAGE, "lo"));
	check(has_flag(map1 + 16 * PAGE, "lo") && status_kb("VmLck:") == 64);
}

static void set_mlockall(void)
{
	map1 = anon(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	check(!mlockall(MCL_FUTURE));
}

static void get_mlockall(void)
{
	check(!has_flag(map1, "lo"));
	map2 = anon(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	check(has_flag(map2, "lo"));
}

/* ---- address space ---- */

static void set_growsdown(void)
{
	map1 = anon(64 * PAGE, PROT_NONE, MAP_NORESERVE);
	check(!munmap(map1, 64 * PAGE));
	map2 = mmap(map1 + 62 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	check(map2 != MAP_FAILED);
	map2[0] = 'a';
}

static void get_growsdown(void)
{
	check(has_flag(map2, "gd") && map2[0] == 'a');
	map2[-1] = 'b';
	map2[-(long)(8 * PAGE)] = 'c';
	check(map2[-1] == 'b');
}

/* The main thread's stack, below where it ever was. */
#define DEEP	(4UL << 20)

static void __attribute__((noinline)) go_deep(void)
{
	volatile char stack[DEEP];

	for (size_t i = DEEP; i; i -= PAGE)
		stack[i - PAGE] = 's';
	check(stack[0] == 's' && has_flag((char *)stack, "gd"));
}

static void set_stack(void)
{
	check(status_kb("VmStk:") < (long)(DEEP >> 10));
}

static void get_stack(void)
{
	set_stack();
	go_deep();
	check(status_kb("VmStk:") >= (long)(DEEP >> 10));
}

/* What a JVM or Go reserves costs neither memory nor time. */
static void set_reserve(void)
{
	map1 = anon(16 * TB, PROT_NONE, MAP_NORESERVE);
	check(!mprotect(map1 + 3 * TB, 16 * PAGE, PROT_READ | PROT_WRITE));
	memset(map1 + 3 * TB, 'r', 16 * PAGE);
}

static void get_reserve(void)
{
	check(map1[3 * TB] == 'r' && map1[3 * TB + 16 * PAGE - 1] == 'r');
	check(has_flag(map1, "nr") && status_kb("VmRSS:") < 64 << 10);
	check(status_kb("VmPTE:") < 16 << 10);
	check(!mprotect(map1 + 15 * TB, PAGE, PROT_READ | PROT_WRITE));
	map1[15 * TB] = 'x';
}

static void set_many(void)
{
	map1 = anon(MANY * PAGE, PROT_READ | PROT_WRITE, 0);
	for (int i = 0; i < MANY; i++)
		memcpy(map1 + i * PAGE, &i, sizeof(i));
	for (int i = 0; i < MANY; i += 2)
		check(!mprotect(map1 + i * PAGE, PAGE, PROT_READ));
	check(!mprotect(map1 + 100 * PAGE, PAGE, PROT_NONE));
}

static void get_many(void)
{
	int n;

	check(!has_flag(map1 + 98 * PAGE, "wr") && has_flag(map1 + 99 * PAGE, "wr"));
	check(!has_flag(map1 + 100 * PAGE, "rd"));
	check(!mprotect(map1 + 100 * PAGE, PAGE, PROT_READ));
	for (int i = 0; i < MANY; i++) {
		memcpy(&n, map1 + i * PAGE, sizeof(n));
		check(n == i);
	}
}

/* ---- guard regions ---- */

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static bool can_guard(void)
{
	char *p = anon(PAGE, PROT_READ | PROT_WRITE, 0);

	return !madvise(p, PAGE, MADV_GUARD_INSTALL);
}

static void set_guard(void)
{
	map1 = anon(1024 * PAGE, PROT_READ | PROT_WRITE, 0);
	memset(map1, 'g', 1024 * PAGE);
	check(!madvise(map1, PAGE, MADV_GUARD_INSTALL));
	for (int i = 10; i < 700; i += 2)
		check(!madvise(map1 + i * PAGE, PAGE, MADV_GUARD_INSTALL));
}

static bool faults(const char *p)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid)
		_exit(*(volatile const char *)p != 'g');
	waitpid(pid, &status, 0);
	check(WIFSIGNALED(status) || !WEXITSTATUS(status));
	return WIFSIGNALED(status) && WTERMSIG(status) == 11;
}

static void get_guard(void)
{
	check(faults(map1) && !faults(map1 + PAGE));
	check(faults(map1 + 10 * PAGE) && !faults(map1 + 11 * PAGE));
	check(faults(map1 + 698 * PAGE) && !faults(map1 + 700 * PAGE));
}

/* ---- protection keys ---- */

static int keys[3];
static sigjmp_buf back;
static volatile int faulted_key;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	faulted_key = info->si_code == SEGV_PKUERR ? (int)info->si_pkey : -1;
	siglongjmp(back, 1);
}

static bool can_pkeys(void)
{
	return pkey_alloc(0, 0) > 0;
}

static unsigned int rdpkru(void)
{
	unsigned int pkru, zero;

	__asm__ volatile("rdpkru" : "=a"(pkru), "=d"(zero) : "c"(0));
	return pkru;
}

static void wrpkru(unsigned int pkru)
{
	__asm__ volatile("wrpkru" : : "a"(pkru), "c"(0), "d"(0) : "memory");
}

/* The key that kept it from being written to (or read), 0: none. */
static int key_against(volatile char *p, bool write)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	unsigned int pkru = rdpkru();

	faulted_key = 0;
	check(!sigaction(SIGSEGV, &sa, NULL));
	if (!sigsetjmp(back, 1)) {
		if (write)
			*p = 'w';
		else
			(void)*p;
	}
	/* A handler has rights of its own, and we did not return from it. */
	wrpkru(pkru);
	signal(SIGSEGV, SIG_DFL);
	return faulted_key;
}

/* Three taken, the second given back; one that forbids writing, one reading. The
 * kernel takes another for what is only executable.
 */
static void set_pkeys(void)
{
	for (int i = 0; i < 3; i++)
		keys[i] = pkey_alloc(0, 0);
	check(keys[2] > 0);
	map1 = anon(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	memset(map1, 'k', 16 * PAGE);
	check(!pkey_mprotect(map1 + 2 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, keys[0]));
	check(!pkey_mprotect(map1 + 4 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE, keys[2]));
	check(!mprotect(map1 + 8 * PAGE, PAGE, PROT_EXEC));
	check(!pkey_free(keys[1]));
	check(!pkey_set(keys[0], PKEY_DISABLE_WRITE));
	check(!pkey_set(keys[2], PKEY_DISABLE_ACCESS));
	check(key_against(map1 + 2 * PAGE, true) == keys[0]);
	check(key_against(map1 + 8 * PAGE, false) > 0);
}

static void get_pkeys(void)
{
	int executable = key_against(map1 + 8 * PAGE, false);

	check(pkey_get(keys[0]) == PKEY_DISABLE_WRITE);
	check(pkey_get(keys[2]) == PKEY_DISABLE_ACCESS);
	check(!key_against(map1, true) && !key_against(map1 + 6 * PAGE, true));
	check(!key_against(map1 + 2 * PAGE, false) && map1[2 * PAGE] == 'k');
	check(key_against(map1 + 3 * PAGE, true) == keys[0]);
	check(key_against(map1 + 5 * PAGE, false) == keys[2]);
	check(!pkey_set(keys[2], 0) && map1[5 * PAGE] == 'k');
	check(executable > 0 && executable != keys[0] && executable != keys[2]);
	check(!mprotect(map1 + 10 * PAGE, PAGE, PROT_EXEC));
	check(key_against(map1 + 10 * PAGE, false) == executable);
	/* The one that was given back is the first that is free. */
	check(pkey_alloc(0, 0) == keys[1] && !pkey_free(keys[0]));
}

/* ---- sealed, droppable ---- */

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#define NR_MSEAL 462

static bool can_seal(void)
{
	return !syscall(NR_MSEAL, anon(PAGE, PROT_READ, 0), PAGE, 0);
}

static void set_sealed(void)
{
	map1 = anon(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	memset(map1, 's', 8 * PAGE);
	check(!mprotect(map1 + 4 * PAGE, 2 * PAGE, PROT_READ));
	check(!syscall(NR_MSEAL, map1 + 2 * PAGE, 4 * PAGE, 0));
}

static void get_sealed(void)
{
	for (int i = 2; i < 6; i++)
		check(mprotect(map1 + i * PAGE, PAGE, PROT_NONE) && errno == EPERM &&
		      munmap(map1 + i * PAGE, PAGE) && errno == EPERM);
	check(map1[2 * PAGE] == 's' && map1[6 * PAGE - 1] == 's');
	map1[3 * PAGE] = 't';
	check(!munmap(map1, 2 * PAGE) && !munmap(map1 + 6 * PAGE, 2 * PAGE));
}

static char *droppable(void)
{
	return mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
}

static bool can_drop(void)
{
	return droppable() != MAP_FAILED;
}

static void set_droppable(void)
{
	map1 = droppable();
	check(map1 != MAP_FAILED);
	memset(map1, 'd', 8 * PAGE);
}

/* A page may have been dropped at any time: it is as it was, or zeros. */
static void get_droppable(void)
{
	check(has_flag(map1, "dp") && has_flag(map1, "wf") && has_flag(map1, "dd"));
	for (size_t i = 0; i < 8 * PAGE; i++)
		check(map1[i] == 'd' || !map1[i]);
}

/* (somebody outside has put breakpoints into it) */
static void set_uprobe(void)
{
}

/* ---- NUMA: any machine has node 0 ---- */

static bool policy_is(void *p, int mode)
{
	unsigned long nodes[16] = { 0 };
	int is = -1;

	return !syscall(SYS_get_mempolicy, &is, nodes, sizeof(nodes) * 8, p,
			p ? MPOL_F_ADDR : 0) &&
	       is == mode && nodes[0] == (mode != MPOL_DEFAULT);
}

static int bind(char *p, size_t len, int mode)
{
	unsigned long node = 1;

	return syscall(SYS_mbind, p, len, mode, &node, sizeof(node) * 8 + 1, 0);
}

static void set_numa(void)
{
	unsigned long node = 1;

	map1 = anon(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	map2 = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(map2 != MAP_FAILED);
	memset(map1, 'n', 16 * PAGE);
	check(!bind(map1 + 4 * PAGE, 4 * PAGE, MPOL_BIND));
	check(!bind(map1 + 8 * PAGE, 4 * PAGE, MPOL_INTERLEAVE | MPOL_F_STATIC_NODES));
	check(!bind(map2, 4 * PAGE, MPOL_PREFERRED));
	check(!syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, &node, sizeof(node) * 8 + 1));
}

static void get_numa(void)
{
	check(policy_is(NULL, MPOL_INTERLEAVE));
	check(policy_is(map1 + 4 * PAGE, MPOL_BIND));
	check(policy_is(map1 + 7 * PAGE, MPOL_BIND));
	check(policy_is(map1 + 8 * PAGE, MPOL_INTERLEAVE | MPOL_F_STATIC_NODES));
	check(policy_is(map2, MPOL_PREFERRED));
	check(policy_is(map1, MPOL_DEFAULT) && policy_is(map1 + 12 * PAGE, MPOL_DEFAULT));
	check(map1[0] == 'n' && map1[16 * PAGE - 1] == 'n');
}

static void set_numalocal(void)
{
	unsigned long none = 0;

	map1 = anon(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	check(!syscall(SYS_set_mempolicy, MPOL_LOCAL, NULL, 0));
	check(!bind(map1, 2 * PAGE, MPOL_BIND));
	check(!syscall(SYS_mbind, map1 + 4 * PAGE, 2 * PAGE, MPOL_PREFERRED, &none,
		       sizeof(none) * 8 + 1, 0));
}

static bool is_local(void *p)
{
	unsigned long nodes[16] = { 0 };
	int is = -1;

	return !syscall(SYS_get_mempolicy, &is, nodes, sizeof(nodes) * 8, p,
			p ? MPOL_F_ADDR : 0) && is == MPOL_LOCAL;
}

static void get_numalocal(void)
{
	check(is_local(NULL) && policy_is(map1, MPOL_BIND));
	check(is_local(map1 + 4 * PAGE) && is_local(map1 + 6 * PAGE - 1));
	check(policy_is(map1 + 6 * PAGE, MPOL_DEFAULT));
}

static bool can_numa(void)
{
	return !syscall(SYS_get_mempolicy, NULL, NULL, 0, NULL, 0);
}

/* ---- names ---- */

static int call_it(char *p, size_t len, const char *as)
{
	return prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, p, len, as);
}

static void set_named(void)
{
	map1 = anon(8 * PAGE, PROT_READ | PROT_WRITE, 0);
	check(!call_it(map1, 2 * PAGE, "first of them"));
	check(!call_it(map1 + 4 * PAGE, 2 * PAGE, "second"));
}

static void get_named(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512];
	int found = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2)
			continue;
		if (strstr(line, "[anon:first of them]"))
			found += (char *)start == map1 && end == start + 2 * PAGE;
		if (strstr(line, "[anon:second]"))
			found += (char *)start == map1 + 4 * PAGE && end == start + 2 * PAGE;
	}
	if (f)
		fclose(f);
	check(found == 2);
}

static bool can_name(void)
{
	char *p = anon(PAGE, PROT_READ, 0);
	bool can = !call_it(p, PAGE, "a name");

	munmap(p, PAGE);
	return can;
}

const struct kind map_kinds[] = {
	{ .name = "madvise", .set = set_madvise, .get = get_madvise },
	{ .name = "mlock", .set = set_mlock, .get = get_mlock },
	{ .name = "mlockall", .set = set_mlockall, .get = get_mlockall },
	{ .name = "growsdown", .set = set_growsdown, .get = get_growsdown },
	{ .name = "stack", .set = set_stack, .get = get_stack },
	{ .name = "reserve", .set = set_reserve, .get = get_reserve },
	{ .name = "many", .set = set_many, .get = get_many },
	{ .name = "guard", .set = set_guard, .get = get_guard, .can = can_guard },
	{ .name = "pkeys", .set = set_pkeys, .get = get_pkeys, .can = can_pkeys },
	{ .name = "sealed", .set = set_sealed, .get = get_sealed, .can = can_seal },
	{ .name = "droppable", .set = set_droppable, .get = get_droppable,
	  .can = can_drop },
	{ .name = "numa", .set = set_numa, .get = get_numa, .can = can_numa },
	{ .name = "numalocal", .set = set_numalocal, .get = get_numalocal, .can = can_numa },
	{ .name = "named", .set = set_named, .get = get_named, .can = can_name },
	{ .name = "uprobe", .set = set_uprobe, .get = nothing },
	{ 0 }
};
