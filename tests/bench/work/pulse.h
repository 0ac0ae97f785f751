/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pulse of a workload: its first thread wakes up every millisecond, with
 * real-time priority, and notes when that was late. A container that is stopped
 * has no pulse: the longest gap is the stop time as the program itself sees it,
 * whoever stopped it and by whatever means. The benchmark reads the notes by
 * /proc/PID/mem; lib/box.py knows the layout.
 */
#ifndef BENCH_PULSE_H
#define BENCH_PULSE_H

#include <err.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define PULSE_ADDR	0x100000000UL
#define PULSE_MAGIC	0x65736c7570ULL
#define PULSE_NS	1000000ULL
#define PULSE_LATE_NS	100000ULL	/* what is noted */
#define PULSE_NOTES	4000

struct pulse {
	uint64_t magic;		/* set when the workload is ready */
	uint64_t last;		/* CLOCK_MONOTONIC of the last beat */
	uint64_t beats;
	uint64_t work;		/* units of work done, where it does some */
	uint64_t go, done;	/* asked for by the benchmark, and followed */
	uint64_t nr;		/* notes ever made */
	uint64_t resv;
	struct {
		uint64_t at, late;
	} note[PULSE_NOTES];
};

static struct pulse *const pulse = (struct pulse *)PULSE_ADDR;

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* Before anything else: threads and children do not get the priority. */
static inline void pulse_init(void)
{
	if (mmap(pulse, sizeof(*pulse), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_POPULATE,
		 -1, 0) != pulse)
		err(1, "pulse page");
}

static inline void pulse_sleep_until(uint64_t ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

/* Never returns. @act, if any, is called when the benchmark asks for it. */
static inline void pulse_run(void (*act)(uint64_t nr))
{
	struct sched_param fifo = { .sched_priority = 10 };
	uint64_t due, now;

	if (sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo))
		err(1, "SCHED_FIFO");
	due = now_ns() + PULSE_NS;
	pulse->magic = PULSE_MAGIC;
	for (;;) {
		pulse_sleep_until(due);
		now = now_ns();
		if (now - due >= PULSE_LATE_NS) {
			pulse->note[pulse->nr % PULSE_NOTES].at = now;
			pulse->note[pulse->nr % PULSE_NOTES].late = now - due;
			pulse->nr++;
		}
		pulse->last = now;
		pulse->beats++;
		if (act && pulse->go != pulse->done) {
			act(pulse->go);
			pulse->done = pulse->go;
			now = now_ns();
		}
		due = now + PULSE_NS;
	}
}

/* Bytes that differ from page to page, and do not compress to nothing. */
static inline void fill(char *p, size_t len, uint64_t seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;

	for (size_t i = 0; i < len; i += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		*(uint64_t *)(p + i) = x;
	}
}

static inline char *memory(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		err(1, "%zu bytes", len);
	return p;
}

#endif
