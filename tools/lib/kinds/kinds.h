/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kinds share with each other, and with nobody else. */
#ifndef LM_KINDS_H
#define LM_KINDS_H

#include "kind.h"

struct stat;

extern const struct lm_file_kind lm_kind_reg;
extern const struct lm_file_kind lm_kind_dir;
extern const struct lm_file_kind lm_kind_tty;
extern const struct lm_file_kind lm_kind_chr;
extern const struct lm_file_kind lm_kind_pipe;
extern const struct lm_file_kind lm_kind_fifo;
extern const struct lm_file_kind lm_kind_eventfd;
extern const struct lm_file_kind lm_kind_epoll;
extern const struct lm_file_kind lm_kind_timerfd;
extern const struct lm_file_kind lm_kind_signalfd;
extern const struct lm_file_kind lm_kind_memfd;
extern const struct lm_file_kind lm_kind_opath;
extern const struct lm_file_kind lm_kind_pidfd;
extern const struct lm_file_kind lm_kind_inotify;
extern const struct lm_file_kind lm_kind_mqueue;
extern const struct lm_file_kind lm_kind_packet;
extern const struct lm_file_kind lm_kind_deleted;

/* Flags that are given to open(): what F_GETFL told, without those that would
 * create or cut a file.
 */
int lm_kind_open_flags(const struct lm_file *f);
/* Open the file behind @fd once more: a description of its own. */
int lm_kind_reopen(int fd, int flags);
/* F_SETFL with the flags of @f; not O_ASYNC: see restore/files.c. */
int lm_kind_setfl(const struct lm_file *f, struct lm_error *e);
/* Source: an fd of our own for the open file of the (frozen) holder, or of one that
 * is in flight.
 */
int lm_kind_grab(const struct lm_file *f, struct lm_error *e);
/* Source: can it not be taken before the container is frozen? */
bool lm_kind_later(const struct lm_file *f);
/* The text after "key:" in the fdinfo of @f, without blanks; NULL: not there. */
const char *lm_kind_fdinfo(const struct lm_file *f, const char *key);
/* ... in any text like that; NULL: there is none. */
const char *lm_kind_line(const char *text, const char *key);
/* A regular file without a name, which moves with its contents. */
bool lm_kind_is_deleted(const struct lm_file *f);
/* A file or directory of /proc/PID: refused if that is somebody outside. */
int lm_kind_check_proc(const struct lm_model *m, const struct lm_file *f,
		       struct lm_error *e);
/* ... of a process that is not in the container any more; and how it is opened. */
bool lm_kind_is_dead_proc(const struct lm_model *m, const struct lm_file *f);
int lm_kind_open_dead_proc(struct lm_file *f, struct lm_error *e);
/* A directory that was removed. */
bool lm_kind_is_removed(const struct lm_file *f);
/* What its path leads to could not be opened: errno tells why. Return: -1 */
int lm_kind_no_file(const char *path, struct lm_error *e);
/* Is the regular file behind @fd the one that the source had? By size, time of
 * modification and build-id; LM_REFUSED if not.
 */
int lm_kind_same(const struct lm_file *f, int fd, struct lm_error *e);
/* ... which needs no more than this look, if @st is of that name here. */
bool lm_kind_is_plain(const struct lm_file *f, const struct stat *st);
int lm_kind_open_path(struct lm_restorer *r, struct lm_file *f,
		      struct lm_error *e);

#endif
