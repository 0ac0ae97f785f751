/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A session: one container under work.
 *
 * Locking: the list of sessions is guarded by lm_sessions_lock (a mutex) in
 * session.c; everything in a session by its own ->lock, which pre_doit takes
 * for every command. ->lock may be held for long and is always taken killable.
 * Order: lm_sessions_lock, then ->lock, then mmap_lock.
 */
#ifndef _LIVEMIG_SESSION_H
#define _LIVEMIG_SESSION_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/hashtable.h>
#include <linux/workqueue.h>
#include <linux/livemig.h>

struct cgroup;
struct file;
struct net;
struct pid_namespace;
struct task_struct;
struct lm_tracker;

/* What an object id stands for; ids are unique within one space. */
enum lm_idspace {
	LM_ID_MM,		/* struct mm_struct */
	LM_ID_FILES,		/* struct files_struct */
	LM_ID_FS,		/* struct fs_struct */
	LM_ID_FILE,		/* struct file of an fd, or struct inode of a mapped file */
	LM_ID_SHMEM,		/* struct inode */
	LM_ID_MAX
};

struct lm_session {
	struct list_head list;
	refcount_t refs;
	struct mutex lock;
	bool gone;		/* deleted: holders of a reference must not use it */
	u32 id;
	u32 flags;		/* enum livemig_session_flags */
	u32 portid;		/* of the owner, unless persistent */
	char name[LIVEMIG_NAME_MAX + 1];
	enum livemig_state state;
	struct cgroup *cgrp;
	struct file *dir;	/* the cgroup's directory */
	struct file *freeze_file; /* its cgroup.freeze, open for writing */
	struct pid_namespace *pid_ns; /* the owner's: pids are given in it */
	u32 next_id[LM_ID_MAX];
	DECLARE_HASHTABLE(ids, 8);
	u32 cookie;		/* of the last TASK_GET */
	u32 round;		/* the next one */
	struct lm_tracker *tracker; /* NULL: not tracked; track.c */
	struct work_struct teardown;
};

/* Number of @ptr in @space, given on first sight (then *@is_new is true;
 * @is_new may be NULL). Caller holds s->lock. Return: id >= 1, 0 on ENOMEM.
 * The session holds no reference to the object: see lm_id_forget().
 */
u32 lm_id(struct lm_session *s, enum lm_idspace space, const void *ptr,
	  bool *is_new);
/* The object is about to go (its pointer may be used again). */
void lm_id_forget(struct lm_session *s, enum lm_idspace space, const void *ptr);

/* References on all live (not exiting) threads in the session's cgroup and
 * below, in the order of for_each_process_thread(): the threads of one process
 * follow each other, leader first. *@tasks is kvmalloc'ed.
 * Return: their number, or -errno. Free with lm_tasks_put().
 */
int lm_tasks_get(struct lm_session *s, struct task_struct ***tasks);
void lm_tasks_put(struct task_struct **tasks, int n);

/* True when every task of the session is frozen and off its CPU. */
bool lm_session_frozen(struct lm_session *s);
/* May @t's registers be read: frozen and switched out (waits some µs). */
bool lm_task_stopped(struct task_struct *t);

int lm_freeze(struct lm_session *s, u32 timeout_ms);
int lm_thaw(struct lm_session *s);

/* Multicast. @pid and @stats may be 0/NULL. May sleep. */
struct lm_stats;
void lm_event(struct lm_session *s, enum livemig_event event, u32 pid,
	      const struct lm_stats *stats);

#endif
