// SPDX-License-Identifier: GPL-2.0-or-later
/* MM, VMAS and SHMEM objects against /proc/PID/maps, smaps and stat. */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "lm.h"

#define MAX_VMAS 4096

static struct livemig_vma vmas[MAX_VMAS];
static int nr_vmas;

static const struct obj *mm_of(const struct dump *d, pid_t pid)
{
	const struct obj *p = find_obj(d, LIVEMIG_OBJ_PROCESS,
				       LIVEMIG_PROCESS_PID, pid);
	uint32_t id = attr_u32(p, LIVEMIG_PROCESS_MM_ID);
	const struct obj *mm = find_obj(d, LIVEMIG_OBJ_MM, LIVEMIG_MM_ID, id);
	size_t len;
	int i;

	if (!mm)
		bail("no MM object for %d", pid);
	nr_vmas = 0;
	for (i = 0; i < d->nr; i++) {
		const void *list;

		if (d->objs[i].type != LIVEMIG_OBJ_VMAS ||
		    attr_u32(&d->objs[i], LIVEMIG_VMAS_MM_ID) != id)
			continue;
		list = attr_data(&d->objs[i], LIVEMIG_VMAS_LIST, &len);
		memcpy(vmas + nr_vmas, list, len);
		nr_vmas += len / sizeof(vmas[0]);
	}
	return mm;
}

static const struct livemig_vma *at(uint64_t addr)
{
	int i;

	for (i = 0; i < nr_vmas; i++)
		if (vmas[i].start <= addr && addr < vmas[i].end)
			return &vmas[i];
	bail("no mapping at 0x%llx", (unsigned long long)addr);
}

static const struct obj *file_at(const struct dump *d, uint64_t addr)
{
	return find_obj(d, LIVEMIG_OBJ_FILE, LIVEMIG_FILE_A_ID, at(addr)->object);
}

/* Every line of maps is a mapping of the dump, in the same order. */
static void compare_maps(const struct dump *d, pid_t pid)
{
	unsigned long long start, end, off, ino;
	char path[64], line[4400], perms[8], name[4200];
	int i = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
	while (fgets(line, sizeof(line), f)) {
		const struct livemig_vma *v = &vmas[i++];
		uint32_t fl = v->flags;

		name[0] = '\0';
		sscanf(line, "%llx-%llx %7s %llx %*s %llu %[^\n]", &start, &end,
		       perms, &off, &ino, name);
		if (!strcmp(name, "[vsyscall]")) {
			i--;
			continue;
		}
		if (!check(i <= nr_vmas && v->start == start && v->end == end,
			   __FILE__, __LINE__, "not in the dump: %s", line))
			break;
		CHECK_EQ(!!(fl & LIVEMIG_VMA_F_READ), perms[0] == 'r');
		CHECK_EQ(!!(fl & LIVEMIG_VMA_F_WRITE), perms[1] == 'w');
		CHECK_EQ(!!(fl & LIVEMIG_VMA_F_EXEC), perms[2] == 'x');
		CHECK_EQ(v->kind == LIVEMIG_VMA_SHMEM ||
			 v->kind == LIVEMIG_VMA_FILE_SHARED, perms[3] == 's');
		CHECK_EQ(v->kind == LIVEMIG_VMA_VDSO,
			 !strcmp(name, "[vdso]") || !strncmp(name, "[vvar", 5));
		if (v->kind == LIVEMIG_VMA_FILE_PRIVATE ||
		    v->kind == LIVEMIG_VMA_FILE_SHARED) {
			const struct obj *file = find_obj(d, LIVEMIG_OBJ_FILE,
							  LIVEMIG_FILE_A_ID,
							  v->object);

			CHECK_EQ(v->offset, off);
			CHECK_STR(attr_str(file, LIVEMIG_FILE_A_PATH), name);
			CHECK(attr(file, LIVEMIG_FILE_A_MAPPED));
		}
		if (!strcmp(name, "[stack]"))
			CHECK(fl & LIVEMIG_VMA_F_STACK);
		else
			CHECK(!(fl & LIVEMIG_VMA_F_STACK));
	}
	fclose(f);
	CHECK_EQ(i, nr_vmas);
}

static void *map(int prot, int flags, int fd, off_t off, size_t len)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);

	if (p == MAP_FAILED)
		_exit(1);
	return p;
}

#define PRIV	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)

static void kinds_child(void)
{
	int fd = open("/etc/passwd", O_RDONLY), zero, m;
	char *p;
	int i = 0;

	told->n[i++] = (uint64_t)map(RW, PRIV | MAP_NORESERVE, -1, 0, 65536);
	told->n[i++] = (uint64_t)map(PROT_READ, MAP_PRIVATE, fd, 0, 4096);
	told->n[i++] = (uint64_t)map(PROT_READ, MAP_SHARED, fd, 0, 4096);
	told->n[i++] = (uint64_t)map(RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0, 8192);
	m = memfd_create("state-test", MFD_ALLOW_SEALING);
	if (ftruncate(m, 12288))
		_exit(1);
	told->n[i++] = (uint64_t)map(RW, MAP_SHARED, m, 4096, 8192);
	told->n[i++] = (uint64_t)map(RW, MAP_PRIVATE, m, 0, 4096);
	zero = open("/dev/zero", O_RDWR);
	told->n[i++] = (uint64_t)map(RW, MAP_PRIVATE, zero, 0, 4096);
	/* advice, each on a mapping of its own */
	p = map(RW, PRIV, -1, 0, 20 * 8192);
	mprotect(p, 20 * 8192, PROT_NONE);
	for (m = 0; m < 9; m++) {
		static const int advice[] = {
			MADV_DONTFORK, MADV_WIPEONFORK, MADV_DONTDUMP,
			MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE,
			MADV_SEQUENTIAL, MADV_RANDOM, MADV_NORMAL };

		told->n[i++] = (uint64_t)(p + m * 8192);
		mprotect(p + m * 8192, 4096, RW);
		if (madvise(p + m * 8192, 4096, advice[m]))
			told->n[i - 1] = 0;
	}
	mlock(p + 8 * 8192, 4096);
	told->n[i++] = (uint64_t)map(RW, PRIV | MAP_GROWSDOWN | MAP_STACK, -1, 0,
				     65536);
	ready();
}

static void test_kinds(void)
{
	static const uint32_t advised[] = {
		LIVEMIG_VMA_F_DONTFORK, LIVEMIG_VMA_F_WIPEONFORK,
		LIVEMIG_VMA_F_DONTDUMP, LIVEMIG_VMA_F_HUGEPAGE,
		LIVEMIG_VMA_F_NOHUGEPAGE, LIVEMIG_VMA_F_MERGEABLE,
		LIVEMIG_VMA_F_SEQ_READ, LIVEMIG_VMA_F_RAND_READ,
		LIVEMIG_VMA_F_LOCKED };
	const uint32_t all = LIVEMIG_VMA_F_LOCKED | LIVEMIG_VMA_F_DONTFORK |
		LIVEMIG_VMA_F_WIPEONFORK | LIVEMIG_VMA_F_DONTDUMP |
		LIVEMIG_VMA_F_HUGEPAGE | LIVEMIG_VMA_F_NOHUGEPAGE |
		LIVEMIG_VMA_F_MERGEABLE | LIVEMIG_VMA_F_SEQ_READ |
		LIVEMIG_VMA_F_RAND_READ;
	const struct obj *o;
	struct dump d;
	struct stat st;
	pid_t pid = spawn(kinds_child);
	const uint64_t *n = told->n;
	int i;

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	mm_of(&d, pid);
	compare_maps(&d, pid);

	CHECK_EQ(at(n[0])->kind, LIVEMIG_VMA_ANON);
	CHECK(at(n[0])->flags & LIVEMIG_VMA_F_NORESERVE);
	CHECK_EQ(at(n[1])->kind, LIVEMIG_VMA_FILE_PRIVATE);
	CHECK(at(n[1])->flags & LIVEMIG_VMA_F_MAYWRITE);
	CHECK_EQ(at(n[2])->kind, LIVEMIG_VMA_FILE_SHARED);
	CHECK(!(at(n[2])->flags & LIVEMIG_VMA_F_MAYWRITE));
	CHECK_EQ(at(n[1])->object, at(n[2])->object);
	o = file_at(&d, n[1]);
	stat("/etc/passwd", &st);
	CHECK_STR(attr_str(o, LIVEMIG_FILE_A_PATH), "/etc/passwd");
	CHECK_EQ(attr_u64(o, LIVEMIG_FILE_A_INO), st.st_ino);
	CHECK_EQ(attr_u64(o, LIVEMIG_FILE_A_DEV), st.st_dev);
	CHECK_EQ(attr_u64(o, LIVEMIG_FILE_A_SIZE), st.st_size);
	CHECK_EQ(attr_u64(o, LIVEMIG_FILE_A_MTIME_NS),
		 st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);

	CHECK_EQ(at(n[3])->kind, LIVEMIG_VMA_SHMEM);
	o = find_obj(&d, LIVEMIG_OBJ_SHMEM, LIVEMIG_SHMEM_ID, at(n[3])->object);
	CHECK_STR(attr_str(o, LIVEMIG_SHMEM_NAME), "dev/zero");
	CHECK_EQ(attr_u64(o, LIVEMIG_SHMEM_SIZE), 8192);
	CHECK_EQ(at(n[4])->kind, LIVEMIG_VMA_SHMEM);
	CHECK_EQ(at(n[4])->offset, 4096);
	CHECK_EQ(at(n[5])->kind, LIVEMIG_VMA_SHMEM_PRIVATE);
	CHECK_EQ(at(n[4])->object, at(n[5])->object);
	CHECK(at(n[3])->object != at(n[4])->object);
	o = find_obj(&d, LIVEMIG_OBJ_SHMEM, LIVEMIG_SHMEM_ID, at(n[4])->object);
	CHECK_STR(attr_str(o, LIVEMIG_SHMEM_NAME), "memfd:state-test");
	CHECK_EQ(attr_u64(o, LIVEMIG_SHMEM_SIZE), 12288);
	CHECK_EQ(attr_u32(o, LIVEMIG_SHMEM_SEALS), 0);
	CHECK_EQ(at(n[6])->kind, LIVEMIG_VMA_ANON);
	for (i = 0; i < 9; i++)
		if (n[7 + i])	/* kernels without KSM or THP */
			CHECK_EQ(at(n[7 + i])->flags & all, advised[i]);
	CHECK(at(n[16])->flags & LIVEMIG_VMA_F_GROWSDOWN);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void layout_child(void)
{
	told->n[0] = (uint64_t)sbrk(4096 * 3);
	told->n[0] = (uint64_t)sbrk(0);
	ready();
}

static void test_layout(void)
{
	const struct livemig_mm_layout *l;
	const struct livemig_range *vdso;
	unsigned long long f[64];
	const uint64_t *auxv;
	const struct obj *mm, *exe;
	char path[64], text[4096], self[4096], *p;
	uint64_t raw[128];
	struct dump d;
	struct stat st;
	size_t len;
	int fd, i;
	pid_t pid = spawn(layout_child);

	lm_freeze();
	lm_dump(&d);
	mm = mm_of(&d, pid);
	l = attr_data(mm, LIVEMIG_MM_LAYOUT, &len);
	CHECK_EQ(len, sizeof(*l));
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len] = '\0';
	p = strrchr(text, ')') + 4;
	for (i = 4; i < 53; i++)
		f[i] = strtoull(p, &p, 10);
	CHECK_EQ(l->start_code, f[26]);
	CHECK_EQ(l->end_code, f[27]);
	CHECK_EQ(l->start_stack, f[28]);
	CHECK_EQ(l->start_data, f[45]);
	CHECK_EQ(l->end_data, f[46]);
	CHECK_EQ(l->start_brk, f[47]);
	CHECK_EQ(l->brk, told->n[0]);
	CHECK_EQ(l->arg_start, f[48]);
	CHECK_EQ(l->arg_end, f[49]);
	CHECK_EQ(l->env_start, f[50]);
	CHECK_EQ(l->env_end, f[51]);

	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	fd = open(path, O_RDONLY);
	memset(raw, 0, sizeof(raw));
	i = read(fd, raw, sizeof(raw));
	close(fd);
	auxv = attr_data(mm, LIVEMIG_MM_AUXV, &len);
	CHECK(len <= (size_t)i && len >= 20 * 16);
	CHECK(!memcmp(auxv, raw, len));
	CHECK_EQ(auxv[len / 8 - 2], AT_NULL);
	vdso = attr_data(mm, LIVEMIG_MM_VDSO, NULL);
	for (i = 0; auxv[i] != AT_SYSINFO_EHDR; i += 2)
		;
	CHECK(vdso->start < auxv[i + 1] && auxv[i + 1] < vdso->end);
	CHECK_EQ(at(vdso->end - 1)->start, auxv[i + 1]);

	len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	self[len] = '\0';
	CHECK_STR(attr_str(mm, LIVEMIG_MM_EXE), self);
	exe = find_obj(&d, LIVEMIG_OBJ_FILE, LIVEMIG_FILE_A_ID,
		       attr_u32(mm, LIVEMIG_MM_EXE_FILE));
	CHECK_STR(attr_str(exe, LIVEMIG_FILE_A_PATH), self);
	stat(self, &st);
	CHECK_EQ(attr_u64(exe, LIVEMIG_FILE_A_INO), st.st_ino);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* More mappings than fit into one object. */
static void many_child(void)
{
	int i;

	for (i = 0; i < 1500; i++)
		map(i & 1 ? PROT_READ : RW, PRIV, -1, 0, 4096);
	ready();
}

static void test_many(void)
{
	struct dump d;
	pid_t pid = spawn(many_child);

	lm_freeze();
	lm_dump(&d);
	mm_of(&d, pid);
	CHECK(nr_vmas > 1400);
	compare_maps(&d, pid);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* Two processes with one shared mapping name one object. */
static void shared_child(void)
{
	pid_t pid;

	told->n[0] = (uint64_t)map(RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0, 8192);
	pid = fork();
	if (!pid)
		for (;;)
			pause();
	told->n[1] = pid;
	ready();
}

static void test_shared(void)
{
	struct dump d;
	pid_t pid = spawn(shared_child), kid = told->n[1];
	uint32_t object;
	int i, n = 0;

	lm_freeze();
	lm_dump(&d);
	mm_of(&d, pid);
	object = at(told->n[0])->object;
	mm_of(&d, kid);
	CHECK_EQ(at(told->n[0])->object, object);
	for (i = 0; i < d.nr; i++)
		n += d.objs[i].type == LIVEMIG_OBJ_SHMEM &&
		     attr_u32(&d.objs[i], LIVEMIG_SHMEM_ID) == object;
	CHECK_EQ(n, 1);
	lm_dump_free(&d);
	lm_thaw();
	kill(kid, SIGKILL);
	kill_child(pid);
}

const struct test tests_mm[] = {
	{ "mm_kinds", test_kinds },
	{ "mm_layout", test_layout },
	{ "mm_many", test_many },
	{ "mm_shared", test_shared },
	{}
};
