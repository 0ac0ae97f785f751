// SPDX-License-Identifier: GPL-2.0
/*
 * Locks and leases on open files. They belong to an open file (flock, OFD
 * locks, leases) or to a descriptor table (POSIX locks).
 *
 * Locking: flc_lock of the inode, a spin lock, taken and left in here.
 */
#include <linux/fs.h>
#include "file_kinds.h"
#include "wrapper/file_state.h"

static bool lock_in(struct list_head *list, struct file *f,
		    struct files_struct *files)
{
	struct file_lock *fl;

	lm_for_each_lock(fl, list)
		if (lm_lock_owner(fl) == (fl_owner_t)files ||
		    lm_lock_owner(fl) == (fl_owner_t)f)
			return true;
	return false;
}

static bool lease_in(struct list_head *list, struct file *f)
{
	lm_lease_t *fl;

	lm_for_each_lease(fl, list)
		if (lm_lock_file(fl) == f)
			return true;
	return false;
}

/**
 * lm_file_locked - does an open file carry a lock
 * @f: the file, referenced
 * @files: table that has it open, as an owner of POSIX locks
 *
 * Return: what kind of lock, or NULL.
 */
const char *lm_file_locked(struct file *f, struct files_struct *files)
{
	struct file_lock_context *ctx = smp_load_acquire(&file_inode(f)->i_flctx);
	const char *what = NULL;

	if (!ctx)
		return NULL;
	spin_lock(&ctx->flc_lock);
	if (lock_in(&ctx->flc_flock, f, files) ||
	    lock_in(&ctx->flc_posix, f, files))
		what = "file lock on";
	else if (lease_in(&ctx->flc_lease, f))
		what = "lease on";
	spin_unlock(&ctx->flc_lock);
	return what;
}
