// SPDX-License-Identifier: GPL-2.0-or-later
/* See mutate.h. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutate.h"

#define MB	(1UL << 20)
#define PAGE	4096UL

enum { R_ANON, R_THP, R_SHARED, R_CHURN, R_FILE, R_SHCHURN, R_MPROT, R_REMAP,
       R_SWAP, R_GB_FROM, R_GB_TO };

#define GB	(1UL << 30)

const struct region regions[] = {
	[R_ANON]	= { "anonymous",   0x100000000UL, 16 * MB, ANON },
	[R_THP]		= { "huge pages",  0x200000000UL, 8 * MB, ANON_THP },
	[R_SHARED]	= { "shared",	   0x300000000UL, 8 * MB, SHARED },
	[R_CHURN]	= { "mmap churn",  0x400000000UL, 4 * MB, ANON },
	[R_FILE]	= { "private file", 0x500000000UL, 4 * MB, FILE_PRIVATE },
	[R_SHCHURN]	= { "shared, read and zapped", 0x600000000UL, 4 * MB, SHARED },
	[R_MPROT]	= { "mprotect",	   0x700000000UL, 4 * MB, ANON },
	[R_REMAP]	= { "mremap",	   0x800000000UL, 8 * MB, ANON },
	[R_SWAP]	= { "swap",	   0x900000000UL, 4 * MB, ANON },
	[R_GB_FROM]	= { "gigabyte",	   0xa00000000UL, 4 * MB, ANON_GB },
	[R_GB_TO]	= { "gigabyte, moved to", 0xa00000000UL + 2 * GB, 4 * MB, ANON_GB },
};
const int nr_regions = sizeof(regions) / sizeof(regions[0]);

static int file_fd;
static char *file_bytes;
static unsigned int base_seed;

static unsigned int rnd(unsigned int *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 4;
}

uint64_t region_tag(const struct region *r)
{
	return 0x5348415245440000ULL + (r - regions);
}

const char *region_below(const struct region *r, unsigned long off)
{
	static const char zeros[PAGE];

	return r->kind == FILE_PRIVATE ? file_bytes + off : zeros;
}

static void *at(int r, unsigned long off)
{
	return (void *)(regions[r].addr + off);
}

static void map(const struct region *r)
{
	int flags = MAP_FIXED_NOREPLACE;
	int fd = r->kind == FILE_PRIVATE ? file_fd : -1;
	unsigned long len = r->kind == ANON_GB ? GB : r->len;

	flags |= r->kind == SHARED ? MAP_SHARED : MAP_PRIVATE;
	flags |= fd < 0 ? MAP_ANONYMOUS : 0;
	if (mmap((void *)r->addr, len, PROT_READ | PROT_WRITE, flags, fd, 0) ==
	    MAP_FAILED) {
		perror(r->name);
		_exit(1);
	}
	if (r->kind == ANON_THP || r->kind == ANON_GB)
		madvise((void *)r->addr, len, MADV_HUGEPAGE);
	else if (r->kind == ANON)
		madvise((void *)r->addr, r->len, MADV_NOHUGEPAGE);
}

void mutate_prepare(void)
{
	const struct region *r;
	unsigned long off;
	char path[] = "/tmp/mutateXXXXXX";

	file_fd = mkstemp(path);
	unlink(path);
	file_bytes = mmap(NULL, regions[R_FILE].len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (off = 0; off < regions[R_FILE].len; off += 4)
		*(uint32_t *)(file_bytes + off) = off * 2654435761u + 1;
	if (write(file_fd, file_bytes, regions[R_FILE].len) < 0)
		perror("write");
	for (r = regions; r < regions + nr_regions; r++)
		if (r->kind == SHARED) {
			map(r);
			*(volatile uint64_t *)r->addr = region_tag(r);
		}
}

/* The first word of a region is its tag: nobody writes it. */
static unsigned long somewhere(int r, unsigned int *s)
{
	unsigned long off = (unsigned long)rnd(s) * 8 % regions[r].len;

	return off ?: 8;
}

static void *writer(void *arg)
{
	static const int order[] = { R_ANON, R_THP, R_SHARED, R_FILE, R_SWAP };
	unsigned int s = (unsigned long)arg;
	unsigned long c, off;
	int r;

	for (c = 1;; c++) {
		r = order[rnd(&s) % 5];
		off = somewhere(r, &s);
		if (rnd(&s) % 8 == 0)
			off = off % (64 * PAGE) ?: 8;
		*(volatile uint64_t *)at(r, off) = c * s;
		if (rnd(&s) % 64 == 0 && r != R_SHARED)
			memset(at(r, (off & -PAGE) ?: PAGE), 0, PAGE);
		if (c % 128 == 0)
			usleep(500 + rnd(&s) % 1500);
	}
	return NULL;
}

static void *churn(void *arg)
{
	unsigned int s = (unsigned long)arg;
	unsigned long off, len, i;
	char *p;

	for (;;) {
		off = (1 + rnd(&s) % 990) * PAGE;
		len = (1 + rnd(&s) % 24) * PAGE;
		p = at(R_CHURN, off);
		switch (rnd(&s) % 8) {
		case 0:
			mmap(p, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		case 1:
			madvise(p, len, MADV_DONTNEED);
			break;
		case 2:
			madvise(p, len, MADV_DONTNEED);
			for (i = 0; i < len; i += PAGE)
				(void)*(volatile char *)(p + i);
			break;
		case 3:
			mprotect(p, len, PROT_READ);
			mprotect(p, len, PROT_READ | PROT_WRITE);
			break;
		case 4:
			munmap(p, len);
			usleep(rnd(&s) % 300);
			mmap(p, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			break;
		default:
			for (i = 0; i < len; i += PAGE)
				*(volatile unsigned int *)
					(p + i + rnd(&s) % 1024 * 4) = rnd(&s);
		}
		usleep(rnd(&s) % 300);
	}
	return NULL;
}

/* Read-only most of the time, so that a round meets it so. */
static void *mprot(void *arg)
{
	unsigned int s = (unsigned long)arg;
	int i;

	for (;;) {
		mprotect(at(R_MPROT, 0), regions[R_MPROT].len,
			 PROT_READ | PROT_WRITE);
		for (i = 0; i < 20; i++)
			*(volatile unsigned int *)
				at(R_MPROT, somewhere(R_MPROT, &s)) = rnd(&s);
		mprotect(at(R_MPROT, 0), regions[R_MPROT].len, PROT_READ);
		usleep(rnd(&s) % 1000);
	}
	return NULL;
}

static bool zap;

static void *shchurn(void *arg)
{
	unsigned int s = (unsigned long)arg;
	char *p;

	for (;;) {
		p = at(R_SHCHURN, (1 + rnd(&s) % 1023) * PAGE);
		*(volatile unsigned int *)(p + rnd(&s) % 1024 * 4) = rnd(&s);
		if (zap && rnd(&s) % 4 == 0)
			madvise(p, PAGE, MADV_DONTNEED);
		(void)*(volatile char *)p;
		if (rnd(&s) % 64 == 0)
			usleep(100);
	}
	return NULL;
}

/* Slot 0 is where new pages come from; whole tables move to the others. */
static void *remap(void *arg)
{
	unsigned int s = (unsigned long)arg;
	unsigned long to, i;

	for (;;) {
		for (i = 1; i < 32; i++)	/* the same pages each time */
			*(volatile unsigned int *)
				at(R_REMAP, i * PAGE + 64) = rnd(&s);
		usleep(rnd(&s) % 40000);
		to = (1 + rnd(&s) % 3) * 2 * MB;
		mremap(at(R_REMAP, 0), 2 * MB, 2 * MB,
		       MREMAP_MAYMOVE | MREMAP_FIXED, at(R_REMAP, to));
		mmap(at(R_REMAP, 0), 2 * MB, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		madvise(at(R_REMAP, 0), 2 * MB, MADV_NOHUGEPAGE);
		usleep(rnd(&s) % 20000);
	}
	return NULL;
}

/* A whole table of huge pages moves over another one, which had other bytes. (They are not
 * neighbours: a mapping that joins a new one counts as new.)
 */
static void *remap_gb(void *arg)
{
	unsigned int s = (unsigned long)arg;
	unsigned long off;

	for (;;) {
		for (off = 64; off < regions[R_GB_FROM].len; off += 64 * PAGE)
			*(volatile unsigned int *)at(R_GB_FROM, off) = rnd(&s);
		usleep(20000 + rnd(&s) % 40000);
		mremap(at(R_GB_FROM, 0), GB, GB, MREMAP_MAYMOVE | MREMAP_FIXED,
		       at(R_GB_TO, 0));
		mmap(at(R_GB_FROM, 0), GB, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		madvise(at(R_GB_FROM, 0), GB, MADV_HUGEPAGE);
	}
	return NULL;
}

static void *swapper(void *arg)
{
	unsigned int s = (unsigned long)arg;

	for (;;) {
		madvise(at(R_SWAP, rnd(&s) % 960 * PAGE), 64 * PAGE, MADV_PAGEOUT);
		madvise(at(R_SHARED, rnd(&s) % 960 * PAGE), 64 * PAGE,
			MADV_PAGEOUT);
		usleep(3000);
	}
	return NULL;
}

static void *forker(void *arg)
{
	unsigned int s = (unsigned long)arg;
	pid_t pid;
	int i;

	for (;;) {
		pid = fork();
		if (!pid) {
			for (i = 0; i < 50; i++)
				*(volatile uint64_t *)
					at(R_ANON, somewhere(R_ANON, &s)) = i;
			usleep(10000);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		usleep(150000);
	}
	return NULL;
}

static void tight(volatile int *ready)
{
	unsigned long c, i;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	++*ready;
	for (c = 1;; c++)
		for (i = 0; i < 64; i++)
			*(volatile uint64_t *)
				at(R_ANON, (i + 1) * PAGE + c % 511 * 8) = c;
}

static void run(void *(*fn)(void *))
{
	pthread_t t;

	base_seed += 7919;
	if (pthread_create(&t, NULL, fn, (void *)(unsigned long)base_seed)) {
		perror("pthread_create");
		_exit(1);
	}
}

void mutate(void *arg)
{
	const struct mutator *m = arg;
	const struct region *r;
	unsigned long off;

	base_seed = m->seed;
	for (r = regions; r < regions + nr_regions; r++) {
		if (r->kind != SHARED && (r->kind != ANON_GB || m->what & M_REMAP))
			map(r);
		if (r->kind == ANON || r->kind == ANON_THP)
			for (off = 8; off < r->len; off += PAGE)
				*(volatile unsigned long *)(r->addr + off) = off;
	}
	if (m->what & M_TIGHT)
		tight(m->ready);
	zap = m->what & M_ZAP;
	if (m->what & M_WRITE) {
		run(writer);
		run(writer);
		run(writer);
	}
	if (m->what & M_CHURN)
		run(churn);
	if (m->what & M_MPROT)
		run(mprot);
	if (m->what & M_SHARED)
		run(shchurn);
	if (m->what & M_FORK)
		run(forker);
	if (m->what & M_REMAP) {
		run(remap);
		run(remap_gb);
	}
	if (m->what & M_SWAP)
		run(swapper);
	++*m->ready;
	for (;;)
		pause();
}
