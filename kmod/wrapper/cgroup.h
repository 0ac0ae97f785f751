/* SPDX-License-Identifier: GPL-2.0 */
/* What the core keeps to itself about cgroups, in terms of public fields. */
#ifndef _LIVEMIG_WRAPPER_CGROUP_H
#define _LIVEMIG_WRAPPER_CGROUP_H

#include <linux/cgroup.h>

/* As cgroup_is_dead() in kernel/cgroup/cgroup-internal.h. */
static inline bool lm_cgroup_dead(const struct cgroup *cgrp)
{
	return !(READ_ONCE(cgrp->self.flags) & CSS_ONLINE);
}

/* Every task in it and below is frozen. */
static inline bool lm_cgroup_frozen(const struct cgroup *cgrp)
{
	return test_bit(CGRP_FROZEN, &cgrp->flags);
}

/* Its own cgroup.freeze says 1. */
static inline bool lm_cgroup_freeze_set(const struct cgroup *cgrp)
{
	return READ_ONCE(cgrp->freezer.freeze);
}

/*
 * A hybrid host: controllers that hold limits of the container are on cgroup v1
 * hierarchies, where neither freezing nor moving the limits would find them.
 */
static inline bool lm_cgroup_hybrid(void)
{
#ifdef CONFIG_MEMCG
	if (!cgroup_subsys_on_dfl(memory_cgrp_subsys))
		return true;
#endif
#ifdef CONFIG_CGROUP_SCHED
	if (!cgroup_subsys_on_dfl(cpu_cgrp_subsys))
		return true;
#endif
#ifdef CONFIG_CGROUP_PIDS
	if (!cgroup_subsys_on_dfl(pids_cgrp_subsys))
		return true;
#endif
#ifdef CONFIG_CGROUP_FREEZER
	if (!cgroup_subsys_on_dfl(freezer_cgrp_subsys))
		return true;
#endif
	return false;
}

#endif
