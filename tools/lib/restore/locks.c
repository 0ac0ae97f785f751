// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * File locks. Those of an open file (flock, OFD) are taken by the coordinator,
 * who has it open as well; POSIX locks by the process itself, after its last
 * close() of any file: that would release them. A lock that is held here by
 * somebody else is an obstacle, never waited for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "internal.h"
#include "../kinds/kind.h"

/* FILE objects have locks in as many attributes as it took. */
static const struct livemig_lock *next_locks(const struct lm_file *f,
					     const struct nlattr **at, size_t *n)
{
	while ((*at = lm_next(f->obj.raw, f->obj.len, *at)))
		if (lm_type(*at) == LIVEMIG_FILE_A_LOCKS)
			return lm_array(*at, sizeof(struct livemig_lock), n);
	return NULL;
}

static struct flock range_of(const struct livemig_lock *l)
{
	return (struct flock){
		.l_type = l->type,
		.l_whence = SEEK_SET,
		.l_start = l->start,
		.l_len = l->end >= INT64_MAX ? 0 : l->end - l->start + 1,
	};
}

static int held(const struct lm_file *f, int err, struct lm_error *e)
{
	errno = err;
	if (err == EAGAIN || err == EACCES)
		return lm_fail(e, LM_REFUSED,
			       "%s: somebody here holds a lock on it; end that first",
			       f->path ?: f->name);
	return lm_fail_errno(e, LM_FAILED, "%s: lock", f->path ?: f->name);
}

static int take(const struct lm_file *f, const struct livemig_lock *l,
		struct lm_error *e)
{
	struct flock range = range_of(l);
	int ret;

	if (l->kind == LIVEMIG_LOCK_FLOCK)
		ret = flock(f->fd, (l->type == F_WRLCK ? LOCK_EX : LOCK_SH) | LOCK_NB);
	else
		ret = fcntl(f->fd, F_OFD_SETLK, &range);
	return ret ? held(f, errno, e) : 0;
}

int lm_locks_of_file(const struct lm_file *f, struct lm_error *e)
{
	const struct livemig_lock *l;
	const struct nlattr *at = NULL;
	size_t n;

	while ((l = next_locks(f, &at, &n)))
		for (size_t i = 0; i < n; i++)
			if (l[i].kind != LIVEMIG_LOCK_POSIX && take(f, &l[i], e))
				return -1;
	return 0;
}

static int take_posix(struct lm_proc *p, int fd, const struct lm_file *f,
		      const struct livemig_lock *l, struct lm_error *e)
{
	struct flock range = range_of(l);
	struct lm_batch *b = lm_batch_new(p->remote);
	int ret = 0, call;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	call = lm_batch_try(b, __NR_fcntl, fd, F_SETLK,
			    LM_DATA(lm_batch_data(b, &range, sizeof(range))));
	if (lm_batch_run(b, e))
		ret = -1;
	else if (lm_batch_result(b, call) < 0)
		ret = held(f, -lm_batch_result(b, call), e);
	lm_batch_free(b);
	return ret;
}

int lm_locks_of_process(struct lm_restorer *r, struct lm_proc *p,
			const struct lm_process *mp, struct lm_error *e)
{
	for (size_t i = 0; i < mp->files->nr_fds; i++) {
		const struct livemig_fd *fd = &mp->files->fds[i];
		const struct lm_file *f = lm_model_file(&r->m, fd->file);
		const struct nlattr *at = NULL;
		const struct livemig_lock *l;
		size_t n;

		while ((l = next_locks(f, &at, &n)))
			for (size_t j = 0; j < n; j++)
				if (l[j].kind == LIVEMIG_LOCK_POSIX &&
				    l[j].owner == mp->files_id &&
				    take_posix(p, fd->fd, f, &l[j], e))
					return -1;
	}
	return 0;
}
