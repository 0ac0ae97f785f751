/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The destination side: builds a container out of a stream of records, as
 * they come: `migctl restore` feeds it an image, the agent a connection.
 * Until lm_restore_commit() nothing of the container has run, and
 * lm_restore_free() (or the death of this process) removes all of it.
 */
#ifndef LM_RESTORE_H
#define LM_RESTORE_H

#include <sys/types.h>

#include "../model.h"
#include "../record.h"
#include "../remote.h"

struct lm_lazy_link;		/* lazy/peer.h */
struct lm_restorer;

struct lm_restore_opts {
	const char *cgroup;	/* directory to create and use; NULL: as on the source */
	const char *net_parent;	/* bridge or lower device; NULL: same name as there */
	bool frozen;		/* leave it frozen after the commit */
	bool lazy;		/* of an image: memory comes after the tasks run */
	/* NULL, or where pages come from that are only named (LATER): before
	 * everything is READY those that cannot come after it, the others by
	 * lm_arriving_run().
	 */
	const struct lm_lazy_link *link;
	bool waits;		/* the caller stays: what fails then is said on stderr */
	bool live;		/* records come over minutes: pids to come are taken at once */
	/* All but the tasks has been let go, and they are next; may be NULL. */
	int (*going)(void *arg, struct lm_error *e);
	/* Progress, may be NULL. */
	void (*progress)(const char *step, uint64_t done, uint64_t total, void *arg);
	void *arg;
};

int lm_restorer_new(struct lm_restorer **r, const struct lm_restore_opts *o,
		    struct lm_error *e);
/* Handle one record whose payload is still on in->fd (HEADER, ROUND, objects,
 * PAGES, ROUND_END, NETNS, CGROUP, END; PAD is ignored). Checks come as early
 * as the records allow: architecture, CPU features, pids free, files there and
 * unchanged: LM_REFUSED. After END everything is READY: all tasks parked,
 * files open, memory filled; nothing has run.
 */
int lm_restorer_record(struct lm_restorer *r, struct lm_in *in,
		       const struct lm_record *rec, struct lm_error *e);
bool lm_restorer_ready(const struct lm_restorer *r);
/* Unlock the network, announce addresses, let the tasks go. */
int lm_restore_commit(struct lm_restorer *r, struct lm_error *e);
/* After the commit: memory that is still to come, or NULL. It is the caller's from now
 * on, and needs the restorer no more. If this process ends before all is there the
 * module kills the container.
 */
struct lm_lazy_restore;
bool lm_restorer_lacks(const struct lm_restorer *r);	/* is there any; READY and later */
struct lm_lazy_restore *lm_restorer_arriving(struct lm_restorer *r);
/* Until all is there. After an error it can only be freed, which kills the container;
 * the kernel's log has said why.
 */
int lm_arriving_run(struct lm_lazy_restore *l, struct lm_error *e);
void lm_arriving_free(struct lm_lazy_restore *l);	/* NULL is fine */
/* open() of @path as the container, or the one who had @f open, sees it. */
int lm_restorer_open(const struct lm_restorer *r, const struct lm_file *f,
		     const char *path, int flags, mode_t mode);
/* Its root directory, -1: ours. */
int lm_restorer_root(const struct lm_restorer *r, const struct lm_file *f);
/* What the container's process @pid is called here. */
uint32_t lm_restorer_host(const struct lm_restorer *r, uint32_t pid);
/* Pid of the first process of the container. */
pid_t lm_restorer_pid(const struct lm_restorer *r);
/* Directory of its cgroup. */
const char *lm_restorer_cgroup(const struct lm_restorer *r);
/* Not committed: kill and remove all. Committed: only free memory. */
void lm_restorer_free(struct lm_restorer *r);

/* Is there a host that could make this again, if it has all that the container has
 * there? What it lacks is found out on the destination; this the source asks. LM_REFUSED:
 * "pid 1234: WHAT: not supported", with the number that it has on the source's host.
 */
/* tree.c: parents, sessions, process groups, pid namespaces. */
int lm_tree_possible(const struct lm_model *m, struct lm_error *e);
/* creds.c: a thread of @mp, not the first one, that is born in its user namespace and has
 * ids which can be had outside only, or NULL.
 */
#define LM_IDS_OUTSIDE	"ids other than those of the first thread, which its user namespace does not know: not supported"
const struct lm_thread *lm_creds_impossible(const struct lm_model *m,
					    const struct lm_process *mp);
/* A thread whose registers nobody else could fill, or NULL. */
const struct lm_thread *lm_xstate_impossible(const struct lm_process *mp);
#define LM_XSTATE_LOST \
	"AMX tiles that are in use (until TILERELEASE): not supported"
/* seccomp.c: is there room for so many filters, which have so many bytes, in a process? */
bool lm_seccomp_possible(size_t filters, size_t bytes);
/* mounts.c: of a namespace, by its record. */
int lm_mounts_possible(const struct lm_model *m, const struct lm_obj *o, struct lm_error *e);
/* shmem.c */
int lm_shmem_possible(const struct lm_shmem *s, struct lm_error *e);

/* For kinds: */
/* pidns.c: how many pid namespaces below that of the container it is. */
size_t lm_pid_depth(const struct lm_process *mp);
const struct lm_model *lm_restorer_model(const struct lm_restorer *r);
/* /dev/livemig, open. */
int lm_restorer_device(const struct lm_restorer *r);
/* An fd of the container's network namespace, or -1 for the host's. */
int lm_restorer_netns(const struct lm_restorer *r);
/* The coordinator's own fd of the deleted file @f (owned by @r), which is made when
 * it is asked for first; all FILE objects of one inode get the same. -1: @e.
 */
int lm_restorer_deleted(struct lm_restorer *r, const struct lm_file *f,
			struct lm_error *e);
/* A descriptor (the restorer's) for the POSIX message queue that had the inode @ino; -1:
 * there is none.
 */
int lm_restorer_mqueue(const struct lm_restorer *r, uint64_t ino);
/* What is removed at once is made where we have names: not in another mount
 * namespace.
 */
#define LM_REMOVED_INSIDE	"%s (deleted): a directory or named pipe that was removed, in a mount namespace of the container's own: not supported"
/* The same for a directory that was removed, known by its path. */
int lm_restorer_removed_dir(struct lm_restorer *r, const char *path,
			    struct lm_error *e);

#endif
