// SPDX-License-Identifier: LGPL-2.1-or-later
/* The client: sockets and requests. What comes back is parsed in nl_parse.c. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "clock.h"
#include "nl.h"
#include "nl_parse.h"
#include "record.h"

/* One message of a dump may have this size: an object and its frame. */
#define RECV_SIZE	65536

struct lm_nl {
	struct mnl_socket *sock;
	uint16_t family;
	uint32_t group, seq;
	char buf[RECV_SIZE];
};

/* A request being put together. */
struct request {
	struct nlmsghdr *h;
	char buf[512 + LIVEMIG_RANGES_MAX * sizeof(struct livemig_range)];
};

static void request(struct request *r, uint16_t family, uint8_t cmd, uint8_t version)
{
	struct genlmsghdr *g;

	r->h = mnl_nlmsg_put_header(r->buf);
	r->h->nlmsg_type = family;
	r->h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	g = mnl_nlmsg_put_extra_header(r->h, sizeof(*g));
	g->cmd = cmd;
	g->version = version;
}

static void command(struct request *r, struct lm_nl *nl, uint8_t cmd, uint32_t session)
{
	request(r, nl->family, cmd, LIVEMIG_GENL_VERSION);
	if (session)
		mnl_attr_put_u32(r->h, LIVEMIG_A_SESSION, session);
}

static ssize_t receive(struct lm_nl *nl)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(nl->sock, nl->buf, sizeof(nl->buf));
	while (n < 0 && errno == EINTR);
	return n;
}

typedef int (*answer_cb)(uint8_t cmd, const void *attrs, size_t len, void *arg,
			 struct lm_error *e);

/* Send @r and take the whole answer. */
static int talk(struct lm_nl *nl, struct request *r, const char *what, bool dump,
		answer_cb answer, void *arg, struct lm_error *e)
{
	struct lm_reply reply = {
		.family = r->h->nlmsg_type,
		.seq = ++nl->seq,
		.portid = mnl_socket_get_portid(nl->sock),
		.dump = dump,
		.answer = answer,
		.arg = arg,
		.what = what,
	};
	ssize_t n;
	int ret;

	r->h->nlmsg_seq = nl->seq;
	if (dump)
		r->h->nlmsg_flags |= NLM_F_DUMP;
	do
		n = mnl_socket_sendto(nl->sock, r->h, r->h->nlmsg_len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return lm_fail_errno(e, LM_FAILED, "%s: netlink", what);
	do {
		n = receive(nl);
		if (n < 0)
			return lm_fail_errno(e, LM_FAILED, "%s: netlink", what);
		ret = lm_reply_parse(&reply, nl->buf, n, e);
	} while (!ret);
	if (ret < 0 || reply.failed) {
		/* (a failure of the callback has filled @e itself) */
		return lm_fail(e, LM_FAILED, "%s failed", what);
	}
	return 0;
}

struct family {
	uint16_t id;
	uint32_t group;
};

static int on_family(uint8_t cmd, const void *attrs, size_t len, void *arg,
		     struct lm_error *e)
{
	struct family *f = arg;

	return lm_parse_family(attrs, len, &f->id, &f->group, e);
}

static int resolve(struct lm_nl *nl, struct lm_error *e)
{
	struct lm_error err = { 0 };
	struct family f = { 0 };
	struct request r;

	request(&r, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
	mnl_attr_put_strz(r.h, CTRL_ATTR_FAMILY_NAME, LIVEMIG_GENL_NAME);
	if (talk(nl, &r, "generic netlink", false, on_family, &f, &err)) {
		if (err.err == ENOENT)
			return lm_fail(e, LM_REFUSED, "the livemig module is not loaded: modprobe livemig");
		return lm_fail(e, err.code, "%s", err.msg);
	}
	nl->family = f.id;
	nl->group = f.group;
	return 0;
}

static int open_socket(struct lm_nl **out, struct lm_error *e)
{
	struct lm_nl *nl = calloc(1, sizeof(*nl));
	int one = 1, bytes = 4 << 20;

	if (!nl)
		return lm_fail(e, LM_FAILED, "out of memory");
	nl->sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl->sock || mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID)) {
		lm_fail_errno(e, LM_FAILED, "netlink socket");
		lm_nl_close(nl);
		return -1;
	}
	/* (each of these only makes errors or events come out better) */
	mnl_socket_setsockopt(nl->sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->sock, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_RCVBUFFORCE,
		   &bytes, sizeof(bytes));
	if (resolve(nl, e)) {
		lm_nl_close(nl);
		return -1;
	}
	*out = nl;
	return 0;
}

int lm_nl_open(struct lm_nl **nl, struct lm_error *e)
{
	struct lm_info info;

	if (open_socket(nl, e))
		return -1;
	if (lm_nl_info(*nl, &info, e))
		goto close;
	if (info.protocol != LIVEMIG_PROTOCOL) {
		lm_fail(e, LM_REFUSED, "the loaded livemig module is version %s (protocol %u), this tool is %s (protocol %u): install both from one release and reload the module",
			info.version, info.protocol, LIVEMIG_VERSION, LIVEMIG_PROTOCOL);
		goto close;
	}
	return 0;
close:
	lm_nl_close(*nl);
	*nl = NULL;
	return -1;
}

void lm_nl_close(struct lm_nl *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl);
}

static int on_info(uint8_t cmd, const void *attrs, size_t len, void *arg,
		   struct lm_error *e)
{
	return lm_parse_info(attrs, len, arg, e);
}

int lm_nl_info(struct lm_nl *nl, struct lm_info *info, struct lm_error *e)
{
	struct request r;

	memset(info, 0, sizeof(*info));
	command(&r, nl, LIVEMIG_CMD_GET_INFO, 0);
	return talk(nl, &r, "livemig", false, on_info, info, e);
}

static int on_session(uint8_t cmd, const void *attrs, size_t len, void *arg,
		      struct lm_error *e)
{
	return lm_parse_session(attrs, len, arg, e);
}

int lm_nl_session_new(struct lm_nl *nl, int cgroup_fd, const char *name,
		      uint32_t flags, uint32_t *id, struct lm_error *e)
{
	struct lm_session_info s = { 0 };
	struct request r;

	if (name && strlen(name) > LIVEMIG_NAME_MAX)
		return lm_fail(e, LM_REFUSED, "the name of a session has up to %d characters",
			       LIVEMIG_NAME_MAX);
	command(&r, nl, LIVEMIG_CMD_SESSION_NEW, 0);
	mnl_attr_put_u32(r.h, LIVEMIG_A_CGROUP_FD, cgroup_fd);
	if (name)
		mnl_attr_put_strz(r.h, LIVEMIG_A_NAME, name);
	if (flags)
		mnl_attr_put_u32(r.h, LIVEMIG_A_SESSION_FLAGS, flags);
	if (talk(nl, &r, "new session", false, on_session, &s, e))
		return -1;
	if (!s.id)
		return lm_fail(e, LM_FAILED, "new session: the module sent no answer");
	*id = s.id;
	return 0;
}

/* A command that has only a session and no answer. */
static int simple(struct lm_nl *nl, uint8_t cmd, uint32_t id, const char *what,
		  struct lm_error *e)
{
	struct request r;

	command(&r, nl, cmd, id);
	return talk(nl, &r, what, false, NULL, NULL, e);
}

int lm_nl_session_del(struct lm_nl *nl, uint32_t id, struct lm_error *e)
{
	return simple(nl, LIVEMIG_CMD_SESSION_DEL, id, "end of session", e);
}

int lm_nl_session_persist(struct lm_nl *nl, uint32_t id, bool on,
			  struct lm_error *e)
{
	struct request r;

	command(&r, nl, LIVEMIG_CMD_SESSION_SET, id);
	mnl_attr_put_u32(r.h, LIVEMIG_A_SESSION_FLAGS,
			 on ? LIVEMIG_SESSION_F_PERSISTENT : 0);
	return talk(nl, &r, "owner of the session", false, NULL, NULL, e);
}

int lm_nl_session_get(struct lm_nl *nl, uint32_t id, struct lm_session_info *s,
		      struct lm_error *e)
{
	struct request r;

	memset(s, 0, sizeof(*s));
	command(&r, nl, LIVEMIG_CMD_SESSION_GET, id);
	return talk(nl, &r, "session", false, on_session, s, e);
}

struct sessions {
	int (*cb)(const struct lm_session_info *s, void *arg);
	void *arg;
};

static int on_sessions(uint8_t cmd, const void *attrs, size_t len, void *arg,
		       struct lm_error *e)
{
	struct sessions *all = arg;
	struct lm_session_info s = { 0 };

	if (lm_parse_session(attrs, len, &s, e))
		return -1;
	return all->cb(&s, all->arg);
}

int lm_nl_sessions(struct lm_nl *nl,
		   int (*cb)(const struct lm_session_info *s, void *arg),
		   void *arg, struct lm_error *e)
{
	struct sessions all = { cb, arg };
	struct request r;

	command(&r, nl, LIVEMIG_CMD_SESSION_GET, 0);
	return talk(nl, &r, "sessions", true, on_sessions, &all, e);
}

int lm_nl_freeze(struct lm_nl *nl, uint32_t id, uint32_t timeout_ms,
		 struct lm_error *e)
{
	struct request r;

	command(&r, nl, LIVEMIG_CMD_FREEZE, id);
	if (timeout_ms)
		mnl_attr_put_u32(r.h, LIVEMIG_A_TIMEOUT_MS, timeout_ms);
	return talk(nl, &r, "freeze", false, NULL, NULL, e);
}

int lm_nl_thaw(struct lm_nl *nl, uint32_t id, struct lm_error *e)
{
	return simple(nl, LIVEMIG_CMD_THAW, id, "thaw", e);
}

int lm_nl_track(struct lm_nl *nl, uint32_t id, bool on, struct lm_error *e)
{
	return simple(nl, on ? LIVEMIG_CMD_TRACK_START : LIVEMIG_CMD_TRACK_STOP, id,
		      on ? "track start" : "track stop", e);
}

static int on_task(uint8_t cmd, const void *attrs, size_t len, void *arg,
		   struct lm_error *e)
{
	return lm_parse_task(arg, attrs, len, e);
}

int lm_nl_task_get(struct lm_nl *nl, uint32_t id, lm_obj_cb cb, void *arg,
		   struct lm_error *e)
{
	struct lm_task_dump d = { .cb = cb, .arg = arg };
	struct request r;

	command(&r, nl, LIVEMIG_CMD_TASK_GET, id);
	return talk(nl, &r, "dump", true, on_task, &d, e);
}

static int on_pages(uint8_t cmd, const void *attrs, size_t len, void *arg,
		    struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_A_MAX + 1];

	if (lm_parse(attrs, len, tb, LIVEMIG_A_MAX, e))
		return -1;
	return lm_parse_stats(tb[LIVEMIG_A_STATS], arg, e);
}

static int on_file(uint8_t cmd, const void *attrs, size_t len, void *arg,
		   struct lm_error *e)
{
	const struct nlattr *tb[LIVEMIG_A_MAX + 1];

	if (lm_parse(attrs, len, tb, LIVEMIG_A_MAX, e))
		return -1;
	*(int *)arg = lm_u32(tb[LIVEMIG_A_FD]);
	return 0;
}

int lm_nl_file_get(struct lm_nl *nl, uint32_t id, uint32_t file, int *fd,
		   struct lm_error *e)
{
	struct request r;

	*fd = -1;
	command(&r, nl, LIVEMIG_CMD_FILE_GET, id);
	mnl_attr_put_u32(r.h, LIVEMIG_A_FILE, file);
	return talk(nl, &r, "file in flight", false, on_file, fd, e);
}

int lm_nl_pages(struct lm_nl *nl, uint32_t id, int fd, uint32_t flags,
		struct lm_stats *st, struct lm_error *e)
{
	struct request r;

	memset(st, 0, sizeof(*st));
	command(&r, nl, LIVEMIG_CMD_PAGES, id);
	if (fd >= 0)
		mnl_attr_put_u32(r.h, LIVEMIG_A_FD, fd);
	if (flags)
		mnl_attr_put_u32(r.h, LIVEMIG_A_PAGES_FLAGS, flags);
	return talk(nl, &r, "pages", false, on_pages, st, e);
}

int lm_nl_pages_of(struct lm_nl *nl, uint32_t id, int fd, uint32_t mm,
		   const struct livemig_range *v, size_t n, struct lm_stats *st,
		   struct lm_error *e)
{
	struct request r;

	memset(st, 0, sizeof(*st));
	command(&r, nl, LIVEMIG_CMD_PAGES, id);
	mnl_attr_put_u32(r.h, LIVEMIG_A_FD, fd);
	mnl_attr_put_u32(r.h, LIVEMIG_A_MM, mm);
	mnl_attr_put(r.h, LIVEMIG_A_RANGES, n * sizeof(*v), v);
	return talk(nl, &r, "pages", false, on_pages, st, e);
}

int lm_nl_events_open(struct lm_nl **out, struct lm_error *e)
{
	struct lm_nl *nl;

	if (open_socket(&nl, e))
		return -1;
	if (!nl->group)
		lm_fail(e, LM_REFUSED, "the loaded livemig module has no events: it is of another version");
	else if (mnl_socket_setsockopt(nl->sock, NETLINK_ADD_MEMBERSHIP,
				       &nl->group, sizeof(nl->group)))
		lm_fail_errno(e, LM_REFUSED, "events%s",
			      errno == EPERM ? ": needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN)" : "");
	else {
		*out = nl;
		return 0;
	}
	lm_nl_close(nl);
	return -1;
}

static int on_event(uint8_t cmd, const void *attrs, size_t len, void *arg,
		    struct lm_error *e)
{
	if (cmd != LIVEMIG_CMD_EVENT)
		return 0;
	return lm_parse_event(attrs, len, arg, e);
}

int lm_nl_events_wait(struct lm_nl *nl, struct lm_event *ev, int timeout_ms,
		      struct lm_error *e)
{
	struct lm_reply reply = {
		.family = nl->family, .answer = on_event, .arg = ev, .what = "events",
	};
	uint64_t end = lm_now_ms() + (timeout_ms > 0 ? timeout_ms : 0);
	struct pollfd p = { .fd = mnl_socket_get_fd(nl->sock), .events = POLLIN };

	memset(ev, 0, sizeof(*ev));
	for (;;) {
		uint64_t now = lm_now_ms();
		ssize_t n = poll(&p, 1, timeout_ms < 0 ? -1 : now < end ? (int)(end - now) : 0);

		if (!n || (n < 0 && errno == EINTR))
			return 0;	/* also a signal: the caller may want to stop */
		if (n > 0)
			n = mnl_socket_recvfrom(nl->sock, nl->buf, sizeof(nl->buf));
		if (n < 0 && errno == ENOBUFS)
			return lm_fail(e, LM_FAILED, "events were lost: more came than were read");
		if (n < 0)
			return lm_fail_errno(e, LM_FAILED, "events");
		if (lm_reply_parse(&reply, nl->buf, n, e) < 0 || reply.failed)
			return -1;
		if (ev->event || ev->session)
			return 1;
	}
}
