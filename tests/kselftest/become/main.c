// SPDX-License-Identifier: GPL-2.0-or-later
/* /dev/livemig and the helper: what they do, what they refuse, what is left. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "image.h"
#include "ktap.h"

#define CGROUP "/sys/fs/cgroup/become"

static struct image im;

static bool good(int ret)
{
	if (ret)
		printf("# %s\n", im.e.msg);
	return !ret;
}

static char *slurp(const char *fmt, uint32_t pid)
{
	static char buf[65536];
	char path[128];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), fmt, pid);
	f = fopen(path, "r");
	if (f) {
		n = fread(buf, 1, sizeof(buf) - 1, f);
		fclose(f);
	}
	buf[n] = 0;
	return buf;
}

static bool same_regs(int t)
{
	struct slot *s = image_slot(&im, t);
	struct user_regs_struct *r = &im.regs[t];
	uint64_t want[16] = { r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi,
			      r->rbp, r->rsp, r->r8, r->r9, r->r10, r->r11,
			      r->r12, r->r13, r->r14, r->r15 };
	bool ok = true;
	int i;

	for (i = 0; i < 16; i++) {
		if (s->reg[i] == want[i])
			continue;
		printf("# thread %d register %d: %#lx, not %#lx\n", t, i,
		       (long)s->reg[i], (long)want[i]);
		ok = false;
	}
	if ((s->flags & 0xcd5) != (r->eflags & 0xcd5) || s->fs0 != s->tls) {
		printf("# thread %d: flags %#lx, fs:0 %#lx not %#lx\n", t,
		       (long)s->flags, (long)s->fs0, (long)s->tls);
		ok = false;
	}
	if (memcmp(s->ymm, im.ymm[t], sizeof(s->ymm))) {
		printf("# thread %d: vector registers differ\n", t);
		ok = false;
	}
	return ok;
}

static bool same_status(int t)
{
	char path[64], want[64], *status;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%u/task/%%u/status", im.pid);
	status = slurp(path, im.tid[t]);
	snprintf(want, sizeof(want), "SigBlk:\t%016llx",
		 1ULL << (SIGUSR2 - 1) | 1ULL << t);
	ok = strstr(status, want);
	snprintf(want, sizeof(want), "Name:\trestored-%d\n", t);
	ok = ok && strstr(status, want);
	if (!ok)
		printf("# thread %d: %s\n", t, status);
	return ok;
}

static bool same_pointers(int t)
{
	uint64_t base = OUT_ADDR + t * SLOT_LEN, head = 0;
	struct __ptrace_rseq_configuration rseq = { 0 };
	size_t len;

	if (syscall(SYS_get_robust_list, im.tid[t], &head, &len) ||
	    head != base + offsetof(struct slot, robust))
		return false;
	if (ptrace(PTRACE_SEIZE, im.tid[t], 0, 0) ||
	    ptrace(PTRACE_INTERRUPT, im.tid[t], 0, 0))
		return false;
	waitpid(im.tid[t], NULL, __WALL);
	ptrace(PTRACE_GET_RSEQ_CONFIGURATION, im.tid[t], sizeof(rseq), &rseq);
	ptrace(PTRACE_DETACH, im.tid[t], 0, 0);
	return rseq.rseq_abi_pointer == base + offsetof(struct slot, rseq) &&
	       rseq.signature == 0x53053053;
}

static bool no_trace_of_the_helper(void)
{
	char *maps = slurp("/proc/%u/maps", im.pid), path[64], exe[256] = "";
	bool ok = !strstr(maps, "livemig");
	uint64_t start, end;
	char *line;
	ssize_t n;

	for (line = strtok(maps, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 &&
		    lm_remote_collides(false, start, end))
			ok = false;
	snprintf(path, sizeof(path), "/proc/%u/exe", im.pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0 || !strstr(exe, "/true"))
		ok = false;
	snprintf(path, sizeof(path), "ls /proc/%u/fd | grep -q .", im.pid);
	if (!system(path))
		ok = false;
	if (!ok)
		printf("# exe %s\n# %s\n", exe, slurp("/proc/%u/maps", im.pid));
	return ok;
}

static bool same_auxv(void)
{
	uint64_t *a = (uint64_t *)slurp("/proc/%u/auxv", im.pid);

	return a[0] == AT_PAGESZ && a[1] == 4096 && a[2] == AT_UID && a[3] == 4711 &&
	       a[4] == AT_NULL;
}

static void test_become(int threads)
{
	bool ok;
	int t;

	im.pending_value = 0x1234567890;
	need(good(image_ready(&im, threads, -1)), "all threads are READY");
	sleep_ms(50);
	check(!image_slot(&im, 0)->done, "nothing runs before SERVE");
	check(image_serve(&im) == threads, "SERVE");
	if (!check(image_done(&im, 60000), "all threads run"))
		printf("# %s\n", slurp("/proc/%u/status", im.pid));
	for (ok = true, t = 0; t < threads; t++)
		ok &= same_regs(t);
	check(ok, "general, segment and vector registers are exact");
	for (ok = true, t = 0; t < threads; t++)
		ok &= same_status(t);
	check(ok, "names and signal masks");
	for (ok = true, t = 0; t < threads; t++)
		ok &= same_pointers(t);
	check(ok, "robust lists and rseqs are registered");
	check(image_slot(&im, 0)->signo == SIGUSR1 &&
	      image_slot(&im, 0)->sigval == im.pending_value,
	      "a pending signal arrives, with its value");
	check(image_slot(&im, 0)->sigsp - OUT_ADDR - 0x1000 < 0x2000,
	      "on the alternate stack");
	check((uint32_t)image_slot(&im, 0)->rseq[0] != 0 ||
	      image_slot(&im, 0)->rseq[0] >> 32 == (uint32_t)image_slot(&im, 0)->rseq[0],
	      "the kernel writes the CPU into the rseq");
	check(no_trace_of_the_helper(), "no memory, file or fd of the helper is left");
	check(same_auxv(), "the auxiliary vector");
	image_end(&im);
}

/* ---- who is killed when ---- */

enum moment { ARMED, READY, CLOSED, AFTER };

static bool all_gone(uint32_t pid, int ms)
{
	for (; ms > 0; ms -= 10) {
		if (gone(pid))
			return true;
		sleep_ms(10);
	}
	return false;
}

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

static void test_killed(void)
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

/* ---- freezing ---- */

static void test_frozen(void)
{
	int cg;

	mkdir(CGROUP, 0755);
	cg = open(CGROUP, O_RDONLY | O_DIRECTORY);
	need(cg >= 0, "a cgroup");
	need(good(image_ready(&im, 4, cg)), "READY in it");
	check(!system("echo 1 > " CGROUP "/cgroup.freeze"), "freeze while parked");
	check(image_serve(&im) == 4, "SERVE");
	for (int i = 0; i < 6000 && !strstr(slurp(CGROUP "/cgroup.events", 0), "frozen 1"); i++)
		sleep_ms(10);
	check(strstr(slurp(CGROUP "/cgroup.events", 0), "frozen 1"), "it is frozen");
	check(!image_slot(&im, 0)->done && !image_slot(&im, 3)->done,
	      "no instruction ran");
	check(!system("echo 0 > " CGROUP "/cgroup.freeze"), "thaw");
	check(image_done(&im, 60000), "it runs");
	check(same_regs(0) && same_regs(3), "registers are exact");
	image_end(&im);
	close(cg);
	rmdir(CGROUP);
}

/* ---- sleeps ---- */

static void test_sleep(const char *name, struct livemig_restart restart, long want)
{
	im.restart = restart;
	printf("# %s\n", name);
	need(good(image_ready(&im, 1, -1)), "a sleeper is READY");
	check(image_serve(&im) == 1, "SERVE");
	check(image_done(&im, 60000), "it does not sleep from the start");
	if (!check((long)image_slot(&im, 0)->result == want, "the call's result"))
		printf("# %ld\n", (long)image_slot(&im, 0)->result);
	image_end(&im);
}

/* Its end is more than there is time: it is not before now. */
static void test_endless(const char *name, struct livemig_restart restart)
{
	im.restart = restart;
	need(good(image_ready(&im, 1, -1)), name);
	check(image_serve(&im) == 1 && !image_done(&im, 300) && !gone(im.pid), name);
	image_end(&im);
}

static void test_sleeps(void)
{
	struct livemig_restart r = { .left_ns = 200000000 };

	r.kind = LIVEMIG_RESTART_NANOSLEEP;
	r.clockid = CLOCK_MONOTONIC;
	test_sleep("nanosleep", r, 0);
	r.clockid = 0;
	r.kind = LIVEMIG_RESTART_POLL;
	test_sleep("poll", r, 0);
	r.kind = LIVEMIG_RESTART_FUTEX;
	r.flags = 128;	/* FUTEX_WAIT_PRIVATE */
	r.bitset = ~0U;
	test_sleep("futex", r, -ETIMEDOUT);

	r.left_ns = INT64_MAX;
	test_endless("endless futex", r);
	r = (struct livemig_restart){ .kind = LIVEMIG_RESTART_POLL, .left_ns = INT64_MAX };
	test_endless("endless poll", r);
	r.kind = LIVEMIG_RESTART_NANOSLEEP;
	r.clockid = CLOCK_MONOTONIC;
	test_endless("endless nanosleep", r);

	/* Taken out of the sleep, but its end is far: a signal ends it. */
	im.restart = (struct livemig_restart){
		.kind = LIVEMIG_RESTART_NANOSLEEP, .clockid = CLOCK_MONOTONIC,
		.left_ns = 1000000000LL * 100000,
	};
	im.pending_value = 77;
	need(good(image_ready(&im, 1, -1)), "a sleeper with a signal is READY");
	check(image_serve(&im) == 1, "SERVE");
	check(image_done(&im, 60000) &&
	      (long)image_slot(&im, 0)->result == -EINTR &&
	      image_slot(&im, 0)->sigval == 77, "the handler ends the sleep: EINTR");
	image_end(&im);
}

/* ---- refusals ---- */

/* ADD of thread 0 with one attribute replaced. */
static int add_with(uint16_t type, const void *data, size_t len, char *why)
{
	struct lm_buf b = { 0 };

	put_thread(&b, &im, 0);
	lm_put(&b, type, data, len);	/* the last of a type counts */
	return add(&im, LIVEMIG_OBJ_THREAD, &b, why);
}

static int add_regs(size_t offset, uint64_t value)
{
	struct user_regs_struct r = im.regs[0];

	memcpy((char *)&r + offset, &value, sizeof(value));
	return add_with(LIVEMIG_THREAD_REGS, &r, sizeof(r), NULL);
}

#define REG(name) offsetof(struct user_regs_struct, name)

static void test_wrong_objects(void)
{
	uint64_t kernel = 0xffff888000000000ULL, odd = OUT_ADDR + 4;
	struct livemig_altstack alt = { kernel, 4096, 0, 0 };
	struct livemig_rseq rseq = { odd, 32, 1 };
	struct livemig_restart restart = { .kind = 99 };
	uint8_t xs[16384] = { 0 }, info[128] = { SIGKILL };
	struct livemig_mm_layout l = { .start_brk = 2, .brk = 1 };
	struct lm_buf b = { 0 };
	char why[64];

	need(good(image_begin(&im, 2, -1)), "a helper");
	check(add_with(LIVEMIG_THREAD_REGS, &im.regs[0], 100, why) == -EINVAL &&
	      strstr(why, "REGS"), "short REGS, and the reason");
	check(add_regs(REG(rip), kernel) == -EINVAL, "a kernel address in rip");
	check(add_regs(REG(rip), 0x0000800000000000ULL) == -EINVAL, "a non-canonical rip");
	check(add_regs(REG(fs_base), kernel) == -EINVAL, "a kernel address in fs_base");
	check(add_regs(REG(cs), 0x10) == -EINVAL, "the kernel's code segment");
	check(add_regs(REG(cs), 0x23) == -EINVAL, "a 32-bit code segment");
	check(add_regs(REG(ds), 0x63) == -EINVAL, "a TLS segment");
	check(add_regs(REG(orig_rax), 1) == -EINVAL, "an unresolved system call");
	check(add_with(LIVEMIG_THREAD_XSTATE, xs, xstate_len - 8, NULL) == -EINVAL,
	      "short XSTATE");
	xs[512 + 7] = 0x40;
	check(add_with(LIVEMIG_THREAD_XSTATE, xs, xstate_len, NULL) == -EINVAL,
	      "a feature that the CPU lacks");
	memset(xs, 0, sizeof(xs));
	xs[512 + 8] = 1;
	check(add_with(LIVEMIG_THREAD_XSTATE, xs, xstate_len, NULL) == -EINVAL,
	      "a compacted XSTATE");
	check(add_with(LIVEMIG_THREAD_ALTSTACK, &alt, sizeof(alt), NULL) == -EINVAL,
	      "an altstack in the kernel");
	check(add_with(LIVEMIG_THREAD_ROBUST_LIST, &kernel, 8, NULL) == -EINVAL,
	      "a robust list in the kernel");
	check(add_with(LIVEMIG_THREAD_CLEAR_TID, &kernel, 8, NULL) == -EINVAL,
	      "a clear_tid in the kernel");
	check(add_with(LIVEMIG_THREAD_RSEQ, &rseq, sizeof(rseq), NULL) == -EINVAL,
	      "an rseq that is not aligned");
	check(add_with(LIVEMIG_THREAD_RESTART, &restart, sizeof(restart), NULL) == -EINVAL,
	      "a restart of unknown kind");
	restart = (struct livemig_restart){ .kind = LIVEMIG_RESTART_POLL, .absolute = 1 };
	check(add_with(LIVEMIG_THREAD_RESTART, &restart, sizeof(restart), NULL) == -EINVAL,
	      "a poll until an absolute time");
	check(add_with(LIVEMIG_THREAD_SIGPENDING, info, sizeof(info), NULL) == -EINVAL,
	      "a pending SIGKILL");
	check(add_with(LIVEMIG_THREAD_SIGPENDING, info, 100, NULL) == -EINVAL,
	      "half a siginfo");
	check(add_with(LIVEMIG_THREAD_COMM, "much-too-long-a-name", 21, NULL) == -EINVAL,
	      "a name that is too long");
	check(add_with(LIVEMIG_THREAD_MAX + 1, "x", 1, NULL) == -EINVAL,
	      "an unknown attribute");
	lm_put_u32(&b, LIVEMIG_THREAD_TID, 1);
	check(add(&im, LIVEMIG_OBJ_THREAD, &b, NULL) == -EINVAL, "a thread without registers");
	put_thread(&b, &im, 0);
	b.len -= 3;
	check(add(&im, LIVEMIG_OBJ_THREAD, &b, NULL) == -EINVAL, "attributes cut short");
	put_mm(&b);
	lm_put(&b, LIVEMIG_MM_LAYOUT, &l, sizeof(l));
	check(add(&im, LIVEMIG_OBJ_MM, &b, NULL) == -EINVAL, "brk before start_brk");
	put_mm(&b);
	lm_put(&b, LIVEMIG_MM_AUXV, xs + 512, 8);
	check(add(&im, LIVEMIG_OBJ_MM, &b, NULL) == -EINVAL, "an odd AUXV");
	put_mm(&b);
	check(add(&im, LIVEMIG_OBJ_FILE, &b, NULL) == -EINVAL, "a FILE object");
	check(!add_with(LIVEMIG_THREAD_PAD, NULL, 0, NULL), "a good thread is taken");
	check(add_with(LIVEMIG_THREAD_PAD, NULL, 0, NULL) == -EEXIST, "not twice");
	check(image_serve(&im) == -EBUSY, "SERVE before READY");
	image_end(&im);
}

/* WAIT fails with @err in @step. */
static bool wait_says(int err, const char *step)
{
	struct livemig_ioc_wait w = { .timeout_ms = 60000 };
	int ret = image_wait(&im, &w);

	if (ret != -err || strcmp(w.step, step)) {
		printf("# WAIT: %d (%s) pid %u\n", ret, w.step, w.failed_pid);
		return false;
	}
	return true;
}

static void test_wrong_restores(void)
{
	struct livemig_ioc_wait w = { .timeout_ms = 100 };
	struct lm_buf b = { 0 };
	uint32_t pid;

	need(good(image_begin(&im, 1, -1)), "a helper");
	check(wait_says(EINVAL, "no threads added"), "WAIT for nothing");
	image_end(&im);

	need(good(image_begin(&im, 1, -1)), "a helper");
	put_thread(&b, &im, 0);
	check(!add(&im, LIVEMIG_OBJ_THREAD, &b, NULL), "a thread");
	check(wait_says(EINVAL, "no PROCESS object"), "without a process");
	image_end(&im);

	need(good(image_begin(&im, 1, -1)), "a helper");
	check(!lm_remote_become(im.helper, NULL, NULL, &im.e), "BECOME");
	check(all_gone(im.pid, 60000), "without ADD: the helper ends");
	check(wait_says(ENOENT, "become"), "and WAIT tells");
	image_end(&im);

	need(good(image_begin(&im, 2, -1) || image_add(&im)), "two threads added");
	check(!lm_remote_become(im.helper, NULL, NULL, &im.e), "one becomes");
	check(image_wait(&im, &w) == -ETIMEDOUT, "WAIT times out");
	put_mm(&b);
	check(add(&im, LIVEMIG_OBJ_MM, &b, NULL) == -EBUSY, "no ADD after WAIT");
	pid = im.pid;
	close(im.dev);
	check(all_gone(pid, 60000), "closing kills the one");
	image_end(&im);

	/* One thread more than the dump has. */
	need(good(image_begin(&im, 2, -1)), "a helper");
	im.threads = 1;
	check(good(image_add(&im)), "one thread added");
	check(!lm_remote_syscall(im.helper, &im.e, __NR_getuid), "it answers");
	lm_remote_thread(im.helper, &(struct lm_tids){ 1, { im.tid[1] } }, NULL, NULL, &im.e);
	check(wait_says(ENOENT, "become"), "a thread that was not added");
	image_end(&im);
}

static void test_wrong_callers(void)
{
	struct livemig_ioc_become become = { .unmap = { 0x1000, 0x2000 } };
	struct livemig_page_entry entry = { OUT_ADDR | LIVEMIG_PAGE_ZERO, 1 };
	struct livemig_ioc_apply apply = {
		.pid = 1, .entries = (uintptr_t)&entry, .nr_entries = 1,
	};
	struct livemig_ioc_wait w = { 0 };
	struct stat st;
	int status;

	check(!stat("/dev/livemig", &st) && (st.st_mode & 07777) == 0600 && !st.st_uid,
	      "/dev/livemig is root's alone");
	if (!fork()) {
		if (setgid(1) || setuid(1))
			_exit(1);
		_exit(open("/dev/livemig", O_RDWR) >= 0 || errno != EACCES);
	}
	wait(&status);
	check(!status, "others cannot open it");

	need(good(image_begin(&im, 1, -1)), "a helper");
	check(ioctl(im.dev, LIVEMIG_IOC_BECOME, &become) && errno == EPERM,
	      "the coordinator cannot become");
	check(ioctl(im.dev, LIVEMIG_IOC_APPLY, &apply) && errno == EPERM,
	      "APPLY to a process that is no helper");
	apply.pid = getpid();
	check(ioctl(im.dev, LIVEMIG_IOC_APPLY, &apply) && errno == EPERM,
	      "APPLY to itself");
	apply.pid = 0x3ffffff;
	check(ioctl(im.dev, LIVEMIG_IOC_APPLY, &apply) && errno == ESRCH,
	      "APPLY to nobody");
	check(ioctl(im.dev, LIVEMIG_IOC_WAIT, &w) && errno == EINVAL,
	      "WAIT without a time");
	check(ioctl(im.dev, 0xb7ff, 0) && errno == ENOTTY, "an unknown ioctl");
	if (!fork()) {
		w.timeout_ms = 10;
		_exit(!ioctl(im.dev, LIVEMIG_IOC_WAIT, &w) || errno != EPERM);
	}
	wait(&status);
	check(!status, "another process cannot WAIT");
	check(lm_remote_syscall(im.helper, &im.e, __NR_ioctl,
				lm_remote_fd_base(im.helper) + LM_HELPER_FD_DEV,
				LIVEMIG_IOC_WAIT, 0) == -EPERM,
	      "a helper cannot WAIT");
	image_end(&im);
}

static int tcp(int fd, uint32_t op, uint32_t arg, uint32_t resv)
{
	struct livemig_ioc_tcp t = { .fd = fd, .op = op, .arg = arg, .resv = resv };

	return ioctl(im.dev, LIVEMIG_IOC_TCP, &t) < 0 ? errno : 0;
}

static int ended(int fd, const struct livemig_ioc_ended *like)
{
	struct livemig_ioc_ended e = *like;

	e.fd = fd;
	return ioctl(im.dev, LIVEMIG_IOC_ENDED, &e) < 0 ? errno : 0;
}

#define ENDED(fd, ...) ended(fd, &(struct livemig_ioc_ended){ __VA_ARGS__ })

/* Bytes are there only of what was connected, and was shut down by its end. */
static void test_ended_data(void)
{
	static const struct {
		uint32_t shutdown, state;
		int err;
	} tries[] = {
		{ 0, 3, EINVAL }, { 2, 3, EINVAL }, { 0, 1, EINVAL }, { 3, 1, EINVAL },
		{ 1, 2, 0 }, { 3, 4, 0 },
	};
	bool ok = true;
	char c;
	int fd;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		ok &= ENDED(fd, .buf = (uintptr_t)"a", .len = 1, .shutdown = tries[i].shutdown,
			    .ended.state = tries[i].state) == tries[i].err;
		close(fd);
	}
	check(ok, "an ended connection: bytes of none");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!ENDED(fd, .shutdown = 0, .ended.state = 1), "an ended connection: without bytes");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!ENDED(fd, .more = 1, .buf = (uintptr_t)"a", .len = 1) &&
	      recv(fd, &c, 1, MSG_DONTWAIT) == 1 && c == 'a', "an ended connection: read too early");
	close(fd);
}

static void test_ended(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
	int small = 1, err = 0;
	static char bytes[1 << 20];
	socklen_t len = sizeof(err);
	char c;

	need(good(image_begin(&im, 1, -1)), "an ended connection: a helper");
	check(ENDED(-1, .more = 1) == EBADF && ENDED(udp, .more = 1) == ENOTSOCK &&
	      ENDED(im.dev, .more = 1) == ENOTSOCK, "an ended connection: no socket");
	check(ENDED(fd, .shutdown = 4, .ended.state = 3) == EINVAL &&
	      ENDED(fd, .more = 2) == EINVAL && ENDED(fd, .shutdown = 3) == EINVAL &&
	      ENDED(fd, .ended = { .state = 3, .err = 512 }) == EINVAL &&
	      ENDED(fd, .ended.state = 9) == EINVAL &&
	      ENDED(fd, .ended = { .state = 3, .flags = 4 }) == EINVAL &&
	      ENDED(fd, .ended = { .state = 3, .resv = 1 }) == EINVAL &&
	      ENDED(fd, .ended.state = 3, .local = { AF_INET6 }) == EINVAL,
	      "an ended connection: out of range");
	check(ENDED(fd, .more = 1, .buf = 4096, .len = 1) == EFAULT,
	      "an ended connection: bytes from nowhere");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	check(ENDED(fd, .more = 1, .buf = (uintptr_t)bytes, .len = sizeof(bytes)) == ENOBUFS,
	      "an ended connection: more than there is room for");
	close(fd);
	test_ended_data();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!ENDED(fd, .more = 1, .buf = (uintptr_t)"ab", .len = 1) &&
	      !ENDED(fd, .buf = (uintptr_t)"b", .len = 1, .shutdown = 3,
		     .ended = { .err = ECONNRESET, .state = 3 }), "an ended connection");
	check(ENDED(fd, .shutdown = 3, .ended.state = 3) == EINVAL,
	      "an ended connection: once");
	check(recv(fd, &c, 1, 0) == 1 && c == 'a' && recv(fd, &c, 1, 0) == 1 && c == 'b' &&
	      recv(fd, &c, 1, 0) < 0 && errno == ECONNRESET && recv(fd, &c, 1, 0) == 0,
	      "an ended connection: its bytes, its error, its end");
	check(!getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && !err,
	      "an ended connection: no error twice");
	check(ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ fd, 0 }) &&
	      errno == EINVAL &&
	      ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ fd, 512 }) &&
	      errno == EINVAL &&
	      ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ -1, 1 }) &&
	      errno == EBADF &&
	      ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ im.dev, 1 }) &&
	      errno == ENOTSOCK, "an error: wrong ones");
	check(!ioctl(im.dev, LIVEMIG_IOC_ERROR, &(struct livemig_ioc_error){ udp, ENOBUFS }) &&
	      !getsockopt(udp, SOL_SOCKET, SO_ERROR, &err, &len) && err == ENOBUFS,
	      "an error of a UDP socket");
	image_end(&im);
	close(fd);
	close(udp);
}

static void test_tcp(void)
{
	int v6 = socket(AF_INET6, SOCK_STREAM, 0), v4 = socket(AF_INET, SOCK_STREAM, 0);
	int udp = socket(AF_INET6, SOCK_DGRAM, 0), on = 0;
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	socklen_t len = sizeof(on);

	need(good(image_begin(&im, 1, -1)), "TCP: a helper");
	check(tcp(v6, 99, 0, 0) == EINVAL && tcp(v6, LIVEMIG_TCP_V6ONLY, 0, 1) == EINVAL,
	      "TCP: an unknown operation");
	check(tcp(-1, LIVEMIG_TCP_V6ONLY, 0, 0) == EBADF &&
	      tcp(-1, LIVEMIG_TCP_STATE, 8, 0) == EBADF &&
	      tcp(-1, LIVEMIG_TCP_UNACCEPT, v6, 0) == EBADF, "TCP: no such fd");
	check(tcp(udp, LIVEMIG_TCP_V6ONLY, 0, 0) == ENOTSOCK &&
	      tcp(im.dev, LIVEMIG_TCP_STATE, 8, 0) == ENOTSOCK &&
	      tcp(v6, LIVEMIG_TCP_UNACCEPT, udp, 0) == ENOTSOCK, "TCP: another kind of file");
	check(tcp(v4, LIVEMIG_TCP_V6ONLY, 0, 0) == EINVAL &&
	      tcp(v6, LIVEMIG_TCP_V6ONLY, 2, 0) == EINVAL, "TCP: V6ONLY out of range");
	check(tcp(v6, LIVEMIG_TCP_STATE, 8, 0) == EINVAL &&
	      tcp(v6, LIVEMIG_TCP_STATE, ~0u, 0) == EINVAL, "TCP: a state that is not next");
	check(tcp(v6, LIVEMIG_TCP_UNACCEPT, v6, 0) == EINVAL, "TCP: its own listener");
	bind(v6, (void *)&a, sizeof(a));
	getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len);
	check(on == 1 && tcp(v6, LIVEMIG_TCP_V6ONLY, 0, 0) == 0 &&
	      !getsockopt(v6, IPPROTO_IPV6, IPV6_V6ONLY, &on, &len) && on == 0,
	      "TCP: V6ONLY of what is bound");
	image_end(&im);
	close(v6);
	close(v4);
	close(udp);
}

/* ---- the helper itself ---- */

static void test_helper(void)
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

static void test_one(void)
{
	test_become(1);
}

static void test_seven(void)
{
	test_become(7);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "helper", test_helper },
	{ "one", test_one },
	{ "seven", test_seven },
	{ "frozen", test_frozen },
	{ "sleeps", test_sleeps },
	{ "objects", test_wrong_objects },
	{ "restores", test_wrong_restores },
	{ "callers", test_wrong_callers },
	{ "tcp", test_tcp },
	{ "ended", test_ended },
	{ "killed", test_killed },
};

/* usage: become [TEST] */
int main(int argc, char **argv)
{
	ktap_begin();
	xstate_learn();
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (argc < 2 || !strcmp(argv[1], tests[i].name))
			tests[i].run();
	return ktap_end();
}
