// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Pipes and named pipes with what waits in them. All open ends of one pipe
 * have the same inode number; they are made together, at the first of them.
 *
 * The contents are copied by tee(), which leaves the pipe as it is, into DATA
 * objects: one for each read() of the copy, so that packets (O_DIRECT) keep
 * their borders. A capacity other than the default one is an empty DATA object
 * of the send queue whose offset is the capacity; one with offset 0 says of a reader
 * that a named pipe has had no writer since it was opened: nobody has hung up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kinds.h"
#include "../dump/source.h"
#include "../restore/restore.h"

#define PIECE		16384		/* LIVEMIG_DATA_BYTES at most */
#define DEFAULT_SIZE	65536

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_PIPE;
}

static bool fifo_match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_FIFO;
}

static bool reads(const struct lm_file *f)
{
	return (f->flags & O_ACCMODE) != O_WRONLY;
}

static bool writes(const struct lm_file *f)
{
	return (f->flags & O_ACCMODE) != O_RDONLY;
}

/* Is @o another open file of the pipe of @f (or @f itself)? */
static bool same_pipe(const struct lm_file *f, const struct lm_file *o)
{
	return o->type == f->type && !(o->flags & O_PATH) &&
	       lm_u64(o->obj.tb[LIVEMIG_FILE_A_INO]) ==
	       lm_u64(f->obj.tb[LIVEMIG_FILE_A_INO]) &&
	       lm_u64(o->obj.tb[LIVEMIG_FILE_A_DEV]) ==
	       lm_u64(f->obj.tb[LIVEMIG_FILE_A_DEV]);
}

/* The first open file of this pipe that @is true for. */
static struct lm_file *first(const struct lm_model *m, const struct lm_file *f,
			     bool (*is)(const struct lm_file *f))
{
	for (size_t i = 0; i < m->nr_file; i++)
		if (same_pipe(f, m->file[i]) && is(m->file[i]))
			return m->file[i];
	return NULL;
}

static const char *name_of(const struct lm_file *f)
{
	return f->path && f->type == LIVEMIG_FILE_FIFO ? f->path : "a pipe";
}

static unsigned long count(const struct lm_model *m, const struct lm_file *f,
			   bool (*is)(const struct lm_file *f))
{
	unsigned long n = 0;

	for (size_t i = 0; i < m->nr_file; i++)
		n += same_pipe(f, m->file[i]) && is(m->file[i]);
	return n;
}

/* How many have that end open, wherever they are. */
static unsigned long everywhere(const struct lm_file *f, const char *end)
{
	const char *n = lm_kind_fdinfo(f, end);

	return n ? strtoul(n, NULL, 10) : 0;
}

/* Who else has an end stays behind. While the container runs its processes may open
 * and close theirs as we count.
 */
static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	unsigned long r, w, all_r, all_w;

	if (f->flags & O_PATH)
		return 0;
	r = count(m, f, reads);
	w = count(m, f, writes);
	all_r = everywhere(f, "readers");
	all_w = everywhere(f, "writers");
	if ((all_r <= r && all_w <= w) || lm_kind_later(f))
		return 0;
	if ((!r && all_r) || (!w && all_w))
		return lm_fail(e, LM_REFUSED,
			       "%s whose other end is outside the container; redirect it to a file or /dev/null",
			       name_of(f));
	lm_fail(e, LM_REFUSED, "%s that processes outside the container have open, too",
		name_of(f));
	if (e)
		e->err = EAGAIN;
	return -1;
}

static int put_piece(struct lm_out *out, const struct lm_file *f, uint32_t queue,
		     uint64_t offset, const void *bytes, size_t len,
		     struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
	lm_put_u32(&b, LIVEMIG_DATA_QUEUE, queue);
	lm_put_u64(&b, LIVEMIG_DATA_OFFSET, offset);
	lm_put(&b, LIVEMIG_DATA_BYTES, bytes, len);
	return lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e);
}

/* Write the copy in @fd, whose other end is closed, until it is empty. */
static int put_copy(struct lm_out *out, const struct lm_file *f, int fd,
		    struct lm_error *e)
{
	char buf[PIECE];
	uint64_t offset = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		if (put_piece(out, f, LIVEMIG_QUEUE_RECV, offset, buf, n, e))
			return -1;
		offset += n;
	}
	return n < 0 ? lm_fail_errno(e, LM_FAILED, "copy of a pipe") : 0;
}

static int copy_contents(const struct lm_file *f, int fd, struct lm_out *out,
			 struct lm_error *e)
{
	int size = fcntl(fd, F_GETPIPE_SZ), waiting = 0, copy[2], ret = -1;
	ssize_t n;

	if (size < 0 || ioctl(fd, FIONREAD, &waiting))
		return lm_fail_errno(e, LM_FAILED, "pipe");
	if (size != DEFAULT_SIZE &&
	    put_piece(out, f, LIVEMIG_QUEUE_SEND, size, "", 0, e))
		return -1;
	if (!waiting)
		return 0;
	if (pipe2(copy, O_CLOEXEC))
		return lm_fail_errno(e, LM_FAILED, "pipe");
	if (fcntl(copy[1], F_SETPIPE_SZ, size) < 0) {
		lm_fail_errno(e, LM_FAILED, "pipe of %d bytes", size);
		goto out;
	}
	n = tee(fd, copy[1], waiting, SPLICE_F_NONBLOCK);
	if (n != waiting) {
		lm_fail(e, LM_FAILED, "pipe: %zd of %d bytes could be copied",
			n, waiting);
		goto out;
	}
	close(copy[1]);
	copy[1] = -1;
	ret = put_copy(out, f, copy[0], e);
out:
	close(copy[0]);
	if (copy[1] >= 0)
		close(copy[1]);
	return ret;
}

static int dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		struct lm_error *e)
{
	const struct lm_model *m = lm_source_model(s);
	struct pollfd p = { .events = POLLIN };
	int fd, ret = 0;

	if (!reads(f) || f->flags & O_PATH)
		return 0;
	fd = lm_kind_grab(f, e);
	if (fd < 0)
		return -1;
	p.fd = fd;
	if (f->type == LIVEMIG_FILE_FIFO && !first(m, f, writes) && !poll(&p, 1, 0))
		ret = put_piece(out, f, LIVEMIG_QUEUE_SEND, 0, "", 0, e);
	if (!ret && first(m, f, reads) == f)
		ret = copy_contents(f, fd, out, e);
	close(fd);
	return ret;
}

/* ---- destination ---- */

static bool is_mark(const struct lm_data *d)
{
	return d->queue == LIVEMIG_QUEUE_SEND && !d->offset;
}

/* Nobody is to have hung up on it: it is opened when nobody writes. */
static bool waits(const struct lm_file *f)
{
	for (size_t i = 0; i < f->nr_data; i++)
		if (is_mark(f->data[i]))
			return true;
	return false;
}

static int fill(const struct lm_file *f, int fd, struct lm_error *e)
{
	for (size_t i = 0; i < f->nr_data; i++) {
		const struct lm_data *d = f->data[i];

		if (is_mark(d))
			continue;
		if (d->queue == LIVEMIG_QUEUE_SEND) {
			if (d->offset > INT32_MAX ||
			    fcntl(fd, F_SETPIPE_SZ, (int)d->offset) < 0)
				return lm_fail_errno(e, LM_FAILED, "pipe of %llu bytes",
						     (unsigned long long)d->offset);
		} else if (write(fd, d->bytes, d->len) != (ssize_t)d->len) {
			return lm_fail_errno(e, LM_FAILED, "pipe: contents");
		}
	}
	return 0;
}

/*
 * Each open file of the pipe gets a description of its own, with its flags.
 * @ends keeps the pipe alive meanwhile and is closed by the caller: an end
 * that nobody had stays closed.
 */
static int make_all(struct lm_restorer *r, const struct lm_file *f,
		    const int ends[2], struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	const struct lm_file *reader = first(m, f, reads);
	const struct lm_file *writer = first(m, f, writes);
	const int packets = writer ? writer->flags & O_DIRECT : 0;

	for (size_t i = 0; i < m->nr_file; i++) {
		struct lm_file *o = m->file[i];

		if (!same_pipe(f, o) || waits(o))
			continue;
		/* Opening one end waits for the other, unless told not to. */
		o->fd = lm_kind_reopen(ends[0], (lm_kind_open_flags(o) &
						 ~O_DIRECT) | O_NONBLOCK);
		if (o->fd < 0)
			return lm_fail_errno(e, LM_FAILED, "%s", f->kind->name);
		if (lm_kind_setfl(o, e))
			return -1;
	}
	if (!reader)
		return 0;
	if (fcntl(ends[1], F_SETFL, O_NONBLOCK | packets))
		return lm_fail_errno(e, LM_FAILED, "pipe");
	return fill(reader, ends[1], e);
}

static int pipe_open(struct lm_restorer *r, struct lm_file *f,
		     struct lm_error *e)
{
	int ends[2], ret;

	if (f->flags & O_PATH)
		return lm_fail(e, LM_REFUSED, "pipe opened with O_PATH: not supported");
	if (f->fd >= 0)
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return lm_fail_errno(e, LM_FAILED, "pipe");
	ret = make_all(r, f, ends, e);
	close(ends[0]);
	close(ends[1]);
	return ret;
}

/* One that was removed gets its name, or another one, for as long as it takes. */
static int make_removed(const struct lm_file *f, char *path, size_t len)
{
	const struct nlattr *const *tb = f->obj.tb;
	struct stat st;
	int fd, ret = -1;

	snprintf(path, len, "%s", f->path);
	for (int i = 0; mkfifo(path, 0600); i++) {
		if (errno != EEXIST || i == INT_MAX)
			return -1;
		snprintf(path, len, "%s.%d", f->path, i);
	}
	/* Whoever owns the directory may put something else there meanwhile. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !fstat(fd, &st) && S_ISFIFO(st.st_mode) && !st.st_uid &&
	    st.st_nlink == 1)
		ret = fchown(fd, lm_u32(tb[LIVEMIG_FILE_A_UID]), lm_u32(tb[LIVEMIG_FILE_A_GID])) ?:
		      fchmod(fd, lm_u32(tb[LIVEMIG_FILE_A_MODE]) & 07777);
	if (fd >= 0)
		close(fd);
	if (ret)
		unlink(path);
	return ret;
}

static int make_waiting(const struct lm_restorer *r, const struct lm_file *f,
			const char *path, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);

	for (size_t i = 0; i < m->nr_file; i++) {
		struct lm_file *o = m->file[i];

		if (!same_pipe(f, o) || !waits(o))
			continue;
		o->fd = lm_restorer_open(r, o, path, O_RDONLY | O_NONBLOCK, 0);
		if (o->fd < 0)
			return lm_kind_no_file(path, e);
		if (lm_kind_setfl(o, e))
			return -1;
	}
	return 0;
}

static int open_at(struct lm_restorer *r, struct lm_file *f, const char *path,
		   struct lm_error *e)
{
	int ends[2] = { -1, -1 }, waiting, ret = -1;
	struct stat st;

	ends[0] = lm_restorer_open(r, f, path, O_RDWR | O_NONBLOCK, 0);
	if (ends[0] < 0)
		return lm_kind_no_file(path, e);
	ends[1] = lm_kind_reopen(ends[0], O_WRONLY | O_NONBLOCK);
	if (fstat(ends[0], &st) || !S_ISFIFO(st.st_mode))
		lm_fail(e, LM_REFUSED, "%s: not a named pipe here", path);
	else if (ends[1] < 0 || ioctl(ends[0], FIONREAD, &waiting))
		lm_fail_errno(e, LM_FAILED, "%s", path);
	else if (waiting)
		lm_fail(e, LM_REFUSED, "%s: in use here: %d bytes wait in it", path,
			waiting);
	else
		ret = make_all(r, f, ends, e);
	close(ends[0]);
	if (ends[1] >= 0)
		close(ends[1]);
	return ret ? -1 : make_waiting(r, f, path, e);
}

static int fifo_open(struct lm_restorer *r, struct lm_file *f,
		     struct lm_error *e)
{
	const struct nlattr *nlink = f->obj.tb[LIVEMIG_FILE_A_NLINK];
	char path[PATH_MAX];
	int ret;

	if (f->fd >= 0)
		return 0;
	if (f->flags & O_PATH)
		return lm_kind_open_path(r, f, e);
	if (!f->path)
		return lm_fail(e, LM_REFUSED, "named pipe without a path");
	if (!nlink || lm_u32(nlink))
		return open_at(r, f, f->path, e);
	if (lm_restorer_root(r, f) >= 0)
		return lm_fail(e, LM_REFUSED, LM_REMOVED_INSIDE, f->path);
	if (make_removed(f, path, sizeof(path)))
		return lm_fail_errno(e, LM_REFUSED, "%s (deleted) cannot be made here",
				     f->path);
	ret = open_at(r, f, path, e);
	unlink(path);
	return ret;
}

const struct lm_file_kind lm_kind_pipe = {
	.name	= "pipe",
	.match	= match,
	.check	= check,
	.dump	= dump,
	.open	= pipe_open,
};

const struct lm_file_kind lm_kind_fifo = {
	.name	= "named pipe",
	.match	= fifo_match,
	.check	= check,
	.dump	= dump,
	.open	= fifo_open,
};
