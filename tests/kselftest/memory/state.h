/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that know what must become of their memory: each kind is an entry in
 * a table of its file. set() makes it, get() looks at it after the move.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "../check.h"

#define PAGE	4096UL

struct kind {
	const char *name;
	void (*set)(void), (*get)(void);
	bool (*can)(void);	/* does this kernel, this machine have it */
};

extern const struct kind map_kinds[], page_kinds[], huge_kinds[], ring_kinds[];

extern char *map1, *map2;	/* of a kind's own use */

void nothing(void);
const char *name(const char *suffix);	/* of a file of the test's */
void write_file(const char *file, const char *text);
char *anon(size_t len, int prot, int flags);
/* Does the mapping at @p have the flag, two letters as in smaps? */
bool has_flag(const char *p, const char *flag);
long status_kb(const char *key);	/* in /proc/self/status */

/* Pages [from, to) of @p, each with what nobody but @writer has there. */
char stamp(size_t page, int writer);
void fill(char *p, size_t from, size_t to, int writer);
bool filled(const char *p, size_t from, size_t to, int writer);
bool zeros(const char *p, size_t from, size_t to);

#endif
