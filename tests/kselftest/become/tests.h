/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files with tests share, and the tests: main.c has their order. */
#ifndef TESTS_H
#define TESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "image.h"
#include "ktap.h"

extern struct image im;			/* of the test that runs */
bool good(int ret);			/* 0; or says what the library has said */
bool all_gone(uint32_t pid, int ms);	/* within that time */

/* become.c */
void test_one(void);
void test_seven(void);
void test_frozen(void);
void test_sleeps(void);
/* killed.c */
void test_killed(void);
/* helper.c */
void test_helper(void);
/* refuse.c */
void test_objects(void);
void test_restores(void);
void test_callers(void);
/* sockets.c */
void test_tcp(void);
void test_ended(void);

#endif
