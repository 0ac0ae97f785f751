// SPDX-License-Identifier: GPL-2.0-or-later
/* Of namespaces, and of the mounts and the network in them. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refused.h"

static unsigned long ino_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_ino;
}

/* ---- one thread is elsewhere ---- */

#define THREAD(kind, flag)						\
static bool leave_##kind(void)						\
{									\
	return !unshare(flag);						\
}									\
static bool left_##kind(void)						\
{									\
	return ino_of("/proc/thread-self/ns/" #kind) !=			\
	       ino_of("/proc/self/ns/" #kind);				\
}									\
static void set_thread_##kind(void)					\
{									\
	thread(leave_##kind, left_##kind);				\
}

THREAD(uts, CLONE_NEWUTS)
THREAD(ipc, CLONE_NEWIPC)
THREAD(net, CLONE_NEWNET)
THREAD(mnt, CLONE_NEWNS)
THREAD(cgroup, CLONE_NEWCGROUP)

/* ---- a process is ---- */

static void set_pidchildren(void)
{
	need(!unshare(CLONE_NEWPID));
}

static void get_pidchildren(void)
{
	pid = fork();
	if (!pid)
		_exit(0);
	check(pid > 0);		/* (init of the new one) */
}

static bool set_root(void)
{
	return !chroot("/usr") && !chdir("/");
}

static bool get_root(void)
{
	return !access("/share", F_OK) && access("/usr/share", F_OK);
}

static void set_chroot(void)
{
	pid = child(set_root, get_root);
}

static bool get_net(void)
{
	return ino_of("/proc/self/ns/net") != ino_of("/proc/1/ns/net");
}

static void set_secondnet(void)
{
	pid = child(leave_net, get_net);
}

/* Its root is a cgroup below the container's. */
static bool set_inner(void)
{
	const char *inner = cgroup_below("inner");

	if (*wrong || chdir(inner))
		return false;
	write_file("cgroup.procs", "0");
	return !chdir("/") && !unshare(CLONE_NEWCGROUP);
}

static bool get_inner(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/cgroup", "r");

	return f && fgets(line, sizeof(line), f) && !strcmp(line, "0::/\n");
}

static void set_innercgroup(void)
{
	pid = child(set_inner, get_inner);
}

/* ---- mounts ---- */

static void set_loop(void)
{
	char line[1200];

	if (again_in_mounts())
		return;
	snprintf(line, sizeof(line), "truncate -s 1M %s && mke2fs -q -t ext4 %s && mount -o loop %s /mnt",
		 name("image"), name("image"), name("image"));
	need(run(line));
	write_file("/mnt/file", "");
}

static void get_loop(void)
{
	check(!access("/mnt/file", F_OK) && !umount("/mnt") && access("/mnt/file", F_OK));
}

static void set_nsfs(void)
{
	if (again_in_mounts())
		return;
	write_file("/mnt/net", "");
	check(!mount("/proc/self/ns/net", "/mnt/net", NULL, MS_BIND, NULL));
}

static void get_nsfs(void)
{
	check(ino_of("/mnt/net") == ino_of("/proc/self/ns/net") && !umount("/mnt/net"));
}

static void set_unbindable(void)
{
	if (again_in_mounts())
		return;
	check(!mount("mine", "/mnt", "tmpfs", 0, "size=64k"));
	write_file("/mnt/file", "");
	check(!mount(NULL, "/mnt", NULL, MS_UNBINDABLE, NULL));
}

static void set_boundonce(void)
{
	if (again_in_mounts())
		return;
	check(!mount("/usr", "/mnt", NULL, MS_BIND, NULL));
	check(!mount(NULL, "/mnt", NULL, MS_UNBINDABLE, NULL));
}

static void get_unbindable(void)
{
	check(!access("/mnt/file", F_OK) || !access("/mnt/share", F_OK));
	check(mount("/mnt", "/srv", NULL, MS_BIND, NULL) && errno == EINVAL);
}

/* ---- root directories there ---- */

static bool leave_root(void)
{
	return !unshare(CLONE_FS) && set_root();
}

static void set_threadroot(void)
{
	if (!again_in_mounts())
		thread(leave_root, get_root);
}

static bool leave_cwd(void)
{
	return !chroot("/usr") && !unshare(CLONE_FS) && !chdir("/share");
}

static bool left_cwd(void)
{
	return !access("../share", F_OK);
}

static void *wait_for_it(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* (a child: its first thread has the new root, too, and another directory) */
static bool leave_both(void)
{
	pthread_t t;

	return !pthread_create(&t, NULL, wait_for_it, NULL) && leave_cwd();
}

static void set_chrootcwd(void)
{
	if (!again_in_mounts())
		pid = child(leave_both, left_cwd);
}

/* ---- what was removed there ---- */

static void set_gonedir(void)
{
	if (again_in_mounts())
		return;
	check(!mkdir(name("dir"), 0700));
	fd = open(name("dir"), O_RDONLY | O_DIRECTORY);
	check(fd >= 0 && !rmdir(name("dir")));
}

static void set_gonefifo(void)
{
	if (again_in_mounts())
		return;
	check(!mkfifo(name("fifo"), 0600));
	fd = open(name("fifo"), O_RDWR);
	check(fd >= 0 && !unlink(name("fifo")));
}

static void get_gone(void)
{
	struct stat st;

	check(!fstat(fd, &st) && !st.st_nlink);
}

static void set_gonecwd(void)
{
	if (again_in_mounts())
		return;
	check(!mkdir(name("cwd"), 0700) && !chdir(name("cwd")) && !rmdir(name("cwd")));
}

static void get_cwd(void)
{
	char buf[512];

	check(!getcwd(buf, sizeof(buf)) && errno == ENOENT && !chdir("/"));
}

/* ---- network ---- */

static void set_dummy(const char *more)
{
	char line[512];

	need(own_net());
	snprintf(line, sizeof(line), "ip link add dm0 type dummy && "
		 "ip addr add 10.5.0.1/24 dev dm0 && ip link set dm0 up && %s", more);
	need(run(line));
}

static void set_nexthop(void)
{
	set_dummy("ip nexthop add id 7 via 10.5.0.2 dev dm0");
}

static void get_nexthop(void)
{
	check(run("ip route add 10.6.0.0/24 nhid 7"));
}

static void set_nhroute(void)
{
	set_dummy("ip nexthop add id 7 via 10.5.0.2 dev dm0 && ip route add 10.6.0.0/24 nhid 7");
}

static void get_nhroute(void)
{
	check(run("ip route get 10.6.0.9 | grep -q 10.5.0.2"));
}

const struct thing space_things[] = {
	{ "thread_uts", set_thread_uts, get_thread, OF_PROCESS,
	  "thread in another uts namespace" },
	{ "thread_ipc", set_thread_ipc, get_thread, OF_PROCESS,
	  "thread in another ipc namespace" },
	{ "thread_net", set_thread_net, get_thread, OF_PROCESS,
	  "thread in another network namespace" },
	{ "thread_mnt", set_thread_mnt, get_thread, OF_PROCESS,
	  "thread in another mount namespace" },
	{ "thread_cgroup", set_thread_cgroup, get_thread, OF_PROCESS,
	  "thread in another cgroup namespace" },
	{ "pidchildren", set_pidchildren, get_pidchildren, OF_PROCESS,
	  "pid namespace for children" },
	{ "chroot", set_chroot, get_child, OF_PROCESS, "chroot" },
	{ "secondnet", set_secondnet, get_child, OF_PROCESS,
	  "a second network namespace in one container" },
	{ "innercgroup", set_innercgroup, get_child, OF_PROCESS,
	  "cgroup namespace whose root is not the container's cgroup" },
	{ "loop", set_loop, get_loop, OF_PROCESS, "mount /mnt: ext4 of /dev/loop" },
	{ "nsfs", set_nsfs, get_nsfs, OF_PROCESS,
	  "mount /mnt/net: nsfs of nsfs, which the host has not mounted" },
	{ "unbindable", set_unbindable, get_unbindable, OF_NOTHING },
	{ "boundonce", set_boundonce, get_unbindable, OF_NOTHING },
	{ "threadroot", set_threadroot, get_thread, OF_PROCESS,
	  "thread with another root directory than its process" },
	{ "chrootcwd", set_chrootcwd, get_child, OF_PROCESS,
	  "a thread's own working directory, after chroot" },
	{ "gonedir", set_gonedir, get_gone, OF_FILE,
	  "%dir (deleted): a directory or named pipe that was removed" },
	{ "gonefifo", set_gonefifo, get_gone, OF_FILE,
	  "%fifo (deleted): a directory or named pipe that was removed" },
	{ "gonecwd", set_gonecwd, get_cwd, OF_PROCESS,
	  "%cwd (deleted): a directory or named pipe that was removed" },
	{ "nexthop", set_nexthop, get_nexthop, OF_ALL, "nexthop object" },
	{ "nhroute", set_nhroute, get_nhroute, OF_ALL, "route by nexthop object" },
	{ }
};
