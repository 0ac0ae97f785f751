// SPDX-License-Identifier: LGPL-2.1-or-later
/* Pid namespaces: who is in one is born into it; what is in it are the processes
 * themselves (restore/pidns.c).
 */
#include <sched.h>

#include "ns.h"

const struct lm_ns_kind lm_ns_pid = {
	.name		= "pid",
	.flag		= CLONE_NEWPID,
	.at		= offsetof(struct livemig_ns, pid),
	.only_owner	= true,
};
