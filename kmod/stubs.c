// SPDX-License-Identifier: GPL-2.0
/*
 * Stand-ins for parts that are not merged yet: weak, so that the real ones win
 * by being there. Remove each with the arrival of its file.
 * Locking: none.
 */
#include <linux/fs.h>
#include <linux/magic.h>

#include "dump.h"
#include "restore.h"
#include "state.h"
#include "track.h"

bool __weak lm_is_shmem_object(struct file *f)
{
	const struct super_block *sb = file_inode(f)->i_sb;

	return sb->s_magic == TMPFS_MAGIC && (sb->s_flags & SB_KERNMOUNT) &&
	       S_ISREG(file_inode(f)->i_mode);
}

int __weak lm_track_start(struct lm_session *s, struct netlink_ext_ack *extack)
{
	return -EOPNOTSUPP;
}

void __weak lm_track_stop(struct lm_session *s)
{
}

int __weak lm_pages(struct lm_session *s, struct file *out, u32 flags,
		    struct lm_stats *st, struct netlink_ext_ack *extack)
{
	return -EOPNOTSUPP;
}

int __weak lm_stats_put(struct sk_buff *skb, int attrtype,
			const struct lm_stats *st)
{
	return 0;
}

int __weak lm_apply(struct task_struct *t, struct livemig_ioc_apply *a)
{
	return -EOPNOTSUPP;
}
