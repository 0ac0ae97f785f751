// SPDX-License-Identifier: LGPL-2.1-or-later
/* Restore helpers: starting, forking, talking to and ending them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "remote_priv.h"

#define DEFAULT_FD_BASE	1000
#define DEFAULT_TIMEOUT	30000
#define INSTALLED	"/usr/libexec/livemig"

/* Slots are mapped so many at a time. */
#define SLOT_CHUNK	32

int lm_remote_path(bool alt, char *buf, size_t len, struct lm_error *e)
{
	const char *name = alt ? "livemig-helper-alt" : "livemig-helper";
	const char *env = getenv("LIVEMIG_HELPER");
	char self[4096];
	ssize_t n;

	if (env) {
		snprintf(buf, len, "%s%s", env, alt ? "-alt" : "");
		if (!access(buf, X_OK))
			return 0;
		return lm_fail_errno(e, LM_REFUSED, "%s (from $LIVEMIG_HELPER)", buf);
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = 0;
		*strrchr(self, '/') = 0;
		snprintf(buf, len, "%s/%s", self, name);
		if (!access(buf, X_OK))
			return 0;
	}
	snprintf(buf, len, INSTALLED "/%s", name);
	if (!access(buf, X_OK))
		return 0;
	return lm_fail(e, LM_REFUSED, "no %s beside this program or in "
		       INSTALLED "; set LIVEMIG_HELPER", name);
}

bool lm_remote_collides(bool alt, uint64_t start, uint64_t end)
{
	uint64_t base = alt ? LM_HELPER_BASE_ALT : LM_HELPER_BASE;

	return start < base + LM_HELPER_SIZE && end > base;
}

/* ---- talking ---- */

static int helper_gone(struct lm_remote *r, struct lm_error *e)
{
	siginfo_t si = { 0 };

	if (!waitid(P_PIDFD, r->pidfd, &si, WEXITED | WNOHANG | WNOWAIT) &&
	    si.si_pid)
		lm_fail(e, LM_FAILED, "helper %u %s %d", r->pid,
			si.si_code == CLD_EXITED ? "exited with status" :
			"was killed by signal", si.si_status);
	else
		lm_fail(e, LM_FAILED, "helper %u died", r->pid);
	errno = ECONNRESET;
	return -1;
}

static int take_reply(struct lm_remote *r, struct lm_batch *b,
		      struct lm_helper_reply *reply, struct lm_error *e)
{
	struct iovec iov[3] = { { reply, sizeof(*reply) } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 1 };
	ssize_t n;

	/* Results and data follow each other: of a batch that stopped early there
	 * are fewer results, and its data is not looked at.
	 */
	if (b) {
		iov[1] = (struct iovec){ b->results, b->nr_calls * 8 };
		iov[2] = (struct iovec){ b->data, b->data_len };
		msg.msg_iovlen = 3;
	}
	do
		n = recvmsg(r->ctl, &msg, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN) {
		lm_fail(e, LM_FAILED, "helper %u did not answer within %d ms",
			r->pid, r->timeout_ms);
		errno = ETIMEDOUT;
		return -1;
	}
	if (n < (ssize_t)sizeof(*reply))
		return helper_gone(r, e);
	if (!b)
		return 0;
	if (msg.msg_flags & MSG_TRUNC || reply->nr_results > b->nr_calls ||
	    reply->data_len > b->data_len)
		return lm_fail(e, LM_FAILED, "helper %u: malformed reply", r->pid);
	b->nr_results = reply->nr_results;
	return 0;
}

int lm_remote_exchange(struct lm_remote *r, struct lm_helper_req *req,
		       struct lm_batch *b, struct lm_helper_reply *reply,
		       struct lm_error *e)
{
	struct iovec iov[3] = { { req, sizeof(*req) } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	if (b) {
		b->nr_results = 0;
		if (b->overflow)
			return lm_fail(e, LM_FAILED, "helper %u: batch too large",
				       r->pid);
		req->nr_calls = b->nr_calls;
		req->data_len = b->data_len;
		iov[1] = (struct iovec){ b->calls, b->nr_calls * sizeof(*b->calls) };
		iov[2] = (struct iovec){ b->data, b->data_len };
	}
	if (r->became)
		return lm_fail(e, LM_FAILED, "helper %u takes no more calls", r->pid);
	if (sendmsg(r->ctl, &msg, MSG_NOSIGNAL) < 0)
		return errno == EPIPE || errno == ECONNRESET ? helper_gone(r, e) :
		       lm_fail_errno(e, LM_FAILED, "helper %u", r->pid);
	return take_reply(r, b, reply, e);
}

/* ---- starting ---- */

/* In the child: fds in their places, all others closed, and exec. Only calls
 * that are safe after a fork in a program with threads.
 */
static void exec_helper(const struct lm_remote_opts *o, int base, int program,
			int ctl, int coord)
{
	struct lm_helper_reply reply = { 0 };
	int from[] = { ctl, o->dev_fd, coord, program };
	char arg[16], *argv[] = { "livemig-helper", arg, NULL }, *envp[] = { NULL };
	struct rlimit lim;
	int i;

	if (!getrlimit(RLIMIT_NOFILE, &lim) && lim.rlim_cur < (rlim_t)base + 16) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
	if (o->userns && ioctl(o->dev_fd, LIVEMIG_IOC_CREDS))
		goto fail;
	for (i = 0; i < 4; i++) {	/* out of each other's way */
		from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, base + LM_HELPER_FDS);
		if (from[i] < 0)
			goto fail;
	}
	for (i = 0; i < 3; i++)
		if (dup2(from[i], base + i) < 0)
			goto fail;
	if (dup3(from[3], base + LM_HELPER_FD_NEXT, O_CLOEXEC) < 0 ||
	    (base && close_range(0, base - 1, 0)) ||
	    close_range(base + LM_HELPER_FDS, ~0U, 0))
		goto fail;
	snprintf(arg, sizeof(arg), "%d", base);
	syscall(__NR_execveat, base + LM_HELPER_FD_NEXT, "", argv, envp,
		AT_EMPTY_PATH);
	ctl = base;
fail:
	reply.error = -errno;
	send(ctl, &reply, sizeof(reply), MSG_NOSIGNAL);
	_exit(127);
}

static int note_vdso(struct lm_remote *r, uint64_t start, uint64_t end,
		     struct lm_error *e)
{
	if (r->nr_vdso == LM_VDSO_PARTS)
		return lm_fail(e, LM_FAILED, "helper %u: vdso in too many parts",
			       r->pid);
	r->vdso[r->nr_vdso++] = (struct livemig_range){ start, end };
	return 0;
}

/* Unmap what exec has left besides vvar, vdso and the helper's own. */
static int clean_memory(struct lm_remote *r, struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(r);
	char path[64], line[512];
	int ret = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/maps", r->pid);
	f = fopen(path, "re");
	if (!f || !b) {
		lm_fail_errno(e, LM_FAILED, "%s", path);
		goto out;
	}
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end;
		int name = 0;

		sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &name);
		if (start >= r->base && end <= r->base + LM_HELPER_SIZE) {
			continue;
		} else if (!strncmp(line + name, "[vvar", 5) ||
			   !strncmp(line + name, "[vdso]", 6)) {
			if (note_vdso(r, start, end, e))
				goto out;
		} else if (strncmp(line + name, "[vsyscall]", 10)) {
			lm_batch_add(b, __NR_munmap, start, end - start);
		}
	}
	ret = lm_batch_run(b, e);
out:
	if (f)
		fclose(f);
	lm_batch_free(b);
	return ret;
}

/* The two ends of what we and a helper talk over. */
static int control(struct lm_remote *r, int sv[2])
{
	struct timeval tv = { r->timeout_ms / 1000, r->timeout_ms % 1000 * 1000 };

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -1;
	if (!setsockopt(sv[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)))
		return 0;
	close(sv[0]);
	close(sv[1]);
	sv[0] = sv[1] = -1;
	return -1;
}

static struct lm_remote *remote_new(int fd_base, int timeout_ms, uint64_t base)
{
	struct lm_remote *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->pidfd = r->ctl = -1;
	r->fd_base = fd_base;
	r->timeout_ms = timeout_ms;
	r->base = base;
	return r;
}

static bool moved(int cgroup)
{
	int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, "0", 1) == 1;
}

/*
 * clone3() in a user namespace, so that what it makes belongs to that, or (0) in a cgroup.
 * A child of ours goes there and gives birth to a sibling, who takes our credentials again.
 */
static long clone_in(int userns, int cgroup, struct clone_args *ca)
{
	long pid = -ECHILD;
	pid_t child;
	int p[2];

	ca->flags = (ca->flags & ~CLONE_PIDFD) | CLONE_PARENT;
	ca->exit_signal = 0;
	if (pipe2(p, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		pid = (cgroup >= 0 && !moved(cgroup)) ||
		      (userns && setns(userns, CLONE_NEWUSER)) ? -1 :
		      syscall(__NR_clone3, ca, sizeof(*ca));
		if (!pid)
			return 0;
		if (pid < 0)
			pid = -errno;
		_exit(write(p[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	close(p[1]);
	if (child < 0)
		pid = -errno;
	else if (TEMP_FAILURE_RETRY(read(p[0], &pid, sizeof(pid))) != sizeof(pid))
		pid = -ECHILD;
	close(p[0]);
	if (child > 0)
		TEMP_FAILURE_RETRY(waitpid(child, NULL, 0));
	errno = pid < 0 ? -pid : 0;
	return pid < 0 ? -1 : pid;
}

/* A helper that has not answered: because somebody, or the kernel, has killed it? */
static bool was_killed(const struct lm_remote *r)
{
	struct pollfd pfd = { r->pidfd, POLLIN, 0 };
	siginfo_t si = { 0 };

	return poll(&pfd, 1, 1000) == 1 &&
	       !waitid(P_PIDFD, r->pidfd, &si, WEXITED | WNOHANG | WNOWAIT) &&
	       si.si_code == CLD_KILLED && si.si_status == SIGKILL;
}

/* @move: it is not born in its cgroup, but of one who has gone there. */
static int start(const struct lm_remote_opts *o, bool move, bool *killed,
		 struct lm_remote **out, struct lm_error *e)
{
	pid_t set_tid = o->pid;
	int pidfd = -1, sv[2] = { -1, -1 }, coord = -1, program = -1, home = -1;
	struct clone_args ca = {
		.flags = o->clone_flags | CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
		.set_tid = o->pid ? (uintptr_t)&set_tid : 0,
		.set_tid_size = o->pid ? 1 : 0,
	};
	struct lm_helper_req ping = { .cmd = LM_HELPER_RUN };
	struct lm_helper_reply reply;
	struct lm_remote *r;
	char path[4096];
	long pid;

	r = remote_new(o->fd_base ? o->fd_base : DEFAULT_FD_BASE,
		       o->timeout_ms ? o->timeout_ms : DEFAULT_TIMEOUT,
		       o->alt ? LM_HELPER_BASE_ALT : LM_HELPER_BASE);
	if (!r)
		return lm_fail(e, LM_FAILED, "out of memory");
	if (o->path)
		snprintf(path, sizeof(path), "%s", o->path);
	else if (lm_remote_path(o->alt, path, sizeof(path), e))
		goto fail;
	program = open(path, O_PATH | O_CLOEXEC);
	if (program < 0) {
		lm_fail_errno(e, LM_REFUSED, "%s", path);
		goto fail;
	}
	coord = syscall(__NR_pidfd_open, getpid(), 0);
	if (coord < 0 || control(r, sv)) {
		lm_fail_errno(e, LM_FAILED, "starting a helper");
		goto fail;
	}
	if (o->cgroup_fd >= 0 && !move) {
		ca.flags |= CLONE_INTO_CGROUP;
		ca.cgroup = o->cgroup_fd;
	}
	if (o->pidns) {
		home = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
		if (home < 0 || setns(o->pidns, CLONE_NEWPID)) {
			lm_fail_errno(e, LM_FAILED, "entering a pid namespace");
			goto fail;
		}
	}
	pid = o->userns || move ? clone_in(o->userns, move ? o->cgroup_fd : -1, &ca) :
				  syscall(__NR_clone3, &ca, sizeof(ca));
	if (!pid)
		exec_helper(o, r->fd_base, program, sv[1], coord);
	if (home >= 0) {
		int saved = errno;

		setns(home, CLONE_NEWPID);
		errno = saved;
	}
	if (pid < 0) {
		lm_fail_errno(e, LM_FAILED, "creating process %u%s", o->pid,
			      errno == EEXIST ? ": the pid is taken" : "");
		goto fail;
	}
	r->pid = pid;
	r->pidfd = pidfd < 0 ? syscall(__NR_pidfd_open, pid, 0) : pidfd;
	r->ctl = sv[0];
	close(sv[1]);
	close(coord);
	close(program);
	sv[0] = sv[1] = coord = program = -1;
	if (lm_remote_exchange(r, &ping, NULL, &reply, e)) {
		*killed = was_killed(r);
		goto fail;
	}
	if (reply.error) {
		errno = -reply.error;
		lm_fail_errno(e, LM_FAILED, "running %s", path);
		goto fail;
	}
	r->self = reply.pid;
	if (clean_memory(r, e))
		goto fail;
	if (home >= 0)
		close(home);
	*out = r;
	return 0;
fail:
	if (home >= 0)
		close(home);
	if (sv[0] >= 0) {
		close(sv[0]);
		close(sv[1]);
	}
	if (coord >= 0)
		close(coord);
	if (program >= 0)
		close(program);
	lm_remote_free(r);
	return -1;
}

/*
 * Newer kernels (seen on 7.2) kill whoever is born into a cgroup where cgroup.kill was
 * written more or less often than where its parent is.
 */
int lm_remote_start(const struct lm_remote_opts *o, struct lm_remote **out,
		    struct lm_error *e)
{
	bool killed = false;

	if (!start(o, false, &killed, out, e))
		return 0;
	if (!killed || o->cgroup_fd < 0)
		return -1;
	if (e)
		*e = (struct lm_error){ 0 };
	return start(o, true, &killed, out, e);
}

/*
 * The parent knows the child by the number that it has there. What it is called
 * here comes with its first answer: the kernel translates credentials.
 */
static int meet(struct lm_remote *r, struct lm_error *e)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct lm_helper_req ping = { .cmd = LM_HELPER_RUN };
	struct lm_helper_reply reply;
	struct iovec iov = { &reply, sizeof(reply) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	struct pollfd pfd = { r->ctl, POLLIN, 0 };
	const struct cmsghdr *c;
	struct ucred who = { 0 };
	int on = 1, off = 0;

	if (setsockopt(r->ctl, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    send(r->ctl, &ping, sizeof(ping), MSG_NOSIGNAL) < 0 ||
	    poll(&pfd, 1, r->timeout_ms) != 1 ||
	    recvmsg(r->ctl, &msg, MSG_CMSG_CLOEXEC) != sizeof(reply))
		return lm_fail(e, LM_FAILED, "a new helper does not answer");
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS)
		memcpy(&who, CMSG_DATA(c), sizeof(who));
	if (!who.pid)
		return lm_fail(e, LM_FAILED, "a new helper has no pid here");
	r->pid = who.pid;
	r->self = reply.pid;
	setsockopt(r->ctl, SOL_SOCKET, SO_PASSCRED, &off, sizeof(off));
	return 0;
}

/* The control socket @ctl of the child goes along. Into a user namespace the parent
 * goes only after it got that: there it may not take it any more.
 */
static int order_fork(struct lm_remote *parent, int ctl, int userns,
		      struct lm_helper_req *req, struct lm_helper_reply *reply,
		      struct lm_error *e)
{
	struct lm_batch *b = lm_batch_new(parent);
	int ret;

	lm_batch_put_fd(b, ctl, parent->fd_base + LM_HELPER_FD_NEXT, false);
	if (userns)
		ret = lm_batch_run(b, e) || lm_remote_enter(parent, userns, e) ||
		      lm_remote_exchange(parent, req, NULL, reply, e) ||
		      lm_remote_leave(parent, e) ? -1 : 0;
	else if (b)
		ret = lm_remote_exchange(parent, req, b, reply, e);
	else
		ret = lm_fail(e, LM_FAILED, "out of memory");
	lm_batch_free(b);
	return ret;
}

int lm_remote_fork(struct lm_remote *parent, const struct lm_remote_fork *f,
		   struct lm_remote **child, struct lm_error *e)
{
	struct lm_helper_req req = {
		.cmd = LM_HELPER_FORK,
		.nr_tids = f->tids.nr,
		.exit_signal = f->exit_signal,
		.clone_flags = f->clone_flags,
		.fd_base = f->fd_base,
	};
	struct lm_helper_reply reply;
	struct lm_remote *r;
	int sv[2], ret;

	memcpy(req.tids, f->tids.v, sizeof(req.tids));
	if (f->clone_flags & (CLONE_VM | CLONE_THREAD) ||
	    !(f->clone_flags & CLONE_FILES) != !f->fd_base)
		return lm_fail(e, LM_REFUSED, "process %u shares its memory or "
			       "files with another one", f->tids.v[0]);
	r = remote_new(f->fd_base ? f->fd_base : parent->fd_base, parent->timeout_ms,
		       parent->base);
	if (!r)
		return lm_fail(e, LM_FAILED, "out of memory");
	memcpy(r->vdso, parent->vdso, sizeof(r->vdso));
	r->nr_vdso = parent->nr_vdso;
	r->slots = parent->slots;
	if (control(r, sv)) {
		lm_fail_errno(e, LM_FAILED, "socketpair");
		goto fail;
	}
	r->ctl = sv[0];
	ret = order_fork(parent, sv[1], f->userns, &req, &reply, e);
	close(sv[1]);
	if (ret)
		goto fail;
	if (reply.error < 0) {
		errno = -reply.error;
		lm_fail_errno(e, LM_FAILED, "helper %u: creating process %u%s",
			      parent->pid, f->tids.v[0],
			      errno == EEXIST ? ": the pid is taken" : "");
		goto fail;
	}
	if (meet(r, e))
		goto fail;
	r->pidfd = syscall(__NR_pidfd_open, r->pid, 0);
	if (r->pidfd < 0) {
		lm_fail_errno(e, LM_FAILED, "helper %u", r->pid);
		goto fail;
	}
	if (f->userns && lm_remote_leave(r, e))
		goto fail;
	*child = r;
	return 0;
fail:
	lm_remote_free(r);
	return -1;
}

int lm_remote_enter(struct lm_remote *r, int userns, struct lm_error *e)
{
	int fd = r->fd_base + LM_HELPER_FDS;

	return lm_remote_put_fd(r, userns, fd, true, e) ||
	       lm_remote_syscall(r, e, __NR_setns, fd, CLONE_NEWUSER) < 0 ||
	       lm_remote_syscall(r, e, __NR_close, fd) < 0 ? -1 : 0;
}

int lm_remote_leave(struct lm_remote *r, struct lm_error *e)
{
	return lm_remote_syscall(r, e, __NR_ioctl, r->fd_base + LM_HELPER_FD_DEV,
				 LIVEMIG_IOC_CREDS, 0) < 0 ? -1 : 0;
}

/* ---- the end ---- */

uint32_t lm_remote_threads(void)
{
	return LM_HELPER_SLOTS_MAX / SLOT_CHUNK * SLOT_CHUNK;
}

static int map_slots(struct lm_remote *r, struct lm_error *e)
{
	uint64_t at = r->base + LM_HELPER_SLOTS + r->slots * LM_HELPER_SLOT_SIZE;
	int64_t ret;

	if (r->slots % SLOT_CHUNK)
		return 0;
	if (r->slots >= lm_remote_threads())
		return lm_fail(e, LM_REFUSED, "process %u: too many threads", r->pid);
	ret = lm_remote_syscall(r, e, __NR_mmap, at, SLOT_CHUNK * LM_HELPER_SLOT_SIZE,
				PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
				-1, 0);
	return ret == (int64_t)at ? 0 : -1;
}

/* @b belongs to @r, or the failed call would be told of the wrong one. */
static int end_of(struct lm_remote *r, uint32_t tid, struct lm_helper_req *req,
		  struct lm_batch *b, const struct lm_helper_become *how,
		  struct lm_error *e)
{
	struct lm_helper_reply reply;

	if (how)
		req->become = *how;
	if (lm_remote_exchange(r, req, b, &reply, e))
		return -1;
	if (!reply.error)
		return 0;
	if (b && b->nr_results)
		return lm_batch_failed(b, reply.error, e);
	errno = -reply.error;
	return lm_fail_errno(e, LM_FAILED, "helper %u: %s %u%s", r->pid,
			     req->cmd == LM_HELPER_THREAD ? "creating thread" :
			     "last calls of", tid,
			     errno == EEXIST ? ": the id is taken" : "");
}

int lm_remote_thread(struct lm_remote *r, const struct lm_tids *tids,
		     struct lm_batch *b, const struct lm_helper_become *how,
		     struct lm_error *e)
{
	struct lm_helper_req req = {
		.cmd = LM_HELPER_THREAD,
		.nr_tids = tids->nr,
		.slot = r->slots,
	};
	uint32_t tid = tids->v[0];

	memcpy(req.tids, tids->v, sizeof(req.tids));
	if (b && sizeof(req) + b->nr_calls * sizeof(*b->calls) + b->data_len >
	    LM_HELPER_SLOT_REQ)
		return lm_fail(e, LM_FAILED, "thread %u: batch too large", tid);
	if (map_slots(r, e))
		return -1;
	r->slots++;
	return end_of(r, tid, &req, b, how, e);
}

int lm_remote_become(struct lm_remote *r, struct lm_batch *b,
		     const struct lm_helper_become *how, struct lm_error *e)
{
	struct lm_helper_req req = { .cmd = LM_HELPER_BECOME };

	if (end_of(r, r->pid, &req, b, how, e))
		return -1;
	r->became = true;
	return 0;
}

void lm_remote_release(struct lm_remote *r)
{
	if (!r)
		return;
	if (r->ctl >= 0)
		close(r->ctl);
	if (r->pidfd >= 0)
		close(r->pidfd);
	free(r);
}

void lm_remote_free(struct lm_remote *r)
{
	if (!r)
		return;
	if (r->pidfd >= 0 && !r->became) {
		syscall(__NR_pidfd_send_signal, r->pidfd, SIGKILL, NULL, 0);
		waitid(P_PIDFD, r->pidfd, &(siginfo_t){ 0 }, WEXITED);
	}
	lm_remote_release(r);
}

uint32_t lm_remote_pid(const struct lm_remote *r)
{
	return r->pid;
}

uint32_t lm_remote_self(const struct lm_remote *r)
{
	return r->self;
}

int lm_remote_pidfd(const struct lm_remote *r)
{
	return r->pidfd;
}

uint64_t lm_remote_base(const struct lm_remote *r)
{
	return r->base;
}

int lm_remote_fd_base(const struct lm_remote *r)
{
	return r->fd_base;
}

struct livemig_range lm_remote_vdso(const struct lm_remote *r)
{
	if (!r->nr_vdso)
		return (struct livemig_range){ 0, 0 };
	return (struct livemig_range){ r->vdso[0].start, r->vdso[r->nr_vdso - 1].end };
}
