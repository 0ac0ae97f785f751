/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of cgroups, by name. */
#ifndef LM_CGROUP_FILE_H
#define LM_CGROUP_FILE_H

#include <stdbool.h>

/* What is no setting, but an action, or is told elsewhere or in other words: writing what
 * was read is not what makes it the same again.
 */
bool lm_cgroup_is_action(const char *file);

#endif
