// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * User namespaces: their maps and their policy for setgroups(), and who made them;
 * and which of the other namespaces belong to them. All ids in a record are the
 * host's, as all that is stored on disk: inside ids are what the map makes of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ns.h"
#include "user.h"
#include "../dump/source_priv.h"
#include "../textfile.h"

const struct lm_ns_kind lm_ns_user = {
	.name		= "user",
	.flag		= CLONE_NEWUSER,
	.at		= offsetof(struct livemig_ns, user),
	.describe_from	= lm_source_user,
};

const struct lm_ns_kind lm_ns_net = {
	.name		= "net",
	.flag		= CLONE_NEWNET,
	.at		= offsetof(struct livemig_ns, net),
	.only_owner	= true,
};

uint32_t lm_ns_owner(const struct lm_model *m, const struct lm_ns_kind *k, uint32_t id)
{
	const struct lm_obj *o = lm_ns_record(m, k, id);

	return o ? lm_u32(o->tb[LM_NS_OWNER]) : LM_NS_NONE;
}

const struct lm_obj *lm_user_of(const struct lm_model *m, const struct lm_process *p)
{
	return lm_ns_record(m, &lm_ns_user, lm_ns_of(p, &lm_ns_user));
}

bool lm_user_inside(const struct lm_obj *user, int map, uint32_t id, uint32_t *inside)
{
	unsigned int first, there, count;
	const char *line = lm_str(user->tb[map]);
	int n = 0;

	for (; line && sscanf(line, "%u %u %u%n", &first, &there, &count, &n) == 3;
	     line += n) {
		if (id < there || id - there >= count)
			continue;
		*inside = first + (id - there);
		return true;
	}
	return false;
}

/* ---- making one ---- */

/* Only system calls: other threads may hold any lock of libc. As its creator, who may
 * not be allowed to make one here, but with root's privileges.
 */
static __attribute__((noreturn)) void child(const struct lm_ns_birth *b, int sock)
{
	unsigned char err = 0;

	if ((b->user > 0 && setns(b->user, CLONE_NEWUSER)) ||
	    (b->somebody && (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) ||
			     syscall(SYS_setresgid, b->gid, b->gid, b->gid) ||
			     syscall(SYS_setresuid, b->uid, b->uid, b->uid))) ||
	    unshare(b->kind->flag))
		err = errno;
	if (write(sock, &err, 1) == 1 && !err)
		while (read(sock, &err, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

/* Both ends of a socket: each side has one, and sees when the other has ended. */
int lm_ns_born(const struct lm_ns_birth *b, struct lm_error *e)
{
	int sv[2], fd = -1, status;
	unsigned char err = ECHILD;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return lm_fail_errno(e, LM_FAILED, "socketpair");
	pid = fork();
	if (!pid) {
		close(sv[0]);
		child(b, sv[1]);
	}
	close(sv[1]);
	if (pid > 0 && TEMP_FAILURE_RETRY(read(sv[0], &err, 1)) == 1 && !err) {
		if (!b->furnish || !b->furnish(pid, b->arg, e))
			fd = lm_ns_open(pid, b->kind, e);
	} else {
		errno = pid < 0 ? errno : err;
		lm_fail_errno(e, LM_FAILED, "making a %s namespace", b->kind->name);
	}
	close(sv[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return fd;
}

static __attribute__((noreturn)) void writer(int user, const char *path, const char *text)
{
	int fd;

	if (setns(user, CLONE_NEWUSER))
		_exit(errno);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(errno);
	_exit(0);
}

int lm_user_write(int user, const char *path, const char *text)
{
	int status = 0;
	pid_t pid;

	if (!user)
		return lm_write_text(path, text);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid)
		writer(user, path, text);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
	return status ? -1 : 0;
}

/* ---- ids of files ---- */

int lm_as_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st) ||
	    prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS) | SECBIT_NO_SETUID_FIXUP))
		return -1;
	setfsgid(st.st_gid);
	setfsuid(st.st_uid);
	return 0;
}

void lm_as_root(void)
{
	setfsuid(geteuid());
	setfsgid(getegid());
	prctl(PR_SET_SECUREBITS, prctl(PR_GET_SECUREBITS) & ~SECBIT_NO_SETUID_FIXUP);
}
