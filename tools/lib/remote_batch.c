// SPDX-License-Identifier: LGPL-2.1-or-later
/* System calls for a restore helper: single ones and batches. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "remote_priv.h"

#define ALIGN8(n) (((n) + 7) & ~(size_t)7)

/* The calls that errors name; others appear by number. */
static const char *const call_names[] = {
	[__NR_write] = "write",
	[__NR_close] = "close",
	[__NR_lseek] = "lseek",
	[__NR_mmap] = "mmap",
	[__NR_mprotect] = "mprotect",
	[__NR_munmap] = "munmap",
	[__NR_ioctl] = "ioctl",
	[__NR_mremap] = "mremap",
	[__NR_madvise] = "madvise",
	[__NR_setitimer] = "setitimer",
	[__NR_fcntl] = "fcntl",
	[__NR_chdir] = "chdir",
	[__NR_fchdir] = "fchdir",
	[__NR_umask] = "umask",
	[__NR_setpgid] = "setpgid",
	[__NR_setsid] = "setsid",
	[__NR_setgroups] = "setgroups",
	[__NR_setresuid] = "setresuid",
	[__NR_setresgid] = "setresgid",
	[__NR_setfsuid] = "setfsuid",
	[__NR_setfsgid] = "setfsgid",
	[__NR_capset] = "capset",
	[__NR_rt_sigqueueinfo] = "rt_sigqueueinfo",
	[__NR_timer_create] = "timer_create",
	[__NR_timer_settime] = "timer_settime",
	[__NR_rt_tgsigqueueinfo] = "rt_tgsigqueueinfo",
	[__NR_sched_setaffinity] = "sched_setaffinity",
	[__NR_sched_setscheduler] = "sched_setscheduler",
	[__NR_sched_setattr] = "sched_setattr",
	[__NR_setpriority] = "setpriority",
	[__NR_prctl] = "prctl",
	[__NR_arch_prctl] = "arch_prctl",
	[__NR_mlock] = "mlock",
	[__NR_chroot] = "chroot",
	[__NR_personality] = "personality",
	[__NR_openat] = "openat",
	[__NR_unshare] = "unshare",
	[__NR_dup3] = "dup3",
	[__NR_prlimit64] = "prlimit64",
	[__NR_setns] = "setns",
	[__NR_mlock2] = "mlock2",
	[__NR_mbind] = "mbind",
	[__NR_set_mempolicy] = "set_mempolicy",
	[__NR_membarrier] = "membarrier",
	[__NR_seccomp] = "seccomp",
	[__NR_shmat] = "shmat",
	[__NR_semop] = "semop",
	[__NR_pidfd_getfd] = "pidfd_getfd",
};

static const char *call_name(uint32_t nr, char *buf, size_t len)
{
	if (nr < sizeof(call_names) / sizeof(call_names[0]) && call_names[nr])
		return call_names[nr];
	if (nr == LM_NR_MOVE_FD)
		return "dup3";
	snprintf(buf, len, "system call %u", nr);
	return buf;
}

struct lm_batch *lm_batch_new(struct lm_remote *r)
{
	struct lm_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->r = r;
	return b;
}

void lm_batch_free(struct lm_batch *b)
{
	if (!b)
		return;
	free(b->calls);
	free(b->data);
	free(b->results);
	free(b);
}

void lm_batch_reset(struct lm_batch *b)
{
	b->nr_calls = b->nr_results = b->data_len = 0;
	b->overflow = false;
}

static size_t batch_len(const struct lm_batch *b)
{
	return sizeof(struct lm_helper_req) + b->nr_calls * sizeof(*b->calls) +
	       b->data_len;
}

bool lm_batch_room(const struct lm_batch *b, size_t calls, size_t data)
{
	size_t left = LM_HELPER_MSG_MAX - batch_len(b);

	return !b->overflow && calls <= left / sizeof(*b->calls) &&
	       ALIGN8(data) >= data &&
	       ALIGN8(data) <= left - calls * sizeof(*b->calls);
}

/* Most batches are short. */
static bool more_calls(struct lm_batch *b)
{
	size_t n = b->max_calls ? 2 * b->max_calls : 16;
	void *calls = realloc(b->calls, n * sizeof(*b->calls));
	void *results = calls ? realloc(b->results, n * sizeof(*b->results)) : NULL;

	if (calls)
		b->calls = calls;
	if (!results)
		return false;
	b->results = results;
	b->max_calls = n;
	return true;
}

static bool more_data(struct lm_batch *b, size_t len)
{
	size_t n = b->max_data ? b->max_data : 512;
	void *data;

	while (n < b->data_len + len)
		n *= 2;
	data = realloc(b->data, n);
	if (!data)
		return false;
	b->data = data;
	b->max_data = n;
	return true;
}

int lm_batch_add_(struct lm_batch *b, uint8_t flags, const struct lm_arg *a,
		  size_t n)
{
	struct lm_call *c;
	size_t i;

	if (!b)
		return 0;
	if (!lm_batch_room(b, 1, 0) ||
	    (b->nr_calls == b->max_calls && !more_calls(b))) {
		b->overflow = true;
		return 0;
	}
	c = &b->calls[b->nr_calls];
	memset(c, 0, sizeof(*c));
	c->nr = a[0].value;
	c->flags = flags;
	for (i = 1; i < n; i++) {
		c->kind[i - 1] = a[i].kind;
		c->args[i - 1] = a[i].value;
	}
	return b->nr_calls++;
}

size_t lm_batch_data(struct lm_batch *b, const void *p, size_t len)
{
	size_t at;

	if (!b)
		return 0;
	if (!lm_batch_room(b, 0, len) ||
	    (b->data_len + ALIGN8(len) > b->max_data && !more_data(b, ALIGN8(len)))) {
		b->overflow = true;
		return 0;
	}
	at = b->data_len;
	memset(b->data + at, 0, ALIGN8(len));
	if (p)
		memcpy(b->data + at, p, len);
	b->data_len += ALIGN8(len);
	return at;
}

size_t lm_batch_str(struct lm_batch *b, const char *s)
{
	return lm_batch_data(b, s, strlen(s) + 1);
}

int lm_batch_put_fd(struct lm_batch *b, int local, int remote, bool cloexec)
{
	int got;

	if (!b)
		return 0;
	got = lm_batch_add(b, __NR_pidfd_getfd,
			   b->r->fd_base + LM_HELPER_FD_COORD, local, 0);
	return lm_batch_add(b, LM_NR_MOVE_FD, LM_RESULT(got), remote, cloexec);
}

int lm_batch_failed(const struct lm_batch *b, int error, struct lm_error *e)
{
	size_t n = b->nr_results ? b->nr_results - 1 : 0;
	char buf[32];

	errno = -error;
	return lm_fail_errno(e, LM_FAILED, "helper %u: %s (call %zu of %zu)",
			     b->r->pid,
			     call_name(b->calls[n].nr, buf, sizeof(buf)),
			     n + 1, b->nr_calls);
}

int lm_batch_run(struct lm_batch *b, struct lm_error *e)
{
	struct lm_helper_req req = { .cmd = LM_HELPER_RUN, .data_back = 1 };
	struct lm_helper_reply reply;

	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	if (!b->nr_calls && !b->overflow)
		return 0;
	if (lm_remote_exchange(b->r, &req, b, &reply, e))
		return -1;
	if (reply.error)
		return lm_batch_failed(b, reply.error, e);
	return 0;
}

size_t lm_batch_done(const struct lm_batch *b)
{
	return b->nr_results;
}

int64_t lm_batch_result(const struct lm_batch *b, int call)
{
	if (call < 0 || (size_t)call >= b->nr_results)
		return -ENODATA;
	return b->results[call];
}

const void *lm_batch_get(const struct lm_batch *b, size_t offset)
{
	return b->data + offset;
}

int64_t lm_remote_syscall_(struct lm_remote *r, struct lm_error *e,
			   const struct lm_arg *a, size_t n)
{
	struct lm_call call;
	int64_t result;
	struct lm_batch b = { .r = r, .calls = &call, .results = &result, .max_calls = 1 };

	lm_batch_add_(&b, 0, a, n);
	if (!lm_batch_run(&b, e) || b.nr_results)
		return result;
	return errno == ETIMEDOUT ? -ETIMEDOUT : -ECONNRESET;
}

int lm_remote_put_fd(struct lm_remote *r, int local, int remote, bool cloexec,
		     struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(r);
	int ret;

	lm_batch_put_fd(b, local, remote, cloexec);
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret;
}

/* Move all parts by the same distance: @from becomes @to. */
static void add_vdso_move(struct lm_batch *b, uint64_t from, uint64_t to)
{
	struct lm_remote *r = b->r;
	int i;

	for (i = 0; i < r->nr_vdso; i++) {
		struct livemig_range *p = &r->vdso[i];
		uint64_t len = p->end - p->start;

		lm_batch_add(b, __NR_mremap, p->start, len, len,
			     MREMAP_MAYMOVE | MREMAP_FIXED, p->start - from + to);
		p->start += to - from;
		p->end = p->start + len;
	}
}

/* In two hops: where it is and where it goes may overlap. */
int lm_remote_move_vdso(struct lm_remote *r, uint64_t start, struct lm_error *e)
{
	uint64_t from = r->vdso[0].start, len, hop;
	struct lm_batch *b;
	int ret;

	if (!r->nr_vdso)
		return lm_fail(e, LM_FAILED, "helper %u has no vdso", r->pid);
	if (start == from)
		return 0;
	len = lm_remote_vdso(r).end - from;
	hop = lm_remote_syscall(r, e, __NR_mmap, 0, len, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if ((int64_t)hop < 0 && (int64_t)hop > -4096)
		return -1;
	b = lm_batch_new(r);
	if (!b)
		return lm_fail(e, LM_FAILED, "out of memory");
	add_vdso_move(b, from, hop);
	lm_batch_add(b, __NR_munmap, start, len);
	add_vdso_move(b, hop, start);
	if (hop + len <= start || start + len <= hop)
		lm_batch_add(b, __NR_munmap, hop, len);	/* gaps between parts */
	ret = lm_batch_run(b, e);
	lm_batch_free(b);
	return ret;
}
