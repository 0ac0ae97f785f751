// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Devices that every new network namespace gets from loaded modules: down, without
 * an address, not to be deleted, and in the way of a container whose devices had
 * their indexes on a host without those modules.
 *
 * The setting that leaves them out is of the whole host. So it is changed only for
 * a container that cannot be made otherwise, and only while its namespace is born,
 * which no signal but SIGKILL can interrupt. A lock on the setting keeps two restores
 * from taking each other's for the host's.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/file.h>

#include "rtnl.h"

#define SETTING "/proc/sys/net/core/fb_tunnels_only_for_init_net"

bool lm_is_fallback(const struct lm_link *l)
{
	static const char *const names[] = {
		"tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0",
		"sit0", "ip6tnl0", "ip6gre0", NULL
	};

	for (int i = 0; names[i]; i++)
		if (!strcmp(l->name, names[i]))
			return !(l->flags & IFF_UP);
	return false;
}

/* Others need it for a moment only. */
static bool lock(int fd)
{
	for (int i = 0; i < 100; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		usleep(50000);
	}
	return false;
}

int lm_fallback_off(sigset_t *signals)
{
	int fd = open(SETTING, O_RDWR | O_CLOEXEC);
	sigset_t all;
	char was;

	if (fd < 0)
		return -1;
	sigfillset(&all);
	if (lock(fd) && pread(fd, &was, 1, 0) == 1 && was == '0') {
		pthread_sigmask(SIG_BLOCK, &all, signals);
		if (pwrite(fd, "1", 1, 0) == 1)
			return fd;
		pthread_sigmask(SIG_SETMASK, signals, NULL);
	}
	close(fd);
	return -1;
}

void lm_fallback_on(int fd, const sigset_t *signals)
{
	if (fd < 0)
		return;
	if (pwrite(fd, "0", 1, 0) < 0)
		fprintf(stderr, "migctl: cannot write 0 into %s: do that\n", SETTING);
	close(fd);
	pthread_sigmask(SIG_SETMASK, signals, NULL);
}
