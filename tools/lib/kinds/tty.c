// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pseudo terminals with both ends in the container. A pty is made anew with its old
 * number, which its slave has in its name; so that number must be free here. Asked
 * for modes, size and foreground group, the master tells those of its slave, and
 * sets them: all that is DATA of its FILE object.
 *
 * What was typed, or printed, and is not read yet is in the fdinfo of the master; it is
 * put back by TIOCSTI, under modes in which no character means anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <asm/termbits.h>
#include <linux/tty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kinds.h"
#include "tty.h"
#include "../dump/source.h"
#include "../restore/restore.h"

/* In DATA, host byte order. */
struct pty_state {
	struct termios2 termios;
	struct winsize size;
	int32_t packet, locked, exclusive;
	int32_t closed;		/* the slave was open once, and is not any more */
	int32_t group, session;	/* pids, 0: none */
};

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_TTY;
}

bool lm_pty_is_master(const struct lm_file *f)
{
	const char *role = lm_kind_fdinfo(f, "tty-role");

	return role && !strncmp(role, "master", 6);
}

static int number(const struct lm_file *f)
{
	const char *n = lm_kind_fdinfo(f, "tty-index");

	return n ? atoi(n) : -1;
}

struct lm_file *lm_pty_master(const struct lm_model *m, int nr)
{
	for (size_t i = 0; i < m->nr_file; i++)
		if (match(m->file[i]) && lm_pty_is_master(m->file[i]) &&
		    number(m->file[i]) == nr)
			return m->file[i];
	return NULL;
}

/* ---- source ---- */

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	const struct lm_file *master = lm_pty_master(m, number(f));
	int fd, waiting = 0, told = 0;
	const char *unread;

	if (!master)
		return lm_fail(e, LM_REFUSED,
			       "terminal %s, whose master is outside the container: not supported; start it with setsid and other files",
			       f->path);
	if (lm_kind_later(f) || (!lm_pty_is_master(f) && !lm_kind_fdinfo(master, "tty-hidden")))
		return 0;
	fd = lm_kind_grab(f, e);
	if (fd < 0)
		return -1;
	ioctl(fd, FIONREAD, &waiting);
	close(fd);
	unread = lm_pty_is_master(f) ? lm_kind_fdinfo(f, "tty-unread") : NULL;
	if (unread)
		told = strcspn(unread, "\n") / 2;
	if (!lm_kind_fdinfo(master, "tty-underway") && waiting == told)
		return 0;
	lm_fail(e, LM_REFUSED,
		"terminal /dev/pts/%d: bytes are on their way to who does not read them: not supported",
		number(f));
	if (e)
		e->err = EAGAIN;
	return -1;
}

static int dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		struct lm_error *e)
{
	struct pty_state p = { .group = 0 };
	struct lm_buf b = { 0 };
	struct pollfd poll_it = { 0 };
	int fd;

	fd = lm_kind_grab(f, e);
	if (fd < 0)
		return -1;
	/* The slave's own is the one thing that its master does not tell. */
	if (!lm_pty_is_master(f)) {
		if (ioctl(fd, TIOCGEXCL, &p.exclusive) || !p.exclusive) {
			close(fd);
			return 0;
		}
		goto put;
	}
	if (ioctl(fd, TCGETS2, &p.termios) || ioctl(fd, TIOCGWINSZ, &p.size) ||
	    ioctl(fd, TIOCGPKT, &p.packet) || ioctl(fd, TIOCGPTLCK, &p.locked) ||
	    ioctl(fd, TIOCGEXCL, &p.exclusive)) {
		close(fd);
		return lm_fail_errno(e, LM_FAILED, "terminal %d", number(f));
	}
	if (ioctl(fd, TIOCGPGRP, &p.group) || ioctl(fd, TIOCGSID, &p.session))
		p.group = p.session = 0;
	poll_it.fd = fd;
	p.closed = poll(&poll_it, 1, 0) > 0 && poll_it.revents & POLLHUP;
put:
	close(fd);
	lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
	lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_RECV);
	lm_put_u64(&b, LIVEMIG_DATA_OFFSET, 0);
	lm_put(&b, LIVEMIG_DATA_BYTES, &p, sizeof(p));
	return lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e);
}

/* ---- destination ---- */

static int state_of(const struct lm_file *f, struct pty_state *p, struct lm_error *e)
{
	if (!f || f->nr_data != 1 || f->data[0]->len != sizeof(*p))
		return lm_fail(e, LM_REFUSED, "terminal: its state is missing");
	memcpy(p, f->data[0]->bytes, sizeof(*p));
	return 0;
}

int lm_pty_group(const struct lm_model *m, int nr)
{
	struct pty_state p;

	return state_of(lm_pty_master(m, nr), &p, NULL) ? 0 : p.group;
}

/* The kernel gives out the lowest number that is free: those below are taken for
 * the time being.
 */
static int open_number(const struct lm_restorer *r, const struct lm_file *f, int nr,
		       struct lm_error *e)
{
	int fd, got, below = -1;

	fd = lm_restorer_open(r, f, "/dev/ptmx",
			      (lm_kind_open_flags(f) & ~O_ACCMODE) | O_RDWR, 0);
	if (fd < 0 || ioctl(fd, TIOCGPTN, &got)) {
		lm_fail_errno(e, LM_REFUSED, "/dev/ptmx");
	} else if (got == nr) {
		return fd;
	} else if (got > nr) {
		lm_fail(e, LM_REFUSED,
			"/dev/pts/%d is in use here, the container has it too; end what uses it",
			nr);
	} else {
		below = open_number(r, f, nr, e);
	}
	if (fd >= 0)
		close(fd);
	return below;
}

static int open_master(const struct lm_restorer *r, struct lm_file *f,
		       struct lm_error *e)
{
	struct pty_state p;
	int unlock = 0;

	if (state_of(f, &p, e))
		return -1;
	f->fd = open_number(r, f, number(f), e);
	if (f->fd < 0)
		return -1;
	/* Now, as nobody is there yet to be told about another size. */
	if (ioctl(f->fd, TIOCSPTLCK, &unlock) || ioctl(f->fd, TCSETS2, &p.termios) ||
	    ioctl(f->fd, TIOCSWINSZ, &p.size))
		return lm_fail_errno(e, LM_FAILED, "terminal %d", number(f));
	return lm_kind_setfl(f, e);
}

static int tty_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	struct lm_file *master = lm_pty_master(lm_restorer_model(r), number(f));
	char path[32];

	if (!master)
		return lm_fail(e, LM_REFUSED, "terminal %s without a master", f->path);
	if (master->fd < 0 && open_master(r, master, e))
		return -1;
	if (master == f)
		return 0;
	snprintf(path, sizeof(path), "/dev/pts/%d", number(f));
	f->fd = lm_restorer_open(r, f, path, lm_kind_open_flags(f), 0);
	return f->fd < 0 ? lm_fail_errno(e, LM_FAILED, "%s", path) : 0;
}

/* The next byte of a text like "6c730a". */
static bool next_byte(const char **text, char *c)
{
	unsigned int byte;

	if (!*text || sscanf(*text, "%2x", &byte) != 1 || **text == '\n')
		return false;
	*text += 2;
	*c = byte;
	return true;
}

/* Is @at among the numbers of @ends, which goes on to the first that is not below? */
static bool is_end(const char **ends, unsigned long at)
{
	char *after;

	while (*ends && **ends != '\n') {
		unsigned long end = strtoul(*ends, &after, 10);

		if (after == *ends || end > at)
			return false;
		if (end == at)
			return true;
		*ends = after + strspn(after, " ");
	}
	return false;
}

/* Put back what nobody has read. A line may also end by a character that is one only
 * at that moment, or at the end of a file, which is a zero in the buffer.
 */
static int put_back(int fd, const char *text, const char *ends, struct termios2 quiet)
{
	char c, end;

	for (unsigned long at = 0; next_byte(&text, &c); at++) {
		bool special = is_end(&ends, at) && c != '\n';

		end = c;
		if (special && !c)
			end = quiet.c_cc[VEOF] = 4;
		else if (special)
			quiet.c_cc[VEOL] = c;
		if ((special && ioctl(fd, TCSETS2, &quiet)) || ioctl(fd, TIOCSTI, &end))
			return -1;
		if (!special)
			continue;
		quiet.c_cc[VEOF] = quiet.c_cc[VEOL] = 0;
		if (ioctl(fd, TCSETS2, &quiet))
			return -1;
	}
	return 0;
}

/* All are open that will be: the slave keeps what is in it. */
static int tty_link(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const char *unread = lm_kind_fdinfo(f, "tty-unread");
	const char *typed = lm_kind_fdinfo(f, "tty-typed");
	const char *ends = lm_kind_fdinfo(f, "tty-ends");
	struct termios2 quiet;
	struct pty_state p;
	char path[32];
	int fd = -1, ret;

	if (!lm_pty_is_master(f) || (!unread && !typed))
		return 0;
	if (state_of(f, &p, e))
		return -1;
	quiet = p.termios;
	quiet.c_iflag = quiet.c_oflag = 0;
	quiet.c_lflag &= ICANON;
	memset(quiet.c_cc, 0, sizeof(quiet.c_cc));
	if (!(quiet.c_lflag & ICANON))
		quiet.c_cc[VMIN] = 1;
	snprintf(path, sizeof(path), "/dev/pts/%d", number(f));
	if (typed)
		fd = lm_restorer_open(r, f, path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
	ret = (unread && put_back(f->fd, unread, NULL, quiet)) ||
	      (typed && (fd < 0 || ioctl(fd, TCSETS2, &quiet) ||
			 put_back(fd, typed, ends, quiet) ||
			 ioctl(fd, TCSETS2, &p.termios)));
	if (ret)
		lm_fail_errno(e, LM_FAILED, "terminal %d: what nobody has read", number(f));
	if (fd >= 0)
		close(fd);
	return ret ? -1 : 0;
}

/* When nobody opens it any more: it may be locked, exclusive, and closed. */
static int tty_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	struct pty_state p;
	char path[32];
	int fd;

	if (!lm_pty_is_master(f) && !f->nr_data)
		return 0;
	if (state_of(f, &p, e))
		return -1;
	if (!lm_pty_is_master(f))
		return ioctl(f->fd, TIOCEXCL) ?
		       lm_fail_errno(e, LM_FAILED, "terminal %d", number(f)) : 0;
	if (p.closed) {
		snprintf(path, sizeof(path), "/dev/pts/%d", number(f));
		fd = lm_restorer_open(r, f, path, O_RDWR | O_NOCTTY, 0);
		if (fd >= 0)
			close(fd);
	}
	if (ioctl(f->fd, TIOCPKT, &p.packet) || ioctl(f->fd, TIOCSPTLCK, &p.locked) ||
	    ioctl(f->fd, p.exclusive ? TIOCEXCL : TIOCNXCL))
		return lm_fail_errno(e, LM_FAILED, "terminal %d", number(f));
	return 0;
}

const struct lm_file_kind lm_kind_tty = {
	.name	= "terminal",
	.match	= match,
	.check	= check,
	.dump	= dump,
	.open	= tty_open,
	.link	= tty_link,
	.resume	= tty_resume,
};
