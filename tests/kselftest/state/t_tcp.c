// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP and UDP sockets: addresses, options, sequence numbers, queues. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lm.h"

static struct obj sock_of(const struct dump *d, pid_t pid, int fd,
			  uint32_t *file)
{
	const struct obj *f = find_fd(d, pid, fd, NULL);

	if (!f || attr_u32(f, LIVEMIG_FILE_A_TYPE) != LIVEMIG_FILE_SOCKET)
		bail("fd %d is no socket", fd);
	if (file)
		*file = attr_u32(f, LIVEMIG_FILE_A_ID);
	return attr_nest(f, LIVEMIG_FILE_A_SOCK);
}

static const void *exactly(const struct obj *o, int type, size_t size)
{
	size_t len;
	const void *p = attr_data(o, type, &len);

	if (!p || len != size)
		bail("attribute %d has %zu bytes, not %zu", type, len, size);
	return p;
}

static int one = 1;

static int listener(int family, uint16_t port)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(port),
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int s = socket(family, SOCK_STREAM, 0);

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, family == AF_INET ? (void *)&a4 : (void *)&a6,
		 family == AF_INET ? sizeof(a4) : sizeof(a6)) || listen(s, 33))
		_exit(1);
	return s;
}

/* A connection to itself: 60 one end, 61 the other, 62 the listener. */
static void connection(int family, uint16_t port)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	int s;

	dup2(listener(family, port), 62);
	s = socket(family, SOCK_STREAM, 0);
	getsockname(62, (void *)&a, &len);
	if (connect(s, (void *)&a, len))
		_exit(1);
	dup2(s, 60);
	dup2(accept(62, NULL, NULL), 61);
}

static void options_child(void)
{
	struct timeval tv = { 3, 500000 };
	struct linger lg = { 1, 9 };
	int v;

	connection(AF_INET, 7001);
	setsockopt(60, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(60, SOL_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(60, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(60, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	v = 65536;
	setsockopt(60, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v));
	v = 120;
	setsockopt(60, SOL_TCP, TCP_KEEPIDLE, &v, sizeof(v));
	v = 11;
	setsockopt(60, SOL_TCP, TCP_KEEPINTVL, &v, sizeof(v));
	v = 5;
	setsockopt(60, SOL_TCP, TCP_KEEPCNT, &v, sizeof(v));
	v = 7777;
	setsockopt(60, SOL_TCP, TCP_USER_TIMEOUT, &v, sizeof(v));
	v = 0x10;
	setsockopt(60, SOL_IP, IP_TOS, &v, sizeof(v));
	v = 44;
	setsockopt(60, SOL_IP, IP_TTL, &v, sizeof(v));
	v = 3;
	setsockopt(62, SOL_TCP, TCP_DEFER_ACCEPT, &v, sizeof(v));
	v = sizeof(v);
	socklen_t l = sizeof(v);
	getsockopt(62, SOL_TCP, TCP_DEFER_ACCEPT, &v, &l);
	told->n[0] = v;
	getsockopt(60, SOL_SOCKET, SO_RCVBUF, &v, &l);
	told->n[1] = v;
	shutdown(61, SHUT_RD);
	ready();
}

static void test_options(void)
{
	const struct livemig_sock_options *o;
	const struct sockaddr_in *a, *b;
	struct dump d;
	struct obj s, t;
	pid_t pid = spawn(options_child);

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	s = sock_of(&d, pid, 60, NULL);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_FAMILY), AF_INET);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_TYPE), SOCK_STREAM);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_PROTOCOL), IPPROTO_TCP);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_STATE), TCP_ESTABLISHED);
	CHECK_EQ(attr_u64(&s, LIVEMIG_SOCK_INO),
		 attr_u64(find_fd(&d, pid, 60, NULL), LIVEMIG_FILE_A_INO));
	o = exactly(&s, LIVEMIG_SOCK_OPTIONS, sizeof(*o));
	CHECK_EQ(o->flags & (LIVEMIG_SOCK_F_KEEPALIVE | LIVEMIG_SOCK_F_NODELAY |
			     LIVEMIG_SOCK_F_SNDBUF_LOCK |
			     LIVEMIG_SOCK_F_RCVBUF_LOCK | LIVEMIG_SOCK_F_CORK |
			     LIVEMIG_SOCK_F_REUSEADDR |
			     LIVEMIG_SOCK_F_REUSEADDR_AUTO),
		 LIVEMIG_SOCK_F_KEEPALIVE | LIVEMIG_SOCK_F_NODELAY |
		 LIVEMIG_SOCK_F_SNDBUF_LOCK | LIVEMIG_SOCK_F_REUSEADDR_AUTO);
	CHECK_EQ(o->sndbuf, 131072);
	CHECK_EQ(o->rcvbuf, told->n[1]);
	CHECK_EQ(o->rcvtimeo_ns, 3500000000LL);
	CHECK_EQ(o->sndtimeo_ns, -1);
	CHECK_EQ(o->linger, 9);
	CHECK_EQ(o->keepidle, 120);
	CHECK_EQ(o->keepintvl, 11);
	CHECK_EQ(o->keepcnt, 5);
	CHECK_EQ(o->user_timeout_ms, 7777);
	CHECK_EQ(o->tos, 0x10);
	CHECK_EQ(o->ttl, 44);
	a = exactly(&s, LIVEMIG_SOCK_REMOTE, sizeof(*a));
	CHECK_EQ(ntohs(a->sin_port), 7001);
	CHECK_EQ(ntohl(a->sin_addr.s_addr), INADDR_LOOPBACK);
	a = exactly(&s, LIVEMIG_SOCK_LOCAL, sizeof(*a));
	t = sock_of(&d, pid, 61, NULL);
	b = exactly(&t, LIVEMIG_SOCK_REMOTE, sizeof(*b));
	CHECK_EQ(a->sin_port, b->sin_port);
	CHECK_EQ(attr_u32(&t, LIVEMIG_SOCK_SHUTDOWN), 1);
	s = sock_of(&d, pid, 62, NULL);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_STATE), TCP_LISTEN);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_BACKLOG), 33);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_UNACCEPTED), 0);
	CHECK(!attr(&s, LIVEMIG_SOCK_REMOTE));
	o = exactly(&s, LIVEMIG_SOCK_OPTIONS, sizeof(*o));
	CHECK_EQ(o->defer_accept, told->n[0]);
	CHECK(o->flags & LIVEMIG_SOCK_F_REUSEADDR);
	CHECK(!(o->flags & LIVEMIG_SOCK_F_REUSEADDR_AUTO));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static char pattern(size_t i)
{
	return (char)(i * 131 + (i >> 9));
}

/* Until nothing moves between the queues of 60 and 61 any more. */
static void settle(void)
{
	int was[2] = { -1, -1 }, is[2], same = 0;

	while (same < 30) {
		if (ioctl(60, TIOCOUTQ, &is[0]) || ioctl(61, FIONREAD, &is[1]))
			_exit(1);
		same = memcmp(was, is, sizeof(is)) ? 0 : same + 1;
		memcpy(was, is, sizeof(is));
		usleep(10000);
	}
}

/* 60 has sent more than 61's window takes; 61 has read some of it. */
static void queues_child(void)
{
	char buf[4096];
	size_t i, sent = 0, got = 0;
	ssize_t n;
	int v = 16384;

	connection(told->n[9] ? AF_INET6 : AF_INET, 7002);
	setsockopt(61, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v));
	fcntl(60, F_SETFL, O_NONBLOCK);
	for (;;) {
		for (i = 0; i < 3001; i++)
			buf[i] = pattern(sent + i);
		n = write(60, buf, 3001);
		if (n < 0)
			break;
		sent += n;
	}
	if (write(61, "answer", 6) != 6)
		_exit(1);
	/* The full queue comes to rest; then less than what waits, up to the
	 * middle of a segment.
	 */
	settle();
	while (got < 1234) {
		n = read(61, buf, 1234 - got);
		for (i = 0; i < (size_t)n; i++)
			if (buf[i] != pattern(got + i))
				_exit(1);
		got += n;
	}
	told->n[0] = sent;
	told->n[1] = got;
	ioctl(61, FIONREAD, &v);
	told->n[2] = v;
	ioctl(60, TIOCOUTQ, &v);
	told->n[3] = v;
	ready();
}

static void queues(bool v6)
{
	static char buf[8 << 20];
	const struct livemig_tcp *a, *b;
	uint32_t file60, file61;
	size_t i, n, from, bad;
	struct obj s60, s61;
	struct dump d;
	pid_t pid;

	told->n[9] = v6;
	pid = spawn(queues_child);
	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	s60 = sock_of(&d, pid, 60, &file60);
	s61 = sock_of(&d, pid, 61, &file61);
	CHECK_EQ(attr_u32(&s60, LIVEMIG_SOCK_FAMILY), v6 ? AF_INET6 : AF_INET);
	if (v6)
		exactly(&s60, LIVEMIG_SOCK_LOCAL, sizeof(struct sockaddr_in6));
	a = exactly(&s60, LIVEMIG_SOCK_TCP, sizeof(*a));
	b = exactly(&s61, LIVEMIG_SOCK_TCP, sizeof(*b));
	/* The two ends agree, and with what the program was told. */
	CHECK_EQ(b->rcv_nxt - b->copied_seq, told->n[2]);
	CHECK_EQ(a->write_seq - a->snd_una, told->n[3]);
	CHECK_EQ(a->snd_una, b->rcv_nxt);
	CHECK(a->snd_nxt - a->snd_una <= a->write_seq - a->snd_una);
	CHECK_EQ(b->snd_nxt, a->rcv_nxt);
	CHECK_EQ(a->rcv_nxt - a->copied_seq, 6);
	CHECK(a->mss_clamp > 500);
	CHECK_EQ(a->flags, LIVEMIG_TCP_F_WSCALE | LIVEMIG_TCP_F_SACK |
			   LIVEMIG_TCP_F_TSTAMP);
	CHECK_EQ(a->snd_wscale, b->rcv_wscale);
	CHECK_EQ(b->snd_wscale, a->rcv_wscale);
	CHECK(a->max_window > 0 && b->rcv_wnd < 65536);

	n = gather(&d, file60, LIVEMIG_QUEUE_RECV, buf, sizeof(buf));
	CHECK(n == 6 && !memcmp(buf, "answer", 6));
	n = gather(&d, file61, LIVEMIG_QUEUE_RECV, buf, sizeof(buf));
	CHECK_EQ(n, told->n[2]);
	CHECK(n > 1234);
	for (i = bad = 0; i < n; i++)
		bad += buf[i] != pattern(told->n[1] + i);
	CHECK_EQ(bad, 0);
	from = told->n[1] + n;
	n = gather(&d, file60, LIVEMIG_QUEUE_SEND, buf, sizeof(buf));
	CHECK_EQ(n, told->n[3]);
	CHECK(n > 16384);
	for (i = bad = 0; i < n; i++)
		bad += buf[i] != pattern(from + i);
	CHECK_EQ(bad, 0);
	CHECK_EQ(from + n, told->n[0]);
	CHECK_EQ(gather(&d, file61, LIVEMIG_QUEUE_SEND, buf, sizeof(buf)), 0);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void test_queues(void)
{
	queues(false);
}

static void test_queues6(void)
{
	queues(true);
}

static int state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_TCP, TCP_INFO, &info, &len) ? -1 : info.tcpi_state;
}

/* The other end has closed after its last words. */
static void half_child(void)
{
	connection(AF_INET, 7003);
	if (write(61, "last words", 10) != 10)
		_exit(1);
	shutdown(61, SHUT_WR);
	while (state_of(60) != TCP_CLOSE_WAIT || state_of(61) != TCP_FIN_WAIT2)
		usleep(1000);
	ready();
}

static void test_half_closed(void)
{
	const struct livemig_tcp *t;
	uint32_t file;
	char buf[64];
	struct dump d;
	struct obj s;
	pid_t pid = spawn(half_child);

	lm_freeze();
	lm_dump(&d);
	s = sock_of(&d, pid, 60, &file);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_STATE), TCP_CLOSE_WAIT);
	t = exactly(&s, LIVEMIG_SOCK_TCP, sizeof(*t));
	CHECK_EQ(t->rcv_nxt - t->copied_seq, 11);	/* the FIN counts */
	CHECK_EQ(gather(&d, file, LIVEMIG_QUEUE_RECV, buf, sizeof(buf)), 10);
	s = sock_of(&d, pid, 61, &file);
	CHECK_EQ(attr_u32(&s, LIVEMIG_SOCK_STATE), TCP_FIN_WAIT2);
	t = exactly(&s, LIVEMIG_SOCK_TCP, sizeof(*t));
	CHECK_EQ(t->write_seq, t->snd_una);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

static void udp_child(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7004),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	dup2(socket(AF_INET, SOCK_DGRAM, 0), 60);
	if (bind(60, (void *)&a, sizeof(a)))
		_exit(1);
	dup2(socket(AF_INET, SOCK_DGRAM, 0), 61);
	if (connect(61, (void *)&a, sizeof(a)))
		_exit(1);
	setsockopt(61, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	dup2(socket(AF_INET6, SOCK_DGRAM, 0), 62);
	ready();
}

static void test_udp(void)
{
	const struct livemig_sock_options *o;
	const struct sockaddr_in *a;
	struct dump d;
	struct obj s;
	pid_t pid = spawn(udp_child);

	lm_freeze();
	lm_dump(&d);
	CHECK_EQ(count_refusals(&d), 0);
	show_refusals(&d);
	s = sock_of(&d, pid, 60, NULL);
	a = exactly(&s, LIVEMIG_SOCK_LOCAL, sizeof(*a));
	CHECK_EQ(ntohs(a->sin_port), 7004);
	CHECK(!attr(&s, LIVEMIG_SOCK_REMOTE));
	s = sock_of(&d, pid, 61, NULL);
	a = exactly(&s, LIVEMIG_SOCK_REMOTE, sizeof(*a));
	CHECK_EQ(ntohs(a->sin_port), 7004);
	o = exactly(&s, LIVEMIG_SOCK_OPTIONS, sizeof(*o));
	CHECK(o->flags & LIVEMIG_SOCK_F_BROADCAST);
	s = sock_of(&d, pid, 62, NULL);
	CHECK(!attr(&s, LIVEMIG_SOCK_LOCAL));
	lm_dump_free(&d);
	lm_thaw();
	kill_child(pid);
}

/* A running container's sockets have no queues and no sequence numbers. */
static void test_running(void)
{
	struct dump d;
	struct obj s;
	int i;
	pid_t pid = spawn(queues_child);

	lm_dump(&d);
	s = sock_of(&d, pid, 60, NULL);
	CHECK(!attr(&s, LIVEMIG_SOCK_TCP));
	CHECK(!attr(&s, LIVEMIG_SOCK_QUEUED));
	for (i = 0; i < d.nr; i++)
		CHECK(d.objs[i].type != LIVEMIG_OBJ_DATA);
	lm_dump_free(&d);
	kill_child(pid);
}

const struct test tests_tcp[] = {
	{ "tcp_options", test_options },
	{ "tcp_queues", test_queues },
	{ "tcp_queues6", test_queues6 },
	{ "tcp_half_closed", test_half_closed },
	{ "tcp_running", test_running },
	{ "udp", test_udp },
	{}
};
