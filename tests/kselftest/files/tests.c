// SPDX-License-Identifier: GPL-2.0-or-later
#include "files.h"

const struct test *const all_tests[] = {
	named_tests, pipe_tests, event_tests, inotify_tests, shmem_tests, deleted_tests,
	lock_tests, pidfd_tests, owner_tests, tty_tests, NULL
};
