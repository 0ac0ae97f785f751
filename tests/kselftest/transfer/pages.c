// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory of all kinds that changes a few bytes at a time, the same in three
 * processes: anonymous, read-only between two changes, shared, and a private
 * mapping of a file. A sum of all of it is kept while it changes and compared
 * with the memory again and again. The first process says how it is by its name:
 * "ok-N", "BAD".
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096UL
#define PAGES	600		/* of each kind */
#define WORDS	(PAGES * PAGE / 8)
#define KINDS	4

static uint64_t *mem[KINDS], sum[KINDS];

static uint64_t noise(uint64_t x)
{
	x *= 6364136223846793005ULL;
	return x ^ x >> 33;
}

/* Who is @first fills what is shared. */
static void begin(int shared_fd, int first)
{
	int exe = open("/proc/self/exe", O_RDONLY), prot = PROT_READ | PROT_WRITE;
	uint64_t i;
	int k;

	mem[0] = mmap(NULL, PAGES * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mem[1] = mmap(NULL, PAGES * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mem[2] = mmap(NULL, PAGES * PAGE, prot, MAP_SHARED, shared_fd, 0);
	/* The file is shorter: the mapping's end is never touched. */
	mem[3] = mmap(NULL, 2 * PAGE, prot, MAP_PRIVATE, exe, 0);
	close(exe);
	for (k = 0; k < 3; k++)
		for (i = 0; i < WORDS && (k != 2 || first); i++) {
			mem[k][i] = noise(i + k);
			sum[k] += mem[k][i];
		}
	for (i = 0; i < 2 * PAGE / 8; i++)
		sum[3] += mem[3][i];
	mprotect(mem[1], PAGES * PAGE, PROT_READ);
}

static uint64_t words(int k)
{
	return k == 3 ? 2 * PAGE / 8 : WORDS;
}

static int add(int k, uint64_t x)
{
	uint64_t *at = &mem[k][x % words(k)];
	void *page = (void *)((uintptr_t)at & -PAGE);

	if (k == 1 && mprotect(page, PAGE, PROT_READ | PROT_WRITE))
		return -1;
	*at += x;
	sum[k] += x;
	return k == 1 ? mprotect(page, PAGE, PROT_READ) : 0;
}

static int right(int k)
{
	uint64_t s = 0, i;

	for (i = 0; i < words(k); i++)
		s += mem[k][i];
	return s == sum[k];
}

/* @kinds: of them this process changes those. */
static int turn(unsigned long n, unsigned int kinds)
{
	int k, i, ok = 1;

	for (k = 0; k < KINDS; k++) {
		for (i = 0; kinds >> k & 1 && i < 200; i++)
			ok &= !add(k, noise(n * 1000 + i) >> 8);
		if (kinds >> k & 1)
			ok &= right(k);
	}
	return ok;
}

int main(void)
{
	int shared = memfd_create("shared", 0), i;
	unsigned long n;
	char name[32];

	if (shared < 0 || ftruncate(shared, PAGES * PAGE))
		return 1;
	for (i = 0; i < 2; i++)
		if (!fork()) {
			/* Its own copy of what is the same at first. */
			begin(shared, 0);
			prctl(PR_SET_PDEATHSIG, 9);
			for (n = 0; turn(n, 1 | 2 | 8); n++)
				usleep(20000);
			return 1;
		}
	begin(shared, 1);
	for (n = 0;; n++) {
		/* Those who found something wrong have ended. */
		if (!turn(n, 1 | 2 | 4 | 8) ||
		    waitpid(-1, NULL, WNOHANG)) {
			prctl(PR_SET_NAME, "BAD");
			pause();
		}
		if (n % 8 == 0) {
			snprintf(name, sizeof(name), "ok-%lu", n);
			prctl(PR_SET_NAME, name);
		}
		usleep(20000);
	}
}
