// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Regular files whose last name is gone (or that never had one: O_TMPFILE). Nobody
 * else can see them, so they move with their contents: DATA objects of the first
 * FILE object of the inode, without the holes. What only mappings hold is read
 * through these.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"
#include "../dump/source.h"
#include "../restore/restore.h"
#include "../vma_kind.h"

#define PIECE		16384		/* LIVEMIG_DATA_BYTES at most */
/* Copied while the container stands still, and held in memory by the restorer. */
#define SIZE_MAX_MB	1024

bool lm_kind_is_deleted(const struct lm_file *f)
{
	const struct nlattr *nlink = f->obj.tb[LIVEMIG_FILE_A_NLINK];

	return f->type == LIVEMIG_FILE_REG && nlink && !lm_u32(nlink);
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	uint64_t mb = lm_u64(f->obj.tb[LIVEMIG_FILE_A_SIZE]) >> 20;

	if (!f->path)
		return lm_fail(e, LM_REFUSED, "a deleted file without a path: not supported");
	if (mb >= SIZE_MAX_MB)
		return lm_fail(e, LM_REFUSED,
			       "%s was deleted and has %llu MB, more than %u: not supported; close it or restart the program",
			       f->path, (unsigned long long)mb, SIZE_MAX_MB);
	return 0;
}

static bool same_inode(const struct lm_file *a, const struct lm_file *b)
{
	return lm_u64(a->obj.tb[LIVEMIG_FILE_A_INO]) ==
	       lm_u64(b->obj.tb[LIVEMIG_FILE_A_INO]) &&
	       lm_u64(a->obj.tb[LIVEMIG_FILE_A_DEV]) ==
	       lm_u64(b->obj.tb[LIVEMIG_FILE_A_DEV]);
}

static bool is_first(const struct lm_model *m, const struct lm_file *f)
{
	for (size_t i = 0; i < m->nr_file && m->file[i] != f; i++)
		if (lm_kind_is_deleted(m->file[i]) && same_inode(m->file[i], f))
			return false;
	return true;
}

/* A mapping of @f, as a path of the process that has it. */
static bool mapping_of(const struct lm_model *m, const struct lm_file *f,
		       char *path, size_t len)
{
	for (size_t i = 0; i < m->nr_procs; i++) {
		const struct lm_mm *mm = m->procs[i]->mm;

		for (size_t j = 0; mm && j < mm->nr_vmas; j++) {
			const struct livemig_vma *v = &mm->vmas[j];

			if (lm_vma_kind(v)->object != LM_VMA_FILE || v->object != f->id)
				continue;
			snprintf(path, len, "/proc/%u/map_files/%llx-%llx",
				 m->procs[i]->task, (unsigned long long)v->start,
				 (unsigned long long)v->end);
			return true;
		}
	}
	return false;
}

/* A description of our own, whose position is nobody else's. */
static int open_source(const struct lm_model *m, const struct lm_file *f,
		       struct lm_error *e)
{
	char path[96];
	int fd, own;

	if (!f->mapped && f->holder.fd < 0) {
		own = lm_kind_grab(f, e);
		fd = own < 0 ? -1 : lm_kind_reopen(own, O_RDONLY);
		if (own >= 0 && fd < 0)
			lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
		if (own >= 0)
			close(own);
		return fd;
	}
	if (!f->mapped)
		snprintf(path, sizeof(path), "/proc/%u/fd/%d",
			 f->task, f->holder.fd);
	else if (!mapping_of(m, f, path, sizeof(path)))
		return lm_fail(e, LM_FAILED, "%s: nobody maps it", f->path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
	return fd;
}

static int put_range(struct lm_out *out, const struct lm_file *f, int fd,
		     off_t from, off_t to, struct lm_error *e)
{
	char buf[PIECE];

	while (from < to) {
		size_t want = to - from < PIECE ? to - from : PIECE;
		ssize_t n = pread(fd, buf, want, from);
		struct lm_buf b = { 0 };

		if (n < 0)
			return lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
		if (!n)
			return 0;
		lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
		lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_RECV);
		lm_put_u64(&b, LIVEMIG_DATA_OFFSET, from);
		lm_put(&b, LIVEMIG_DATA_BYTES, buf, n);
		if (lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e))
			return -1;
		from += n;
	}
	return 0;
}

static int dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		struct lm_error *e)
{
	const struct lm_model *m = lm_source_model(s);
	off_t from, to = 0;
	int fd, ret = 0;

	if (!is_first(m, f))
		return 0;
	fd = open_source(m, f, e);
	if (fd < 0)
		return -1;
	while (!ret && (from = lseek(fd, to, SEEK_DATA)) >= 0) {
		to = lseek(fd, from, SEEK_HOLE);
		ret = to < 0 ? lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path) :
			       put_range(out, f, fd, from, to, e);
	}
	if (!ret && errno != ENXIO)	/* no more data */
		ret = lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
	close(fd);
	return ret;
}

static int deleted_open(struct lm_restorer *r, struct lm_file *f,
			struct lm_error *e)
{
	const struct nlattr *pos = f->obj.tb[LIVEMIG_FILE_A_POS];
	int fd = lm_restorer_deleted(r, f, e);

	if (fd < 0)
		return -1;
	f->fd = lm_kind_reopen(fd, lm_kind_open_flags(f) & ~O_TMPFILE);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "%s (deleted)", f->path);
	if (pos && lseek(f->fd, (off_t)lm_u64(pos), SEEK_SET) < 0)
		return lm_fail_errno(e, LM_FAILED, "%s (deleted): position", f->path);
	return 0;
}

const struct lm_file_kind lm_kind_deleted = {
	.name	= "deleted file",
	.match	= lm_kind_is_deleted,
	.mapped	= true,
	.check	= check,
	.dump	= dump,
	.open	= deleted_open,
};
