// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "../nl.h"
#include "../textfile.h"
#include "wire.h"

/* A peer that takes nothing for so long is gone. The module's writes to the
 * socket obey this too.
 */
#define STALL_S 30

static const char security[] = "insecure";
static const char features[] = "patches packets frames vdso postcopy";

void lm_peer_init(struct lm_peer *p, int fd)
{
	struct timeval tv = { .tv_sec = STALL_S };
	int on = 1;

	memset(p, 0, sizeof(*p));
	p->fd = fd;
	/* Not fatal: unix sockets (tests) have no TCP_NODELAY. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	lm_out_init(&p->out, fd);
	lm_in_init(&p->in, fd);
}

void lm_peer_close(struct lm_peer *p)
{
	/* Closing our ends is what ends pumps; what is in them still goes out. */
	if (p->pump_out)
		close(p->out.fd);
	lm_pump_end(p->pump_out);
	if (p->fd >= 0)
		shutdown(p->fd, SHUT_RDWR);
	if (p->pump_in)
		close(p->in.fd);
	lm_pump_end(p->pump_in);
	p->pump_out = p->pump_in = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	lm_in_free(&p->in);
}

int lm_host_port(const char *s, char *host, size_t len, const char **port,
		 struct lm_error *e)
{
	const char *start = s, *end, *colon = strrchr(s, ':');

	*port = LM_DEFAULT_PORT;
	if (*s == '[') {
		start++;
		end = strchr(s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return lm_fail(e, LM_USAGE, "%s: not HOST[:PORT]", s);
		if (end[1])
			*port = end + 2;
	} else if (colon && strchr(s, ':') == colon) {
		end = colon;
		*port = colon + 1;
	} else {	/* no port; several colons are a bare IPv6 address */
		end = s + strlen(s);
	}
	if (end == start || (size_t)(end - start) >= len || !**port)
		return lm_fail(e, LM_USAGE, "%s: not HOST[:PORT]", s);
	memcpy(host, start, end - start);
	host[end - start] = '\0';
	return 0;
}

static int connect_timed(const struct addrinfo *a, int timeout_ms)
{
	socklen_t len = sizeof(int);
	struct pollfd pfd;
	int fd, err = 0;

	fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    a->ai_protocol);
	if (fd < 0)
		return -1;
	if (connect(fd, a->ai_addr, a->ai_addrlen) && errno != EINPROGRESS)
		goto fail;
	pfd = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (poll(&pfd, 1, timeout_ms) != 1) {
		errno = ETIMEDOUT;
		goto fail;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		goto fail;
	if (err) {
		errno = err;
		goto fail;
	}
	/* The module writes to it and wants to sleep, not to poll. */
	if (!fcntl(fd, F_SETFL, 0))
		return fd;
fail:
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

int lm_peer_connect(struct lm_peer *p, const char *host_port, int timeout_ms,
		    struct lm_error *e)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *a;
	const char *port;
	char host[256];
	int fd = -1, ret;

	if (lm_host_port(host_port, host, sizeof(host), &port, e))
		return -1;
	ret = getaddrinfo(host, port, &hints, &list);
	if (ret)
		return lm_fail(e, LM_REFUSED,
			       "%s: no such host (%s): give a name that resolves here, or an address",
			       host, gai_strerror(ret));
	for (a = list; a && fd < 0; a = a->ai_next)
		fd = connect_timed(a, timeout_ms);
	ret = errno;
	freeaddrinfo(list);
	if (fd < 0) {
		errno = ret;
		return lm_fail_errno(e, LM_REFUSED,
				     "%s port %s: no agent answers (start `migctl agent` there)",
				     host, port);
	}
	lm_peer_init(p, fd);
	snprintf(p->host, sizeof(p->host), "%.64s", host);
	return 0;
}

int lm_peer_say(struct lm_peer *p, uint16_t type, const uint8_t *id,
		struct lm_error *e)
{
	struct lm_buf b = { 0 };

	if (id)
		lm_put(&b, LM_WIRE_ID, id, 16);
	return lm_out_buf(&p->out, type, &b, e);
}

int lm_peer_parse(struct lm_peer *p, const struct lm_record *r,
		  struct lm_error *e)
{
	return lm_parse(r->head, r->head_len, p->tb, LM_WIRE_MAX, e);
}

int lm_peer_id(struct lm_peer *p, uint8_t *id, struct lm_error *e)
{
	if (lm_len(p->tb[LM_WIRE_ID]) != 16)
		return lm_fail(e, LM_FAILED, "%s: message without an id", p->host);
	memcpy(id, lm_data(p->tb[LM_WIRE_ID]), 16);
	return 0;
}

static const char *name(const struct lm_peer *p)
{
	return p->host[0] ? p->host : "the other host";
}

int lm_peer_take(struct lm_peer *p, struct lm_record *r, int timeout_ms,
		 struct lm_error *e)
{
	struct lm_error why = { 0 };
	const char *reason;
	uint32_t code;
	int ret;

	p->in.timeout_ms = timeout_ms;
	ret = lm_in_next(&p->in, r, &why);
	if (ret < 0)
		return lm_fail(e, LM_FAILED, "connection to %s: %s", name(p),
			       why.msg);
	if (!ret)
		return lm_fail(e, LM_FAILED, "%s closed the connection", name(p));
	if (r->type != LM_REC_ABORT)
		return 0;
	p->aborted = true;
	if (lm_peer_parse(p, r, e))
		return -1;
	code = lm_u32(p->tb[LM_WIRE_CODE]);
	reason = lm_str(p->tb[LM_WIRE_REASON]);
	return lm_fail(e, code == LM_REFUSED ? LM_REFUSED : LM_FAILED, "%s: %s",
		       name(p), reason ? reason : "gave up");
}

int lm_peer_expect(struct lm_peer *p, uint16_t type, int timeout_ms,
		   struct lm_error *e)
{
	struct lm_record r;

	if (lm_peer_take(p, &r, timeout_ms, e))
		return -1;
	if (r.type != type)
		return lm_fail(e, LM_FAILED,
			       "%s: sent record type %u where %u was due (another version?)",
			       name(p), r.type, type);
	return lm_peer_parse(p, &r, e);
}

int lm_peer_packet(const char *dev, const void *packet, size_t len, void *arg)
{
	struct lm_peer *p = arg;
	struct lm_buf b = { 0 };

	lm_put_str(&b, LM_PACKET_DEV, dev);
	lm_put(&b, LM_PACKET_BYTES, packet, len);
	return lm_out_buf(&p->out, LM_REC_PACKET, &b, NULL);
}

void lm_peer_abort(struct lm_peer *p, const struct lm_error *why)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LM_WIRE_CODE, why->code);
	lm_put_str(&b, LM_WIRE_REASON, why->msg);
	lm_out_buf(&p->out, LM_REC_ABORT, &b, NULL);
}

/* Hash of a line that tells hosts, or times that one is up, from each other; 0: none. */
static uint64_t line_hash(const char *dir, const char *file)
{
	char text[64];

	return lm_text_read(dir, file, text, sizeof(text)) || !*text ? 0 :
	       XXH64(text, strlen(text), 0);
}

static int say_hello(struct lm_peer *p, const struct lm_info *info,
		     struct lm_error *e)
{
	struct lm_buf b = { 0 };
	struct utsname u;

	uname(&u);
	lm_put_u32(&b, LM_HELLO_PROTOCOL, LM_WIRE_PROTOCOL);
	lm_put_str(&b, LM_HELLO_VERSION, LIVEMIG_VERSION);
	lm_put_str(&b, LM_HELLO_SECURITY, security);
	lm_put_str(&b, LM_HELLO_HOST, u.nodename);
	lm_put_str(&b, LM_HELLO_KERNEL, u.release);
	lm_put_str(&b, LM_HELLO_ARCH, u.machine);
	lm_put_u64(&b, LM_HELLO_XFEATURES, info->xfeatures);
	lm_put_u32(&b, LM_HELLO_XSTATE_SIZE, info->xstate_size);
	lm_put_u64(&b, LM_HELLO_VDSO_ID, info->vdso_id);
	lm_put_str(&b, LM_HELLO_FEATURES, features);
	lm_put_u64(&b, LM_HELLO_HOST_ID, line_hash("/etc", "machine-id"));
	lm_put_u64(&b, LM_HELLO_BOOT, line_hash("/proc/sys/kernel/random", "boot_id"));
	return lm_out_buf(&p->out, LM_REC_HELLO, &b, e);
}

bool lm_names_have(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (; *names; names += strcspn(names, " "), names += strspn(names, " "))
		if (strcspn(names, " ") == len && !strncmp(names, name, len))
			return true;
	return false;
}

bool lm_peer_has(const struct lm_peer *p, const char *feature)
{
	return lm_names_have(features, feature) && lm_names_have(p->features, feature);
}

static int check_hello(struct lm_peer *p, const struct lm_record *r, bool agent,
		       const struct lm_info *info, struct lm_error *e)
{
	const struct nlattr *tb[LM_HELLO_MAX + 1];
	uint64_t theirs, missing;
	const char *s;

	if (lm_parse(r->head, r->head_len, tb, LM_HELLO_MAX, e))
		return -1;
	s = lm_str(tb[LM_HELLO_HOST]);
	snprintf(p->host, sizeof(p->host), "%s", s ? s : "?");
	s = lm_str(tb[LM_HELLO_FEATURES]);
	snprintf(p->features, sizeof(p->features), "%s", s ? s : "");
	p->host_id = lm_u64(tb[LM_HELLO_HOST_ID]);
	p->boot = lm_u64(tb[LM_HELLO_BOOT]);
	if (lm_u32(tb[LM_HELLO_PROTOCOL]) != LM_WIRE_PROTOCOL) {
		s = lm_str(tb[LM_HELLO_VERSION]);
		return lm_fail(e, LM_REFUSED,
			       "%s runs migctl %s with protocol %u, this host %s with %u: install the same version",
			       p->host, s ? s : "?", lm_u32(tb[LM_HELLO_PROTOCOL]),
			       LIVEMIG_VERSION, LM_WIRE_PROTOCOL);
	}
	s = lm_str(tb[LM_HELLO_SECURITY]);
	if (!s || strcmp(s, security))
		return lm_fail(e, LM_REFUSED,
			       "%s wants a connection secured by \"%s\", which this version cannot do: install the same version",
			       p->host, s ? s : "?");
	s = lm_str(tb[LM_HELLO_ARCH]);
	if (!s || strcmp(s, "x86_64"))
		return lm_fail(e, LM_REFUSED, "%s is a %s host, this one x86_64: move it to a host of the same architecture",
			       p->host, s ? s : "?");
	p->other_vdso = tb[LM_HELLO_VDSO_ID] && lm_u64(tb[LM_HELLO_VDSO_ID]) != info->vdso_id;
	if (p->other_vdso && !lm_peer_has(p, "vdso"))
		return lm_fail(e, LM_REFUSED,
			       "%s runs another kernel, and a migctl that does not know what to do then: install the same version",
			       p->host);
	/* The destination must have whatever the source has. */
	theirs = lm_u64(tb[LM_HELLO_XFEATURES]);
	missing = agent ? theirs & ~info->xfeatures : info->xfeatures & ~theirs;
	if (missing)
		return lm_fail(e, LM_REFUSED,
			       "%s lacks CPU state components %#llx that the source uses: choose a host with the same CPU features",
			       agent ? "this host" : p->host,
			       (unsigned long long)missing);
	return 0;
}

/* Nothing was changed yet. */
static int no_hello(const struct lm_peer *p, bool agent, const struct lm_error *why,
		    struct lm_error *e)
{
	if (p->aborted)
		return lm_fail(e, LM_REFUSED, "%s", why->msg);
	if (agent)
		return lm_fail(e, LM_REFUSED, "not a `migctl migrate` (%s)", why->msg);
	return lm_fail(e, LM_REFUSED,
		       "%s: does not answer like a `migctl agent` (%s): name the host and port of one",
		       p->host, why->msg);
}

int lm_peer_hello(struct lm_peer *p, struct lm_nl *nl, bool agent,
		  struct lm_error *e)
{
	struct lm_error why = { 0 };
	struct lm_record r;
	struct lm_info info;

	if (lm_nl_info(nl, &info, e))
		return -1;
	if (!agent && say_hello(p, &info, e))
		return -1;
	if (!lm_peer_take(p, &r, STALL_S * 1000, &why) && r.type != LM_REC_HELLO)
		lm_fail(&why, LM_REFUSED, "record type %u where HELLO was due", r.type);
	if (why.code)
		return no_hello(p, agent, &why, e);
	if (check_hello(p, &r, agent, &info, e))
		return -1;
	return agent ? say_hello(p, &info, e) : 0;
}

/* ---- compression ---- */

/* An ECHO with so many bytes, and its answer. Return: ns, 0 on failure. */
static uint64_t echo(struct lm_peer *p, size_t len, struct lm_error *e)
{
	static const char zeros[256 << 10];
	struct lm_record r;
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	if (lm_out_rec(&p->out, LM_REC_ECHO, zeros, len, e) ||
	    lm_peer_take(p, &r, STALL_S * 1000, e))
		return 0;
	if (r.type != LM_REC_ECHO) {
		lm_fail(e, LM_FAILED, "%s: sent record type %u where ECHO was due",
			name(p), r.type);
		return 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (b.tv_sec - a.tv_sec) * 1000000000ULL + b.tv_nsec - a.tv_nsec + 1;
}

int lm_peer_rate(struct lm_peer *p, double *rate, struct lm_error *e)
{
	const size_t len = 256 << 10;
	uint64_t rtt, t = 0;

	/* The second one finds the congestion window open. */
	for (int i = 0; i < 2; i++) {
		rtt = echo(p, 0, e);
		if (!rtt)
			return -1;
		t = echo(p, len, e);
		if (!t)
			return -1;
		/* A slow link has told all that there is to know. */
		if (t > 50000000)
			break;
	}
	*rate = t > rtt ? len * 1e9 / (t - rtt) : 0;
	return 0;
}

int lm_peer_echo(struct lm_peer *p, struct lm_error *e)
{
	return lm_out_rec(&p->out, LM_REC_ECHO, NULL, 0, e);
}

int lm_peer_compress(struct lm_peer *p, const struct lm_compress *c,
		     struct lm_error *e)
{
	uint64_t seq;
	int fd;

	if (lm_peer_say(p, LM_REC_FRAMES, NULL, e) ||
	    lm_pump_out(p->fd, c, &p->pump_out, &fd, e))
		return -1;
	seq = p->out.seq;
	lm_out_init(&p->out, fd);
	p->out.seq = seq;
	return 0;
}

int lm_peer_decompress(struct lm_peer *p, struct lm_error *e)
{
	if (p->pump_in)
		return lm_fail(e, LM_FAILED, "FRAMES twice");
	return lm_pump_in(p->fd, &p->pump_in, &p->in.fd, e);
}
