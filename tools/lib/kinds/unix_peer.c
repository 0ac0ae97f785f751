// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whom a unix socket is connected to: the kernel notes who connects, and that is
 * us. The module puts it right. It names processes by their pids; of those that
 * have ended there is only the number, which a child of ours lends for a moment.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unix.h"

bool lm_unix_stand_in(uint32_t pid)
{
	pid_t want = pid, child;
	struct clone_args ca = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&want,
		.set_tid_size = 1,
	};

	if (!pid || kill(want, 0) == 0)
		return false;
	child = syscall(SYS_clone3, &ca, sizeof(ca));
	if (child == 0)
		_exit(0);
	return child > 0;
}

void lm_unix_stand_down(uint32_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int lm_unix_set_peer(struct lm_restorer *r, const struct lm_file *f, int fd,
		     bool other, struct lm_error *e)
{
	const struct nlattr *a = f->sock[LIVEMIG_SOCK_PEER_CRED];
	struct livemig_ioc_peer p = {
		.fd = fd,
		.flags = other ? LIVEMIG_PEER_F_OTHER : 0,
	};
	const struct ucred *who = lm_data(a);
	const uint32_t *groups;
	bool borrowed;
	size_t nr;
	int ret;

	if (lm_len(a) < sizeof(*who))
		return 0;
	groups = lm_array(f->sock[LIVEMIG_SOCK_PEER_GROUPS], sizeof(*groups), &nr);
	p.pid = lm_restorer_host(r, who->pid);
	p.uid = who->uid;
	p.gid = who->gid;
	p.groups = (uintptr_t)groups;
	p.nr_groups = nr;
	borrowed = lm_unix_stand_in(p.pid);
	ret = ioctl(lm_restorer_device(r), LIVEMIG_IOC_PEER, &p);
	if (ret < 0)
		lm_fail_errno(e, LM_FAILED, "unix socket: cannot name pid %u as its peer",
			      p.pid);
	if (borrowed)
		lm_unix_stand_down(p.pid);
	return ret;
}
