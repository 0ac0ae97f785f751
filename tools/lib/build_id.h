/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The build-id of an ELF file: a note that the linker makes of its contents. */
#ifndef LM_BUILD_ID_H
#define LM_BUILD_ID_H

#include <stddef.h>
#include <stdint.h>

#define LM_BUILD_ID_MAX		64
#define LM_BUILD_ID_TEXT	(2 * LM_BUILD_ID_MAX + 1)

/* Read it from @fd, whose position stays. Return: its length; 0: it has none. */
size_t lm_build_id(int fd, uint8_t id[LM_BUILD_ID_MAX]);
/* In hexadecimal digits, or "none". Return: @text. */
const char *lm_build_id_text(const uint8_t *id, size_t len,
			     char text[LM_BUILD_ID_TEXT]);

#endif
