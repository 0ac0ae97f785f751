// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Shared memory segments. The memory of those that somebody has attached travels
 * as pages of a SHMEM object; of the others it is read here.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "ipc.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY	15
#endif

static int last(void)
{
	struct shm_info info;
	int index = shmctl(0, SHM_INFO, (void *)&info);

	return info.used_ids ? index : -1;
}

static bool stat_index(int index, struct lm_ipc *o)
{
	struct shmid_ds ds;
	int id = shmctl(index, SHM_STAT_ANY, &ds);

	if (id < 0)
		return false;
	o->id = id;
	o->perm = (struct lm_ipc_perm){ ds.shm_perm.__key, ds.shm_perm.uid,
		ds.shm_perm.gid, ds.shm_perm.cuid, ds.shm_perm.cgid,
		ds.shm_perm.mode };
	o->size = ds.shm_segsz;
	o->attached = ds.shm_nattch;
	return true;
}

/* Each mapping is a link to its file. */
int lm_ipc_shm_open(uint32_t id, struct lm_error *e)
{
	struct shmid_ds ds;
	struct statfs fs;
	char path[80];
	int fd = -1;
	char *p;

	p = shmctl(id, IPC_STAT, &ds) ? (void *)-1 : shmat(id, NULL, 0);
	if (p == (void *)-1)
		return lm_fail_errno(e, LM_FAILED, "System V segment %u", id);
	/* Whole pages, or huge ones. */
	if (ds.shm_segsz) {
		size_t size = (ds.shm_segsz + 4095) & ~(size_t)4095;

		snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx",
			 (unsigned long)p, (unsigned long)p + size);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	shmdt(p);
	if (fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "System V segment %u", id);
	if (!fstatfs(fd, &fs) && fs.f_type == HUGETLBFS_MAGIC) {
		close(fd);
		return lm_fail(e, LM_REFUSED,
			       "System V segment %u is of huge pages: not supported", id);
	}
	return fd;
}

static int put_range(struct lm_ipc_out *out, int fd, off_t from, off_t to,
		     struct lm_error *e)
{
	char buf[LM_IPC_PIECE];

	while (from < to) {
		size_t want = to - from < LM_IPC_PIECE ? to - from : LM_IPC_PIECE;
		ssize_t n = pread(fd, buf, want, from);

		if (n <= 0)
			return lm_fail_errno(e, LM_FAILED, "System V segment %u",
					     out->o->id);
		if (lm_ipc_put(out, from, buf, n, e))
			return -1;
		from += n;
	}
	return 0;
}

static int contents(const struct lm_ipc *o, struct lm_ipc_out *out,
		    struct lm_error *e)
{
	off_t from, to = 0;
	int fd, ret = 0;

	if (o->attached)
		return 0;
	fd = lm_ipc_shm_open(o->id, e);
	if (fd < 0)
		return -1;
	while (!ret && (from = lseek(fd, to, SEEK_DATA)) >= 0) {
		to = lseek(fd, from, SEEK_HOLE);
		ret = put_range(out, fd, from, to, e);
	}
	close(fd);
	return ret;
}

static int get(const struct lm_ipc *o)
{
	/* What is marked for removal has lost its key. */
	return shmget(o->perm.mode & SHM_DEST ? IPC_PRIVATE : (key_t)o->perm.key,
		      o->size, IPC_CREAT | IPC_EXCL | (o->perm.mode & 0777));
}

static int fill(const struct lm_ipc *o, const struct lm_obj *rec, struct lm_error *e)
{
	int fd = -1, ret = 0;

	for (const struct nlattr *a = NULL; !ret && (a = lm_next(rec->raw, rec->len, a));) {
		uint64_t offset;
		const void *p;
		size_t len;

		if (lm_type(a) != LM_IPC_BYTES)
			continue;
		p = lm_ipc_bytes(a, &offset, &len);
		if (!p || offset > o->size || len > o->size - offset) {
			ret = lm_fail(e, LM_REFUSED,
				      "System V segment %u: contents beyond its end", o->id);
			break;
		}
		if (fd < 0)
			fd = lm_ipc_shm_open(o->id, e);
		if (fd < 0)
			return -1;
		if (pwrite(fd, p, len, offset) != (ssize_t)len)
			ret = lm_fail_errno(e, LM_FAILED, "System V segment %u", o->id);
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Called when all who have it attached do. */
static int set(const struct lm_ipc *o)
{
	struct shmid_ds ds = {
		.shm_perm.uid = o->perm.uid,
		.shm_perm.gid = o->perm.gid,
		.shm_perm.mode = o->perm.mode & 0777,
	};

	if (shmctl(o->id, IPC_SET, &ds) ||
	    (o->perm.mode & SHM_LOCKED && shmctl(o->id, SHM_LOCK, NULL)))
		return -1;
	return o->perm.mode & SHM_DEST ? shmctl(o->id, IPC_RMID, NULL) : 0;
}

static int remove_id(uint32_t id)
{
	return shmctl(id, IPC_RMID, NULL);
}

const struct lm_ipc_kind lm_ipc_shm = {
	.name		= "shm",
	.what		= "shared memory segment",
	.last		= last,
	.stat		= stat_index,
	.contents	= contents,
	.get		= get,
	.fill		= fill,
	.set		= set,
	.remove		= remove_id,
};
