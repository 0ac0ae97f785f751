// SPDX-License-Identifier: GPL-2.0-or-later
/* What root of a user namespace may, and what only the host's may. */
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "inside.h"

static bool binds(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = !bind(fd, (void *)&a, sizeof(a));

	close(fd);
	return ok;
}

/* What came from the host, and what it covers, stays as it is. */
void check_fixed(void)
{
	check(umount("/sys") && errno == EINVAL);
	check(mount("", "/dev", "", MS_REMOUNT | MS_BIND | MS_NOATIME, "") &&
	      errno == EPERM);
}

/* In namespaces that belong to its own, and mounts that it made. */
void check_rights(void)
{
	static const gid_t group = 3;

	check(!sethostname("after", 5));
	check(binds(80));
	check(!mount("new", "/mnt/sub", "tmpfs", 0, "size=64k") && !umount("/mnt/sub"));
	check(!mount("proc", "/mnt/sub", "proc", 0, "") && !umount("/mnt/sub"));
	check(!mount("", "/mnt", "", MS_REMOUNT, "size=2m"));
	write_file("/mnt/after", "made after the move");
	check(!chown("/mnt/after", 1000, 1000) && !chown("/mnt/root", 3001, 0));
	check(!umount("/mnt/pts"));
	check(!setgroups(1, &group) && !setresgid(0, 0, 0));
	check(!unshare(CLONE_NEWUTS));
}

/* In what is the host's. */
void check_limits(void)
{
	struct timespec now;
	struct rlimit l;

	clock_gettime(CLOCK_REALTIME, &now);
	check(clock_settime(CLOCK_REALTIME, &now) && errno == EPERM);
	check(mknod("/dev/livemig-test", S_IFCHR, makedev(1, 3)));
	check(syscall(SYS_init_module, "", 0, "") && errno == EPERM);
	check(chown("/etc/passwd", 0, 0) && errno == EPERM);
	check(setresuid(500000, -1, -1) && errno == EINVAL);
	check(setpriority(PRIO_PROCESS, 0, -5) && errno == EACCES);
	check(!getrlimit(RLIMIT_MSGQUEUE, &l));
	l.rlim_max = l.rlim_cur = RLIM_INFINITY;
	check(setrlimit(RLIMIT_MSGQUEUE, &l) && errno == EPERM);
}
