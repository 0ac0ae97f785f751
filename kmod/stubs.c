// SPDX-License-Identifier: GPL-2.0
/*
 * Stand-ins for parts that are not merged yet: weak, so that the real ones win
 * by being there. Remove each with the arrival of its file.
 * Locking: none.
 */
#include "dump.h"
#include "restore.h"
#include "track.h"

int __weak lm_device_init(void)
{
	return 0;
}

void __weak lm_device_exit(void)
{
}

int __weak lm_dump_process(struct lm_dump *d, struct task_struct **threads, int n)
{
	struct sk_buff *obj = lm_obj_begin(d, LIVEMIG_OBJ_PROCESS);

	if (!obj)
		return -ENOMEM;
	if (nla_put_u32(obj, LIVEMIG_PROCESS_PID,
			task_tgid_nr_ns(threads[0], d->s->pid_ns)) ||
	    nla_put_u32(obj, LIVEMIG_PROCESS_THREADS, n)) {
		kfree_skb(obj);
		return -EMSGSIZE;
	}
	lm_obj_end(d, obj);
	return 0;
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
