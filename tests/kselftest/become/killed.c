// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is killed when, and who dies with him. */
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests.h"

enum moment { ARMED, READY, CLOSED, AFTER };

/* A coordinator of its own that ends at @when. Return: whether the restored
 * process is still there.
 */
static bool survives(enum moment when)
{
	int p[2], threads = 3;
	uint32_t pid = 0;
	pid_t coord;
	bool ret;

	if (pipe(p))
		return false;
	coord = fork();
	if (!coord) {
		if (when == ARMED ? image_begin(&im, threads, -1) ||
		    image_add(&im) || image_become(&im) :
		    image_ready(&im, threads, -1)) {
			printf("# %s\n", im.e.msg);
			_exit(1);
		}
		if (when == CLOSED)
			close(im.dev);
		if (when == AFTER)
			image_serve(&im);
		if (write(p[1], &im.pid, sizeof(im.pid)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(p[1]);
	if (read(p[0], &pid, sizeof(pid)) != sizeof(pid))
		pid = 0;
	close(p[0]);
	if (when == CLOSED)
		all_gone(pid, 60000);
	else
		kill(coord, SIGKILL);
	if (when != CLOSED)
		waitpid(coord, NULL, 0);
	if (when == AFTER)
		sleep_ms(300);
	else
		all_gone(pid, 60000);
	ret = !pid || !gone(pid);
	kill(coord, SIGKILL);
	waitpid(coord, NULL, 0);
	if (pid)
		kill(pid, SIGKILL);
	return ret;
}

void test_killed(void)
{
	struct livemig_ioc_wait w = { .timeout_ms = 60000 };

	check(!survives(ARMED), "coordinator killed while tasks park: all die");
	check(!survives(READY), "coordinator killed when READY: all die");
	check(!survives(CLOSED), "file closed when READY: all die");
	check(survives(AFTER), "coordinator killed after SERVE: they live");

	need(good(image_ready(&im, 3, -1)), "READY again");
	kill(im.pid, SIGKILL);
	check(all_gone(im.pid, 60000), "a parked task can be killed");
	sleep_ms(50);
	check(image_serve(&im) < 0, "then SERVE fails");
	check(ioctl(im.dev, LIVEMIG_IOC_WAIT, &w) && !strcmp(w.step, "killed"),
	      "and WAIT tells who and why");
	image_end(&im);
}
