/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * livemig: container live migration in the kernel. The whole contract between
 * livemig.ko and user space: a generic netlink family, a character device for
 * the restoring side, and the records that images and streams are made of.
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
 * failure for an empty or short answer. Messages of TASK_GET are up to 25600
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
 * writes PAGES records (section 5) to FD, a file, pipe or stream socket, at
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
 *
 * 4. Restoring: /dev/livemig
 * ==========================
 * One open file is one restore (a transaction). The coordinator, an ordinary
 * process, opens it, builds the process tree out of helper tasks that inherit
 * the file, fills their memory (LIVEMIG_IOC_APPLY), and gives the module the
 * THREAD, PROCESS and MM objects of the dump as they are (LIVEMIG_IOC_ADD).
 * Each helper task then calls LIVEMIG_IOC_BECOME and is parked in the kernel.
 * A task that has put seccomp filters on itself can make no more system calls
 * but those that they let through. So a helper maps a page of the file, and
 * after each filter reads from it: that suspends the check until SERVE. Each
 * mapping does so once.
 * When LIVEMIG_IOC_WAIT says that all are parked, everything is in place, the
 * registers too, and nothing has run: that is READY. LIVEMIG_IOC_SERVE lets all
 * tasks go: it is the commit point. If the coordinator closes the file (any of
 * its fds for it) or dies before, all parked tasks are killed.
 *
 * 5. Records
 * ==========
 * Images and streams are sequences of records, little endian:
 *
 *   struct livemig_rec   32 bytes
 *   head                 head_len bytes: netlink attributes of the object with
 *                        the record's type; or for PAGES struct livemig_pages
 *                        and its entries
 *   padding              zeros to a multiple of 8 bytes; for PAGES to 4096
 *                        bytes counted from the start of the record
 *   payload              payload_len bytes, raw
 *
 * In a file each PAGES record starts at a multiple of 4096 (a PAD record fills
 * the gap). A reader skips a record of unknown type unless its REQUIRED flag
 * is set. Sequence of a stream or image: see Documentation/image-format.rst.
 */
#ifndef _UAPI_LINUX_LIVEMIG_H
#define _UAPI_LINUX_LIVEMIG_H

#include <linux/types.h>
#include <linux/ioctl.h>

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

/*
 * Types of objects and records. Those below LIVEMIG_OBJ_USER come from the
 * kernel; the others are made by user space. The numbers are the record types
 * on disk and on the wire: never reused.
 */
enum livemig_obj {
	LIVEMIG_OBJ_UNSPEC,
	LIVEMIG_OBJ_PROCESS,		/* enum livemig_process_attr */
	LIVEMIG_OBJ_THREAD,		/* enum livemig_thread_attr */
	LIVEMIG_OBJ_MM,			/* enum livemig_mm_attr */
	LIVEMIG_OBJ_VMAS,		/* enum livemig_vmas_attr */
	LIVEMIG_OBJ_FILE,		/* enum livemig_file_attr */
	LIVEMIG_OBJ_FDS,		/* enum livemig_fds_attr */
	LIVEMIG_OBJ_SHMEM,		/* enum livemig_shmem_attr */
	LIVEMIG_OBJ_DATA,		/* enum livemig_data_attr: queue contents */
	LIVEMIG_OBJ_UNSUPPORTED,	/* enum livemig_unsupported_attr */
	LIVEMIG_OBJ_PAGES,		/* struct livemig_pages, not attributes */
	LIVEMIG_OBJ_TIME,		/* enum livemig_time_attr */
	LIVEMIG_OBJ_PATCHES,		/* struct livemig_pages, then items */
	__LIVEMIG_OBJ_MAX,
	LIVEMIG_OBJ_USER = 64,		/* see Documentation/image-format.rst */
};

/* A process (thread group). */
enum livemig_process_attr {
	LIVEMIG_PROCESS_UNSPEC,
	LIVEMIG_PROCESS_PAD,
	LIVEMIG_PROCESS_PID,		/* u32, tgid */
	LIVEMIG_PROCESS_PPID,		/* u32, 0: parent is outside the container */
	LIVEMIG_PROCESS_PGID,		/* u32, 0: group is from outside */
	LIVEMIG_PROCESS_SID,		/* u32, 0: session is from outside */
	LIVEMIG_PROCESS_THREADS,	/* u32, live threads */
	LIVEMIG_PROCESS_EXIT_SIGNAL,	/* u32 */
	LIVEMIG_PROCESS_MM_ID,		/* u32 */
	LIVEMIG_PROCESS_FILES_ID,	/* u32 */
	LIVEMIG_PROCESS_FS_ID,		/* u32 */
	LIVEMIG_PROCESS_SIGACTIONS,	/* struct livemig_sigaction[64] */
	LIVEMIG_PROCESS_RLIMITS,	/* struct livemig_rlimit[16], by RLIMIT_* */
	LIVEMIG_PROCESS_SIGPENDING,	/* siginfo_t[] (128 bytes each), in order */
	LIVEMIG_PROCESS_ITIMERS,	/* struct livemig_itimer[3], by ITIMER_* */
	LIVEMIG_PROCESS_UMASK,		/* u32 */
	LIVEMIG_PROCESS_CWD,		/* string, absolute path */
	LIVEMIG_PROCESS_ROOT,		/* string, absolute path */
	LIVEMIG_PROCESS_OOM_SCORE_ADJ,	/* s32 */
	LIVEMIG_PROCESS_DUMPABLE,	/* u32, as PR_GET_DUMPABLE */
	LIVEMIG_PROCESS_FLAGS,		/* u32, enum livemig_process_flags */
	LIVEMIG_PROCESS_NS,		/* struct livemig_ns: inode numbers */
	LIVEMIG_PROCESS_CGROUP,		/* string: path below the session's cgroup, "" = it */
	LIVEMIG_PROCESS_START_NS,	/* u64, start time, by its own CLOCK_BOOTTIME */
	LIVEMIG_PROCESS_HOST_PID,	/* u32, as the session's owner sees it */
	LIVEMIG_PROCESS_CTTY,		/* u32, number of the pty that controls it (k) */
	LIVEMIG_PROCESS_CPUTIME,	/* struct livemig_cputime[2]: of threads that
					 * have ended, of children waited for (k)
					 */
	LIVEMIG_PROCESS_EXIT_STATUS,	/* u32, zombies: as wait() tells it (k) */
	LIVEMIG_PROCESS_RUSAGE,		/* struct livemig_rusage, zombies (k) */
	LIVEMIG_PROCESS_LOGINUID,	/* u32, absent when not set */
	LIVEMIG_PROCESS_SEM_UNDO,	/* struct livemig_sem_undo[], SEM_UNDO */
	__LIVEMIG_PROCESS_MAX
};
#define LIVEMIG_PROCESS_MAX (__LIVEMIG_PROCESS_MAX - 1)

enum livemig_process_flags {
	LIVEMIG_PROCESS_F_SUBREAPER	= 1 << 0,
	LIVEMIG_PROCESS_F_ZOMBIE	= 1 << 1, /* no mm, no files; one THREAD
						   * without registers
						   */
	LIVEMIG_PROCESS_F_THP_DISABLE	= 1 << 2,
	LIVEMIG_PROCESS_F_STOPPED	= 1 << 3,
	LIVEMIG_PROCESS_F_CWD_GONE	= 1 << 4, /* CWD was removed */
};

/* What a zombie has used, with its children that were waited for. */
struct livemig_rusage {
	__u64 utime_ns, stime_ns;
	__u64 maxrss;			/* pages */
	__u64 minflt, majflt;
	__u64 inblock, oublock;
	__u64 nvcsw, nivcsw;
};

/* What is added to a System V semaphore when the process ends. */
struct livemig_sem_undo {
	__u32 id;		/* of the set, in the process's ipc namespace */
	__u16 nr;		/* of the semaphore in it */
	__s16 adjust;		/* not 0 */
};

struct livemig_sigaction {
	__u64 handler;
	__u64 flags;
	__u64 restorer;
	__u64 mask;
};

struct livemig_rlimit {
	__u64 cur;
	__u64 max;
};

struct livemig_itimer {		/* nanoseconds; 0 = not armed */
	__u64 value;
	__u64 interval;
};

/* Inode numbers of the namespaces; of mount namespaces numbers that stand for them
 * as long as the session lives, 0 for that of the session's owner.
 */
struct livemig_ns {
	__u32 mnt, uts, ipc, pid, pid_for_children, net, user, cgroup, time;
	__u32 resv;
};

/* A thread. Attributes marked (k) are put back by the module, the others by
 * user space.
 */
enum livemig_thread_attr {
	LIVEMIG_THREAD_UNSPEC,
	LIVEMIG_THREAD_PAD,
	LIVEMIG_THREAD_TID,		/* u32 (k: which task this is for) */
	LIVEMIG_THREAD_PID,		/* u32, its process */
	LIVEMIG_THREAD_COMM,		/* string, up to 15 bytes (k) */
	LIVEMIG_THREAD_REGS,		/* NT_PRSTATUS regset, restarts resolved (k) */
	LIVEMIG_THREAD_XSTATE,		/* NT_X86_XSTATE regset (k) */
	LIVEMIG_THREAD_SIGMASK,		/* u64 (k) */
	LIVEMIG_THREAD_SIGPENDING,	/* siginfo_t[], in order (k) */
	LIVEMIG_THREAD_ALTSTACK,	/* struct livemig_altstack (k) */
	LIVEMIG_THREAD_ROBUST_LIST,	/* u64, user address (k) */
	LIVEMIG_THREAD_CLEAR_TID,	/* u64, user address (k) */
	LIVEMIG_THREAD_RSEQ,		/* struct livemig_rseq (k) */
	LIVEMIG_THREAD_RESTART,		/* struct livemig_restart (k) */
	LIVEMIG_THREAD_CREDS,		/* struct livemig_creds */
	LIVEMIG_THREAD_GROUPS,		/* u32[], supplementary gids */
	LIVEMIG_THREAD_SCHED,		/* struct livemig_sched */
	LIVEMIG_THREAD_AFFINITY,	/* u64[], CPU mask */
	LIVEMIG_THREAD_TIMERSLACK,	/* u64, ns */
	LIVEMIG_THREAD_PERSONALITY,	/* u32 */
	LIVEMIG_THREAD_PDEATH_SIG,	/* u32 */
	LIVEMIG_THREAD_FLAGS,		/* u32, enum livemig_thread_flags */
	LIVEMIG_THREAD_START_NS,	/* u64, start time, by its own CLOCK_BOOTTIME (k) */
	LIVEMIG_THREAD_CPUTIME,		/* struct livemig_cputime (k) */
	LIVEMIG_THREAD_SECCOMP,		/* struct livemig_seccomp, if in any mode */
	LIVEMIG_THREAD_IOPRIO,		/* u32, as ioprio_get(), if ever set */
	LIVEMIG_THREAD_UMASK,		/* u32; with CWD only when it does not */
	LIVEMIG_THREAD_CWD,		/* string; share those of its process */
	LIVEMIG_THREAD_HOST_TID,	/* u32, as the session's owner sees it */
	LIVEMIG_THREAD_INNER_TIDS,	/* u32[], its numbers in the pid namespaces
					 * below the container's, outermost first
					 */
	__LIVEMIG_THREAD_MAX
};
#define LIVEMIG_THREAD_MAX (__LIVEMIG_THREAD_MAX - 1)

enum livemig_thread_flags {
	LIVEMIG_THREAD_F_NO_NEW_PRIVS	= 1 << 0,
	LIVEMIG_THREAD_F_IN_SYSCALL	= 1 << 1, /* a system call will be restarted */
};

struct livemig_cputime {	/* nanoseconds that were used */
	__u64 user;
	__u64 system;
	__u64 runtime;		/* by the scheduler's count: both together */
};

struct livemig_altstack {
	__u64 sp;
	__u64 size;
	__u32 flags;
	__u32 resv;
};

/* The filters themselves are read and put back by user space (PTRACE_SECCOMP_
 * GET_FILTER, seccomp()). Equal ids within one dump: the same filters.
 */
struct livemig_seccomp {
	__u32 mode;		/* SECCOMP_MODE_STRICT, _FILTER */
	__u32 filters;		/* how many */
	__u32 id;
	__u32 resv;
};

struct livemig_rseq {
	__u64 addr;
	__u32 len;
	__u32 sig;
};

/* A sleep that goes on after the restore with the time that was left. */
enum livemig_restart_kind {
	LIVEMIG_RESTART_NONE,
	LIVEMIG_RESTART_NANOSLEEP,	/* nanosleep, clock_nanosleep(relative) */
	LIVEMIG_RESTART_POLL,
	LIVEMIG_RESTART_FUTEX,
};

struct livemig_restart {
	__u32 kind;			/* enum livemig_restart_kind */
	__u32 clockid;			/* NANOSLEEP */
	__s64 left_ns;			/* negative: no timeout */
	__u64 addr;			/* NANOSLEEP: rmtp; POLL: ufds; FUTEX: uaddr */
	__u32 val;			/* POLL: nfds; FUTEX: val */
	__u32 flags;			/* NANOSLEEP: timespec type; FUTEX: flags */
	__u32 bitset;			/* FUTEX */
	__u32 resv;
};

/* Ids, and those of THREAD_GROUPS, are those of the initial user namespace (~0: none
 * there); capabilities and securebits hold in the user namespace of the process.
 */
struct livemig_creds {
	__u32 uid, euid, suid, fsuid;
	__u32 gid, egid, sgid, fsgid;
	__u32 securebits, resv;
	__u64 cap_inheritable, cap_permitted, cap_effective, cap_bounding,
	      cap_ambient;
};

struct livemig_sched {
	__u32 policy;
	__s32 nice;
	__u32 rt_priority;
	__u32 reset_on_fork;
};

/* An address space. All (k) but MEMBARRIER, COREDUMP. */
enum livemig_mm_attr {
	LIVEMIG_MM_UNSPEC,
	LIVEMIG_MM_PAD,
	LIVEMIG_MM_ID,			/* u32 */
	LIVEMIG_MM_LAYOUT,		/* struct livemig_mm_layout */
	LIVEMIG_MM_AUXV,		/* u64[] */
	LIVEMIG_MM_EXE_FILE,		/* u32, id of a FILE object */
	LIVEMIG_MM_EXE,			/* string, its path (what the module opens) */
	LIVEMIG_MM_VDSO,		/* struct livemig_range: vvar to end of vdso */
	LIVEMIG_MM_VDSO_ID,		/* u64, as in GET_INFO */
	LIVEMIG_MM_MLOCKALL,		/* u32: MCL_FUTURE, and MCL_ONFAULT with it */
	LIVEMIG_MM_GUARDS,		/* struct livemig_range[]: guard regions, found
					 * by user space; several times if need be
					 */
	LIVEMIG_MM_MEMBARRIER,		/* u32, MEMBARRIER_CMD_REGISTER_* */
	LIVEMIG_MM_COREDUMP,		/* u32, /proc/PID/coredump_filter */
	LIVEMIG_MM_PKEYS,		/* struct livemig_pkeys, if keys are in use */
	LIVEMIG_MM_USER_NS,		/* u32, inode number of the user namespace
					 * whose root may look into it even if it is
					 * not dumpable; absent: the initial one
					 */
	__LIVEMIG_MM_MAX
};
#define LIVEMIG_MM_MAX (__LIVEMIG_MM_MAX - 1)

#define LIVEMIG_RANGES_MAX	64	/* in LIVEMIG_A_RANGES */
#define LIVEMIG_RANGE_PAGES_MAX	65536	/* ... pages in all of them */

struct livemig_range {
	__u64 start;
	__u64 end;
};

struct livemig_pkeys {
	__u32 allocated;	/* bit n: key n; key 0 always is */
	__s32 execute_only;	/* the kernel's own for PROT_EXEC alone; -1: none */
};

struct livemig_mm_layout {
	__u64 start_code, end_code, start_data, end_data;
	__u64 start_brk, brk, start_stack;
	__u64 arg_start, arg_end, env_start, env_end;
	__u64 mmap_base;		/* information only */
};

enum livemig_vmas_attr {
	LIVEMIG_VMAS_UNSPEC,
	LIVEMIG_VMAS_PAD,
	LIVEMIG_VMAS_MM_ID,		/* u32 */
	LIVEMIG_VMAS_LIST,		/* struct livemig_vma[], by address */
	__LIVEMIG_VMAS_MAX
};
#define LIVEMIG_VMAS_MAX (__LIVEMIG_VMAS_MAX - 1)

enum livemig_vma_kind {
	LIVEMIG_VMA_ANON,		/* private anonymous */
	LIVEMIG_VMA_FILE_PRIVATE,	/* object = FILE id */
	LIVEMIG_VMA_FILE_SHARED,	/* object = FILE id */
	LIVEMIG_VMA_SHMEM,		/* shared anonymous or memfd; object = SHMEM id */
	LIVEMIG_VMA_VDSO,		/* vvar, vdso: comes with the kernel */
	LIVEMIG_VMA_SHMEM_PRIVATE,	/* MAP_PRIVATE of a memfd; object = SHMEM id */
	LIVEMIG_VMA_VSYSCALL,
	LIVEMIG_VMA_AIO_RING,		/* all of an io_setup() ring; its pages are the mm's */
};

enum livemig_vma_flags {
	LIVEMIG_VMA_F_READ		= 1 << 0,
	LIVEMIG_VMA_F_WRITE		= 1 << 1,
	LIVEMIG_VMA_F_EXEC		= 1 << 2,
	LIVEMIG_VMA_F_GROWSDOWN		= 1 << 3,
	LIVEMIG_VMA_F_NORESERVE		= 1 << 4,
	LIVEMIG_VMA_F_LOCKED		= 1 << 5,
	LIVEMIG_VMA_F_DONTFORK		= 1 << 6,	/* madvise */
	LIVEMIG_VMA_F_WIPEONFORK	= 1 << 7,	/* madvise */
	LIVEMIG_VMA_F_DONTDUMP		= 1 << 8,	/* madvise */
	LIVEMIG_VMA_F_HUGEPAGE		= 1 << 9,	/* madvise */
	LIVEMIG_VMA_F_NOHUGEPAGE	= 1 << 10,	/* madvise */
	LIVEMIG_VMA_F_MERGEABLE		= 1 << 11,	/* madvise */
	LIVEMIG_VMA_F_SEQ_READ		= 1 << 12,	/* madvise */
	LIVEMIG_VMA_F_RAND_READ		= 1 << 13,	/* madvise */
	LIVEMIG_VMA_F_MAYWRITE		= 1 << 14,	/* mprotect may add write */
	LIVEMIG_VMA_F_LOCKONFAULT	= 1 << 15,
	LIVEMIG_VMA_F_STACK		= 1 << 16,	/* main thread's stack */
	LIVEMIG_VMA_F_GUARD		= 1 << 17, /* may have guard regions */
	LIVEMIG_VMA_F_SEALED		= 1 << 18, /* mseal() */
	LIVEMIG_VMA_F_DROPPABLE		= 1 << 19, /* MAP_DROPPABLE */
};

struct livemig_vma {
	__u64 start;
	__u64 end;
	__u64 offset;		/* bytes into the object */
	__u32 flags;		/* enum livemig_vma_flags */
	__u16 kind;		/* enum livemig_vma_kind */
	__u16 pkey;
	__u32 object;
	__u32 resv;
};

/* What one open file (struct file) or mapped file is. */
enum livemig_file_type {
	LIVEMIG_FILE_UNKNOWN,
	LIVEMIG_FILE_REG,
	LIVEMIG_FILE_DIR,
	LIVEMIG_FILE_CHR,		/* RDEV says which */
	LIVEMIG_FILE_PIPE,		/* INO pairs the two ends */
	LIVEMIG_FILE_FIFO,		/* named */
	LIVEMIG_FILE_EVENTFD,
	LIVEMIG_FILE_EPOLL,
	LIVEMIG_FILE_TIMERFD,
	LIVEMIG_FILE_SIGNALFD,
	LIVEMIG_FILE_INOTIFY,
	LIVEMIG_FILE_SOCKET,		/* SOCK has the rest */
	LIVEMIG_FILE_MEMFD,		/* SHMEM_ID has the object */
	LIVEMIG_FILE_PIDFD,
	LIVEMIG_FILE_TTY,
	LIVEMIG_FILE_OPATH,		/* O_PATH: the name only; MODE says of what */
	LIVEMIG_FILE_MQUEUE,		/* NAME; INO pairs it with its IPC record */
};

enum livemig_file_attr {
	LIVEMIG_FILE_A_UNSPEC,
	LIVEMIG_FILE_A_PAD,
	LIVEMIG_FILE_A_ID,		/* u32 */
	LIVEMIG_FILE_A_TYPE,		/* u32, enum livemig_file_type */
	LIVEMIG_FILE_A_NAME,		/* string, kernel's name of an anonymous file */
	LIVEMIG_FILE_A_PATH,		/* string, absolute, as the container's root sees it */
	LIVEMIG_FILE_A_FLAGS,		/* u32, O_* as F_GETFL */
	LIVEMIG_FILE_A_POS,		/* s64 */
	LIVEMIG_FILE_A_MODE,		/* u32, st_mode */
	LIVEMIG_FILE_A_DEV,		/* u64, st_dev */
	LIVEMIG_FILE_A_INO,		/* u64, st_ino */
	LIVEMIG_FILE_A_RDEV,		/* u64, major << 20 | minor */
	LIVEMIG_FILE_A_SIZE,		/* u64 */
	LIVEMIG_FILE_A_MTIME_NS,	/* s64 */
	LIVEMIG_FILE_A_NLINK,		/* u32 */
	LIVEMIG_FILE_A_OWNER,		/* struct livemig_fown, F_SETOWN */
	LIVEMIG_FILE_A_FDINFO,		/* string: what show_fdinfo prints */
	LIVEMIG_FILE_A_SHMEM_ID,	/* u32 */
	LIVEMIG_FILE_A_SOCK,		/* nest, enum livemig_sock_attr */
	LIVEMIG_FILE_A_MAPPED,		/* flag: named by a mapping, not by an fd */
	LIVEMIG_FILE_A_HOLDER,		/* struct livemig_holder: one who has it open;
					 * fd -1: nobody, it is in flight, or a
					 * connection that is not accepted yet, in
					 * a socket of pid; or closed
					 */
	LIVEMIG_FILE_A_BUILD_ID,	/* binary, up to 64 bytes: of a program or
					 * library; read by user space
					 */
	LIVEMIG_FILE_A_UID,		/* u32, st_uid in the initial namespace */
	LIVEMIG_FILE_A_GID,		/* u32, st_gid */
	LIVEMIG_FILE_A_LOCKS,		/* struct livemig_lock[]; several times if need
					 * be
					 */
	LIVEMIG_FILE_A_LEASE,		/* u32, F_RDLCK or F_WRLCK, if there is one */
	LIVEMIG_FILE_A_OUTSIDE,		/* flag: PATH is not in the holder's mount
					 * namespace, but in that of the session's
					 * owner
					 */
	__LIVEMIG_FILE_A_MAX
};
#define LIVEMIG_FILE_A_MAX (__LIVEMIG_FILE_A_MAX - 1)

struct livemig_fown {
	__s32 pid;		/* < 0: a process group */
	__u32 signum;
	__u32 uid, euid;
};

struct livemig_holder {
	__u32 pid;
	__s32 fd;
};

enum livemig_lock_kind {
	LIVEMIG_LOCK_FLOCK,		/* flock(), of the open file */
	LIVEMIG_LOCK_OFD,		/* F_OFD_SETLK, of the open file */
	LIVEMIG_LOCK_POSIX,		/* F_SETLK, of a table of descriptors */
};

struct livemig_lock {
	__u64 start;
	__u64 end;			/* the last byte; 2^63 - 1: to the end */
	__u32 kind;			/* enum livemig_lock_kind */
	__u32 type;			/* F_RDLCK, F_WRLCK */
	__u32 owner;			/* POSIX: id of the FDS; else 0 */
	__u32 resv;
};

enum livemig_fds_attr {
	LIVEMIG_FDS_UNSPEC,
	LIVEMIG_FDS_PAD,
	LIVEMIG_FDS_FILES_ID,		/* u32 */
	LIVEMIG_FDS_LIST,		/* struct livemig_fd[], by number */
	__LIVEMIG_FDS_MAX
};
#define LIVEMIG_FDS_MAX (__LIVEMIG_FDS_MAX - 1)

struct livemig_fd {
	__u32 fd;
	__u32 file;		/* id of a FILE object */
	__u32 cloexec;		/* 0 or 1 */
	__u32 resv;
};

enum livemig_shmem_attr {
	LIVEMIG_SHMEM_UNSPEC,
	LIVEMIG_SHMEM_PAD,
	LIVEMIG_SHMEM_ID,		/* u32 */
	LIVEMIG_SHMEM_SIZE,		/* u64, bytes */
	LIVEMIG_SHMEM_NAME,		/* string: "dev/zero", "memfd:...", "SYSV..." */
	LIVEMIG_SHMEM_SEALS,		/* u32, F_SEAL_* */
	LIVEMIG_SHMEM_MODE,		/* u32 */
	LIVEMIG_SHMEM_SYSV,		/* u32, id of a System V segment in the ipc namespace
					 * of a process that has it attached
					 */
	LIVEMIG_SHMEM_HUGE_SHIFT,	/* u32, 21 or 30; hugetlb: its pages have 2^n bytes */
	__LIVEMIG_SHMEM_MAX
};
#define LIVEMIG_SHMEM_MAX (__LIVEMIG_SHMEM_MAX - 1)

/* A socket. Only on frozen sessions: TCP and the sizes of the queues. */
enum livemig_sock_attr {
	LIVEMIG_SOCK_UNSPEC,
	LIVEMIG_SOCK_PAD,
	LIVEMIG_SOCK_FAMILY,		/* u32, AF_* */
	LIVEMIG_SOCK_TYPE,		/* u32, SOCK_* */
	LIVEMIG_SOCK_PROTOCOL,		/* u32 */
	LIVEMIG_SOCK_STATE,		/* u32, TCP_ESTABLISHED ... */
	LIVEMIG_SOCK_INO,		/* u64; a connection that is not accepted yet
					 * has none, but a number above 2^32
					 */
	LIVEMIG_SOCK_NETNS,		/* u32, inode number */
	LIVEMIG_SOCK_LOCAL,		/* struct sockaddr_in, _in6, _un */
	LIVEMIG_SOCK_REMOTE,		/* the same */
	LIVEMIG_SOCK_PEER_INO,		/* u64, unix: the socket at the other end */
	LIVEMIG_SOCK_BACKLOG,		/* u32, listeners */
	LIVEMIG_SOCK_UNACCEPTED,	/* u32, listeners: connections in the queue */
	LIVEMIG_SOCK_SHUTDOWN,		/* u32, 1 receive, 2 send */
	LIVEMIG_SOCK_OPTIONS,		/* struct livemig_sock_options */
	LIVEMIG_SOCK_TCP,		/* struct livemig_tcp */
	LIVEMIG_SOCK_PEER_CRED,		/* struct ucred, unix */
	LIVEMIG_SOCK_QUEUED,		/* u32, messages or skbs in the receive queue */
	LIVEMIG_SOCK_LISTENER,		/* u32, FILE id: not accepted yet, in the order
					 * of its queue
					 */
	LIVEMIG_SOCK_PATH,		/* string, unix: where its name is now */
	LIVEMIG_SOCK_BOUND,		/* struct livemig_sock_bound, unix: its inode */
	LIVEMIG_SOCK_PEER_GROUPS,	/* u32[], unix: SO_PEERGROUPS, up to 2048 */
	LIVEMIG_SOCK_CLOSED,		/* flag: nobody has it, TCP sends on */
	LIVEMIG_SOCK_MCAST_IF,		/* struct livemig_mcast_if: IP_MULTICAST_IF */
	LIVEMIG_SOCK_TIMEWAIT,		/* struct livemig_timewait: CLOSED, and over; the
					 * rest is as before the last FIN came
					 */
	__LIVEMIG_SOCK_MAX
};
#define LIVEMIG_SOCK_MAX (__LIVEMIG_SOCK_MAX - 1)

struct livemig_sock_bound {
	__u32 mode;		/* of the socket's inode in its file system */
	__u32 uid, gid;		/* in the initial namespace */
	__u32 deleted;		/* 1: no name leads there any more */
};

struct livemig_mcast_if {
	__u32 ifindex;		/* not 0 */
	__u32 local;		/* IPv4 address, network byte order, or 0 */
};

/* A TCP connection of which the kernel keeps only the numbers. */
struct livemig_timewait {
	__u32 state;		/* TCP_FIN_WAIT2: the peer's FIN is still to come;
				 * TCP_TIME_WAIT
				 */
	__u32 ts_recent;	/* the peer's last time stamp, if it has those */
};
/* More in one container are left out. */
#define LIVEMIG_TIMEWAIT_MAX 512

/* A multicast group that a UDP, raw or ICMP socket has joined: the BYTES of a DATA
 * object of the queue GROUPS. The group and the sources follow, 16 bytes each, IPv4
 * as ::ffff:a.b.c.d. The youngest comes first. A socket that has more sources in one
 * group, an IPv6 anycast address, or that is a stream and in a group is UNSUPPORTED.
 */
struct livemig_group {
	__u32 ifindex;
	__u32 mode;		/* MCAST_EXCLUDE (0): all but the sources; MCAST_INCLUDE */
	__u32 local;		/* IPv4 address by which the interface was named,
				 * network byte order, or 0
				 */
	__u32 sources;		/* up to 1000 */
};
#define LIVEMIG_GROUP_SOURCES_MAX 1000

struct livemig_sock_options {
	__u32 flags;		/* enum livemig_sock_flags */
	__u32 sndbuf, rcvbuf;	/* sk_sndbuf, sk_rcvbuf: twice what was set */
	__u32 priority, mark;
	__u32 bound_dev;	/* ifindex or 0 */
	__s64 sndtimeo_ns, rcvtimeo_ns;	/* < 0: none */
	__s32 linger;		/* seconds; < 0: off */
	__u32 rcvlowat;
	__u32 tos, ttl;		/* ttl 0: default */
	__u32 keepidle, keepintvl, keepcnt;	/* TCP, seconds; 0: default */
	__u32 user_timeout_ms, defer_accept, fastopen;
	__u32 resv;
};

enum livemig_sock_flags {
	LIVEMIG_SOCK_F_REUSEADDR	= 1 << 0,
	LIVEMIG_SOCK_F_REUSEPORT	= 1 << 1,
	LIVEMIG_SOCK_F_KEEPALIVE	= 1 << 2,
	LIVEMIG_SOCK_F_NODELAY		= 1 << 3,
	LIVEMIG_SOCK_F_CORK		= 1 << 4,
	LIVEMIG_SOCK_F_V6ONLY		= 1 << 5,
	LIVEMIG_SOCK_F_SNDBUF_LOCK	= 1 << 6,
	LIVEMIG_SOCK_F_RCVBUF_LOCK	= 1 << 7,
	LIVEMIG_SOCK_F_PASSCRED		= 1 << 8,
	LIVEMIG_SOCK_F_BROADCAST	= 1 << 9,
	LIVEMIG_SOCK_F_OOBINLINE	= 1 << 10,
	LIVEMIG_SOCK_F_TIMESTAMP	= 1 << 11,
	LIVEMIG_SOCK_F_FREEBIND		= 1 << 12,
	LIVEMIG_SOCK_F_QUICKACK		= 1 << 13,
	LIVEMIG_SOCK_F_REUSEADDR_AUTO	= 1 << 14, /* port chosen by the kernel */
};

/* What TCP_REPAIR wants to be told on the other side. */
struct livemig_tcp {
	__u32 state;
	__u32 snd_una, write_seq;	/* SEND queue is [snd_una, write_seq) */
	__u32 snd_nxt;			/* sent so far */
	__u32 copied_seq, rcv_nxt;	/* RECV queue is [copied_seq, rcv_nxt) */
	__u32 snd_wl1, snd_wnd, max_window, rcv_wnd, rcv_wup;
	__u32 mss_clamp;
	__u32 snd_wscale, rcv_wscale;
	__u32 timestamp;		/* TCP_TIMESTAMP now */
	__u32 flags;			/* enum livemig_tcp_flags */
};

enum livemig_tcp_flags {
	LIVEMIG_TCP_F_WSCALE		= 1 << 0,
	LIVEMIG_TCP_F_SACK		= 1 << 1,
	LIVEMIG_TCP_F_TSTAMP		= 1 << 2,
	LIVEMIG_TCP_F_URG		= 1 << 3,	/* urgent data pending */
};

/* A piece of what waits in a socket (kernel) or pipe (user space). */
enum livemig_data_attr {
	LIVEMIG_DATA_UNSPEC,
	LIVEMIG_DATA_PAD,
	LIVEMIG_DATA_FILE,		/* u32, FILE id */
	LIVEMIG_DATA_QUEUE,		/* u32, enum livemig_queue */
	LIVEMIG_DATA_OFFSET,		/* u64, bytes (stream) or message number */
	LIVEMIG_DATA_BYTES,		/* binary, up to 16384 */
	LIVEMIG_DATA_FDS,		/* u32[]: FILE ids of SCM_RIGHTS in this message */
	LIVEMIG_DATA_NAME,		/* sender's address */
	LIVEMIG_DATA_CRED,		/* struct ucred: SCM_CREDENTIALS; pid 0: of one
					 * that is not visible
					 */
	LIVEMIG_DATA_DEST,		/* UDP: the address that it was sent to */
	__LIVEMIG_DATA_MAX
};
#define LIVEMIG_DATA_MAX (__LIVEMIG_DATA_MAX - 1)

enum livemig_queue {
	LIVEMIG_QUEUE_RECV,
	LIVEMIG_QUEUE_SEND,
	LIVEMIG_QUEUE_OPTIONS,	/* user space: see Documentation/image-format.rst */
	LIVEMIG_QUEUE_EVENTS,	/* of an inotify, as read() would tell them */
	LIVEMIG_QUEUE_GROUPS,	/* struct livemig_group */
};

/* What the clocks of a process show, its time namespace included. It comes
 * after all else of the process, so that no time that is given as what remains
 * was taken later.
 */
enum livemig_time_attr {
	LIVEMIG_TIME_UNSPEC,
	LIVEMIG_TIME_PAD,
	LIVEMIG_TIME_PID,		/* u32, the process */
	LIVEMIG_TIME_CLOCKS,		/* struct livemig_clocks */
	LIVEMIG_TIME_TIMERS,		/* struct livemig_timer[]: of timer_create() */
	LIVEMIG_TIME_NEXT_TIMER,	/* u32, id of the next one; absent: none was made */
	__LIVEMIG_TIME_MAX
};
#define LIVEMIG_TIME_MAX (__LIVEMIG_TIME_MAX - 1)

struct livemig_clocks {		/* nanoseconds */
	__s64 monotonic;
	__s64 boottime;
	__s64 realtime;
};

struct livemig_timer {
	__u32 id;
	__s32 clock;		/* CLOCK_* */
	__u32 notify;		/* SIGEV_* */
	__u32 signo;
	__u64 value;		/* sigev_value */
	__u32 target;		/* SIGEV_THREAD_ID: the thread */
	__u32 cpu_thread;	/* CLOCK_THREAD_CPUTIME_ID: whose */
	__u64 left;		/* nanoseconds; 0 = not armed */
	__u64 interval;
	__u32 overrun;		/* timer_getoverrun() */
	__u32 pending_overrun;	/* of the signal that is pending */
	__u32 flags;		/* enum livemig_timer_flags */
	__u32 resv;
};

enum livemig_timer_flags {
	LIVEMIG_TIMER_F_PENDING	= 1 << 0, /* expired, its signal waits */
	LIVEMIG_TIMER_F_ABSTIME	= 1 << 1, /* CLOCK_REALTIME, follows its jumps */
};

enum livemig_unsupported_attr {
	LIVEMIG_UNSUPPORTED_UNSPEC,
	LIVEMIG_UNSUPPORTED_PAD,
	LIVEMIG_UNSUPPORTED_PID,	/* u32 */
	LIVEMIG_UNSUPPORTED_FD,		/* s32, absent when no fd is to blame */
	LIVEMIG_UNSUPPORTED_WHAT,	/* string: "fanotify", "pid namespace", ... */
	LIVEMIG_UNSUPPORTED_REMEDY,	/* string, may be absent */
	LIVEMIG_UNSUPPORTED_TRANSIENT,	/* flag: may be gone a moment later */
	__LIVEMIG_UNSUPPORTED_MAX
};
#define LIVEMIG_UNSUPPORTED_MAX (__LIVEMIG_UNSUPPORTED_MAX - 1)

/* ---- records ---- */

#define LIVEMIG_REC_MAGIC	0x52474d4c	/* "LMGR" */
#define LIVEMIG_REC_ALIGN	8
#define LIVEMIG_REC_PAGE	4096
/* A reader refuses more than this without reading it. */
#define LIVEMIG_REC_HEAD_MAX	(1U << 20)
#define LIVEMIG_REC_PAYLOAD_MAX	(4U << 20)

enum livemig_rec_flags {
	LIVEMIG_REC_F_REQUIRED	= 1 << 0,
};

struct livemig_rec {
	__le32 magic;
	__le16 type;		/* enum livemig_obj and its user part */
	__u8 version;		/* of the record type: 1 */
	__u8 flags;		/* enum livemig_rec_flags */
	__le32 head_len;
	__le32 payload_len;
	__le64 seq;		/* 0, 1, ...; PAGES records written by the module have
				 * ~0, as it does not know the stream's count
				 */
	__le64 checksum;	/* xxh64, seed 0, over this header with checksum 0
				 * followed by the head (without padding)
				 */
};

enum livemig_pages_space {
	LIVEMIG_PAGES_SPACE_MM,		/* id is an mm, addresses are virtual */
	LIVEMIG_PAGES_SPACE_SHMEM,	/* id is a shmem object, offsets in it */
};

/*
 * Head of a PAGES record: this struct and nr_entries entries; head_len is
 * their exact size. The payload is the bytes of the DATA entries in order,
 * 4096 each; payload_len = 4096 * their number.
 */
struct livemig_pages {
	__le32 space;		/* enum livemig_pages_space */
	__le32 id;
	__le32 round;
	__le32 nr_entries;	/* 1..LIVEMIG_PAGES_ENTRIES_MAX */
};

enum livemig_page_kind {
	LIVEMIG_PAGE_DATA,	/* one page; value = xxh64 (seed 0) of its bytes */
	LIVEMIG_PAGE_ZERO,	/* value pages of zeros */
	LIVEMIG_PAGE_HOLE,	/* value pages that are no more: what a fresh
				 * mapping of that range would show
				 */
	LIVEMIG_PAGE_LATER,	/* value pages whose bytes have to be asked for; only
				 * in the last round of a migration
				 */
};
#define LIVEMIG_PAGE_KIND_MASK	0xfULL
#define LIVEMIG_PAGE_F_HUGE	0x10ULL	/* part of a huge page on the source */

struct livemig_page_entry {
	__le64 addr;		/* multiple of 4096, with the kind in the low bits */
	__le64 value;
};
#define LIVEMIG_PAGES_ENTRIES_MAX \
	((LIVEMIG_REC_PAGE - sizeof(struct livemig_rec) - \
	  sizeof(struct livemig_pages)) / sizeof(struct livemig_page_entry))

/*
 * Head of a PATCHES record: struct livemig_pages, whose nr_entries is the number
 * of items, and the items; no payload. It tells the contents of pages by what
 * the reader has: all that was told before in the stream. An item is for @pages
 * that follow each other:
 *
 *	struct livemig_patch
 *	COPY:	struct livemig_patch_from	the first of as many pages
 *		for each page	hash (8 bytes)
 *	DELTA:	for each page	hash (8 bytes), n (1 byte, 1..64),
 *				n numbers of pieces (1 byte each, ascending),
 *				n times LIVEMIG_PATCH_PIECE bytes
 *	zeros up to a multiple of 8 bytes
 *
 * A hash is the xxh64 (seed 0) of the page when it is done.
 */
struct livemig_patch {
	__le64 addr;		/* multiple of 4096, with the kind in the low bits */
	__le32 pages;		/* 1.. */
	__le32 len;		/* bytes that follow, zeros at the end included */
};

struct livemig_patch_from {
	__le64 addr;
	__le32 space;		/* enum livemig_pages_space */
	__le32 id;
};

enum livemig_patch_kind {
	LIVEMIG_PATCH_DELTA,	/* pieces of it have changed */
	LIVEMIG_PATCH_COPY,	/* it has the bytes of another page */
};
#define LIVEMIG_PATCH_PIECE	64
#define LIVEMIG_PATCHES_MAX	(256U << 10)	/* bytes of a record */

/* ---- /dev/livemig ---- */

/* Give one object to the restore. @type: PROCESS, THREAD or MM. @buf: its
 * attributes, as in TASK_GET. Errors: EINVAL (malformed, or something that this
 * kernel lacks; @why says what), EEXIST, ENOSPC, EBUSY (after the first WAIT).
 */
struct livemig_ioc_add {
	__u64 buf;
	__u32 len;		/* 1..65536 */
	__u32 type;
	__u32 mm_id;		/* MM: which; else 0 */
	__u32 resv;
	char why[64];		/* out */
};

enum livemig_become_flags {
	/* The caller enters the sleep of its THREAD_RESTART next (with any
	 * timeout above that of the WAIT) and is taken from there.
	 */
	LIVEMIG_BECOME_F_SLEEP	= 1 << 0,
};

/* Called by a helper task for itself. It does not return to the helper. The
 * task is found by its tid among the THREAD objects.
 * @unmap: the helper's own memory, unmapped by the last thread of the process.
 * @close_fd: fds of the helper to be closed then; -1 = none.
 */
struct livemig_ioc_become {
	struct livemig_range unmap;
	__s32 close_fd[4];
	__u32 flags;		/* enum livemig_become_flags */
	__u32 resv;
};

enum livemig_apply_flags {
	/* A DATA page whose bytes are there already is left as it is, so that
	 * what the task shares with its parent since fork() stays shared.
	 */
	LIVEMIG_APPLY_F_KEEP_SAME	= 1 << 0,
};

/* Fill pages of @pid (which must have this file open and not be parked) with
 * the payload read from @fd. @entries: as in a PAGES record, DATA and ZERO and
 * HOLE alike (HOLE on private memory drops the page). A DATA page whose
 * bytes do not have the hash of its entry fails with EBADMSG.
 * Pages for which there is no mapping are skipped: their bits in @missed
 * (a bitmap of nr_entries bits, may be 0) are set and their payload is copied
 * to @missed_buf when that is given (nr_entries * 4096 bytes), else EFAULT.
 * Answers @done entries. From a non-blocking or short @fd: EIO.
 */
struct livemig_ioc_apply {
	__u32 pid;
	__s32 fd;
	__u64 entries;		/* struct livemig_page_entry[] */
	__u32 nr_entries;	/* 1..LIVEMIG_PAGES_ENTRIES_MAX */
	__u32 done;
	__u64 missed;
	__u64 missed_buf;
	__u32 flags;		/* enum livemig_apply_flags */
	__u32 resv;
};

/* Wait until all threads that were added are parked and all is prepared.
 * Errors: ETIMEDOUT, EINTR, or the errno with which preparing failed; then
 * @failed_pid and @step say where.
 */
struct livemig_ioc_wait {
	__u32 timeout_ms;	/* 1..600000 */
	__u32 failed_pid;
	char step[32];
};

struct livemig_ioc_serve {
	__u32 flags;		/* 0 */
	__u32 served;		/* out: threads let go */
};

enum livemig_timer_op {
	LIVEMIG_TIMER_NEXT,	/* the caller's next timer_create() gives @id */
	LIVEMIG_TIMER_OVERRUN,	/* what timer_getoverrun() of its timer @id gives */
};

/* Called by a helper for the timers of its process. Errors: EINVAL, ENOENT (no
 * such timer).
 */
struct livemig_ioc_timer {
	__u32 op;		/* enum livemig_timer_op */
	__u32 id;		/* 0..INT_MAX */
	__u32 overrun;		/* 0..INT_MAX */
	__u32 resv;
};

enum livemig_peer_flags {
	/* Of the socket at the other end, which may be waiting to be accepted. */
	LIVEMIG_PEER_F_OTHER	= 1 << 0,
};

/* Whom the unix socket @fd takes for its peer: SO_PEERCRED, SO_PEERGROUPS.
 * Errors: EBADF, ENOTSOCK (no unix socket), ENOTCONN (there is no other end),
 * EINVAL, ESRCH (no such pid).
 */
struct livemig_ioc_peer {
	__s32 fd;
	__u32 flags;		/* enum livemig_peer_flags */
	__u32 pid;		/* 0: none, as of one that is not visible */
	__u32 uid, gid;
	__u32 nr_groups;	/* 0..65536 */
	__u64 groups;		/* __u32[] */
};

/* From now on the pids of objects are those of the pid namespace that the helper
 * @pid is in; at first they are those of the coordinator's. (@pid and that of
 * APPLY always are.) Errors: EINVAL, ESRCH, EPERM (no helper), EBUSY (after the
 * first THREAD).
 */
struct livemig_ioc_pidns {
	__u32 pid;
	__u32 resv;		/* 0 */
};

enum livemig_tcp_op {
	/* The socket @fd gets the state @arg: TCP_CLOSE_WAIT from
	 * TCP_ESTABLISHED, TCP_CLOSING from TCP_FIN_WAIT1: the peer's FIN has come;
	 * TCP_FIN_WAIT2 from TCP_ESTABLISHED: ours is acknowledged. The sequence
	 * numbers count them.
	 */
	LIVEMIG_TCP_STATE,
	/* The connection of @fd, not in repair mode, is the next that waits to be
	 * accepted by the listener @arg (an fd). @fd is closed; it must be the only
	 * one: EBUSY. It must have been made outside of memory cgroups: EXDEV.
	 * The peer has reset it meanwhile: ENOTCONN.
	 */
	LIVEMIG_TCP_UNACCEPT,
	/* The IPv6 socket @fd has IPV6_V6ONLY @arg, 0 or 1: a connection that was
	 * accepted has that of its listener, but bind() to an address sets it.
	 */
	LIVEMIG_TCP_V6ONLY,
};

/* Errors: EBADF, ENOTSOCK (no TCP socket), EINVAL (another state), and those told
 * above.
 */
struct livemig_ioc_tcp {
	__s32 fd;
	__u32 op;		/* enum livemig_tcp_op */
	__u32 arg;
	__u32 resv;
};

/* Room for a piece of what waits in a queue. */
#define LIVEMIG_MQUEUE_PIECE	65536

/* What waits in the POSIX message queue @fd, opened in any way, from the message
 * @first on, in the order in which it would be received; all stays where it is. @buf
 * gets as many struct livemig_message as fit, each with its bytes behind it, padded
 * to 8. @maxmsg (1..65536) and @msgsize (1..16777216) are those of mq_getattr().
 * Errors: EBADF, EINVAL (no queue; @len is too little), EOPNOTSUPP (not on this
 * kernel), ENOMEM, EFAULT.
 */
struct livemig_ioc_mqueue {
	__s32 fd;
	__u32 first;
	__u64 buf;
	__u32 len;		/* LIVEMIG_MQUEUE_PIECE at least, and 8 more than
				 * @msgsize rounded up to 8; out: bytes in @buf
				 */
	__u32 maxmsg;
	__u32 msgsize;
	__u32 waiting;		/* out: messages in the queue, all in all */
	__s32 notify_pid;	/* out: who called mq_notify(); 0: nobody, -1: one
				 * that the caller does not see
				 */
	__s32 notify_how;	/* out: SIGEV_* */
	__s32 notify_signo;
	__u32 resv;		/* 0 */
	__u64 notify_value;
};

struct livemig_message {
	__u32 priority;
	__u32 len;
};

/* As much as INOTIFY takes at once. */
#define LIVEMIG_INOTIFY_PIECE	65536

/* Nobody has read these events of the inotify @fd: @len bytes (1..
 * LIVEMIG_INOTIFY_PIECE) of struct inotify_event, each whole, as read() tells them.
 * Whether there is such a watch (any more) does not matter. Errors: EBADF, EINVAL (no
 * inotify; not such events), ENOSPC (more than its queue holds), ENOMEM, EFAULT.
 */
struct livemig_ioc_inotify {
	__s32 fd;
	__u32 len;
	__u64 buf;
};

/* From now on all tasks of the cgroup whose directory is @cgroup, and of those below
 * it, are killed when the caller ends or closes this file; -1: of none. (Who brings
 * the memory of a running container must not leave it: what is missing would read as
 * zeros.) Errors: EINVAL, EBADF (no cgroup v2 directory), EDEADLK (the caller is in
 * it).
 */
struct livemig_ioc_guard {
	__s32 cgroup;
	__u32 flags;		/* 0 */
};

/* What of a mount is fixed for those who have privileges only in the user namespace that
 * its mount namespace belongs to.
 */
enum livemig_mount_flags {
	LIVEMIG_MOUNT_F_PLACE		= 1 << 0, /* it cannot be unmounted or moved */
	LIVEMIG_MOUNT_F_READ_ONLY	= 1 << 1, /* its flags: that it is read-only, ... */
	LIVEMIG_MOUNT_F_NODEV		= 1 << 2,
	LIVEMIG_MOUNT_F_NOSUID		= 1 << 3,
	LIVEMIG_MOUNT_F_NOEXEC		= 1 << 4,
	LIVEMIG_MOUNT_F_ATIME		= 1 << 5,
	LIVEMIG_MOUNT_F_ALL		= (1 << 6) - 1,
};

/* Look at the mount that the file @fd (opened in any way) is on, and fix more of it;
 * what is fixed is never loosened. Errors: EBADF, EINVAL, EBUSY (somebody changes the
 * mount at this moment).
 */
struct livemig_ioc_mount {
	__s32 fd;
	__u32 add;		/* enum livemig_mount_flags */
	__u32 locks;		/* out */
	__u32 resv;		/* 0 */
};

/*
 * LIVEMIG_IOC_CREDS, of a helper that has one thread, without an argument: it gets
 * the credentials with which the coordinator opened this file. A helper that has
 * joined a user namespace, to make there what is to belong to it, so leaves it again.
 * Errors: EPERM (the coordinator), EINVAL (other threads), EBUSY (a THREAD was
 * added).
 */

#define LIVEMIG_IOC_MAGIC	0xB7
#define LIVEMIG_IOC_ADD		_IOWR(LIVEMIG_IOC_MAGIC, 1, struct livemig_ioc_add)
#define LIVEMIG_IOC_BECOME	_IOW(LIVEMIG_IOC_MAGIC, 2, struct livemig_ioc_become)
#define LIVEMIG_IOC_APPLY	_IOWR(LIVEMIG_IOC_MAGIC, 3, struct livemig_ioc_apply)
#define LIVEMIG_IOC_WAIT	_IOWR(LIVEMIG_IOC_MAGIC, 4, struct livemig_ioc_wait)
#define LIVEMIG_IOC_SERVE	_IOWR(LIVEMIG_IOC_MAGIC, 5, struct livemig_ioc_serve)
#define LIVEMIG_IOC_TIMER	_IOW(LIVEMIG_IOC_MAGIC, 6, struct livemig_ioc_timer)
#define LIVEMIG_IOC_PEER	_IOW(LIVEMIG_IOC_MAGIC, 7, struct livemig_ioc_peer)
#define LIVEMIG_IOC_PIDNS	_IOW(LIVEMIG_IOC_MAGIC, 8, struct livemig_ioc_pidns)
#define LIVEMIG_IOC_TCP		_IOW(LIVEMIG_IOC_MAGIC, 9, struct livemig_ioc_tcp)
#define LIVEMIG_IOC_MQUEUE	_IOWR(LIVEMIG_IOC_MAGIC, 10, struct livemig_ioc_mqueue)
#define LIVEMIG_IOC_CREDS	_IO(LIVEMIG_IOC_MAGIC, 12)
#define LIVEMIG_IOC_MOUNT	_IOWR(LIVEMIG_IOC_MAGIC, 14, struct livemig_ioc_mount)
#define LIVEMIG_IOC_GUARD	_IOW(LIVEMIG_IOC_MAGIC, 11, struct livemig_ioc_guard)
#define LIVEMIG_IOC_INOTIFY	_IOW(LIVEMIG_IOC_MAGIC, 13, struct livemig_ioc_inotify)

#endif /* _UAPI_LINUX_LIVEMIG_H */
