// SPDX-License-Identifier: GPL-2.0
/*
 * MOUNT: which mounts, and which of their flags, are fixed for who is privileged in
 * the user namespace of their mount namespace only. The VFS sets this when it copies
 * mounts into such a namespace, and never shows it.
 *
 * Locking: none. mnt_flags belongs to mount_lock, which modules do not have: bits are
 * added by cmpxchg, so that nothing is written back that somebody has changed, and a
 * bit that was lost to somebody's own update is found missing.
 */
#include <linux/atomic.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>

#include "restore.h"

static const struct {
	u32 lock;
	int flag;
} locks[] = {
	{ LIVEMIG_MOUNT_F_PLACE, MNT_LOCKED },
	{ LIVEMIG_MOUNT_F_READ_ONLY, MNT_LOCK_READONLY },
	{ LIVEMIG_MOUNT_F_NODEV, MNT_LOCK_NODEV },
	{ LIVEMIG_MOUNT_F_NOSUID, MNT_LOCK_NOSUID },
	{ LIVEMIG_MOUNT_F_NOEXEC, MNT_LOCK_NOEXEC },
	{ LIVEMIG_MOUNT_F_ATIME, MNT_LOCK_ATIME },
};

static int add_flags(struct vfsmount *mnt, int flags)
{
	int old = READ_ONCE(mnt->mnt_flags);

	while (!try_cmpxchg(&mnt->mnt_flags, &old, old | flags))
		;
	return (READ_ONCE(mnt->mnt_flags) & flags) == flags ? 0 : -EBUSY;
}

/**
 * lm_mount() - LIVEMIG_IOC_MOUNT
 * @a: the caller's argument, not yet checked; told what is fixed
 *
 * Return: 0 or -errno as told in the uapi header.
 */
int lm_mount(struct livemig_ioc_mount *a)
{
	struct vfsmount *mnt;
	int i, flags = 0, ret;
	struct file *f;

	if (a->resv || a->add & ~LIVEMIG_MOUNT_F_ALL)
		return -EINVAL;
	f = fget_raw(a->fd);
	if (!f)
		return -EBADF;
	mnt = f->f_path.mnt;
	for (i = 0; i < ARRAY_SIZE(locks); i++)
		if (a->add & locks[i].lock)
			flags |= locks[i].flag;
	ret = flags ? add_flags(mnt, flags) : 0;
	flags = READ_ONCE(mnt->mnt_flags);
	a->locks = 0;
	for (i = 0; i < ARRAY_SIZE(locks); i++)
		if (flags & locks[i].flag)
			a->locks |= locks[i].lock;
	fput(f);
	return ret;
}
