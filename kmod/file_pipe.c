// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes and named FIFOs. FILE_A_INO pairs the ends; what is in the pipe is
 * taken by user space (tee through pidfd_getfd on the holder).
 *
 * Locking: none; words of a referenced file.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include "file_kinds.h"

static bool is_pipe(struct file *f)
{
	return file_inode(f)->i_sb->s_magic == PIPEFS_MAGIC;
}

static bool is_fifo(struct file *f)
{
	return S_ISFIFO(file_inode(f)->i_mode);
}

static const char *fifo_unsupported(struct lm_dump *d, struct file *f,
				    bool *transient)
{
	return d_unlinked(f->f_path.dentry) ? "deleted FIFO" : NULL;
}

const struct lm_file_kind lm_file_pipe = {
	.name = "pipe",
	.type = LIVEMIG_FILE_PIPE,
	.match = is_pipe,
};

const struct lm_file_kind lm_file_fifo = {
	.name = "FIFO",
	.type = LIVEMIG_FILE_FIFO,
	.match = is_fifo,
	.unsupported = fifo_unsupported,
};
