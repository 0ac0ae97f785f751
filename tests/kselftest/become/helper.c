// SPDX-License-Identifier: GPL-2.0-or-later
/* The helper itself: system calls that it makes for others, one or many at a time. */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include "tests.h"

void test_helper(void)
{
	struct lm_remote_fork f = { .exit_signal = SIGCHLD, .tids = { 1, { 31000 } } };
	struct lm_remote *child = NULL;
	struct lm_batch *b;
	int got;

	need(good(image_begin(&im, 1, -1)), "a helper");
	check(lm_remote_syscall(im.helper, &im.e, __NR_getpid) == im.pid, "a call");
	check(good(lm_remote_fork(im.helper, &f, &child, &im.e)) &&
	      lm_remote_pid(child) == 31000, "a fork with a pid");
	check(lm_remote_syscall(child, &im.e, __NR_getppid) == im.pid, "its parent");
	check(lm_remote_fork(im.helper, &f, &child, &im.e) &&
	      strstr(im.e.msg, "the pid is taken"), "not twice the same pid");
	im.e = (struct lm_error){ 0 };
	b = lm_batch_new(child);
	lm_batch_add(b, __NR_getpid);
	got = lm_batch_try(b, __NR_close, 555);
	lm_batch_add(b, __NR_close, 556);
	lm_batch_add(b, __NR_getpid);
	check(lm_batch_run(b, &im.e) && lm_batch_done(b) == 3 &&
	      lm_batch_result(b, got) == -EBADF && lm_batch_result(b, 0) == 31000,
	      "a batch stops where it fails");
	check(strstr(im.e.msg, "helper 31000: close (call 3 of 4)"), "and says where");
	im.e = (struct lm_error){ 0 };
	lm_batch_reset(b);
	while (lm_batch_room(b, 1, 0))
		lm_batch_add(b, __NR_getpid);
	check(!lm_batch_run(b, &im.e), "a full batch runs");
	lm_batch_add(b, __NR_getpid);
	check(lm_batch_run(b, &im.e), "a larger one is refused");
	im.e = (struct lm_error){ 0 };
	kill(31000, SIGKILL);
	check(lm_remote_syscall(child, &im.e, __NR_getpid) == -ECONNRESET &&
	      strstr(im.e.msg, "helper 31000 died"), "a dead helper is named");
	lm_batch_free(b);
	lm_remote_free(child);
	image_end(&im);
}
