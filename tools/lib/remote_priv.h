/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between remote.c (processes) and remote_batch.c (calls). */
#ifndef LM_REMOTE_PRIV_H
#define LM_REMOTE_PRIV_H

#include "remote.h"

#define LM_VDSO_PARTS 8

struct lm_remote {
	uint32_t pid;			/* as we see it */
	uint32_t self;			/* as it sees itself */
	int pidfd;
	int ctl;
	int fd_base;
	int timeout_ms;
	uint64_t base;
	uint64_t slots;			/* given to threads */
	bool became;
	struct livemig_range vdso[LM_VDSO_PARTS]; /* vvar, vdso; by address */
	int nr_vdso;
};

struct lm_batch {
	struct lm_remote *r;
	struct lm_call *calls;
	size_t nr_calls, max_calls;
	char *data;
	size_t data_len, max_data;
	bool overflow;
	int64_t *results;	/* max_calls of them */
	size_t nr_results;
};

/* Send @req with the calls of @b (NULL: none), take the reply; results and data
 * go into @b. Return: 0, or -1 with @e filled when the helper is dead or silent.
 */
int lm_remote_exchange(struct lm_remote *r, struct lm_helper_req *req,
		       struct lm_batch *b, struct lm_helper_reply *reply,
		       struct lm_error *e);
/* Name the call in which @b stopped. Return: -1 */
int lm_batch_failed(const struct lm_batch *b, int error, struct lm_error *e);

#endif
