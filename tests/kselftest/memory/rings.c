// SPDX-License-Identifier: GPL-2.0-or-later
/* AIO contexts (io_setup). */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <linux/aio_abi.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "state.h"

#define WAITING	40	/* events that nobody has taken */

static aio_context_t small, large;
static int file, slots;
static unsigned long long next_data, next_seen;
static const struct timespec now;

static int submit_one(aio_context_t ctx, int op, int fd, unsigned long long buf)
{
	static char byte[1];
	struct iocb cb = {
		.aio_data = next_data,
		.aio_lio_opcode = op,
		.aio_fildes = fd,
		.aio_buf = buf ? buf : (unsigned long)byte,
		.aio_nbytes = buf ? 0 : 1,
	}, *list = &cb;
	int ret = syscall(SYS_io_submit, ctx, 1, &list);

	if (ret == 1)
		next_data++;
	return ret;
}

/* Reads of a file end at once. */
static int submit(aio_context_t ctx, int n)
{
	int i = 0;

	while (i < n && submit_one(ctx, IOCB_CMD_PREAD, file, 0) == 1)
		i++;
	return i;
}

/* All that is there, in its order. */
static int take(aio_context_t ctx, int n)
{
	struct io_event ev;
	int i = 0;

	while (i < n && syscall(SYS_io_getevents, ctx, 0, 1, &ev, &now) == 1) {
		check(ev.data == next_seen && ev.res == 1);
		next_seen++;
		i++;
	}
	return i;
}

/* The small ring is past its end once, the large one has several pages, and the first
 * of three contexts is gone, so that the others have other numbers than they will get.
 */
static void set_rings(void)
{
	aio_context_t first = 0;

	file = open("/proc/self/exe", O_RDONLY);
	check(!syscall(SYS_io_setup, 1, &first) && !syscall(SYS_io_setup, 1, &small) &&
	      !syscall(SYS_io_setup, 500, &large));
	check(!syscall(SYS_io_destroy, first));
	/* how many fit */
	slots = submit(small, 10000);
	check(slots > 60 && take(small, slots) == slots);
	for (int i = 0; i < 5; i++)
		check(submit(small, 50) == 50 && take(small, 50) == 50);
	check(submit(large, 400) == 400 && take(large, 390) == 390);
	next_data = next_seen = 0;
	check(submit(small, WAITING) == WAITING);
}

static void get_rings(void)
{
	struct io_event ev[16];

	check(submit(small, 10000) == slots - WAITING);
	check(take(small, 10000) == slots);
	check(submit(small, 10000) == slots && take(small, 10000) == slots);
	check(syscall(SYS_io_getevents, large, 10, 16, ev, &now) == 10);
	for (int i = 0; i < 10; i++)
		check(ev[i].data == (unsigned long long)slots + 250 + 390 + i &&
		      ev[i].res == 1);
	next_seen = next_data;
	check(submit(large, 700) == 700 && take(large, 701) == 700);
	check(!syscall(SYS_io_destroy, small) && !syscall(SYS_io_destroy, large));
	check(syscall(SYS_io_destroy, small) < 0);
}

/* Waits without limit. */
static pthread_t waiter;
static pid_t waiter_tid;
static int got;

static void *wait_for_event(void *arg)
{
	struct io_event ev;

	__atomic_store_n(&waiter_tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	got = syscall(SYS_io_getevents, small, 1, 1, &ev, NULL);
	return NULL;
}

static bool is_waiting(void)
{
	char path[64], text[16] = "", want[16];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall",
		 __atomic_load_n(&waiter_tid, __ATOMIC_ACQUIRE));
	snprintf(want, sizeof(want), "%d ", (int)SYS_io_getevents);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		*text = 0;
	close(fd);
	return !strncmp(text, want, strlen(want));
}

static void set_ringwait(void)
{
	file = open("/proc/self/exe", O_RDONLY);
	check(!syscall(SYS_io_setup, 1, &small));
	check(!pthread_create(&waiter, NULL, wait_for_event, NULL));
	while (!is_waiting())
		usleep(1000);
}

static void get_ringwait(void)
{
	check(submit(small, 1) == 1);
	check(!pthread_join(waiter, NULL) && got == 1);
}

/* A poll of a pipe that nothing comes into. */
static int pipe_fd[2];

static void set_underway(void)
{
	check(!syscall(SYS_io_setup, 1, &small) && !pipe(pipe_fd));
	check(submit_one(small, IOCB_CMD_POLL, pipe_fd[0], POLLIN) == 1);
}

static void get_underway(void)
{
	struct io_event ev;

	check(write(pipe_fd[1], "x", 1) == 1);
	check(syscall(SYS_io_getevents, small, 1, 1, &ev, NULL) == 1 && ev.res & POLLIN);
}

const struct kind ring_kinds[] = {
	{ .name = "rings", .set = set_rings, .get = get_rings },
	{ .name = "ringwait", .set = set_ringwait, .get = get_ringwait },
	{ .name = "underway", .set = set_underway, .get = get_underway },
	{ 0 }
};
