// SPDX-License-Identifier: GPL-2.0-or-later
/* Pages: what is in them, and where they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

/* ---- pages that a server shares with its workers ---- */

#define WORKERS	8
#define SHARED	(32UL << 20)

static int start_pipe[2];
static pid_t worker[WORKERS];
static long pss_before;

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

/* ---- pages that the kernel is told to want back first ---- */

#define COLD	256

static void set_cold(void)
{
	map1 = anon(COLD * PAGE, PROT_READ | PROT_WRITE, MAP_POPULATE);
	fill(map1, 0, COLD, 1);
	check(!madvise(map1, COLD / 2 * PAGE, MADV_COLD));
}

static void get_cold(void)
{
	check(filled(map1, 0, COLD, 1));
	fill(map1, 0, COLD, 2);
	check(filled(map1, 0, COLD, 2));
}

/* ---- objects of which one follows the other, at the same place in the kernel ---- */

#define OBJECTS	64

static pid_t replacer;

static int new_object(unsigned long n)
{
	unsigned long page[PAGE / sizeof(long)] = { n };
	int fd = memfd_create("next", 0);

	if (write(fd, page, PAGE) != (ssize_t)PAGE)
		_exit(2);
	return fd;
}

static void replace(void)
{
	unsigned long was[OBJECTS], found;
	int fd[OBJECTS];

	for (unsigned long n = 0; n < OBJECTS || access(name("replaced"), F_OK); n++) {
		int i = n % OBJECTS;

		if (n >= OBJECTS && (pread(fd[i], &found, sizeof(found), 0) != sizeof(found) ||
				     found != was[i]))
			_exit(3);
		if (n >= OBJECTS)
			close(fd[i]);
		if (n == 4 * OBJECTS && write(start_pipe[1], "", 1) != 1)
			_exit(4);
		fd[i] = new_object(n);
		was[i] = n;
		/* (a round takes its time then, in which they change) */
		for (unsigned long at = 0; at < 64; at++)
			*(volatile unsigned long *)(map1 + (n * 64 + at) % (SHARED / PAGE) * PAGE + 64) = n;
		usleep(200);
	}
	_exit(0);
}

/* (so much that rounds are made while it runs) */
static void set_replaced(void)
{
	char c;

	map1 = anon(SHARED, PROT_READ | PROT_WRITE, 0);
	check(!pipe(start_pipe));
	replacer = fork();
	if (!replacer)
		replace();
	check(replacer > 0 && read(start_pipe[0], &c, 1) == 1);
}

static void get_replaced(void)
{
	int status;

	sleep(1);
	write_file(name("replaced"), "");
	check(waitpid(replacer, &status, 0) == replacer && !status);
}

const struct kind page_kinds[] = {
	{ .name = "replaced", .set = set_replaced, .get = get_replaced },
	{ .name = "prefork", .set = set_prefork, .get = get_prefork },
	{ .name = "cold", .set = set_cold, .get = get_cold },
	{ .name = "swapped", .set = set_swapped, .get = get_swapped, .can = can_swap },
	{ .name = "ksm", .set = set_ksm, .get = get_ksm, .can = can_ksm },
	{ 0 }
};
