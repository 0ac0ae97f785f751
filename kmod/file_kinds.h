/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kinds of open files; each is defined beside its functions and listed in
 * the table of files.c. A new kind is an entry here and a line there.
 */
#ifndef _LIVEMIG_FILE_KINDS_H
#define _LIVEMIG_FILE_KINDS_H

#include "dump.h"

extern const struct lm_file_kind lm_file_socket;	/* sock.c */
extern const struct lm_file_kind lm_file_pipe;		/* file_pipe.c */
extern const struct lm_file_kind lm_file_fifo;
extern const struct lm_file_kind lm_file_eventfd;	/* file_eventfd.c */
extern const struct lm_file_kind lm_file_epoll;		/* file_anon.c */
extern const struct lm_file_kind lm_file_timerfd;
extern const struct lm_file_kind lm_file_signalfd;
extern const struct lm_file_kind lm_file_inotify;	/* file_inotify.c */
extern const struct lm_file_kind lm_file_pidfd;		/* file_anon.c */
extern const struct lm_file_kind lm_file_memfd;		/* file_shmem.c */
extern const struct lm_file_kind lm_file_opath;	/* file_opath.c */
extern const struct lm_file_kind lm_file_mqueue;	/* file_mqueue.c */
extern const struct lm_file_kind lm_file_tty;		/* file_tty.c */
extern const struct lm_file_kind lm_file_chr;		/* file_named.c */
extern const struct lm_file_kind lm_file_dir;
extern const struct lm_file_kind lm_file_reg;
extern const struct lm_file_kind lm_file_unknown;	/* file_anon.c */

/* file_anon.c */
const char *lm_anon_name(struct file *f);
struct seq_file;
typedef void (*lm_show_t)(struct seq_file *m, struct file *f);
ssize_t lm_fdinfo_text(struct file *f, lm_show_t show, char **text);
int lm_put_text(struct sk_buff *obj, struct file *f, lm_show_t show);
int lm_put_more_text(struct lm_dump *d, struct file *f, u32 file_id, u32 type,
		     lm_show_t show);

/* file_lock.c: locks that are held through @f, those of its descriptor table too. */
struct files_struct;
int lm_dump_locks(struct lm_dump *d, struct file *f, struct files_struct *files,
		  u32 owner, u32 id, u32 type);
int lm_put_lease(struct lm_dump *d, struct task_struct *t, int fd, struct file *f,
		 struct sk_buff *obj);

#endif
