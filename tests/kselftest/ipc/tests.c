// SPDX-License-Identifier: GPL-2.0-or-later
#include "ipc.h"

const struct test *const all_tests[] = {
	shm_tests, sem_tests, msg_tests, mqueue_tests, NULL
};
