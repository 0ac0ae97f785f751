/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * livemig: container live migration in the kernel. The contract between livemig.ko
 * and user space is
 *
 *   livemig.h		the generic netlink family, by which containers are dumped
 *   livemig_objects.h	what it answers: the state of a container, object by object
 *   livemig_records.h	what images and streams are made of
 *   livemig_dev.h	/dev/livemig, by which containers are restored
 *
 * 1. The family
 * =============
 * Generic netlink family "livemig", version 1, for callers that have
 * CAP_SYS_ADMIN and CAP_NET_ADMIN in the initial user namespace. Every request
 * is refused with an errno and an extack message that says what is wrong. All
 * integers in attributes are in host byte order.
 *
 * A session is one container under work. It is made from an open cgroup v2
 * directory and belongs to the netlink socket that made it: when the socket
 * closes, the container thaws and the session ends, whatever was under way.
 *
 *   GET_INFO      -> { VERSION, PROTOCOL, KERNEL, XSTATE_SIZE, XFEATURES,
 *                      VDSO_ID, FEATURES, SESSIONS }
 *   SESSION_NEW   { CGROUP_FD, NAME?, SESSION_FLAGS? } -> { SESSION, ... }
 *   SESSION_GET   { SESSION } -> one; dump -> all: { SESSION, NAME, STATE,
 *                   CGROUP_ID, TASKS, ROUND, TRACKER, ... }
 *   SESSION_DEL   { SESSION }                 thaws and ends it
 *   SESSION_SET   { SESSION, SESSION_FLAGS }  the owner hands it over to nobody
 *                   (PERSISTENT set: from now on it outlives the socket, frozen
 *                   if it is frozen) or takes it (PERSISTENT cleared)
 *   FREEZE        { SESSION, TIMEOUT_MS? }    returns when every task is frozen
 *   THAW          { SESSION }
 *   TRACK_START   { SESSION }                 from now on writes are noted
 *   TRACK_STOP    { SESSION }
 *   TASK_GET      dump { SESSION }            the container's state, below
 *   PAGES         { SESSION, FD, PAGES_FLAGS? } -> { ROUND, STATS }
 *                 { SESSION, FD, MM, RANGES } -> { ROUND, STATS }
 *
 * A TASK_GET that is refused or fails midway says so in its NLMSG_DONE, which
 * then carries a negative errno (and the text): whoever ignores it takes a
 * failure for an empty or short answer. Messages of TASK_GET are up to 31744
 * bytes; receive with a buffer of at least 32768.
 *
 * Multicast group "events": one EVENT message for each of enum livemig_event,
 * { EVENT, SESSION, NAME?, ROUND?, STATS?, PID? }.
 *
 * 2. TASK_GET: the state
 * ======================
 * The answer is a sequence of messages { SESSION, COOKIE, SEQ, OBJ_TYPE, OBJ },
 * one object in each; OBJ is a nest whose attributes are those of the object's
 * own enum. The order is: for each process PROCESS, THREAD (one a thread,
 * leader first), at first sight of what it names MM, VMAS, FILE, FDS, SHMEM,
 * and TIME. An object that does not fit into one message goes on in the next
 * with the same OBJ_TYPE and the same *_ID (VMAS, FDS and DATA objects are lists
 * that may be cut anywhere). COOKIE is the same in all messages of one dump
 * and SEQ counts them from 0: a gap means that a message was lost.
 *
 * Zombies follow at the end.
 *
 * On a session that is not frozen the same dump is the inventory of a running
 * container: THREAD carries neither registers nor xstate, sockets carry no
 * queues. Whatever cannot be moved is answered by an UNSUPPORTED object, which
 * names the pid, the fd if there is one, and the reason.
 *
 * Ids of mm, files, fs, file, shmem objects are numbers that stand for one
 * kernel object as long as the session lives; equal ids mean a shared object.
 * Pids are as seen from the container's pid namespace, which is the uppermost
 * that its processes are in; those of UNSUPPORTED, of messages and of events as
 * the session's owner sees them.
 *
 * 3. PAGES: the memory
 * ====================
 * One call is one round. It looks at every address space in the container,
 * finds the pages that changed since the round before (in the first round, or
 * without TRACK_START: every page that is present), clears their mark, and
 * writes PAGES records (livemig_records.h) to FD, a file, pipe or stream socket, at
 * its file position. Tasks need not be frozen. LIVEMIG_PAGES_F_FINAL says that
 * they are (-EBUSY if not) and makes the round exact; afterwards the stream
 * holds all that a restore needs.
 * Pages that an earlier round wrote and that are gone now are written as
 * LIVEMIG_PAGE_HOLE. Shared memory (shmem) is written once for each object,
 * with LIVEMIG_PAGES_SPACE_SHMEM and offsets in place of addresses.
 * In a final round with LIVEMIG_PAGES_F_LATER the pages of private memory that
 * should be written are only named, as LIVEMIG_PAGE_LATER. As long as the
 * container stays frozen (-EBUSY if it is not) PAGES with MM and RANGES writes
 * those that are asked for: their bytes, or that they are zeros. Such a call is
 * no round.
 */
#ifndef _UAPI_LINUX_LIVEMIG_H
#define _UAPI_LINUX_LIVEMIG_H

#include <linux/types.h>

#define LIVEMIG_GENL_NAME	"livemig"
#define LIVEMIG_GENL_VERSION	1
#define LIVEMIG_MCGRP_EVENTS	"events"
#define LIVEMIG_VERSION		"0.1.0"
/* Bumped on every change that makes two versions of module or tool misread
 * each other; a tool refuses a module with another number.
 */
#define LIVEMIG_PROTOCOL	1
#define LIVEMIG_NAME_MAX	63	/* bytes of a session's name, without NUL */
#define LIVEMIG_PATH_MAX	4095	/* bytes of a path, without NUL */
#define LIVEMIG_LABEL_MAX	1023	/* bytes of a security label, without NUL */

enum livemig_cmd {
	LIVEMIG_CMD_UNSPEC,
	LIVEMIG_CMD_GET_INFO,
	LIVEMIG_CMD_SESSION_NEW,
	LIVEMIG_CMD_SESSION_DEL,
	LIVEMIG_CMD_SESSION_GET,
	LIVEMIG_CMD_FREEZE,
	LIVEMIG_CMD_THAW,
	LIVEMIG_CMD_TRACK_START,
	LIVEMIG_CMD_TRACK_STOP,
	LIVEMIG_CMD_TASK_GET,
	LIVEMIG_CMD_PAGES,
	LIVEMIG_CMD_EVENT,		/* kernel to user, multicast only */
	LIVEMIG_CMD_SESSION_SET,
	LIVEMIG_CMD_FILE_GET,		/* a descriptor of a file in flight */
	__LIVEMIG_CMD_MAX
};
#define LIVEMIG_CMD_MAX (__LIVEMIG_CMD_MAX - 1)

/* Attributes of the family's messages. */
enum livemig_attr {
	LIVEMIG_A_UNSPEC,
	LIVEMIG_A_PAD,
	LIVEMIG_A_SESSION,	/* u32, >= 1 */
	LIVEMIG_A_CGROUP_FD,	/* s32, >= 0: a cgroup v2 directory, not the root */
	LIVEMIG_A_NAME,		/* string, 1..63 bytes of [A-Za-z0-9._:-] */
	LIVEMIG_A_SESSION_FLAGS, /* u32, enum livemig_session_flags */
	LIVEMIG_A_STATE,	/* u32, enum livemig_state */
	LIVEMIG_A_CGROUP_ID,	/* u64, the cgroup's inode number */
	LIVEMIG_A_TASKS,	/* u32, live threads in the cgroup and below */
	LIVEMIG_A_TIMEOUT_MS,	/* u32, 1..600000; FREEZE: 10000 when absent */
	LIVEMIG_A_FD,		/* s32, >= 0: where PAGES writes; what FILE_GET gives */
	LIVEMIG_A_PAGES_FLAGS,	/* u32, enum livemig_pages_flags */
	LIVEMIG_A_ROUND,	/* u32, 0 is the first */
	LIVEMIG_A_STATS,	/* nest, enum livemig_stats_attr */
	LIVEMIG_A_EVENT,	/* u32, enum livemig_event */
	LIVEMIG_A_PID,		/* u32 */
	LIVEMIG_A_COOKIE,	/* u32 */
	LIVEMIG_A_SEQ,		/* u32 */
	LIVEMIG_A_OBJ_TYPE,	/* u32, enum livemig_obj */
	LIVEMIG_A_OBJ,		/* nest of the object's attributes */
	LIVEMIG_A_VERSION,	/* string, LIVEMIG_VERSION of the module */
	LIVEMIG_A_PROTOCOL,	/* u32, LIVEMIG_PROTOCOL */
	LIVEMIG_A_KERNEL,	/* string, uname -r */
	LIVEMIG_A_XSTATE_SIZE,	/* u32, bytes of an NT_X86_XSTATE note here */
	LIVEMIG_A_XFEATURES,	/* u64, XCR0 */
	LIVEMIG_A_VDSO_ID,	/* u64, xxh64 of the vdso image: equal means same */
	LIVEMIG_A_FEATURES,	/* multi string: names, for example "soft-dirty" */
	LIVEMIG_A_SESSIONS,	/* u32, how many there are */
	LIVEMIG_A_TRACKER,	/* string: "none", "soft-dirty" */
	LIVEMIG_A_FILE,		/* u32, >= 1: id of a FILE of the last TASK_GET */
	LIVEMIG_A_MM,		/* u32, >= 1: id of an MM; ENOENT: there is none (any
				 * more)
				 */
	LIVEMIG_A_RANGES,	/* struct livemig_range[1..64] of whole pages, up to
				 * 65536 of these in all; EFAULT: no memory there
				 */
	__LIVEMIG_A_MAX
};
#define LIVEMIG_A_MAX (__LIVEMIG_A_MAX - 1)

enum livemig_session_flags {
	/* Outlives the socket; ends on SESSION_DEL or with its cgroup. */
	LIVEMIG_SESSION_F_PERSISTENT	= 1 << 0,
};

enum livemig_state {
	LIVEMIG_STATE_RUNNING,
	LIVEMIG_STATE_FREEZING,
	LIVEMIG_STATE_FROZEN,
};

enum livemig_event {
	LIVEMIG_EVENT_FROZEN,
	LIVEMIG_EVENT_THAWED,
	LIVEMIG_EVENT_ROUND,		/* a PAGES round ended: ROUND, STATS */
	LIVEMIG_EVENT_DUMPED,		/* a TASK_GET of a frozen session ended */
	LIVEMIG_EVENT_RESTORED,		/* a restore was served: PID of its first task */
	LIVEMIG_EVENT_TRACKER_LOST,	/* PID: its next round sends everything */
	LIVEMIG_EVENT_SESSION_NEW,
	LIVEMIG_EVENT_SESSION_GONE,
};

enum livemig_pages_flags {
	/* The session is frozen and this is the last round: exact. */
	LIVEMIG_PAGES_F_FINAL		= 1 << 0,
	/* Every present page, whatever the tracker says. */
	LIVEMIG_PAGES_F_ALL		= 1 << 1,
	/* Count only: FD may be absent, nothing is written or cleared. */
	LIVEMIG_PAGES_F_COUNT		= 1 << 2,
	/* The reader knows PATCHES records: what is told by them is not sent.
	 * FD is a pipe or socket; in a session that is not tracked it does nothing.
	 */
	LIVEMIG_PAGES_F_PATCHES		= 1 << 3,
	/* Pages that are written in round after round stay writable: no fault is
	 * taken for them, they count as dirty, and the hash tells whether they are
	 * sent. In a session that is not tracked it does nothing.
	 */
	LIVEMIG_PAGES_F_HOT		= 1 << 4,
	/* With FINAL, to a pipe or socket: private memory is only named (LATER).
	 * A round after it writes such pages whether they have changed or not.
	 */
	LIVEMIG_PAGES_F_LATER		= 1 << 5,
	/* Negative controls for the tests: each one breaks tracking. Refused
	 * unless the module was loaded with unsafe_controls=1.
	 */
	LIVEMIG_PAGES_F_UNSAFE_NOFLUSH	= 1 << 16, /* no TLB flush */
	LIVEMIG_PAGES_F_UNSAFE_NOVMA	= 1 << 17, /* VM_SOFTDIRTY stays set */
	LIVEMIG_PAGES_F_UNSAFE_SHMEM	= 1 << 18, /* trust PTEs of shared memory */
};

/* Counts and times of one round; all u64. */
enum livemig_stats_attr {
	LIVEMIG_STATS_UNSPEC,
	LIVEMIG_STATS_PAD,
	LIVEMIG_STATS_PRESENT,		/* pages present or swapped out */
	LIVEMIG_STATS_DIRTY,		/* pages that the tracker reported */
	LIVEMIG_STATS_DATA,		/* pages written with their bytes */
	LIVEMIG_STATS_ZERO,		/* pages written as zero ranges */
	LIVEMIG_STATS_SAME,		/* dirty, but with the bytes of the last time */
	LIVEMIG_STATS_HOLE,		/* pages gone since they were written */
	LIVEMIG_STATS_BYTES,		/* bytes written to FD, headers included */
	LIVEMIG_STATS_NS_WALK,		/* time under mmap_lock, all mms */
	LIVEMIG_STATS_NS_FLUSH,		/* TLB flushes */
	LIVEMIG_STATS_NS_WRITE,		/* copying, hashing, writing */
	LIVEMIG_STATS_NS_TOTAL,
	LIVEMIG_STATS_NS_LOCKED,	/* longest hold of mmap_lock for writing */
	LIVEMIG_STATS_DELTA,		/* pages written as what changed in them */
	LIVEMIG_STATS_COPY,		/* ... as equal to another page */
	LIVEMIG_STATS_LATER,		/* pages that were only named */
	__LIVEMIG_STATS_MAX
};
#define LIVEMIG_STATS_MAX (__LIVEMIG_STATS_MAX - 1)

#include <linux/livemig_objects.h>
#include <linux/livemig_records.h>

#endif /* _UAPI_LINUX_LIVEMIG_H */
