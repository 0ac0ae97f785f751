// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state KIND ? - can there be memory of this kind here? Status 0: yes.
 * state KIND FILE - a program with memory of one kind that knows what must become of
 * it: what the kernel says of its mappings, and what is in them. It sets it up,
 * makes FILE.ready, waits for FILE.go (meanwhile it is dumped, killed and
 * restored), looks again, and writes "ok" or what is wrong to FILE.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define TB	(1UL << 40)
#define MANY	4000

static const char *base;
static char wrong[1024];
static char *map1, *map2;

static const char *name(const char *suffix)
{
	static char buf[2][512];
	static int n;

	n = !n;
	snprintf(buf[n], sizeof(buf[n]), "%s.%s", base, suffix);
	return buf[n];
}

#define check(cond) do {						\
	if (!(cond) && !*wrong)						\
		snprintf(wrong, sizeof(wrong), "line %d: %s (errno %d: %s)", \
			 __LINE__, #cond, errno, strerror(errno));	\
} while (0)

static void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

static char *anon(size_t len, int prot, int flags)
{
	char *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED)
		check(!"mmap");
	return p;
}

/* Does the mapping at @p have the flag, two letters as in smaps? */
static bool has_flag(const char *p, const char *flag)
{
	bool here = false, found = false;
	char line[1024], two[5];
	FILE *f = fopen("/proc/self/smaps", "re");

	snprintf(two, sizeof(two), " %s", flag);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (unsigned long)p && (unsigned long)p < to;
		else if (here && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, two);
	}
	if (f)
		fclose(f);
	return found;
}

static long status_kb(const char *key)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long kb = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = atol(line + strlen(key) + 1);
	if (f)
		fclose(f);
	return kb;
}

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

/* ---- pages that a server shares with its workers ---- */

#define WORKERS	8
#define SHARED	(32UL << 20)

static int start_pipe[2];
static pid_t worker[WORKERS];
static long pss_before;

static char stamp(size_t page, int writer)
{
	return page * 7 + writer * 31 + 1;
}

static void fill(char *p, size_t from, size_t to, int writer)
{
	for (size_t i = from; i < to; i++) {
		memset(p + i * PAGE, stamp(i, writer), PAGE);
		memcpy(p + i * PAGE, &i, sizeof(i));
	}
}

static bool filled(const char *p, size_t from, size_t to, int writer)
{
	for (size_t i = from; i < to; i++)
		if (memcmp(p + i * PAGE, &i, sizeof(i)) ||
		    p[i * PAGE + PAGE - 1] != stamp(i, writer))
			return false;
	return true;
}

static bool zeros(const char *p, size_t from, size_t to)
{
	for (size_t i = from * PAGE; i < to * PAGE; i++)
		if (p[i])
			return false;
	return true;
}

/* What a worker does to what it has inherited: pages written, given back, zeroed,
 * mapped anew, unmapped, and as they were.
 */
static void work(int n)
{
	size_t own = 100 + 40 * n, last = SHARED / PAGE;
	char c;

	fill(map1, own, own + 16, n);
	if (madvise(map1 + 1000 * PAGE, 32 * PAGE, MADV_DONTNEED) ||
	    mmap(map1 + 1100 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ||
	    munmap(map1 + 1200 * PAGE, 8 * PAGE) ||
	    mprotect(map1 + 1300 * PAGE, 8 * PAGE, PROT_READ))
		_exit(2);
	memset(map1 + 1400 * PAGE, 0, 8 * PAGE);
	if (write(start_pipe[1], "", 1) != 1)
		_exit(3);
	close(start_pipe[1]);
	while (read(start_pipe[0], &c, 1) > 0)
		;
	if (!filled(map1, 0, own, WORKERS) || !filled(map1, own, own + 16, n) ||
	    !filled(map1, own + 16, 1000, WORKERS) ||
	    !zeros(map1, 1000, 1032) || !filled(map1, 1032, 1100, WORKERS) ||
	    !zeros(map1, 1100, 1108) || !filled(map1, 1108, 1200, WORKERS) ||
	    !filled(map1, 1208, 1400, WORKERS) || !zeros(map1, 1400, 1408) ||
	    !filled(map1, 1408, last, WORKERS))
		_exit(4);
	if (!msync(map1 + 1200 * PAGE, PAGE, MS_ASYNC) || errno != ENOMEM)
		_exit(5);
	_exit(0);
}

static long pss_kb(pid_t pid)
{
	char path[64], line[128];
	long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Pss:", 4))
			kb = atol(line + 4);
	if (f)
		fclose(f);
	check(kb);
	return kb;
}

static long family_kb(void)
{
	long kb = pss_kb(getpid());

	for (int i = 0; i < WORKERS; i++)
		kb += pss_kb(worker[i]);
	return kb;
}

static void set_prefork(void)
{
	int ready[2];
	char c;

	map1 = anon(SHARED, PROT_READ | PROT_WRITE, 0);
	fill(map1, 0, SHARED / PAGE, WORKERS);
	check(!pipe(start_pipe) && !pipe(ready));
	for (int i = 0; i < WORKERS; i++) {
		worker[i] = fork();
		if (!worker[i]) {
			int go = start_pipe[0];

			close(start_pipe[1]);
			start_pipe[0] = go;
			start_pipe[1] = ready[1];
			work(i);
		}
	}
	for (int i = 0; i < WORKERS; i++)
		check(read(ready[0], &c, 1) == 1);
	close(ready[0]);
	close(ready[1]);
	pss_before = family_kb();
	check(pss_before < (long)(SHARED >> 10) + 16384);
}

static void get_prefork(void)
{
	long now = family_kb();
	int status;

	if (now > pss_before + 4096 && !*wrong)
		snprintf(wrong, sizeof(wrong), "%ld kB before, %ld kB now",
			 pss_before, now);
	check(filled(map1, 0, SHARED / PAGE, WORKERS));
	close(start_pipe[1]);
	for (int i = 0; i < WORKERS; i++) {
		check(waitpid(worker[i], &status, 0) == worker[i]);
		if (status && !*wrong)
			snprintf(wrong, sizeof(wrong), "worker %d: status %#x", i,
				 status);
	}
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

/* ---- pages that are not where one looks for them ---- */

static bool can_swap(void)
{
	char line[256];
	FILE *f = fopen("/proc/swaps", "re");
	int lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (f)
		fclose(f);
	return lines > 1;
}

#define SWAPPED	(16UL << 20)

static void set_swapped(void)
{
	map1 = anon(SWAPPED, PROT_READ | PROT_WRITE, 0);
	fill(map1, 0, SWAPPED / PAGE, 1);
	for (int i = 0; i < 100 && status_kb("VmSwap:") < 8192; i++)
		check(!madvise(map1, SWAPPED, MADV_PAGEOUT));
	check(status_kb("VmSwap:") >= 8192);
}

static void get_swapped(void)
{
	check(filled(map1, 0, SWAPPED / PAGE, 1));
}

static bool can_ksm(void)
{
	return !access("/sys/kernel/mm/ksm/run", W_OK);
}

static long ksm(const char *what)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/mm/ksm/%s", what);
	fd = open(path, O_RDONLY);
	if (read(fd, text, sizeof(text) - 1) < 0)
		check(!"ksm");
	close(fd);
	return atol(text);
}

/* All pages but the first are equal; a bit of them is not merged any more. */
static void set_ksm(void)
{
	write_file("/sys/kernel/mm/ksm/pages_to_scan", "10000");
	write_file("/sys/kernel/mm/ksm/run", "1");
	map1 = anon(512 * PAGE, PROT_READ | PROT_WRITE, 0);
	memset(map1, 'k', 512 * PAGE);
	map1[0] = 'a';
	check(!madvise(map1, 512 * PAGE, MADV_MERGEABLE));
	for (int i = 0; i < 3000 && ksm("pages_sharing") < 400; i++)
		usleep(20000);
	check(ksm("pages_sharing") >= 400);
	map1[7 * PAGE] = 'b';
}

static void get_ksm(void)
{
	check(has_flag(map1, "mg"));
	for (size_t i = 0; i < 512 * PAGE; i++)
		check(map1[i] == (i ? i == 7 * PAGE ? 'b' : 'k' : 'a'));
}

/* ---- what must be refused ---- */

static void nothing(void)
{
}

/* (somebody outside has put breakpoints into it) */
static void set_uprobe(void)
{
}

static void set_hugetlb(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB);

	check(fd >= 0 && !ftruncate(fd, 2 << 20));
}

static const struct kind {
	const char *name;
	void (*set)(void), (*get)(void);
	bool (*can)(void);	/* does this kernel, this machine have it */
} kinds[] = {
	{ .name = "madvise", .set = set_madvise, .get = get_madvise },
	{ .name = "mlock", .set = set_mlock, .get = get_mlock },
	{ .name = "mlockall", .set = set_mlockall, .get = get_mlockall },
	{ .name = "growsdown", .set = set_growsdown, .get = get_growsdown },
	{ .name = "reserve", .set = set_reserve, .get = get_reserve },
	{ .name = "many", .set = set_many, .get = get_many },
	{ .name = "guard", .set = set_guard, .get = get_guard, .can = can_guard },
	{ .name = "prefork", .set = set_prefork, .get = get_prefork },
	{ .name = "pkeys", .set = set_pkeys, .get = get_pkeys, .can = can_pkeys },
	{ .name = "sealed", .set = set_sealed, .get = get_sealed, .can = can_seal },
	{ .name = "droppable", .set = set_droppable, .get = get_droppable, .can = can_drop },
	{ .name = "swapped", .set = set_swapped, .get = get_swapped, .can = can_swap },
	{ .name = "ksm", .set = set_ksm, .get = get_ksm, .can = can_ksm },
	{ .name = "hugetlb", .set = set_hugetlb, .get = nothing },
	{ .name = "uprobe", .set = set_uprobe, .get = nothing },
};

int main(int argc, char **argv)
{
	const struct kind *k = NULL;

	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, argv[1]))
			k = &kinds[i];
	if (!k)
		return 2;
	if (!strcmp(argv[2], "?"))
		return k->can && !k->can();
	base = argv[2];
	k->set();
	write_file(name("ready"), wrong);
	while (access(name("go"), F_OK))
		usleep(20000);
	if (!*wrong)
		k->get();
	write_file(name("result"), *wrong ? wrong : "ok");
	rename(name("result"), base);
	return *wrong != 0;
}
