/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory that comes after the tasks that it belongs to have started: their faults
 * are answered from an image (userfaultfd), and what nobody asks for is brought in
 * between. server.c is the process that does it, fill.c what it does with one page.
 *
 * Nothing of it may be lost: when a page is damaged, or the image cannot be read, or
 * this process is killed, the module kills the container (LIVEMIG_IOC_GUARD).
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

struct lm_lazy {
	const char *name;		/* of the container, for messages */
	struct lm_index *index;		/* of ... */
	int image;			/* ... this file */
	struct lm_lazy_mem *mem;
	size_t nr_mem;
	int cgroup;			/* who is killed if it goes wrong */
	int ctl;			/* to the coordinator */
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

/* fill.c. Return: 0; 1: not now, events of the address space come first, or there is
 * no memory; -1: @e.
 */
int lm_lazy_answer(struct lm_lazy *z, struct lm_lazy_mem *m, uint64_t fault,
		   struct lm_error *e);
/* The next piece that nobody has asked for. */
int lm_lazy_bring(struct lm_lazy *z, struct lm_lazy_mem *m, struct lm_error *e);
/* The bytes of a page. */
int lm_lazy_read(int image, const struct lm_found *f, uint32_t mm, uint64_t addr,
		 void *page, struct lm_error *e);

#endif
