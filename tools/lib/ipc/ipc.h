/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System V IPC: shared memory segments, semaphore sets, message queues; and POSIX
 * message queues. A kind is one file in this directory and one line in the table of
 * ipc.c. Of an ipc namespace that is the container's own all is described and made
 * again under the same ids; of the host's only the segments that the container has
 * attached.
 *
 * All functions of a kind act in the ipc namespace of the calling thread.
 */
#ifndef LM_IPC_H
#define LM_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "../model.h"
#include "../record.h"

/* One object is one or more records; BYTES and MORE go on in the next. */
enum lm_ipc_attr {
	LM_IPC_UNSPEC,
	LM_IPC_KIND,		/* string: "shm", "sem", "msg", "mqueue" */
	LM_IPC_NS,		/* u32: as in struct livemig_ns; 0: the host's */
	LM_IPC_ID,		/* u32; mqueue: the inode's */
	LM_IPC_PERM,		/* struct lm_ipc_perm */
	LM_IPC_SIZE,		/* u64: bytes of shm, semaphores, what a queue may hold */
	LM_IPC_VALUES,		/* u16[], sem */
	LM_IPC_BYTES,		/* u64, then bytes. msg: a message and its type; mqueue:
				 * ... and its priority; shm that nobody has attached:
				 * what is there, at this offset
				 */
	LM_IPC_MORE,		/* bytes: the message before goes on */
	LM_IPC_NAME,		/* string, mqueue: without the slash before it */
	LM_IPC_QUEUE,		/* struct lm_ipc_queue, mqueue */
	LM_IPC_MAX = LM_IPC_QUEUE
};
#define LM_IPC_PIECE	16384	/* most bytes in a BYTES or MORE */

struct lm_ipc_perm {
	uint32_t key;		/* 0: IPC_PRIVATE */
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode;		/* as IPC_STAT; SHM_DEST and SHM_LOCKED too */
};

/* A POSIX queue. */
struct lm_ipc_queue {
	uint32_t maxmsg, msgsize;
	uint32_t removed;	/* 1: it has no name any more, but is open */
	uint32_t notify_pid;	/* whom mq_notify() named, 0: nobody */
	int32_t notify_how, notify_signo;	/* SIGEV_* */
	uint64_t notify_value;
};

struct lm_ipc {
	uint32_t ns, id;
	struct lm_ipc_perm perm;
	uint64_t size;
	const char *name;
	struct lm_ipc_queue queue;
	int fd;			/* destination: what get() gave, of a POSIX queue */
	/* What a source sees: */
	uint64_t attached;	/* shm: mappings */
	struct lm_ipc_user {
		pid_t pid;	/* 0: nobody */
		time_t when;
	} users[2];		/* who used it last, as far as it is known */
};

/* Records on their way: what does not fit into one goes into the next. */
struct lm_ipc_out {
	struct lm_buf b;
	const struct lm_ipc_kind *kind;
	const struct lm_ipc *o;
	/* Owns @b. */
	int (*emit)(struct lm_buf *b, void *arg, struct lm_error *e);
	void *arg;
};

struct lm_ipc_kind {
	const char *name;	/* "shm" */
	const char *what;	/* "shared memory segment" */
	/* POSIX queues have no slots and ids: last() is NULL, get() opens. */
	int (*last)(void);	/* the highest slot in use; -1: none */
	/* What is in slot @index. Return: false: nothing. */
	bool (*stat)(int index, struct lm_ipc *o);
	/* Add what is in it. */
	int (*contents)(const struct lm_ipc *o, struct lm_ipc_out *out,
			struct lm_error *e);
	/* Return: the id or descriptor, -1 with errno. Whoever calls it is the
	 * creator.
	 */
	int (*get)(const struct lm_ipc *o);
	/* @rec: its records. */
	int (*fill)(const struct lm_ipc *o, const struct lm_obj *rec,
		    struct lm_error *e);
	int (*set)(const struct lm_ipc *o);	/* owner, mode, size; -1: errno */
	int (*remove)(uint32_t id);	/* NULL: it goes with its namespace */
};

extern const struct lm_ipc_kind lm_ipc_shm, lm_ipc_sem, lm_ipc_msg, lm_ipc_mqueue;
#define LM_IPC_KINDS	4
extern const struct lm_ipc_kind *const lm_ipc_kinds[LM_IPC_KINDS];

const struct lm_ipc_kind *lm_ipc_kind(const char *name);	/* NULL: none */

/* Start a record of @o; add bytes (may emit); emit what there is. */
void lm_ipc_begin(struct lm_ipc_out *out, const struct lm_ipc_kind *kind,
		  const struct lm_ipc *o);
int lm_ipc_put(struct lm_ipc_out *out, uint64_t number, const void *bytes,
	       size_t len, struct lm_error *e);
int lm_ipc_end(struct lm_ipc_out *out, struct lm_error *e);

/* What the record says of it. */
int lm_ipc_parse(const struct lm_obj *rec, const struct lm_ipc_kind **kind,
		 struct lm_ipc *o, struct lm_error *e);
/* The attribute BYTES, or MORE, at @a. Return: its bytes. */
const void *lm_ipc_bytes(const struct nlattr *a, uint64_t *number, size_t *len);

/* The message that begins at @a, with its MOREs, to @to unless that is NULL. Return:
 * its length.
 */
size_t lm_ipc_message(const struct lm_obj *rec, const struct nlattr *a,
		      uint64_t *number, void *to);

/* Make it under its id and with its creator. Return: 0, a descriptor, or -1. */
int lm_ipc_make(const struct lm_ipc_kind *kind, const struct lm_ipc *o,
		struct lm_error *e);

/* The file system of the POSIX queues of the namespace that the caller is in, as a
 * directory. Return: fd, -1 with errno.
 */
int lm_ipc_open_queues(void);

/* A descriptor for the memory of a segment. */
int lm_ipc_shm_open(uint32_t id, struct lm_error *e);

/* The ipc namespace in which the segment @s is; LM_NS_NONE: nobody has it
 * attached.
 */
uint32_t lm_ipc_ns_of(const struct lm_model *m, const struct lm_shmem *s);
/* That of @p, as records name it: LM_NS_NONE is the host's. */
uint32_t lm_ipc_ns_in(const struct lm_model *m, const struct lm_process *p);
/* What the records tell of the segment @s, if it is one of the ipc namespace @ns. */
bool lm_ipc_segment(const struct lm_model *m, uint32_t ns, const struct lm_shmem *s,
		    struct lm_ipc *o);
/* Is each segment attached in the namespace that it is of, and no further than it goes?
 * LM_REFUSED: "pid 1234: ...", on the source's host. @still: while the container runs
 * a mapping may be gone by now; NULL: it does not.
 */
int lm_ipc_check_attached(const struct lm_model *m,
			  bool (*still)(const struct lm_process *p,
					const struct livemig_vma *v),
			  struct lm_error *e);

#endif
