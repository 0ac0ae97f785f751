/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Short text files of the kernel: cgroupfs, procfs, sysfs. */
#ifndef LM_TEXTFILE_H
#define LM_TEXTFILE_H

#include <stddef.h>

/* @dir/@file as a string without the newline at its end, at most @size - 1
 * bytes of it. Return: 0, or -1 with errno.
 */
int lm_text_read(const char *dir, const char *file, char *buf, size_t size);
/* In one write(). Return: 0, or -1 with errno. */
int lm_write_text(const char *path, const char *text);
int lm_text_write(const char *dir, const char *file, const char *text);

#endif
