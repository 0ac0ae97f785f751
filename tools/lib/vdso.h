/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's code in user space. A program knows the addresses of its functions, so
 * where the destination has another one, the source's stays where it was, as plain
 * memory, and each of its functions jumps to the one of that name in the kernel's own.
 */
#ifndef LM_VDSO_H
#define LM_VDSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define LM_VDSO_MAX	32768

struct lm_vdso {
	unsigned char *bytes;	/* whole pages; NULL: none */
	size_t len;
};

/* That of this process, which is the one that this kernel gives to 64-bit programs. */
int lm_vdso_own(struct lm_vdso *v, struct lm_error *e);
void lm_vdso_free(struct lm_vdso *v);
/* As the module tells it (VDSO_ID). */
uint64_t lm_vdso_id(const struct lm_vdso *v);

/*
 * Turn @old, a copy, into jumps to @own, which is mapped at @at. A function that @own
 * has not becomes its system call, or fails with ENOSYS, as callers have to expect.
 * What was turned before can be turned again.
 * Fails with LM_REFUSED when @old is not a vdso that we understand.
 */
int lm_vdso_redirect(struct lm_vdso *old, const struct lm_vdso *own, uint64_t at,
		     struct lm_error *e);
/* Was it turned? */
bool lm_vdso_redirected(const struct lm_vdso *v);
/* Is @v @own, but for the beginnings of functions? */
bool lm_vdso_is_of(const struct lm_vdso *v, const struct lm_vdso *own);

#endif
