// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs of area lazy, which know what is in their memory and do to it what
 * programs do while it is missing; here a thread keeps all of it dirty until they are
 * on another host, so that no round gets ahead of them.
 */
#include "../program.h"
#define all_tests lazy_tests
#include "../lazy/lazy.c"
#undef all_tests

static volatile bool ends;
static char origin[64];

static void boot_id(char *id, size_t len)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY);
	ssize_t n = read(fd, id, len - 1);

	id[n > 0 ? n : 0] = '\0';
	close(fd);
}

static bool has_moved(void)
{
	char id[64];

	boot_id(id, sizeof(id));
	return strcmp(id, origin);
}

/* Written to, but not changed. Return: false: there is nothing more to do. */
static bool touch(char *p, size_t pages)
{
	for (size_t i = 0; p && i < pages; i++) {
		if (!(i % 16) && (ends || has_moved()))
			return false;
		if (i % 3)
			asm volatile("lock; orq $0, %0" : "+m" (*(uint64_t *)(p + i * PAGE)));
	}
	return true;
}

static void *busy(void *arg)
{
	while (touch(memory, PAGES) && touch(data, FEW) && touch(locked, FEW) &&
	       touch(wiped, FEW) && touch(file, FEW) && touch(shared, FEW))
		;
	return arg;
}

static void begin(void (*set)(void))
{
	set();
	boot_id(origin, sizeof(origin));
	check(!pthread_create(&thread, NULL, busy, NULL));
}

static void end(void (*get)(void))
{
	ends = true;
	check(!pthread_join(thread, NULL));
	get();
}

#define BUSY(name, set, get)						\
	static void set_##name##_busy(void) { begin(set); }		\
	static void get_##name##_busy(void) { end(get); }

BUSY(read, set_memory, get_read)
BUSY(write, set_memory, get_write)
BUSY(threads, set_memory, get_threads)
BUSY(fork, set_memory, get_fork)
BUSY(unmap, set_memory, get_unmap)
BUSY(dontneed, set_memory, get_dontneed)
BUSY(mremap, set_memory, get_mremap)
BUSY(kernel, set_memory, get_kernel)
BUSY(eager, set_eager, get_eager)
BUSY(prefork, set_prefork, get_prefork)

static void set_plain(void)
{
	mix = 1;
	set_rounds();
}

#define ROW(name) { #name, set_##name##_busy, get_##name##_busy }

static const struct test busy_tests[] = {
	ROW(read), ROW(write), ROW(threads), ROW(fork), ROW(unmap), ROW(dontneed),
	ROW(mremap), ROW(kernel), ROW(eager), ROW(prefork),
	/* (its writer goes on there, and checks what it has written before) */
	{ "rounds", set_rounds, get_rounds },
	{ "plain", set_plain, get_rounds },
	{ 0 }
};

const struct test *const all_tests[] = { busy_tests, NULL };
