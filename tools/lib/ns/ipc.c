// SPDX-License-Identifier: LGPL-2.1-or-later
/* IPC namespaces: their limits. What is in them is in ../ipc. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static int describe(const struct lm_ns_inside *in, struct lm_error *e)
{
	char text[256], value[128];

	for (size_t i = 0; i < NR_LIMITS; i++) {
		if (lm_text_read("/proc/sys", limits[i], value, sizeof(value)))
			continue;
		snprintf(text, sizeof(text), "%s=%s", limits[i], value);
		lm_put_str(in->b, LM_NS_SYSCTL, text);
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

/* From 6.11 on they belong to the root of the namespace's user namespace, and to
 * nobody else. The thread is the visitor's own.
 */
static int set(const char *name, const char *text)
{
	uid_t uid = geteuid();
	char path[128];
	struct stat st;
	int ret;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	if (stat(path, &st) || syscall(SYS_setresuid, -1, st.st_uid, -1))
		return -1;
	ret = lm_text_write("/proc/sys", name, text);
	if (syscall(SYS_setresuid, -1, uid, -1))
		_exit(LM_FAILED);
	return ret;
}

static int fill(const struct lm_obj *o, struct lm_error *e)
{
	for (const struct nlattr *a = NULL; (a = lm_next(o->raw, o->len, a));) {
		const char *text = lm_str(a), *name;

		if (lm_type(a) != LM_NS_SYSCTL)
			continue;
		name = text ? known(text) : NULL;
		if (!name)
			return lm_fail(e, LM_REFUSED, "ipc namespace: setting %s: not known here",
				       text ? text : "");
		text += strlen(name) + 1;
		if (set(name, text))
			return lm_fail_errno(e, LM_FAILED, "%s = %s", name, text);
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
