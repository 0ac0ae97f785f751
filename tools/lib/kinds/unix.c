// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Unix sockets: pairs inside the container (socketpair or connected), listening
 * and bound ones, with the messages that wait in them and the files in these.
 *
 * A pair is made at the first of its ends. Messages are put into a socket by
 * sending them from its peer, in link(), when all files that they may carry are
 * there. What was shut down is shut down in resume(), when all is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../net/rtnl.h"
#include "sock.h"

enum { LISTEN = 10 };	/* as TCP's */

static bool is_unix(const struct lm_file *f)
{
	return lm_sock_is(f, AF_UNIX, SOCK_STREAM, -1) ||
	       lm_sock_is(f, AF_UNIX, SOCK_DGRAM, -1) ||
	       lm_sock_is(f, AF_UNIX, SOCK_SEQPACKET, -1);
}

static int type_of(const struct lm_file *f)
{
	return lm_u32(f->sock[LIVEMIG_SOCK_TYPE]);
}

static bool listens(const struct lm_file *f)
{
	return lm_u32(f->sock[LIVEMIG_SOCK_STATE]) == LISTEN;
}

/* The socket that @f is connected to, if it is in the container. */
static struct lm_file *peer_of(const struct lm_model *m, const struct lm_file *f)
{
	uint64_t ino = lm_u64(f->sock[LIVEMIG_SOCK_PEER_INO]);

	for (size_t i = 0; ino && i < m->nr_file; i++)
		if (is_unix(m->file[i]) && lm_u64(m->file[i]->sock[LIVEMIG_SOCK_INO]) == ino)
			return m->file[i];
	return NULL;
}

/* A socketpair or an accepted connection, as opposed to a datagram socket that
 * sends to another.
 */
static bool is_pair(const struct lm_model *m, const struct lm_file *f)
{
	struct lm_file *p = peer_of(m, f);

	return p && peer_of(m, p) == f;
}

/* Connected once, and the other end was closed since. */
static bool is_orphan(const struct lm_file *f)
{
	return f->sock[LIVEMIG_SOCK_PEER_INO] && !lm_u64(f->sock[LIVEMIG_SOCK_PEER_INO]);
}

static struct lm_file *bound_to(const struct lm_model *m, const union lm_sockaddr *a,
				bool listening)
{
	union lm_sockaddr b;

	for (size_t i = 0; i < m->nr_file; i++)
		if (is_unix(m->file[i]) && listens(m->file[i]) == listening &&
		    lm_sock_addr(m->file[i], LIVEMIG_SOCK_LOCAL, &b) && lm_sock_addr_equal(a, &b))
			return m->file[i];
	return NULL;
}

/* ---- source ---- */

static int unix_check(const struct lm_model *m, const struct lm_file *f, struct lm_error *e)
{
	union lm_sockaddr a;
	char text[128];
	socklen_t len;

	if (lm_u32(f->sock[LIVEMIG_SOCK_UNACCEPTED])) {
		lm_fail(e, LM_REFUSED, "unix connections that wait to be accepted: not supported");
		if (e)
			e->err = EAGAIN;	/* source.c: transient */
		return -1;
	}
	if (lm_u64(f->sock[LIVEMIG_SOCK_PEER_INO]) && !peer_of(m, f)) {
		len = lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &a);
		lm_sock_addr_text(&a, len, text, sizeof(text));
		return lm_fail(e, LM_REFUSED,
			       "unix socket whose peer (%s) is outside of the container: not supported",
			       len ? text : "unnamed");
	}
	for (size_t i = 0; is_orphan(f) && i < f->nr_data; i++)
		if (f->data[i]->obj.tb[LIVEMIG_DATA_FDS])
			return lm_fail(e, LM_REFUSED,
				       "files that were sent through a unix socket and whose sender has closed it: not supported");
	return 0;
}

/* ---- destination ---- */

struct bind_args {
	const struct lm_file *f;
	const struct lm_process *owner;
	int fd;
};

/* A path that nobody listens on is a leftover, ours when the container was here. */
static int remove_stale(const struct lm_file *f, const union lm_sockaddr *a,
			socklen_t len, struct stat *st, struct lm_error *e)
{
	const char *path = a->un.sun_path;
	int probe, err;

	if (lstat(path, st) < 0) {
		st->st_mode = 0;
		return 0;
	}
	if (!S_ISSOCK(st->st_mode))
		return lm_fail(e, LM_REFUSED, "%s exists here and is no socket: move it away", path);
	probe = socket(AF_UNIX, type_of(f) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make a unix socket");
	err = connect(probe, &a->sa, len) < 0 ? errno : 0;
	close(probe);
	if (err != ECONNREFUSED)
		return lm_fail(e, LM_REFUSED, "another program uses the socket %s here", path);
	if (unlink(path) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot remove the stale socket %s", path);
	return 0;
}

/* In a thread of its own: names are relative to the owner's directory, and the
 * new inode gets the owner's umask.
 */
static int do_bind(void *arg, struct lm_error *e)
{
	struct bind_args *b = arg;
	union lm_sockaddr a;
	socklen_t len = lm_sock_addr(b->f, LIVEMIG_SOCK_LOCAL, &a);
	const struct lm_process *p = b->owner;
	const char *cwd = p ? lm_str(p->obj.tb[LIVEMIG_PROCESS_CWD]) : NULL;
	bool path = a.un.sun_path[0];
	struct stat st = { 0 };
	char text[128];

	lm_sock_addr_text(&a, len, text, sizeof(text));
	if (path) {
		if (unshare(CLONE_FS) < 0)
			return lm_fail_errno(e, LM_FAILED, "cannot unshare the current directory");
		if (a.un.sun_path[0] != '/' && cwd && chdir(cwd) < 0)
			return lm_fail_errno(e, LM_REFUSED, "cannot enter %s", cwd);
		if (p)
			umask(lm_u32(p->obj.tb[LIVEMIG_PROCESS_UMASK]));
		if (remove_stale(b->f, &a, len, &st, e) < 0)
			return -1;
	}
	if (bind(b->fd, &a.sa, len) < 0)
		return lm_fail_errno(e, LM_REFUSED, "unix socket %s: cannot bind", text);
	if (S_ISSOCK(st.st_mode) &&
	    (lchown(a.un.sun_path, st.st_uid, st.st_gid) < 0 ||
	     chmod(a.un.sun_path, st.st_mode & 07777) < 0))
		return lm_fail_errno(e, LM_FAILED, "cannot set the owner of %s", text);
	return 0;
}

static int bind_name(struct lm_restorer *r, struct lm_file *f, int fd, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct bind_args b = { f, lm_model_process(m, f->holder.pid), fd };
	union lm_sockaddr a;
	int self, ret;

	if (!lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a))
		return 0;
	/* A thread in any case: unshare(CLONE_FS) is for good. */
	self = lm_restorer_netns(r);
	if (self >= 0)
		return lm_in_netns(self, do_bind, &b, e);
	self = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (self < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot open my own network namespace");
	ret = lm_in_netns(self, do_bind, &b, e);
	close(self);
	return ret;
}

static int set_up(struct lm_file *f, int fd, struct lm_error *e)
{
	if (lm_sock_set_options(fd, f, e) < 0 ||
	    lm_sock_make_room(fd, 1 << 20, 1 << 20, e) < 0)
		return -1;
	f->fd = fd;
	return 0;
}

static int flag_nonblock(const struct lm_file *f, int fd)
{
	return f->flags & O_NONBLOCK ? fcntl(fd, F_SETFL, O_NONBLOCK) : 0;
}

struct pair_args {
	int type, *sv;
};

static int do_pair(void *arg, struct lm_error *e)
{
	struct pair_args *p = arg;

	if (socketpair(AF_UNIX, p->type | SOCK_CLOEXEC, 0, p->sv) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot make a pair of unix sockets");
	return 0;
}

/* Two connected sockets of the type of @f. */
static int make_pair(struct lm_restorer *r, const struct lm_file *f, int sv[2],
		     struct lm_error *e)
{
	struct pair_args p = { type_of(f), sv };

	return lm_in_netns(lm_restorer_netns(r), do_pair, &p, e);
}

static int open_single(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd = lm_sock_new(r, f, e);

	if (fd < 0)
		return -1;
	if (bind_name(r, f, fd, e) < 0)
		goto fail;
	if (listens(f) && listen(fd, lm_u32(f->sock[LIVEMIG_SOCK_BACKLOG])) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot listen on a unix socket");
		goto fail;
	}
	if (set_up(f, fd, e) == 0)
		return 0;
fail:
	close(fd);
	return -1;
}

/* The address under which @f can be reached from here: a name that is relative
 * is so to its owner's directory.
 */
static int reach(struct lm_restorer *r, const struct lm_file *f, union lm_sockaddr *a,
		 socklen_t *len, struct lm_error *e)
{
	const struct lm_process *p = lm_model_process(lm_restorer_model(r), f->holder.pid);
	const char *cwd = p ? lm_str(p->obj.tb[LIVEMIG_PROCESS_CWD]) : NULL;
	char path[sizeof(a->un.sun_path) + 1] = "";
	int n;

	memset(a, 0, sizeof(*a));
	*len = sizeof(*a);
	if (getsockname(f->fd, &a->sa, len) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot read a unix socket's name");
	memcpy(path, a->un.sun_path, sizeof(a->un.sun_path));
	if (*len <= offsetof(struct sockaddr_un, sun_path) || !path[0] || path[0] == '/' || !cwd)
		return 0;
	n = snprintf(a->un.sun_path, sizeof(a->un.sun_path), "%s/%s", cwd, path);
	if (n >= (int)sizeof(a->un.sun_path))
		return lm_fail(e, LM_REFUSED, "unix socket %s/%s: the path is too long", cwd, path);
	*len = offsetof(struct sockaddr_un, sun_path) + n + 1;
	return 0;
}

/* Through the listener that the connection came by, so that both ends know their
 * names. Should a stranger connect meanwhile, his credentials tell.
 */
static int accept_pair(struct lm_restorer *r, struct lm_file *server,
		       struct lm_file *client, struct lm_file *listener,
		       struct lm_error *e)
{
	union lm_sockaddr name;
	socklen_t len;
	struct ucred who = { 0 };
	socklen_t who_len = sizeof(who);
	int c, s = -1;

	if (listener->fd < 0 && open_single(r, listener, e) < 0)
		return -1;
	if (reach(r, listener, &name, &len, e) < 0)
		return -1;
	c = lm_sock_new(r, client, e);
	if (c < 0)
		return -1;
	if (bind_name(r, client, c, e) < 0)
		goto fail;
	if (fcntl(c, F_SETFL, 0) < 0 || connect(c, &name.sa, len) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot connect a unix socket again");
		goto fail;
	}
	s = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (s < 0 || getsockopt(s, SOL_SOCKET, SO_PEERCRED, &who, &who_len) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot accept a unix connection again");
		goto fail;
	}
	if (who.pid != getpid()) {
		lm_fail(e, LM_FAILED, "pid %d connects to a socket of the container while it is restored",
			who.pid);
		goto fail;
	}
	if (flag_nonblock(client, c) < 0 || flag_nonblock(server, s) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot set O_NONBLOCK");
		goto fail;
	}
	if (set_up(client, c, e) == 0 && set_up(server, s, e) == 0)
		return 0;
fail:
	close(c);
	if (s >= 0)
		close(s);
	client->fd = server->fd = -1;
	return -1;
}

static int open_pair(struct lm_restorer *r, struct lm_file *f, struct lm_file *peer,
		     struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct lm_file *listener = NULL;
	union lm_sockaddr a;
	int sv[2];

	if (type_of(f) != SOCK_DGRAM && lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a))
		listener = bound_to(m, &a, true);
	if (listener)
		return accept_pair(r, f, peer, listener, e);
	if (type_of(f) != SOCK_DGRAM && lm_sock_addr(peer, LIVEMIG_SOCK_LOCAL, &a))
		listener = bound_to(m, &a, true);
	if (listener)
		return accept_pair(r, peer, f, listener, e);

	if (make_pair(r, f, sv, e) < 0)
		return -1;
	if (set_up(f, sv[0], e) < 0 || set_up(peer, sv[1], e) < 0)
		goto fail;
	if (flag_nonblock(f, sv[0]) < 0 || flag_nonblock(peer, sv[1]) < 0) {
		lm_fail_errno(e, LM_FAILED, "cannot set O_NONBLOCK");
		goto fail;
	}
	/* The names of datagram sockets are their own. Those of accepted
	 * connections belong to a listener that is gone.
	 */
	if (type_of(f) == SOCK_DGRAM &&
	    (bind_name(r, f, sv[0], e) < 0 || bind_name(r, peer, sv[1], e) < 0))
		goto fail;
	return 0;
fail:
	close(sv[0]);
	close(sv[1]);
	f->fd = peer->fd = -1;
	return -1;
}

/* One message, or a piece of a stream; long messages come in several records. */
struct message {
	char *bytes;
	size_t len;
	const struct nlattr *from, *fds;
};

/* The message that begins with record *@i of @f; *@i is then the next one's. */
static int take_message(const struct lm_file *f, size_t *i, struct message *msg,
			struct lm_error *e)
{
	const struct lm_data *first = f->data[*i];
	char *more;

	*msg = (struct message){
		.from = first->obj.tb[LIVEMIG_DATA_NAME],
		.fds = first->obj.tb[LIVEMIG_DATA_FDS],
	};
	do {
		const struct lm_data *d = f->data[*i];

		more = realloc(msg->bytes, msg->len + d->len + 1);
		if (!more) {
			free(msg->bytes);
			return lm_fail(e, LM_FAILED, "no memory");
		}
		msg->bytes = more;
		memcpy(more + msg->len, d->bytes, d->len);
		msg->len += d->len;
	} while (++*i < f->nr_data && type_of(f) != SOCK_STREAM &&
		 f->data[*i]->offset == first->offset && f->data[*i]->queue == first->queue);
	return 0;
}

/* Send @m through @via, which is connected (@to_len 0) or not. */
static int send_message(const struct lm_model *model, const struct message *m, int via,
			const union lm_sockaddr *to, socklen_t to_len, struct lm_error *e)
{
	char control[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct iovec iov = { m->bytes, m->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	const uint32_t *ids;
	struct cmsghdr *c;
	ssize_t n;
	size_t nr;

	ids = lm_array(m->fds, sizeof(*ids), &nr);
	if (nr > 253)
		return lm_fail(e, LM_REFUSED, "the record of a unix message is malformed");
	if (nr) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(nr * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr * sizeof(int));
		for (size_t i = 0; i < nr; i++) {
			struct lm_file *f = lm_model_file(model, ids[i]);

			if (!f || f->fd < 0)
				return lm_fail(e, LM_REFUSED,
					       "a unix message carries a file that is not in the image");
			memcpy(CMSG_DATA(c) + i * sizeof(int), &f->fd, sizeof(int));
		}
	}
	if (to_len) {
		msg.msg_name = (void *)to;
		msg.msg_namelen = to_len;
	}
	n = sendmsg(via, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == (ssize_t)m->len)
		return 0;
	return lm_fail_errno(e, LM_FAILED, "cannot put a message back into a unix socket");
}

/* The other end lives as long as it takes to say what it had said. */
static int open_orphan(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	struct message msg;
	int sv[2], ret;

	if (make_pair(r, f, sv, e) < 0)
		return -1;
	ret = set_up(f, sv[0], e);
	if (ret == 0)
		ret = lm_sock_make_room(sv[1], 1 << 20, 1 << 20, e);
	if (ret == 0 && flag_nonblock(f, sv[0]) < 0)
		ret = lm_fail_errno(e, LM_FAILED, "cannot set O_NONBLOCK");
	if (ret == 0 && type_of(f) == SOCK_DGRAM)
		ret = bind_name(r, f, sv[0], e);
	for (size_t i = 0; ret == 0 && i < f->nr_data;) {
		ret = take_message(f, &i, &msg, e);
		if (ret < 0)
			break;
		ret = send_message(lm_restorer_model(r), &msg, sv[1], NULL, 0, e);
		free(msg.bytes);
	}
	close(sv[1]);
	if (ret < 0) {
		close(sv[0]);
		f->fd = -1;
	}
	return ret;
}

static int unix_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);

	if (f->fd >= 0)
		return 0;
	if (is_pair(m, f) && peer_of(m, f) != f)
		return open_pair(r, f, peer_of(m, f), e);
	if (!is_orphan(f))
		return open_single(r, f, e);

	return open_orphan(r, f, e);
}

/* A socket that sends as the sender of @msg did: himself if he is still there. */
static int find_sender(struct lm_restorer *r, struct lm_file *f,
		       const struct message *msg, bool *temporary, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	size_t len = lm_len(msg->from);
	struct lm_file *sender = NULL;
	union lm_sockaddr a = { 0 };

	*temporary = false;
	if (len > offsetof(struct sockaddr_un, sun_path) && len <= sizeof(a)) {
		memcpy(&a, lm_data(msg->from), len);
		sender = bound_to(m, &a, false);
	}
	if (sender && type_of(sender) == type_of(f))
		return sender->fd;
	*temporary = true;
	return lm_socket_in_netns(lm_restorer_netns(r), AF_UNIX, type_of(f), 0, e);
}

static int deliver(struct lm_restorer *r, struct lm_file *f, const struct message *msg,
		   struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	union lm_sockaddr me;
	socklen_t len;
	bool temporary;
	int via, ret;

	if (is_pair(m, f))
		return send_message(m, msg, peer_of(m, f)->fd, NULL, 0, e);
	if (reach(r, f, &me, &len, e) < 0)
		return -1;
	via = find_sender(r, f, msg, &temporary, e);
	if (via < 0)
		return -1;
	ret = send_message(m, msg, via, &me, len, e);
	if (temporary)
		close(via);
	return ret;
}

static int fill(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	struct message msg;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < f->nr_data;) {
		ret = take_message(f, &i, &msg, e);
		if (ret < 0)
			break;
		ret = deliver(r, f, &msg, e);
		free(msg.bytes);
	}
	return ret;
}

static int unix_link(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct lm_file *peer = peer_of(m, f);
	union lm_sockaddr to;
	socklen_t len;

	if (type_of(f) == SOCK_DGRAM && peer && !is_pair(m, f)) {
		if (reach(r, peer, &to, &len, e) < 0)
			return -1;
		if (connect(f->fd, &to.sa, len) < 0)
			return lm_fail_errno(e, LM_FAILED, "cannot connect a unix socket again");
	}
	if (is_orphan(f) || listens(f))
		return 0;
	return fill(r, f, e);
}

static int unix_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	uint32_t how = lm_u32(f->sock[LIVEMIG_SOCK_SHUTDOWN]);

	if (lm_sock_set_buffers(f->fd, f, e) < 0)
		return -1;
	if (!how || listens(f) || is_orphan(f))
		return 0;
	if (shutdown(f->fd, how == 3 ? SHUT_RDWR : how == 2 ? SHUT_WR : SHUT_RD) < 0 &&
	    errno != ENOTCONN)
		return lm_fail_errno(e, LM_FAILED, "cannot shut a unix socket down");
	return 0;
}

const struct lm_file_kind lm_kind_unix = {
	.name = "unix socket",
	.match = is_unix,
	.check = unix_check,
	.open = unix_open,
	.link = unix_link,
	.resume = unix_resume,
};
