// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * LIVEMIG_IOC_APPLY: filling the memory of a waiting child, and every refusal.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <linux/livemig_dev.h>
#include "ktap.h"

#define PAGE	4096UL
#define ANON	0x100000000UL	/* 64 pages, the first 8 filled */
#define FILEMAP	0x200000000UL	/* 8 pages of a file, private */
#define NONE	0x300000000UL	/* 4 pages, PROT_NONE */
#define HUGE	0x700000000UL	/* two huge pages' worth, nothing there */
#define MIXED	0x600000000UL	/* 8 pages: the second one read-only, the fourth filled */
#define ABSENT	0x400000000UL
#define COMMON	0x500000000UL	/* 2 pages, shared with us since fork() */
#define PMD	0x200000UL

static int dev, mem;
static pid_t child;
static char bytes[64][PAGE], missed_buf[253 * PAGE];
static struct livemig_page_entry e[300];
static unsigned char missed[64];
static struct livemig_ioc_apply a;
static unsigned int apply_flags;

static void helper(int ready)
{
	int fd = open("/bin/bash", O_RDONLY);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mmap((void *)ANON, 64 * PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	memset((void *)ANON, 0x55, 8 * PAGE);
	mmap((void *)FILEMAP, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap((void *)NONE, 4 * PAGE, PROT_NONE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap((void *)HUGE, 2 * PMD, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	madvise((void *)HUGE, 2 * PMD, MADV_HUGEPAGE);
	mmap((void *)MIXED, 8 * PAGE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mprotect((void *)(MIXED + PAGE), PAGE, PROT_READ);
	memset((void *)(MIXED + 3 * PAGE), 0x55, PAGE);
	if (write(ready, "", 1) < 0)
		_exit(1);
	for (;;)
		pause();
}

/* The payload of @n pages, ready to be read. */
static int payload(int n)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

	if (n && write(fd, bytes, n * PAGE) < 0)
		perror("write");
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void data(int i, unsigned long addr, int page)
{
	e[i].addr = addr | LIVEMIG_PAGE_DATA;
	e[i].value = XXH64(bytes[page], PAGE, 0);
}

static void range(int i, unsigned long addr, int kind, unsigned long pages)
{
	e[i].addr = addr | kind;
	e[i].value = pages;
}

/* Return: 0 or -errno. */
static int apply(int fd, int n, bool take_missed)
{
	int ret;

	memset(missed, 0, sizeof(missed));
	a = (struct livemig_ioc_apply) {
		.pid = child, .fd = fd, .entries = (unsigned long)e,
		.nr_entries = n, .flags = apply_flags,
	};
	if (take_missed) {
		a.missed = (unsigned long)missed;
		a.missed_buf = (unsigned long)missed_buf;
	}
	ret = ioctl(dev, LIVEMIG_IOC_APPLY, &a) ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return ret;
}

static bool has(unsigned long addr, const char *want)
{
	char page[PAGE];

	return pread(mem, page, PAGE, addr) == (ssize_t)PAGE &&
	       !memcmp(page, want, PAGE);
}

static long resident(void)
{
	char path[64], buf[256];
	long size = 0, rss = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", child);
	f = fopen(path, "r");
	if (f && fgets(buf, sizeof(buf), f))
		sscanf(buf, "%ld %ld", &size, &rss);
	if (f)
		fclose(f);
	return rss;
}

static const char zeros[PAGE];

static void fills(void)
{
	int sk[2], i;
	long rss;

	for (i = 0; i < 64; i++)
		data(i, ANON + i * PAGE, i);
	check(!apply(payload(64), 64, false) && a.done == 64 &&
	      has(ANON, bytes[0]) && has(ANON + 63 * PAGE, bytes[63]),
	      "pages from a file");
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, sk)) {
		data(0, ANON + 5 * PAGE, 1);
		data(1, ANON + 3 * PAGE, 2);
		data(2, NONE, 3);
		data(3, FILEMAP + PAGE, 4);
		if (write(sk[1], (char *)bytes + PAGE, 4 * PAGE) < 0)
			perror("write");
		check(!apply(sk[0], 4, false) && has(ANON + 5 * PAGE, bytes[1]) &&
		      has(ANON + 3 * PAGE, bytes[2]) && has(NONE, bytes[3]) &&
		      has(FILEMAP + PAGE, bytes[4]),
		      "from a socket, in any order, read-only and PROT_NONE too");
		close(sk[1]);
	}
	range(0, ANON, LIVEMIG_PAGE_ZERO, 2);
	data(1, ANON + 2 * PAGE, 7);
	range(2, ANON + 3 * PAGE, LIVEMIG_PAGE_HOLE, 4);
	range(3, FILEMAP + 2 * PAGE, LIVEMIG_PAGE_ZERO, 1);
	memcpy(bytes[0], bytes[7], PAGE);
	check(!apply(payload(1), 4, false) && a.done == 4 && has(ANON, zeros) &&
	      has(ANON + PAGE, zeros) && has(ANON + 2 * PAGE, bytes[7]) &&
	      has(ANON + 6 * PAGE, zeros) && has(ANON + 7 * PAGE, bytes[7]) &&
	      has(FILEMAP + 2 * PAGE, zeros), "zeros and holes");
	rss = resident();
	range(0, NONE + PAGE, LIVEMIG_PAGE_ZERO, 3);
	check(!apply(payload(0), 1, false) && resident() == rss,
	      "zeros where nothing is cost nothing");
}

/* The frame behind @addr, of ours or the child's. */
static uint64_t frame(pid_t pid, unsigned long addr)
{
	uint64_t entry = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (pread(fd, &entry, sizeof(entry), addr / PAGE * 8) != sizeof(entry))
		perror(path);
	close(fd);
	return entry & ((1ULL << 55) - 1);
}

static bool common(unsigned long addr)
{
	return frame(getpid(), addr) && frame(getpid(), addr) == frame(child, addr);
}

static void keeps(void)
{
	apply_flags = LIVEMIG_APPLY_F_KEEP_SAME;
	memset(bytes[0], 'c', PAGE);
	data(0, COMMON, 0);
	data(1, COMMON + PAGE, 1);
	data(2, ANON + 9 * PAGE, 2);
	data(3, FILEMAP + 3 * PAGE, 3);
	data(4, NONE, 4);
	need(common(COMMON) && common(COMMON + PAGE), "pages common to two tasks");
	check(!apply(payload(5), 5, false) && a.done == 5 && common(COMMON) &&
	      has(COMMON, bytes[0]), "a page with the same bytes stays common");
	check(!common(COMMON + PAGE) && has(COMMON + PAGE, bytes[1]) &&
	      *(char *)(COMMON + PAGE) == 'c', "one with others does not");
	check(has(ANON + 9 * PAGE, bytes[2]) && has(FILEMAP + 3 * PAGE, bytes[3]) &&
	      has(NONE, bytes[4]), "pages that were not there");
	data(0, ABSENT, 1);
	memcpy(bytes[0], bytes[1], PAGE);
	check(!apply(payload(1), 1, true) && missed[0] == 1 &&
	      !memcmp(missed_buf, bytes[1], PAGE), "a page without a mapping");
	memcpy(bytes[0], bytes[5], PAGE);
	check(apply(payload(1), 1, false) == -EBADMSG && !a.done,
	      "bytes without their hash are not taken");
	apply_flags = 2;
	check(apply(payload(1), 1, false) == -EINVAL, "an unknown flag");
	apply_flags = 0;
	memset(bytes[0], 'c', PAGE);
	data(0, COMMON, 0);
	check(!apply(payload(1), 1, false) && !common(COMMON),
	      "without the flag every page is the task's own");
}

/* Huge pages, and what lies beside what. */
static void neighbours(void)
{
	long rss = resident();
	int i;

	for (i = 0; i < 8; i++)
		data(i, HUGE + PMD + (i - 4) * PAGE, i);
	check(!apply(payload(8), 8, false) && a.done == 8 &&
	      has(HUGE + PMD - 5 * PAGE, zeros) &&
	      has(HUGE + PMD - 4 * PAGE, bytes[0]) &&
	      has(HUGE + PMD - PAGE, bytes[3]) && has(HUGE + PMD, bytes[4]) &&
	      has(HUGE + PMD + 3 * PAGE, bytes[7]) &&
	      has(HUGE + PMD + 4 * PAGE, zeros), "across two huge pages");
	printf("# %ld pages more are resident\n", resident() - rss);
	for (i = 0; i < 8; i++)
		data(i, MIXED + i * PAGE, i);
	check(!apply(payload(8), 8, false) && a.done == 8 &&
	      has(MIXED, bytes[0]) && has(MIXED + PAGE, bytes[1]) &&
	      has(MIXED + 2 * PAGE, bytes[2]) && has(MIXED + 3 * PAGE, bytes[3]) &&
	      has(MIXED + 7 * PAGE, bytes[7]),
	      "a run across mappings, of which some is there");
	for (i = 0; i < 2; i++)
		data(i, MIXED + (7 + i) * PAGE, i);
	check(!apply(payload(2), 2, true) && missed[0] == 2 &&
	      has(MIXED + 7 * PAGE, bytes[0]) && !memcmp(missed_buf + PAGE, bytes[1], PAGE),
	      "a run beyond the end of its mapping");
}

static void misses(void)
{
	data(0, ABSENT, 9);
	data(1, ANON, 10);
	range(2, FILEMAP, LIVEMIG_PAGE_HOLE, 1);
	range(3, ABSENT, LIVEMIG_PAGE_ZERO, 5);
	memcpy(bytes[0], bytes[9], PAGE);
	memcpy(bytes[1], bytes[10], PAGE);
	check(!apply(payload(2), 4, true) && missed[0] == (1 | 4 | 8) &&
	      !memcmp(missed_buf, bytes[9], PAGE) && has(ANON, bytes[10]),
	      "what has no mapping is told and handed out");
	check(apply(payload(2), 4, false) == -EFAULT, "or nobody takes it");
}

static void refusals(void)
{
	int sk[2], p[2];

	data(0, ANON, 20);
	memcpy(bytes[0], bytes[21], PAGE);
	check(apply(payload(1), 1, false) == -EBADMSG && !a.done,
	      "bytes that do not have their hash");
	data(0, ANON, 0);
	data(1, ANON + PAGE, 1);
	check(apply(payload(1), 2, false) == -EIO, "a payload that is cut off");
	check(apply(-1, 1, false) == -EBADF, "no fd");
	check(apply(open("/tmp", O_TMPFILE | O_WRONLY, 0600), 1, false) == -EBADF,
	      "an fd open for writing");
	if (!pipe2(p, O_NONBLOCK)) {
		check(apply(p[0], 1, false) == -EIO, "a non-blocking fd");
		close(p[1]);
	}
	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, sk)) {
		close(sk[1]);
		check(apply(sk[0], 1, false) == -EIO, "a socket that was closed");
	}
	check(apply(payload(1), 0, false) == -EINVAL, "no entries");
	check(apply(payload(1), 254, false) == -EINVAL, "too many entries");
	e[0].addr = ANON | 7;
	check(apply(payload(1), 1, false) == -EINVAL, "an unknown kind");
	e[0].addr = ANON | 0x100;
	check(apply(payload(1), 1, false) == -EINVAL, "an address not aligned");
	range(0, ANON, LIVEMIG_PAGE_ZERO, 0);
	check(apply(payload(1), 1, false) == -EINVAL, "a range of nothing");
	range(0, ANON, LIVEMIG_PAGE_ZERO, ~0ULL >> 12);
	check(apply(payload(1), 1, false) == -EINVAL, "a range that is too long");
	range(0, ANON, LIVEMIG_PAGE_ZERO, ~0ULL - 3);
	check(apply(payload(1), 1, false) == -EINVAL, "a range that overflows");
	data(0, 0xffff888000000000UL, 0);
	check(apply(payload(1), 1, false) == -EINVAL, "an address of the kernel");
	data(0, ANON, 0);
	a = (struct livemig_ioc_apply) { .pid = child, .fd = 0, .entries = 8,
					 .nr_entries = 1 };
	check(ioctl(dev, LIVEMIG_IOC_APPLY, &a) && errno == EFAULT,
	      "entries that cannot be read");
}

int main(void)
{
	char path[64], c;
	int ready[2], i;

	ktap_begin();
	dev = open("/dev/livemig", O_RDWR);
	need(dev >= 0 && !pipe(ready), "/dev/livemig is there");
	memset(mmap((void *)COMMON, 2 * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), 'c', 2 * PAGE);
	child = fork();
	if (!child)
		helper(ready[1]);
	if (read(ready[0], &c, 1) < 0)
		return 1;
	/* Newer kernels show what is PROT_NONE to tracers only. */
	ptrace(PTRACE_SEIZE, child, 0, 0);
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	mem = open(path, O_RDONLY);
	for (i = 0; i < 64; i++)
		memset(bytes[i], 'a' + i, PAGE);
	fills();
	neighbours();
	for (i = 0; i < 64; i++)
		memset(bytes[i], 'a' + i, PAGE);
	keeps();
	for (i = 0; i < 64; i++)
		memset(bytes[i], 'a' + i, PAGE);
	misses();
	refusals();
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	data(0, ANON, 0);
	check(apply(payload(1), 1, false) == -ESRCH, "a task that is no more");
	return ktap_end();
}
