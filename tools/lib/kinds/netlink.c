// SPDX-License-Identifier: LGPL-2.1-or-later
/* Netlink sockets with nothing in them: made and bound again, with their groups. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kinds.h"
#include "sock.h"
#include "sockopt.h"

#define SOL_NETLINK_ 270

static bool is_netlink(const struct lm_file *f)
{
	return lm_sock_is(f, AF_NETLINK, SOCK_RAW, -1) || lm_sock_is(f, AF_NETLINK, SOCK_DGRAM, -1);
}

/* Groups of generic netlink have other numbers after each boot. */
static int netlink_check(const struct lm_model *m, const struct lm_file *f, struct lm_error *e)
{
	uint32_t groups[64] = { 0 }, any = 0;
	socklen_t len = sizeof(groups);
	int fd;

	if (lm_u32(f->sock[LIVEMIG_SOCK_PROTOCOL]) != NETLINK_GENERIC || lm_kind_later(f))
		return 0;
	fd = lm_kind_grab(f, e);
	if (fd < 0)
		return -1;
	if (getsockopt(fd, SOL_NETLINK_, NETLINK_LIST_MEMBERSHIPS, groups, &len) < 0)
		groups[0] = 0;
	close(fd);
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		any |= groups[i];
	return any ? lm_fail(e, LM_REFUSED,
			     "generic netlink socket that is in a group: not supported") : 0;
}

static int netlink_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd = lm_sock_new(r, f, e);

	if (fd < 0)
		return -1;
	if (lm_sock_set_options(fd, f, e) < 0 || lm_sock_set_buffers(fd, f, e) < 0 ||
	    ((lm_sock_options(f)->flags & LIVEMIG_SOCK_F_PASSCRED) &&
	     lm_sock_set(fd, SOL_SOCKET, SO_PASSCRED, 1, "SO_PASSCRED", e) < 0) ||
	    lm_sockopt_set(fd, f, LM_SOCKOPT_EARLY, e) < 0 ||
	    lm_sockopt_set(fd, f, LM_SOCKOPT_READY, e) < 0) {
		close(fd);
		return -1;
	}
	f->fd = fd;
	return 0;
}

static int netlink_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	return lm_sockopt_set(f->fd, f, LM_SOCKOPT_LAST, e);
}

const struct lm_file_kind lm_kind_netlink = {
	.name = "netlink socket",
	.match = is_netlink,
	.check = netlink_check,
	.dump = lm_sockopt_dump,
	.open = netlink_open,
	.resume = netlink_resume,
};
