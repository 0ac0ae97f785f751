/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that comes after the tasks that it belongs to have started: their faults
 * are answered (userfaultfd), and what nobody asks for is brought in between.
 * server.c is the process that does it, fill.c what it does with one page, from_*.c
 * where the pages come from.
 *
 * Nothing of it may be lost: when a page is damaged, or cannot be had, or this
 * process is killed, the module kills the container (LIVEMIG_IOC_GUARD).
 */
#ifndef LM_LAZY_H
#define LM_LAZY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../error.h"
#include "index.h"
#include "todo.h"

/* One address space. A fork of it is another one. */
struct lm_lazy_mem {
	int uffd;			/* owned */
	uint32_t mm;			/* of the source */
	struct lm_todo todo;
	struct {			/* the last mremap() */
		uint64_t from, to, len;	/* len 0: it is known how much it moved */
		struct lm_todo what;
	} moved;
	struct lm_todo left;		/* old places of moves whose UNMAP is to come */
	uint64_t *fault;		/* addresses that wait for an answer, ... */
	size_t nr_faults;		/* ... LM_FAULT_WRITE in the low bits */
	bool gone;			/* the address space is no more */
};
#define LM_FAULT_WRITE	1ULL

struct lm_lazy;

/* What is told besides errors (-1, with @e: the end). */
enum lm_lazy_answer {
	LM_LAZY_DONE,
	LM_LAZY_AGAIN,		/* not now: events come first, or there is no memory */
	LM_LAZY_COMING,		/* it has been asked for, and comes by itself */
};

/* Where pages come from. */
struct lm_lazy_from {
	const char *what;	/* this is, for the kernel's log */
	/* Up to @max pages of the source's @mm from @addr on, into z->buf: *@n have
	 * bytes. 0: the first has none, and so up to *@end.
	 */
	int (*get)(struct lm_lazy *z, uint32_t mm, uint64_t addr, int max, int *n,
		   uint64_t *end, struct lm_error *e);
	/* Something that nobody has asked for. */
	int (*bring)(struct lm_lazy *z, struct lm_error *e);
	/* What comes by itself; NULL: nothing. @readable: z->from_fd is. */
	int (*take)(struct lm_lazy *z, bool readable, struct lm_error *e);
};

extern const struct lm_lazy_from lm_lazy_from_image, lm_lazy_from_peer;
struct lm_lazy_peer;

struct lm_lazy {
	const char *name;		/* of the container, for messages */
	const struct lm_lazy_from *from;
	int from_fd;			/* -1: none, or nothing more for now */
	struct lm_index *index;		/* of ... */
	int image;			/* ... this file; -1: from elsewhere */
	size_t turn;			/* whose memory is brought next */
	struct lm_lazy_peer *peer;	/* NULL: from an image */
	struct lm_lazy_mem *mem;
	size_t nr_mem;
	int cgroup;			/* who is killed if it goes wrong */
	int guard;			/* ... when this is closed */
	int ctl;			/* to the coordinator; -1: that is us */
	bool tell;			/* errors on standard error, too */
	void *buf;			/* of LM_LAZY_RUN pages */
};
/* Pages that are brought at once: when nobody waits; when somebody does. */
#define LM_LAZY_RUN	64
#define LM_LAZY_FAULT	16

/* Room for another one, all zero but for its uffd of -1; NULL: no memory. */
struct lm_lazy_mem *lm_lazy_add(struct lm_lazy *z);
void lm_lazy_mem_free(struct lm_lazy_mem *m);

/* The server. The calling process becomes it: all descriptors but those of @z are
 * closed. It writes a byte to @ctl when faults will be answered, and ends if that is
 * closed before a byte comes back; from then on it goes on alone until everything
 * has arrived.
 */
void lm_lazy_serve(struct lm_lazy *z) __attribute__((noreturn));
/* The same in a process that has other things to do, in two steps: from now on who
 * is in z->cgroup lives no longer than this process, ...
 */
int lm_lazy_ready(struct lm_lazy *z, struct lm_error *e);
/* ... and, when the tasks have been let go, until everything has arrived. */
int lm_lazy_run(struct lm_lazy *z, struct lm_error *e);
/* It will not: to the kernel's log, and standard error if z->tell. */
void lm_lazy_lost(const struct lm_lazy *z, const struct lm_error *e);
/* Everything is there, or nothing has run: nobody is killed. */
void lm_lazy_unguard(struct lm_lazy *z);

/* fill.c: enum lm_lazy_answer, or -1. An answer to somebody who waits. */
int lm_lazy_answer(struct lm_lazy *z, struct lm_lazy_mem *m, uint64_t fault,
		   struct lm_error *e);
/* @n pages from @buf to @addr. What is there is not to be done any more. */
int lm_lazy_put(struct lm_lazy_mem *m, uint64_t addr, const char *buf, int n,
		struct lm_error *e);

/* Has it the bytes that it had on the source? */
int lm_lazy_verify(const void *page, uint64_t hash, uint32_t mm, uint64_t addr,
		   struct lm_error *e);

/* from_image.c: the bytes of a page. */
int lm_lazy_read(int image, const struct lm_found *f, uint32_t mm, uint64_t addr,
		 void *page, struct lm_error *e);

#endif
