// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names of unix sockets: abstract ones, and paths, each with an inode that may
 * have been renamed or removed since. A name that must not appear in the file
 * system is bound in one of our own, which nobody else can see and which goes with
 * the socket.
 *
 * Names may be relative or of full length: all is done in a thread of its own,
 * which goes to the directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../net/rtnl.h"
#include "../ns/user.h"
#include "unix.h"

#define NAME_MAX_LEN (sizeof(((struct sockaddr_un *)0)->sun_path) + 1)

/* The path in an address, terminated; "" if it is abstract or none. */
static void path_of(const struct nlattr *attr, char name[NAME_MAX_LEN])
{
	const size_t start = offsetof(struct sockaddr_un, sun_path);
	const struct sockaddr_un *a = lm_data(attr);
	size_t len = lm_len(attr);

	memset(name, 0, NAME_MAX_LEN);
	if (len > start && len <= sizeof(*a))
		memcpy(name, a->sun_path, len - start);
}

static bool has_name(const struct nlattr *attr)
{
	return lm_len(attr) > offsetof(struct sockaddr_un, sun_path) &&
	       lm_len(attr) <= sizeof(struct sockaddr_un);
}

static bool deleted(const struct lm_file *f)
{
	const struct livemig_sock_bound *b = lm_data(f->sock[LIVEMIG_SOCK_BOUND]);

	return lm_len(f->sock[LIVEMIG_SOCK_BOUND]) >= sizeof(*b) && b->deleted;
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static socklen_t set_path(struct sockaddr_un *a, const char *path)
{
	size_t len = strnlen(path, sizeof(a->sun_path));

	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	memcpy(a->sun_path, path, len);
	return offsetof(struct sockaddr_un, sun_path) + len;
}

/* Run @fn in the container's network namespace, in a thread whose directory is
 * its own.
 */
struct apart {
	lm_ns_fn fn;
	void *arg;
};

static int unshare_fs(void *arg, struct lm_error *e)
{
	struct apart *a = arg;

	if (unshare(CLONE_FS) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot unshare the current directory");
	return a->fn(a->arg, e);
}

static int run_apart(struct lm_restorer *r, lm_ns_fn fn, void *arg, struct lm_error *e)
{
	struct apart a = { fn, arg };
	int self = lm_restorer_netns(r), ret;

	if (self >= 0)
		return lm_in_netns(self, unshare_fs, &a, e);
	self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot open my own network namespace");
	ret = lm_in_netns(self, unshare_fs, &a, e);
	close(self);
	return ret;
}

/* ---- where nobody sees it ---- */

/* Make an empty file system this thread's root, with the directories of @path. */
static int enter_scratch(const char *path, struct lm_error *e)
{
	char dir[NAME_MAX_LEN];
	int fs, mnt = -1, ret = -1;

	fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs >= 0 && fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		mnt = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (mnt >= 0 && fchdir(mnt) == 0 && chroot(".") == 0)
		ret = 0;
	else
		lm_fail_errno(e, LM_FAILED, "cannot make a file system for names");
	if (fs >= 0)
		close(fs);
	if (mnt >= 0)
		close(mnt);
	snprintf(dir, sizeof(dir), "%s", path);
	for (char *s = dir; ret == 0 && (s = strchr(s + 1, '/'));) {
		*s = 0;
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			ret = lm_fail_errno(e, LM_FAILED, "%s", dir);
		*s = '/';
	}
	return ret;
}

/* bind() in there, or to an abstract name. */
static int bind_scratch(int fd, const struct nlattr *name, struct lm_error *e)
{
	char path[NAME_MAX_LEN], text[128];
	union lm_sockaddr a = { 0 };

	path_of(name, path);
	if (*path && enter_scratch(path, e) < 0)
		return -1;
	memcpy(&a, lm_data(name), lm_len(name));
	lm_sock_addr_text(&a, lm_len(name), text, sizeof(text));
	if (bind(fd, &a.sa, lm_len(name)) < 0)
		return lm_fail_errno(e, LM_REFUSED, "unix socket %s: cannot bind", text);
	return 0;
}

struct scratch {
	int type, fd, client;
	const struct nlattr *name;
};

static int do_named_socket(void *arg, struct lm_error *e)
{
	struct scratch *s = arg;

	s->fd = socket(AF_UNIX, s->type | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make a unix socket");
	if (bind_scratch(s->fd, s->name, e) == 0)
		return 0;
	close(s->fd);
	return -1;
}

int lm_unix_named_socket(struct lm_restorer *r, int type, const struct nlattr *name,
			 struct lm_error *e)
{
	struct scratch s = { .type = type, .name = name };

	if (!has_name(name))
		return lm_socket_in_netns(lm_restorer_netns(r), AF_UNIX, type, 0, e);
	return run_apart(r, do_named_socket, &s, e) < 0 ? -1 : s.fd;
}

static int do_accept_by_name(void *arg, struct lm_error *e)
{
	struct scratch *s = arg;
	int accepted = -1;

	if (do_named_socket(s, e) < 0)
		return -1;
	if (listen(s->fd, 1) == 0 &&
	    connect(s->client, lm_data(s->name), lm_len(s->name)) == 0)
		accepted = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	if (accepted < 0)
		lm_fail_errno(e, LM_FAILED, "cannot make a unix connection again");
	close(s->fd);
	s->fd = accepted;
	return accepted < 0 ? -1 : 0;
}

int lm_unix_accept_by_name(struct lm_restorer *r, int type, const struct nlattr *name,
			   int client, struct lm_error *e)
{
	struct scratch s = { .type = type, .name = name, .client = client };

	if (!has_name(name))
		return lm_fail(e, LM_REFUSED, "the record of a unix socket is malformed");
	return run_apart(r, do_accept_by_name, &s, e) < 0 ? -1 : s.fd;
}

/* ---- where everybody sees it ---- */

struct bind_args {
	struct lm_file *f;
	const struct lm_process *owner;
	int fd;
	int root;		/* where its paths begin, -1: here */
	int fds;		/* /proc/thread-self/fd: there may be none where we go */
};

/* A path that nobody listens on is a leftover, ours when the container was here. */
static int remove_stale(const struct lm_file *f, const char *path, struct stat *st,
			struct lm_error *e)
{
	struct sockaddr_un a;
	int probe, err;

	if (lstat(base(path), st) < 0) {
		st->st_mode = 0;
		return 0;
	}
	if (!S_ISSOCK(st->st_mode))
		return lm_fail(e, LM_REFUSED, "%s exists here and is no socket: move it away", path);
	probe = socket(AF_UNIX, lm_unix_type(f) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make a unix socket");
	err = connect(probe, (void *)&a, set_path(&a, base(path))) < 0 ? errno : 0;
	close(probe);
	if (err != ECONNREFUSED)
		return lm_fail(e, LM_REFUSED, "another program uses the socket %s here", path);
	if (unlink(base(path)) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot remove the stale socket %s", path);
	return 0;
}

/* Where the inode is now, and the directory that its name starts from ("" for an
 * absolute one).
 */
static void find_places(const struct bind_args *b, const char *name, char real[PATH_MAX],
			char start[PATH_MAX])
{
	const char *cwd = b->owner ? lm_str(b->owner->obj.tb[LIVEMIG_PROCESS_CWD]) : NULL;
	const char *path = lm_str(b->f->sock[LIVEMIG_SOCK_PATH]);
	size_t n = path ? strlen(path) : 0, len = strlen(name);

	start[0] = 0;
	if (name[0] != '/')
		snprintf(start, PATH_MAX, "%s", cwd ?: "/");
	snprintf(real, PATH_MAX, "%s%s%s", path ?: start, path || !start[0] ? "" : "/",
		 path ? "" : name);
	/* It may have gone elsewhere since it was bound. */
	if (start[0] && n > len + 1 && n - len < PATH_MAX &&
	    path[n - len - 1] == '/' && !strcmp(path + n - len, name)) {
		memcpy(start, path, n - len);
		start[n - len] = 0;
	}
}

static int enter(const char *dir, struct lm_error *e)
{
	return chdir(dir) < 0 ? lm_fail_errno(e, LM_REFUSED, "cannot enter %s", dir) : 0;
}

/* Owner and mode that a name had; of an older image, those of the one that was here. */
static struct livemig_sock_bound was_bound(const struct lm_file *f, const struct stat *stale)
{
	const struct livemig_sock_bound *b = lm_data(f->sock[LIVEMIG_SOCK_BOUND]);
	struct livemig_sock_bound old = { stale->st_mode, stale->st_uid, stale->st_gid, 0 };

	return lm_len(f->sock[LIVEMIG_SOCK_BOUND]) < sizeof(*b) ? old : *b;
}

/* The directory may be somebody's who makes a link of the name meanwhile: nothing that
 * follows one. The mode it has from the umask, unless the directory has another opinion.
 */
static int set_owner(const struct bind_args *a, const struct livemig_sock_bound *b,
		     const char *real, struct lm_error *e)
{
	char self[16];
	struct stat st;
	int fd, ret = 0;

	if (!S_ISSOCK(b->mode))
		return 0;
	fd = open(base(real), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		ret = -1;
	else if (!S_ISSOCK(st.st_mode))
		ret = lm_fail(e, LM_FAILED, "%s: somebody else replaces it", real);
	snprintf(self, sizeof(self), "%d", fd);
	if (!ret && fchownat(fd, "", b->uid, b->gid, AT_EMPTY_PATH) < 0)
		ret = -1;
	if (!ret && ((st.st_mode ^ b->mode) & 07777) &&
	    fchmodat(a->fds, self, b->mode & 07777, 0) < 0)
		ret = -1;
	if (ret && (!e || !e->code))
		lm_fail_errno(e, LM_FAILED, "cannot set the owner of %s", real);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* (The thread is our own.) */
static int bind_as_owner(const struct bind_args *b, const struct sockaddr_un *a,
			 socklen_t len)
{
	int ret = bind(b->fd, (const void *)a, len);

	/* Root is nobody there. */
	if (ret < 0 && errno == EOVERFLOW && lm_as_owner(b->f->dir) == 0)
		ret = bind(b->fd, (const void *)a, len);
	return ret;
}

static int bind_path(struct bind_args *b, const char *name, struct lm_error *e)
{
	char real[PATH_MAX], start[PATH_MAX], dir[PATH_MAX], now[2 * PATH_MAX];
	struct livemig_sock_bound was;
	struct stat stale = { 0 };
	struct sockaddr_un a;

	find_places(b, name, real, start);
	snprintf(dir, sizeof(dir), "%.*s", (int)(base(real) - real), real);
	if (enter(dir, e) < 0 || remove_stale(b->f, real, &stale, e) < 0)
		return -1;
	b->f->dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->f->dir < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot open %s", dir);
	if (start[0] && enter(start, e) < 0)
		return -1;
	was = was_bound(b->f, &stale);
	if (S_ISSOCK(was.mode))
		umask(~was.mode & 0777);
	else if (b->owner)
		umask(lm_u32(b->owner->obj.tb[LIVEMIG_PROCESS_UMASK]));
	if (bind_as_owner(b, &a, set_path(&a, name)) < 0)
		return lm_fail_errno(e, LM_REFUSED, "unix socket %s: cannot bind", name);
	/* It was renamed since; to where it is now that means nothing. */
	snprintf(now, sizeof(now), "%s%s%s", start, start[0] ? "/" : "", name);
	if (rename(now, real) < 0)
		return lm_fail_errno(e, LM_REFUSED, "unix socket %s: cannot rename it to %s",
				     name, real);
	if (fchdir(b->f->dir) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot enter %s", dir);
	return set_owner(b, &was, real, e);
}

static int bind_deleted(struct bind_args *b, const char *name, struct lm_error *e)
{
	char dir[NAME_MAX_LEN];
	const struct stat none = { 0 };
	struct livemig_sock_bound was = was_bound(b->f, &none);

	if (S_ISSOCK(was.mode))
		umask(~was.mode & 0777);
	if (bind_scratch(b->fd, b->f->sock[LIVEMIG_SOCK_LOCAL], e) < 0)
		return -1;
	snprintf(dir, sizeof(dir), "%.*s", (int)(base(name) - name), name);
	b->f->dir = open(*dir ? dir : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->f->dir < 0 || fchdir(b->f->dir) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot enter %s", dir);
	return set_owner(b, &was, name, e);
}

static int bind_it(struct bind_args *b, struct lm_error *e)
{
	char name[NAME_MAX_LEN];

	path_of(b->f->sock[LIVEMIG_SOCK_LOCAL], name);
	if (b->root >= 0 && (fchdir(b->root) < 0 || chroot(".") < 0))
		return lm_fail_errno(e, LM_FAILED, "cannot enter the container's root");
	if (!*name)
		return bind_scratch(b->fd, b->f->sock[LIVEMIG_SOCK_LOCAL], e);
	return deleted(b->f) ? bind_deleted(b, name, e) : bind_path(b, name, e);
}

static int do_bind(void *arg, struct lm_error *e)
{
	struct bind_args *b = arg;
	int ret;

	b->fds = open("/proc/thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (b->fds < 0)
		return lm_fail_errno(e, LM_FAILED, "/proc/thread-self/fd");
	ret = bind_it(b, e);
	close(b->fds);
	return ret;
}

int lm_unix_bind(struct lm_restorer *r, struct lm_file *f, int fd, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct bind_args b = { f, lm_model_process(m, f->holder.pid), fd,
			       lm_restorer_root(r, f), -1 };

	if (!has_name(f->sock[LIVEMIG_SOCK_LOCAL]))
		return 0;
	return run_apart(r, do_bind, &b, e);
}

int lm_unix_unlink(const struct lm_file *f, struct lm_error *e)
{
	char name[NAME_MAX_LEN];

	path_of(f->sock[LIVEMIG_SOCK_LOCAL], name);
	if (f->dir < 0 || !deleted(f) || unlinkat(f->dir, base(name), 0) == 0)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "cannot remove the name of a unix socket");
}

/* ---- to another ---- */

struct reach {
	const struct lm_file *to;
	int fd;
	struct msghdr *msg;	/* NULL: connect */
};

/* The address by which @f is found from its directory. */
static socklen_t address(const struct lm_file *f, union lm_sockaddr *a)
{
	const char *path = lm_str(f->sock[LIVEMIG_SOCK_PATH]);
	char name[NAME_MAX_LEN];

	path_of(f->sock[LIVEMIG_SOCK_LOCAL], name);
	if (!*name)
		return lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, a);
	return set_path(&a->un, base(path && !deleted(f) ? path : name));
}

static int do_reach(void *arg, struct lm_error *e)
{
	struct reach *x = arg;
	union lm_sockaddr a;
	socklen_t len = address(x->to, &a);
	int n;

	if (!len)
		return lm_fail(e, LM_FAILED, "a unix socket without a name is sent to");
	if (x->to->dir >= 0 && fchdir(x->to->dir) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot enter a unix socket's directory");
	if (!x->msg)
		return connect(x->fd, &a.sa, len) < 0 ?
			lm_fail_errno(e, LM_FAILED, "cannot connect a unix socket again") : 0;
	x->msg->msg_name = &a;
	x->msg->msg_namelen = len;
	n = sendmsg(x->fd, x->msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	x->msg->msg_name = NULL;
	return n < 0 ? lm_fail_errno(e, LM_FAILED,
				     "cannot put a message back into a unix socket") : n;
}

int lm_unix_connect(struct lm_restorer *r, const struct lm_file *to, int fd,
		    struct lm_error *e)
{
	struct reach x = { .to = to, .fd = fd };

	return run_apart(r, do_reach, &x, e);
}

int lm_unix_send_to(struct lm_restorer *r, const struct lm_file *to, int fd,
		    struct msghdr *msg, struct lm_error *e)
{
	struct reach x = { .to = to, .fd = fd, .msg = msg };

	return run_apart(r, do_reach, &x, e);
}
