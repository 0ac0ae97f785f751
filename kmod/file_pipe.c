// SPDX-License-Identifier: GPL-2.0
/*
 * Pipes and named FIFOs. FILE_A_INO pairs the ends; what is in the pipe is
 * taken by user space (tee through pidfd_getfd on the holder). How many have each
 * end open, in the container or not, is told by a text like fdinfo:
 *
 *	readers:	1
 *	writers:	2
 *
 * Locking: none; words of a referenced file.
 */
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/pipe_fs_i.h>
#include <linux/seq_file.h>
#include "file_kinds.h"
#include "state.h"

static bool is_pipe(struct file *f)
{
	return file_inode(f)->i_sb->s_magic == PIPEFS_MAGIC;
}

static bool is_fifo(struct file *f)
{
	return S_ISFIFO(file_inode(f)->i_mode);
}

static void show(struct seq_file *m, struct file *f)
{
	const struct pipe_inode_info *pipe = f->private_data;

	seq_printf(m, "readers:\t%u\nwriters:\t%u\n", READ_ONCE(pipe->readers),
		   READ_ONCE(pipe->writers));
}

static int dump_ends(struct lm_dump *d, struct task_struct *t, int fd,
		     struct file *f, struct sk_buff *obj)
{
	return lm_put_text(obj, f, show);
}

static const char *fifo_unsupported(struct lm_dump *d, struct file *f,
				    bool *transient)
{
	return lm_name_lost(&f->f_path) ? "FIFO that has lost its name" : NULL;
}

const struct lm_file_kind lm_file_pipe = {
	.name = "pipe",
	.type = LIVEMIG_FILE_PIPE,
	.match = is_pipe,
	.dump = dump_ends,
};

const struct lm_file_kind lm_file_fifo = {
	.name = "FIFO",
	.type = LIVEMIG_FILE_FIFO,
	.match = is_fifo,
	.dump = dump_ends,
	.unsupported = fifo_unsupported,
};
