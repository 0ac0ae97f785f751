// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The restorer's skeleton against made-up inventories, without the module:
 * mappings and processes follow a random sequence of rounds, and pages that
 * come too early end up in their places. Root is needed, /dev/livemig is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "restore/internal.h"

#define PAGE	4096ULL
#define BASE	0x500000000000ULL
#define SLOTS	64		/* pages that mappings are made of */
#define ROUNDS	60

static int number, failed;
static struct lm_error e;

static void result(int ok, const char *name)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
	failed += !ok;
	if (!ok && e.code)
		printf("# %s\n", e.msg);
	memset(&e, 0, sizeof(e));
	fflush(stdout);
}

static unsigned int rnd(unsigned int n)
{
	static uint64_t s = 88172645463325252ULL;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return (s >> 20) % n;
}

/* ---- a restorer without a stream ---- */

static void restorer(struct lm_restorer *r)
{
	memset(r, 0, sizeof(*r));
	lm_model_init(&r->m);
	r->cgroup_fd = r->netns = -1;
	r->dev = open("/dev/null", O_RDWR | O_CLOEXEC);
}

static void end_restorer(struct lm_restorer *r)
{
	while (r->nr_procs)
		lm_proc_free(r->procs[--r->nr_procs]);
	free(r->procs);
	lm_object_fds_close(&r->shmem);
	lm_object_fds_close(&r->mapped);
	lm_stash_free(&r->stash);
	lm_model_free(&r->m);
	close(r->dev);
}

static void add(struct lm_restorer *r, uint16_t type, struct lm_buf *b)
{
	if (lm_model_add(&r->m, type, b->data, b->len, &e))
		printf("# model: %s\n", e.msg);
	lm_buf_free(b);
	memset(b, 0, sizeof(*b));
}

static void process(struct lm_restorer *r, uint32_t pid, uint32_t ppid,
		    uint32_t sid, uint32_t pgid)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LIVEMIG_PROCESS_PID, pid);
	lm_put_u32(&b, LIVEMIG_PROCESS_PPID, ppid);
	lm_put_u32(&b, LIVEMIG_PROCESS_SID, sid);
	lm_put_u32(&b, LIVEMIG_PROCESS_PGID, pgid);
	lm_put_u32(&b, LIVEMIG_PROCESS_MM_ID, pid);
	lm_put_u32(&b, LIVEMIG_PROCESS_FILES_ID, pid);
	lm_put_u32(&b, LIVEMIG_PROCESS_FS_ID, pid);
	lm_put_u32(&b, LIVEMIG_PROCESS_EXIT_SIGNAL, SIGCHLD);
	add(r, LIVEMIG_OBJ_PROCESS, &b);
	lm_put_u32(&b, LIVEMIG_THREAD_TID, pid);
	lm_put_u32(&b, LIVEMIG_THREAD_PID, pid);
	add(r, LIVEMIG_OBJ_THREAD, &b);
	lm_put_u32(&b, LIVEMIG_MM_ID, pid);
	add(r, LIVEMIG_OBJ_MM, &b);
	lm_put_u32(&b, LIVEMIG_FDS_FILES_ID, pid);
	lm_put(&b, LIVEMIG_FDS_LIST, "", 0);
	add(r, LIVEMIG_OBJ_FDS, &b);
}

static void mappings(struct lm_restorer *r, uint32_t pid,
		     const struct livemig_vma *v, size_t n)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LIVEMIG_VMAS_MM_ID, pid);
	lm_put(&b, LIVEMIG_VMAS_LIST, v, n * sizeof(*v));
	add(r, LIVEMIG_OBJ_VMAS, &b);
}

static void shmem(struct lm_restorer *r, uint32_t id, const char *name)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LIVEMIG_SHMEM_ID, id);
	lm_put_u64(&b, LIVEMIG_SHMEM_SIZE, SLOTS * PAGE);
	lm_put_str(&b, LIVEMIG_SHMEM_NAME, name);
	add(r, LIVEMIG_OBJ_SHMEM, &b);
}

static void file(struct lm_restorer *r, uint32_t id, const char *path)
{
	struct lm_buf b = { 0 };
	struct stat st;
	int64_t mtime;

	if (stat(path, &st))
		perror(path);
	mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	lm_put_u32(&b, LIVEMIG_FILE_A_ID, id);
	lm_put_u32(&b, LIVEMIG_FILE_A_TYPE, LIVEMIG_FILE_REG);
	lm_put_str(&b, LIVEMIG_FILE_A_PATH, path);
	lm_put_u32(&b, LIVEMIG_FILE_A_FLAGS, O_RDONLY);
	lm_put_u64(&b, LIVEMIG_FILE_A_SIZE, st.st_size);
	lm_put(&b, LIVEMIG_FILE_A_MTIME_NS, &mtime, sizeof(mtime));
	lm_put_flag(&b, LIVEMIG_FILE_A_MAPPED);
	add(r, LIVEMIG_OBJ_FILE, &b);
}

static void round_begins(struct lm_restorer *r, bool final)
{
	lm_model_free(&r->m);
	lm_model_init(&r->m);
	r->final = final;
}

/* As restore.c does it, without checks and cgroups. */
static int follow(struct lm_restorer *r)
{
	if (lm_model_finish(&r->m, &e) || lm_shmem_sync(r, &e) ||
	    lm_tree_sync(r, &e))
		return -1;
	r->built = true;
	for (size_t i = 0; i < r->nr_procs; i++)
		if (lm_mm_sync(r, r->procs[i], lm_model_process(&r->m,
				r->procs[i]->pid)->mm, &e))
			return -1;
	return lm_pages_unstash(r, &e);
}

/* ---- mappings ---- */

static char data_file[] = "/tmp/skeleton.XXXXXX";

static struct livemig_vma random_vma(uint64_t start, uint64_t end)
{
	struct livemig_vma v = { .start = start, .end = end };

	v.flags = rnd(8);
	if (v.flags & LIVEMIG_VMA_F_WRITE)
		v.flags |= LIVEMIG_VMA_F_READ | LIVEMIG_VMA_F_MAYWRITE;
	switch (rnd(5)) {
	case 0:
		v.kind = LIVEMIG_VMA_FILE_PRIVATE;
		v.object = 1;
		break;
	case 1:
		v.kind = LIVEMIG_VMA_SHMEM;
		v.object = 2 + rnd(2);
		break;
	case 2:
		v.kind = LIVEMIG_VMA_SHMEM_PRIVATE;
		v.object = 3;
		break;
	default:
		v.kind = LIVEMIG_VMA_ANON;
		if (!rnd(4))
			v.flags |= LIVEMIG_VMA_F_NORESERVE;
		if (!rnd(4))
			v.flags |= LIVEMIG_VMA_F_DONTDUMP;
	}
	if (v.kind != LIVEMIG_VMA_ANON)
		v.offset = rnd(2) ? start - BASE : rnd(8) * PAGE;
	return v;
}

static size_t random_vmas(struct livemig_vma *v)
{
	size_t n = 0;

	for (uint64_t at = rnd(4); at < SLOTS; at += rnd(3)) {
		uint64_t end = at + 1 + rnd(12);

		if (end > SLOTS)
			end = SLOTS;
		v[n++] = random_vma(BASE + at * PAGE, BASE + end * PAGE);
		at = end;
	}
	return n;
}

/* One line of maps for each page: what is behind it. */
struct seen {
	char perms[5];
	unsigned long off;
	char name[64];
};

static void look(uint32_t pid, struct seen *s)
{
	char path[64], line[512], perms[8], name[256];
	unsigned long start, end, off;
	FILE *f;

	memset(s, 0, SLOTS * sizeof(*s));
	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		*name = 0;
		sscanf(line, "%lx-%lx %7s %lx %*s %*s %255[^\n]", &start, &end,
		       perms, &off, name);
		for (uint64_t at = start; at < end; at += PAGE) {
			struct seen *p;

			if (at < BASE || at >= BASE + SLOTS * PAGE)
				continue;
			p = &s[(at - BASE) / PAGE];
			snprintf(p->perms, sizeof(p->perms), "%.4s", perms);
			p->off = *name ? off + at - start : 0;
			snprintf(p->name, sizeof(p->name), "%.63s", name);
		}
	}
	if (f)
		fclose(f);
}

static void expected(const struct livemig_vma *v, size_t n, struct seen *s)
{
	memset(s, 0, SLOTS * sizeof(*s));
	for (size_t i = 0; i < n; i++)
		for (uint64_t at = v[i].start; at < v[i].end; at += PAGE) {
			struct seen *p = &s[(at - BASE) / PAGE];

			snprintf(p->perms, sizeof(p->perms), "%c%c%c%c",
				 v[i].flags & LIVEMIG_VMA_F_READ ? 'r' : '-',
				 v[i].flags & LIVEMIG_VMA_F_WRITE ? 'w' : '-',
				 v[i].flags & LIVEMIG_VMA_F_EXEC ? 'x' : '-',
				 v[i].kind == LIVEMIG_VMA_SHMEM ? 's' : 'p');
			if (v[i].kind == LIVEMIG_VMA_ANON)
				continue;
			p->off = v[i].offset + at - v[i].start;
			strcpy(p->name, v[i].object == 1 ? data_file :
			       v[i].object == 2 ? "/dev/zero (deleted)" :
			       "/memfd:three (deleted)");
		}
}

/* @exact: nothing that is not expected, either. */
static int same(const struct seen *is, const struct seen *want, bool exact)
{
	for (int i = 0; i < SLOTS; i++) {
		if (!*want[i].perms && !exact)
			continue;
		if (!strcmp(is[i].perms, want[i].perms) &&
		    is[i].off == want[i].off && !strcmp(is[i].name, want[i].name))
			continue;
		printf("# page %d: %s %lx %s, expected %s %lx %s\n", i,
		       is[i].perms, is[i].off, is[i].name, want[i].perms,
		       want[i].off, want[i].name);
		return 0;
	}
	return 1;
}

static void mappings_inventory(struct lm_restorer *r, bool final, uint32_t pid,
			       const struct livemig_vma *v, size_t n)
{
	round_begins(r, final);
	process(r, pid, 0, 0, 0);
	file(r, 1, data_file);
	shmem(r, 2, "dev/zero");
	shmem(r, 3, "memfd:three");
	mappings(r, pid, v, n);
}

static void test_mappings(uint32_t pid)
{
	struct livemig_vma v[SLOTS];
	struct seen is[SLOTS], want[SLOTS];
	struct lm_restorer r;
	int ok = 1;

	restorer(&r);
	for (int i = 0; i <= ROUNDS && ok; i++) {
		bool final = i == ROUNDS;
		size_t n = random_vmas(v);

		mappings_inventory(&r, final, pid, v, n);
		ok = !follow(&r);
		look(pid, is);
		expected(v, n, want);
		ok = ok && same(is, want, final);
		if (!ok)
			printf("# round %d\n", i);
	}
	result(ok, "mappings follow 60 random inventories");
	end_restorer(&r);
}

/* ---- pages that come early, and pages whose mapping changes ---- */

static int peek(uint32_t pid, uint64_t addr)
{
	unsigned char c;
	char path[64];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/%u/mem", pid);
	fd = open(path, O_RDONLY);
	n = pread(fd, &c, 1, addr);
	close(fd);
	return n == 1 ? c : -1;
}

static void test_stash(uint32_t pid)
{
	struct livemig_vma v[2] = {
		{ BASE, BASE + 4 * PAGE, 0, LIVEMIG_VMA_F_READ,
		  LIVEMIG_VMA_ANON, 0, 0, 0 },
		{ BASE + 8 * PAGE, BASE + 10 * PAGE, 0, LIVEMIG_VMA_F_READ,
		  LIVEMIG_VMA_SHMEM, 0, 2, 0 },
	};
	unsigned char page[PAGE];
	struct lm_restorer r;
	int ok;

	restorer(&r);
	memset(page, 7, PAGE);
	lm_stash_put(&r.stash, LIVEMIG_PAGES_SPACE_MM, pid, BASE + PAGE, page, &e);
	lm_stash_put(&r.stash, LIVEMIG_PAGES_SPACE_MM, pid, BASE + 2 * PAGE, page, &e);
	memset(page, 8, PAGE);
	lm_stash_put(&r.stash, LIVEMIG_PAGES_SPACE_MM, pid, BASE + 2 * PAGE, page, &e);
	lm_stash_put(&r.stash, LIVEMIG_PAGES_SPACE_SHMEM, 2, PAGE, page, &e);
	lm_stash_put(&r.stash, LIVEMIG_PAGES_SPACE_MM, pid, BASE + 5 * PAGE, page, &e);
	lm_stash_put(&r.stash, LIVEMIG_PAGES_SPACE_MM, pid, BASE + PAGE * 3, page, &e);
	lm_stash_del(&r.stash, LIVEMIG_PAGES_SPACE_MM, pid, BASE + PAGE * 3, 1);
	mappings_inventory(&r, false, pid, v, 2);
	ok = !follow(&r);
	ok = ok && peek(pid, BASE + PAGE) == 7 && peek(pid, BASE + 2 * PAGE) == 8 &&
	     peek(pid, BASE + 3 * PAGE) == 0;
	result(ok, "early pages are put into read-only memory, the newest wins, holes go");
	result(peek(pid, BASE + 8 * PAGE) == 0 && 1 &&
	       r.stash.nr_pages == 1, "a page without a mapping goes on waiting");
	v[1].offset = PAGE;
	mappings_inventory(&r, false, pid, v, 2);
	ok = !follow(&r);
	result(ok && peek(pid, BASE + 8 * PAGE) == 8,
	       "shared memory is filled by its offsets");
	/* Private memory becomes something else: pages that are its own stay. */
	v[0].kind = LIVEMIG_VMA_FILE_PRIVATE;
	v[0].object = 1;
	mappings_inventory(&r, true, pid, v, 2);
	ok = !follow(&r);
	result(ok && peek(pid, BASE + PAGE) == 7 && peek(pid, BASE) == 'F',
	       "pages outlive a mapping that changes its kind");
	end_restorer(&r);
}

/* ---- processes ---- */

static int stat_is(uint32_t pid, uint32_t ppid, uint32_t sid)
{
	char path[64], line[256] = "";
	int p = 0, g = 0, s = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "r");
	if (!f || !fgets(line, sizeof(line), f))
		printf("# pid %u is missing\n", pid);
	if (f)
		fclose(f);
	sscanf(strrchr(line, ')') ?: "", ") %*c %d %d %d", &p, &g, &s);
	if ((uint32_t)p == ppid && (uint32_t)s == sid)
		return 1;
	printf("# pid %u: parent %d session %d, expected %u %u\n", pid, p, s,
	       ppid, sid);
	return 0;
}

/* Gone, or dead and waiting for a slow init. */
static int ends(uint32_t pid)
{
	char path[64], line[256], state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	for (int i = 0; i < 1200; i++, usleep(50000)) {
		f = fopen(path, "r");
		if (!f)
			return 1;
		if (!fgets(line, sizeof(line), f))
			*line = 0;
		fclose(f);
		if (sscanf(strrchr(line, ')') ?: "", ") %c", &state) == 1 &&
		    state == 'Z')
			return 1;
	}
	return 0;
}

static void test_tree(uint32_t base)
{
	uint32_t a = base, b = base + 1, c = base + 2, d = base + 3, f = base + 4;
	struct lm_restorer r;
	int ok;

	restorer(&r);
	/* b was born before a's setsid(); d leads a session with a child. The
	 * children come first in the dump.
	 */
	round_begins(&r, false);
	process(&r, f, d, d, f);
	process(&r, c, b, a, b);
	process(&r, a, 0, 0, 0);
	process(&r, b, a, a, b);
	process(&r, d, a, d, d);
	ok = !follow(&r);
	ok = ok && stat_is(a, getpid(), a) && stat_is(b, a, a) &&
	     stat_is(c, b, a) && stat_is(d, a, d) && stat_is(f, d, d);
	result(ok, "parents and sessions, in any order");

	/* c and f are gone; c's pid is a child of d now; b leads a session. */
	round_begins(&r, false);
	process(&r, a, 0, 0, 0);
	process(&r, b, a, b, b);
	process(&r, d, a, d, d);
	ok = !follow(&r);
	result(ok && stat_is(b, a, b) && kill(c, 0) && kill(f, 0),
	       "processes end, one becomes a session leader");
	round_begins(&r, true);
	process(&r, a, 0, 0, a);
	process(&r, b, a, b, b);
	process(&r, c, d, d, c);
	process(&r, d, a, d, d);
	process(&r, f, c, d, c);
	ok = !follow(&r) && !lm_tree_groups(&r, &e);
	result(ok && stat_is(c, d, d) && stat_is(f, c, d) && getpgid(c) == (int)c &&
	       getpgid(f) == (int)c && getpgid(a) == (int)a, "process groups");

	round_begins(&r, false);
	process(&r, a, 0, 0, a);
	process(&r, b, a, b, b);
	process(&r, c, a, a, c);
	process(&r, d, a, d, d);
	ok = follow(&r) && strstr(e.msg, "try again");
	if (ok)
		memset(&e, 0, sizeof(e));
	result(ok, "another parent: try again");
	end_restorer(&r);
	result(ends(a) && ends(b) && ends(d), "nothing is left");
}

static void test_pid(void)
{
	int ok = lm_check_pid(getpid(), &e) && strstr(e.msg, "is taken") &&
		 e.code == LM_REFUSED;

	if (ok)
		memset(&e, 0, sizeof(e));
	result(ok, "a pid that is taken is named");
}

/* ---- undo ---- */

static void test_undo(void)
{
	char dir[] = "/tmp/undo.XXXXXX", sub[64];
	struct lm_undo *u;
	pid_t pid;

	if (!mkdtemp(dir))
		return;
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	mkdir(sub, 0700);
	if (lm_undo_new(&u, &e))
		return result(0, "undo");
	lm_undo_add(u, "rmdir", dir, "", &e);
	lm_undo_add(u, "rmdir", sub, "", &e);
	lm_undo_run(u);
	result(access(dir, F_OK), "undone in reverse order");

	mkdir(dir, 0700);
	lm_undo_new(&u, &e);
	lm_undo_add(u, "rmdir", dir, "", &e);
	lm_undo_commit(u);
	lm_undo_run(u);
	result(!access(dir, F_OK), "not undone after the commit");

	pid = fork();
	if (!pid) {
		lm_undo_new(&u, &e);
		lm_undo_add(u, "rmdir", dir, "", &e);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 1200 && !access(dir, F_OK); i++)
		usleep(50000);
	result(access(dir, F_OK), "undone when killed");
}

int main(void)
{
	int fd;

	printf("KTAP version 1\n1..14\n");
	fd = mkstemp(data_file);
	for (int i = 0; i < SLOTS; i++) {
		char page[PAGE];

		memset(page, 'F' + i, PAGE);
		if (write(fd, page, PAGE) != PAGE)
			return 1;
	}
	close(fd);
	test_pid();
	test_mappings(20001);
	test_stash(20002);
	test_tree(20010);
	test_undo();
	unlink(data_file);
	return failed != 0;
}
