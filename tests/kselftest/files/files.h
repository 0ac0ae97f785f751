/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs with open files; one file a kind, listed in tests.c. */
#ifndef FILES_H
#define FILES_H

#include "../program.h"

extern const struct test named_tests[], pipe_tests[], event_tests[], inotify_tests[];
extern const struct test shmem_tests[], deleted_tests[], lock_tests[], pidfd_tests[];
extern const struct test owner_tests[], tty_tests[];

#endif
