// SPDX-License-Identifier: LGPL-2.1-or-later
/* Who is left of a container whose coordinator has died. To die takes as long as it takes
 * to free the memory; but who is to die runs no more.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "survivors.h"
#include "../textfile.h"

#define PF_EXITING	0x4	/* include/linux/sched.h */
#define KILL		(1ULL << (SIGKILL - 1))

static bool gone(int err)
{
	return err == ENOENT || err == ESRCH || err == ENODEV;
}

/* The set of signals that a line of "status" tells. */
static unsigned long long signals(const char *status, const char *line)
{
	const char *at = strstr(status, line);
	unsigned long long set = 0;

	if (at)
		sscanf(at + strlen(line), " %llx", &set);
	return set;
}

static int survives(int tid)
{
	char dir[32], text[4096];
	const char *s;
	unsigned int flags = 0;
	char state = 'X';

	snprintf(dir, sizeof(dir), "/proc/%d", tid);
	if (lm_text_read(dir, "stat", text, sizeof(text)))
		return gone(errno) ? 0 : -1;
	s = strrchr(text, ')');	/* its name may have any */
	if (!s || sscanf(s + 1, " %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2) {
		errno = EINVAL;
		return -1;
	}
	if (strchr("ZXx", state) || flags & PF_EXITING)
		return 0;
	if (lm_text_read(dir, "status", text, sizeof(text)))
		return gone(errno) ? 0 : -1;
	return !((signals(text, "\nSigPnd:") | signals(text, "\nShdPnd:")) & KILL);
}

/* (0: somebody in another pid namespace) */
static int in_this(const char *dir)
{
	char path[PATH_MAX];
	int tid, ret = 0;
	FILE *f;

	if (snprintf(path, sizeof(path), "%s/cgroup.threads", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	f = fopen(path, "re");
	if (!f)
		return gone(errno) ? 0 : -1;
	errno = 0;
	while (!ret && fscanf(f, "%d", &tid) == 1)
		ret = tid ? survives(tid) : 1;
	if (!ret && ferror(f) && !gone(errno))
		ret = -1;
	fclose(f);
	return ret;
}

int lm_survivors(const char *dir)
{
	char path[PATH_MAX];
	struct dirent *d;
	int ret = in_this(dir);
	DIR *list;

	if (ret)
		return ret;
	list = opendir(dir);
	if (!list)
		return gone(errno) ? 0 : -1;
	while (!ret && (d = readdir(list))) {
		if (d->d_type != DT_DIR || !strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, d->d_name) >= (int)sizeof(path)) {
			errno = ENAMETOOLONG;
			ret = -1;
			break;
		}
		ret = lm_survivors(path);
	}
	closedir(list);
	return ret;
}
