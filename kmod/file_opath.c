// SPDX-License-Identifier: GPL-2.0
/*
 * Descriptors opened with O_PATH: the name of a file and nothing else, whatever
 * the file is (symbolic links can be open in this way only).
 *
 * Locking: none; words of a referenced file.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include "file_kinds.h"

static bool is_opath(struct file *f)
{
	return f->f_mode & FMODE_PATH;
}

static const char *opath_unsupported(struct lm_dump *d, struct file *f,
				     bool *transient)
{
	const struct super_block *sb = file_inode(f)->i_sb;

	if (sb->s_flags & (SB_NOUSER | SB_KERNMOUNT) || sb->s_magic == NSFS_MAGIC)
		return "O_PATH descriptor of";
	return d_unlinked(f->f_path.dentry) ? "O_PATH descriptor of the deleted" :
					      NULL;
}

const struct lm_file_kind lm_file_opath = {
	.name = "O_PATH descriptor",
	.type = LIVEMIG_FILE_OPATH,
	.match = is_opath,
	.unsupported = opath_unsupported,
};
