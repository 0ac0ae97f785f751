// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of kinds, and what source and destination both need. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ns.h"

const struct lm_ns_kind *const lm_ns_kinds[LM_NS_KINDS] = {
	&lm_ns_uts,
	&lm_ns_ipc,
	&lm_ns_cgroup,
	&lm_ns_mnt,
	/* made first, entered last */
	&lm_ns_user,
	&lm_ns_pid,
	&lm_ns_net,
};

uint32_t lm_ns_of(const struct lm_process *p, const struct lm_ns_kind *k)
{
	size_t n;
	const char *ns = lm_array(p->obj.tb[LIVEMIG_PROCESS_NS],
				  sizeof(struct livemig_ns), &n);
	uint32_t id = LM_NS_NONE;

	if (n)
		memcpy(&id, ns + k->at, sizeof(id));
	return id;
}

const struct lm_obj *lm_ns_record(const struct lm_model *m,
				  const struct lm_ns_kind *k, uint32_t id)
{
	for (size_t i = 0; i < m->nr_ns; i++)
		if (lm_u32(m->ns[i]->tb[LM_NS_ID]) == id &&
		    !strcmp(lm_str(m->ns[i]->tb[LM_NS_KIND]), k->name))
			return m->ns[i];
	return NULL;
}

int lm_ns_open(pid_t pid, const struct lm_ns_kind *k, struct lm_error *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, k->name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? lm_fail_errno(e, LM_FAILED, "%s", path) : fd;
}
