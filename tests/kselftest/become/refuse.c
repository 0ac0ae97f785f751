// SPDX-License-Identifier: GPL-2.0-or-later
/* What /dev/livemig refuses: objects, restores and callers that are wrong. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests.h"

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

void test_objects(void)
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

void test_restores(void)
{
	struct livemig_cputime used[2] = { { .user = 1ULL << 60 } };
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

	/* Each is possible; what wraps around is a divisor in the kernel. */
	need(good(image_begin(&im, 1, -1)), "a helper");
	put_mm(&b);
	check(!add(&im, LIVEMIG_OBJ_MM, &b, NULL), "an address space");
	put_process(&b, &im);
	lm_put(&b, LIVEMIG_PROCESS_CPUTIME, used, sizeof(used));
	check(!add(&im, LIVEMIG_OBJ_PROCESS, &b, NULL), "a process of much CPU time");
	put_thread(&b, &im, 0);
	lm_put(&b, LIVEMIG_THREAD_CPUTIME, used, sizeof(*used));
	check(!add(&im, LIVEMIG_OBJ_THREAD, &b, NULL), "a thread of much, too");
	check(wait_says(EINVAL, "CPUTIME of all threads"), "together that is too much");
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

void test_callers(void)
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
