/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container as the records describe it: what TASK_GET said, parsed and
 * cross-linked. Source, destination and `image show` all work on this.
 * A model is filled record by record; a new round replaces the old model.
 */
#ifndef LM_MODEL_H
#define LM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/livemig.h>
#include <linux/netlink.h>
#include "error.h"
#include "ids.h"

/* The raw attributes of one object (owned), indexed. */
struct lm_obj {
	uint16_t type;
	void *raw;
	size_t len;
	const struct nlattr *tb[48];
};

struct lm_thread {
	struct lm_obj obj;
	uint32_t tid, pid;
	uint32_t host;			/* its number on the source's host */
	bool ended;			/* a main thread, before others */
};

struct lm_process {
	struct lm_obj obj, time;
	uint32_t pid, ppid, pgid, sid, mm_id, files_id, fs_id;
	uint32_t host;			/* its number on the source's host */
	uint32_t task;			/* that of a thread which lives: /proc shows
					 * nothing of one that has ended
					 */
	struct lm_thread **threads;	/* leader first; owned */
	size_t nr_threads;
	struct lm_mm *mm;		/* NULL for a zombie */
	struct lm_files *files;
	bool stand_in;			/* restorer: for a leader that has ended */
	bool late;			/* restorer: waits for its parent's pages */
	void *restore;			/* the restorer's */
};

struct lm_mm {
	uint32_t id;
	struct lm_obj obj;
	struct livemig_vma *vmas;	/* by address */
	size_t nr_vmas;
	struct livemig_mempolicy *policies;
	size_t nr_policies;
	struct lm_vma_name {
		struct livemig_range at;
		char name[LIVEMIG_VMA_NAME_MAX];
	} *names;
	size_t nr_names;
	uint64_t vdso_at;		/* restore/vdso.c: the source's code; 0: none */
	void *restore;
};

struct lm_files {
	uint32_t id;
	struct livemig_fd *fds;		/* by number */
	size_t nr_fds;
	bool installed;			/* restorer: somebody has them */
};

/* A piece of queue contents, in order. */
struct lm_data {
	struct lm_obj obj;
	uint32_t queue;
	uint64_t offset;
	const void *bytes;
	size_t len;
};

struct lm_file {
	uint32_t id, type, flags, shmem_id;
	bool mapped;
	struct lm_obj obj;
	const struct nlattr *sock[32];	/* inside A_SOCK, or all NULL */
	const char *path, *name;	/* may be NULL */
	char *fdinfo;			/* owned; all its pieces; may be NULL */
	struct livemig_holder holder;
	uint32_t host, task;		/* its process on the source's host; as there */
	struct lm_data **data;		/* owned */
	size_t nr_data;
	const struct lm_file_kind *kind; /* kinds/kind.h */
	int fd;				/* restorer: the coordinator's fd, or -1 */
	int dir, other;			/* restorer: more of them, for its kind; or -1 */
	struct lm_source *source;	/* source: whose model it is in */
};

struct lm_shmem {
	uint32_t id;
	struct lm_obj obj;
	uint64_t size;
	const char *name;
	uint32_t host;			/* somebody who has it, on the source's host */
	int fd;				/* restorer: the coordinator's fd, or -1 */
};

struct lm_refusal {
	uint32_t pid;
	int fd;				/* -1: none */
	bool transient;
	char what[128], remedy[128];
};

struct lm_model {
	struct lm_process **procs;  size_t nr_procs;	/* in the dump's order */
	struct lm_mm **mms;         size_t nr_mms;
	struct lm_files **files;    size_t nr_files;
	struct lm_file **file;      size_t nr_file;
	struct lm_shmem **shmems;   size_t nr_shmems;
	struct lm_refusal *refusals; size_t nr_refusals;
	struct lm_obj **netns;      size_t nr_netns;	/* LM_REC_NETNS */
	struct lm_obj **nft;        size_t nr_nft;	/* LM_REC_NFT */
	struct lm_obj **cgroups;    size_t nr_cgroups;	/* LM_REC_CGROUP */
	struct lm_obj **filters;    size_t nr_filters;	/* LM_REC_SECCOMP */
	struct lm_obj **ns;         size_t nr_ns;	/* LM_REC_NS */
	struct lm_ids by_pid, by_mm, by_files, by_file, by_shmem;
	struct lm_obj **ipc;        size_t nr_ipc;	/* LM_REC_IPC, joined */
	struct lm_obj **trees;      size_t nr_trees;	/* LM_REC_TREE */
	bool source;		/* not of an image: refused mappings are without objects */
};

void lm_model_init(struct lm_model *m);
void lm_model_free(struct lm_model *m);
/* Add one object or record (its attributes are copied). Types that are not part
 * of a model are ignored. Malformed: -1.
 */
int lm_model_add(struct lm_model *m, uint16_t type, const void *attrs, size_t len,
		 struct lm_error *e);
/* All added: resolve links, check that every id that is named exists, that VMAs
 * are sorted and do not overlap, that there is one root process, ...
 */
int lm_model_finish(struct lm_model *m, struct lm_error *e);

/* A process that is only a number, or NULL: out of memory. */
struct lm_process *lm_model_stand_in(struct lm_model *m, uint32_t pid);
/* The processes of @from are those of @m, too, until they are given back; nothing else
 * is added but stand-ins. -1: out of memory, and nothing is to be given back.
 */
int lm_model_borrow(struct lm_model *m, const struct lm_model *from);
void lm_model_give_back(struct lm_model *m);

/* Does @p share its working directory and umask (CLONE_FS) with its parent? */
bool lm_model_shares_fs(const struct lm_model *m, const struct lm_process *p);
/* ... its table of open files? */
bool lm_model_shares_files(const struct lm_model *m, const struct lm_process *p);

/* Is there a process whose main thread has ended before others? */
bool lm_model_any_ended(const struct lm_model *m);

#define LM_PDEATH_LOST \
	"a signal at the end of its parent (PR_SET_PDEATHSIG), whose main thread has ended: not supported"

/* A thread of @p that asked for a signal at the end of its parent, which the restored one
 * would get at once: the parent's main thread, which has ended, does so again. Or NULL.
 */
const struct lm_thread *lm_model_pdeath(const struct lm_model *m, const struct lm_process *p);

/* A thread of @p whose next instruction is in [@start, @end), or NULL. */
const struct lm_thread *lm_model_thread_in(const struct lm_process *p, uint64_t start,
					   uint64_t end);
/* ... in the vdso. */
const struct lm_thread *lm_model_in_vdso(const struct lm_process *p);

struct lm_process *lm_model_process(const struct lm_model *m, uint32_t pid);
struct lm_mm *lm_model_mm(const struct lm_model *m, uint32_t id);
struct lm_files *lm_model_files(const struct lm_model *m, uint32_t id);
struct lm_file *lm_model_file(const struct lm_model *m, uint32_t id);
struct lm_shmem *lm_model_shmem(const struct lm_model *m, uint32_t id);

/* "pid 1234 fd 7: fanotify: not supported; remedy" */
void lm_refusal_text(const struct lm_refusal *r, char *buf, size_t len);

#endif
