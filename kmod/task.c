// SPDX-License-Identifier: GPL-2.0
/*
 * The state of one process: a table of the kinds of objects that it has.
 *
 * Locking: called with the session's lock held and references on the threads,
 * which may run, exit or exec meanwhile unless d->frozen. Each kind takes what
 * it needs and holds nothing when it returns.
 */
#include <linux/sched/signal.h>
#include "state.h"

/* In the order in which the uapi header announces the objects. */
static const struct lm_task_kind kinds[] = {
	{ "process", lm_dump_proc },
	{ "threads", lm_dump_threads },
	{ "memory", lm_dump_mm },
	{ "files", lm_dump_files },
	{ "time", lm_dump_time },
	{ "obstacles", lm_check_process },
};

/**
 * lm_dump_zombie - queue what is left of a process
 * @d: the dump
 * @t: its main thread, a zombie, referenced
 *
 * Called with the session's lock held; sleeps. One that is waited for meanwhile
 * is left out.
 * Return: 0, -ENOMEM, -EMSGSIZE.
 */
int lm_dump_zombie(struct lm_dump *d, struct task_struct *t)
{
	int err;

	d->first = t;
	err = lm_dump_dead_proc(d, t) ?: lm_dump_threads(d, &t, 1);
	return err == -ESRCH ? 0 : err;
}

/**
 * lm_dump_process - queue everything about one process
 * @d: the dump
 * @threads: its threads that live, a leader first, each referenced
 * @n: their number, at least 1
 *
 * Called with the session's lock held; sleeps. A running process that goes
 * away meanwhile leaves an UNSUPPORTED object, not an error.
 * Return: 0; -EINTR when the caller was killed; -ENOMEM, -EMSGSIZE, or -EBUSY
 * when a thread of a frozen session runs.
 */
int lm_dump_process(struct lm_dump *d, struct task_struct **threads, int n)
{
	int i, err = 0;

	d->first = threads[0];
	for (i = 0; i < ARRAY_SIZE(kinds) && !err; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		err = kinds[i].dump(d, threads, n);
	}
	if (err == -ESRCH)
		return lm_unsupported(d, threads[0], -1, true, NULL,
				      "process that is exiting");
	return err;
}
