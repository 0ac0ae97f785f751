// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * AppArmor: each thread changes to its profile by itself, after all else and after it
 * has said so, since the profile may allow nothing of that. The container may have no
 * /proc, or another one: the helper gets ours. In it threads open the file by which they
 * change while they still may have as many files as they like.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define OURS		"/proc/thread-self/attr/apparmor/current"
#define TEST		"permprofile "
#define CHANGE		"changeprofile "

/* Of the helper's own; nobody is born any more. BECOME closes it. */
static int own_fd(const struct lm_proc *p)
{
	return lm_remote_fd_base(p->remote) + LM_HELPER_FD_NEXT;
}

static const char *label_of(const struct lm_thread *t)
{
	return lm_str(t->obj.tb[LIVEMIG_THREAD_LABEL]);
}

/* We could change to it, so restored tasks can: they have what we have. */
static int check(const char *label, struct lm_error *e)
{
	char text[sizeof(TEST) + LIVEMIG_LABEL_MAX];
	int fd = open(OURS, O_WRONLY | O_CLOEXEC), err;
	ssize_t ret;

	if (fd < 0)
		return lm_fail(e, LM_REFUSED,
			       "AppArmor profile %s: AppArmor is not in use here: boot with apparmor=1",
			       label);
	ret = write(fd, text, snprintf(text, sizeof(text), TEST "%s", label));
	err = errno;
	close(fd);
	if (ret >= 0)
		return 0;
	if (err == ENOENT)
		return lm_fail(e, LM_REFUSED,
			       "AppArmor profile %s is not loaded here: load it with apparmor_parser",
			       label);
	return lm_fail(e, LM_REFUSED, "AppArmor profile %s: migctl may not change to it (%s): run it unconfined",
		       label, strerror(err));
}

int lm_labels_check(struct lm_restorer *r, struct lm_error *e)
{
	const char *last = NULL;

	for (size_t i = 0; i < r->m.nr_procs; i++) {
		const struct lm_process *p = r->m.procs[i];

		for (size_t j = 0; j < p->nr_threads; j++) {
			const char *label = label_of(p->threads[j]);

			if (!label || (last && !strcmp(last, label)))
				continue;
			last = label;
			if (check(label, e))
				return lm_prefix(e, "pid %u", p->pid);
		}
	}
	return 0;
}

static bool any(const struct lm_process *mp)
{
	for (size_t j = 0; j < mp->nr_threads; j++)
		if (label_of(mp->threads[j]))
			return true;
	return false;
}

int lm_labels_ready(struct lm_proc *p, const struct lm_process *mp, struct lm_error *e)
{
	int proc, ret;

	if (!any(mp))
		return 0;
	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return lm_fail_errno(e, LM_FAILED, "/proc");
	ret = lm_remote_put_fd(p->remote, proc, own_fd(p), true, e);
	close(proc);
	return ret;
}

static int add_open(struct lm_batch *b, int proc)
{
	size_t path = lm_batch_str(b, "thread-self/attr/apparmor/current");

	return lm_batch_add(b, __NR_openat, proc, LM_DATA(path), O_WRONLY | O_CLOEXEC);
}

int lm_label_leader(struct lm_proc *p, const struct lm_process *mp, struct lm_error *e)
{
	struct lm_batch *b;
	int fd, ret;

	if (!any(mp))
		return 0;
	b = lm_batch_new(p->remote);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	fd = add_open(b, own_fd(p));
	lm_batch_add(b, __NR_dup3, LM_RESULT(fd), own_fd(p), O_CLOEXEC);
	lm_batch_add(b, __NR_close, LM_RESULT(fd));
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret ? lm_prefix(e, "pid %u: AppArmor", mp->pid) : 0;
}

uint32_t lm_label_batch(const struct lm_proc *p, struct lm_batch *b, const struct lm_thread *t)
{
	const char *label = label_of(t);
	char text[sizeof(CHANGE) + LIVEMIG_LABEL_MAX];
	int len, fd = own_fd(p);
	size_t data;

	if (!label)
		return 0;
	len = snprintf(text, sizeof(text), CHANGE "%s", label);
	data = lm_batch_data(b, text, len);
	if (t->tid == t->pid) {
		lm_batch_add(b, __NR_write, fd, LM_DATA(data), len);
		return 1;
	}
	fd = add_open(b, fd);
	lm_batch_add(b, __NR_write, LM_RESULT(fd), LM_DATA(data), len);
	lm_batch_add(b, __NR_close, LM_RESULT(fd));
	return 2;
}
