// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>
#include <linux/livemig.h>

#include "build_id.h"
#include "net/netns.h"
#include "net/nft.h"
#include "ipc/ipc.h"
#include "ns/ns.h"
#include "ns/tree.h"
#include "ns/user.h"
#include "record.h"
#include "schema.h"
#include "vdso.h"

#define REGS_SIZE	216	/* struct user_regs_struct */

#define U32(n)		{ .name = n, .kind = LM_ATTR_U32 }
#define S32(n)		{ .name = n, .kind = LM_ATTR_S32 }
#define U64(n)		{ .name = n, .kind = LM_ATTR_U64 }
#define S64(n)		{ .name = n, .kind = LM_ATTR_S64 }
#define STR(n, max)	{ .name = n, .kind = LM_ATTR_STR, .size = max }
#define BIN(n, len)	{ .name = n, .kind = LM_ATTR_BIN, .size = len }
#define LIST(n, len)	{ .name = n, .kind = LM_ATTR_LIST, .size = len }
#define ANY(n, max)	{ .name = n, .kind = LM_ATTR_ANY, .size = max }
#define FLAG(n)		{ .name = n, .kind = LM_ATTR_FLAG }
#define NEST(n, of)	{ .name = n, .kind = LM_ATTR_NEST, .nest = &(of) }
/* The same for attributes that have to be there. */
#define MUST_U32(n)	{ .name = n, .kind = LM_ATTR_U32, .must = true }
#define MUST_U64(n)	{ .name = n, .kind = LM_ATTR_U64, .must = true }
#define MUST_STR(n)	{ .name = n, .kind = LM_ATTR_STR, .must = true }
#define MUST_BIN(n, len) { .name = n, .kind = LM_ATTR_BIN, .size = len, .must = true }
#define MUST_LIST(n, len) { .name = n, .kind = LM_ATTR_LIST, .size = len, .must = true }

#define SCHEMA(var, title) \
	static const struct lm_schema var = { \
		title, var##_attrs, sizeof(var##_attrs) / sizeof(*var##_attrs) - 1 }

static const struct lm_attr process_attrs[LIVEMIG_PROCESS_MAX + 1] = {
	[LIVEMIG_PROCESS_PID] = MUST_U32("pid"),
	[LIVEMIG_PROCESS_PPID] = U32("ppid"),
	[LIVEMIG_PROCESS_PGID] = U32("pgid"),
	[LIVEMIG_PROCESS_SID] = U32("sid"),
	[LIVEMIG_PROCESS_THREADS] = U32("threads"),
	[LIVEMIG_PROCESS_EXIT_SIGNAL] = U32("exit-signal"),
	[LIVEMIG_PROCESS_MM_ID] = U32("mm-id"),
	[LIVEMIG_PROCESS_FILES_ID] = U32("files-id"),
	[LIVEMIG_PROCESS_FS_ID] = U32("fs-id"),
	[LIVEMIG_PROCESS_SIGACTIONS] = BIN("sigactions", 64 * sizeof(struct livemig_sigaction)),
	[LIVEMIG_PROCESS_RLIMITS] = BIN("rlimits", 16 * sizeof(struct livemig_rlimit)),
	[LIVEMIG_PROCESS_SIGPENDING] = LIST("sigpending", 128),
	[LIVEMIG_PROCESS_ITIMERS] = BIN("itimers", 3 * sizeof(struct livemig_itimer)),
	[LIVEMIG_PROCESS_UMASK] = U32("umask"),
	[LIVEMIG_PROCESS_CWD] = STR("cwd", 0),
	[LIVEMIG_PROCESS_ROOT] = STR("root", 0),
	[LIVEMIG_PROCESS_OOM_SCORE_ADJ] = S32("oom-score-adj"),
	[LIVEMIG_PROCESS_DUMPABLE] = U32("dumpable"),
	[LIVEMIG_PROCESS_FLAGS] = U32("flags"),
	[LIVEMIG_PROCESS_NS] = BIN("ns", sizeof(struct livemig_ns)),
	[LIVEMIG_PROCESS_CGROUP] = STR("cgroup", 0),
	[LIVEMIG_PROCESS_START_NS] = U64("start-ns"),
	[LIVEMIG_PROCESS_HOST_PID] = U32("host-pid"),
	[LIVEMIG_PROCESS_CTTY] = U32("ctty"),
	[LIVEMIG_PROCESS_CPUTIME] = BIN("cputime", 2 * sizeof(struct livemig_cputime)),
	[LIVEMIG_PROCESS_EXIT_STATUS] = U32("exit-status"),
	[LIVEMIG_PROCESS_LOGINUID] = U32("loginuid"),
	[LIVEMIG_PROCESS_SEM_UNDO] = LIST("sem-undo", sizeof(struct livemig_sem_undo)),
	[LIVEMIG_PROCESS_XCOMP_PERM] = U64("xcomp-perm"),
	[LIVEMIG_PROCESS_RUSAGE] = BIN("rusage", sizeof(struct livemig_rusage)),
};
SCHEMA(process, "PROCESS");

static const struct lm_attr thread_attrs[LIVEMIG_THREAD_MAX + 1] = {
	[LIVEMIG_THREAD_TID] = MUST_U32("tid"),
	[LIVEMIG_THREAD_PID] = MUST_U32("pid"),
	[LIVEMIG_THREAD_COMM] = STR("comm", 15),
	[LIVEMIG_THREAD_REGS] = BIN("regs", REGS_SIZE),
	[LIVEMIG_THREAD_XSTATE] = LIST("xstate", 8),
	[LIVEMIG_THREAD_SIGMASK] = U64("sigmask"),
	[LIVEMIG_THREAD_SIGPENDING] = LIST("sigpending", 128),
	[LIVEMIG_THREAD_ALTSTACK] = BIN("altstack", sizeof(struct livemig_altstack)),
	[LIVEMIG_THREAD_ROBUST_LIST] = U64("robust-list"),
	[LIVEMIG_THREAD_CLEAR_TID] = U64("clear-tid"),
	[LIVEMIG_THREAD_RSEQ] = BIN("rseq", sizeof(struct livemig_rseq)),
	[LIVEMIG_THREAD_RESTART] = BIN("restart", sizeof(struct livemig_restart)),
	[LIVEMIG_THREAD_CREDS] = BIN("creds", sizeof(struct livemig_creds)),
	[LIVEMIG_THREAD_GROUPS] = LIST("groups", 4),
	[LIVEMIG_THREAD_SCHED] = BIN("sched", sizeof(struct livemig_sched)),
	[LIVEMIG_THREAD_AFFINITY] = LIST("affinity", 8),
	[LIVEMIG_THREAD_TIMERSLACK] = U64("timerslack"),
	[LIVEMIG_THREAD_PERSONALITY] = U32("personality"),
	[LIVEMIG_THREAD_PDEATH_SIG] = U32("pdeath-sig"),
	[LIVEMIG_THREAD_FLAGS] = U32("flags"),
	[LIVEMIG_THREAD_START_NS] = U64("start-ns"),
	[LIVEMIG_THREAD_CPUTIME] = BIN("cputime", sizeof(struct livemig_cputime)),
	[LIVEMIG_THREAD_IOPRIO] = U32("ioprio"),
	[LIVEMIG_THREAD_UMASK] = U32("umask"),
	[LIVEMIG_THREAD_CWD] = STR("cwd", 0),
	[LIVEMIG_THREAD_HOST_TID] = U32("host-tid"),
	[LIVEMIG_THREAD_INNER_TIDS] = LIST("inner-tids", 4),
	[LIVEMIG_THREAD_LABEL] = STR("label", LIVEMIG_LABEL_MAX),
	[LIVEMIG_THREAD_EXIT_STATUS] = U32("exit-status"),
	[LIVEMIG_THREAD_CGROUP] = STR("cgroup", 0),
	[LIVEMIG_THREAD_MEMPOLICY] = BIN("mempolicy", sizeof(struct livemig_mempolicy)),
	[LIVEMIG_THREAD_SCHED_HINTS] = BIN("sched-hints", sizeof(struct livemig_sched_hints)),
	[LIVEMIG_THREAD_KEYRING] = ANY("keyring", sizeof(struct livemig_keyring) + 256),
	[LIVEMIG_THREAD_SPECULATION] = BIN("speculation", 3 * sizeof(uint32_t)),
	[LIVEMIG_THREAD_SECCOMP] = BIN("seccomp", sizeof(struct livemig_seccomp)),
};
SCHEMA(thread, "THREAD");

static const struct lm_attr mm_attrs[LIVEMIG_MM_MAX + 1] = {
	[LIVEMIG_MM_ID] = MUST_U32("id"),
	[LIVEMIG_MM_LAYOUT] = BIN("layout", sizeof(struct livemig_mm_layout)),
	[LIVEMIG_MM_AUXV] = LIST("auxv", 8),
	[LIVEMIG_MM_EXE_FILE] = U32("exe-file"),
	[LIVEMIG_MM_EXE] = STR("exe", 0),
	[LIVEMIG_MM_VDSO] = BIN("vdso", sizeof(struct livemig_range)),
	[LIVEMIG_MM_VDSO_ID] = U64("vdso-id"),
	[LIVEMIG_MM_MLOCKALL] = U32("mlockall"),
	[LIVEMIG_MM_GUARDS] = LIST("guards", sizeof(struct livemig_range)),
	[LIVEMIG_MM_MEMBARRIER] = U32("membarrier"),
	[LIVEMIG_MM_COREDUMP] = U32("coredump"),
	[LIVEMIG_MM_PKEYS] = BIN("pkeys", sizeof(struct livemig_pkeys)),
	[LIVEMIG_MM_USER_NS] = U32("user-ns"),
	[LIVEMIG_MM_FLAGS] = U32("flags"),
};
SCHEMA(mm, "MM");

static const struct lm_attr vmas_attrs[LIVEMIG_VMAS_MAX + 1] = {
	[LIVEMIG_VMAS_MM_ID] = MUST_U32("mm-id"),
	[LIVEMIG_VMAS_LIST] = MUST_LIST("list", sizeof(struct livemig_vma)),
	[LIVEMIG_VMAS_POLICIES] = LIST("policies", sizeof(struct livemig_mempolicy)),
	[LIVEMIG_VMAS_NAME] = ANY("name", sizeof(struct livemig_range) +
				  LIVEMIG_VMA_NAME_MAX),
};
SCHEMA(vmas, "VMAS");

static const struct lm_attr sock_attrs[LIVEMIG_SOCK_MAX + 1] = {
	[LIVEMIG_SOCK_FAMILY] = U32("family"),
	[LIVEMIG_SOCK_TYPE] = U32("type"),
	[LIVEMIG_SOCK_PROTOCOL] = U32("protocol"),
	[LIVEMIG_SOCK_STATE] = U32("state"),
	[LIVEMIG_SOCK_INO] = U64("ino"),
	[LIVEMIG_SOCK_NETNS] = U32("netns"),
	[LIVEMIG_SOCK_LOCAL] = ANY("local", 128),
	[LIVEMIG_SOCK_REMOTE] = ANY("remote", 128),
	[LIVEMIG_SOCK_PEER_INO] = U64("peer-ino"),
	[LIVEMIG_SOCK_BACKLOG] = U32("backlog"),
	[LIVEMIG_SOCK_UNACCEPTED] = U32("unaccepted"),
	[LIVEMIG_SOCK_SHUTDOWN] = U32("shutdown"),
	[LIVEMIG_SOCK_OPTIONS] = BIN("options", sizeof(struct livemig_sock_options)),
	[LIVEMIG_SOCK_TCP] = BIN("tcp", sizeof(struct livemig_tcp)),
	[LIVEMIG_SOCK_PEER_CRED] = BIN("peer-cred", 12),
	[LIVEMIG_SOCK_QUEUED] = U32("queued"),
	[LIVEMIG_SOCK_LISTENER] = U32("listener"),
	[LIVEMIG_SOCK_PATH] = STR("path", 0),
	[LIVEMIG_SOCK_BOUND] = BIN("bound", sizeof(struct livemig_sock_bound)),
	[LIVEMIG_SOCK_PEER_GROUPS] = LIST("peer-groups", 4),
	[LIVEMIG_SOCK_CLOSED] = FLAG("closed"),
	[LIVEMIG_SOCK_TIMEWAIT] = BIN("timewait", sizeof(struct livemig_timewait)),
	[LIVEMIG_SOCK_ENDED] = BIN("ended", sizeof(struct livemig_tcp_ended)),
	[LIVEMIG_SOCK_ERROR] = U32("error"),
	[LIVEMIG_SOCK_MCAST_IF] = BIN("mcast-if", sizeof(struct livemig_mcast_if)),
};
SCHEMA(sock, "SOCK");

static const struct lm_attr file_attrs[LIVEMIG_FILE_A_MAX + 1] = {
	[LIVEMIG_FILE_A_ID] = MUST_U32("id"),
	[LIVEMIG_FILE_A_TYPE] = MUST_U32("type"),
	[LIVEMIG_FILE_A_NAME] = STR("name", 0),
	[LIVEMIG_FILE_A_PATH] = STR("path", 0),
	[LIVEMIG_FILE_A_FLAGS] = U32("flags"),
	[LIVEMIG_FILE_A_POS] = S64("pos"),
	[LIVEMIG_FILE_A_MODE] = U32("mode"),
	[LIVEMIG_FILE_A_DEV] = U64("dev"),
	[LIVEMIG_FILE_A_INO] = U64("ino"),
	[LIVEMIG_FILE_A_RDEV] = U64("rdev"),
	[LIVEMIG_FILE_A_SIZE] = U64("size"),
	[LIVEMIG_FILE_A_MTIME_NS] = S64("mtime-ns"),
	[LIVEMIG_FILE_A_NLINK] = U32("nlink"),
	[LIVEMIG_FILE_A_OWNER] = BIN("owner", sizeof(struct livemig_fown)),
	[LIVEMIG_FILE_A_FDINFO] = STR("fdinfo", 65535),
	[LIVEMIG_FILE_A_SHMEM_ID] = U32("shmem-id"),
	[LIVEMIG_FILE_A_SOCK] = NEST("sock", sock),
	[LIVEMIG_FILE_A_MAPPED] = FLAG("mapped"),
	[LIVEMIG_FILE_A_HOLDER] = BIN("holder", sizeof(struct livemig_holder)),
	[LIVEMIG_FILE_A_BUILD_ID] = ANY("build-id", LM_BUILD_ID_MAX),
	[LIVEMIG_FILE_A_UID] = U32("uid"),
	[LIVEMIG_FILE_A_GID] = U32("gid"),
	[LIVEMIG_FILE_A_OUTSIDE] = FLAG("outside"),
	[LIVEMIG_FILE_A_LOCKS] = LIST("locks", sizeof(struct livemig_lock)),
	[LIVEMIG_FILE_A_LEASE] = U32("lease"),
};
SCHEMA(file, "FILE");

static const struct lm_attr fds_attrs[LIVEMIG_FDS_MAX + 1] = {
	[LIVEMIG_FDS_FILES_ID] = MUST_U32("files-id"),
	[LIVEMIG_FDS_LIST] = LIST("list", sizeof(struct livemig_fd)),
};
SCHEMA(fds, "FDS");

static const struct lm_attr shmem_attrs[LIVEMIG_SHMEM_MAX + 1] = {
	[LIVEMIG_SHMEM_ID] = MUST_U32("id"),
	[LIVEMIG_SHMEM_SIZE] = MUST_U64("size"),
	[LIVEMIG_SHMEM_NAME] = STR("name", 0),
	[LIVEMIG_SHMEM_SEALS] = U32("seals"),
	[LIVEMIG_SHMEM_MODE] = U32("mode"),
	[LIVEMIG_SHMEM_SYSV] = U32("sysv"),
	[LIVEMIG_SHMEM_HUGE_SHIFT] = U32("huge-shift"),
};
SCHEMA(shmem, "SHMEM");

static const struct lm_attr data_attrs[LIVEMIG_DATA_MAX + 1] = {
	[LIVEMIG_DATA_FILE] = MUST_U32("file"),
	[LIVEMIG_DATA_QUEUE] = U32("queue"),
	[LIVEMIG_DATA_OFFSET] = U64("offset"),
	[LIVEMIG_DATA_BYTES] = ANY("bytes", 16384),
	[LIVEMIG_DATA_FDS] = LIST("fds", 4),
	[LIVEMIG_DATA_NAME] = ANY("name", 128),
	[LIVEMIG_DATA_CRED] = BIN("cred", 12),
	[LIVEMIG_DATA_DEST] = ANY("dest", 128),
};
SCHEMA(data, "DATA");

static const struct lm_attr times_attrs[LIVEMIG_TIME_MAX + 1] = {
	[LIVEMIG_TIME_PID] = MUST_U32("pid"),
	[LIVEMIG_TIME_CLOCKS] = BIN("clocks", sizeof(struct livemig_clocks)),
	[LIVEMIG_TIME_TIMERS] = LIST("timers", sizeof(struct livemig_timer)),
	[LIVEMIG_TIME_NEXT_TIMER] = U32("next-timer"),
};
SCHEMA(times, "TIME");

static const struct lm_attr unsupported_attrs[LIVEMIG_UNSUPPORTED_MAX + 1] = {
	[LIVEMIG_UNSUPPORTED_PID] = U32("pid"),
	[LIVEMIG_UNSUPPORTED_FD] = S32("fd"),
	[LIVEMIG_UNSUPPORTED_WHAT] = MUST_STR("what"),
	[LIVEMIG_UNSUPPORTED_REMEDY] = STR("remedy", 0),
	[LIVEMIG_UNSUPPORTED_TRANSIENT] = FLAG("transient"),
};
SCHEMA(unsupported, "UNSUPPORTED");

static const struct lm_attr header_attrs[LM_HEADER_MAX + 1] = {
	[LM_HEADER_FORMAT] = MUST_U32("format"),
	[LM_HEADER_ID] = MUST_BIN("id", 16),
	[LM_HEADER_PARENT] = BIN("parent", 16),
	[LM_HEADER_ARCH] = MUST_STR("arch"),
	[LM_HEADER_KERNEL] = STR("kernel", 80),
	[LM_HEADER_HOST] = STR("host", 255),
	[LM_HEADER_TIME] = U64("time"),
	[LM_HEADER_XFEATURES] = U64("xfeatures"),
	[LM_HEADER_XSTATE_SIZE] = U32("xstate-size"),
	[LM_HEADER_VDSO_ID] = U64("vdso-id"),
	[LM_HEADER_NAME] = STR("name", 0),
	[LM_HEADER_BOOTTIME_NS] = U64("boottime-ns"),
	[LM_HEADER_VDSO] = ANY("vdso", LM_VDSO_MAX),
};
SCHEMA(header, "HEADER");

static const struct lm_attr round_begin_attrs[LM_ROUND_MAX + 1] = {
	[LM_ROUND_NR] = MUST_U32("nr"),
	[LM_ROUND_FINAL] = FLAG("final"),
	[LM_ROUND_DATA] = U64("data"),
	[LM_ROUND_ZERO] = U64("zero"),
	[LM_ROUND_HOLE] = U64("hole"),
	[LM_ROUND_BYTES] = U64("bytes"),
	[LM_ROUND_NS] = U64("ns"),
};
SCHEMA(round_begin, "ROUND");
static const struct lm_schema round_end = { "ROUND_END", round_begin_attrs, LM_ROUND_MAX };

static const struct lm_attr link_attrs[LM_LINK_MAX + 1] = {
	[LM_LINK_INDEX] = U32("index"),
	[LM_LINK_NAME] = STR("name", 15),
	[LM_LINK_KIND] = STR("kind", 31),
	[LM_LINK_MAC] = BIN("mac", 6),
	[LM_LINK_MTU] = U32("mtu"),
	[LM_LINK_UP] = FLAG("up"),
	[LM_LINK_PEER] = STR("peer", 15),
	[LM_LINK_PARENT] = STR("parent", 15),
	[LM_LINK_MODE] = U32("mode"),
	[LM_LINK_FLAGS] = U32("flags"),
	[LM_LINK_TXQLEN] = U32("txqlen"),
	[LM_LINK_GROUP] = U32("group"),
	[LM_LINK_ALIAS] = STR("alias", 255),
	[LM_LINK_ALTNAME] = STR("altname", 127),
	[LM_LINK_VFLAGS] = U32("vflags"),
	[LM_LINK_BC_QUEUE] = U32("bc-queue"),
	[LM_LINK_SOURCE] = BIN("source", 6),
};
SCHEMA(link, "LINK");

static const struct lm_attr netns_attrs[LM_NETNS_MAX + 1] = {
	[LM_NETNS_INO] = U32("ino"),
	[LM_NETNS_NAME] = STR("name", 0),
	[LM_NETNS_LINK] = NEST("link", link),
	[LM_NETNS_ADDR] = ANY("addr", 4096),
	[LM_NETNS_ROUTE] = ANY("route", 4096),
	/* a name, and as much as net_sysctl.c reads of a value */
	[LM_NETNS_SYSCTL] = STR("sysctl", 33024),
	[LM_NETNS_NEIGH] = ANY("neighbour", 256),
	[LM_NETNS_RULE] = ANY("rule", 512),
	[LM_NETNS_ADDRLABEL] = ANY("address-label", 128),
	[LM_NETNS_NO_ROUTE] = ANY("no-route", 64),
	[LM_NETNS_NSID] = BIN("nsid", 8),
	[LM_NETNS_MPTCP] = ANY("mptcp", 256),
};
SCHEMA(netns, "NETNS");

static const struct lm_attr nft_attrs[LM_NFT_MAX + 1] = {
	[LM_NFT_MSG] = ANY("message", LM_NFT_MSG_MAX),
};
SCHEMA(nft, "NFT");

static const struct lm_attr cgroup_attrs[LM_CGROUP_MAX + 1] = {
	[LM_CGROUP_ROOT] = STR("root", 0),
	[LM_CGROUP_SUB] = STR("sub", 0),
	[LM_CGROUP_VALUE] = STR("value", 65535),
	[LM_CGROUP_OWNER] = STR("owner", 255),
	[LM_CGROUP_XATTR] = ANY("xattr", LM_CGROUP_XATTR_MAX),
};
SCHEMA(cgroup, "CGROUP");

static const struct lm_attr end_attrs[LM_END_MAX + 1] = {
	[LM_END_RECORDS] = MUST_U64("records"),
};
SCHEMA(end, "END");

static const struct lm_attr seccomp_attrs[LM_SECCOMP_MAX + 1] = {
	[LM_SECCOMP_ID] = MUST_U32("id"),
	[LM_SECCOMP_FLAGS] = U32("flags"),
	[LM_SECCOMP_PROG] = MUST_LIST("prog", 8),
};
SCHEMA(seccomp, "SECCOMP");

static const struct lm_attr mount_attrs[LM_MOUNT_MAX + 1] = {
	[LM_MOUNT_ID] = MUST_U32("id"),
	[LM_MOUNT_PARENT] = MUST_U32("parent"),
	[LM_MOUNT_DEV] = MUST_U64("dev"),
	[LM_MOUNT_ROOT] = MUST_STR("root"),
	[LM_MOUNT_POINT] = MUST_STR("point"),
	[LM_MOUNT_FLAGS] = U32("flags"),
	[LM_MOUNT_TYPE] = MUST_STR("type"),
	[LM_MOUNT_SOURCE] = MUST_STR("source"),
	[LM_MOUNT_OPTIONS] = STR("options", 0),
	[LM_MOUNT_READ_ONLY] = FLAG("read-only"),
	[LM_MOUNT_PROPAGATION] = U32("propagation"),
	[LM_MOUNT_HOST] = STR("host", 0),
	[LM_MOUNT_LOCKS] = U32("locks"),
	[LM_MOUNT_UID] = U32("uid"),
	[LM_MOUNT_GID] = U32("gid"),
};
SCHEMA(mount, "MOUNT");

static const struct lm_attr tree_attrs[LM_TREE_MAX + 1] = {
	[LM_TREE_NS] = MUST_U32("ns"),
	[LM_TREE_MOUNT] = MUST_U32("mount"),
	[LM_TREE_PATH] = MUST_STR("path"),
	[LM_TREE_MODE] = U32("mode"),
	[LM_TREE_UID] = U32("uid"),
	[LM_TREE_GID] = U32("gid"),
	[LM_TREE_MTIME_NS] = U64("mtime-ns"),
	[LM_TREE_RDEV] = U64("rdev"),
	[LM_TREE_TARGET] = STR("target", 0),
	[LM_TREE_SIZE] = U64("size"),
	[LM_TREE_OFFSET] = U64("offset"),
	[LM_TREE_BYTES] = ANY("bytes", LM_TREE_PIECE),
	[LM_TREE_XATTR] = ANY("xattr", 256 + LM_TREE_XATTRS),
};
SCHEMA(tree, "TREE");

static const struct lm_attr ns_attrs[LM_NS_MAX + 1] = {
	[LM_NS_KIND] = { .name = "kind", .kind = LM_ATTR_STR, .size = 31, .must = true },
	[LM_NS_ID] = MUST_U32("id"),
	[LM_NS_HOSTNAME] = STR("hostname", 64),
	[LM_NS_DOMAINNAME] = STR("domainname", 64),
	[LM_NS_SYSCTL] = STR("sysctl", 255),
	[LM_NS_CGROUP] = STR("cgroup", 0),
	[LM_NS_MOUNT] = NEST("mount", mount),
	[LM_NS_OWNER] = U32("owner"),
	[LM_NS_UID_MAP] = STR("uid-map", LM_USER_MAP_BYTES),
	[LM_NS_GID_MAP] = STR("gid-map", LM_USER_MAP_BYTES),
	[LM_NS_PROJID_MAP] = STR("projid-map", LM_USER_MAP_BYTES),
	[LM_NS_NO_SETGROUPS] = FLAG("no-setgroups"),
	[LM_NS_CREATOR] = U32("creator"),
};
SCHEMA(ns, "NS");

static const struct lm_attr ipc_attrs[LM_IPC_MAX + 1] = {
	[LM_IPC_KIND] = { .name = "kind", .kind = LM_ATTR_STR, .size = 31, .must = true },
	[LM_IPC_NS] = MUST_U32("ns"),
	[LM_IPC_ID] = MUST_U32("id"),
	[LM_IPC_PERM] = MUST_BIN("perm", sizeof(struct lm_ipc_perm)),
	[LM_IPC_SIZE] = MUST_U64("size"),
	[LM_IPC_VALUES] = LIST("values", 2),
	[LM_IPC_BYTES] = ANY("bytes", 8 + LM_IPC_PIECE),
	[LM_IPC_MORE] = ANY("more", LM_IPC_PIECE),
	[LM_IPC_NAME] = STR("name", 255),
	[LM_IPC_QUEUE] = BIN("queue", sizeof(struct lm_ipc_queue)),
};
SCHEMA(ipc, "IPC");

/* Not made of attributes. */
static const struct lm_schema pages = { "PAGES" }, patches = { "PATCHES" }, pad = { "PAD" };

const struct lm_schema *lm_schema(uint16_t type)
{
	static const struct lm_schema *const by_type[] = {
		[LIVEMIG_OBJ_PROCESS] = &process,
		[LIVEMIG_OBJ_THREAD] = &thread,
		[LIVEMIG_OBJ_MM] = &mm,
		[LIVEMIG_OBJ_VMAS] = &vmas,
		[LIVEMIG_OBJ_FILE] = &file,
		[LIVEMIG_OBJ_FDS] = &fds,
		[LIVEMIG_OBJ_SHMEM] = &shmem,
		[LIVEMIG_OBJ_DATA] = &data,
		[LIVEMIG_OBJ_UNSUPPORTED] = &unsupported,
		[LIVEMIG_OBJ_TIME] = &times,
		[LIVEMIG_OBJ_PAGES] = &pages,
		[LIVEMIG_OBJ_PATCHES] = &patches,
		[LM_REC_PAD] = &pad,
		[LM_REC_HEADER] = &header,
		[LM_REC_ROUND] = &round_begin,
		[LM_REC_ROUND_END] = &round_end,
		[LM_REC_NETNS] = &netns,
		[LM_REC_CGROUP] = &cgroup,
		[LM_REC_END] = &end,
		[LM_REC_SECCOMP] = &seccomp,
		[LM_REC_NS] = &ns,
		[LM_REC_IPC] = &ipc,
		[LM_REC_TREE] = &tree,
		[LM_REC_NFT] = &nft,
	};

	return type < sizeof(by_type) / sizeof(*by_type) ? by_type[type] : NULL;
}

/* What is wrong with the value of @a, or NULL. */
static const char *wrong(const struct lm_attr *t, const struct nlattr *a)
{
	size_t len = lm_len(a);

	switch (t->kind) {
	case LM_ATTR_U32:
	case LM_ATTR_S32:
		return len == 4 ? NULL : "is not 4 bytes long";
	case LM_ATTR_U64:
	case LM_ATTR_S64:
		return len == 8 ? NULL : "is not 8 bytes long";
	case LM_ATTR_STR:
		if (!lm_str(a))
			return "is not a terminated string";
		return len - 1 <= (t->size ? t->size : LIVEMIG_PATH_MAX) ? NULL :
			"is too long";
	case LM_ATTR_BIN:
		return len == t->size ? NULL : "has the wrong size";
	case LM_ATTR_LIST:
		return len % t->size ? "is cut in the middle of an element" : NULL;
	case LM_ATTR_ANY:
		return len <= t->size ? NULL : "is too long";
	default:
		return NULL;
	}
}

int lm_schema_check(const struct lm_schema *s, const void *attrs, size_t len,
		    struct lm_error *e)
{
	const struct nlattr *tb[64], *a = NULL;

	if (lm_parse(attrs, len, tb, s->max, e))
		return lm_prefix(e, "%s", s->name);
	while ((a = lm_next(attrs, len, a))) {
		const struct lm_attr *t;
		const char *why;

		if (lm_type(a) > s->max) {
			if (a->nla_type & LM_ATTR_OPTIONAL)
				continue;
			return lm_fail(e, LM_REFUSED,
				       "%s: attribute %u is unknown and required: a newer livemig wrote it",
				       s->name, lm_type(a));
		}
		t = &s->attrs[lm_type(a)];
		why = wrong(t, a);
		if (why)
			return lm_fail(e, LM_REFUSED, "%s: %s %s", s->name, t->name, why);
		if (t->kind == LM_ATTR_NEST &&
		    lm_schema_check(t->nest, lm_data(a), lm_len(a), e))
			return lm_prefix(e, "%s", s->name);
	}
	for (int i = 0; i <= s->max; i++)
		if (s->attrs[i].must && !tb[i])
			return lm_fail(e, LM_REFUSED, "%s: %s is missing", s->name,
				       s->attrs[i].name);
	return 0;
}
