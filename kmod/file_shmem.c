// SPDX-License-Identifier: GPL-2.0
/*
 * Shared memory without a name in a file system: memfds, System V segments, and
 * what is behind shared anonymous mappings. The bytes travel as pages (PAGES
 * records).
 *
 * Locking: none; the file is referenced, and single words of its inode read.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/shmem_fs.h>
#include "file_kinds.h"
#include "shmem.h"
#include "track.h"
#include "state.h"

/* A System V segment has its id for inode number. */
static int put_sysv(struct file *f, struct sk_buff *obj)
{
	if (strncmp(f->f_path.dentry->d_name.name, "SYSV", 4))
		return 0;
	return nla_put_u32(obj, LIVEMIG_SHMEM_SYSV, file_inode(f)->i_ino);
}

static u32 seals(struct file *f)
{
#ifdef CONFIG_HUGETLBFS
	if (lm_is_hugetlb(f))
		return HUGETLBFS_I(file_inode(f))->seals;
#endif
	return SHMEM_I(file_inode(f))->seals;
}

static int put_shmem(struct file *f, u32 id, struct sk_buff *obj)
{
	struct inode *inode = file_inode(f);

	return nla_put_u32(obj, LIVEMIG_SHMEM_ID, id) ?:
	       nla_put_u64_64bit(obj, LIVEMIG_SHMEM_SIZE, i_size_read(inode),
				 LIVEMIG_SHMEM_PAD) ?:
	       nla_put_string(obj, LIVEMIG_SHMEM_NAME,
			      f->f_path.dentry->d_name.name) ?:
	       nla_put_u32(obj, LIVEMIG_SHMEM_SEALS, seals(f)) ?:
	       nla_put_u32(obj, LIVEMIG_SHMEM_MODE, inode->i_mode) ?:
	       (lm_is_hugetlb(f) ? nla_put_u32(obj, LIVEMIG_SHMEM_HUGE_SHIFT,
					       inode->i_blkbits) : 0) ?:
	       put_sysv(f, obj);
}

/**
 * lm_shmem_object - id of the shared memory behind a file
 * @d: the dump
 * @f: a file for which lm_is_shmem_object() is true, referenced
 * @id: set to the id
 *
 * Queues a SHMEM object at first sight. Sleeps.
 * Return: 0, -ENOMEM or -EMSGSIZE.
 */
int lm_shmem_object(struct lm_dump *d, struct file *f, u32 *id)
{
	struct sk_buff *obj;
	bool first;
	int err;

	lm_track_inode(d->s, file_inode(f));
	*id = lm_dump_id(d, LM_ID_SHMEM, file_inode(f), &first);
	if (!*id)
		return -ENOMEM;
	if (!first)
		return 0;
	obj = lm_obj_begin(d, LIVEMIG_OBJ_SHMEM);
	if (!obj)
		return -ENOMEM;
	err = put_shmem(f, *id, obj);
	if (err)
		kfree_skb(obj);
	else
		lm_obj_end(d, obj);
	return err;
}

static int dump_memfd(struct lm_dump *d, struct task_struct *t, int fd,
		      struct file *f, struct sk_buff *obj)
{
	u32 id;

	return lm_shmem_object(d, f, &id) ?:
	       nla_put_u32(obj, LIVEMIG_FILE_A_SHMEM_ID, id);
}

const struct lm_file_kind lm_file_memfd = {
	.name = "memfd",
	.type = LIVEMIG_FILE_MEMFD,
	.match = lm_is_shmem_object,
	.dump = dump_memfd,
};
