// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Inotify. The module names each watched inode by its path in its file system; the
 * source finds a mount that shows it and writes one DATA object for a watch: offset
 * is the watch descriptor, the bytes are mask (8 hexadecimal digits) and path. The
 * kernel numbers watches one after the other, so that numbers are skipped by
 * watches that are removed at once. Events that nobody has read come from the module,
 * and go back to it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "kinds.h"
#include "../restore/restore.h"
#include "../dump/source.h"

#define WD_MAX		(1U << 20)
#define MASK_DIGITS	8
/* What a watch remembers of what it was asked for. */
#define MASK		(IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)

struct watch {
	unsigned int wd, mask, dev;	/* dev: as the kernel has it */
	unsigned long ino;
};

static bool match(const struct lm_file *f)
{
	return f->type == LIVEMIG_FILE_INOTIFY;
}

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line && line[1] ? line + 1 : NULL;
}

/* Where the mount of the line in mountinfo shows @path of file system @dev. */
static bool in_mount(char *line, unsigned int dev, const char *path, char *out)
{
	char root[4096], at[4096];
	unsigned int maj, min;
	size_t len;

	if (sscanf(line, "%*u %*u %u:%u %4095s %4095s", &maj, &min, root, at) != 4 ||
	    (maj << 20 | min) != dev || strchr(root, '\\') || strchr(at, '\\'))
		return false;
	len = strcmp(root, "/") ? strlen(root) : 0;
	if (strncmp(path, root, len) || (path[len] != '/' && path[len]))
		return false;
	if (!path[len] || !path[len + 1])	/* the root of the mount */
		return snprintf(out, PATH_MAX, "%s", at) < PATH_MAX;
	return snprintf(out, PATH_MAX, "%s%s", strcmp(at, "/") ? at : "",
			path + len) < PATH_MAX;
}

/* A name by which the container sees the inode. */
static bool visible_path(uint32_t pid, const struct watch *w, const char *in_fs,
			 char *out)
{
	char file[48], seen[PATH_MAX], *line = NULL;
	size_t cap = 0;
	bool found = false;
	struct stat st;
	FILE *mounts;

	snprintf(file, sizeof(file), "/proc/%u/mountinfo", pid);
	mounts = fopen(file, "re");
	if (!mounts)
		return false;
	while (!found && getline(&line, &cap, mounts) > 0)
		found = in_mount(line, w->dev, in_fs, out) &&
			snprintf(seen, sizeof(seen), "/proc/%u/root%s", pid, out) <
				(int)sizeof(seen) && !lstat(seen, &st) &&
			/* (stacked file systems make up numbers) */
			(st.st_ino == w->ino || strstr(line, " - overlay "));
	free(line);
	fclose(mounts);
	return found;
}

static bool path_of(const struct lm_file *f, const struct watch *w, char *out)
{
	char in_fs[PATH_MAX];
	const char *line;

	for (line = f->fdinfo; line; line = next_line(line)) {
		unsigned long ino;
		unsigned int dev;
		int at = 0;
		size_t len;

		if (sscanf(line, "watched ino:%lx sdev:%x path:%n", &ino, &dev, &at) != 2 ||
		    !at || ino != w->ino || dev != w->dev)
			continue;
		len = strcspn(line + at, "\n");
		if (len >= sizeof(in_fs))
			return false;
		memcpy(in_fs, line + at, len);
		in_fs[len] = '\0';
		return visible_path(f->task, w, in_fs, out);
	}
	return false;
}

static int for_each(const struct lm_file *f, struct lm_error *e,
		    int (*use)(const struct lm_file *f, const struct watch *w,
			       const char *path, void *arg, struct lm_error *e),
		    void *arg)
{
	char path[PATH_MAX];

	for (const char *line = f->fdinfo; line; line = next_line(line)) {
		struct watch w;

		if (sscanf(line, "inotify wd:%x ino:%lx sdev:%x mask:%x", &w.wd,
			   &w.ino, &w.dev, &w.mask) != 4)
			continue;
		if (w.wd > WD_MAX)
			return lm_fail(e, LM_REFUSED, "inotify watch %u: such a high number is not supported",
				       w.wd);
		if (!path_of(f, &w, path))
			return lm_fail(e, LM_REFUSED, "inotify watch %u: no name leads to what is watched: not supported; end the watch",
				       w.wd);
		if (use && use(f, &w, path, arg, e))
			return -1;
	}
	return 0;
}

/* As many whole events as one call takes; 0: not even one. */
static size_t whole_events(const char *buf, size_t len)
{
	size_t used = 0;

	while (len - used >= sizeof(struct inotify_event)) {
		struct inotify_event ev;

		memcpy(&ev, buf + used, sizeof(ev));
		if (ev.len > len - used - sizeof(ev) ||
		    used + sizeof(ev) + ev.len > LIVEMIG_INOTIFY_PIECE)
			break;
		used += sizeof(ev) + ev.len;
	}
	return used;
}

/* What nobody has read, as it comes in pieces; *@buf is the caller's. */
static int join_events(const struct lm_file *f, char **buf, size_t *len, struct lm_error *e)
{
	*buf = NULL;
	*len = 0;
	for (size_t i = 0; i < f->nr_data; i++) {
		const struct lm_data *d = f->data[i];
		char *more;

		if (d->queue != LIVEMIG_QUEUE_EVENTS || !d->len)
			continue;
		more = realloc(*buf, *len + d->len);
		if (!more) {
			free(*buf);
			return lm_fail(e, LM_FAILED, "out of memory");
		}
		*buf = more;
		memcpy(more + *len, d->bytes, d->len);
		*len += d->len;
	}
	return 0;
}

/* The highest number of a watch in events; -1: too high. */
static int highest(const char *buf, size_t len, struct lm_error *e)
{
	struct inotify_event ev;
	int last = 0;

	for (size_t at = 0; at < len && whole_events(buf + at, len - at);
	     at += sizeof(ev) + ev.len) {
		memcpy(&ev, buf + at, sizeof(ev));
		if (ev.wd > last)
			last = ev.wd;
	}
	return (unsigned int)last <= WD_MAX ? last :
	       lm_fail(e, LM_REFUSED, "inotify: event of watch %d: such a high number is not supported",
		       last);
}

static int check(const struct lm_model *m, const struct lm_file *f,
		 struct lm_error *e)
{
	size_t len;
	char *buf;
	int ret;

	if (for_each(f, e, NULL, NULL) || join_events(f, &buf, &len, e))
		return -1;
	ret = highest(buf, len, e);
	free(buf);
	return ret < 0 ? -1 : 0;
}

static int put(const struct lm_file *f, const struct watch *w, const char *path,
	       void *out, struct lm_error *e)
{
	char text[MASK_DIGITS + PATH_MAX + 1];
	struct lm_buf b = { 0 };

	snprintf(text, sizeof(text), "%08x%s", w->mask, path);
	lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
	lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_RECV);
	lm_put_u64(&b, LIVEMIG_DATA_OFFSET, w->wd);
	lm_put(&b, LIVEMIG_DATA_BYTES, text, strlen(text) + 1);
	return lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e);
}

static int dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		struct lm_error *e)
{
	return for_each(f, e, put, out);
}

static int by_queue_and_offset(const void *a, const void *b)
{
	const struct lm_data *x = *(struct lm_data *const *)a;
	const struct lm_data *y = *(struct lm_data *const *)b;

	if (x->queue != y->queue)
		return x->queue < y->queue ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int watch(struct lm_restorer *r, struct lm_file *f, const struct lm_data *d,
		 struct lm_error *e)
{
	const char *text = d->bytes, *path = text + MASK_DIGITS;
	unsigned int mask;
	char name[32];
	int wd, fd;

	if (d->len <= MASK_DIGITS || text[d->len - 1] ||
	    sscanf(text, "%8x", &mask) != 1 || !d->offset || d->offset > WD_MAX)
		return lm_fail(e, LM_REFUSED, "inotify: malformed watch");
	/* (a symbolic link itself, if it is one) */
	fd = lm_restorer_open(r, f, path, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return lm_fail_errno(e, LM_REFUSED, "inotify watch of %s", path);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	do {
		wd = inotify_add_watch(f->fd, name, mask & MASK);
		if (wd >= 0 && (unsigned int)wd < d->offset)
			inotify_rm_watch(f->fd, wd);
	} while (wd >= 0 && (unsigned int)wd < d->offset);
	if (wd < 0)
		lm_fail_errno(e, LM_REFUSED, "inotify watch of %s", path);
	else if ((unsigned int)wd > d->offset)
		lm_fail(e, LM_FAILED, "inotify: the kernel does not number watches as it used to");
	close(fd);
	return wd < 0 || (unsigned int)wd != d->offset ? -1 : 0;
}

/* What making it again has told. */
static void forget(int fd)
{
	char events[4096];
	int n;

	while (!ioctl(fd, FIONREAD, &n) && n > 0 && read(fd, events, sizeof(events)) > 0)
		;
}

static int inotify_open(struct lm_restorer *r, struct lm_file *f,
			struct lm_error *e)
{
	f->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "inotify");
	if (f->nr_data)
		qsort(f->data, f->nr_data, sizeof(*f->data), by_queue_and_offset);
	for (size_t i = 0; i < f->nr_data; i++) {
		if (f->data[i]->queue == LIVEMIG_QUEUE_RECV && watch(r, f, f->data[i], e))
			return -1;
		forget(f->fd);
	}
	return lm_kind_setfl(f, e);
}

static int put_events(struct lm_restorer *r, const struct lm_file *f, const char *buf,
		      size_t len, struct lm_error *e)
{
	struct livemig_ioc_inotify a = { .fd = f->fd };

	for (size_t at = 0; at < len; at += a.len) {
		a.buf = (uintptr_t)(buf + at);
		a.len = whole_events(buf + at, len - at);
		if (!a.len)
			return lm_fail(e, LM_REFUSED, "inotify: malformed events");
		if (!ioctl(lm_restorer_device(r), LIVEMIG_IOC_INOTIFY, &a))
			continue;
		if (errno == ENOSPC)
			return lm_fail(e, LM_REFUSED, "inotify: more unread events than there may be here; raise fs.inotify.max_queued_events");
		return lm_fail_errno(e, LM_FAILED, "inotify: unread events");
	}
	return 0;
}

/* An event may be of a watch that has ended: none that is made now gets its number. */
static int pass_numbers(const struct lm_file *f, const char *buf, size_t len,
			struct lm_error *e)
{
	int last = highest(buf, len, e), wd, fd;
	char name[32];

	if (last < 0)
		return -1;
	if (!last)
		return 0;
	fd = memfd_create("nobody watches it", MFD_CLOEXEC);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	do {
		wd = fd < 0 ? -1 : inotify_add_watch(f->fd, name, IN_MODIFY);
		if (wd >= 0)
			inotify_rm_watch(f->fd, wd);
	} while (wd >= 0 && wd < last);
	if (wd < 0)
		lm_fail_errno(e, LM_FAILED, "inotify: numbers of watches");
	if (fd >= 0)
		close(fd);
	return wd < 0 ? -1 : 0;
}

/* When all files are made, which watches tell of, too. */
static int inotify_link(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	size_t len;
	char *buf;
	int ret;

	if (join_events(f, &buf, &len, e))
		return -1;
	ret = pass_numbers(f, buf, len, e);
	forget(f->fd);
	ret = ret ?: put_events(r, f, buf, len, e);
	free(buf);
	return ret;
}

const struct lm_file_kind lm_kind_inotify = {
	.name	= "inotify",
	.match	= match,
	.check	= check,
	.dump	= dump,
	.open	= inotify_open,
	.link	= inotify_link,
};
