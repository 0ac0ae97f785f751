// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TCP sockets. The kernel dumps them (livemig_tcp and the queues' bytes); they
 * are made again in repair mode, in which connect() says nothing to the peer.
 *
 * What was sent is put into the send queue in repair mode, in which the kernel
 * takes it for sent: an acknowledgement of what the kernel does not remember to
 * have sent would be dropped, together with its data. Leaving repair mode asks
 * the peer what it has got; what it lacks is transmitted again, as after a loss.
 * What was never sent follows in the ordinary way.
 *
 * A FIN that was sent and not acknowledged is sent again, with its old sequence
 * number, by shutdown(). A FIN that was received is in rcv_nxt; the reader sees it
 * as the end of file that shutdown(SHUT_RD) makes. The module sets the states that
 * follow from that. A connection that was being opened begins once more, with
 * the same sequence number.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sockopt.h"
#include "tcp.h"

enum { ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSED,
       CLOSE_WAIT, LAST_ACK, LISTEN, CLOSING };

/* Option kinds for TCP_REPAIR_OPTIONS: those of RFC 793 and its successors. */
enum { OPT_MSS = 2, OPT_WINDOW = 3, OPT_SACK_PERM = 4, OPT_TIMESTAMP = 8 };

bool lm_tcp_is(const struct lm_file *f)
{
	return lm_sock_is(f, AF_INET, SOCK_STREAM, IPPROTO_TCP) ||
	       lm_sock_is(f, AF_INET6, SOCK_STREAM, IPPROTO_TCP);
}

static uint32_t state_of(const struct lm_file *f)
{
	return lm_u32(f->sock[LIVEMIG_SOCK_STATE]);
}

static bool is_connected(uint32_t state)
{
	return state == ESTABLISHED || state == FIN_WAIT1 || state == FIN_WAIT2 ||
	       state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}

static bool fin_sent(uint32_t state)
{
	return state == FIN_WAIT1 || state == FIN_WAIT2 || state == LAST_ACK ||
	       state == CLOSING;
}

static bool fin_received(uint32_t state)
{
	return state == CLOSE_WAIT || state == LAST_ACK || state == CLOSING;
}

static const struct livemig_tcp *tcp_of(const struct lm_file *f)
{
	const struct nlattr *a = f->sock[LIVEMIG_SOCK_TCP];

	return lm_len(a) >= sizeof(struct livemig_tcp) ? lm_data(a) : NULL;
}

/* ---- source ---- */

/* Is the socket at the other end in the container, too? */
static bool peer_is_inside(const struct lm_model *m, const struct lm_file *f)
{
	union lm_sockaddr local, remote, l, r;

	lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &local);
	lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &remote);
	for (size_t i = 0; i < m->nr_file; i++) {
		if (!lm_tcp_is(m->file[i]) ||
		    !lm_sock_addr(m->file[i], LIVEMIG_SOCK_LOCAL, &l) ||
		    !lm_sock_addr(m->file[i], LIVEMIG_SOCK_REMOTE, &r))
			continue;
		if (lm_sock_addr_equal(&local, &r) && lm_sock_addr_equal(&remote, &l))
			return true;
	}
	return false;
}

static int not_now(struct lm_error *e, const char *what)
{
	lm_fail(e, LM_REFUSED, "%s", what);
	if (e)
		e->err = EAGAIN;	/* source.c: transient */
	return -1;
}

int lm_tcp_check(const struct lm_model *m, const struct lm_file *f, struct lm_error *e)
{
	uint32_t state = state_of(f), mine = lm_sock_own_netns();
	char text[128];
	union lm_sockaddr a;

	if (state == SYN_RECV)
		return not_now(e, "TCP connection that is being opened: not supported");
	if (tcp_of(f) && (tcp_of(f)->flags & LIVEMIG_TCP_F_URG))
		return not_now(e, "TCP urgent data that waits to be read: not supported");
	if ((!is_connected(state) && state != SYN_SENT) || !mine || lm_u32(f->sock[LIVEMIG_SOCK_NETNS]) != mine ||
	    peer_is_inside(m, f))
		return 0;
	lm_sock_addr_text(&a, lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &a), text, sizeof(text));
	return lm_fail(e, LM_REFUSED,
		       "TCP connection to %s through an address of the host: not supported; give the container a network namespace of its own",
		       text);
}

/* ---- destination ---- */

int lm_tcp_cannot(struct lm_error *e, const char *what, const struct lm_file *f)
{
	char local[128], remote[128];
	union lm_sockaddr a;
	int err = errno;

	lm_sock_addr_text(&a, lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a), local, sizeof(local));
	lm_sock_addr_text(&a, lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &a), remote, sizeof(remote));
	errno = err;
	return lm_fail_errno(e, err == EADDRINUSE || err == EADDRNOTAVAIL ? LM_REFUSED : LM_FAILED,
			     "TCP %s - %s: cannot %s", local, remote, what);
}

static int repair(int fd, int on)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
}

static int set_queue(int fd, int queue)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue));
}

/* A queue that stays chosen shows: getsockopt(TCP_QUEUE_SEQ) answers. */
static int end_repair(int fd, int how)
{
	return set_queue(fd, TCP_NO_QUEUE) < 0 ? -1 : repair(fd, how);
}

static int set_seq(int fd, int queue, uint32_t seq)
{
	if (set_queue(fd, queue) < 0)
		return -1;
	return setsockopt(fd, IPPROTO_TCP, TCP_QUEUE_SEQ, &seq, sizeof(seq));
}

static int send_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= n;
	}
	return 0;
}

/* Bytes @from up to @to of a queue. */
static int put_queue(int fd, const struct lm_file *f, uint32_t queue, uint64_t from,
		     uint64_t to)
{
	uint64_t start, end, at = 0;

	for (size_t i = 0; i < f->nr_data; i++) {
		if (f->data[i]->queue != queue)
			continue;
		start = from > at ? from - at : 0;
		end = to < at + f->data[i]->len ? to - at : f->data[i]->len;
		if (to > at && start < end &&
		    send_all(fd, f->data[i]->bytes + start, end - start) < 0)
			return -1;
		at += f->data[i]->len;
	}
	return 0;
}

/* A FIN that is to be acknowledged still. */
static bool fin_queued(uint32_t state)
{
	return fin_sent(state) && state != FIN_WAIT2;
}

/* Where the send queue begins: a FIN counts one, but is not in its bytes. */
static uint32_t send_seq(const struct lm_file *f)
{
	return tcp_of(f)->write_seq - fin_queued(state_of(f)) -
	       lm_sock_queue_len(f, LIVEMIG_QUEUE_SEND);
}

/* How much of the send queue was sent. */
static uint64_t sent_len(const struct lm_file *f)
{
	uint64_t len = lm_sock_queue_len(f, LIVEMIG_QUEUE_SEND);
	int32_t sent = tcp_of(f)->snd_nxt - send_seq(f);

	if (sent < 0)
		return 0;
	return (uint64_t)sent < len ? (uint64_t)sent : len;
}

static int negotiated(int fd, const struct livemig_tcp *t)
{
	struct tcp_repair_opt o[4];
	int n = 0;

	o[n++] = (struct tcp_repair_opt){ OPT_MSS, t->mss_clamp };
	if (t->flags & LIVEMIG_TCP_F_WSCALE)
		o[n++] = (struct tcp_repair_opt){ OPT_WINDOW,
						  t->snd_wscale | t->rcv_wscale << 16 };
	if (t->flags & LIVEMIG_TCP_F_SACK)
		o[n++] = (struct tcp_repair_opt){ OPT_SACK_PERM, 0 };
	if (t->flags & LIVEMIG_TCP_F_TSTAMP)
		o[n++] = (struct tcp_repair_opt){ OPT_TIMESTAMP, 0 };
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, n * sizeof(*o));
}

static int set_timestamp(int fd, const struct livemig_tcp *t)
{
	/* Never back for the peer; even, as newer kernels take bit 0 for a flag. */
	uint32_t now = (t->timestamp + 1) & ~1u;

	if (!(t->flags & LIVEMIG_TCP_F_TSTAMP))
		return 0;
	return setsockopt(fd, IPPROTO_TCP, TCP_TIMESTAMP, &now, sizeof(now));
}

static int set_window(int fd, const struct livemig_tcp *t)
{
	struct tcp_repair_window w = {
		.snd_wl1 = t->snd_wl1, .snd_wnd = t->snd_wnd, .max_window = t->max_window,
		.rcv_wnd = t->rcv_wnd, .rcv_wup = t->rcv_wup,
	};

	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_WINDOW, &w, sizeof(w));
}

static int set_tcp_options(int fd, const struct lm_file *f, struct lm_error *e)
{
	const struct livemig_sock_options *o = lm_sock_options(f);
	const struct { int opt, value; const char *name; } all[] = {
		{ TCP_NODELAY, !!(o->flags & LIVEMIG_SOCK_F_NODELAY), "TCP_NODELAY" },
		{ TCP_KEEPIDLE, o->keepidle, "TCP_KEEPIDLE" },
		{ TCP_KEEPINTVL, o->keepintvl, "TCP_KEEPINTVL" },
		{ TCP_KEEPCNT, o->keepcnt, "TCP_KEEPCNT" },
		{ TCP_USER_TIMEOUT, o->user_timeout_ms, "TCP_USER_TIMEOUT" },
		{ TCP_DEFER_ACCEPT, o->defer_accept, "TCP_DEFER_ACCEPT" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].value &&
		    lm_sock_set(fd, IPPROTO_TCP, all[i].opt, all[i].value, all[i].name, e) < 0)
			return -1;
	return 0;
}

/* One that was not accepted has those of its listener. */
static const struct lm_file *options_of(struct lm_restorer *r, const struct lm_file *f)
{
	const struct lm_file *listener =
		lm_model_file(lm_restorer_model(r), lm_u32(f->sock[LIVEMIG_SOCK_LISTENER]));

	return listener ?: f;
}

/* Listening, bound, or fresh. */
static int open_unconnected(struct lm_restorer *r, struct lm_file *f, int fd,
			    struct lm_error *e)
{
	const struct livemig_sock_options *o = lm_sock_options(f);
	union lm_sockaddr a;
	socklen_t len = lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &a);
	bool listens = state_of(f) == LISTEN;

	if (lm_sock_before_bind(fd, f, e) < 0 || lm_sock_set_options(fd, f, e) < 0 ||
	    lm_sock_set_buffers(fd, f, e) < 0 || set_tcp_options(fd, f, e) < 0 ||
	    lm_sockopt_set(fd, f, LM_SOCKOPT_READY, e) < 0)
		return -1;
	if (f->sock[LIVEMIG_SOCK_ENDED])
		return lm_tcp_end(r, f, fd, e);
	/* Of an older image: only its end can be read. */
	if (lm_u32(f->sock[LIVEMIG_SOCK_SHUTDOWN]) && !listens)
		return shutdown(fd, SHUT_RDWR) < 0 && errno != ENOTCONN ?
			lm_tcp_cannot(e, "shut down", f) : 0;
	if (!len || !lm_sock_port(&a))
		return 0;
	/* Leftovers of earlier connections on the port must not be in the way. */
	if (lm_sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR", e) < 0)
		return -1;
	if (bind(fd, &a.sa, len) < 0)
		return lm_tcp_cannot(e, "bind", f);
	if (listens && o->fastopen &&
	    lm_sock_set(fd, IPPROTO_TCP, TCP_FASTOPEN, o->fastopen, "TCP_FASTOPEN", e) < 0)
		return -1;
	if (listens && listen(fd, lm_u32(f->sock[LIVEMIG_SOCK_BACKLOG])) < 0)
		return lm_tcp_cannot(e, "listen", f);
	return lm_sock_set(fd, SOL_SOCKET, SO_REUSEADDR,
			   !!(o->flags & LIVEMIG_SOCK_F_REUSEADDR), "SO_REUSEADDR", e);
}

/* connect() takes the number that it finds. */
static int set_first_seq(struct lm_file *f, int fd, struct lm_error *e)
{
	const struct livemig_tcp *t = tcp_of(f);

	if (!t)
		return lm_fail(e, LM_REFUSED, "the record of a TCP connection is malformed");
	if (repair(fd, TCP_REPAIR_ON) < 0 || set_seq(fd, TCP_SEND_QUEUE, t->snd_una) < 0 ||
	    end_repair(fd, TCP_REPAIR_OFF_NO_WP) < 0)
		return lm_tcp_cannot(e, "set the sequence number", f);
	return 0;
}

static int set_by_module(struct lm_restorer *r, int fd, enum livemig_tcp_op op, uint32_t arg)
{
	struct livemig_ioc_tcp t = { .fd = fd, .op = op, .arg = arg };

	return ioctl(lm_restorer_device(r), LIVEMIG_IOC_TCP, &t);
}

static int set_state(struct lm_restorer *r, const struct lm_file *f, int fd, uint32_t state,
		     struct lm_error *e)
{
	return set_by_module(r, fd, LIVEMIG_TCP_STATE, state) < 0 ?
		lm_tcp_cannot(e, "set the state", f) : 0;
}

static int set_v6only(struct lm_restorer *r, const struct lm_file *f, int fd)
{
	bool on = lm_sock_options(f)->flags & LIVEMIG_SOCK_F_V6ONLY;

	if (lm_u32(f->sock[LIVEMIG_SOCK_FAMILY]) != AF_INET6)
		return 0;
	return set_by_module(r, fd, LIVEMIG_TCP_V6ONLY, on);
}

static int open_connected(struct lm_restorer *r, struct lm_file *f, int fd,
			  struct lm_error *e)
{
	const struct livemig_tcp *t = tcp_of(f);
	uint64_t send_len = lm_sock_queue_len(f, LIVEMIG_QUEUE_SEND);
	uint64_t recv_len = lm_sock_queue_len(f, LIVEMIG_QUEUE_RECV);
	union lm_sockaddr local, remote;
	socklen_t local_len = lm_sock_addr(f, LIVEMIG_SOCK_LOCAL, &local);
	socklen_t remote_len = lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &remote);

	if (!t || !local_len || !remote_len)
		return lm_fail(e, LM_REFUSED, "the record of a TCP connection is malformed");
	if (repair(fd, TCP_REPAIR_ON) < 0)
		return lm_tcp_cannot(e, "enter repair mode", f);
	if (lm_sock_before_bind(fd, f, e) < 0 ||
	    lm_sock_make_room(fd, send_len, recv_len, e) < 0)
		return -1;
	if (bind(fd, &local.sa, local_len) < 0)
		return lm_tcp_cannot(e, "bind", f);
	if (set_seq(fd, TCP_SEND_QUEUE, send_seq(f)) < 0 ||
	    set_seq(fd, TCP_RECV_QUEUE, t->rcv_nxt - recv_len) < 0)
		return lm_tcp_cannot(e, "set the sequence numbers", f);
	if (connect(fd, &remote.sa, remote_len) < 0)
		return lm_tcp_cannot(e, "connect", f);
	if (set_v6only(r, f, fd) < 0)
		return lm_tcp_cannot(e, "set IPV6_V6ONLY", f);
	if (negotiated(fd, t) < 0)
		return lm_tcp_cannot(e, "set the negotiated options", f);
	if (set_timestamp(fd, t) < 0)
		return lm_tcp_cannot(e, "set the time stamp", f);
	if (set_queue(fd, TCP_RECV_QUEUE) < 0 ||
	    put_queue(fd, f, LIVEMIG_QUEUE_RECV, 0, recv_len) < 0)
		return lm_tcp_cannot(e, "fill the receive queue", f);
	if (set_window(fd, t) < 0)
		return lm_tcp_cannot(e, "set the windows", f);
	if (set_queue(fd, TCP_NO_QUEUE) < 0)
		return lm_tcp_cannot(e, "leave the queues", f);
	if (lm_sock_set_options(fd, f, e) < 0 || set_tcp_options(fd, f, e) < 0 ||
	    lm_sockopt_set(fd, options_of(r, f), LM_SOCKOPT_READY, e) < 0)
		return -1;
	if (fin_received(state_of(f)) && shutdown(fd, SHUT_RD) < 0)
		return lm_tcp_cannot(e, "note the end of the peer's data", f);
	return state_of(f) == FIN_WAIT2 ? set_state(r, f, fd, FIN_WAIT2, e) : 0;
}

int lm_tcp_open_connected(struct lm_restorer *r, struct lm_file *f, int fd,
			  struct lm_error *e)
{
	if (open_connected(r, f, fd, e) < 0)
		return -1;
	f->fd = fd;
	return 0;
}

static int open_one(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int fd = lm_sock_new(r, f, e), ret;

	if (fd < 0)
		return -1;
	ret = is_connected(state_of(f)) ? open_connected(r, f, fd, e) :
					  open_unconnected(r, f, fd, e);
	if (ret == 0 && state_of(f) == SYN_SENT)
		ret = set_first_seq(f, fd, e);
	if (ret < 0) {
		close(fd);
		return -1;
	}
	f->fd = fd;
	return 0;
}

/* Listeners first: later their port would be taken by the connections that they
 * accepted, which are bound by force.
 */
static int tcp_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct lm_model *m = lm_restorer_model(r);

	for (size_t i = 0; i < m->nr_file; i++)
		if (lm_tcp_is(m->file[i]) && m->file[i]->fd < 0 &&
		    !is_connected(state_of(m->file[i])) && open_one(r, m->file[i], e) < 0)
			return -1;
	return f->fd < 0 ? open_one(r, f, e) : 0;
}

/* The peer may answer at once, even with a refusal: that is the program's business. */
static int connect_again(struct lm_file *f, struct lm_error *e)
{
	union lm_sockaddr remote;
	socklen_t len = lm_sock_addr(f, LIVEMIG_SOCK_REMOTE, &remote);
	int ret;

	if (fcntl(f->fd, F_SETFL, O_NONBLOCK) < 0)
		return lm_tcp_cannot(e, "set O_NONBLOCK", f);
	ret = connect(f->fd, &remote.sa, len) < 0 ? errno : 0;
	if (fcntl(f->fd, F_SETFL, f->flags & O_NONBLOCK) < 0)
		return lm_tcp_cannot(e, "set O_NONBLOCK", f);
	errno = ret;
	return ret && ret != EINPROGRESS && ret != ECONNREFUSED ?
		lm_tcp_cannot(e, "connect", f) : 0;
}

/* Our FIN, in repair mode; when the peer's has come as well that is another state. */
static int queue_fin(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	uint32_t state = state_of(f);

	if (state == LAST_ACK && set_state(r, f, f->fd, CLOSE_WAIT, e) < 0)
		return -1;
	if (shutdown(f->fd, SHUT_WR) < 0)
		return lm_tcp_cannot(e, "queue the FIN", f);
	return state == CLOSING ? set_state(r, f, f->fd, CLOSING, e) : 0;
}

int lm_tcp_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct livemig_sock_options *o = lm_sock_options(f);
	uint64_t len = lm_sock_queue_len(f, LIVEMIG_QUEUE_SEND), sent;
	uint32_t state = state_of(f);
	bool fin_out;

	if (state == SYN_SENT && connect_again(f, e) < 0)
		return -1;
	if (!is_connected(state))
		return lm_sockopt_set(f->fd, f, LM_SOCKOPT_LAST, e);
	sent = sent_len(f);
	/* A FIN is sent like data; without it its acknowledgement is unknown, too. */
	fin_out = fin_queued(state) && tcp_of(f)->snd_nxt == tcp_of(f)->write_seq;
	/* Only now: this starts the retransmission timer. */
	if (set_queue(f->fd, TCP_SEND_QUEUE) < 0 ||
	    put_queue(f->fd, f, LIVEMIG_QUEUE_SEND, 0, sent) < 0)
		return lm_tcp_cannot(e, "queue what was not acknowledged", f);
	if (fin_out && queue_fin(r, f, e) < 0)
		return -1;
	/* With a probe: the congestion window has no room to send anything else.
	 * From here on the peer may have reset it: no error is one.
	 */
	if (end_repair(f->fd, TCP_REPAIR_OFF) < 0)
		return lm_tcp_cannot(e, "leave repair mode", f);
	if ((o->flags & LIVEMIG_SOCK_F_CORK) &&
	    lm_sock_set(f->fd, IPPROTO_TCP, TCP_CORK, 1, "TCP_CORK", e) < 0)
		return -1;
	if (put_queue(f->fd, f, LIVEMIG_QUEUE_SEND, sent, len) < 0 &&
	    errno != ECONNRESET && errno != EPIPE)
		return lm_tcp_cannot(e, "send what was not sent yet", f);
	if (fin_received(state) && !fin_out)
		set_state(r, f, f->fd, CLOSE_WAIT, NULL);
	if (lm_sock_set(f->fd, SOL_SOCKET, SO_REUSEADDR,
			!!(o->flags & LIVEMIG_SOCK_F_REUSEADDR), "SO_REUSEADDR", e) < 0 ||
	    lm_sock_set_buffers(f->fd, f, e) < 0 ||
	    lm_sockopt_set(f->fd, options_of(r, f), LM_SOCKOPT_LAST, e) < 0)
		return -1;
	if (fin_queued(state) && !fin_out)
		shutdown(f->fd, SHUT_WR);
	return 0;
}

/* ---- what close() has left to be sent ---- */

static bool is_closed(const struct lm_file *f)
{
	return lm_tcp_is(f) && f->sock[LIVEMIG_SOCK_CLOSED];
}

static int closed_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	const struct linger none = { 0 };

	if (lm_tcp_resume(r, f, e) < 0)
		return -1;
	/* We do not wait for it. */
	setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(f->fd);
	f->fd = -1;
	return 0;
}

const struct lm_file_kind lm_kind_tcp_closed = {
	.name = "TCP connection that was closed",
	.match = is_closed,
	.open = tcp_open,
	.resume = closed_resume,
};

const struct lm_file_kind lm_kind_tcp = {
	.name = "TCP socket",
	.match = lm_tcp_is,
	.check = lm_tcp_check,
	.dump = lm_sockopt_dump,
	.open = tcp_open,
	.resume = lm_tcp_resume,
};
