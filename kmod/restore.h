/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The restoring side. One open file of /dev/livemig is one restore:
 *
 *	device.c	the file and its ioctls
 *	objects.c	ADD: the objects of the dump, checked
 *	become.c	BECOME, WAIT, SERVE: who waits for whom
 *	prepare.c	what a parked task does to itself
 *	door.c		a way in past seccomp filters
 *	zombie.c	how those that have ended ended
 *	tcp_restore.c	TCP: states, connections not accepted
 *	peer.c		PEER: whom unix sockets are connected to
 *	guard.c		GUARD: who cannot live without the caller
 *	creds.c		CREDS: back from a user namespace
 *	mount.c		MOUNT: what of mounts is fixed
 *	arch/x86/setregs.c	registers
 *	apply.c		APPLY: filling memory
 *
 * States: ADDING until the first WAIT; SEALED until all threads are parked;
 * PREPARING until each has done its part; READY when the coordinator has set
 * the registers; SERVED. From any but the last to FAILED, where all tasks that
 * called BECOME are killed.
 *
 * Locking: r->lock guards the lists, the counts and the state; it is never held
 * while a task prepares itself. The objects do not change once SEALED, so that
 * parked tasks read theirs without the lock. Tasks wait for PREPARING on
 * ->prepare and for SERVED on ->run, the coordinator on ->progress: nobody
 * wakes a prepared task before SERVED, which setting its registers relies on.
 *
 * A task between BECOME and its end holds a reference to the file, hence to the
 * restore and the module.
 */
#ifndef _LIVEMIG_RESTORE_H
#define _LIVEMIG_RESTORE_H

#include <linux/list.h>
#include <linux/livemig_dev.h>
#include <linux/mutex.h>
#include <linux/path.h>
#include <linux/task_work.h>
#include <linux/wait.h>

struct cgroup;
struct file;
struct pid;
struct pid_namespace;
struct task_struct;
struct vm_area_struct;

enum lm_restore_state {
	LM_RESTORE_ADDING,
	LM_RESTORE_SEALED,
	LM_RESTORE_PREPARING,
	LM_RESTORE_READY,
	LM_RESTORE_SERVED,
	LM_RESTORE_FAILED,
};

struct lm_restore {
	struct mutex lock;
	enum lm_restore_state state;
	struct file *file;		/* no reference: it holds us */
	struct pid *owner;		/* the coordinator's thread group */
	struct pid_namespace *owner_ns;	/* its: of APPLY and events */
	struct path root;		/* its root directory, referenced */
	struct pid_namespace *pid_ns;	/* the container's: of objects */
	struct list_head threads, processes, mms;
	unsigned int nr_threads, nr_parked, nr_prepared, nr_asleep;
	wait_queue_head_t prepare, run, progress;
	struct page *door;
	struct cgroup *guarded;		/* a reference */
	int err;			/* FAILED: why, where */
	u32 failed_pid;
	char step[32];
};

struct lm_restore_mm {
	struct list_head list;
	void *buf;			/* the attributes; the rest points into it */
	u32 id;
	struct livemig_mm_layout layout;
	const void *auxv;
	size_t auxv_len;
	bool has_pkeys;
	struct livemig_pkeys pkeys;
	const char *exe;
	bool user_ns;			/* it is not the initial user namespace's */
	struct mm_struct *claimed;	/* whose leader does the work; r->lock */
};

struct lm_restore_process {
	struct list_head list;
	void *buf;
	u32 pid;
	u32 mm_id;			/* 0: a zombie */
	u32 exit_status;		/* of a zombie */
	struct livemig_rusage rusage;
	const struct livemig_sigaction *sigactions;
	bool has_ctty;
	struct livemig_cputime cputime[2];
	struct livemig_cputime used;	/* of its threads, too */
	unsigned int nr_threads;	/* added ones */
	struct lm_restore_mm *mm;	/* from SEALED on */
};

enum lm_thread_step {
	LM_THREAD_ADDED,
	LM_THREAD_ASLEEP,	/* called BECOME, enters a sleep */
	LM_THREAD_ARMED,	/* the task work is on its way */
	LM_THREAD_PARKED,
	LM_THREAD_PREPARED,
};

struct lm_restore_thread {
	struct list_head list;
	struct lm_restore *r;
	void *buf;
	u32 tid, pid;
	const char *comm;
	const void *regs, *xstate;
	size_t regs_len, xstate_len;
	u64 sigmask;
	const void *siginfo;		/* nr_siginfo times 128 bytes */
	unsigned int nr_siginfo;
	struct livemig_altstack altstack;
	u64 robust_list, clear_tid;
	struct livemig_rseq rseq;
	struct livemig_restart restart;
	bool has_start;
	u64 start_ns;
	struct livemig_cputime cputime;
	struct livemig_seccomp seccomp;
	struct lm_restore_process *process;	/* from SEALED on */

	enum lm_thread_step step;	/* r->lock */
	struct task_struct *task;	/* a reference; from ASLEEP or ARMED on */
	struct livemig_ioc_become arg;
	bool slept;			/* its restart block is a sleep's */
	struct callback_head work;
};

/* device.c */
int lm_device_init(void);
void lm_device_exit(void);

/* file_tty.c */
int lm_take_ctty(void);

/* objects.c */
int lm_restore_add(struct lm_restore *r, const struct livemig_ioc_add *add,
		   void *buf, char *why, size_t why_len);
int lm_restore_link(struct lm_restore *r, u32 *pid, const char **step);
void lm_restore_free_objects(struct lm_restore *r);

/* become.c */
int lm_restore_become(struct lm_restore *r, const struct livemig_ioc_become *arg);
int lm_restore_wait(struct lm_restore *r, struct livemig_ioc_wait *arg);
int lm_restore_serve(struct lm_restore *r, struct livemig_ioc_serve *arg);
void lm_restore_fail(struct lm_restore *r, int err, u32 pid, const char *step);

/* prepare.c */
int lm_prepare_leader(struct lm_restore_thread *t, const char **step);
int lm_prepare_thread(struct lm_restore_thread *t, const char **step);
void lm_finish_thread(struct lm_restore_thread *t);

/* door.c */
int lm_door_mmap(struct file *file, struct vm_area_struct *vma);
bool lm_has_filters(const struct livemig_seccomp *s);
void lm_close_door(void);

/* zombie.c */
int lm_restore_zombies(struct lm_restore *r, u32 *pid);

/* tcp_restore.c */
int lm_restore_tcp(const struct livemig_ioc_tcp *t);

/* tcp_ended.c */
int lm_restore_ended(const struct livemig_ioc_ended *e);

/* sock_error.c */
int lm_restore_error(const struct livemig_ioc_error *e);

/* file_mqueue.c */
int lm_mqueue_look(struct livemig_ioc_mqueue *a);

/* file_inotify.c */
int lm_restore_inotify(const struct livemig_ioc_inotify *a);

/* peer.c */
int lm_restore_peer(const struct livemig_ioc_peer *p);

/* creds.c */
int lm_restore_creds(struct lm_restore *r);

/* mount.c */
int lm_mount(struct livemig_ioc_mount *a);

/* guard.c */
int lm_guard_set(struct lm_restore *r, const struct livemig_ioc_guard *arg);
void lm_guard_fire(struct lm_restore *r);

/* kmod/arch/.../setregs.c */
int lm_arch_check_regs(const struct lm_restore_thread *t, const char **why);
int lm_arch_set_regs(struct lm_restore_thread *t);
bool lm_arch_asleep(const struct lm_restore_thread *t);
void lm_arch_note_sleep(struct lm_restore_thread *t);
bool lm_arch_user_range(u64 start, u64 len);

/* apply.c: LIVEMIG_IOC_APPLY into @t's memory. The caller has checked that @t
 * belongs to the restore and keeps a reference. Sets a->done. Sleeps, killable.
 * Return: 0 or -errno as told in the uapi header.
 */
int lm_apply(struct task_struct *t, struct livemig_ioc_apply *a);

#endif
