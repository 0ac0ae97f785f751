// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Programs whose memory comes after they have started (program.h): each knows what
 * is in it, and does to it what programs do while it is missing.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../program.h"

#define PAGE	4096UL
#define PAGES	2048UL
#define WORDS	(PAGE / sizeof(uint64_t))
#define TB	(1UL << 40)
#define PLACE	((char *)0x510000000000)

static char *memory;

static char *map(void *at, size_t pages, int flags)
{
	char *p = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED) {
		check(!"mmap");
		_exit(9);
	}
	return p;
}

/* 1: pages that can be compressed; any other odd number: they cannot. */
static uint64_t mix = 0x9e3779b97f4a7c15ULL;

static uint64_t word(uint64_t page, uint64_t version, uint64_t i)
{
	return (page << 32 | version << 16 | i) * mix + 1;
}

static void fill_page(char *p, uint64_t page, uint64_t version)
{
	for (uint64_t i = 0; i < WORDS; i++)
		((uint64_t *)p)[i] = word(page, version, i);
}

static bool is_page(const char *p, uint64_t page, uint64_t version)
{
	for (uint64_t i = 0; i < WORDS; i++)
		if (((const volatile uint64_t *)p)[i] != word(page, version, i))
			return false;
	return true;
}

static bool is_zero(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((const volatile char *)p)[i])
			return false;
	return true;
}

/* Every third page has nothing in it, but one word where it is a multiple of 30. */
static void fill(char *p, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		if (i % 3)
			fill_page(p + i * PAGE, i, 0);
		else if (!(i % 30))
			*(volatile uint64_t *)(p + i * PAGE) = i;
}

static bool is_one(const char *p, size_t i)
{
	if (i % 3)
		return is_page(p, i, 0);
	return *(const volatile uint64_t *)p == (i % 30 ? 0 : i) &&
	       is_zero(p + 8, PAGE - 8);
}

/* Pages @from to @to of what fill() made, which are at @p now. */
static bool is_filled(const char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (!is_one(p + (i - from) * PAGE, i))
			return false;
	return true;
}

static void set_memory(void)
{
	memory = map(NULL, PAGES, MAP_PRIVATE);
	fill(memory, PAGES);
}

static void get_read(void)
{
	check(is_filled(memory, 0, PAGES));
}

/* ---- written to before it is read ---- */

static void get_write(void)
{
	for (size_t i = 0; i < PAGES; i++)
		memory[i * PAGE + 1000 + i % 1000] ^= 1;
	for (size_t i = 0; i < PAGES; i++)
		memory[i * PAGE + 1000 + i % 1000] ^= 1;
	check(is_filled(memory, 0, PAGES));
}

/* ---- threads ---- */

#define THREADS	4

static void *stride(void *arg)
{
	size_t first = (uintptr_t)arg;

	for (size_t k = 0; k < 2; k++)
		for (size_t i = k ? first : PAGES - 1 - first; i < PAGES;
		     i += k ? THREADS : -THREADS)
			if (!is_one(memory + i * PAGE, i))
				return "wrong";
	return NULL;
}

static void get_threads(void)
{
	pthread_t t[THREADS];
	void *said;

	for (uintptr_t i = 0; i < THREADS; i++)
		check(!pthread_create(&t[i], NULL, stride, (void *)i));
	for (int i = 0; i < THREADS; i++) {
		check(!pthread_join(t[i], &said));
		check(!said);
	}
}

/* ---- fork ---- */

/* Everything as it was when it forked, whatever its parent writes meanwhile. */
static void get_fork(void)
{
	int status, ends[2];
	pid_t pid;
	char c;

	check(!pipe(ends));
	pid = fork();
	if (!pid) {
		pid_t next = fork();

		close(ends[1]);
		if (read(ends[0], &c, 1) != 1)
			_exit(2);
		if (!is_filled(memory, 0, PAGES))
			_exit(1);
		if (!next)
			_exit(0);
		check(waitpid(next, &status, 0) == next);
		_exit(status ? 3 : 0);
	}
	for (size_t i = 0; i < PAGES; i += 2)
		memory[i * PAGE + 5] ^= 1;
	check(write(ends[1], "ab", 2) == 2);
	check(waitpid(pid, &status, 0) == pid);
	check(!status);
	for (size_t i = 0; i < PAGES; i += 2)
		memory[i * PAGE + 5] ^= 1;
	check(is_filled(memory, 0, PAGES));
}

/* ---- memory that goes, and comes back empty ---- */

static void get_unmap(void)
{
	const size_t n = PAGES / 4;
	char *hole = memory + n * PAGE;

	/* what was before it grows there */
	check(!munmap(hole, n * PAGE));
	check(mremap(memory, n * PAGE, 2 * n * PAGE, 0) == memory);
	check(is_zero(hole, n * PAGE));
	check(is_filled(memory, 0, n));
	check(is_filled(memory + 2 * n * PAGE, 2 * n, PAGES));
	/* without a hole in between */
	check(map(hole + n * PAGE, n, MAP_PRIVATE | MAP_FIXED) == hole + n * PAGE);
	check(is_zero(hole + n * PAGE, n * PAGE));
}

static void get_dontneed(void)
{
	const size_t n = PAGES / 4;

	check(!madvise(memory + n * PAGE, n * PAGE, MADV_DONTNEED));
	check(is_zero(memory + n * PAGE, n * PAGE));
	check(is_filled(memory, 0, n));
	check(is_filled(memory + 2 * n * PAGE, 2 * n, PAGES));
	/* what had come */
	check(!madvise(memory, n * PAGE, MADV_DONTNEED));
	check(is_zero(memory, n * PAGE));
}

/* ---- memory that moves ---- */

static void get_mremap(void)
{
	const size_t n = PAGES / 4;
	char *p;

	p = mremap(memory + n * PAGE, n * PAGE, n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   PLACE);
	check(p == PLACE);
	/* further, and longer */
	p = mremap(p, n * PAGE, 2 * n * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   PLACE + 4 * PAGES * PAGE);
	check(p == PLACE + 4 * PAGES * PAGE);
	check(is_filled(p, n, 2 * n));
	check(is_zero(p + n * PAGE, n * PAGE));
	/* over what is there, and shorter */
	p = mremap(memory + 2 * n * PAGE, n * PAGE, n / 2 * PAGE,
		   MREMAP_MAYMOVE | MREMAP_FIXED, memory);
	check(p == memory);
	check(is_filled(p, 2 * n, 2 * n + n / 2));
	check(is_filled(memory + n / 2 * PAGE, n / 2, n));
	check(is_filled(memory + 3 * n * PAGE, 3 * n, PAGES));
}

/* ---- the kernel reads it, and writes to a part of a page ---- */

static void get_kernel(void)
{
	int fd = memfd_create("lazy", 0);
	char *copy = map(NULL, PAGES, MAP_PRIVATE);
	uint64_t value = 77;

	check(write(fd, memory, PAGES / 2 * PAGE) == (ssize_t)(PAGES / 2 * PAGE));
	check(pread(fd, copy, PAGES / 2 * PAGE, 0) == (ssize_t)(PAGES / 2 * PAGE));
	check(is_filled(copy, 0, PAGES / 2));
	check(pwrite(fd, &value, sizeof(value), 0) == sizeof(value));
	for (size_t i = PAGES / 2; i < PAGES; i++)
		check(pread(fd, memory + i * PAGE + 2048, 8, 0) == 8);
	for (size_t i = PAGES / 2; i < PAGES; i++) {
		uint64_t *at = (uint64_t *)(memory + i * PAGE + 2048);

		check(*at == value);
		*at = i % 3 ? word(i, 0, 2048 / 8) : 0;
	}
	check(is_filled(memory, 0, PAGES));
}

/* ---- 1 TB, nearly all of it empty ---- */

static void set_sparse(void)
{
	memory = map(NULL, TB / PAGE, MAP_PRIVATE | MAP_NORESERVE);
	for (size_t i = 0; i < 8; i++)
		fill_page(memory + i * (TB / 8) + 3 * PAGE, i, 1);
}

static void get_sparse(void)
{
	for (size_t i = 0; i < 8; i++) {
		check(is_page(memory + i * (TB / 8) + 3 * PAGE, i, 1));
		check(is_zero(memory + i * (TB / 8) + 4 * PAGE, PAGE));
		check(is_zero(memory + i * (TB / 8) + TB / 16, PAGE));
	}
}

/* ---- written to while it is dumped ---- */

static volatile uint64_t version[PAGES], at;
static volatile bool stop;

/* Before each write it must be what it had written last. */
static void *writer(void *arg)
{
	for (uint64_t v = 1; !stop; v = v % 60000 + 1)
		for (uint64_t i = 0; i < PAGES && !stop; i += 1 + v % 7) {
			check(is_page(memory + i * PAGE, i, version[i]));
			at = i;
			fill_page(memory + i * PAGE, i, v);
			version[i] = v;
		}
	return arg;
}

static pthread_t thread;

static void set_rounds(void)
{
	memory = map(NULL, PAGES, MAP_PRIVATE);
	for (size_t i = 0; i < PAGES; i++)
		fill_page(memory + i * PAGE, i, 0);
	check(!pthread_create(&thread, NULL, writer, NULL));
	while (version[PAGES - 1] < 2)
		usleep(1000);
}

static void get_rounds(void)
{
	stop = true;
	check(!pthread_join(thread, NULL));
	for (size_t i = 0; i < PAGES; i++)
		check(is_page(memory + i * PAGE, i, version[i]));
}

/* ---- what comes at once ---- */

#define FEW	16

static char data[FEW * PAGE] __attribute__((aligned(4096))) = { 1 };
static char *shared, *locked, *wiped, *file;

static void set_eager(void)
{
	int fd = open(name("mapped"), O_RDWR | O_CREAT, 0600);
	char page[PAGE];

	set_memory();
	memset(page, 'f', sizeof(page));
	for (int i = 0; i < FEW; i++)
		check(write(fd, page, PAGE) == PAGE);
	file = mmap(NULL, FEW * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	close(fd);
	memset(file + PAGE, 0, PAGE);
	fill_page(file + 2 * PAGE, 2, 2);
	fill(data, FEW);
	shared = map(NULL, FEW, MAP_SHARED);
	fill(shared, FEW);
	locked = map(NULL, FEW, MAP_PRIVATE);
	fill(locked, FEW);
	check(!mlock(locked, FEW * PAGE));
	wiped = map(NULL, FEW, MAP_PRIVATE);
	fill(wiped, FEW);
	check(!madvise(wiped, FEW * PAGE, MADV_WIPEONFORK));
}

static void get_eager(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(is_zero(wiped, FEW * PAGE) ? 0 : 1);
	check(waitpid(pid, &status, 0) == pid && !status);
	check(is_filled(data, 0, FEW));
	check(is_filled(shared, 0, FEW));
	check(is_filled(locked, 0, FEW));
	check(is_filled(wiped, 0, FEW));
	check(file[0] == 'f' && file[PAGE - 1] == 'f' && file[3 * PAGE] == 'f');
	check(is_zero(file + PAGE, PAGE));
	check(is_page(file + 2 * PAGE, 2, 2));
	get_read();
}

/* ---- shared copy-on-write with a child that was there before ---- */

static pid_t child;

static void set_prefork(void)
{
	set_memory();
	child = fork();
	if (child)
		return;
	memory[PAGE + 5] ^= 1;
	wait_for(name("go"));
	memory[PAGE + 5] ^= 1;
	_exit(is_filled(memory, 0, PAGES) ? 0 : 1);
}

static void get_prefork(void)
{
	int status;

	check(is_filled(memory, 0, PAGES));
	check(waitpid(child, &status, 0) == child && !status);
}

/* ---- a page that is damaged ---- */

static void set_marked(void)
{
	set_memory();
	strcpy(memory + 1000 * PAGE, "here is the page that is to be damaged");
}

static void get_marked(void)
{
	/* (nobody comes back from here) */
	check(memory[1000 * PAGE + 100] == 0);
	check(!"the page was damaged");
}

static const struct test tests[] = {
	{ "read", set_memory, get_read },
	{ "write", set_memory, get_write },
	{ "threads", set_memory, get_threads },
	{ "fork", set_memory, get_fork },
	{ "unmap", set_memory, get_unmap },
	{ "dontneed", set_memory, get_dontneed },
	{ "mremap", set_memory, get_mremap },
	{ "kernel", set_memory, get_kernel },
	{ "sparse", set_sparse, get_sparse },
	{ "rounds", set_rounds, get_rounds },
	{ "eager", set_eager, get_eager },
	{ "prefork", set_prefork, get_prefork },
	{ "marked", set_marked, get_marked },
	{ 0 }
};

const struct test *const all_tests[] = { tests, NULL };
