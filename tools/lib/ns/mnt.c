// SPDX-License-Identifier: LGPL-2.1-or-later
/* Mount namespaces: dump/source_mounts.c and restore/mounts.c do the work. */
#include <sched.h>

#include "ns.h"
#include "../dump/source_priv.h"

const struct lm_ns_kind lm_ns_mnt = {
	.name		= "mnt",
	.flag		= CLONE_NEWNS,
	.at		= offsetof(struct livemig_ns, mnt),
	.describe_from	= lm_source_mounts,
};
