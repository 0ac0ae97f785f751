// SPDX-License-Identifier: LGPL-2.1-or-later
/* See pump.h. */
#include <endian.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pump.h"
#include "../clock.h"

/* A batch is what has come: let there be much. */
#define BUFFER	(1 << 20)

struct frame {
	uint32_t raw, len;
	uint8_t codec, resv[3];
};

struct lm_pump {
	pthread_t thread;
	int conn, end;			/* our end of the socket pair */
	struct lm_compress c;
	struct lm_chooser chooser;
	uint64_t by[3];			/* raw bytes by codec */
	char *raw, *coded;
};

/* All of it, however long that takes: who waits has time limits. Return: 0, 1 at
 * the end when nothing came, or -1.
 */
static int read_all(int fd, void *buf, size_t len)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = recv(fd, (char *)buf + got, len - got, MSG_WAITALL);

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n || got ? -1 : 1;
		got += n;
	}
	return 0;
}

static int write_all(int fd, struct iovec *v, int n)
{
	while (n) {
		struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
		ssize_t done = sendmsg(fd, &m, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		for (; n && (size_t)done >= v->iov_len; v++, n--)
			done -= v->iov_len;
		if (n) {
			v->iov_base = (char *)v->iov_base + done;
			v->iov_len -= done;
		}
	}
	return 0;
}

/* ---- out ---- */

/* What has come, up to a batch. Return: bytes, 0 at the end. */
static size_t take_batch(struct lm_pump *p)
{
	size_t got = 0;
	ssize_t n;

	do {
		n = recv(p->end, p->raw + got, LM_BATCH_MAX - got,
			 got ? MSG_DONTWAIT : 0);
		if (n > 0)
			got += n;
	} while (got < LM_BATCH_MAX && (n > 0 || (n < 0 && errno == EINTR)));
	return got;
}

/* Nanoseconds that a byte takes on the wire, as TCP saw it lately. */
static void look_at_link(struct lm_pump *p)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (!getsockopt(p->conn, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	    info.tcpi_delivery_rate && !info.tcpi_delivery_rate_app_limited)
		p->chooser.link_ns = 1e9 / info.tcpi_delivery_rate;
}

/* Return: length of what is in ->coded; 0: it goes as it is. */
static size_t encode(struct lm_pump *p, size_t raw, enum lm_codec_id *codec)
{
	struct lm_choice fixed = { p->c.codec, p->c.level }, *x = &fixed;
	uint64_t t;
	size_t len;

	if (p->c.how == LM_COMPRESS_AUTO) {
		look_at_link(p);
		x = lm_choose(&p->chooser);
	}
	*codec = x->codec;
	if (x->codec == LM_CODEC_STORED)
		return 0;
	t = lm_now_ns();
	len = lm_encode(x->codec, x->level, p->raw, raw, p->coded, lm_codec_bound());
	lm_chosen(x, raw, len && len < raw ? len : raw, lm_now_ns() - t);
	return len < raw ? len : 0;
}

static void *pump_out(void *arg)
{
	struct lm_pump *p = arg;
	enum lm_codec_id codec;
	size_t raw, len;

	while ((raw = take_batch(p))) {
		struct frame f = { .raw = htole32(raw) };
		struct iovec v[2] = { { &f, sizeof(f) } };

		len = encode(p, raw, &codec);
		if (!len)
			codec = LM_CODEC_STORED;
		f.codec = codec;
		f.len = htole32(len ? len : raw);
		v[1].iov_base = len ? p->coded : p->raw;
		v[1].iov_len = len ? len : raw;
		p->by[codec] += raw;
		if (write_all(p->conn, v, 2))
			break;
	}
	shutdown(p->end, SHUT_RDWR);	/* who still writes is told */
	return NULL;
}

/* ---- in ---- */

static int take_frame(struct lm_pump *p, size_t *raw, char **bytes)
{
	struct frame f;
	size_t len;

	if (read_all(p->conn, &f, sizeof(f)))
		return -1;
	*raw = le32toh(f.raw);
	len = le32toh(f.len);
	if (!*raw || *raw > LM_BATCH_MAX || !len || len > *raw ||
	    f.codec > LM_CODEC_ZSTD || f.resv[0] || f.resv[1] || f.resv[2] ||
	    (f.codec == LM_CODEC_STORED && len != *raw) ||
	    read_all(p->conn, p->coded, len))
		return -1;
	*bytes = p->coded;
	if (f.codec == LM_CODEC_STORED)
		return 0;
	*bytes = p->raw;
	return lm_decode(f.codec, p->coded, len, p->raw, *raw) == *raw ? 0 : -1;
}

static void *pump_in(void *arg)
{
	struct lm_pump *p = arg;
	char *bytes;
	size_t raw;

	while (!take_frame(p, &raw, &bytes)) {
		struct iovec v = { bytes, raw };

		if (write_all(p->end, &v, 1))
			break;
	}
	shutdown(p->end, SHUT_RDWR);
	return NULL;
}

/* ---- both ---- */

static void pump_free(struct lm_pump *p)
{
	if (p->end >= 0)
		close(p->end);
	free(p->raw);
	free(p->coded);
	free(p);
}

static int pump_new(int conn, void *(*run)(void *), const struct lm_compress *c,
		    struct lm_pump **out, int *fd, struct lm_error *e)
{
	struct lm_pump *p = calloc(1, sizeof(*p));
	int ends[2], size = BUFFER;
	struct timeval patience = { 0 };
	socklen_t len = sizeof(patience);

	if (!p)
		return lm_fail(e, LM_FAILED, "out of memory");
	p->conn = conn;
	p->end = -1;
	if (c)
		p->c = *c;
	lm_choose_init(&p->chooser);
	p->raw = malloc(LM_BATCH_MAX);
	p->coded = malloc(lm_codec_bound());
	if (!p->raw || !p->coded) {
		pump_free(p);
		return lm_fail(e, LM_FAILED, "out of memory");
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		pump_free(p);
		return lm_fail_errno(e, LM_FAILED, "socketpair");
	}
	p->end = ends[0];
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	/* The module reads payload from it and has no time limit of its own. */
	if (!getsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &patience, &len))
		setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience, len);
	errno = pthread_create(&p->thread, NULL, run, p);
	if (errno) {
		lm_fail_errno(e, LM_FAILED, "pthread_create");
		close(ends[1]);
		pump_free(p);
		return -1;
	}
	*out = p;
	*fd = ends[1];
	return 0;
}

int lm_pump_out(int conn, const struct lm_compress *c, struct lm_pump **p, int *fd,
		struct lm_error *e)
{
	return pump_new(conn, pump_out, c, p, fd, e);
}

int lm_pump_in(int conn, struct lm_pump **p, int *fd, struct lm_error *e)
{
	return pump_new(conn, pump_in, NULL, p, fd, e);
}

void lm_pump_end(struct lm_pump *p)
{
	if (!p)
		return;
	pthread_join(p->thread, NULL);
	pump_free(p);
}

const char *lm_pump_codec(const struct lm_pump *p)
{
	enum lm_codec_id most = LM_CODEC_STORED;

	for (int i = 0; i <= LM_CODEC_ZSTD; i++)
		if (p->by[i] > p->by[most])
			most = i;
	return lm_codec_name(most);
}
