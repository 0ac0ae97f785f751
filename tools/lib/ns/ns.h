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
#include "../remote.h"

/* One namespace is one record. */
enum lm_ns_attr {
	LM_NS_UNSPEC,
	LM_NS_KIND,		/* string: "uts": as in /proc/PID/ns */
	LM_NS_ID,		/* u32: as in struct livemig_ns */
	LM_NS_HOSTNAME,		/* string, uts */
	LM_NS_DOMAINNAME,	/* string, uts */
	LM_NS_SYSCTL,		/* string "kernel/msgmax=8192"; one each, ipc */
	LM_NS_MAX = LM_NS_SYSCTL
};

/* LM_NS_ID of no namespace is this. */
#define LM_NS_NONE	0

struct lm_ns_kind {
	const char *name;
	int flag;		/* CLONE_NEW* */
	size_t at;		/* of its number, in struct livemig_ns */
	/* Source, in a thread that is inside of it: add to the record what is in it,
	 * or refuse. NULL: nothing to tell.
	 */
	int (*describe)(struct lm_buf *b, struct lm_error *e);
	/* Destination: add the calls with which a helper that is inside fills it.
	 * @o: the record.
	 */
	int (*fill)(struct lm_batch *b, const struct lm_obj *o, struct lm_error *e);
};

extern const struct lm_ns_kind lm_ns_uts, lm_ns_ipc;
/* Not one of those below: it is not joined. */
extern const struct lm_ns_kind lm_ns_pid;

#define LM_NS_KINDS	2
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
