// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that are written in round after round (PAGES flag HOT): their writes take
 * no fault, they are sent when their bytes are others, and protected again when
 * they are not. A program writes to its pages when it is told to and tells how
 * many faults that took.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/livemig.h>

#include "box.h"
#include "ktap.h"
#include "round.h"

#define N	256
/* A page that a CPU's list still holds counts as pinned, and stays writable. */
#define MOST	(N * 7 / 8)
#define FEW	(N / 8)

struct shared {
	volatile unsigned int asked, done;	/* how many times */
	volatile long faults;			/* of the last time */
	char *volatile mem;			/* in the program */
};

static struct shared *sh;
static struct fam nl;
static struct shadow *s;
static struct box b;
static int session;
static uint32_t flags;

static long minflt(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

static void program(void *arg)
{
	char *mem = mmap(NULL, N * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int n = 0;
	long before;

	madvise(mem, N * PAGE, MADV_NOHUGEPAGE);
	memset(mem, 1, N * PAGE);
	sh->mem = mem;
	for (;;) {
		sh->done = n;
		while (sh->asked == n)
			usleep(1000);
		n = sh->asked;
		before = minflt();
		for (int i = 0; i < N; i++)
			*(volatile unsigned int *)(mem + i * PAGE) = n * N + i;
		sh->faults = minflt() - before;
	}
}

/* Its next write to every page. Return: faults that this took, -1: it did not. */
static long writes(void)
{
	unsigned int n = ++sh->asked;

	for (int i = 0; i < 120000; i++) {
		if (sh->done == n) {
			printf("# %ld faults\n", sh->faults);
			return sh->faults;
		}
		usleep(1000);
	}
	return -1;
}

/* A round. Return: pages that were sent; @dirty: that were taken for dirty. */
static long sent(uint32_t more, long *dirty)
{
	struct stats st;

	if (round_apply(&nl, session, flags | more, s, &st))
		return -1;
	printf("# %llu pages dirty, %llu sent\n",
	       (unsigned long long)st.v[LIVEMIG_STATS_DIRTY],
	       (unsigned long long)st.v[LIVEMIG_STATS_DATA]);
	if (dirty)
		*dirty = st.v[LIVEMIG_STATS_DIRTY];
	return st.v[LIVEMIG_STATS_DATA];
}

static bool begin(uint32_t with)
{
	flags = with;
	s = shadow_new();
	memset(sh, 0, sizeof(*sh));
	box_open(&b, "hot", 0);
	box_add(&b, program, NULL);
	for (int i = 0; i < 120000 && !sh->mem; i++)
		usleep(1000);
	session = fam_session_new(&nl, b.fd, NULL, 0);
	return session > 0 &&
	       !fam_session(&nl, LIVEMIG_CMD_TRACK_START, session) &&
	       sent(0, NULL) >= MOST;
}

static void end(void)
{
	fam_session(&nl, LIVEMIG_CMD_SESSION_DEL, session);
	box_close(&b);
	shadow_free(s);
}

/* What the receiver has of the program's pages is what it wrote last. */
static bool receiver_has_all(void)
{
	unsigned int first = sh->asked * N;
	uint64_t index = (uintptr_t)sh->mem / PAGE, tag;
	const char *p;
	uint32_t mm;

	/* (of its first page: that word, then what it was filled with) */
	tag = 0x0101010100000000ULL | first;
	mm = shadow_find(s, LIVEMIG_PAGES_SPACE_MM, index, tag);
	for (unsigned int i = 0; mm && i < N; i++) {
		p = shadow_page(s, LIVEMIG_PAGES_SPACE_MM, mm, index + i);
		if (!p || *(const unsigned int *)p != first + i)
			return false;
	}
	return mm;
}

static void with_hot(void)
{
	long dirty;

	need(begin(LIVEMIG_PAGES_F_HOT), "the first round");
	check(writes() >= MOST && sent(0, NULL) >= MOST,
	      "writes after the first round fault");
	check(writes() >= MOST && sent(0, NULL) >= MOST,
	      "so they do after the second");
	check(writes() < FEW, "then the pages are hot, and take no fault");
	check(sent(0, NULL) >= MOST, "hot pages that were written are sent");
	check(sent(0, &dirty) < FEW && dirty >= MOST,
	      "hot pages that were not are dirty, but not sent");
	sent(0, NULL);
	check(sent(0, &dirty) < FEW && dirty < FEW, "they become cold");
	check(writes() >= MOST, "and take a fault again");
	check(sent(0, NULL) >= MOST, "which is noticed");
	writes();
	sent(0, NULL);
	check(writes() < FEW, "they become hot again");
	check(!fam_session(&nl, LIVEMIG_CMD_FREEZE, session) &&
	      sent(LIVEMIG_PAGES_F_FINAL, NULL) >= MOST && receiver_has_all(),
	      "the last round has what was written without a fault");
	end();
}

static void without_hot(void)
{
	bool all = begin(0);

	for (int i = 0; i < 5; i++)
		all = all && writes() >= MOST && sent(0, NULL) >= MOST;
	check(all, "without HOT they take a fault after every round");
	end();
}

int main(void)
{
	ktap_begin();
	sh = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		  -1, 0);
	need(!fam_open(&nl), "the family is there");
	with_hot();
	without_hot();
	return ktap_end();
}
