// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Devices that every new network namespace gets from loaded modules: down, without
 * an address, not to be deleted, and in the way of a container whose devices had
 * their indexes on a host without those modules.
 *
 * The setting that leaves them out is of the whole host. So it is changed only for
 * a container that cannot be made otherwise, and only while its namespace is born;
 * a lock on the setting keeps two restores from taking each other's for the host's.
 */
#include <errno.h>
#include <fcntl.h>
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

int lm_fallback_off(void)
{
	int fd = open(SETTING, O_RDWR | O_CLOEXEC);
	char was;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX) == 0 && pread(fd, &was, 1, 0) == 1 && was == '0' &&
	    pwrite(fd, "1", 1, 0) == 1)
		return fd;
	close(fd);
	return -1;
}

void lm_fallback_on(int fd)
{
	if (fd < 0)
		return;
	while (pwrite(fd, "0", 1, 0) < 0 && errno == EINTR)
		;
	close(fd);
}
