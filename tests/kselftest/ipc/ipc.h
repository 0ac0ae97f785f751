/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs with System V IPC and POSIX queues; one file a kind, listed in tests.c. */
#ifndef IPC_H
#define IPC_H

#include "../program.h"

extern const struct test shm_tests[], sem_tests[], msg_tests[], mqueue_tests[];

#endif
