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

/* A child says by this what its kernel lacks. */
static void cannot(void)
{
	snprintf(told->s + 512, 128, "not on this kernel: %m");
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

static void opath_pipe(void)
{
	char path[32];
	int fds[2];

	NEED(!pipe(fds));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
	NEED(open(path, O_PATH) >= 0);
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

static void opath_deleted(void)
{
	close(scratch("/tmp/state-opath"));
	NEED(open("/tmp/state-opath", O_PATH) >= 0 && !unlink("/tmp/state-opath"));
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

static void mnt_ns(void)
{
	thread_unshared(CLONE_NEWNS);
}

static void cgroup_ns(void)
{
	thread_unshared(CLONE_NEWCGROUP);
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

static int pauses(void *arg)
{
	while (pause())
		;
	return 0;
}

static void share_mm(void)
{
	char *stack = malloc(65536);

	told->n[1] = clone(pauses, stack + 65536, CLONE_VM | SIGCHLD, NULL);
	ready();
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
struct refusal {
	const char *name;
	void (*child)(void);
	const char *what;
	bool kid, transient, more;	/* more: further refusals are right */
};

static void one(void)
{
	const struct refusal *r = test_arg;
	const struct obj *o;
	struct dump d;
	pid_t pid;

	memset(told, 0, sizeof(*told));
	pid = spawn(r->child);
	if (told->s[512]) {
		kill_child(pid);
		skip(told->s + 512);
	}
	lm_freeze();
	lm_dump(&d);
	o = find_refusal(&d, pid, -2, r->what);
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

/* Nothing that wanders in while it is looked at may stop an inventory: all
 * refusals at once, on a running container.
 */
static void test_running(void)
{
	const struct test *t;
	struct dump d;
	int fd;

	for (t = tests_refuse; t->arg; t++) {
		const struct refusal *r = t->arg;

		memset(told, 0, sizeof(*told));
		spawn(r->child);
	}
	lm_dump(&d);
	CHECK(count_refusals(&d) > 20);
	lm_dump_free(&d);
	fd = openat(lm_cgroup_fd, "cgroup.kill", O_WRONLY);
	CHECK_EQ(write(fd, "1", 1), 1);
	close(fd);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

#define REFUSED(n, ...) \
	{ "refuse_" #n, one, &(const struct refusal){ #n, __VA_ARGS__ } }

const struct test tests_refuse[] = {
	REFUSED(posix_timer, posix_timer,
		"posix timer on the CPU time of another process"),
	REFUSED(dispatch, dispatch, "syscall user dispatch"),
	REFUSED(deadline, deadline, "deadline scheduling"),
	REFUSED(ldt, ldt, "local descriptor table"),
	REFUSED(ports, ports, "I/O port permissions"),
	REFUSED(aio, aio, "AIO context with requests under way", .transient = true),
	REFUSED(io_uring, io_uring, "io_uring", .more = true),
	REFUSED(userfaultfd, userfault, "userfaultfd", .more = true),
	REFUSED(hugetlb, hugetlb, "mapping of a hugetlb file"),
	REFUSED(hugetlb_fd, hugetlb_fd, "hugetlb file"),
	REFUSED(secret, secret, "secret memory"),
	REFUSED(device_map, device_map, "mapping of a device"),
	REFUSED(device_fd, device_fd, "device /dev/kmsg"),
	REFUSED(tun, tun, "device /dev/net/tun"),
	REFUSED(othername, othername,
		"file that is known by another name than /tmp/state-d/m/gone"),
	REFUSED(othername_map, othername_map,
		"mapping of a file that has lost its name /tmp/state-d/m/gone2"),
	REFUSED(opath_pipe, opath_pipe, "O_PATH descriptor of pipe:["),
	REFUSED(opath_deleted, opath_deleted,
		"O_PATH descriptor of the deleted /tmp/state-opath"),
	REFUSED(dnotify, dnotify, "dnotify on the directory /tmp"),
	REFUSED(fanotify, fanotify, "fanotify"),
	REFUSED(perf, perf, "perf event"),
	REFUSED(bpf, bpf, "bpf"),
	REFUSED(nsfd, nsfd, "descriptor of a namespace"),
	REFUSED(terminal, terminal, "terminal of the host /dev/console"),
	REFUSED(uts_ns, uts_ns, "thread in another uts namespace"),
	REFUSED(ipc_ns, ipc_ns, "thread in another ipc namespace"),
	REFUSED(mnt_ns, mnt_ns, "thread in another mount namespace", .more = true),
	REFUSED(cgroup_ns, cgroup_ns, "thread in another cgroup namespace"),
	REFUSED(pid_ns, pid_ns, "pid namespace for children"),
	REFUSED(chroot, chrooted, "chroot"),
	REFUSED(thread_files, thread_files, "thread with file descriptors of its own"),
	REFUSED(share_mm, share_mm, "memory shared with another", .kid = true),
	REFUSED(ptrace, traced, "traced process", .kid = true),
	REFUSED(signals, many_signals, "100 pending signals", .transient = true),
	REFUSED(packet, packet, "packet socket"),
	REFUSED(mptcp, mptcp, "MPTCP socket"),
	REFUSED(urgent, urgent, "TCP urgent data"),
	REFUSED(tls, tls, "kernel TLS"),
	{ "refuse_running", test_running },
	{}
};
