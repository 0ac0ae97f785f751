/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A container for the tests: a cgroup with processes that count. */
#ifndef BOX_H
#define BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BOX_MAX 512

struct box {
	char path[128];			/* below /sys/fs/cgroup */
	int fd;				/* its directory */
	int n;				/* processes */
	pid_t pid[BOX_MAX];
	volatile uint64_t *count;	/* one for each */
};

/* A cgroup (its parent must exist) and @n processes in it that count without
 * pause, or with a short sleep between.
 */
void box_open(struct box *b, const char *name, int n);
/* One more process, that runs @fn instead. Return: its pid. */
pid_t box_add(struct box *b, void (*fn)(void *arg), void *arg);
/* Kills, waits, removes. */
void box_close(struct box *b);

bool box_frozen(struct box *b);		/* cgroup.events says so */
bool box_moves(struct box *b);		/* every process counts on, within 2 min */
bool box_stands(struct box *b);		/* none counts in a while */
bool box_write(struct box *b, const char *file, const char *value);

#endif
