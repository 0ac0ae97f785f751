// SPDX-License-Identifier: GPL-2.0
/*
 * CREDS: a helper takes the coordinator's credentials again. What belongs to a user
 * namespace is made by tasks that are in it, and user space has no way out of one;
 * helpers should be privileged, on the other hand, until they are to become
 * somebody else.
 *
 * Locking: r->lock, for the state. Credentials change in their task only.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/sched/signal.h>

#include "restore.h"

/**
 * lm_restore_creds() - LIVEMIG_IOC_CREDS
 * @r: the restore, whose file was opened by somebody with CAP_SYS_ADMIN
 *
 * Who has the file has got it from him and is a helper. From the first thread on,
 * which is before the first helper has the ids of somebody else, others may trace
 * helpers or take their files: then there is no way back. Takes r->lock; sleeps.
 * Return: 0; -EINVAL: there are other threads; -EBUSY: too late.
 */
int lm_restore_creds(struct lm_restore *r)
{
	int ret = -EBUSY;

	if (!thread_group_empty(current))
		return -EINVAL;
	mutex_lock(&r->lock);
	/* (shared, as by fork(): nobody writes to credentials in use) */
	if (r->state == LM_RESTORE_ADDING && list_empty(&r->threads))
		ret = commit_creds((struct cred *)get_cred(r->file->f_cred));
	mutex_unlock(&r->lock);
	return ret;
}
