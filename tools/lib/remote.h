/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The coordinator's hands in the processes that it builds. A remote is one
 * restore helper: a process that makes the system calls it is told to make,
 * and in the end becomes a process of the container.
 *
 *	lm_remote_start(&o, &root, e);			the first process
 *	lm_remote_syscall(root, e, __NR_setsid);	one call
 *	b = lm_batch_new(root);				many calls, one round trip
 *	path = lm_batch_str(b, "/tmp");
 *	fd = lm_batch_add(b, __NR_openat, AT_FDCWD, LM_DATA(path), O_RDONLY);
 *	lm_batch_add(b, __NR_fchdir, LM_RESULT(fd));
 *	lm_batch_run(b, e);
 *	lm_remote_fork(root, &f, &child, e);		the tree
 *	... mmap, LIVEMIG_IOC_APPLY, put_fd, credentials ...
 *	lm_remote_thread(child, tid, batch, &how, e);	then its threads
 *	lm_remote_become(child, batch, &how, e);	then the leader
 *
 * Every wait has a time limit. If the coordinator dies, its helpers do: their
 * control sockets end (and the module kills those that are parked). A helper
 * that dies is an error that names it.
 *
 * Functions return 0 (or what is told) or -1 with @e filled. Not thread-safe.
 */
#ifndef LM_REMOTE_H
#define LM_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include "error.h"
#include "helper_proto.h"

struct lm_remote;
struct lm_batch;

/* What a task is called, in the innermost pid namespace first; 0 of them: as the
 * kernel likes.
 */
struct lm_tids {
	uint32_t nr, v[LM_HELPER_LEVELS];
};

struct lm_remote_opts {
	uint32_t pid;		/* the pid it gets in its namespace; 0: any */
	int cgroup_fd;		/* where it is born; -1: where the caller is */
	int dev_fd;		/* /dev/livemig, open */
	int fd_base;		/* its LM_HELPER_FDS fds are from here; 0: 1000.
				 * Must be above all fds of the container and
				 * leave 16 below the hard limit
				 */
	uint64_t clone_flags;	/* CLONE_NEW*; exit signal is SIGCHLD */
	int pidns;		/* a pid namespace that it is born into; 0: none */
	int userns;		/* what CLONE_NEW* makes belongs to this; 0: to ours */
	bool alt;		/* the helper at the other address */
	const char *path;	/* the program; NULL: lm_remote_path() */
	int timeout_ms;		/* of every wait; 0: 30000 */
};

/* Where the helper program is: $LIVEMIG_HELPER, beside the running program, or
 * /usr/libexec/livemig. Into @buf. -1: nowhere.
 */
int lm_remote_path(bool alt, char *buf, size_t len, struct lm_error *e);
/* Does [start, end) lie in what the helper occupies? Then use the other one. */
bool lm_remote_collides(bool alt, uint64_t start, uint64_t end);

/* Start the first helper, a child of the caller, all of whose memory but vvar,
 * vdso and the helper's own has been unmapped. All signals are blocked in it.
 */
int lm_remote_start(const struct lm_remote_opts *o, struct lm_remote **r,
		    struct lm_error *e);

struct lm_remote_fork {
	struct lm_tids tids;
	uint32_t exit_signal;	/* SIGCHLD */
	uint64_t clone_flags;	/* CLONE_PARENT, CLONE_FS, CLONE_NEW*, ...; not
				 * CLONE_VM, CLONE_THREAD
				 */
	int userns;		/* what CLONE_NEW* makes belongs to this; 0: to ours */
	int fd_base;		/* CLONE_FILES: first of LM_HELPER_FDS free fds */
};

/* Fork @parent; the child serves *@child. It has the parent's memory, fds, ... */
int lm_remote_fork(struct lm_remote *parent, const struct lm_remote_fork *f,
		   struct lm_remote **child, struct lm_error *e);

/* Join the user namespace @userns; take the coordinator's credentials again. */
int lm_remote_enter(struct lm_remote *r, int userns, struct lm_error *e);
int lm_remote_leave(struct lm_remote *r, struct lm_error *e);

/* Kill (if it did not become) and forget it. NULL is fine. */
void lm_remote_free(struct lm_remote *r);
/* Forget it without killing: after SERVE, or for one that ends by itself. */
void lm_remote_release(struct lm_remote *r);

/* As the coordinator sees it; and as it sees itself. */
uint32_t lm_remote_pid(const struct lm_remote *r);
uint32_t lm_remote_self(const struct lm_remote *r);
int lm_remote_pidfd(const struct lm_remote *r);	/* owned by @r */
/* Base address of its own memory; it has LM_HELPER_SIZE bytes. */
uint64_t lm_remote_base(const struct lm_remote *r);
/* First of its own LM_HELPER_FDS fds. */
int lm_remote_fd_base(const struct lm_remote *r);

/* ---- one call ---- */

/* Up to six arguments. Return: the result, or -errno as the kernel does; a dead
 * or silent helper is -ECONNRESET or -ETIMEDOUT with @e filled. @e is also
 * filled (name and errno of the call) when the call fails.
 */
#define lm_remote_syscall(r, e, ...) \
	lm_remote_syscall_((r), (e), \
			   (const struct lm_arg[]){ LM_ARGS_(__VA_ARGS__) }, \
			   LM_COUNT_(__VA_ARGS__))

/* Its fd @remote becomes the coordinator's @local. */
int lm_remote_put_fd(struct lm_remote *r, int local, int remote, bool cloexec,
		     struct lm_error *e);
/* Move vvar and vdso so that they start at @start. */
int lm_remote_move_vdso(struct lm_remote *r, uint64_t start, struct lm_error *e);
/* Where they are: from the first vvar page to the end of the vdso. */
struct livemig_range lm_remote_vdso(const struct lm_remote *r);

/* ---- many calls ---- */

struct lm_batch *lm_batch_new(struct lm_remote *r);
void lm_batch_free(struct lm_batch *b);
/* Empty it for reuse. */
void lm_batch_reset(struct lm_batch *b);
/* The program of the batch could hold @calls more calls and @data more bytes. */
bool lm_batch_room(const struct lm_batch *b, size_t calls, size_t data);

/* Add a call: lm_batch_add(b, nr, args...); an argument is an integer, a pointer
 * cast to one, LM_DATA(offset) or LM_RESULT(call). Return: the call's number.
 * Errors (too many) are kept and told by the run.
 */
#define lm_batch_add(b, ...) \
	lm_batch_add_((b), 0, (const struct lm_arg[]){ LM_ARGS_(__VA_ARGS__) }, \
		      LM_COUNT_(__VA_ARGS__))
/* The same for a call that may fail: the batch goes on. */
#define lm_batch_try(b, ...) \
	lm_batch_add_((b), LM_CALL_F_MAY_FAIL, \
		      (const struct lm_arg[]){ LM_ARGS_(__VA_ARGS__) }, \
		      LM_COUNT_(__VA_ARGS__))
/* Add data (aligned to 8). Return: its offset, for LM_DATA(). @p NULL: zeros. */
size_t lm_batch_data(struct lm_batch *b, const void *p, size_t len);
size_t lm_batch_str(struct lm_batch *b, const char *s);
int lm_batch_put_fd(struct lm_batch *b, int local, int remote, bool cloexec);

/* Run all calls; stops at the first that fails (@e names it and its number).
 * Return: 0 or -1.
 */
int lm_batch_run(struct lm_batch *b, struct lm_error *e);
/* How many calls were made; results of those; the data as the calls left it. */
size_t lm_batch_done(const struct lm_batch *b);
int64_t lm_batch_result(const struct lm_batch *b, int call);
const void *lm_batch_get(const struct lm_batch *b, size_t offset);

/* ---- the end ---- */

/* A thread of @r with the numbers @tids. It runs the calls of @b (may be NULL; up to
 * LM_HELPER_SLOT_REQ bytes) and enters LIVEMIG_IOC_BECOME. Returns when the
 * calls are done. @how may be NULL.
 */
/* How many there can be besides the first. */
uint32_t lm_remote_threads(void);
int lm_remote_thread(struct lm_remote *r, const struct lm_tids *tids, struct lm_batch *b,
		     const struct lm_helper_become *how, struct lm_error *e);
/* The leader itself; afterwards @r takes no more calls. That the ioctl failed
 * is told by LIVEMIG_IOC_WAIT.
 */
int lm_remote_become(struct lm_remote *r, struct lm_batch *b,
		     const struct lm_helper_become *how, struct lm_error *e);

/* ---- how the macros work ---- */

struct lm_arg {
	uint64_t value;
	uint8_t kind;		/* enum lm_arg_kind */
};

#define LM_DATA(off)	((struct lm_arg){ (uint64_t)(off), LM_ARG_DATA })
#define LM_RESULT(call)	((struct lm_arg){ (uint64_t)(call), LM_ARG_RESULT })

static inline struct lm_arg lm_arg_int_(uint64_t v)
{
	return (struct lm_arg){ v, LM_ARG_VALUE };
}

static inline struct lm_arg lm_arg_arg_(struct lm_arg a)
{
	return a;
}

#define LM_ARG_(x) \
	_Generic((x), struct lm_arg: lm_arg_arg_, default: lm_arg_int_)(x)
#define LM_COUNT_(...) LM_COUNT7_(__VA_ARGS__, 7, 6, 5, 4, 3, 2, 1)
#define LM_COUNT7_(a, b, c, d, e, f, g, n, ...) n
#define LM_CAT_(a, b) LM_CAT2_(a, b)
#define LM_CAT2_(a, b) a##b
#define LM_ARGS_(...) LM_CAT_(LM_ARGS, LM_COUNT_(__VA_ARGS__))(__VA_ARGS__)
#define LM_ARGS1(a) LM_ARG_(a)
#define LM_ARGS2(a, ...) LM_ARG_(a), LM_ARGS1(__VA_ARGS__)
#define LM_ARGS3(a, ...) LM_ARG_(a), LM_ARGS2(__VA_ARGS__)
#define LM_ARGS4(a, ...) LM_ARG_(a), LM_ARGS3(__VA_ARGS__)
#define LM_ARGS5(a, ...) LM_ARG_(a), LM_ARGS4(__VA_ARGS__)
#define LM_ARGS6(a, ...) LM_ARG_(a), LM_ARGS5(__VA_ARGS__)
#define LM_ARGS7(a, ...) LM_ARG_(a), LM_ARGS6(__VA_ARGS__)

int64_t lm_remote_syscall_(struct lm_remote *r, struct lm_error *e,
			   const struct lm_arg *a, size_t n);
int lm_batch_add_(struct lm_batch *b, uint8_t flags, const struct lm_arg *a,
		  size_t n);

#endif
