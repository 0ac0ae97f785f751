// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The table of kinds, and what several of them need. The first entry that
 * matches is the kind of a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kinds.h"
#include "sock.h"
#include "../dump/source.h"

static const struct lm_file_kind *const kinds[] = {
	&lm_kind_opath,
	&lm_kind_deleted,
	&lm_kind_reg,
	&lm_kind_dir,
	&lm_kind_tty,
	&lm_kind_chr,
	&lm_kind_pipe,
	&lm_kind_fifo,
	&lm_kind_eventfd,
	&lm_kind_epoll,
	&lm_kind_timerfd,
	&lm_kind_signalfd,
	&lm_kind_memfd,
	&lm_kind_pidfd,
	&lm_kind_inotify,
	&lm_kind_mqueue,
	&lm_kind_tcp_waiting,
	&lm_kind_tcp_timewait,
	&lm_kind_tcp_closed,
	&lm_kind_tcp,
	&lm_kind_udp,
	&lm_kind_raw,
	&lm_kind_netlink,
	&lm_kind_packet,
	&lm_kind_unix_unaccepted,
	&lm_kind_unix,
};

const struct lm_file_kind *lm_file_kind(const struct lm_file *f)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i]->match(f))
			return kinds[i];
	return NULL;
}

int lm_kind_open_flags(const struct lm_file *f)
{
	return (f->flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_ASYNC)) |
	       O_NOCTTY | O_CLOEXEC;
}

int lm_kind_reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

int lm_kind_no_file(const char *path, struct lm_error *e)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return lm_fail(e, LM_REFUSED, "%s: missing here; bring it from the source",
			       path);
	return lm_fail_errno(e, LM_REFUSED, "%s: cannot be opened here", path);
}

int lm_kind_setfl(const struct lm_file *f, struct lm_error *e)
{
	const int settable = O_APPEND | O_DIRECT | O_NOATIME | O_NONBLOCK;

	if (f->flags & O_PATH)
		return 0;
	if (fcntl(f->fd, F_SETFL, f->flags & settable))
		return lm_fail_errno(e, LM_FAILED, "%s: flags %#o",
				     f->kind->name, f->flags);
	return 0;
}

/* No descriptor names it, or only one of a process whose main thread has ended: then
 * the module has it.
 */
static bool by_number(const struct lm_file *f)
{
	return f->holder.fd < 0 || f->task != f->host;
}

bool lm_kind_later(const struct lm_file *f)
{
	return by_number(f) && !lm_source_is_frozen(f->source);
}

int lm_kind_grab(const struct lm_file *f, struct lm_error *e)
{
	int pidfd, fd = -1;

	if (by_number(f))
		return lm_source_grab(f->source, f, e);
	pidfd = syscall(SYS_pidfd_open, f->host, 0);
	if (pidfd >= 0) {
		fd = syscall(SYS_pidfd_getfd, pidfd, f->holder.fd, 0);
		if (fd < 0)
			lm_fail_errno(e, LM_FAILED, "cannot take fd %d of pid %u",
				      f->holder.fd, f->host);
		close(pidfd);
	} else {
		lm_fail_errno(e, LM_FAILED, "cannot open pid %u", f->host);
	}
	return fd;
}

const char *lm_kind_line(const char *text, const char *key)
{
	const char *line = text;
	size_t len = strlen(key);

	while (line) {
		if (!strncmp(line, key, len) && line[len] == ':')
			return line + len + 1 + strspn(line + len + 1, " \t");
		line = strchr(line, '\n');
		line += line ? 1 : 0;
	}
	return NULL;
}

const char *lm_kind_fdinfo(const struct lm_file *f, const char *key)
{
	return lm_kind_line(f->fdinfo, key);
}
