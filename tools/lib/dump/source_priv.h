/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Private to dump/. */
#ifndef LM_SOURCE_PRIV_H
#define LM_SOURCE_PRIV_H

#include <limits.h>
#include <sys/types.h>

#include "source.h"
#include "../build_id.h"
#include "../net/netns.h"
#include "../net/packets.h"

/* A process tree without a cgroup of its own, in one for the time being. */
struct lm_transient {
	char dir[PATH_MAX];	/* "" = the target had its own */
	char home[PATH_MAX];	/* where its members came from */
	struct lm_moved {
		pid_t pid;
		char *home;	/* NULL: as above */
	} *moved;
	size_t nr;
};

/* What one TASK_GET said, kept until it is known that it may be written. */
struct lm_objects {
	struct lm_object {
		uint16_t type;
		uint32_t len;
		void *attrs;
	} *list;
	size_t nr;
};

/* The build-id of a file that was looked at in an earlier round. */
struct lm_known_build {
	uint32_t file;
	uint64_t size, mtime_ns;	/* as the file was then */
	uint8_t id[LM_BUILD_ID_MAX];
	size_t len;
};

struct lm_source {
	char name[256];
	char dir[PATH_MAX];	/* of the cgroup */
	struct lm_transient transient;
	int cgroup_fd;
	bool paused;		/* frozen by somebody else, before we did it */
	struct lm_nl *nl;
	uint32_t session;
	bool has_session, frozen, tracked;
	int vdso_tries;		/* stops that may fail for a thread in the vdso; -1: all */
	bool live;		/* each round is made as it comes */
	uint64_t tree_sum;	/* of a tree that can be made from nothing */
	uint32_t round;		/* the next one */
	uint32_t pages_flags;	/* of every round: enum livemig_pages_flags */
	struct lm_model model;
	uint64_t ns_sum;	/* of namespaces whose mounts can be made again */
	int nsfd;		/* the container's network namespace; -1: the host's */
	struct lm_netns_watch net_watch; /* does it change? */
	bool net_changes;	/* it did, when it was stopped */
	struct lm_netlock *lock;
	struct lm_packets *packets; /* that come meanwhile; NULL: they are lost */
	struct lm_known_build *builds;
	size_t nr_builds;
	struct lm_ids by_file;	/* ... in builds */
	struct lm_seccomp_chain *chains; /* what source_seccomp.c has learned */
	size_t nr_chains;
	struct lm_usual *usual;	/* kinds/sockopt.c */
};

/* source_target.c */
int lm_transient_make(struct lm_transient *t, pid_t pid, struct lm_error *e);
void lm_transient_undo(struct lm_transient *t);

/* source_objects.c */
void lm_objects_free(struct lm_objects *o);
/* TASK_GET into @o and into the source's model. */
int lm_objects_get(struct lm_source *s, struct lm_objects *o, struct lm_error *e);
int lm_objects_write(const struct lm_objects *o, struct lm_out *out, struct lm_error *e);

/* source_build.c: what programs and libraries say about themselves: added to the FILE
 * objects of files that are mapped for execution. @o NULL: only remembered.
 */
int lm_source_builds(struct lm_source *s, struct lm_objects *o, struct lm_error *e);
/* source_label.c: into @o (NULL: only look whether all can be moved). */
int lm_source_labels(struct lm_source *s, struct lm_objects *o, struct lm_error *e);

/* source_guards.c: guard regions, frozen: added to the MM objects. */
int lm_source_guards(struct lm_source *s, struct lm_objects *o, struct lm_error *e);

/* source_keys.c: tell who has keys, which stay behind. */
int lm_source_keys(struct lm_source *s, void (*report)(const char *line, void *arg),
		   void *arg, struct lm_error *e);
/* source_check.c: judge the model. Return: 0; 1 when only transient things are in
 * the way (e->msg says which, its code stays unset); -1.
 */
int lm_source_judge(struct lm_source *s, void (*report)(const char *line, void *arg),
		    void *arg, struct lm_error *e);
/* Can the processes be made again, after the rounds that there were? */
int lm_source_tree(struct lm_source *s, struct lm_error *e);
/* Find the network namespace of the model's processes, once. */
int lm_source_find_netns(struct lm_source *s, struct lm_error *e);

/* source_cgroup.c: CGROUP records of @dir and all below, into @o. */
int lm_cgroup_describe(const char *dir, struct lm_objects *o, struct lm_error *e);
/* ... of what each of them is, while it is stopped. */
int lm_cgroup_describe_kinds(const char *dir, bool paused, struct lm_objects *o,
			     struct lm_error *e);
/* Was it frozen, by whom ever? (Not one above it.) */
bool lm_cgroup_paused(const char *dir);
bool lm_cgroup_paused_above(const char *dir);
/* Can it be that of a container? */
int lm_cgroup_check(const char *dir, struct lm_error *e);
/* rmdir of @dir and all below. */
int lm_cgroup_remove(const char *dir);
/* A thread in @dir or below, 0: there is none. */
int lm_cgroup_any(const char *dir);
/* SIGKILL to all in @dir and below, and wait for their end. Return: 0, or -1 with errno:
 * ETIMEDOUT when some are still there.
 */
int lm_cgroup_kill(const char *dir, int timeout_ms);

/* source_seccomp.c: read the filters of the running container that the model
 * names and that are not known yet.
 */
int lm_seccomp_learn(struct lm_source *s, struct lm_error *e);
/* Are all known that the (frozen) model names? Return: 0; 1: not these. */
int lm_seccomp_known(const struct lm_source *s, struct lm_error *e);
int lm_seccomp_describe(const struct lm_source *s, struct lm_objects *o,
			struct lm_error *e);
void lm_seccomp_free(struct lm_source *s);

/* source_ns.c: NS records into @o (NULL: only look whether all can be moved). */
struct lm_ns_kind;
struct lm_ns_inside;
/* source_user.c: describe_from() of user namespaces. */
int lm_source_user(struct lm_source *s, struct lm_objects *o,
		   const struct lm_ns_inside *in, int fd, bool owned, struct lm_error *e);
/* LM_NS_ID of the user namespace that @fd, of kind @k, belongs to; 0: the host's; -1: it
 * cannot be told, or is not one of the container's: @e.
 */
int64_t lm_source_owner(const struct lm_model *m, const struct lm_ns_kind *k, int fd,
			struct lm_error *e);
/* Can all processes enter theirs? */
int lm_source_check_users(const struct lm_model *m, struct lm_error *e);
int lm_source_describe_ns(struct lm_source *s, struct lm_objects *o,
			  struct lm_error *e);
/* Is @p in another one than we are? */
bool lm_source_own_ns(const struct lm_process *p, const struct lm_ns_kind *k);
/* source_mounts.c: describe_from() of mount namespaces: MOUNTs, and TREE records into
 * @o.
 */
int lm_source_mounts(struct lm_source *s, struct lm_objects *o,
		     const struct lm_ns_inside *in, int nsfd, bool owned,
		     struct lm_error *e);

/* source_ipc.c: IPC records into @o (NULL: only look whether all can be moved). */
int lm_source_describe_ipc(struct lm_source *s, struct lm_objects *o, bool contents,
			   struct lm_error *e);
/* source_mqueue.c: the same for POSIX message queues, in a thread that is in the ipc
 * namespace @ns of the model.
 */
int lm_source_mqueues(const struct lm_model *m, uint32_t ns, struct lm_objects *o,
		      bool contents, struct lm_error *e);
/* Remove from the host's namespace what the container had there. */
void lm_source_drop_ipc(struct lm_source *s);

/* source_net.c: the NETNS record of a container that has its own; and with its rules. */
int lm_source_list_net(struct lm_source *s, struct lm_buf *b, struct lm_error *e);
int lm_source_describe_net(struct lm_source *s, struct lm_objects *o,
			   struct lm_error *e);
/* source_final.c */
/* ROUND; and PAGES with ROUND_END. */
int lm_source_round_begin(struct lm_source *s, struct lm_out *out, bool final,
			  struct lm_error *e);
int lm_source_round_end(struct lm_source *s, struct lm_out *out, uint32_t flags,
			struct lm_stats *st, struct lm_error *e);

int lm_objects_add(struct lm_objects *o, uint16_t type, const void *attrs, size_t len);
int lm_objects_add_checked(struct lm_objects *o, uint16_t type, const void *attrs, size_t len,
			   struct lm_error *e);
int lm_objects_add_buf(struct lm_objects *o, uint16_t type, struct lm_buf *b,
		       struct lm_error *e);

#endif
