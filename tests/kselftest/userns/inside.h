/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the program inside share. A new kind goes into the table of the
 * file that it belongs to, and into run.sh.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "../check.h"

struct kind {
	const char *name;
	/* In the container, until FILE has the answer(). */
	int (*run)(void);
	/* From outside, of its CGROUP; NULL: as runtimes do it, then run(). */
	int (*found)(const char *cgroup);
};

/* Tables, each up to an entry without a name. */
extern const struct kind container_kinds[], space_kinds[], map_kinds[], refused_kinds[];

/* ---- inside.c ---- */

const char *beside(const char *suffix);	/* FILE and that; good for one call */
void write_file(const char *path, const char *text);	/* or exits */
void map_of(pid_t pid, const char *name, const char *text);	/* into /proc/PID/NAME */
void own_proc(void);	/* mounts that nobody else sees, with a /proc of its own */
/* FILE.ready, until there is FILE.go. */
void wait_for_move(void);
int answer(void);

/* ---- notes.c ---- */

/* @take notes, wait_for_move(), and it is an error if the notes are others then. */
void move(void (*take)(void));
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lines of a file in /proc that begin with one of @words, without the first
 * @skip words.
 */
void note_lines(const char *path, const char *const *words, int skip);
void note_process(pid_t pid);	/* its text, and that of its threads */
void note_owners(pid_t pid);	/* of its namespaces */

/* ---- kids.c ---- */

/* A child that calls @fn when it is asked, with the result for an answer. */
struct kid {
	pid_t pid;
	int fd;
};

struct kid kid(void (*become)(void), bool (*fn)(void));
/* The same in two steps. */
struct kid kid_begin(void (*become)(void), bool (*fn)(void));
bool kid_ready(struct kid *k);
bool says_yes(struct kid *k);
/* A pid that parents and children see. */
pid_t *shared_pid(void);
/* What they become, and what they say. */
void own_user(void);		/* in a user namespace of its own */
void own_uts(void);		/* ... with a uts namespace */
bool renames(void);		/* that */
void with_thread(void);		/* init of a pid namespace */
bool called_as_before(void);	/* that, and its thread */

/* ---- rights.c: what root may inside, and may not ---- */

void check_rights(void);
void check_limits(void);
void check_fixed(void);

#endif
