/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A thin layer over libnl-genl-3: one request, its answers, its failure in
 * number and words. Names and numbers come from the YAML spec (spec.h is made of
 * it by tests/host/spec.py), not from the header of the module.
 */
#ifndef FAM_H
#define FAM_H

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdint.h>

#include "spec.h"

#define NL_ATTRS	64	/* more than any attribute set has */

struct fam {
	struct nl_sock *sk;
	int family;
	int err;		/* of the last request: 0 or -errno */
	char text[256];		/* and the kernel's words, "" = none */
	int attr;		/* the attribute they complain about, by offset; 0 none */
	bool done;
	/* Called for each answer with its top-level attributes. */
	void (*answer)(struct fam *nl, struct nlattr **attrs, void *arg);
	void *arg;
};

/* Return: 0 or -errno (-ENOENT: no such family). */
int fam_open(struct fam *nl);
void fam_close(struct fam *nl);

/* A request, to be filled with nla_put*() and given to fam_send(). */
struct nl_msg *fam_request(struct fam *nl, int cmd, int flags);
/* Sends and frees @msg; fam_step() handles answers until nl->done. */
int fam_send(struct fam *nl, struct nl_msg *msg);
int fam_step(struct fam *nl);
/* Both, until the end. Return: nl->err. */
int fam_call(struct fam *nl, struct nl_msg *msg,
	    void (*answer)(struct fam *nl, struct nlattr **attrs, void *arg),
	    void *arg);

/* A request with nothing but a session; and with one more u32 or s32. */
int fam_session(struct fam *nl, int cmd, uint32_t session);
int fam_session_u32(struct fam *nl, int cmd, uint32_t session, int attr,
		   uint32_t value);

/* SESSION_NEW. @name may be NULL. Return: the id, or -errno. */
int fam_session_new(struct fam *nl, int cgroup_fd, const char *name,
		   uint32_t flags);
/* State of a session (SESSION_GET), or -errno. */
int fam_state(struct fam *nl, uint32_t session);

/* Counts what TASK_GET answers. */
#define FAM_OBJ_TYPES	64	/* those from here on are of user space */

struct dump {
	uint32_t cookie, next_seq;
	bool broken;		/* a wrong cookie, a gap, a wrong session */
	uint32_t session;
	unsigned int objs[FAM_OBJ_TYPES];
	unsigned int npids;
	uint32_t pids[4096];	/* of the PROCESS objects */
	char unsupported[2048];	/* the reasons, a line each */
};
int fam_dump(struct fam *nl, uint32_t session, struct dump *d);
void dump_answer(struct fam *nl, struct nlattr **attrs, void *arg);

/* Events: a socket of its own. fam_event() waits for one of @session.
 * Return: its LIVEMIG_EVENT_*, or -1 after 10 s without one.
 */
int fam_events_open(struct fam *nl);
int fam_event(struct fam *nl, uint32_t session);

#endif
