// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 64 threads that check themselves: vector registers across system calls and
 * preemption, thread-local variables, a mutex and a condition that all of them
 * wait for. The first thread says how it is by its name: "ok-N", "BAD...".
 *
 * threads [MS]: after each turn of all they rest for so long (100), as the tools that
 * are tested need the CPU, too.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS	64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t next = PTHREAD_COND_INITIALIZER;
static long turn, shared[THREADS];
static volatile long broken;
static int rest_ms = 100;
static __thread long mine;
static __thread pid_t tid;

/* Keep a pattern in vector registers while time passes. */
static int registers_hold(long seed)
{
	long in[4] = { seed, ~seed, seed * 3, seed ^ 0x5a5a }, out[4];
	long spin = 20000;

	asm volatile("movdqu (%1), %%xmm6\n"
		     "movdqu 16(%1), %%xmm15\n"
		     "1: dec %0\n"
		     "jnz 1b\n"
		     "movdqu %%xmm6, (%2)\n"
		     "movdqu %%xmm15, 16(%2)\n"
		     : "+r" (spin) : "r" (in), "r" (out)
		     : "memory", "cc", "xmm6", "xmm15");
	return !memcmp(in, out, sizeof(in));
}

static void *thread(void *arg)
{
	long id = (long)arg;

	tid = syscall(SYS_gettid);
	for (;;) {
		if (!id)
			usleep(rest_ms * 1000);
		pthread_mutex_lock(&lock);
		while (turn % THREADS != id)
			pthread_cond_wait(&next, &lock);
		turn++;
		mine++;
		if (++shared[id] != mine || tid != syscall(SYS_gettid))
			broken = 1;
		pthread_cond_broadcast(&next);
		pthread_mutex_unlock(&lock);
		if (!registers_hold(id * 1000 + mine))
			broken = 2;
	}
	return NULL;
}

/*
 * Pages of a private mapping of a file: written, then given back, by turns.
 * What was given back shows the file again.
 */
#define PAGES	8
static char *map, file[PAGES][4096];
static int written[PAGES];

static int map_begin(void)
{
	int i, fd = open("/proc/self/exe", O_RDONLY);

	for (i = 0; i < PAGES; i++)
		if (pread(fd, file[i], 4096, i % 2 * 4096) != 4096)
			return -1;
	map = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < PAGES; i++)
		if (mmap(map + i * 4096, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_FIXED, fd, i % 2 * 4096) == MAP_FAILED)
			return -1;
	close(fd);
	return 0;
}

static int map_step(long n)
{
	int i, bad = 0;

	for (i = 0; i < PAGES; i++)
		bad |= written[i] ? map[i * 4096] != (char)written[i] :
				    memcmp(map + i * 4096, file[i], 4096);
	i = n % PAGES;
	if (written[i]) {
		madvise(map + i * 4096, 4096, MADV_DONTNEED);
		written[i] = 0;
	} else {
		written[i] = 1 + n % 100;
		map[i * 4096] = written[i];
	}
	return bad;
}

int main(int argc, char **argv)
{
	char name[32];	/* the kernel keeps 15 bytes */
	pthread_t t;
	long i, n = 0;

	if (argc > 1)
		rest_ms = atoi(argv[1]);
	if (map_begin())
		return 1;
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t, NULL, thread, (void *)i))
			return 1;
	for (;;) {
		if (usleep(50000))
			broken = 3;
		if (map_step(n))
			broken = 4;
		snprintf(name, sizeof(name), broken ? "BAD-%ld" : "ok-%ld",
			 broken ? broken : turn + ++n);
		prctl(PR_SET_NAME, name);
	}
}
