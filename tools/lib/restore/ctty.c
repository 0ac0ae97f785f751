// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Controlling terminals. The leader of a session makes a pty that of its session,
 * and one of its groups the foreground one; to the others, who were born before, the
 * module gives what their leader has.
 */
#include <asm/ioctls.h>
#include <fcntl.h>
#include <stdio.h>

#include "internal.h"
#include "../kinds/tty.h"

int lm_ctty_take(struct lm_restorer *r, struct lm_proc *p,
		 const struct lm_process *mp, struct lm_error *e)
{
	const struct nlattr *nr = mp->obj.tb[LIVEMIG_PROCESS_CTTY];
	int fd = r->fd_base + LM_HELPER_FDS, group;
	char path[32];
	struct lm_batch *b;
	int ret;

	if (!nr || p->sid != p->pid)
		return 0;
	snprintf(path, sizeof(path), "/dev/pts/%u", lm_u32(nr));
	group = lm_pty_group(&r->m, lm_u32(nr));
	b = lm_batch_new(p->remote);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	ret = lm_batch_add(b, __NR_openat, AT_FDCWD, LM_DATA(lm_batch_str(b, path)),
			   O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
	lm_batch_add(b, LM_NR_MOVE_FD, LM_RESULT(ret), fd, 1);
	lm_batch_add(b, __NR_ioctl, fd, TIOCSCTTY, 0);
	if (group > 0 && lm_model_process(&r->m, group))
		lm_batch_add(b, __NR_ioctl, fd, TIOCSPGRP,
			     LM_DATA(lm_batch_data(b, &group, sizeof(group))));
	lm_batch_add(b, __NR_close, fd);
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret ? lm_prefix(e, "pid %u: controlling terminal %s", p->pid, path) : 0;
}
