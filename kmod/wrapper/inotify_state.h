/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An event that nobody has read only a private struct of fs/notify/inotify tells. It
 * has looked like this from 5.1 to 7.2. That it does is seen by what the members of
 * events that are there can be.
 */
#ifndef _LIVEMIG_WRAPPER_INOTIFY_STATE_H
#define _LIVEMIG_WRAPPER_INOTIFY_STATE_H

#include <linux/fsnotify_backend.h>
#include <linux/inotify.h>
#include <linux/limits.h>
#include <linux/string.h>

/* What read() tells of a mask. */
#define LM_INOTIFY_MASK	(IN_ALL_EVENTS | IN_ISDIR | IN_UNMOUNT | IN_IGNORED | \
			 IN_Q_OVERFLOW)

struct lm_inotify_event {
	struct fsnotify_event fse;
	u32 mask;
	int wd;
	u32 cookie;
	int name_len;
	char name[];
};

static inline bool lm_inotify_event_known(const struct lm_inotify_event *ev)
{
	if (!(ev->mask & LM_INOTIFY_MASK) || ev->name_len < 0 ||
	    ev->name_len > NAME_MAX || !ev->wd || ev->wd < -1 ||
	    (ev->wd == -1) != !!(ev->mask & IN_Q_OVERFLOW))
		return false;
	return !ev->name_len ||
	       memchr(ev->name, 0, ev->name_len + 1) == ev->name + ev->name_len;
}

#endif
