// SPDX-License-Identifier: GPL-2.0-or-later
/* See judge.h. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/livemig.h>
#include "judge.h"

static void judge_region(struct shadow *s, int mem, uint32_t mm, int i,
			 struct verdict *v)
{
	const struct region *r = &regions[i];
	uint32_t space = LIVEMIG_PAGES_SPACE_MM, id = mm;
	uint64_t base = r->addr / PAGE, n;
	const char *p;
	char page[PAGE];

	if (r->kind == SHARED) {
		space = LIVEMIG_PAGES_SPACE_SHMEM;
		base = 0;
		id = shadow_find(s, space, 0, region_tag(r));
	}
	for (n = 0; n < r->len / PAGE; n++) {
		p = shadow_page(s, space, id, base + n);
		/* A task may have been stopped between munmap and mmap. */
		if (pread(mem, page, PAGE, r->addr + n * PAGE) != PAGE ?
		    !!p : memcmp(page, p ?: region_below(r, n * PAGE), PAGE)) {
			if (!v->bad_in[i]++)
				printf("# %s: page %llu differs\n", r->name,
				       (unsigned long long)n);
			v->bad++;
		}
	}
	if (v->bad_in[i])
		printf("# %s: %ld of %lu pages differ\n", r->name, v->bad_in[i],
		       r->len / PAGE);
}

void judge(struct shadow *s, pid_t pid, uint64_t tag, struct verdict *v)
{
	char path[64];
	uint32_t mm;
	int mem, i;

	mm = shadow_find(s, LIVEMIG_PAGES_SPACE_MM, regions[0].addr / PAGE, tag);
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	if (!mm || mem < 0) {
		printf("# %s %s\n", mm ? "cannot open" : "no mm in the stream for",
		       path);
		v->bad += 1000000;
	} else {
		for (i = 0; i < nr_regions; i++)
			judge_region(s, mem, mm, i, v);
	}
	if (mem >= 0)
		close(mem);
}

static void add(struct stats *sum, const struct stats *st)
{
	int i;

	for (i = 0; i <= LIVEMIG_STATS_MAX; i++)
		sum->v[i] += st->v[i];
}

static void rounds(struct fam *nl, const struct trial *t, int session,
		   struct shadow *s, struct verdict *v)
{
	struct stats st;
	int i;

	v->err = fam_session(nl, LIVEMIG_CMD_TRACK_START, session);
	for (i = 0; i < t->rounds && !v->err; i++) {
		v->err = round_apply(nl, session, t->flags, s, &st);
		if (!i)
			v->first = st;
		add(&v->sum, &st);
		usleep(20000);
	}
	if (!v->err)
		v->err = fam_session(nl, LIVEMIG_CMD_FREEZE, session);
	if (!v->err)
		v->err = round_apply(nl, session,
				     t->flags | LIVEMIG_PAGES_F_FINAL, s,
				     &v->last);
	if (v->err)
		printf("# %s: %s\n", strerror(-v->err), nl->text);
}

void trial_run(struct fam *nl, const struct trial *t, struct verdict *v)
{
	static struct mutator m[2];
	static volatile int *ready;
	struct shadow *s = shadow_new();
	pid_t pid[2];
	struct box b;
	int i, session;

	memset(v, 0, sizeof(*v));
	if (!ready) {
		mutate_prepare();
		ready = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	}
	*ready = 0;
	box_open(&b, "track", 0);
	for (i = 0; i < t->procs; i++) {
		m[i] = (struct mutator) {
			.seed = 1 + i * 1000, .what = t->what,
			.tag = 0x6d75746174650000ULL + i, .ready = ready,
		};
		pid[i] = box_add(&b, mutate, &m[i]);
	}
	for (i = 0; *ready < t->procs && i < 3000; i++)
		usleep(10000);
	session = fam_session_new(nl, b.fd, NULL, 0);
	if (session < 0)
		v->err = session;
	else
		rounds(nl, t, session, s, v);
	for (i = 0; i < t->procs && !v->err; i++)
		judge(s, pid[i], m[i].tag, v);
	if (session > 0)
		fam_session(nl, LIVEMIG_CMD_SESSION_DEL, session);
	box_close(&b);
	shadow_free(s);
}
