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

struct mm_of {
	uint32_t pid, mm;
};

static void take_mm(struct fam *nl, struct nlattr **attrs, void *arg)
{
	struct nlattr *obj[NL_ATTRS] = {};
	struct mm_of *m = arg;

	if (attrs[LIVEMIG_A_OBJ_TYPE] && attrs[LIVEMIG_A_OBJ] &&
	    nla_get_u32(attrs[LIVEMIG_A_OBJ_TYPE]) == LIVEMIG_OBJ_PROCESS &&
	    !nla_parse_nested(obj, NL_ATTRS - 1, attrs[LIVEMIG_A_OBJ], NULL) &&
	    obj[LIVEMIG_PROCESS_PID] && obj[LIVEMIG_PROCESS_MM_ID] &&
	    nla_get_u32(obj[LIVEMIG_PROCESS_PID]) == m->pid)
		m->mm = nla_get_u32(obj[LIVEMIG_PROCESS_MM_ID]);
}

/* The number that TASK_GET gives the address space of @pid; 0: none. */
static uint32_t mm_of(struct fam *nl, int session, pid_t pid)
{
	struct nl_msg *msg = fam_request(nl, LIVEMIG_CMD_TASK_GET, NLM_F_DUMP);
	struct mm_of m = { .pid = pid };

	nla_put_u32(msg, LIVEMIG_A_SESSION, session);
	fam_call(nl, msg, take_mm, &m);
	return m.mm;
}

void judge(struct shadow *s, pid_t pid, uint32_t mm, struct verdict *v)
{
	char path[64];
	int mem, i;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = open(path, O_RDONLY);
	if (!mm || mem < 0) {
		printf("# %s %s\n", mm ? "cannot open" : "TASK_GET tells no mm of",
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
	uint32_t mm[2];
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
			.ready = ready,
		};
		pid[i] = box_add(&b, mutate, &m[i]);
	}
	for (i = 0; *ready < t->procs && i < 3000; i++)
		usleep(10000);
	session = fam_session_new(nl, b.fd, NULL, 0);
	if (session < 0)
		v->err = session;
	for (i = 0; i < t->procs && !v->err; i++) {
		mm[i] = mm_of(nl, session, pid[i]);
		/* Any page may be the origin of a copy. */
		if (!(t->flags & LIVEMIG_PAGES_F_PATCHES))
			shadow_keep(s, mm[i]);
	}
	if (!v->err)
		rounds(nl, t, session, s, v);
	for (i = 0; i < t->procs && !v->err; i++)
		judge(s, pid[i], mm[i], v);
	if (session > 0)
		fam_session(nl, LIVEMIG_CMD_SESSION_DEL, session);
	box_close(&b);
	shadow_free(s);
}
