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
extern const struct lm_file_kind lm_file_eventfd;	/* file_anon.c */
extern const struct lm_file_kind lm_file_epoll;
extern const struct lm_file_kind lm_file_timerfd;
extern const struct lm_file_kind lm_file_signalfd;
extern const struct lm_file_kind lm_file_inotify;
extern const struct lm_file_kind lm_file_pidfd;
extern const struct lm_file_kind lm_file_memfd;		/* file_shmem.c */
extern const struct lm_file_kind lm_file_tty;		/* file_named.c */
extern const struct lm_file_kind lm_file_chr;
extern const struct lm_file_kind lm_file_dir;
extern const struct lm_file_kind lm_file_reg;
extern const struct lm_file_kind lm_file_unknown;	/* file_anon.c */

/* file_lock.c: a lock or lease that @files holds by @f, or NULL. */
struct files_struct;
const char *lm_file_locked(struct file *f, struct files_struct *files);

#endif
