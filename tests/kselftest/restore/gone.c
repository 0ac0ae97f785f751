// SPDX-License-Identifier: GPL-2.0-or-later
/* What the first round of a dump has told is something else in the last one. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../program.h"

#define PAGE		4096
#define AT(n)		((void *)((n) << 33))
#define ZEROS		((1UL << 32) + (1UL << 21))	/* more pages than are kept for later */
#define SHARED		(16 * PAGE)
#define MEMFD		(1UL << 22)
#define LEFT		100

static unsigned char *zeros, *shared, *cleared;
static int memfd, file;
static pthread_t changer;
static char now[512];			/* the file that tells it to change */

/* Nothing of it is 0. */
static int full_file(const char *file, size_t len)
{
	char text[SHARED + 1];

	memset(text, 'f', len);
	text[len] = 0;
	write_file(file, text);
	return open(file, O_RDWR);
}

/* What is there from now on is not touched. */
static void *change(void *arg)
{
	wait_for(now);
	check(!munmap(zeros, ZEROS));
	check(mmap(shared, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		   file, 0) == shared);
	close(file);
	check(!munmap(cleared + PAGE, PAGE));
	check(!ftruncate(memfd, LEFT));
	write_file(name("changed"), wrong);
	return arg;
}

static void set_gone(void)
{
	const int prot = PROT_READ | PROT_WRITE;
	const int anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
	int fd = full_file(name("map"), 3 * PAGE);

	zeros = mmap(AT(1UL), ZEROS, prot, anon, -1, 0);
	shared = mmap(AT(2UL), SHARED, prot, anon, -1, 0);
	cleared = mmap(AT(3UL), 3 * PAGE, prot, MAP_PRIVATE | MAP_FIXED, fd, 0);
	memfd = memfd_create("shorter", 0);
	check(zeros == AT(1UL) && shared == AT(2UL) && cleared == AT(3UL) && memfd >= 0);
	if (*wrong)
		return;
	close(fd);
	/* (the zero page, everywhere) */
	for (size_t i = 0; i < ZEROS; i += PAGE)
		check(!*(volatile unsigned char *)(zeros + i));
	memset(shared, 'a', SHARED);
	memset(cleared, 0, 3 * PAGE);
	for (size_t i = 0; i < MEMFD; i += SHARED)
		check(pwrite(memfd, shared, SHARED, i) == SHARED);
	file = full_file(name("shared"), SHARED);
	strcpy(now, name("change"));
	check(!pthread_create(&changer, NULL, change, NULL));
}

static void get_gone(void)
{
	unsigned char text[SHARED];
	struct stat st;
	int fd = open(name("shared"), O_RDONLY);

	check(!pthread_join(changer, NULL));
	check(read(fd, text, SHARED) == SHARED);
	for (size_t i = 0; i < SHARED; i++)
		check(shared[i] == 'f' && text[i] == 'f');
	for (size_t i = 0; i < PAGE; i++)
		check(!cleared[i] && !cleared[2 * PAGE + i]);
	check(!fstat(memfd, &st) && st.st_size == LEFT && !ftruncate(memfd, PAGE) &&
	      pread(memfd, text, PAGE, 0) == PAGE);
	for (size_t i = 0; i < PAGE; i++)
		check(text[i] == (i < LEFT ? 'a' : 0));
	close(fd);
}

static const struct test gone_tests[] = {
	{ "gone", set_gone, get_gone },
	{ }
};

const struct test *const all_tests[] = { gone_tests, NULL };
