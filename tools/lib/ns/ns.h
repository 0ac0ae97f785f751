/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Namespaces that a container's tasks do not share with the host: one kind is one
 * file in this directory and one line in the table of ns.c. (The network
 * namespace has a directory of its own, the time namespace comes with the
 * clocks.) The source describes each from inside; on the destination the first
 * helper that is to be in it makes it, others join, and what is in it is
 * filled in at the end.
 */
#ifndef LM_NS_H
#define LM_NS_H

#include <stddef.h>
#include <sys/types.h>

#include "../model.h"
#include "../record.h"

/* One namespace is one record. */
enum lm_ns_attr {
	LM_NS_UNSPEC,
	LM_NS_KIND,		/* string: "uts": as in /proc/PID/ns */
	LM_NS_ID,		/* u32: as in struct livemig_ns */
	LM_NS_HOSTNAME,		/* string, uts */
	LM_NS_DOMAINNAME,	/* string, uts */
	LM_NS_SYSCTL,		/* string "kernel/msgmax=8192"; one each, ipc */
	LM_NS_CGROUP,		/* string, cgroup: its root, below the cgroup2 mount */
	LM_NS_MOUNT,		/* nest, enum lm_mount_attr; one a mount, mnt */
	LM_NS_OWNER,		/* u32: LM_NS_ID of the user namespace that it belongs to
				 * (user: that is its parent); absent: the host's
				 */
	LM_NS_UID_MAP,		/* string, user: as in /proc, ids of the host in the */
	LM_NS_GID_MAP,		/* ... second column; absent: not written yet */
	LM_NS_PROJID_MAP,
	LM_NS_NO_SETGROUPS,	/* flag, user: setgroups() is denied in it */
	LM_NS_CREATOR,		/* u32, user: uid of who made it, and so may all in it */
	LM_NS_MAX = LM_NS_CREATOR
};

/* A mount, as /proc/PID/mountinfo shows it to a process at the namespace's root. */
enum lm_mount_attr {
	LM_MOUNT_UNSPEC,
	LM_MOUNT_ID,		/* u32 */
	LM_MOUNT_PARENT,	/* u32 */
	LM_MOUNT_DEV,		/* u64: major << 20 | minor: equal means one file system */
	LM_MOUNT_ROOT,		/* string: what of the file system is mounted */
	LM_MOUNT_POINT,		/* string */
	LM_MOUNT_FLAGS,		/* u32, MS_* */
	LM_MOUNT_TYPE,		/* string */
	LM_MOUNT_SOURCE,	/* string */
	LM_MOUNT_OPTIONS,	/* string, of the file system */
	LM_MOUNT_READ_ONLY,	/* flag: the file system is */
	LM_MOUNT_PROPAGATION,	/* u32: MS_SHARED, MS_SLAVE, both, MS_UNBINDABLE, or 0 */
	LM_MOUNT_HOST,		/* string: the host's path that shows the same */
	LM_MOUNT_LOCKS,		/* u32, enum livemig_mount_flags: what is fixed in the
				 * user namespace that it belongs to
				 */
	LM_MOUNT_UID,		/* u32, mqueue that belongs to a user namespace: of its */
	LM_MOUNT_GID,		/* ... root directory */
	LM_MOUNT_MAX = LM_MOUNT_GID
};

/* LM_NS_ID of no namespace is this. */
#define LM_NS_NONE	0

struct lm_objects;
struct lm_source;

/* What a description is made of. */
struct lm_ns_inside {
	const struct lm_process *p;	/* who is in it */
	const char *cgroup;		/* of the container, below the mount */
	struct lm_buf *b;		/* the record */
};

struct lm_ns_kind {
	const char *name;
	int flag;		/* CLONE_NEW* */
	size_t at;		/* of its number, in struct livemig_ns */
	/* Source, in a thread that is inside of it: add to the record what is in it,
	 * or refuse. NULL: nothing to tell.
	 */
	int (*describe)(const struct lm_ns_inside *in, struct lm_error *e);
	/* The same from outside, for those that are seen whole only from there. @s, @o: the
	 * source, and what more records go into (or NULL); @fd: the namespace; @owned: it
	 * belongs to a user namespace of the container.
	 */
	int (*describe_from)(struct lm_source *s, struct lm_objects *o,
			     const struct lm_ns_inside *in, int fd, bool owned,
			     struct lm_error *e);
	/* What is in it is told elsewhere: the record is for whom it belongs to. */
	bool only_owner;
	/* Destination, in a thread that is inside: put it back. @o: the record. */
	int (*fill)(const struct lm_obj *o, struct lm_error *e);
};

extern const struct lm_ns_kind lm_ns_uts, lm_ns_ipc, lm_ns_cgroup, lm_ns_mnt;
extern const struct lm_ns_kind lm_ns_user, lm_ns_pid, lm_ns_net;

/* First those that a helper joins by itself, in the order in which they are made: a
 * mount shows the namespace that it was made in.
 */
#define LM_NS_JOINED	4
#define LM_NS_KINDS	7
extern const struct lm_ns_kind *const lm_ns_kinds[LM_NS_KINDS];

/* The number of the namespace of kind @k that @p is in, LM_NS_NONE: not known (it
 * has ended).
 */
uint32_t lm_ns_of(const struct lm_process *p, const struct lm_ns_kind *k);
/* The record of that namespace, NULL: it is the host's. */
const struct lm_obj *lm_ns_record(const struct lm_model *m,
				  const struct lm_ns_kind *k, uint32_t id);
/* /proc/@pid/ns/NAME. Return: fd or -1. */
int lm_ns_open(pid_t pid, const struct lm_ns_kind *k, struct lm_error *e);

#endif
