/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others need to know of pseudo terminals. */
#ifndef LM_KINDS_TTY_H
#define LM_KINDS_TTY_H

#include "kind.h"

/* The open master of pty @nr; NULL: it is not in the container. */
struct lm_file *lm_pty_master(const struct lm_model *m, int nr);
bool lm_pty_is_master(const struct lm_file *f);
/* Its foreground process group; 0: none. */
int lm_pty_group(const struct lm_model *m, int nr);

#endif
