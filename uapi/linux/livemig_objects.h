/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * livemig: the state of a container, object by object: what TASK_GET answers
 * (livemig.h), images hold (livemig_records.h) and LIVEMIG_IOC_ADD takes
 * (livemig_dev.h).
 */
#ifndef _UAPI_LINUX_LIVEMIG_OBJECTS_H
#define _UAPI_LINUX_LIVEMIG_OBJECTS_H

#include <linux/types.h>

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

/* A process (thread group). Attributes marked (k) are put back by the module, the others,
 * here and below, by user space.
 */
enum livemig_process_attr {
	LIVEMIG_PROCESS_UNSPEC,
	LIVEMIG_PROCESS_PAD,
	LIVEMIG_PROCESS_PID,		/* u32, tgid */
	LIVEMIG_PROCESS_PPID,		/* u32, 0: parent is outside the container */
	LIVEMIG_PROCESS_PGID,		/* u32, 0: group is from outside */
	LIVEMIG_PROCESS_SID,		/* u32, 0: session is from outside */
	LIVEMIG_PROCESS_THREADS,	/* u32, live threads, and a main thread that has ended */
	LIVEMIG_PROCESS_EXIT_SIGNAL,	/* u32 */
	LIVEMIG_PROCESS_MM_ID,		/* u32 */
	LIVEMIG_PROCESS_FILES_ID,	/* u32 */
	LIVEMIG_PROCESS_FS_ID,		/* u32 */
	LIVEMIG_PROCESS_SIGACTIONS,	/* struct livemig_sigaction[64] (k) */
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
	LIVEMIG_PROCESS_XCOMP_PERM,	/* u64, xfeatures that it has asked for by
					 * ARCH_REQ_XCOMP_PERM, if any
					 */
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
	LIVEMIG_PROCESS_F_THP_ADVISED	= 1 << 5, /* with THP_DISABLE: not where it is
						   * advised (Linux 6.18)
						   */
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

/* A thread. */
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
	LIVEMIG_THREAD_LABEL,		/* string, up to LIVEMIG_LABEL_MAX: its AppArmor
					 * profile; user space adds it
					 */
	LIVEMIG_THREAD_EXIT_STATUS,	/* u32, 0 to 65535, as wait() tells: of a main
					 * thread that has ended before others. It has
					 * nothing then that only a thread has that runs
					 */
	LIVEMIG_THREAD_CGROUP,		/* string: path below the session's cgroup; only
					 * when it is not that of its process
					 */
	LIVEMIG_THREAD_SPECULATION,	/* u32[3], PR_SPEC_ENABLE and so on, of
					 * PR_SPEC_STORE_BYPASS, _INDIRECT_BRANCH,
					 * _L1D_FLUSH; 0: nothing was asked for
					 */
	LIVEMIG_THREAD_MEMPOLICY,	/* struct livemig_mempolicy, set_mempolicy() */
	LIVEMIG_THREAD_SCHED_HINTS,	/* struct livemig_sched_hints, if any */
	LIVEMIG_THREAD_KEYRING,		/* struct livemig_keyring, then its name with NUL:
					 * one that has keys; several times if need be.
					 * It is only told
					 */

	__LIVEMIG_THREAD_MAX
};
#define LIVEMIG_THREAD_MAX (__LIVEMIG_THREAD_MAX - 1)

enum livemig_thread_flags {
	LIVEMIG_THREAD_F_NO_NEW_PRIVS	= 1 << 0,
	LIVEMIG_THREAD_F_IN_SYSCALL	= 1 << 1, /* a system call will be restarted */
	LIVEMIG_THREAD_F_IO_FLUSHER	= 1 << 2, /* PR_SET_IO_FLUSHER */
	LIVEMIG_THREAD_F_MCE_EARLY	= 1 << 3, /* PR_MCE_KILL */
	LIVEMIG_THREAD_F_MCE_LATE	= 1 << 4,
	LIVEMIG_THREAD_F_NO_TSC		= 1 << 5, /* PR_SET_TSC; not by seccomp */
	LIVEMIG_THREAD_F_NO_CPUID	= 1 << 6, /* ARCH_SET_CPUID */
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
	__s64 left_ns;			/* negative: no timeout; see absolute */
	__u64 addr;			/* NANOSLEEP: rmtp; POLL: ufds; FUTEX: uaddr */
	__u32 val;			/* POLL: nfds; FUTEX: val */
	__u32 flags;			/* NANOSLEEP: timespec type; FUTEX: flags */
	__u32 bitset;			/* FUTEX */
	__u32 absolute;			/* 1: FUTEX on CLOCK_REALTIME, left_ns is the time
					 * of day when it ends
					 */
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

enum livemig_keyring_kind {
	LIVEMIG_KEYRING_THREAD,
	LIVEMIG_KEYRING_PROCESS,
	LIVEMIG_KEYRING_SESSION,
};

struct livemig_keyring {
	__u32 kind;		/* enum livemig_keyring_kind */
	__s32 serial;		/* the kernel's number of it */
	__u32 keys;		/* in it, but those that are keyrings */
	__u32 resv;
};

/* What else sched_setattr() has set. */
struct livemig_sched_hints {
	__u64 slice_ns;		/* of an ordinary policy; 0: the kernel's */
	__s32 util_min, util_max; /* of 1024; -1: the kernel's */
};

/* An address space. LAYOUT, AUXV, EXE, PKEYS and USER_NS are (k). */
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
	LIVEMIG_MM_FLAGS,		/* u32, enum livemig_mm_flags, if any */
	__LIVEMIG_MM_MAX
};
#define LIVEMIG_MM_MAX (__LIVEMIG_MM_MAX - 1)

enum livemig_mm_flags {
	LIVEMIG_MM_F_MDWE		= 1 << 0, /* PR_SET_MDWE */
	LIVEMIG_MM_F_MDWE_NO_INHERIT	= 1 << 1,
	LIVEMIG_MM_F_MERGE_ANY		= 1 << 2, /* PR_SET_MEMORY_MERGE */
};

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
	LIVEMIG_VMAS_POLICIES,		/* struct livemig_mempolicy[], mbind() */
	LIVEMIG_VMAS_NAME,		/* struct livemig_range, then up to 80 bytes that
					 * end with NUL: PR_SET_VMA_ANON_NAME; one for
					 * each
					 */
	__LIVEMIG_VMAS_MAX
};
#define LIVEMIG_VMAS_MAX (__LIVEMIG_VMAS_MAX - 1)

struct livemig_mempolicy {
	__u64 start, end;	/* 0 for that of a thread */
	__u64 nodes;		/* bit n: node n; as they were asked for with
				 * MPOL_F_STATIC_NODES or _RELATIVE_NODES, otherwise
				 * those of them that the cpuset has; 0 for MPOL_LOCAL
				 */
	__u32 mode;		/* MPOL_*, with MPOL_F_* */
	__s32 home_node;	/* -1: none */
};

#define LIVEMIG_VMA_NAME_MAX	80	/* bytes of a mapping's name, with NUL */

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
	LIVEMIG_VMA_F_ACCOUNT		= 1 << 20, /* private, may or might be written to */
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
	LIVEMIG_SOCK_ENDED,		/* struct livemig_tcp_ended: TCP_CLOSE, but not as
					 * socket() makes it; what was not read is its
					 * queue RECV
					 */
	LIVEMIG_SOCK_ERROR,		/* u32, errno that is told once (SO_ERROR) */
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

/* What is left of a TCP connection that both sides have ended, that was reset, or that
 * never came about, as long as the program has it open.
 */
struct livemig_tcp_ended {
	__u32 err;		/* what is told once, by read() or SO_ERROR; 0: nothing */
	__u32 flags;		/* enum livemig_ended_flags */
	__u32 state;		/* SS_UNCONNECTED ...: what connect() goes by */
	__u32 resv;
};

enum livemig_ended_flags {
	LIVEMIG_ENDED_F_FIN	= 1 << 0, /* the peer's FIN has come */
	LIVEMIG_ENDED_F_BOUND	= 1 << 1, /* it has its port still, by bind() */
};

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
	LIVEMIG_QUEUE_GROUPS,	/* struct livemig_group; of packet sockets see
				 * Documentation/image-format.rst
				 */
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

#endif /* _UAPI_LINUX_LIVEMIG_OBJECTS_H */
