// SPDX-License-Identifier: GPL-2.0-or-later
/* Of io_uring: what is left of a ring, as long as anything is. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

static struct io_uring_params params;
static struct io_uring_sqe *sqes;
static char *ring;
static size_t ring_len, sqes_len;

static void set_ring(void)
{
	fd = syscall(SYS_io_uring_setup, 4, &params);
	need(fd >= 0);
}

static void map_ring(void)
{
	set_ring();
	need(params.features & IORING_FEAT_SINGLE_MMAP);
	ring_len = params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe);
	sqes_len = params.sq_entries * sizeof(*sqes);
	ring = mmap(NULL, ring_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		    IORING_OFF_SQ_RING);
	sqes = mmap(NULL, sqes_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
		    IORING_OFF_SQES);
	check(ring != MAP_FAILED && sqes != MAP_FAILED);
}

static void submit(const struct io_uring_sqe *sqe)
{
	unsigned int *tail = (void *)(ring + params.sq_off.tail);
	unsigned int *array = (void *)(ring + params.sq_off.array);

	sqes[0] = *sqe;
	array[*tail & (params.sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	check(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) == 1);
}

static bool completed(int result)
{
	const struct io_uring_cqe *cqes = (void *)(ring + params.cq_off.cqes);

	return !syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0) &&
	       cqes[0].res == result;
}

static void get_ring(void)
{
	check(!syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0));
}

/* The descriptor is closed. */
static void set_ringmap(void)
{
	map_ring();
	check(*wrong || !close(fd));
}

static void get_ringmap(void)
{
	check(*(unsigned int *)(ring + params.sq_off.ring_entries) == params.sq_entries);
}

/* Only the kernel has it, under a number of its own. */
static void set_ringonly(void)
{
	struct io_uring_rsrc_update up = { .offset = -1U };

	set_ring();
	if (*wrong)
		return;
	up.data = fd;
	need(syscall(SYS_io_uring_register, fd, IORING_REGISTER_RING_FDS, &up, 1) == 1);
	check(!close(fd));
	fd = up.offset;
}

static void get_ringonly(void)
{
	check(!syscall(SYS_io_uring_enter, fd, 0, 0, IORING_ENTER_REGISTERED_RING, NULL, 0));
}

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = -2;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static void close_ring(void)
{
	check(!munmap(ring, ring_len) && !munmap(sqes, sqes_len) && !close(fd));
}

/* A worker has waited for it, and waits for more. (Not where the last ring takes them
 * along when it is closed: newer kernels.)
 */
static void set_ringworker(void)
{
	static char c;
	struct io_uring_sqe sqe = { .opcode = IORING_OP_READ, .flags = IOSQE_ASYNC,
				    .addr = (uintptr_t)&c, .len = 1, .off = -1ULL };
	int ends[2];

	map_ring();
	if (*wrong)
		return;
	check(!pipe(ends));
	sqe.fd = ends[0];
	submit(&sqe);
	check(write(ends[1], "x", 1) == 1 && completed(1) && c == 'x');
	close_ring();
	for (int i = 0; i < 200 && threads() > 1; i++)
		usleep(10000);
	need(threads() > 1);
}

static void get_ringworker(void)
{
	check(threads() > 1);
}

/* Nothing is left: it moves. */
static void set_ringended(void)
{
	struct io_uring_sqe sqe = { .opcode = IORING_OP_NOP };

	map_ring();
	if (*wrong)
		return;
	submit(&sqe);
	check(completed(0));
	close_ring();
}

static void get_ringended(void)
{
	check(threads() == 1);
	set_ringended();	/* it can have one again */
}

const struct thing ring_things[] = {
	{ "ring", set_ring, get_ring, OF_FILE, "io_uring" },
	{ "ringmap", set_ringmap, get_ringmap, OF_PROCESS, "mapping of an io_uring" },
	{ "ringonly", set_ringonly, get_ringonly, OF_PROCESS,
	  "io_uring that is registered (IORING_REGISTER_RING_FDS)" },
	{ "ringworker", set_ringworker, get_ringworker, OF_PROCESS,
	  "worker thread of io_uring" },
	{ "ringended", set_ringended, get_ringended, OF_NOTHING },
	{ }
};
