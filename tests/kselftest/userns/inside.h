/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the program inside share. */
#ifndef INSIDE_H
#define INSIDE_H

#include <stdbool.h>
#include <sys/types.h>

#include "../check.h"

void write_file(const char *file, const char *text);
/* /proc/@pid/@file, "" when it cannot be read. */
void map_of(pid_t pid, const char *file, const char *text);

/* What is the same after the move: the text of a process and its threads. */
void note_begin(void);
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void note_process(pid_t pid);
/* FILE.ready, until there is FILE.go. */
void wait_for_move(void);

/* rights.c: what root may inside, and may not. */
void check_rights(void);
void check_limits(void);
void check_fixed(void);

#endif
