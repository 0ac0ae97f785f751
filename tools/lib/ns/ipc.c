// SPDX-License-Identifier: LGPL-2.1-or-later
/* IPC namespaces: their limits. What is in them is in ../ipc. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "ns.h"
#include "../textfile.h"

static const char *const limits[] = {
	"kernel/shmmax",
	"kernel/shmall",
	"kernel/shmmni",
	"kernel/shm_rmid_forced",
	"kernel/msgmax",
	"kernel/msgmni",
	"kernel/msgmnb",
	"kernel/sem",
	"fs/mqueue/queues_max",
	"fs/mqueue/msg_max",
	"fs/mqueue/msgsize_max",
	"fs/mqueue/msg_default",
	"fs/mqueue/msgsize_default",
};
#define NR_LIMITS (sizeof(limits) / sizeof(*limits))

static int describe(struct lm_buf *b, struct lm_error *e)
{
	char text[256], value[128];

	for (size_t i = 0; i < NR_LIMITS; i++) {
		if (lm_text_read("/proc/sys", limits[i], value, sizeof(value)))
			continue;
		snprintf(text, sizeof(text), "%s=%s", limits[i], value);
		lm_put_str(b, LM_NS_SYSCTL, text);
	}
	return 0;
}

/* Only what is known: an image is not to write where it likes. */
static const char *known(const char *assignment)
{
	for (size_t i = 0; i < NR_LIMITS; i++) {
		size_t n = strlen(limits[i]);

		if (!strncmp(assignment, limits[i], n) && assignment[n] == '=')
			return limits[i];
	}
	return NULL;
}

static int fill(struct lm_batch *b, const struct lm_obj *o, struct lm_error *e)
{
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));) {
		const char *text = lm_str(a), *name;
		char path[64];
		size_t p, v;
		int fd;

		if (lm_type(a) != LM_NS_SYSCTL)
			continue;
		name = text ? known(text) : NULL;
		if (!name)
			return lm_fail(e, LM_REFUSED, "ipc namespace: setting %s: not known here",
				       text ? text : "");
		snprintf(path, sizeof(path), "/proc/sys/%s", name);
		text += strlen(name) + 1;
		p = lm_batch_str(b, path);
		v = lm_batch_str(b, text);
		fd = lm_batch_add(b, __NR_openat, AT_FDCWD, LM_DATA(p),
				  O_WRONLY | O_CLOEXEC);
		lm_batch_add(b, __NR_write, LM_RESULT(fd), LM_DATA(v), strlen(text));
		lm_batch_add(b, __NR_close, LM_RESULT(fd));
	}
	return 0;
}

const struct lm_ns_kind lm_ns_ipc = {
	.name		= "ipc",
	.flag		= CLONE_NEWIPC,
	.at		= offsetof(struct livemig_ns, ipc),
	.describe	= describe,
	.fill		= fill,
};
