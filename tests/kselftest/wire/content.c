// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages whose content asks for little: what is sent of them, in which way, and
 * what is not when the receiver has lost its memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/livemig.h>
#include "box.h"
#include "ktap.h"
#include "round.h"

#define ADDR	0x100000000UL
#define PAGES	512
#define MANY	40		/* too many pieces for a difference, with 12 more */
#define FLAGS	LIVEMIG_PAGES_F_PATCHES
#define V(name)	st.v[LIVEMIG_STATS_##name]

static struct fam nl;
static volatile int *step;
static uint64_t *shared;	/* an object of shared memory */
static struct shadow *s;
static struct stats st;
static int session;

static void next(int n)
{
	*step = n;
	while (*step == n)
		usleep(1000);
}

static void fill(uint64_t *p, uint64_t seed)
{
	int i;

	for (i = 0; i < 512; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		p[i] = seed ^ seed >> 33;
	}
}

static uint64_t *memory(void)
{
	uint64_t *p = mmap((void *)ADDR, PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int i;

	madvise(p, PAGES * PAGE, MADV_NOHUGEPAGE);
	for (i = 0; i < PAGES; i++)
		fill(p + i * 512, 1 + i);
	return p;
}

/* Has the same pages by itself, and does nothing. */
static void twin(void *arg)
{
	memory();
	++*(volatile int *)arg;
	for (;;)
		pause();
}

static void process(void *arg)
{
	uint64_t *p = memory();
	int i, k;

	for (;;) {
		while (*step <= 0)
			usleep(1000);
		for (i = 0; i < PAGES; i++)
			switch (*step) {
			case 1:		/* 64 bytes of each */
				p[i * 512 + i % 64 * 8]++;
				break;
			case 2:		/* as it was */
				((volatile uint64_t *)p)[i * 512] = p[i * 512];
				break;
			case 3:		/* all of it */
				fill(p + i * 512, *step * 100000 + i);
				break;
			case 4:		/* 52 pieces */
				for (k = 0; k < MANY + 12; k++)
					p[i * 512 + k * 8]++;
				break;
			case 5:		/* zeros */
				memset(p + i * 512, 0, PAGE);
				break;
			case 6:		/* each like the one before */
				fill(p + i * 512, i / 2 + 1);
				break;
			case 7:
				if (i < 16)
					shared[i * 512 + 5] += i + 1;
				break;
			}
		*step = 0;
	}
}

static bool round_of(int what, uint32_t flags)
{
	if (what)
		next(what);
	return !round_apply(&nl, session, flags, s, &st);
}

/* Does the receiver have the bytes of process @pid. */
static bool exact(pid_t pid, uint32_t mm)
{
	char path[64], page[PAGE];
	const char *have;
	int mem, i;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	for (i = 0; i < PAGES; i++) {
		have = shadow_page(s, LIVEMIG_PAGES_SPACE_MM, mm, ADDR / PAGE + i);
		if (!have || pread(mem, page, PAGE, ADDR + i * PAGE) != PAGE ||
		    memcmp(page, have, PAGE))
			break;
	}
	close(mem);
	if (i < PAGES)
		printf("# page %d differs\n", i);
	return i == PAGES;
}

/* What a difference of one piece may cost. */
static const uint64_t one_piece = (64 + 8) * 11 / 10;

static void told(pid_t pid)
{
	uint64_t tag, empty;
	uint32_t mm;

	fill(shared, 1);		/* also the first page of the memory */
	tag = shared[0];
	fill(shared, 777);
	need(!fam_session(&nl, LIVEMIG_CMD_TRACK_START, session), "tracking starts");
	check(round_of(0, FLAGS) && V(COPY) >= PAGES && V(DATA) >= PAGES &&
	      V(BYTES) < (V(DATA) + 64) * (PAGE + 64),
	      "the same pages in two processes go once");
	mm = shadow_find(s, LIVEMIG_PAGES_SPACE_MM, ADDR / PAGE, tag);
	check(round_of(0, FLAGS), "a round of nothing");
	empty = V(BYTES);
	check(round_of(1, FLAGS) && V(DELTA) >= PAGES &&
	      V(BYTES) < empty + PAGES * one_piece,
	      "64 bytes in each page cost little more than these");
	mm = shadow_find(s, LIVEMIG_PAGES_SPACE_MM, ADDR / PAGE, tag + 1);
	check(mm && exact(pid, mm), "and the receiver has them");
	check(round_of(2, FLAGS) && V(SAME) >= PAGES && V(DELTA) < 64 &&
	      V(BYTES) < empty + 65536, "what was rewritten as it was costs nothing");
	check(round_of(1, FLAGS) && V(DELTA) >= PAGES && exact(pid, mm),
	      "a difference to what was not sent again");
	check(round_of(3, FLAGS) && V(DATA) >= PAGES && exact(pid, mm),
	      "what is all different is sent");
	check(round_of(4, FLAGS) && V(DATA) >= PAGES && exact(pid, mm),
	      "so is what is nearly all different");
	check(round_of(5, FLAGS) && V(ZERO) >= PAGES && V(DELTA) < 64 &&
	      V(BYTES) < empty + 65536 && exact(pid, mm), "zeros are a range");
	check(round_of(6, FLAGS) && V(COPY) >= PAGES / 2 && exact(pid, mm),
	      "the same pages in one process go once");
	check(round_of(7, FLAGS), "shared memory is written");
	check(round_of(7, FLAGS) && V(DELTA) >= 16 && exact(pid, mm),
	      "differences in shared memory");
}

static void not_told(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600), end[2];

	check(round_call(&nl, session, fd, FLAGS, NULL) == -EINVAL && nl.text[0],
	      "refused: into a file");
	close(fd);
	check(round_of(1, 0) && V(DATA) >= PAGES && !V(DELTA) && !V(COPY),
	      "a reader that does not know them gets pages");
	check(round_of(1, FLAGS) && V(DATA) + V(COPY) >= PAGES,
	      "nothing is known of what was sent meanwhile");
	check(round_of(1, FLAGS) && V(DELTA) >= PAGES, "and then it is again");

	/* The reader is gone: whatever comes next is for one who has nothing. */
	next(1);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, end))
		return;
	close(end[0]);
	check(round_call(&nl, session, end[1], FLAGS, NULL) < 0,
	      "a round that nobody reads fails");
	close(end[1]);
	shadow_free(s);
	s = shadow_new();
	check(round_of(0, FLAGS) && !V(DELTA) && V(DATA) >= PAGES,
	      "after which nothing is told by differences");
	shadow_free(s);
	s = shadow_new();
	check(round_of(0, FLAGS | LIVEMIG_PAGES_F_ALL) && !V(DELTA) &&
	      V(DATA) >= PAGES, "neither when everything is asked for");
	next(1);
	check(!fam_session(&nl, LIVEMIG_CMD_FREEZE, session) &&
	      round_of(0, FLAGS | LIVEMIG_PAGES_F_FINAL) && V(DELTA) >= PAGES,
	      "the last round tells differences");
}

int main(void)
{
	volatile int *twins;
	struct box b;
	pid_t pid;

	ktap_begin();
	need(!fam_open(&nl), "the family is there");
	step = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	shared = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	twins = step + 1;
	box_open(&b, "wire", 0);
	*step = -1;
	pid = box_add(&b, process, NULL);
	box_add(&b, twin, (void *)twins);
	next(99);
	while (!*twins)
		usleep(1000);
	session = fam_session_new(&nl, b.fd, NULL, 0);
	need(session > 0, "a session");
	s = shadow_new();
	told(pid);
	not_told();
	shadow_free(s);
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
	box_close(&b);
	return ktap_end();
}
