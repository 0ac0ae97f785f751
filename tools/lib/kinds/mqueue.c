// SPDX-License-Identifier: LGPL-2.1-or-later
/* Open POSIX message queues. The queues themselves are IPC records. */
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_MQUEUE;
}

static int mqueue_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct nlattr *pos = f->obj.tb[LIVEMIG_FILE_A_POS];
	int fd = lm_restorer_mqueue(r, lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]));

	if (fd < 0)
		return lm_fail(e, LM_REFUSED, "POSIX message queue /%s is missing",
			       f->name ?: "");
	f->fd = lm_kind_reopen(fd, lm_kind_open_flags(f));
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "POSIX message queue /%s", f->name ?: "");
	/* What read() has told of its state. */
	if (pos)
		lseek(f->fd, (off_t)lm_u64(pos), SEEK_SET);
	return 0;
}

const struct lm_file_kind lm_kind_mqueue = {
	.name	= "POSIX message queue",
	.match	= match,
	.open	= mqueue_open,
};
