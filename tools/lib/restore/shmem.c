// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What mappings are made of: shared memory, each object made once and known by
 * a descriptor of the coordinator, and files that are mapped. Both live across
 * rounds, by the id that the source gave them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#define MAP_HUGE_MASK 0x3f
#endif

#include "internal.h"
#include "../kinds/kind.h"
#include "../kinds/kinds.h"

static int find(const struct lm_object_fds *f, uint32_t id)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].id == id)
			return f->v[i].fd;
	return -1;
}

/* Owns @fd, also on failure. */
static int add(struct lm_object_fds *f, uint32_t id, int fd, struct lm_error *e)
{
	struct lm_object_fd *v = realloc(f->v, (f->n + 1) * sizeof(*v));

	if (!v) {
		close(fd);
		return lm_fail(e, LM_FAILED, "out of memory");
	}
	f->v = v;
	f->v[f->n++] = (struct lm_object_fd){ id, fd };
	return fd;
}

void lm_object_fds_close(struct lm_object_fds *f)
{
	for (size_t i = 0; i < f->n; i++)
		close(f->v[i].fd);
	free(f->v);
	f->v = NULL;
	f->n = 0;
}

/*
 * Shared anonymous memory has no file system to open it from, but each mapping
 * of it is a link to its file.
 */
static int make_anonymous(uint64_t size, int flags, struct lm_error *e)
{
	char path[80];
	int fd;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	if (p == MAP_FAILED)
		return lm_fail_errno(e, LM_FAILED, "%llu bytes of shared memory",
				     (unsigned long long)size);
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
		 (unsigned long)p, (unsigned long)p + size);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		lm_fail_errno(e, LM_FAILED, "%s", path);
	munmap(p, size);
	return fd;
}

/* For memfd_create() and mmap(), whose bits are the same but for the first. */
static int huge_flags(const struct lm_shmem *s, int huge)
{
	uint32_t shift = lm_huge_shift(s);

	return shift ? huge | (shift & MAP_HUGE_MASK) << MAP_HUGE_SHIFT : 0;
}

static int make_memfd(const struct lm_shmem *s, struct lm_error *e)
{
	const struct nlattr *mode = s->obj.tb[LIVEMIG_SHMEM_MODE];
	uint32_t seals = lm_u32(s->obj.tb[LIVEMIG_SHMEM_SEALS]);
	unsigned int flags = MFD_CLOEXEC | huge_flags(s, MFD_HUGETLB);
	int fd;

	/* Without permission to seal it is born with this seal. */
	if (!(seals & F_SEAL_SEAL) || seals & ~F_SEAL_SEAL)
		flags |= MFD_ALLOW_SEALING;
	fd = memfd_create(s->name + strlen("memfd:"), flags);
	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "%s", s->name);
	if (mode && fchmod(fd, lm_u32(mode) & 07777)) {
		close(fd);
		return lm_fail_errno(e, LM_FAILED, "%s: mode", s->name);
	}
	return fd;
}

static const char *name_of(const struct lm_shmem *s)
{
	const char *name = s->name ?: "";

	return name + (*name == '/');
}

/* Drivers have memory of that kind, too. */
int lm_shmem_possible(const struct lm_shmem *s, struct lm_error *e)
{
	const char *name = name_of(s);

	if (s->obj.tb[LIVEMIG_SHMEM_SYSV] || !strncmp(name, "dev/zero", 8) ||
	    !strcmp(name, "anon_hugepage") || !strncmp(name, "memfd:", 6))
		return 0;
	return lm_fail(e, LM_REFUSED, "pid %u: shared memory \"%s\": not supported",
		       s->host, name);
}

static int make(struct lm_restorer *r, const struct lm_shmem *s, struct lm_error *e)
{
	const char *name = name_of(s);
	/* A mapping has whole pages. */
	uint64_t size = (s->size + LIVEMIG_REC_PAGE - 1) &
			-(uint64_t)LIVEMIG_REC_PAGE;

	if (lm_shmem_possible(s, e))
		return -1;
	if (s->obj.tb[LIVEMIG_SHMEM_SYSV])
		return lm_ipc_shm_fd(r, s, e);
	if (!strncmp(name, "dev/zero", 8))
		return make_anonymous(size ?: LIVEMIG_REC_PAGE, 0, e);
	if (!strcmp(name, "anon_hugepage"))
		return make_anonymous(size, huge_flags(s, MAP_HUGETLB), e);
	return make_memfd(s, e);
}

int lm_shmem_sync(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_shmems; i++) {
		struct lm_shmem *s = r->m.shmems[i];
		struct stat st;

		s->fd = find(&r->shmem, s->id);
		if (s->fd < 0) {
			s->fd = make(r, s, e);
			if (s->fd < 0 || add(&r->shmem, s->id, s->fd, e) < 0)
				return -1;
		}
		if (fstat(s->fd, &st) || ((uint64_t)st.st_size != s->size &&
					  ftruncate(s->fd, s->size)))
			return lm_fail_errno(e, LM_FAILED, "shared memory %s of %llu bytes",
					     s->name ?: "",
					     (unsigned long long)s->size);
	}
	return 0;
}

int lm_shmem_seal(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_shmems; i++) {
		const struct lm_shmem *s = r->m.shmems[i];
		uint32_t seals = lm_u32(s->obj.tb[LIVEMIG_SHMEM_SEALS]);
		int have = fcntl(s->fd, F_GET_SEALS);

		if (!seals || !s->name || !strstr(s->name, "memfd:") ||
		    have == (int)seals)
			continue;
		if (fcntl(s->fd, F_ADD_SEALS, seals))
			return lm_fail_errno(e, LM_FAILED, "%s: seals %#x",
					     s->name, seals);
	}
	return 0;
}

int lm_shmem_fd(const struct lm_restorer *r, uint32_t id)
{
	return find(&r->shmem, id);
}

/* ---- mapped files ---- */

/* Does anybody map it so that what is written goes to the file? One descriptor
 * serves all mappings.
 */
static bool is_written(const struct lm_restorer *r, uint32_t object)
{
	for (size_t i = 0; i < r->m.nr_mms; i++) {
		const struct lm_mm *mm = r->m.mms[i];

		for (size_t j = 0; j < mm->nr_vmas; j++) {
			const struct livemig_vma *v = &mm->vmas[j];

			if (v->kind == LIVEMIG_VMA_FILE_SHARED &&
			    v->object == object &&
			    v->flags & (LIVEMIG_VMA_F_WRITE | LIVEMIG_VMA_F_MAYWRITE))
				return true;
		}
	}
	return false;
}

static int open_mapped(struct lm_restorer *r, const struct livemig_vma *v,
		       struct lm_error *e)
{
	const struct lm_file *f = lm_model_file(&r->m, v->object);
	bool write = is_written(r, v->object);
	int fd;

	if (!f->path)
		return lm_fail(e, LM_REFUSED, "a mapped file without a path%s%s: not supported",
			       f->name ? ": " : "", f->name ?: "");
	if (lm_kind_is_deleted(f)) {
		fd = lm_restorer_deleted(r, f, e);
		if (fd < 0)
			return -1;
		fd = lm_kind_reopen(fd, write ? O_RDWR : O_RDONLY);
		return fd < 0 ? lm_fail_errno(e, LM_FAILED, "%s", f->path) : fd;
	}
	fd = lm_restorer_open(r, f, f->path, (write ? O_RDWR : O_RDONLY) | O_NOCTTY, 0);
	if (fd < 0)
		return lm_kind_no_file(f->path, e);
	/* (a tmpfs is filled in the last round) */
	if (f->type == LIVEMIG_FILE_REG && !write &&
	    (r->final || lm_restorer_root(r, f) < 0) && lm_kind_same(f, fd, e)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A mapping that may not be written, nor become so, by a descriptor like that: no seal
 * against writing minds it.
 */
static int read_only(struct lm_restorer *r, uint32_t id, struct lm_error *e)
{
	int fd = find(&r->read_only, id);

	if (fd >= 0)
		return fd;
	fd = lm_kind_reopen(lm_shmem_fd(r, id), O_RDONLY);
	return fd < 0 ? lm_fail_errno(e, LM_FAILED, "shared memory %u, to be read", id) :
			add(&r->read_only, id, fd, e);
}

int lm_mapped_fd(struct lm_restorer *r, const struct livemig_vma *v,
		 struct lm_error *e)
{
	int fd;

	if (v->kind == LIVEMIG_VMA_SHMEM && !(v->flags & LIVEMIG_VMA_F_MAYWRITE))
		return read_only(r, v->object, e);
	if (lm_vma_kind(v)->object == LM_VMA_SHMEM)
		return lm_shmem_fd(r, v->object);
	fd = find(&r->mapped, v->object);
	if (fd >= 0)
		return fd;
	fd = open_mapped(r, v, e);
	if (fd >= 0 && lm_tmpfs_held(r, lm_model_file(&r->m, v->object), fd, e)) {
		close(fd);
		return -1;
	}
	return fd < 0 ? -1 : add(&r->mapped, v->object, fd, e);
}

int lm_mapped_check(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; r->final && i < r->nr_held; i++) {
		struct livemig_vma v = {
			.kind = LIVEMIG_VMA_FILE_SHARED,
			.object = r->held[i].file,
		};
		const struct lm_file *f = lm_model_file(&r->m, v.object);

		if (f && f->mapped && lm_mapped_fd(r, &v, e) < 0)
			return -1;
	}
	return 0;
}
