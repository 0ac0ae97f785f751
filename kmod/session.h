/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A session: one container under work.
 *
 * Locking: the list of sessions is guarded by lm_sessions_lock (a mutex) in
 * session.c; everything in a session by its own ->lock, which pre_doit takes
 * for every command that works on it. ->lock may be held for long and is taken
 * killable by everyone but the teardown. flags and portid, which say who owns
 * the session, belong to lm_sessions_lock. Constant after creation: id, name,
 * cgrp, dir, freeze_file, pid_ns. SESSION_GET reads the state without the lock,
 * so that it also answers while a round is under way.
 * Order: lm_sessions_lock, then ->lock, then mmap_lock.
 *
 * A session ends in one way only: it is taken off the list, gone is set, and a
 * work item thaws it, stops the tracker and drops the list's reference. So it
 * does not matter whether its socket, its cgroup or SESSION_DEL ended it.
 */
#ifndef _LIVEMIG_SESSION_H
#define _LIVEMIG_SESSION_H

#include <linux/completion.h>
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
struct netlink_ext_ack;

/* What an object id stands for; ids are unique within one space. */
enum lm_idspace {
	LM_ID_MM,		/* struct mm_struct */
	LM_ID_FILES,		/* struct files_struct */
	LM_ID_FS,		/* struct fs_struct */
	LM_ID_FILE,		/* struct file of an fd, or struct inode of a mapped file */
	LM_ID_SHMEM,		/* struct inode */
	LM_ID_SECCOMP,		/* struct seccomp_filter, the last one */
	LM_ID_SEM_UNDO,		/* struct sem_undo_list */
	LM_ID_MNT_NS,		/* struct mnt_namespace */
	LM_ID_OUTSIDE,		/* what is looked for outside; check.c */
	LM_ID_MAX
};

struct lm_session {
	struct list_head list;
	refcount_t refs;
	struct mutex lock;
	bool gone;		/* ending: holders of a reference must not use
				 * it; written under lm_sessions_lock
				 */
	u32 id;
	u32 flags;		/* enum livemig_session_flags */
	u32 portid;		/* of the owner, unless persistent */
	char name[LIVEMIG_NAME_MAX + 1];
	enum livemig_state state;
	bool froze;		/* cgroup.freeze is 1 because of this session */
	u32 freezes;		/* counts FREEZE and THAW: a dump sees a change */
	struct cgroup *cgrp;
	struct file *dir;	/* the cgroup's directory */
	struct file *freeze_file; /* its cgroup.freeze, open for writing */
	struct pid_namespace *pid_ns; /* the owner's: pids are given in it */
	struct list_head held;	/* files in flight; inflight.c */
	u32 next_id[LM_ID_MAX];
	DECLARE_HASHTABLE(ids, 8);
	u32 cookie;		/* of the last TASK_GET */
	u32 round;		/* the next one */
	struct lm_tracker *tracker; /* NULL: not tracked; track.c */
	struct work_struct teardown;
	struct completion ended; /* the teardown is through */
};

/* session.c */
int lm_session_new(int fd, const char *name, u32 flags, u32 portid,
		   struct lm_session **res, struct netlink_ext_ack *extack);
struct lm_session *lm_session_find(u32 id);
void lm_session_put(struct lm_session *s);
int lm_session_lock(struct lm_session *s, struct netlink_ext_ack *extack);
int lm_session_set(struct lm_session *s, u32 flags, u32 portid,
		   struct netlink_ext_ack *extack);
int lm_session_del(struct lm_session *s, struct netlink_ext_ack *extack);
int lm_session_walk(u32 after, int (*fn)(struct lm_session *s, void *arg),
		    void *arg);
u32 lm_sessions_count(void);
enum livemig_state lm_session_state(const struct lm_session *s);
int lm_sessions_init(void);
void lm_sessions_exit(void);

/* Number of @ptr in @space, given on first sight (then *@is_new is true;
 * @is_new may be NULL). Caller holds s->lock. Return: id >= 1, 0 on ENOMEM.
 * The session holds no reference to the object: see lm_id_forget().
 */
u32 lm_id(struct lm_session *s, enum lm_idspace space, const void *ptr,
	  bool *is_new);
/* The object is about to go (its pointer may be used again). Caller holds
 * s->lock.
 */
void lm_id_forget(struct lm_session *s, enum lm_idspace space, const void *ptr);
void lm_ids_free(struct lm_session *s);

/* References on all live (not exiting) threads in the session's cgroup and
 * below, in the order of for_each_process_thread(): the threads of one process
 * follow each other, leader first. *@tasks is kvmalloc'ed.
 * Return: their number, or -errno. Free with lm_tasks_put().
 */
int lm_tasks_get(struct lm_session *s, struct task_struct ***tasks);
void lm_tasks_put(struct task_struct **tasks, int n);
/* Number of live threads in the session's cgroup and below; needs no lock. */
u32 lm_tasks_count(struct lm_session *s);

/* True when every task of the session is frozen and off its CPU. */
bool lm_session_frozen(struct lm_session *s);
struct task_struct *lm_task_ending(struct lm_session *s);
/* May @t's registers be read: frozen and switched out. Sleeps, for a frozen
 * task that is on its way off the CPU, up to 10 s where its CPU is virtual.
 */
bool lm_task_stopped(struct task_struct *t);

/* Both with s->lock held; both send their event. */
int lm_freeze(struct lm_session *s, u32 timeout_ms,
	      struct netlink_ext_ack *extack);
int lm_thaw(struct lm_session *s);

/* Multicast. @s and @stats may be NULL, @pid 0. May sleep; needs no lock. */
struct lm_stats;
void lm_event(struct lm_session *s, enum livemig_event event, u32 pid,
	      const struct lm_stats *stats);

#endif
