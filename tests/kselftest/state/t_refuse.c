// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything that cannot be moved is refused by its name, with the pid, and
 * with nothing else beside it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/perf_event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lm.h"

/* A child says that its kernel lacks something by this. */
static void cannot(void)
{
	told->n[63] = 1;
	ready();
}

#define NEED(c)	do { if (!(c)) { cannot(); return; } } while (0)

static void posix_timer(void)
{
	clockid_t clock;
	timer_t t;

	NEED(!clock_getcpuclockid(getppid(), &clock) &&
	     !timer_create(clock, NULL, &t));
	ready();
}

static void dispatch(void)
{
	static char selector;

	NEED(!prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0, &selector));
	ready();
}

static void deadline(void)
{
	struct { uint32_t size, policy; uint64_t flags; int32_t nice;
		 uint32_t prio; uint64_t runtime, deadline, period; } a = {
		.size = 48, .policy = SCHED_DEADLINE, .runtime = 1000000,
		.deadline = 100000000, .period = 100000000 };

	NEED(!syscall(SYS_sched_setattr, 0, &a, 0));
	ready();
}

static void ldt(void)
{
	struct { unsigned int entry, base, limit, flags; } e = { 0, 0, 4, 0x71 };

	NEED(!syscall(SYS_modify_ldt, 1, &e, sizeof(e)));
	ready();
}

static void ports(void)
{
	NEED(!ioperm(0x80, 1, 1));
	ready();
}

static void notsc(void)
{
	NEED(!prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	ready();
}

/* A poll of a pipe that nothing comes into. */
static void aio(void)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_POLL, .aio_buf = POLLIN }, *list = &cb;
	aio_context_t ctx = 0;
	int fds[2];

	NEED(!syscall(SYS_io_setup, 8, &ctx) && !pipe(fds));
	cb.aio_fildes = fds[0];
	NEED(syscall(SYS_io_submit, ctx, 1, &list) == 1);
	ready();
}

static void io_uring(void)
{
	static char params[120];
	int fd = syscall(SYS_io_uring_setup, 4, params);

	NEED(fd >= 0);
	dup2(fd, 60);
	close(fd);
	ready();
}

static void userfault(void)
{
	struct { uint64_t api, features, ioctls; } api = { 0xAA, 0, 0 };
	struct { uint64_t start, len, mode, ioctls; } reg = { 0 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	NEED(fd >= 0);
	reg.start = (uint64_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.len = 4096;
	reg.mode = 1;
	NEED(!syscall(SYS_ioctl, fd, 0xc018aa3f, &api) &&
	     !syscall(SYS_ioctl, fd, 0xc020aa00, &reg));
	ready();
}

/* What has no name moves. */
static int hugetlb_file(void)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");
	int fd;

	if (!f || fputs("2", f) < 0 || fclose(f))
		return -1;
	mkdir("/tmp/state-huge", 0700);
	if (mount("none", "/tmp/state-huge", "hugetlbfs", 0, NULL))
		return -1;
	fd = open("/tmp/state-huge/file", O_RDWR | O_CREAT, 0600);
	umount2("/tmp/state-huge", MNT_DETACH);
	return fd;
}

static void hugetlb(void)
{
	int fd = hugetlb_file();

	NEED(fd >= 0 && mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) !=
	     MAP_FAILED);
	close(fd);
	ready();
}

static void hugetlb_fd(void)
{
	NEED(hugetlb_file() >= 0);
	ready();
}

static void secret(void)
{
	int fd = syscall(447 /* memfd_secret */, 0);

	NEED(fd >= 0 && !ftruncate(fd, 4096));
	NEED(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) !=
	     MAP_FAILED);
	close(fd);
	ready();
}

static void device_map(void)
{
	int fd = open("/dev/mem", O_RDONLY);

	NEED(fd >= 0 && mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) !=
	     MAP_FAILED);
	close(fd);
	ready();
}

static void device_fd(void)
{
	NEED(open("/dev/kmsg", O_RDONLY) >= 0);
	ready();
}

static void tun(void)
{
	NEED(!system("modprobe -q tun") && open("/dev/net/tun", O_RDWR) >= 0);
	ready();
}

static int scratch(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT, 0600);

	if (write(fd, "x", 1) != 1)
		_exit(1);
	return fd;
}

/* Its other name is not below the mount that it was found in. */
static int lose_name(const char *name)
{
	const char *kept = strcmp(name, "gone") ? "/tmp/state-d/kept2" : "/tmp/state-d/kept";
	char path[64];
	int fd;

	unlink(kept);
	mkdir("/tmp/state-d", 0700);
	mkdir("/tmp/state-d/sub", 0700);
	if (!mkdir("/tmp/state-d/m", 0700) &&
	    mount("/tmp/state-d/sub", "/tmp/state-d/m", NULL, MS_BIND, NULL))
		_exit(1);
	snprintf(path, sizeof(path), "/tmp/state-d/m/%s", name);
	fd = scratch(path);
	snprintf(path, sizeof(path), "/tmp/state-d/sub/%s", name);
	if (link(path, kept))
		_exit(1);
	unlink(path);
	return fd;
}

static void othername(void)
{
	lose_name("gone");
	ready();
}

static void othername_map(void)
{
	int fd = lose_name("gone2");

	mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	ready();
}

static void dnotify(void)
{
	int fd = open("/tmp", O_RDONLY);

	signal(SIGIO, SIG_IGN);
	NEED(!fcntl(fd, F_NOTIFY, DN_CREATE));
	ready();
}

static void fanotify(void)
{
	NEED(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY) >= 0);
	ready();
}

static void perf(void)
{
	struct perf_event_attr a = { .size = sizeof(a),
				     .type = PERF_TYPE_SOFTWARE,
				     .config = PERF_COUNT_SW_TASK_CLOCK };

	NEED(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0) >= 0);
	ready();
}

static void bpf(void)
{
	struct { uint32_t type, key, value, max; char rest[100]; } a = {
		2 /* array */, 4, 4, 1, {} };

	NEED(syscall(SYS_bpf, 0, &a, 72) >= 0);
	ready();
}

static void nsfd(void)
{
	NEED(open("/proc/self/ns/net", O_RDONLY) >= 0);
	ready();
}

static void terminal(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	NEED(fd >= 0);
	ready();
}

static void unshared(int flags)
{
	NEED(!unshare(flags));
	ready();
}

static void *own_ns(void *flags)
{
	if (unshare((long)flags))
		cannot();
	told->n[0] = 1;
	for (;;)
		pause();
	return NULL;
}

static void thread_unshared(long flags)
{
	pthread_t t;

	pthread_create(&t, NULL, own_ns, (void *)flags);
	while (!*(volatile uint64_t *)&told->n[0])
		usleep(1000);
	ready();
}

static void uts_ns(void)
{
	thread_unshared(CLONE_NEWUTS);
}

static void ipc_ns(void)
{
	thread_unshared(CLONE_NEWIPC);
}

static void user_ns(void)
{
	int map;

	NEED(!unshare(CLONE_NEWUSER));
	map = open("/proc/self/uid_map", O_WRONLY);
	NEED(write(map, "0 0 1", 5) == 5 && !close(map));
	map = open("/proc/self/setgroups", O_WRONLY);
	NEED(write(map, "deny", 4) == 4 && !close(map));
	map = open("/proc/self/gid_map", O_WRONLY);
	NEED(write(map, "0 0 1", 5) == 5 && !close(map));
	unshared(CLONE_NEWUSER);
}

static void mnt_ns(void)
{
	thread_unshared(CLONE_NEWNS);
}

static void pid_ns(void)
{
	unshared(CLONE_NEWPID);
}

static void chrooted(void)
{
	NEED(!chroot("/usr") && !chdir("/"));
	ready();
}

static void *own_table(void *arg)
{
	unshare(CLONE_FILES);
	told->n[0] = 1;
	for (;;)
		pause();
	return arg;
}

static void thread_files(void)
{
	pthread_t t;

	pthread_create(&t, NULL, own_table, NULL);
	while (!*(volatile uint64_t *)&told->n[0])
		usleep(1000);
	ready();
}

static void clone_with(unsigned long flags)
{
	pid_t pid = syscall(SYS_clone, flags | SIGCHLD,
			    flags & CLONE_VM ? (char *)malloc(65536) + 65536 : NULL,
			    NULL, NULL, 0);

	if (!pid)
		for (;;)
			syscall(SYS_pause);
	told->n[1] = pid;
	ready();
}

static void share_mm(void)
{
	clone_with(CLONE_VM);
}

static void traced(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	told->n[1] = pid;
	ptrace(PTRACE_SEIZE, pid, 0, 0);
	ready();
}

static void many_signals(void)
{
	union sigval v = {};
	sigset_t set;
	int i;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 0; i < 100; i++)
		sigqueue(getpid(), SIGRTMIN, v);
	ready();
}

static void packet(void)
{
	NEED(socket(AF_PACKET, SOCK_PACKET, 0) >= 0);
	ready();
}

static void mptcp(void)
{
	NEED(socket(AF_INET, SOCK_STREAM, 262) >= 0);
	ready();
}

static int tcp(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(l, (void *)&a, sizeof(a)) || listen(l, 5) ||
	    connect(s, (void *)&a, sizeof(a)))
		_exit(1);
	dup2(l, 61);
	close(l);
	dup2(s, 60);
	close(s);
	return 60;
}

static void urgent(void)
{
	tcp(7102);
	dup2(accept(61, NULL, NULL), 62);
	send(60, "!", 1, MSG_OOB);
	usleep(100000);
	close(61);
	close(60);
	ready();
}

static void tls(void)
{
	int fd = tcp(7103);

	dup2(accept(61, NULL, NULL), 62);
	NEED(!setsockopt(fd, SOL_TCP, TCP_ULP, "tls", 4));
	ready();
}

/* @kid: the refusal names told->n[1] or its parent. */
static const struct refusal {
	const char *name;
	void (*child)(void);
	const char *what;
	bool kid, transient, more;	/* more: further refusals are right */
} table[] = {
	{ "posix_timer", posix_timer,
	  "posix timer on the CPU time of another process" },
	{ "dispatch", dispatch, "syscall user dispatch" },
	{ "deadline", deadline, "deadline scheduling" },
	{ "ldt", ldt, "local descriptor table" },
	{ "ports", ports, "I/O port permissions" },
	{ "notsc", notsc, "disabled time stamp counter" },
	{ "aio", aio, "AIO context with requests under way", .transient = true },
	{ "io_uring", io_uring, "io_uring", .more = true },
	{ "userfaultfd", userfault, "userfaultfd", .more = true },
	{ "hugetlb", hugetlb, "mapping of a hugetlb file" },
	{ "hugetlb_fd", hugetlb_fd, "hugetlb file" },
	{ "secret", secret, "secret memory" },
	{ "device_map", device_map, "mapping of a device" },
	{ "device_fd", device_fd, "device /dev/kmsg" },
	{ "tun", tun, "device /dev/net/tun" },
	{ "othername", othername,
	  "file that is known by another name than /tmp/state-d/m/gone" },
	{ "othername_map", othername_map,
	  "mapping of a file that has lost its name /tmp/state-d/m/gone2" },
	{ "dnotify", dnotify, "dnotify on the directory /tmp" },
	{ "fanotify", fanotify, "fanotify" },
	{ "perf", perf, "perf event" },
	{ "bpf", bpf, "bpf" },
	{ "nsfd", nsfd, "descriptor of a namespace" },
	{ "terminal", terminal, "terminal of the host /dev/console" },
	{ "uts_ns", uts_ns, "thread in another uts namespace" },
	{ "ipc_ns", ipc_ns, "thread in another ipc namespace" },
	{ "user_ns", user_ns, "user namespace within another one" },
	{ "mnt_ns", mnt_ns, "thread in another mount namespace" },
	{ "pid_ns", pid_ns, "pid namespace for children" },
	{ "chroot", chrooted, "chroot" },
	{ "thread_files", thread_files,
	  "thread with file descriptors of its own" },
	{ "share_mm", share_mm, "memory shared with another", .kid = true },
	{ "ptrace", traced, "traced process", .kid = true },
	{ "signals", many_signals, "100 pending signals", .transient = true },
	{ "packet", packet, "packet socket" },
	{ "mptcp", mptcp, "MPTCP socket" },
	{ "urgent", urgent, "TCP urgent data" },
	{ "tls", tls, "kernel TLS" },
};

static void one(const struct refusal *r)
{
	const struct obj *o;
	struct dump d;
	pid_t pid, who;

	printf("# %s\n", r->name);
	memset(told, 0, sizeof(*told));
	pid = spawn(r->child);
	who = pid;
	if (told->n[63]) {
		printf("#   not on this kernel\n");
		kill_child(pid);
		return;
	}
	lm_freeze();
	lm_dump(&d);
	o = find_refusal(&d, who, -2, r->what);
	if (!o && r->kid)
		o = find_refusal(&d, told->n[1], -2, r->what);
	if (!check(o, __FILE__, __LINE__, "%s is not refused as '%s'", r->name,
		   r->what) ||
	    !check(r->more || count_refusals(&d) == 1, __FILE__, __LINE__,
		   "%s: %d refusals", r->name, count_refusals(&d)))
		show_refusals(&d);
	if (o)
		CHECK_EQ(!!attr(o, LIVEMIG_UNSUPPORTED_TRANSIENT), r->transient);
	lm_dump_free(&d);
	lm_thaw();
	if (r->kid)
		kill(told->n[1], SIGKILL);
	kill_child(pid);
}

/* Slices, so that a failure does not hide the rest and none takes too long. */
static void slice(unsigned int from)
{
	unsigned int i, n = sizeof(table) / sizeof(table[0]);

	for (i = from; i < from + 14 && i < n; i++)
		one(&table[i]);
}

static void test_0(void)
{
	slice(0);
}

static void test_1(void)
{
	slice(14);
}

static void test_2(void)
{
	slice(28);
}

static void test_3(void)
{
	slice(42);
}

/* Nothing that wanders in while it is looked at may stop an inventory: all
 * refusals at once, on a running container.
 */
static void test_running(void)
{
	unsigned int i, n = sizeof(table) / sizeof(table[0]);
	struct dump d;

	for (i = 0; i < n; i++) {
		memset(told, 0, sizeof(*told));
		spawn(table[i].child);
	}
	lm_dump(&d);
	CHECK(count_refusals(&d) > 20);
	lm_dump_free(&d);
	i = openat(lm_cgroup_fd, "cgroup.kill", O_WRONLY);
	CHECK_EQ(write(i, "1", 1), 1);
	close(i);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

const struct test tests_refuse[] = {
	{ "refuse_memory", test_0 },
	{ "refuse_files", test_1 },
	{ "refuse_sharing", test_2 },
	{ "refuse_sockets", test_3 },
	{ "refuse_running", test_running },
	{}
};
