/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Things that cannot be moved: set() makes one, get() shows that it is still there, and
 * works, when that was said. One file for each sort of things; main.c asks migctl.
 */
#ifndef REFUSED_H
#define REFUSED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../check.h"

/* What the line tells of. */
enum of { OF_PROCESS, OF_FILE, OF_ALL, OF_NOTHING /* it moves */ };

struct thing {
	const char *name;
	void (*set)(void), (*get)(void);	/* get may be NULL */
	enum of of;
	const char *what;			/* "%" is FILE, see name() */
};

/* Tables, each up to an entry without a name. */
extern const struct thing task_things[], space_things[], memory_things[], file_things[];
extern const struct thing ring_things[], socket_things[];

/* The container is the cgroup BOX "TEST". */
#define CGROUPS		"/sys/fs/cgroup"
#define BOX		CGROUPS "/refused-"

/* This kernel or machine has not got it: the test is skipped. */
#define need(cond) do {							\
	if (!(cond) && !*wrong)						\
		snprintf(wrong, sizeof(wrong), "none: %s: %s", #cond,	\
			 strerror(errno));				\
	if (*wrong)							\
		return;							\
} while (0)

/* Of a thing's own use: the file that it is about, and the process. */
extern int fd;
extern pid_t pid;

/* "FILE.@suffix", FILE is in a directory for the tests; good for four calls. */
const char *name(const char *suffix);
void write_file(const char *file, const char *text);	/* or exits */
int file_with(const char *path, const char *text);	/* open for reading and writing */
bool run(const char *command);				/* of the shell */

/* A thread, or a child, that does @set, and @get when it is asked. @set false: it is
 * skipped. Each test may have one.
 */
void thread(bool (*set)(void), bool (*get)(void));
bool thread_says_yes(void);
pid_t child(bool (*set)(void), bool (*get)(void));
/* A child whose main thread has ended: another does it. */
pid_t orphan_thread(bool (*set)(void), bool (*get)(void));
bool child_ends_with_7(pid_t of);	/* waits for it */
/* The get() of many: fd is open, the thread says yes, the child pid does and ends. */
void get_fd(void);
void get_thread(void);
void get_child(void);

/* Begins again, at set(), by an exec of the program at @exe; false: it has. */
bool again(const char *exe);
/* The same in a mount namespace of its own. */
bool again_in_mounts(void);
void leave(void);		/* the container */
/* A child that leaves the container does @what and ends, with its parent at the latest.
 * That says when it is_ready(), which outside() waits for.
 */
void outside(void (*what)(void));
void is_ready(void);
/* A network of its own, in which nobody else has the ports; false: it cannot have one. */
bool own_net(void);
/* The cgroup @name below the container's; it is removed in the end. */
const char *cgroup_below(const char *name);

/* bpf.c: a map with one element, of @len bytes, and its value. */
union bpf_attr;
int bpf(int cmd, union bpf_attr *attr);
int bpf_map(unsigned int type, unsigned int len);	/* an fd, or -1 */
bool bpf_set(int map, const void *value);
bool bpf_get(int map, void *value);

#endif
