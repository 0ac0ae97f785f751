// SPDX-License-Identifier: GPL-2.0
/*
 * Files that a path leads to: regular files, directories, devices.
 *
 * Locking: none; words of a referenced file.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/kdev_t.h>
#include <linux/magic.h>
#include <linux/major.h>
#include "file_kinds.h"
#include "shmem.h"
#include "state.h"
#include "wrapper/file_state.h"

/* Not those of file systems that the kernel keeps to itself, which no path
 * leads to. A namespace can be bound to a path, but is no file there.
 */
static bool is_reg(struct file *f)
{
	const struct super_block *sb = file_inode(f)->i_sb;

	return S_ISREG(file_inode(f)->i_mode) && !(sb->s_flags & SB_NOUSER) &&
	       sb->s_magic != NSFS_MAGIC;
}

static bool is_dir(struct file *f)
{
	return S_ISDIR(file_inode(f)->i_mode);
}

static bool is_chr(struct file *f)
{
	return S_ISCHR(file_inode(f)->i_mode);
}

static bool deleted(struct file *f)
{
	return d_unlinked(f->f_path.dentry) || !file_inode(f)->i_nlink;
}

static const char *reg_unsupported(struct lm_dump *d, struct file *f,
				   bool *transient)
{
	if (lm_is_hugetlb(f))
		return "hugetlb file";
	/* Of a process that has ended: nothing else leads to it, and it tells
	 * nothing.
	 */
	if (file_inode(f)->i_sb->s_magic == PROC_SUPER_MAGIC)
		return NULL;
	/* What has no name at all travels with its contents. A new file would
	 * not be the one that the other name leads to.
	 */
	return lm_name_lost(&f->f_path) ? "file that is known by another name than" :
					  NULL;
}

static const char *dir_unsupported(struct lm_dump *d, struct file *f,
				   bool *transient)
{
	const struct fown_struct *owner = lm_file_owner(f);

	/* Nothing else gives a directory somebody to be signalled. */
	if (owner && owner->pid)
		return "dnotify on the directory";
	return NULL;
}

/* Devices without state of their own are the same everywhere. */
static const char *chr_unsupported(struct lm_dump *d, struct file *f,
				   bool *transient)
{
	if (imajor(file_inode(f)) != MEM_MAJOR)
		return "device";
	switch (iminor(file_inode(f))) {
	case 3:		/* null */
	case 5:		/* zero */
	case 7:		/* full */
	case 8:		/* random */
	case 9:		/* urandom */
		return deleted(f) ? "deleted device" : NULL;
	}
	return "device";
}

const struct lm_file_kind lm_file_chr = {
	.name = "character device",
	.type = LIVEMIG_FILE_CHR,
	.match = is_chr,
	.unsupported = chr_unsupported,
};

const struct lm_file_kind lm_file_dir = {
	.name = "directory",
	.type = LIVEMIG_FILE_DIR,
	.match = is_dir,
	.unsupported = dir_unsupported,
};

const struct lm_file_kind lm_file_reg = {
	.name = "regular file",
	.type = LIVEMIG_FILE_REG,
	.match = is_reg,
	.unsupported = reg_unsupported,
};
