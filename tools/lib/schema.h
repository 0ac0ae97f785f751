/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What each type of record is called and made of: one table for checking, for
 * `image show` and for the tests. Documentation/image-format.rst tells the same
 * in prose.
 */
#ifndef LM_SCHEMA_H
#define LM_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include "error.h"

enum lm_attr_kind {
	LM_ATTR_NONE,		/* no such attribute, or padding */
	LM_ATTR_U32,
	LM_ATTR_S32,
	LM_ATTR_U64,
	LM_ATTR_S64,
	LM_ATTR_STR,		/* @size: longest, without NUL; 0: LIVEMIG_PATH_MAX */
	LM_ATTR_BIN,		/* exactly @size bytes */
	LM_ATTR_LIST,		/* a multiple of @size bytes */
	LM_ATTR_ANY,		/* up to @size bytes */
	LM_ATTR_FLAG,
	LM_ATTR_NEST,		/* @nest */
};

/* With its number: a reader that does not know the attribute can do without. */
#define LM_ATTR_OPTIONAL	(1 << 14)

struct lm_attr {
	const char *name;
	enum lm_attr_kind kind;
	bool must;
	size_t size;
	const struct lm_schema *nest;
};

struct lm_schema {
	const char *name;	/* "PROCESS" */
	const struct lm_attr *attrs; /* by number; up to @max */
	int max;
};

/* NULL: no such type, or one of the migration protocol. */
const struct lm_schema *lm_schema(uint16_t type);
/* Attributes present, known, complete and of the right size? All of @attrs is checked,
 * repeated attributes too. LM_REFUSED: "PROCESS: pid: ...".
 */
int lm_schema_check(const struct lm_schema *s, const void *attrs, size_t len,
		    struct lm_error *e);

#endif
