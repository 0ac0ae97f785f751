// SPDX-License-Identifier: GPL-2.0-or-later
/* Huge pages of hugetlb. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

#define HUGE	(2UL << 20)

static long huge_before;
static int start_pipe[2];
static pid_t child;

static long huge_free(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	long n = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "HugePages_Free:", 15))
			n = atol(line + 15);
	if (f)
		fclose(f);
	return n;
}

static bool can_huge(void)
{
	return huge_free() >= 12;
}

static char *huge(size_t pages, int flags, int fd)
{
	char *p = mmap(NULL, pages * HUGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	check(p != MAP_FAILED);
	return p;
}

/* Written, untouched; written and read-only, in a mapping of its own: to divide one of
 * hugetlb makes Linux 6.1 with lockdep warn (hugetlb_split()).
 */
static void set_hugeprivate(void)
{
	map1 = huge(3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	map2 = huge(1, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	fill(map1, 0, HUGE / PAGE, 1);
	memset(map1 + 100 * PAGE, 0, PAGE);
	map2[5] = 'x';
	check(!mprotect(map2, HUGE, PROT_READ));
	huge_before = huge_free();
}

static void get_hugeprivate(void)
{
	check(has_flag(map1, "ht") && huge_free() == huge_before);
	check(filled(map1, 0, 100, 1) && zeros(map1, 100, 101) &&
	      filled(map1, 101, HUGE / PAGE, 1));
	check(map2[5] == 'x' && !map2[6]);
	check(has_flag(map1, "wr") && !has_flag(map2, "wr"));
	check(!map1[HUGE] && !map1[3 * HUGE - 1]);
	map1[HUGE + 1] = 'y';
	check(!munmap(map1, 3 * HUGE) && !munmap(map2, HUGE));
}

/* As PostgreSQL has it: shared with those who were forked. */
static void set_hugeshared(void)
{
	int ready[2], status;
	pid_t pid;
	char c;

	map1 = huge(3, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	fill(map1, 0, HUGE / PAGE, 2);
	check(!pipe(start_pipe) && !pipe(ready));
	pid = child = fork();
	if (!pid) {
		close(start_pipe[1]);
		map1[2 * HUGE] = 'c';
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		while (read(start_pipe[0], &c, 1) > 0)
			;
		map1[HUGE] = map1[HUGE - 1] == stamp(HUGE / PAGE - 1, 2) ? 'd' : 'e';
		_exit(0);
	}
	check(read(ready[0], &c, 1) == 1);
	check(!waitpid(pid, &status, WNOHANG));
	huge_before = huge_free();
}

static void get_hugeshared(void)
{
	int status = 1;

	check(has_flag(map1, "ht") && has_flag(map1, "sh"));
	check(filled(map1, 0, HUGE / PAGE, 2) && map1[2 * HUGE] == 'c');
	close(start_pipe[1]);
	check(waitpid(child, &status, 0) == child && !status);
	check(map1[HUGE] == 'd' && huge_free() == huge_before - 1);
}

static int huge_fd;
#define SPARSE	(1LL << 40)	/* nearly all of it is a hole */

static void set_hugememfd(void)
{
	huge_fd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
	check(huge_fd >= 0 && !ftruncate(huge_fd, SPARSE));
	map1 = huge(2, MAP_SHARED, huge_fd);
	map1[HUGE + 3] = 'm';
	map2 = huge(2, MAP_PRIVATE, huge_fd);
	map2[HUGE + 4] = 'p';
	check(!fcntl(huge_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK));
}

static void get_hugememfd(void)
{
	struct stat st;

	check(!fstat(huge_fd, &st) && st.st_size == SPARSE && st.st_blksize == HUGE);
	check(fcntl(huge_fd, F_GET_SEALS) == (F_SEAL_GROW | F_SEAL_SHRINK));
	check(map1[HUGE + 3] == 'm' && map2[HUGE + 3] == 'm' && map2[HUGE + 4] == 'p');
	check(!map1[HUGE + 4] && has_flag(map2, "ht"));
	map1[0] = 'n';
	check(map2[0] == 'n');
}

/* Memory without a name moves; a file in a mounted hugetlbfs does not. */
static void set_hugefile(void)
{
	const char *where = name("huge");
	char file[600];

	check(!mkdir(where, 0700) && !mount("none", where, "hugetlbfs", 0, NULL));
	snprintf(file, sizeof(file), "%s/file", where);
	check(open(file, O_RDWR | O_CREAT, 0600) >= 0);
	check(!umount2(where, MNT_DETACH));
}

const struct kind huge_kinds[] = {
	{ .name = "hugeprivate", .set = set_hugeprivate, .get = get_hugeprivate,
	  .can = can_huge },
	{ .name = "hugeshared", .set = set_hugeshared, .get = get_hugeshared,
	  .can = can_huge },
	{ .name = "hugememfd", .set = set_hugememfd, .get = get_hugememfd,
	  .can = can_huge },
	{ .name = "hugefile", .set = set_hugefile, .get = nothing },
	{ 0 }
};
