// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Security labels. The profile that AppArmor confines a thread by is added to its
 * THREAD object. Labels of other modules are only compared with ours, which is what
 * restored tasks will have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source_priv.h"

#define ROOM	(LIVEMIG_LABEL_MAX + 1)

/* Return: length of the label, without what AppArmor tells of the mode; 0: there is
 * none; -1 with errno.
 */
static int read_label(const char *task, const char *file, char *label)
{
	char path[96], *mode;
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%s/attr/%s", task, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, label, ROOM - 1);
	err = errno;
	close(fd);
	errno = n == ROOM - 1 ? ENAMETOOLONG : err;
	if (n < 0 || n == ROOM - 1)
		return -1;
	label[n] = '\0';
	label[strcspn(label, "\n")] = '\0';
	mode = strrchr(label, '(');
	if (mode && mode > label && mode[-1] == ' ')
		mode[-1] = '\0';
	return strlen(label);
}

struct look {
	const char *file;
	char ours[ROOM];
	int (*one)(const struct look *l, struct lm_objects *o, const struct lm_thread *t,
		   const char *label, struct lm_error *e);
};

static int apparmor(const struct look *l, struct lm_objects *o, const struct lm_thread *t,
		    const char *label, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	if (!o || !strcmp(label, "unconfined"))
		return 0;
	lm_put_u32(&b, LIVEMIG_THREAD_TID, t->tid);
	lm_put_u32(&b, LIVEMIG_THREAD_PID, t->pid);
	lm_put_str(&b, LIVEMIG_THREAD_LABEL, label);
	return lm_objects_add_buf(o, LIVEMIG_OBJ_THREAD, &b, e);
}

static int other(const struct look *l, struct lm_objects *o, const struct lm_thread *t,
		 const char *label, struct lm_error *e)
{
	return !strcmp(label, l->ours) ? 0 :
	       lm_fail(e, LM_REFUSED,
		       "thread %u: its security label %s is not that of migctl (%s): not supported",
		       t->host, label, l->ours);
}

static int all(const struct lm_source *s, const struct look *l, struct lm_objects *o,
	       struct lm_error *e)
{
	char task[32], label[ROOM];

	for (size_t i = 0; i < s->model.nr_procs; i++) {
		const struct lm_process *p = s->model.procs[i];

		for (size_t j = 0; p->mm && j < p->nr_threads; j++) {
			const struct lm_thread *t = p->threads[j];

			snprintf(task, sizeof(task), "%u", t->host);
			if (read_label(task, l->file, label) < 0) {
				/* (a running one may have ended) */
				if (!s->frozen && (errno == ENOENT || errno == ESRCH))
					continue;
				return lm_fail_errno(e, LM_FAILED,
						     "thread %u: its security label", t->host);
			}
			if (l->one(l, o, t, label, e))
				return -1;
		}
	}
	return 0;
}

int lm_source_labels(struct lm_source *s, struct lm_objects *o, struct lm_error *e)
{
	struct look l = { .file = "apparmor/current", .one = apparmor };

	/* (with several modules, and with one) */
	if (read_label("self", l.file, l.ours) >= 0)
		return all(s, &l, o, e);
	if (errno != ENOENT && errno != EINVAL)
		return lm_fail_errno(e, LM_FAILED, "my own security label");
	l = (struct look){ .file = "current", .one = other };
	return read_label("self", l.file, l.ours) > 0 ? all(s, &l, o, e) : 0;
}
