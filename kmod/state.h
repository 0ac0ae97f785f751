/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files that serialise a process share: task.c, process.c, thread.c,
 * mm.c, files.c, check.c and their kin.
 */
#ifndef _LIVEMIG_STATE_H
#define _LIVEMIG_STATE_H

#include <linux/path.h>
#include "dump.h"

struct cred;
struct mm_struct;

/* process.c: the PROCESS object. */
int lm_put_fs(struct task_struct *t, struct sk_buff *obj, int umask_attr,
	      int cwd_attr, int root_attr);
int lm_dump_proc(struct lm_dump *d, struct task_struct **threads, int n);

int lm_dump_dead_proc(struct lm_dump *d, struct task_struct *t);
int lm_put_cgroup(struct lm_dump *d, struct task_struct *t, struct sk_buff *obj,
		  int attr);
bool lm_lives_inside(struct lm_dump *d, struct task_struct *leader);
struct task_struct *lm_leader_get(struct task_struct *t);

/* check.c: what stands in the way of moving the process and its threads. */
int lm_check_process(struct lm_dump *d, struct task_struct **threads, int n);

/* pidns.c */
struct pid_namespace *lm_pidns_of_tasks(struct lm_dump *d);
const char *lm_pidns_obstacle(struct lm_dump *d, struct task_struct *t);
int lm_put_inner_pids(struct lm_dump *d, struct task_struct *t,
		      struct sk_buff *obj);

/* time.c: CLOCK_BOOTTIME of a task is ahead of the host's by so many ns. */
s64 lm_boottime_offset(struct task_struct *t);

/* files.c: id of a file that a mapping names; dumps it at first sight. */
int lm_mapped_file(struct lm_dump *d, struct task_struct *t, struct file *f,
		   u32 *id);

/* files.c: a file that no descriptor names. */
int lm_dump_file(struct lm_dump *d, struct task_struct *t, struct file *f,
		 bool *first);

/* file_shmem.c: id of the shared memory behind @f; dumps it at first sight. */
int lm_shmem_object(struct lm_dump *d, struct file *f, u32 *id);

/* sem_undo.c: SEM_UNDO of a process, into its PROCESS object. */
int lm_put_sem_undo(struct lm_dump *d, struct task_struct **threads, int n,
		    struct sk_buff *obj);

/* keyring.c: that there are keys, into a THREAD object. */
int lm_put_keyrings(struct sk_buff *obj, const struct cred *cred);

/* file_tty.c: number of the controlling pty; -1: none, -2: another terminal. */
int lm_ctty(struct task_struct *t);

/* path.c: paths as the caller sees them. A file with several names whose own was
 * removed is told by another one; lm_name_lost(): none is known.
 */
bool lm_name_lost(const struct path *path);
int lm_put_path(struct sk_buff *obj, int attr, const struct path *path);

enum lm_place {
	LM_PLACE_OWN,		/* the mount namespace of who has it */
	LM_PLACE_HOST,		/* that of the caller */
	LM_PLACE_NONE		/* neither */
};
enum lm_place lm_path_place(struct task_struct *t, const struct path *path);
int lm_unsupported_path(struct lm_dump *d, struct task_struct *t, int fd,
			const char *remedy, const char *what,
			const struct path *path);

#endif
