// SPDX-License-Identifier: GPL-2.0
/*
 * Eventfds. The count is in their fdinfo; whether they are semaphores is there
 * from 6.5 on, and added to it here before.
 *
 * Locking: none of its own. show_fdinfo() takes the file's lock.
 */
#include <linux/fs.h>
#include <linux/seq_file.h>
#include "file_kinds.h"
#include "wrapper/eventfd.h"

static bool is_eventfd(struct file *f)
{
	return !strcmp(lm_anon_name(f), "[eventfd]");
}

/* The line that is missing; not when the count changes at this moment: the tool
 * asks again then.
 */
static void show(struct seq_file *m, struct file *f)
{
	unsigned long long count;
	int id, semaphore = -1;

	f->f_op->show_fdinfo(m, f);
	if (seq_has_overflowed(m))
		return;
	m->buf[m->count] = '\0';
	if (!strstr(m->buf, "eventfd-semaphore:") &&
	    sscanf(m->buf, "eventfd-count: %llx eventfd-id: %d", &count, &id) == 2)
		semaphore = lm_eventfd_semaphore(f, count, id);
	if (semaphore >= 0)
		seq_printf(m, "eventfd-semaphore: %d\n", semaphore);
}

static int dump_eventfd(struct lm_dump *d, struct task_struct *t, int fd,
			struct file *f, struct sk_buff *obj)
{
	return lm_put_text(obj, f, show);
}

const struct lm_file_kind lm_file_eventfd = {
	.name = "eventfd",
	.type = LIVEMIG_FILE_EVENTFD,
	.match = is_eventfd,
	.dump = dump_eventfd,
};
