/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the coordinator (remote.c) and the restore helper (tools/helper) say to
 * each other over a SOCK_SEQPACKET unix socket: one request, one reply.
 *
 * A request is struct lm_helper_req, nr_calls struct lm_call, data_len bytes of
 * data; a reply is struct lm_helper_reply, nr_results s64, and the data area if
 * it was asked for. Both sides are always the same build on the same machine.
 * Freestanding: the helper has no libc.
 */
#ifndef LM_HELPER_PROTO_H
#define LM_HELPER_PROTO_H

#include <linux/livemig_dev.h>
#include <linux/types.h>

/*
 * The helper's memory: program, stack and buffers at the base, the slots of the
 * threads behind it; nothing of the helper is outside of [base, base + SIZE)
 * but vvar and vdso.
 */
#define LM_HELPER_BASE		0x200000000000ULL
#define LM_HELPER_BASE_ALT	0x300000000000ULL
#define LM_HELPER_SIZE		0x40000000ULL
#define LM_HELPER_DOOR		0x7ff000ULL	/* page of /dev/livemig (seccomp) */
#define LM_HELPER_FILTERS	0x800000ULL	/* seccomp filters */
#define LM_HELPER_SLOTS		0x1000000ULL	/* first slot, from the base */
#define LM_HELPER_SLOT_SIZE	0x8000ULL
/* In a slot: the thread's request, then its stack. */
#define LM_HELPER_SLOT_REQ	0x6000ULL
#define LM_HELPER_SLOTS_MAX \
	((LM_HELPER_SIZE - LM_HELPER_SLOTS) / LM_HELPER_SLOT_SIZE)

/* Pid namespaces, one in another, from the container's on: as many numbers as clone3()
 * takes.
 */
#define LM_HELPER_LEVELS	32

/* Bytes of a request or a reply. */
#define LM_HELPER_MSG_MAX	65536

/* Its file descriptors, counted from the base that it is started with. */
enum lm_helper_fd {
	LM_HELPER_FD_CTL,	/* the control socket */
	LM_HELPER_FD_DEV,	/* /dev/livemig */
	LM_HELPER_FD_COORD,	/* pidfd of the coordinator */
	LM_HELPER_FD_NEXT,	/* control socket of the next child */
	LM_HELPER_FDS
};

enum lm_helper_cmd {
	LM_HELPER_RUN,		/* run the calls */
	LM_HELPER_FORK,		/* runs the calls, then forks */
	LM_HELPER_THREAD,	/* .thread: the thread runs the calls, then becomes */
	LM_HELPER_BECOME,	/* .become: runs the calls, then becomes */
};

/* Pseudo system calls. Their results are 0 or -errno. */
enum lm_helper_nr {
	LM_NR_STORE64 = 0x10000, /* (address, value): write into the data area */
	LM_NR_STORE32,
	LM_NR_MOVE_FD,		/* (from, to, cloexec): dup3 and close; from may be to */
	LM_NR_TOUCH,		/* (address): read a byte */
};

enum lm_arg_kind {
	LM_ARG_VALUE,		/* as it is */
	LM_ARG_DATA,		/* offset into the data area: becomes its address */
	LM_ARG_RESULT,		/* number of an earlier call: becomes its result */
};

enum lm_call_flags {
	LM_CALL_F_MAY_FAIL = 1 << 0, /* an error does not stop the batch */
};

struct lm_call {
	__u32 nr;		/* __NR_* or enum lm_helper_nr */
	__u8 flags;
	__u8 kind[6];		/* enum lm_arg_kind */
	__u8 resv[5];
	__u64 args[6];
};

/* How to become. */
struct lm_helper_become {
	__u32 pdeath_sig;	/* PR_SET_PDEATHSIG of the restored task */
	__u32 restart_kind;	/* enum livemig_restart_kind of its THREAD object */
	__u32 clockid;		/* of a NANOSLEEP */
	__u32 futex_op;		/* of a FUTEX: livemig_restart.flags */
	__u32 late;		/* so many of the last calls are made after the answer;
				 * the module is told if one fails
				 */
};

struct lm_helper_req {
	__u32 cmd;		/* enum lm_helper_cmd */
	__u32 nr_calls;
	__u32 data_len;
	__u32 data_back;	/* send the data area back */
	__u32 exit_signal;	/* FORK */
	__u64 clone_flags;	/* FORK: CLONE_PARENT, CLONE_FILES, ... */
	__u64 slot;		/* THREAD: its number */
	/* FORK, THREAD: what the new task is called, in the innermost pid
	 * namespace first; 0 of them: as the kernel likes.
	 */
	__u32 nr_tids;
	__u32 tids[LM_HELPER_LEVELS];
	__u32 fd_base;		/* FORK with CLONE_FILES: of the child */
	struct lm_helper_become become;
};

struct lm_helper_reply {
	__s32 error;		/* of FORK, THREAD; RUN: of the call that stopped it */
	__u32 nr_results;	/* calls that were made, the failed one included */
	__u32 data_len;
	__u32 pid;		/* who answers */
};

#endif
