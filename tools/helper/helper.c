// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The restore helper: a process that makes the system calls that its
 * coordinator sends (tools/lib/helper_proto.h), until it becomes a process of
 * the restored container and this program is unmapped.
 *
 * No libc: nothing here may leave traces in the process (rseq, robust list,
 * TLS, heap), and nothing may lie outside of the helper's own range of
 * addresses. All of the state is the stack, the request, and one number.
 */
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/socket.h>
#include <linux/time_types.h>
#include <linux/types.h>
#include <asm/errno.h>
#include <asm/unistd.h>
#include "helper_proto.h"
#include "syscall.h"

#define STACK_SIZE 32768
#define MAX_ERRNO 4095
#define F_SETFD 2
#define FD_CLOEXEC 1
#define O_CLOEXEC 02000000
#define MSG_NOSIGNAL 0x4000

struct iovec {
	void *base;
	__u64 len;
};

struct msghdr {
	void *name;
	__u32 namelen, pad1;
	struct iovec *iov;
	__u64 iovlen;
	void *control;
	__u64 controllen;
	__u32 flags, pad2;
};

char helper_stack[STACK_SIZE] __attribute__((aligned(16)));
static char request[LM_HELPER_MSG_MAX] __attribute__((aligned(16)));
static int fd_base;
extern char __executable_start[];

void helper_main(long *sp);
void thread_main(struct lm_helper_req *req);
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n);
void *memset(void *to, int c, __SIZE_TYPE__ n);

/* gcc calls these by itself. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ n)
{
	void *d = to;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void *memset(void *to, int c, __SIZE_TYPE__ n)
{
	void *d = to;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return to;
}

static int fd(enum lm_helper_fd which)
{
	return fd_base + which;
}

static __attribute__((noreturn)) void die(int status)
{
	for (;;)
		sys(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

static long clone3(struct clone_args *ca)
{
	return sys(__NR_clone3, (long)ca, sizeof(*ca), 0, 0, 0, 0);
}

static struct lm_call *req_calls(struct lm_helper_req *req)
{
	return (struct lm_call *)(req + 1);
}

static char *req_data(struct lm_helper_req *req)
{
	return (char *)(req_calls(req) + req->nr_calls);
}

static long move_fd(long from, long to, long cloexec)
{
	long ret;

	if (from == to)
		return sys(__NR_fcntl, from, F_SETFD, cloexec ? FD_CLOEXEC : 0, 0, 0, 0);
	ret = sys(__NR_dup3, from, to, cloexec ? O_CLOEXEC : 0, 0, 0, 0);
	sys(__NR_close, from, 0, 0, 0, 0, 0);
	return ret < 0 ? ret : 0;
}

static long call(__u32 nr, const long *a)
{
	switch (nr) {
	case LM_NR_STORE64:
		*(volatile __u64 *)a[0] = a[1];
		return 0;
	case LM_NR_STORE32:
		*(volatile __u32 *)a[0] = a[1];
		return 0;
	case LM_NR_MOVE_FD:
		return move_fd(a[0], a[1], a[2]);
	case LM_NR_TOUCH:
		*(volatile char *)a[0];
		return 0;
	}
	return sys(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/*
 * Run the calls. The result of each takes the place of its first argument; in
 * the end they are moved together at the start of the calls, which are no
 * longer needed.
 */
/* One call; the results of those before @packed are where the answer has them. */
static long run_call(struct lm_helper_req *req, __u32 n, __u32 packed)
{
	struct lm_call *calls = req_calls(req), *c = &calls[n];
	const __s64 *results = (const __s64 *)calls;
	long a[6], ret;
	int k;

	for (k = 0; k < 6; k++) {
		a[k] = c->args[k];
		if (c->kind[k] == LM_ARG_DATA)
			a[k] += (long)req_data(req);
		else if (c->kind[k] == LM_ARG_RESULT)
			a[k] = a[k] < packed ? results[a[k]] : (long)calls[a[k]].args[0];
	}
	ret = call(c->nr, a);
	c->args[0] = ret;
	return ret < 0 && ret >= -MAX_ERRNO && !(c->flags & LM_CALL_F_MAY_FAIL) ? ret : 0;
}

/* All calls but the last @late. */
static void run_but(struct lm_helper_req *req, __u32 late, struct lm_helper_reply *reply)
{
	struct lm_call *calls = req_calls(req);
	__s64 *results = (__s64 *)calls;
	__u32 i, n = 0;

	reply->error = 0;
	while (n + late < req->nr_calls && !reply->error)
		reply->error = run_call(req, n++, 0);
	for (i = 0; i < n; i++)
		results[i] = calls[i].args[0];
	reply->nr_results = n;
}

static void run(struct lm_helper_req *req, struct lm_helper_reply *reply)
{
	run_but(req, 0, reply);
}

/* The last @late of them. */
static long run_late(struct lm_helper_req *req, __u32 late)
{
	__u32 first = req->nr_calls - late, n;
	long ret = 0;

	for (n = first; n < req->nr_calls && !ret; n++)
		ret = run_call(req, n, first);
	return ret;
}

static void answer(struct lm_helper_req *req, struct lm_helper_reply *reply)
{
	struct iovec iov[3] = {
		{ reply, sizeof(*reply) },
		{ req_calls(req), reply->nr_results * sizeof(__s64) },
		{ req_data(req), 0 },
	};
	struct msghdr msg = { .iov = iov, .iovlen = 3 };

	if (req->data_back)
		iov[2].len = req->data_len;
	reply->data_len = iov[2].len;
	reply->pid = sys(__NR_gettid, 0, 0, 0, 0, 0, 0);
	if (sys(__NR_sendmsg, fd(LM_HELPER_FD_CTL), (long)&msg, MSG_NOSIGNAL,
		0, 0, 0) < 0)
		die(1);
}

/*
 * Sleep as the dumped thread did, so that the kernel itself fills in how the
 * sleep is to be restarted; the module takes the thread from there and puts
 * the real numbers in. No signal ends it: all are blocked.
 */
static void sleep_like(const struct lm_helper_become *how)
{
	struct __kernel_timespec ts = { .tv_sec = 1 << 20 };
	__u32 word = 0, op = FUTEX_WAIT;

	switch (how->restart_kind) {
	case LIVEMIG_RESTART_NANOSLEEP:
		sys(__NR_clock_nanosleep, how->clockid, 0, (long)&ts, 0, 0, 0);
		break;
	case LIVEMIG_RESTART_POLL:
		sys(__NR_poll, 0, 0, 1 << 30, 0, 0, 0);
		break;
	case LIVEMIG_RESTART_FUTEX:
		/* WAIT knows no CLOCK_REALTIME; WAIT_BITSET's time is absolute */
		if (how->futex_op & FUTEX_CLOCK_REALTIME) {
			op = FUTEX_WAIT_BITSET;
			ts.tv_sec = 1LL << 33;
		}
		op |= how->futex_op & (FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
		sys(__NR_futex, (long)&word, op, 0, (long)&ts, 0, ~0U);
		break;
	}
}

/* Why the module did not take it is told to the coordinator by the module. */
static __attribute__((noreturn)) void become(const struct lm_helper_become *how, long error)
{
	struct livemig_ioc_become b = {
		.error = -error,
		.unmap.start = (__u64)__executable_start,
		.unmap.end = (__u64)__executable_start + LM_HELPER_SIZE,
		.close_fd = { fd(LM_HELPER_FD_CTL), fd(LM_HELPER_FD_DEV),
			      fd(LM_HELPER_FD_COORD), fd(LM_HELPER_FD_NEXT) },
	};
	long ret;

	if (how->restart_kind)
		b.flags = LIVEMIG_BECOME_F_SLEEP;
	ret = sys(__NR_ioctl, fd(LM_HELPER_FD_DEV), LIVEMIG_IOC_BECOME, (long)&b,
		  0, 0, 0);
	while (!ret && how->restart_kind)
		sleep_like(how);
	die(2);
}

static void run_and_become(struct lm_helper_req *req)
{
	struct lm_helper_become how = req->become;
	struct lm_helper_reply reply = { 0 };

	run_but(req, how.late, &reply);
	if (!reply.error)
		reply.error = sys(__NR_prctl, PR_SET_PDEATHSIG, how.pdeath_sig,
				  0, 0, 0, 0);
	answer(req, &reply);
	if (!reply.error)
		become(&how, run_late(req, how.late));
}

void thread_main(struct lm_helper_req *req)
{
	run_and_become(req);
	sys(__NR_exit, 1, 0, 0, 0, 0, 0);
}

/* A thread has its request and its stack in a slot that is mapped already. */
static void spawn(struct lm_helper_req *req, long len)
{
	char *slot = __executable_start + LM_HELPER_SLOTS +
		     req->slot * LM_HELPER_SLOT_SIZE;
	__u32 tids[LM_HELPER_LEVELS], nr = req->nr_tids;
	struct clone_args ca = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
			 CLONE_THREAD | CLONE_SYSVSEM,
		.stack = (__u64)slot,
		.stack_size = LM_HELPER_SLOT_SIZE,
		.set_tid = nr ? (__u64)tids : 0,
		.set_tid_size = nr,
	};
	struct lm_helper_reply reply = { 0 };

	memcpy(tids, req->tids, sizeof(tids));
	memcpy(slot, req, len);
	reply.error = clone_thread(&ca, sizeof(ca), slot, thread_main);
	if (reply.error < 0) {
		req->data_len = 0;
		answer(req, &reply);
	}
}

/* Who shares his parent's descriptors has his own ones under other numbers. */
static long settle_fds(int base)
{
	long next = fd(LM_HELPER_FD_NEXT);

	if (base && (sys(__NR_dup3, fd(LM_HELPER_FD_DEV), base + LM_HELPER_FD_DEV, 0,
			 0, 0, 0) < 0 ||
		     sys(__NR_dup3, fd(LM_HELPER_FD_COORD), base + LM_HELPER_FD_COORD,
			 0, 0, 0, 0) < 0))
		return -1;
	if (base)
		fd_base = base;
	return move_fd(next, fd(LM_HELPER_FD_CTL), 0);
}

static void fork_helper(struct lm_helper_req *req)
{
	int base = req->clone_flags & CLONE_FILES ? (int)req->fd_base : 0;
	__u32 tids[LM_HELPER_LEVELS], nr = req->nr_tids;
	struct clone_args ca = {
		.flags = req->clone_flags,
		.exit_signal = req->exit_signal,
		.set_tid = nr ? (__u64)tids : 0,
		.set_tid_size = nr,
	};
	struct lm_helper_reply reply = { 0 };

	run(req, &reply);
	if (reply.error) {
		req->data_len = 0;
		answer(req, &reply);
		return;
	}
	memcpy(tids, req->tids, sizeof(tids));
	reply.error = clone3(&ca);
	if (!reply.error) {
		if (settle_fds(base))
			die(1);
		return;
	}
	/* (the child of a shared table takes it away) */
	if (!base || reply.error < 0)
		sys(__NR_close, fd(LM_HELPER_FD_NEXT), 0, 0, 0, 0, 0);
	req->data_len = 0;
	answer(req, &reply);
}

static int number(const char *s)
{
	int n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + *s++ - '0';
	return n;
}

/* @sp: the stack as exec left it. */
void helper_main(long *sp)
{
	struct lm_helper_req *req = (struct lm_helper_req *)request;
	__u64 all = ~0ULL;
	long len;

	if (sp[0] != 2)
		die(3);
	fd_base = number((char *)sp[2]);
	sys(__NR_rt_sigprocmask, 0 /* SIG_BLOCK */, (long)&all, 0, sizeof(all), 0, 0);
	sys(__NR_prctl, PR_SET_PDEATHSIG, 9, 0, 0, 0, 0);
	for (;;) {
		struct lm_helper_reply reply = { 0 };

		len = sys(__NR_recvfrom, fd(LM_HELPER_FD_CTL), (long)request,
			  sizeof(request), 0, 0, 0);
		if (len < (long)sizeof(*req))
			die(len ? 1 : 0);	/* 0: the coordinator is gone */
		switch (req->cmd) {
		case LM_HELPER_RUN:
			run(req, &reply);
			answer(req, &reply);
			break;
		case LM_HELPER_FORK:
			fork_helper(req);
			break;
		case LM_HELPER_THREAD:
			spawn(req, len);
			break;
		case LM_HELPER_BECOME:
			run_and_become(req);
			break;
		default:
			die(3);
		}
	}
}
