/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The restorer from the inside. Records come in through restore.c; each round
 * replaces the model, and the skeleton (a tree of helper processes with the
 * container's pids and mappings) is made to follow it:
 *
 *	check.c		can it be restored here?
 *	undo.c		what is to be removed if it fails, or if we die
 *	cgroup.c	where it lives
 *	tree.c		processes, sessions, process groups
 *	pidns.c		pid namespaces, what processes are called in them
 *	leaders.c	who stands in for leaders that have ended
 *	zombie.c	processes that have ended
 *	ended.c		main threads that have ended before others
 *	mm.c		mappings
 *	shmem.c		shared memory, files to be mapped
 *	huge.c		memory in huge pages
 *	rings.c		AIO contexts
 *	pages.c stash.c	contents; those that have no place yet
 *	patches.c	contents told by what is there
 *	lacks.c		what this kernel cannot do with it
 *	lazy.c later.c	contents that come later: from an image, from the source
 *	files.c		open files, fd tables
 *	ctty.c		controlling terminals
 *	locks.c		file locks
 *	deleted.c	files that have no name any more
 *	removed.c	directories that were removed
 *	vdso.c		the code of another kernel
 *	time.c timers.c	clocks; what is armed on them
 *	ns.c user.c	namespaces; those of users
 *	mounts.c tmpfs.c what is mounted in them
 *	ipc.c		System V IPC
 *	seccomp.c	seccomp filters
 *	attrs.c creds.c	what else a process or a thread has
 *	finish.c	all of it together, up to READY
 */
#ifndef LM_RESTORE_INTERNAL_H
#define LM_RESTORE_INTERNAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "restore.h"
#include "undo.h"
#include "../lazy/lazy.h"
#include "../lazy/missing.h"
#include "../net/netns.h"
#include "../ns/ns.h"
#include "../textfile.h"
#include "../vdso.h"
#include "../vma_kind.h"

/* An AIO context, and its number in the process. */
struct lm_ring {
	uint64_t at;
	uint32_t id;
};

/* A process of the skeleton. */
struct lm_proc {
	uint32_t pid, sid, mm_id;
	uint32_t pgid;			/* 0: not known yet */
	uint32_t origin_mm;		/* of who gave birth to it */
	uint32_t host;			/* what it is called here */
	uint32_t pidns;			/* LM_NS_ID; how far down it is */
	size_t depth;
	struct lm_proc *parent;		/* NULL: the coordinator or nobody */
	struct lm_remote *remote;
	uint32_t exit_signal;
	bool setsid;			/* still to be called */
	bool subreaper;
	bool shares_fs, shares_files;	/* with who gave birth to it */
	uint32_t ns[LM_NS_JOINED];	/* where it is: LM_NS_ID; LM_NS_NONE: the host's */
	bool in_net;			/* ... that of the container, if it has one */
	bool in_user;			/* ... namespace, for good */
	bool vdso_placed;			/* where it is not in the way */
	bool has_pkeys;			/* all protection keys there are */
	bool keeps;			/* pages that it was born with */
	bool inherits;			/* it still may have pages too many ... */
	uint64_t inherited;		/* ... from here on */
	struct livemig_vma *vmas;	/* what is mapped, by address */
	size_t nr_vmas;
	struct lm_ring *rings;
	size_t nr_rings;
};

/* A descriptor of the coordinator that stands for an object of the source. */
struct lm_object_fd {
	uint32_t id;
	int fd;
};

struct lm_object_fds {
	struct lm_object_fd *v;
	size_t n;
};

struct lm_stash_page;

struct lm_stash {
	struct lm_stash_page **bucket;
	size_t nr_buckets, nr_pages;
};

struct lm_ns_made;
struct lm_ipc_made;

struct lm_tmpfs {
	uint32_t ns, mount;
	int fd;				/* its root */
	dev_t dev;
};

/* A file of a tmpfs that is mapped. */
struct lm_held {
	uint32_t file;			/* LIVEMIG_FILE_A_ID */
	ino_t ino;			/* here */
};

/* Where the own fds are of the @n-th helper (from 1) that shares its parent's table. What
 * is at fd_base + LM_HELPER_FDS is used for a moment.
 */
#define LM_SHARED_FDS(r, n)	((r)->fd_base + 16 * (n))

struct lm_restorer {
	struct lm_restore_opts o;
	struct lm_model m;		/* of the round under way */
	bool header, in_round, final;	/* what has come */
	bool image;			/* it comes from a file */
	bool plan;			/* nothing is made: could it be? */
	bool built;			/* there is a skeleton */
	bool synced;			/* ... and it follows m */
	bool replay;			/* m is the last; pages may be of earlier rounds */
	bool files_made;
	bool ready, committed;
	int dev;			/* /dev/livemig */
	struct lm_vdso vdso;		/* the source's, if it is another */
	uint64_t vdso_id;
	struct lm_vdso own_vdso;	/* ... and ours then */
	char name[PATH_MAX];		/* of the target, from the header */
	char cgroup[PATH_MAX];
	int cgroup_fd;
	struct lm_proc **procs;
	size_t nr_procs;
	struct lm_ids by_pid;		/* in procs */
	pid_t root_pid;
	struct {
		uint32_t pid;
		struct lm_ids tids;
	} owner;			/* the process that lm_host_tid() was asked for last */
	struct lm_remote **reserved;	/* they have the pids of those to come */
	size_t nr_reserved;
	bool alt;			/* the helper at the other address */
	int fd_base;			/* of the helpers' own fds */
	int nr_shared;			/* helpers that were born with LM_SHARED_FDS */
	struct lm_object_fds shmem, read_only, mapped;	/* (the second: shmem, too) */
	struct lm_deleted *deleted;
	struct lm_removed *removed;
	struct lm_stash stash;
	void *missed_buf;		/* pages that had no mapping */
	struct lm_proc_mem {		/* of the processes used last */
		uint32_t pid;
		int fd;
	} mem[2];
	struct lm_lazy_restore *lazy;	/* from the first page on, if it is to be */
	struct lm_undo *undo;
	struct lm_netns_made *net;
	int netns;
	struct lm_buf rules;		/* nf_tables that are loaded, LM_NFT_MSGs */
	void *net_as;			/* attributes that it was made of */
	size_t net_as_len;
	int timens;
	struct lm_ns_made *ns;
	size_t nr_ns;
	struct lm_ipc_made *ipc;
	size_t nr_ipc;
	struct lm_tmpfs *tmpfs;
	size_t nr_tmpfs;
	struct lm_held *held;
	size_t nr_held;
	uint64_t pages;
};

/* check.c */
int lm_check_header(struct lm_restorer *r, const struct lm_record *rec,
		    struct lm_error *e);
int lm_check_model(struct lm_restorer *r, struct lm_error *e);
/* Where the container's paths lead: are its files there? */
int lm_check_files(struct lm_restorer *r, struct lm_error *e);
/* No task has this pid yet. */
int lm_check_pid(uint32_t pid, struct lm_error *e);

/* lacks.c: is there something in its memory that this kernel does not know? */
int lm_check_lacks(const struct lm_restorer *r, struct lm_error *e);

/* vdso.c: it comes from a kernel with this vdso, which is not ours. */
int lm_vdso_expect(struct lm_restorer *r, const void *bytes, size_t len, uint64_t id,
		   struct lm_error *e);
/* The model that has just come: its vdso is memory like any other. */
int lm_vdso_adapt(struct lm_restorer *r, struct lm_error *e);
/* Out of the way of @mm, with the kernel's own. *@other: it is another, this was all. */
int lm_vdso_place(const struct lm_restorer *r, struct lm_proc *p, const struct lm_mm *mm,
		  bool *other, struct lm_error *e);
/* Could it be one of an earlier kernel? */
bool lm_vdso_like(const struct livemig_vma *v);
/* The old ones lead to the new one, from now on, or are it. */
int lm_vdso_fill(const struct lm_restorer *r, struct lm_proc *p,
		 const struct lm_process *mp, struct lm_error *e);

/* cgroup.c */
int lm_cgroup_make(struct lm_restorer *r, struct lm_error *e);
/* Make those below it, while all tasks are in it. */
int lm_cgroup_tree(struct lm_restorer *r, struct lm_error *e);
/* Move a process to its cgroup below the container's. */
int lm_cgroup_place(struct lm_restorer *r, const struct lm_process *p,
		    struct lm_error *e);
int lm_cgroup_finish(struct lm_restorer *r, struct lm_error *e);
/* Those that were frozen; and all, if that is asked for. */
int lm_cgroup_freeze(struct lm_restorer *r, struct lm_error *e);

/* net.c */
int lm_net_sync(struct lm_restorer *r, struct lm_error *e);
int lm_net_rules(struct lm_restorer *r, struct lm_error *e);
void lm_net_drop(struct lm_restorer *r);

/* tree.c */
struct lm_proc *lm_proc(const struct lm_restorer *r, uint32_t pid);
struct lm_proc *lm_proc_of_mm(const struct lm_restorer *r, uint32_t mm_id);
int lm_tree_sync(struct lm_restorer *r, struct lm_error *e);
/* Give birth to those who were late and are not any more. */
int lm_tree_grow(struct lm_restorer *r, struct lm_error *e);
int lm_tree_groups(struct lm_restorer *r, struct lm_error *e);
/* The session that @p is in, of those that we make. */
uint32_t lm_tree_session(const struct lm_restorer *r, const struct lm_process *p);
/* The one that it is to be born into: where its children were born, if it made
 * one of its own later; 0: any.
 */
uint32_t lm_tree_birth(const struct lm_restorer *r, const struct lm_process *p);
void lm_proc_free(struct lm_proc *p);

/* Is @pid, of the model, @from or below it? 0 is above all. */
bool lm_tree_descends(const struct lm_restorer *r, uint32_t pid, uint32_t from);

/* inherit.c */
/* Has one of them forked from the other, or both from a third? */
bool lm_inherit_related(const struct lm_mm *a, const struct lm_mm *b);
/* Who is born late. */
void lm_inherit_plan(struct lm_restorer *r);
/* Their pids, once the first process is there. */
int lm_inherit_reserve(struct lm_restorer *r, struct lm_error *e);
void lm_inherit_drop(struct lm_restorer *r);
/* The pages of @mm_id are next: its process is born now. 0: all are. */
int lm_inherit_birth(struct lm_restorer *r, uint32_t mm_id, struct lm_error *e);
/* The next pages of @p, ascending in its first round, are about to be applied. */
int lm_inherit_pages(struct lm_proc *p, const struct livemig_page_entry *x,
		     uint32_t n, struct lm_error *e);
/* The round has ended. */
int lm_inherit_end(struct lm_restorer *r, struct lm_error *e);

/* pidns.c: has the container a pid namespace of its own? */
bool lm_own_pidns(const struct lm_model *m);
int lm_pidns_tell(struct lm_restorer *r, const struct lm_proc *p, struct lm_error *e);
uint32_t lm_pidns_of(const struct lm_process *mp);
/* What tasks are called in the namespace so far below that of the container, 0: nothing. */
uint32_t lm_tid_at(const struct lm_thread *t, size_t depth);
uint32_t lm_tid_of(const struct lm_process *mp, uint32_t tid, size_t depth);
uint32_t lm_pid_at(const struct lm_restorer *r, uint32_t pid, size_t depth);
/* What the process @pid is called on this host; 0: it is not in the container, and
 * nobody here has that number.
 */
uint32_t lm_host_pid(const struct lm_restorer *r, uint32_t pid);
/* ... and its thread @tid, once it is there; 0: it is not. */
uint32_t lm_host_tid(struct lm_restorer *r, uint32_t pid, uint32_t tid);
/* The first thread, NULL: it has ended. */
const struct lm_thread *lm_leader(const struct lm_process *mp);
int lm_tids(const struct lm_thread *t, struct lm_tids *out, struct lm_error *e);
int lm_tids_of(const struct lm_process *mp, struct lm_tids *out, struct lm_error *e);
/* Can @from give birth to @mp now? And do. */
bool lm_pidns_possible(const struct lm_restorer *r, const struct lm_proc *from,
		       const struct lm_process *mp);
int lm_pidns_fork(struct lm_restorer *r, struct lm_proc *from,
		  struct lm_remote_fork *f, const struct lm_process *mp,
		  struct lm_remote **child, struct lm_error *e);
int lm_pidns_for_children(struct lm_restorer *r, struct lm_proc *p,
			  const struct lm_process *mp, struct lm_error *e);

/* leaders.c */
int lm_leaders_add(struct lm_restorer *r, struct lm_error *e);

/* zombie.c: end the helpers of those that had ended. */
int lm_zombies_make(struct lm_restorer *r, struct lm_error *e);

/* ended.c. All memory and the vdso are at their places. */
int lm_ended_leaders(struct lm_restorer *r, struct lm_error *e);

/* seccomp.c: do all threads have the filters that are there? */
int lm_seccomp_check(const struct lm_restorer *r, struct lm_error *e);
/* Write the filters of @mp into its helper. */
int lm_seccomp_load(struct lm_restorer *r, struct lm_proc *p,
		    const struct lm_process *mp, struct lm_error *e);
/* Add the calls with which @t puts them on. */
void lm_seccomp_batch(const struct lm_restorer *r, const struct lm_proc *p,
		      struct lm_batch *b, const struct lm_process *mp,
		      const struct lm_thread *t);

/* mm.c */
int lm_mm_sync(struct lm_restorer *r, struct lm_proc *p, const struct lm_mm *mm,
	       struct lm_error *e);
/* Unmap all, for another program or a child with its parent's memory. */
int lm_mm_reset(struct lm_proc *p, struct lm_error *e);
int lm_mm_guard(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);
int lm_mm_lock(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);
int lm_mm_names(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);
int lm_mm_seal(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);
/* The first mapping that ends behind @addr; nr_vmas: none. */
size_t lm_mm_index(const struct lm_proc *p, uint64_t addr);
bool lm_mm_private(const struct livemig_vma *v);
/* Are its pages those of the address space? */
bool lm_mm_own(const struct livemig_vma *v);
const struct livemig_vma *lm_mm_find(const struct lm_proc *p, uint64_t addr);
/* PROT_* of a VMA. */
int lm_mm_prot(const struct livemig_vma *v);

/* shmem.c */
int lm_shmem_sync(struct lm_restorer *r, struct lm_error *e);
int lm_shmem_seal(struct lm_restorer *r, struct lm_error *e);
int lm_shmem_fd(const struct lm_restorer *r, uint32_t id);	/* or -1 */
/* An fd that the mapping @v can be made of (not for anonymous memory). */
int lm_mapped_fd(struct lm_restorer *r, const struct livemig_vma *v,
		 struct lm_error *e);
/* In the last round: what was mapped in earlier ones is what it is now. */
int lm_mapped_check(struct lm_restorer *r, struct lm_error *e);
void lm_object_fds_close(struct lm_object_fds *f);

/* huge.c: the pages of @s have 2^n bytes; 0: they are not huge. */
uint32_t lm_huge_shift(const struct lm_shmem *s);
/* Before anything is made: are as many free here as will be mapped? */
int lm_huge_check(const struct lm_model *m, struct lm_error *e);
/* Hugetlbfs has no write(): a window on the page that was written to last. Return: 0,
 * or -1 with errno (ENOMEM: no page is free). @len, up to 4096: within a page of those.
 */
struct lm_huge_window {
	char *at;
	uint64_t from, len;
};

int lm_huge_write(struct lm_huge_window *w, int fd, uint32_t shift, const void *page,
		  size_t len, uint64_t off);
void lm_huge_close(struct lm_huge_window *w);

/* label.c: can all profiles be had? */
int lm_labels_check(struct lm_restorer *r, struct lm_error *e);
/* What threads need before they are made, and then the leader. */
int lm_labels_ready(struct lm_proc *p, const struct lm_process *mp, struct lm_error *e);
int lm_label_leader(struct lm_proc *p, const struct lm_process *mp, struct lm_error *e);
/* The last calls of a thread. Return: how many of them are late (struct
 * lm_helper_become).
 */
uint32_t lm_label_batch(const struct lm_proc *p, struct lm_batch *b, const struct lm_thread *t);

/* rings.c: make the context whose ring is all of @v. */
int lm_ring_make(struct lm_proc *p, const struct livemig_vma *v, struct lm_error *e);
void lm_ring_unmake(struct lm_batch *b, const struct livemig_vma *v);
/* All pages are there, and no files yet: the kernel goes on where it was. */
int lm_rings_resume(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);

/* pages.c */
int lm_pages_record(struct lm_restorer *r, struct lm_in *in,
		    const struct lm_record *rec, struct lm_error *e);
/* patches.c */
int lm_patches_record(struct lm_restorer *r, const struct lm_record *rec,
		      struct lm_error *e);
/* pages.c: one page of a space, wherever it is: in its mapping or in the stash.
 * @page: 4096 bytes.
 */
int lm_page_read(struct lm_restorer *r, uint32_t space, uint32_t id, uint64_t addr,
		 void *page, struct lm_error *e);
int lm_page_write(struct lm_restorer *r, uint32_t space, uint32_t id,
		  uint64_t addr, const void *page, struct lm_error *e);
/* Let go of processes; they may not be there in the next round. */
void lm_pages_close(struct lm_restorer *r);
/* Put what waited into the mappings that are there now. */
int lm_pages_unstash(struct lm_restorer *r, struct lm_error *e);
/* Keep the pages of @p in [start, end), which will be mapped as something else:
 * the source may count on them.
 */
int lm_pages_save(struct lm_restorer *r, const struct lm_proc *p, uint64_t start,
		  uint64_t end, struct lm_error *e);

/* What comes after the tasks run. */
struct lm_lazy_restore {
	struct lm_lazy z;
	bool all;			/* comes at once */
	uint32_t *eager;		/* ... address spaces that do */
	size_t nr_eager;
	int server;			/* our end of its ctl; -1: there is none */
	char *name;			/* of the container, once it is our own */
	bool served;			/* its tasks run */
	struct lm_netns_made *net;	/* ... in this; freeing it waits for announcements */
	struct lm_missing now;		/* what was named and cannot wait */
};

struct lm_lazy_restore *lm_lazy_new(struct lm_restorer *r, const struct lm_lazy_from *from,
				    struct lm_error *e);
/* Choose the address spaces that cannot wait, of the model of the last round. */
int lm_lazy_choose(struct lm_restorer *r, struct lm_error *e);
bool lm_lazy_mm(const struct lm_lazy_restore *l, uint32_t mm);
bool lm_lazy_vma(const struct livemig_vma *v);

/* later.c: take what was only named out of the @n entries of @mm, whose process is @p
 * (NULL: it has none): the others are left in @rest.
 */
int lm_later_take(struct lm_restorer *r, struct lm_proc *p, uint32_t mm,
		  const struct livemig_page_entry *x, uint32_t *n,
		  struct livemig_page_entry *rest, struct lm_error *e);
/* After the last round: get what cannot wait. */
int lm_later_fetch(struct lm_restorer *r, struct lm_error *e);

/* lazy.c: a PAGES record of an image is only noted; in the end, fill what cannot wait,
 */
int lm_lazy_note(struct lm_restorer *r, struct lm_in *in, const struct lm_record *rec,
		 struct lm_error *e);
int lm_lazy_fill(struct lm_restorer *r, struct lm_error *e);
/* ... watch what can, of each process before it has threads, */
int lm_lazy_watch(struct lm_restorer *r, struct lm_proc *p, const struct lm_mm *mm,
		  struct lm_error *e);
/* ... and leave it to a process that stays. If that ends early the container is
 * killed. Before go it ends with us.
 */
int lm_lazy_start(struct lm_restorer *r, struct lm_error *e);
int lm_lazy_go(struct lm_restorer *r, struct lm_error *e);
void lm_lazy_free(struct lm_restorer *r);

/* stash.c. @page NULL: zeros. */
int lm_stash_put(struct lm_stash *s, uint32_t space, uint32_t id, uint64_t addr,
		 const void *page, struct lm_error *e);
void lm_stash_del(struct lm_stash *s, uint32_t space, uint32_t id, uint64_t addr,
		  uint64_t pages);
bool lm_stash_has(const struct lm_stash *s, uint32_t space, uint32_t id,
		  uint64_t addr);
/* Return: whether there is one, copied to @page. */
bool lm_stash_get(const struct lm_stash *s, uint32_t space, uint32_t id,
		  uint64_t addr, void *page);
/* @use: 1 the page is done and goes, 0 it stays, -1 error. */
int lm_stash_each(struct lm_stash *s,
		  int (*use)(uint32_t space, uint32_t id, uint64_t addr,
			     const void *page, void *arg), void *arg);
void lm_stash_free(struct lm_stash *s);

/* files.c */
int lm_files_make(struct lm_restorer *r, struct lm_error *e);
int lm_files_install(struct lm_restorer *r, struct lm_proc *p,
		     const struct lm_process *mp, struct lm_error *e);
int lm_files_resume(struct lm_restorer *r, struct lm_error *e);
void lm_files_close(struct lm_restorer *r);

/* ctty.c: after the files are there. */
int lm_ctty_take(struct lm_restorer *r, struct lm_proc *p,
		 const struct lm_process *mp, struct lm_error *e);

/* locks.c: of an open file; and POSIX locks of a process that has its files. */
int lm_locks_of_file(const struct lm_file *f, struct lm_error *e);
int lm_locks_of_process(struct lm_restorer *r, struct lm_proc *p,
			const struct lm_process *mp, struct lm_error *e);

/* deleted.c: make them by the files' ids, before anything maps or opens them; fill
 * them from the last round's DATA.
 */
int lm_deleted_fill(struct lm_restorer *r, struct lm_error *e);
/* Once filled: what is executed cannot be open for writing. Return: fd (of @r). */
int lm_deleted_read_only(struct lm_restorer *r, const struct lm_file *f,
			 struct lm_error *e);
void lm_deleted_close(struct lm_restorer *r);
void lm_removed_close(struct lm_restorer *r);

/* time.c */
/* A time namespace in which the container's clocks go on. */
int lm_time_make(struct lm_restorer *r, struct lm_error *e);
void lm_time_join(const struct lm_restorer *r, struct lm_batch *b);

/* ns.c: all are in their namespaces, before they have memory. */
/* Joins the one that the coordinator has open as @ns. */
void lm_ns_add_join(const struct lm_restorer *r, struct lm_batch *b, int ns, int flag);
int lm_ns_join(struct lm_restorer *r, struct lm_proc *p, int ns, int flag,
	       struct lm_error *e);
/* One was made of the record @o; @fd and @root (mnt, else -1) are the callee's. */
int lm_ns_add(struct lm_restorer *r, const struct lm_ns_kind *k, const struct lm_obj *o,
	      int fd, int root, struct lm_error *e);
int lm_ns_sync(struct lm_restorer *r, struct lm_error *e);
int lm_ns_fill(struct lm_restorer *r, struct lm_error *e);
/* A namespace that was made, or -1. */
int lm_ns_fd(const struct lm_restorer *r, const struct lm_ns_kind *k, uint32_t id);
void lm_ns_close(struct lm_restorer *r);
/* The root directory of the mount namespace @id, -1: it is ours. */
int lm_ns_root(const struct lm_restorer *r, uint32_t id);

/* user.c: make those that are new. */
int lm_user_sync(struct lm_restorer *r, struct lm_error *e);
/* An fd of the user namespace @id; 0: LM_NS_NONE, which is ours; -1: @e. */
int lm_user_fd(const struct lm_restorer *r, uint32_t id, struct lm_error *e);
/* Go in, do something, get out; LM_NS_NONE: stay. */
int lm_user_enter(struct lm_restorer *r, struct lm_proc *p, uint32_t id,
		  struct lm_error *e);
int lm_user_leave(struct lm_proc *p, uint32_t id, struct lm_error *e);
/* A namespace that belongs to @id. */
int lm_user_unshare(struct lm_restorer *r, struct lm_proc *p, uint32_t id, int flag,
		    struct lm_error *e);
/* Before it has threads: the helper gets what it needs to enter, or, when it is to have
 * threads, enters.
 */
int lm_user_ready(struct lm_restorer *r, struct lm_proc *p, const struct lm_process *mp,
		  struct lm_error *e);
/* Add the calls by which it enters as @t. */
void lm_user_batch(const struct lm_proc *p, struct lm_batch *b,
		   const struct lm_thread *t);

/* mounts.c: @p makes its mount namespace and is in it. */
int lm_mounts_make(struct lm_restorer *r, struct lm_proc *p, const struct lm_obj *o,
		   struct lm_error *e);

/* tmpfs.c: keep a clone of a mount, which is the callee's from now on. */
int lm_tmpfs_add(struct lm_restorer *r, uint32_t ns, uint32_t mount, int fd,
		 struct lm_error *e);
/* The names that are in each; in the last round what is in files, too. */
int lm_tmpfs_fill(struct lm_restorer *r, struct lm_error *e);
/* @f is mapped by @fd: it must be the one that was mapped in earlier rounds. */
int lm_tmpfs_held(struct lm_restorer *r, const struct lm_file *f, int fd,
		  struct lm_error *e);
void lm_tmpfs_close(struct lm_restorer *r);

/* ipc.c: segments, before anything maps them; all else, after. */
int lm_ipc_sync(struct lm_restorer *r, struct lm_error *e);
int lm_ipc_fill(struct lm_restorer *r, struct lm_error *e);
/* mq_notify() of a process that has its files. */
int lm_ipc_notify(struct lm_restorer *r, struct lm_proc *p,
		  const struct lm_process *mp, struct lm_error *e);
void lm_ipc_close(struct lm_restorer *r);
/* An fd for the memory of a segment. */
int lm_ipc_shm_fd(struct lm_restorer *r, const struct lm_shmem *s, struct lm_error *e);
/* Make mappings of a segment of @size bytes, whole pages, which was attached once for
 * all of them; @at: where there is room for it meanwhile.
 */
#define LM_IPC_PIECES	64
int lm_ipc_attach(struct lm_proc *p, const struct lm_shmem *s, uint64_t size,
		  uint64_t at, const struct livemig_vma *const *v, size_t n,
		  struct lm_error *e);
/* SEM_UNDO of @p, before it has threads. */
int lm_ipc_undo(struct lm_restorer *r, struct lm_proc *p,
		const struct lm_process *mp, struct lm_error *e);

/* timers.c: of @p, whose threads are there; the leader does it last. */
int lm_timers_make(struct lm_restorer *r, struct lm_proc *p,
		   const struct lm_process *mp, struct lm_error *e);

/* attrs.c */
int lm_net_join(struct lm_restorer *r, struct lm_batch *b, const struct lm_process *mp,
		struct lm_error *e);
int lm_attrs_process(struct lm_restorer *r, struct lm_proc *p,
		     const struct lm_process *mp, struct lm_error *e);
int lm_attrs_limits(const struct lm_proc *p, const struct lm_process *mp,
		    struct lm_error *e);
/* Add the calls that set how @t is scheduled. */
void lm_attrs_thread(struct lm_batch *b, const struct lm_thread *t);

/* prctl.c: can this host do what the container's programs have asked for? */
int lm_prctl_check(const struct lm_model *m, struct lm_error *e);
/* ... add the calls of a process, before it has threads, and those of a thread. */
void lm_prctl_process(struct lm_batch *b, const struct lm_process *mp);
void lm_prctl_thread(struct lm_batch *b, const struct lm_thread *t);
/* ... when nothing is mapped any more. */
int lm_prctl_mm(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);

/* numa.c: has this host the nodes that memory is to be taken from? */
int lm_numa_check(const struct lm_model *m, struct lm_error *e);
/* Has it a policy of this mode, for a thread or some memory? */
bool lm_numa_uses(const struct lm_process *p, uint32_t mode);
void lm_numa_thread(struct lm_batch *b, const struct lm_thread *t);
/* When all mappings are there. */
int lm_numa_mm(struct lm_proc *p, const struct lm_mm *mm, struct lm_error *e);

/* Has sched_setattr() set what not every kernel has? */
bool lm_attrs_has_slice(const struct lm_thread *t);
bool lm_attrs_has_clamp(const struct lm_thread *t);

/* Add the calls for a working directory and umask of its own. */
void lm_attrs_own_fs(struct lm_batch *b, const struct lm_thread *t);

/* creds.c: add the calls that @t, of @mp, makes for itself before it becomes. */
int lm_creds_batch(const struct lm_restorer *r, const struct lm_proc *p,
		   struct lm_batch *b, const struct lm_process *mp,
		   const struct lm_thread *t, struct lm_error *e);
/* Those for its ids alone. */
void lm_creds_ids(struct lm_batch *b, const struct lm_thread *t);

/* finish.c */
int lm_finish(struct lm_restorer *r, struct lm_error *e);
int lm_serve(struct lm_restorer *r, struct lm_error *e);

/* Small things. */
void lm_progress(struct lm_restorer *r, const char *step, uint64_t done,
		 uint64_t total);

#endif
