// SPDX-License-Identifier: GPL-2.0-or-later
/* A coordinator by hand: see image.h. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "image.h"

#define YMM_HI	576	/* of the standard format; AVX is the first component */

static uint8_t xstate[16384];
size_t xstate_len;

void sleep_ms(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* No such task, or only its zombie. */
bool gone(uint32_t pid)
{
	char path[64], line[512], *p;
	bool ret = true;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return true;
	if (fgets(line, sizeof(line), f) && (p = strrchr(line, ')')))
		ret = p[2] == 'Z' || p[2] == 'X';
	fclose(f);
	return ret;
}

/* A valid XSTATE note: that of a child. */
void xstate_learn(void)
{
	struct iovec iov = { xstate, sizeof(xstate) };
	pid_t pid = fork();
	uint64_t features;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &iov))
		iov.iov_len = 0;
	xstate_len = iov.iov_len;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	memcpy(&features, xstate + 512, 8);
	features |= 7;
	memcpy(xstate + 512, &features, 8);
}

struct slot *image_slot(struct image *im, int thread)
{
	return (struct slot *)((char *)im->out + thread * SLOT_LEN);
}

static uint64_t slot_addr(int thread)
{
	return OUT_ADDR + thread * SLOT_LEN;
}

#define IN_SLOT(thread, member) (slot_addr(thread) + offsetof(struct slot, member))

static uint64_t pattern(int thread, int n)
{
	return 0x1111111111111111ULL * (n % 15 + 1) ^ (0x5a5aULL << (thread * 4)) ^
	       (uint64_t)n << 56;
}

static void set_regs(struct image *im, int thread)
{
	struct user_regs_struct *r = &im->regs[thread];
	struct slot *s = image_slot(im, thread);
	unsigned long long *p[] = {
		&r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi, &r->rbp,
		&r->rsp, &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14,
	};
	int i, k;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < 15; i++)
		*p[i] = pattern(thread, i);
	/* The values that a system call's return would change. */
	r->rax = thread == 1 ? -516ULL : thread == 2 ? -512ULL : r->rax;
	r->rsp = slot_addr(thread) + 0x3c00;
	r->r15 = slot_addr(thread);
	r->rip = CODE_AT(code_entry);
	r->eflags = 0x202 | 0x41;	/* IF, CF, ZF */
	r->cs = 0x33;
	r->ss = 0x2b;
	r->orig_rax = -1;
	r->fs_base = IN_SLOT(thread, tls);
	s->tls = pattern(thread, 99);
	for (i = 0; i < 16; i++)
		for (k = 0; k < 32; k++)
			im->ymm[thread][i][k] = thread * 16 + i * 3 + k * 7 + 1;
}

static void sleep_in_syscall(struct image *im)
{
	struct user_regs_struct *r = &im->regs[0];
	struct slot *s = image_slot(im, 0);

	s->timespec[0] = s->robust[0] = 0;
	s->timespec[0] = 100000;	/* s: starting over would be noticed */
	s->result = 99;
	switch (im->restart.kind) {
	case LIVEMIG_RESTART_NANOSLEEP:
		r->rax = SYS_nanosleep;
		r->rdi = IN_SLOT(0, timespec);
		r->rsi = 0;
		break;
	case LIVEMIG_RESTART_POLL:
		r->rax = SYS_poll;
		r->rdi = 0;
		r->rsi = 0;
		r->rdx = 100000000;
		break;
	case LIVEMIG_RESTART_FUTEX:
		r->rax = SYS_futex;
		r->rdi = im->restart.addr = IN_SLOT(0, resv[0]);
		r->rsi = im->restart.flags;
		r->rdx = 0;
		r->r10 = IN_SLOT(0, timespec);
		break;
	default:
		return;
	}
	r->rip = CODE_AT(code_syscall);
}

void put_thread(struct lm_buf *b, struct image *im, int thread)
{
	struct livemig_altstack alt = { slot_addr(thread) + 0x1000, 0x2000, 0, 0 };
	struct livemig_rseq rseq = { IN_SLOT(thread, rseq), 32, 0x53053053 };
	char comm[16];
	int i;

	snprintf(comm, sizeof(comm), "restored-%d", thread);
	for (i = 0; i < 16; i++) {
		memcpy(xstate + 160 + i * 16, im->ymm[thread][i], 16);
		memcpy(xstate + YMM_HI + i * 16, im->ymm[thread][i] + 16, 16);
	}
	lm_put_u32(b, LIVEMIG_THREAD_TID, im->tid[thread]);
	lm_put_u32(b, LIVEMIG_THREAD_PID, im->pid);
	lm_put_str(b, LIVEMIG_THREAD_COMM, comm);
	lm_put(b, LIVEMIG_THREAD_REGS, &im->regs[thread], sizeof(im->regs[0]));
	lm_put(b, LIVEMIG_THREAD_XSTATE, xstate, xstate_len);
	lm_put_u64(b, LIVEMIG_THREAD_SIGMASK, 1ULL << (SIGUSR2 - 1) | 1ULL << thread);
	lm_put(b, LIVEMIG_THREAD_ALTSTACK, &alt, sizeof(alt));
	lm_put(b, LIVEMIG_THREAD_RSEQ, &rseq, sizeof(rseq));
	lm_put_u64(b, LIVEMIG_THREAD_ROBUST_LIST, IN_SLOT(thread, robust));
	lm_put_u64(b, LIVEMIG_THREAD_CLEAR_TID, IN_SLOT(thread, resv[1]));
	if (!thread && im->pending_value) {
		siginfo_t si[1] = { 0 };

		si->si_signo = SIGUSR1;
		si->si_code = SI_QUEUE;
		si->si_value.sival_ptr = (void *)im->pending_value;
		lm_put(b, LIVEMIG_THREAD_SIGPENDING, si, sizeof(si));
	}
	if (!thread && im->restart.kind)
		lm_put(b, LIVEMIG_THREAD_RESTART, &im->restart, sizeof(im->restart));
}

void put_process(struct lm_buf *b, struct image *im)
{
	struct livemig_sigaction sa[64] = { 0 };

	sa[SIGUSR1 - 1] = (struct livemig_sigaction){
		.handler = CODE_AT(code_handler),
		.flags = SA_SIGINFO | SA_ONSTACK | 0x04000000,
		.restorer = CODE_AT(code_restorer),
	};
	lm_put_u32(b, LIVEMIG_PROCESS_PID, im->pid);
	lm_put_u32(b, LIVEMIG_PROCESS_MM_ID, 1);
	lm_put(b, LIVEMIG_PROCESS_SIGACTIONS, sa, sizeof(sa));
	lm_put_u32(b, LIVEMIG_PROCESS_UMASK, 022);
}

void put_mm(struct lm_buf *b)
{
	struct livemig_mm_layout l = {
		.start_code = CODE_ADDR, .end_code = CODE_ADDR + CODE_LEN,
		.start_data = OUT_ADDR, .end_data = OUT_ADDR + OUT_LEN,
		.start_brk = 0x30000000, .brk = 0x30000000,
		.start_stack = OUT_ADDR + 0x3c00,
		.arg_start = OUT_ADDR, .arg_end = OUT_ADDR,
		.env_start = OUT_ADDR, .env_end = OUT_ADDR,
	};
	uint64_t auxv[] = { AT_PAGESZ, 4096, AT_UID, 4711, AT_NULL, 0 };

	lm_put_u32(b, LIVEMIG_MM_ID, 1);
	lm_put(b, LIVEMIG_MM_LAYOUT, &l, sizeof(l));
	lm_put(b, LIVEMIG_MM_AUXV, auxv, sizeof(auxv));
	lm_put_str(b, LIVEMIG_MM_EXE, "/bin/true");
}

int add(struct image *im, uint32_t type, struct lm_buf *b, char *why)
{
	struct livemig_ioc_add a = {
		.buf = (uintptr_t)b->data, .len = b->len, .type = type,
	};
	int ret = ioctl(im->dev, LIVEMIG_IOC_ADD, &a) ? -errno : 0;

	if (why)
		memcpy(why, a.why, sizeof(a.why));
	lm_buf_free(b);
	*b = (struct lm_buf){ 0 };
	return ret;
}

static int map_memory(struct image *im)
{
	struct lm_batch *b = lm_batch_new(im->helper);
	size_t code;
	int ret;

	code = lm_batch_data(b, code_begin, code_end - code_begin);
	lm_batch_put_fd(b, im->out_fd, 900, true);
	lm_batch_add(b, __NR_mmap, CODE_ADDR, CODE_LEN, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	lm_batch_add(b, __NR_mmap, OUT_ADDR, OUT_LEN, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_FIXED, 900, 0);
	lm_batch_add(b, __NR_close, 900);
	/* The helper reads its own data area into the code page. */
	lm_batch_add(b, __NR_pipe2, LM_DATA(lm_batch_data(b, NULL, 8)), 0);
	lm_batch_add(b, __NR_write, 1, LM_DATA(code), code_end - code_begin);
	lm_batch_add(b, __NR_read, 0, CODE_ADDR, CODE_LEN);
	lm_batch_add(b, __NR_close, 0);
	lm_batch_add(b, __NR_close, 1);
	lm_batch_add(b, __NR_mprotect, CODE_ADDR, CODE_LEN, PROT_READ | PROT_EXEC);
	ret = lm_batch_run(b, &im->e);
	lm_batch_free(b);
	return ret;
}

int image_begin(struct image *im, int threads, int cgroup_fd)
{
	struct lm_remote_opts o = { .cgroup_fd = cgroup_fd, .timeout_ms = 60000 };
	int i;

	im->threads = threads;
	im->dev = open("/dev/livemig", O_RDWR | O_CLOEXEC);
	im->out_fd = memfd_create("out", MFD_CLOEXEC);
	if (im->dev < 0 || im->out_fd < 0 || ftruncate(im->out_fd, OUT_LEN))
		return lm_fail_errno(&im->e, LM_FAILED, "begin");
	im->out = mmap(NULL, OUT_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
		       im->out_fd, 0);
	o.dev_fd = im->dev;
	if (lm_remote_start(&o, &im->helper, &im->e) || map_memory(im))
		return -1;
	im->pid = lm_remote_pid(im->helper);
	for (i = 0; i < threads; i++) {
		im->tid[i] = i ? im->pid + 1000 + i : im->pid;
		set_regs(im, i);
	}
	sleep_in_syscall(im);
	return 0;
}

int image_add(struct image *im)
{
	struct lm_buf b = { 0 };
	char why[64] = "";
	int i;

	put_mm(&b);
	if (add(im, LIVEMIG_OBJ_MM, &b, why))
		return lm_fail(&im->e, LM_FAILED, "mm: %s", why);
	put_process(&b, im);
	if (add(im, LIVEMIG_OBJ_PROCESS, &b, why))
		return lm_fail(&im->e, LM_FAILED, "process: %s", why);
	for (i = 0; i < im->threads; i++) {
		put_thread(&b, im, i);
		if (add(im, LIVEMIG_OBJ_THREAD, &b, why))
			return lm_fail(&im->e, LM_FAILED, "thread %d: %s", i, why);
	}
	return 0;
}

int image_become(struct image *im)
{
	struct lm_helper_become how = {
		.restart_kind = im->restart.kind,
		.clockid = im->restart.clockid,
		.futex_op = im->restart.flags,
	};
	int i;

	for (i = 1; i < im->threads; i++)
		if (lm_remote_thread(im->helper, &(struct lm_tids){ 1, { im->tid[i] } }, NULL, NULL, &im->e))
			return -1;
	return lm_remote_become(im->helper, NULL, &how, &im->e);
}

int image_wait(struct image *im, struct livemig_ioc_wait *w)
{
	w->timeout_ms = w->timeout_ms ?: 60000;
	if (!ioctl(im->dev, LIVEMIG_IOC_WAIT, w))
		return 0;
	lm_fail_errno(&im->e, LM_FAILED, "pid %u: %s", w->failed_pid, w->step);
	return -errno;
}

int image_serve(struct image *im)
{
	struct livemig_ioc_serve s = { 0 };

	if (ioctl(im->dev, LIVEMIG_IOC_SERVE, &s))
		return -errno;
	return s.served;
}

int image_ready(struct image *im, int threads, int cgroup_fd)
{
	struct livemig_ioc_wait w = { 0 };

	return image_begin(im, threads, cgroup_fd) || image_add(im) ||
	       image_become(im) || image_wait(im, &w) ? -1 : 0;
}

bool image_done(struct image *im, int ms)
{
	int i;

	for (; ms > 0; ms -= 10) {
		for (i = 0; i < im->threads; i++)
			if (!__atomic_load_n(&image_slot(im, i)->done, __ATOMIC_ACQUIRE))
				break;
		if (i == im->threads)
			return true;
		sleep_ms(10);
	}
	return false;
}

void image_end(struct image *im)
{
	if (im->pid)
		kill(im->pid, SIGKILL);
	if (im->pid)
		waitpid(im->pid, NULL, 0);
	lm_remote_release(im->helper);
	if (im->out)
		munmap(im->out, OUT_LEN);
	close(im->out_fd);
	close(im->dev);
	memset(im, 0, sizeof(*im));
}
