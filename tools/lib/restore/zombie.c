// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Zombies: their helpers take the name, credentials and cgroup that they had,
 * and end. The module writes the rest into them (LIVEMIG_IOC_ADD of a PROCESS
 * without an MM). Their parents' SIGCHLD is dropped with all others that the
 * restore has caused (attrs.c).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include "internal.h"

#define END_MS	30000

/* Its last calls. */
static int dress(struct lm_restorer *r, struct lm_proc *p, const struct lm_process *mp,
		 struct lm_error *e)
{
	const struct lm_thread *t = mp->nr_threads ? mp->threads[0] : NULL;
	struct lm_batch *b = lm_batch_new(p->remote);
	const char *comm;
	int ret = 0;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	comm = t ? lm_str(t->obj.tb[LIVEMIG_THREAD_COMM]) : NULL;
	if (comm)
		lm_batch_add(b, __NR_prctl, PR_SET_NAME,
			     LM_DATA(lm_batch_str(b, comm)), 0, 0, 0);
	if (t)
		ret = lm_user_ready(r, p, mp, e) || lm_creds_batch(r, p, b, mp, t, e);
	ret = ret ? -1 : lm_batch_run(b, e);
	lm_batch_free(b);
	return ret;
}

static int end(struct lm_proc *p, struct lm_error *e)
{
	struct pollfd pfd = { lm_remote_pidfd(p->remote), POLLIN, 0 };
	int n;

	if (kill(p->host, SIGKILL))
		return lm_fail_errno(e, LM_FAILED, "kill");
	do
		n = poll(&pfd, 1, END_MS);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : lm_fail(e, LM_FAILED, "it does not end");
}

int lm_zombies_make(struct lm_restorer *r, struct lm_error *e)
{
	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *mp = r->m.procs[i];
		struct lm_proc *p = lm_proc(r, mp->pid);

		if (mp->mm || mp->stand_in)
			continue;
		if (lm_cgroup_place(r, mp, e) || dress(r, p, mp, e) || end(p, e))
			return lm_prefix(e, "zombie %u", mp->pid);
	}
	return 0;
}
