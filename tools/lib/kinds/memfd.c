// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Memfds: the memory is a SHMEM object, filled by PAGES; each open file of it
 * is opened from the one fd that the restorer made.
 */
#include <fcntl.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_MEMFD;
}

static int memfd_open(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e)
{
	const struct lm_shmem *s = lm_model_shmem(lm_restorer_model(r),
						  f->shmem_id);
	const struct nlattr *pos = f->obj.tb[LIVEMIG_FILE_A_POS];

	if (!s || s->fd < 0)
		return lm_fail(e, LM_FAILED, "memfd: shared memory %u is missing",
			       f->shmem_id);
	f->fd = lm_kind_reopen(s->fd, lm_kind_open_flags(f));
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "memfd %s", s->name ?: "");
	if (!(f->flags & O_PATH) && pos &&
	    lseek(f->fd, (off_t)lm_u64(pos), SEEK_SET) < 0)
		return lm_fail_errno(e, LM_FAILED, "memfd %s: position",
				     s->name ?: "");
	return 0;
}

const struct lm_file_kind lm_kind_memfd = {
	.name	= "memfd",
	.match	= match,
	.open	= memfd_open,
};
