/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LM_SURVIVORS_H
#define LM_SURVIVORS_H

/* Tasks in the cgroup @dir and below that will run on: neither ending nor killed.
 * Return: 1 there are, 0 there are none (or no such cgroup), -1 it cannot be said (errno).
 */
int lm_survivors(const char *dir);

#endif
