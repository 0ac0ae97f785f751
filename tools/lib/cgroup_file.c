// SPDX-License-Identifier: LGPL-2.1-or-later
#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "cgroup_file.h"

static const char *const actions[] = {
	"cgroup.procs", "cgroup.threads", "cgroup.type", "cgroup.freeze", "cgroup.kill",
	"cgroup.subtree_control", "cpu.weight.nice", "memory.reclaim", "*.peak", "*.pressure",
};

bool lm_cgroup_is_action(const char *file)
{
	if (!strcmp(file, "cgroup.pressure"))	/* a switch; others are triggers */
		return false;
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (!fnmatch(actions[i], file, 0))
			return true;
	return false;
}
