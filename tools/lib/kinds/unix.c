// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Unix sockets: pairs inside the container (socketpair or connected), listening
 * and bound ones, with the messages that wait in them and the files in these.
 *
 * A pair is made at the first of its ends. Messages are put into a socket by
 * sending them from its peer, in link(), when all files that they may carry are
 * there. A connection that was not accepted is made in link() of the listener,
 * when those that were have been accepted. What was shut down is shut down in
 * resume(), when all is sent.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../net/rtnl.h"
#include "sockopt.h"
#include "unix.h"

enum { LISTEN = 10 };	/* as TCP's */

/* Room for what is sent again; the real size is set when all is there. */
#define ROOM	(1 << 20)

bool lm_unix_is(const struct lm_file *f)
{
	return lm_sock_is(f, AF_UNIX, SOCK_STREAM, -1) ||
	       lm_sock_is(f, AF_UNIX, SOCK_DGRAM, -1) ||
	       lm_sock_is(f, AF_UNIX, SOCK_SEQPACKET, -1);
}

/* A connection in a listener's queue. */
static bool is_unaccepted(const struct lm_file *f)
{
	return lm_unix_is(f) && f->sock[LIVEMIG_SOCK_LISTENER];
}

int lm_unix_type(const struct lm_file *f)
{
	return lm_u32(f->sock[LIVEMIG_SOCK_TYPE]);
}

static bool listens(const struct lm_file *f)
{
	return lm_u32(f->sock[LIVEMIG_SOCK_STATE]) == LISTEN;
}

struct lm_file *lm_unix_peer(const struct lm_model *m, const struct lm_file *f)
{
	uint64_t ino = lm_u64(f->sock[LIVEMIG_SOCK_PEER_INO]);

	for (size_t i = 0; ino && i < m->nr_file; i++)
		if (lm_unix_is(m->file[i]) &&
		    lm_u64(m->file[i]->sock[LIVEMIG_SOCK_INO]) == ino)
			return m->file[i];
	return NULL;
}

bool lm_unix_is_pair(const struct lm_model *m, const struct lm_file *f)
{
	struct lm_file *p = lm_unix_peer(m, f);

	return p && lm_unix_peer(m, p) == f;
}

/* Connected once, and the other end was closed since. */
static bool is_orphan(const struct lm_file *f)
{
	return f->sock[LIVEMIG_SOCK_PEER_INO] && !lm_u64(f->sock[LIVEMIG_SOCK_PEER_INO]);
}

struct lm_file *lm_unix_bound_to(const struct lm_model *m, const union lm_sockaddr *a,
				 bool listening)
{
	union lm_sockaddr b;

	for (size_t i = 0; i < m->nr_file; i++)
		if (lm_unix_is(m->file[i]) && listens(m->file[i]) == listening &&
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

	if (!lm_u64(f->sock[LIVEMIG_SOCK_PEER_INO]) || lm_unix_peer(m, f))
		return 0;
	len = lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &a);
	lm_sock_addr_text(&a, len, text, sizeof(text));
	return lm_fail(e, LM_REFUSED,
		       "unix socket whose peer (%s) is outside of the container: not supported",
		       len ? text : "unnamed");
}

/* ---- destination: making ---- */

static int set_up(struct lm_file *f, int fd, struct lm_error *e)
{
	if (fcntl(fd, F_SETFL, f->flags & O_NONBLOCK) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot set O_NONBLOCK");
	if (lm_sock_set_options(fd, f, e) < 0 ||
	    lm_sockopt_set(fd, f, LM_SOCKOPT_READY, e) < 0 ||
	    lm_sock_make_room(fd, ROOM, ROOM, e) < 0)
		return -1;
	f->fd = fd;
	return 0;
}

/* A listener, a datagram socket, one that is not connected or whose connection is
 * made later.
 */
static int open_single(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd = lm_sock_new(r, f, e);

	if (fd < 0)
		return -1;
	if (lm_unix_bind(r, f, fd, e) < 0)
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

/* Should a stranger connect meanwhile, his credentials tell. */
static int accept_own(struct lm_file *listener, struct lm_error *e)
{
	struct ucred who = { 0 };
	socklen_t len = sizeof(who);
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot accept a unix connection again");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && who.pid == getpid())
		return fd;
	close(fd);
	return lm_fail(e, LM_FAILED, "pid %d connects to a socket of the container while it is restored",
		       who.pid);
}

/* What is to be connected: the ends, as far as the container has them, and their
 * names.
 */
struct connection {
	struct lm_file *client, *server;	/* NULL: closed */
	const struct nlattr *client_name, *server_name;
	int type;
};

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

/* Through the listener that it came by, so that both ends know their names, or
 * one that goes at once. sv[0] is the client.
 */
static int connect_ends(struct lm_restorer *r, const struct connection *c, int sv[2],
			struct lm_error *e)
{
	struct pair_args p = { c->type, sv };
	struct lm_file *listener = NULL;
	union lm_sockaddr a = { 0 };

	if (!lm_len(c->server_name))
		return lm_in_netns(lm_restorer_netns(r), do_pair, &p, e);
	if (lm_len(c->server_name) <= sizeof(a.un)) {
		memcpy(&a, lm_data(c->server_name), lm_len(c->server_name));
		listener = lm_unix_bound_to(lm_restorer_model(r), &a, true);
	}
	if (listener && listener->fd < 0 && open_single(r, listener, e) < 0)
		return -1;
	sv[0] = lm_unix_named_socket(r, c->type, c->client ? NULL : c->client_name, e);
	if (sv[0] < 0)
		return -1;
	if (c->client && lm_unix_bind(r, c->client, sv[0], e) < 0)
		goto fail;
	if (!listener)
		sv[1] = lm_unix_accept_by_name(r, c->type, c->server_name, sv[0], e);
	else if (lm_unix_connect(r, listener, sv[0], e) < 0)
		goto fail;
	else
		sv[1] = accept_own(listener, e);
	if (sv[1] >= 0)
		return 0;
fail:
	close(sv[0]);
	return -1;
}

/* Streams know by the name which end was accepted: it has the listener's. */
static bool was_accepted(const struct lm_model *m, const struct lm_file *f)
{
	union lm_sockaddr a;

	return lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a) && lm_unix_bound_to(m, &a, true);
}

static int open_pair(struct lm_restorer *r, struct lm_file *f, struct lm_file *peer,
		     struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct lm_file *server = f, *client = peer;
	struct connection c = { .type = lm_unix_type(f) };
	int sv[2];

	/* The names of datagram sockets are their own. */
	if (c.type != SOCK_DGRAM) {
		if (!lm_len(f->sock[LIVEMIG_SOCK_LOCAL]) ||
		    (was_accepted(m, peer) && !was_accepted(m, f))) {
			server = peer;
			client = f;
		}
		c.server_name = server->sock[LIVEMIG_SOCK_LOCAL];
		c.client_name = client->sock[LIVEMIG_SOCK_LOCAL];
		c.server = server;
		c.client = client;
	}
	if (connect_ends(r, &c, sv, e) < 0)
		return -1;
	if (set_up(client, sv[0], e) < 0 || set_up(server, sv[1], e) < 0)
		goto fail;
	if (c.type == SOCK_DGRAM &&
	    (lm_unix_bind(r, client, sv[0], e) < 0 || lm_unix_bind(r, server, sv[1], e) < 0))
		goto fail;
	return 0;
fail:
	close(sv[0]);
	close(sv[1]);
	f->fd = peer->fd = -1;
	return -1;
}

/* The other end lives as long as it takes to say what it had said. */
static int open_orphan(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct nlattr *local = f->sock[LIVEMIG_SOCK_LOCAL];
	const struct nlattr *remote = f->sock[LIVEMIG_SOCK_REMOTE];
	struct connection c = { .type = lm_unix_type(f) };
	bool accepted = true;
	int sv[2];

	if (c.type != SOCK_DGRAM) {
		accepted = lm_len(local);
		c.server_name = accepted ? local : remote;
		c.client_name = accepted ? remote : NULL;
		c.client = accepted ? NULL : f;
	}
	if (connect_ends(r, &c, sv, e) < 0)
		return -1;
	f->other = sv[!accepted ? 1 : 0];
	if (set_up(f, sv[accepted ? 1 : 0], e) == 0 &&
	    lm_sock_make_room(f->other, ROOM, ROOM, e) == 0 &&
	    (c.type != SOCK_DGRAM || lm_unix_bind(r, f, f->fd, e) == 0))
		return 0;
	if (f->fd < 0)
		close(sv[accepted ? 1 : 0]);
	return -1;
}

static int unix_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct lm_file *peer = lm_unix_peer(m, f);

	if (f->fd >= 0)
		return 0;
	if (lm_unix_is_pair(m, f) && peer != f && !is_unaccepted(peer))
		return open_pair(r, f, peer, e);
	return is_orphan(f) ? open_orphan(r, f, e) : open_single(r, f, e);
}

/* ---- destination: connecting and filling ---- */

/* The client is a socket of the container, or has said all and closed. */
static int connect_unaccepted(struct lm_restorer *r, struct lm_file *listener,
			      struct lm_file *f, struct lm_error *e)
{
	struct lm_file *client = lm_unix_peer(lm_restorer_model(r), f);
	int fd = client ? client->fd :
		 lm_unix_named_socket(r, lm_unix_type(f), f->sock[LIVEMIG_SOCK_REMOTE], e);
	int ret = -1;

	if (fd < 0)
		return -1;
	if (client || lm_sock_make_room(fd, ROOM, ROOM, e) == 0)
		ret = lm_unix_connect(r, listener, fd, e) < 0 ||
		      lm_unix_set_peer(r, f, fd, true, e) < 0 ||
		      lm_unix_fill(r, f, fd, e) < 0 ? -1 : 0;
	if (ret == 0 && client)
		ret = lm_unix_set_peer(r, client, fd, false, e);
	if (!client)
		close(fd);
	return ret;
}

static int link_listener(struct lm_restorer *r, struct lm_file *listener, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	uint32_t waiting = lm_u32(listener->sock[LIVEMIG_SOCK_UNACCEPTED]);
	uint32_t backlog = lm_u32(listener->sock[LIVEMIG_SOCK_BACKLOG]);

	/* It may have been made smaller since they came. */
	if (waiting > backlog && listen(listener->fd, waiting) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot listen on a unix socket");
	for (size_t i = 0; i < m->nr_file; i++)
		if (is_unaccepted(m->file[i]) &&
		    lm_u32(m->file[i]->sock[LIVEMIG_SOCK_LISTENER]) == listener->id &&
		    connect_unaccepted(r, listener, m->file[i], e) < 0)
			return -1;
	if (waiting > backlog && listen(listener->fd, backlog) < 0)
		return lm_fail_errno(e, LM_FAILED, "cannot listen on a unix socket");
	return lm_unix_set_peer(r, listener, listener->fd, false, e);
}

static int unix_link(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);
	struct lm_file *peer = lm_unix_peer(m, f);
	int ret;

	if (listens(f))
		return link_listener(r, f, e);
	if (peer && is_unaccepted(peer))
		return 0;
	if (lm_unix_type(f) == SOCK_DGRAM && peer && !lm_unix_is_pair(m, f) &&
	    lm_unix_connect(r, peer, f->fd, e) < 0)
		return -1;
	ret = lm_unix_fill(r, f, f->other >= 0 ? f->other :
				 lm_unix_is_pair(m, f) ? peer->fd : -1, e);
	if (f->other >= 0)
		close(f->other);
	f->other = -1;
	return ret < 0 ? -1 : lm_unix_set_peer(r, f, f->fd, false, e);
}

static int unix_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	uint32_t how = lm_u32(f->sock[LIVEMIG_SOCK_SHUTDOWN]);

	/* Earlier, all that was sent would have had our credentials. */
	if ((lm_sock_options(f)->flags & LIVEMIG_SOCK_F_PASSCRED) &&
	    lm_sock_set(f->fd, SOL_SOCKET, SO_PASSCRED, 1, "SO_PASSCRED", e) < 0)
		return -1;
	if (lm_unix_unlink(f, e) < 0 || lm_sock_set_buffers(f->fd, f, e) < 0 ||
	    lm_sockopt_set(f->fd, f, LM_SOCKOPT_LAST, e) < 0)
		return -1;
	if (!how || listens(f) || is_orphan(f))
		return 0;
	if (shutdown(f->fd, how == 3 ? SHUT_RDWR : how == 2 ? SHUT_WR : SHUT_RD) < 0 &&
	    errno != ENOTCONN)
		return lm_fail_errno(e, LM_FAILED, "cannot shut a unix socket down");
	return 0;
}

static int open_unaccepted(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	return 0;
}

/* The listener makes it. */
const struct lm_file_kind lm_kind_unix_unaccepted = {
	.name = "unix connection that is not accepted",
	.match = is_unaccepted,
	.no_fd = true,
	.check = unix_check,
	.open = open_unaccepted,
};

const struct lm_file_kind lm_kind_unix = {
	.name = "unix socket",
	.match = lm_unix_is,
	.check = unix_check,
	.dump = lm_sockopt_dump,
	.open = unix_open,
	.link = unix_link,
	.resume = unix_resume,
};
