/* SPDX-License-Identifier: GPL-2.0 */
/*
 * TASK_GET: how the state of a container becomes a queue of objects.
 *
 * dump.c walks the processes; for each it calls lm_dump_process() (task.c),
 * which queues the process's objects. The netlink side (dump.c too) takes
 * objects from the queue and only asks for the next process when it is empty,
 * so that memory use does not grow with the container.
 *
 * Locking: runs in the dumper's context with s->lock held; no other lock is
 * held when lm_dump_process() is called. All functions here may sleep.
 */
#ifndef _LIVEMIG_DUMP_H
#define _LIVEMIG_DUMP_H

#include <linux/skbuff.h>
#include <net/netlink.h>
#include "session.h"

struct lm_dump {
	struct lm_session *s;
	bool frozen;		/* false: inventory of a running container */
	struct sk_buff_head queue; /* finished objects */
	struct sk_buff *spare;	/* an empty one; NULL: none */
	struct list_head inflight; /* files to be dumped; inflight.c */
	const void *time_ns;	/* of the first process; only to compare */
	struct pid_namespace *pid_ns; /* the container's: its pids are given in it */
	struct task_struct *first; /* of the process under way: whose files, namespaces
				    * and so on are those of the process
				    */
	/* private to dump.c: */
	struct task_struct **tasks;
	int nr_tasks, next_task;
	pid_t last_zombie;
	bool no_zombies;	/* that were not dumped yet */
	bool no_closed;		/* the same for connections */
	unsigned int timewaits;	/* connections that are over, so far */
	u32 cookie, seq;
	u32 freezes;		/* s->freezes when the dump began */
	DECLARE_HASHTABLE(seen, 8); /* ids already dumped in this dump */
};

/* One LM_DUMP_MSG of room fits every object with what stands around it. */
#define LM_DUMP_MSG	(LM_OBJ_MAX + 1024)

struct netlink_callback;
/* The TASK_GET command: start, dumpit and done of its genl_ops. */
int lm_dump_start(struct netlink_callback *cb);
int lm_dump_more(struct sk_buff *skb, struct netlink_callback *cb);
int lm_dump_done(struct netlink_callback *cb);

/* Bytes of attributes that one object may have. With LM_DUMP_MSG and what every skb
 * has besides it is no more than 32 kB of memory, which can be had at any time. The
 * largest object is a THREAD: 64 pending signals are 8 kB, 1024 groups, the names of a
 * working directory and of a cgroup 4 kB each, vector registers with AMX 11 kB, and
 * keyrings and the affinity 1 kB each. One with all of it does not fit: dump_thread().
 */
#define LM_OBJ_MAX	30720

/* Start an object: an skb with room for LM_OBJ_MAX bytes of attributes, to be
 * filled with nla_put*(). NULL: no memory. End it with lm_obj_end() (queues
 * it) or kfree_skb().
 */
struct sk_buff *lm_obj_begin(struct lm_dump *d, enum livemig_obj type);
void lm_obj_end(struct lm_dump *d, struct sk_buff *skb);

/* Id of an object in this session; *@first is true the first time that this
 * dump sees it: then the caller dumps it. Return: 0 on ENOMEM.
 */
u32 lm_dump_id(struct lm_dump *d, enum lm_idspace space, const void *ptr,
	       bool *first);

/* Queue an UNSUPPORTED object. @fd < 0: none. @remedy may be NULL.
 * Return: 0 or -ENOMEM.
 */
int lm_unsupported(struct lm_dump *d, struct task_struct *t, int fd,
		   bool transient, const char *remedy, const char *fmt, ...)
		   __printf(6, 7);

/* sock_closed.c: connections that are under way after close(). */
int lm_dump_closed(struct lm_dump *d, struct task_struct *t);

/* task.c: a process that has ended and that nobody has waited for. */
int lm_dump_zombie(struct lm_dump *d, struct task_struct *t);

/* task.c: everything about the process that @threads, those that live, make up. */
int lm_dump_process(struct lm_dump *d, struct task_struct **threads, int n);

/*
 * One kind of object of a process: an entry in the table of task.c. A new kind
 * is a new file with its function and one line there.
 */
struct lm_task_kind {
	const char *name;
	int (*dump)(struct lm_dump *d, struct task_struct **threads, int n);
};
int lm_dump_threads(struct lm_dump *d, struct task_struct **threads, int n);
int lm_dump_mm(struct lm_dump *d, struct task_struct **threads, int n);
int lm_dump_files(struct lm_dump *d, struct task_struct **threads, int n);
int lm_dump_time(struct lm_dump *d, struct task_struct **threads, int n);

/*
 * One type of open file: an entry in the table of files.c. The first whose
 * match() says yes takes it.
 */
struct lm_file_kind {
	const char *name;
	enum livemig_file_type type;
	bool (*match)(struct file *f);
	/* Held from before dump() until after dump_data(); may be NULL. */
	void (*lock)(struct file *f);
	void (*unlock)(struct file *f);
	/* Adds the kind's own attributes; may be NULL. NULL match and dump with
	 * a type UNKNOWN never occur.
	 */
	int (*dump)(struct lm_dump *d, struct task_struct *t, int fd,
		    struct file *f, struct sk_buff *obj);
	/* Runs after the FILE object is queued; for DATA objects; may be NULL. */
	int (*dump_data)(struct lm_dump *d, struct task_struct *t, int fd,
			 struct file *f, u32 file_id);
	/* A reason why this file cannot be moved, or NULL. */
	const char *(*unsupported)(struct lm_dump *d, struct file *f,
				   bool *transient);
};

#endif
