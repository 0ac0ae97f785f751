// SPDX-License-Identifier: GPL-2.0-or-later
/* Of open files. */
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/fs.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/loop.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

/* What can be opened, and asked for something afterwards. */
static void open_it(const char *path, int flags)
{
	fd = open(path, flags);
	need(fd >= 0);
}

/* ---- of the kernel ---- */

static void set_perf(void)
{
	struct perf_event_attr a = { .size = sizeof(a), .type = PERF_TYPE_SOFTWARE,
				     .config = PERF_COUNT_SW_TASK_CLOCK };

	fd = syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
	need(fd >= 0);
}

static void get_perf(void)
{
	uint64_t count = 0;

	check(read(fd, &count, sizeof(count)) == sizeof(count) && count);
}

/* The descriptor is closed, the mapping stays. */
static void set_perfmap(void)
{
	char *map;

	set_perf();
	map = *wrong ? NULL : mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED && (!map || !close(fd)));
}

static void set_bpf(void)
{
	const uint32_t value = 7;

	fd = bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(value));
	need(fd >= 0);
	check(bpf_set(fd, &value));
}

static void get_bpf(void)
{
	uint32_t value = 0;

	check(bpf_get(fd, &value) && value == 7);
}

static void set_nsfd(void)
{
	open_it("/proc/self/ns/uts", O_RDONLY);
}

static void get_nsfd(void)
{
	check(!setns(fd, CLONE_NEWUTS));
}

/* ---- devices ---- */

static void set_kmsg(void)
{
	open_it("/dev/kmsg", O_RDONLY | O_NONBLOCK);
}

static void get_kmsg(void)
{
	char buf[8192];

	check(read(fd, buf, sizeof(buf)) > 0);
}

static void make_tun(short flags)
{
	struct ifreq r = { .ifr_flags = flags | IFF_NO_PI };

	open_it("/dev/net/tun", O_RDWR);
	if (!*wrong)
		check(!ioctl(fd, TUNSETIFF, &r));
}

static void set_tun(void)
{
	make_tun(IFF_TUN);
}

static void set_tap(void)
{
	make_tun(IFF_TAP);
}

static void get_tun(void)
{
	struct ifreq r = { 0 };

	check(!ioctl(fd, TUNGETIFF, &r) && *r.ifr_name);
}

static void set_fuse(void)
{
	open_it("/dev/fuse", O_RDWR);
}

static void set_kvm(void)
{
	open_it("/dev/kvm", O_RDWR);
}

static void set_loopctl(void)
{
	open_it("/dev/loop-control", O_RDWR);
}

static void get_loopctl(void)
{
	check(ioctl(fd, LOOP_CTL_GET_FREE) >= 0);
}

static void set_block(void)
{
	open_it("/dev/loop7", O_RDONLY);
}

static void get_block(void)
{
	uint64_t size;

	check(!ioctl(fd, BLKGETSIZE64, &size));
}

/* ---- what watches ---- */

static volatile sig_atomic_t signals;

static void count(int sig)
{
	signals++;
}

static void set_dnotify(void)
{
	signal(SIGIO, count);
	check(!mkdir(name("dir"), 0700));
	fd = open(name("dir"), O_RDONLY);
	need(!fcntl(fd, F_NOTIFY, DN_CREATE));
}

static void get_dnotify(void)
{
	check(!signals);
	write_file(name("dir/x"), "");
	check(signals == 1);
}

/* Somebody who opens the file waits until we have given the lease back. */
static void set_breaking(void)
{
	signal(SIGIO, count);
	fd = file_with(name("data"), "");
	need(fd >= 0 && !fcntl(fd, F_SETLEASE, F_WRLCK));
	write_file("/proc/sys/fs/lease-break-time", "3600");
	pid = fork();
	if (!pid)
		_exit(open(name("data"), O_RDONLY) < 0 ? 8 : 7);
	while (!signals)
		usleep(1000);
}

static void get_breaking(void)
{
	write_file("/proc/sys/fs/lease-break-time", "45");
	check(!fcntl(fd, F_SETLEASE, F_UNLCK));
	check(child_ends_with_7(pid));
}

static void set_outpidfd(void)
{
	fd = syscall(SYS_pidfd_open, 1, 0);
	need(fd >= 0);
}

static void get_outpidfd(void)
{
	check(!syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
}

static int tid;

static bool set_tid(void)
{
	tid = gettid();
	return true;
}

static bool get_tid(void)
{
	return !syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0);
}

static void set_threadpidfd(void)
{
	thread(set_tid, get_tid);
	fd = syscall(SYS_pidfd_open, tid, O_EXCL /* PIDFD_THREAD */);
	need(fd >= 0);
}

/* ---- names ---- */

static void set_pathpipe(void)
{
	char path[64];
	int ends[2];

	check(!pipe(ends));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	open_it(path, O_PATH);
}

static void set_pathgone(void)
{
	write_file(name("data"), "");
	fd = open(name("data"), O_PATH);
	check(fd >= 0 && !unlink(name("data")));
}

/* The other name of the file is not below the mount that it was opened in. */
static char *lost_map;

static void set_lostmap(void)
{
	check(!mkdir(name("d"), 0700) && !mkdir(name("d/sub"), 0700) && !mkdir(name("d/m"), 0700));
	check(!mount(name("d/sub"), name("d/m"), NULL, MS_BIND, NULL));
	fd = file_with(name("d/m/lost"), "lost");
	check(fd >= 0 && !link(name("d/sub/lost"), name("d/kept")));
	check(!unlink(name("d/sub/lost")));
	lost_map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	check(lost_map != MAP_FAILED);
}

static void get_lostmap(void)
{
	struct stat st;

	check(!strcmp(lost_map, "lost") && !fstat(fd, &st) && st.st_nlink == 1);
	munmap(lost_map, 4096);
	close(fd);
	check(!umount(name("d/m")));
}

const struct thing file_things[] = {
	{ "perf", set_perf, get_perf, OF_FILE, "perf event" },
	{ "perfmap", set_perfmap, NULL, OF_PROCESS, "mapping of a perf event" },
	{ "bpf", set_bpf, get_bpf, OF_FILE, "bpf" },
	{ "nsfd", set_nsfd, get_nsfd, OF_FILE, "descriptor of a namespace" },
	{ "kmsg", set_kmsg, get_kmsg, OF_FILE, "device /dev/kmsg" },
	{ "tun", set_tun, get_tun, OF_FILE, "device /dev/net/tun" },
	{ "tap", set_tap, get_tun, OF_FILE, "device /dev/net/tun" },
	{ "fuse", set_fuse, get_fd, OF_FILE, "device /dev/fuse" },
	{ "kvm", set_kvm, get_fd, OF_FILE, "device /dev/kvm" },
	{ "loopctl", set_loopctl, get_loopctl, OF_FILE, "device /dev/loop-control" },
	{ "block", set_block, get_block, OF_FILE, "block device" },
	{ "dnotify", set_dnotify, get_dnotify, OF_FILE,
	  "dnotify on the directory %dir" },
	{ "breaking", set_breaking, get_breaking, OF_FILE,
	  "lease that somebody else waits for" },
	{ "outpidfd", set_outpidfd, get_outpidfd, OF_FILE,
	  "pidfd of pid 1, which is outside the container" },
	{ "threadpidfd", set_threadpidfd, get_thread, OF_FILE,
	  "pidfd of a thread" },
	{ "pathpipe", set_pathpipe, get_fd, OF_FILE, "O_PATH descriptor of pipe:[" },
	{ "pathgone", set_pathgone, get_fd, OF_FILE,
	  "O_PATH descriptor of the deleted %data" },
	{ "lostmap", set_lostmap, get_lostmap, OF_PROCESS,
	  "mapping of a file that has lost its name %d/m/lost" },
	{ }
};
