// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * writer MB SET_MB RATE THREADS: MB of memory; threads together write RATE MB a
 * second, whole pages in order, over the first SET_MB of it. RATE 0: as fast as
 * they can, one word a page (work then counts pages: what a tracker costs).
 */
#include <pthread.h>

#include "pulse.h"

#define TICK_NS 10000000ULL

static char *mem;
static size_t set, rate;
static int threads;

static void unlimited(char *p, size_t len)
{
	for (uint64_t n = 1;; n++)
		for (size_t i = 0; i < len; i += 4096) {
			*(volatile uint64_t *)(p + i) = n;
			__atomic_fetch_add(&pulse->work, 1, __ATOMIC_RELAXED);
		}
}

/* What could not be written in time (a stop) is not made up for. */
static void limited(char *p, size_t len, uint64_t seed)
{
	double owed = 0, each = (double)rate * TICK_NS / 1e9 / 4096 / threads;
	uint64_t due = now_ns();
	size_t at = 0;

	for (;;) {
		for (owed += each; owed >= 1; owed--) {
			fill(p + at, 4096, ++seed);
			at = (at + 4096) % len;
			__atomic_fetch_add(&pulse->work, 1, __ATOMIC_RELAXED);
		}
		due += TICK_NS;
		if (due < now_ns())
			due = now_ns();
		pulse_sleep_until(due);
	}
}

static void *writer(void *arg)
{
	uintptr_t i = (uintptr_t)arg;
	size_t len = set / threads & ~4095UL;

	if (rate)
		limited(mem + i * len, len, i << 40);
	else
		unlimited(mem + i * len, len);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t len = strtoul(argv[1], NULL, 0) << 20;
	pthread_t t;

	set = strtoul(argv[2], NULL, 0) << 20;
	rate = strtoul(argv[3], NULL, 0) << 20;
	threads = atoi(argv[4]);
	pulse_init();
	mem = memory(len);
	/* Pages of 4 KB: what is written is what is asked for. */
	madvise(mem, len, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < len; i += 4096)
		fill(mem + i, 4096, i + 1);
	for (uintptr_t i = 0; i < (uintptr_t)threads; i++)
		if (pthread_create(&t, NULL, writer, (void *)i))
			errx(1, "pthread_create");
	pulse_run(NULL);
}
