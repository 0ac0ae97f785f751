// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Packet sockets: what they listen to, their options and filter, and what they have
 * told devices to let through (memberships, DATA of the queue GROUPS). Such a socket
 * hears the network in spite of the network lock. So until its tasks run it is bound to
 * no protocol, which means that it hears nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"
#include "sock.h"
#include "sockopt.h"
#include "../dump/source.h"
#include "../net/rtnl.h"

#define SOL_PACKET_	263
#define MEMBERS_MAX	16384		/* bytes: LIVEMIG_DATA_BYTES at most */

/* As image-format.rst has it. */
struct member {
	uint32_t ifindex;
	uint32_t count;
	uint16_t type, len;
	uint8_t address[32];
};

/* What the kernel's diagnosis says of one socket. */
struct look {
	uint32_t ino;
	bool found, ring, fanout;
	struct lm_buf members;
};

static bool is_packet(const struct lm_file *f)
{
	return lm_sock_is(f, AF_PACKET, SOCK_RAW, -1) || lm_sock_is(f, AF_PACKET, SOCK_DGRAM, -1);
}

static int add_members(struct lm_buf *b, const struct nlattr *a)
{
	const struct packet_diag_mclist *m = mnl_attr_get_payload(a);
	size_t n = mnl_attr_get_payload_len(a) / sizeof(*m);

	for (size_t i = 0; i < n; i++) {
		struct member to = { m[i].pdmc_index, m[i].pdmc_count, m[i].pdmc_type,
				     m[i].pdmc_alen, { 0 } };

		if (to.len > sizeof(to.address))
			return MNL_CB_ERROR;
		memcpy(to.address, m[i].pdmc_addr, to.len);
		lm_buf_add(b, &to, sizeof(to));
	}
	return b->oom ? MNL_CB_ERROR : MNL_CB_OK;
}

static int look_cb(const struct nlmsghdr *nlh, void *arg)
{
	const struct packet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	struct look *l = arg;
	const struct nlattr *a;
	int ret = MNL_CB_OK;

	if (msg->pdiag_ino != l->ino)
		return MNL_CB_OK;
	l->found = true;
	mnl_attr_for_each(a, nlh, sizeof(*msg)) {
		switch (mnl_attr_get_type(a)) {
		case PACKET_DIAG_RX_RING:
		case PACKET_DIAG_TX_RING:
			l->ring = true;
			break;
		case PACKET_DIAG_FANOUT:
			l->fanout = true;
			break;
		case PACKET_DIAG_MCLIST:
			ret = add_members(&l->members, a);
			break;
		}
	}
	return ret;
}

/* In the socket's namespace. */
static int ask(void *arg, struct lm_error *e)
{
	char buf[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct packet_diag_req *req;
	struct lm_rt rt;
	int ret;

	if (lm_rt_open(&rt, NETLINK_SOCK_DIAG, e) < 0)
		return -1;
	nlh->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	nlh->nlmsg_flags = NLM_F_DUMP;
	req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	req->sdiag_family = AF_PACKET;
	req->pdiag_show = PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT;
	ret = lm_rt_talk(&rt, nlh, look_cb, arg);
	if (ret < 0)
		lm_fail_errno(e, LM_REFUSED,
			      "cannot ask for the state of packet sockets (module packet_diag)%s",
			      rt.text);
	lm_rt_close(&rt);
	return ret;
}

static int look(struct lm_source *s, const struct lm_file *f, struct look *l,
		struct lm_error *e)
{
	l->ino = lm_u64(f->sock[LIVEMIG_SOCK_INO]);
	return lm_in_netns(lm_source_netns(s), ask, l, e);
}

static bool local(const struct lm_file *f, struct sockaddr_ll *a)
{
	size_t len = lm_len(f->sock[LIVEMIG_SOCK_LOCAL]);

	memset(a, 0, sizeof(*a));
	if (len < offsetof(struct sockaddr_ll, sll_addr) || len > sizeof(struct sockaddr_storage))
		return false;
	memcpy(a, lm_data(f->sock[LIVEMIG_SOCK_LOCAL]), len < sizeof(*a) ? len : sizeof(*a));
	return a->sll_family == AF_PACKET;
}

static int packet_check(const struct lm_model *m, const struct lm_file *f, struct lm_error *e)
{
	struct look l = { 0 };
	struct sockaddr_ll a;
	int ret = look(f->source, f, &l, e);

	if (ret == 0 && !l.found && lm_source_is_frozen(f->source))
		ret = lm_fail(e, LM_REFUSED, "packet socket of another network namespace: not supported");
	/* Interfaces have other numbers on another host. */
	if (ret == 0 && lm_source_netns(f->source) < 0 &&
	    (l.members.len || (local(f, &a) && a.sll_ifindex > 0)))
		ret = lm_fail(e, LM_REFUSED,
			      "packet socket bound to an interface of the host: give the container a network namespace");
	if (ret == 0 && l.ring)
		ret = lm_fail(e, LM_REFUSED, "packet socket with a ring: not supported");
	if (ret == 0 && l.members.len > MEMBERS_MAX)
		ret = lm_fail(e, LM_REFUSED, "packet socket with too many memberships");
	if (ret == 0 && l.fanout)
		ret = lm_fail(e, LM_REFUSED, "packet socket in a fanout group: not supported");
	lm_buf_free(&l.members);
	return ret;
}

static int dump_members(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
			struct lm_error *e)
{
	struct look l = { 0 };
	struct lm_buf b = { 0 };
	int ret = look(s, f, &l, e);

	if (ret == 0 && !l.found)
		ret = lm_fail(e, LM_FAILED, "packet socket %u is not there any more", l.ino);
	if (ret == 0 && l.members.len) {
		lm_put_u32(&b, LIVEMIG_DATA_FILE, f->id);
		lm_put_u32(&b, LIVEMIG_DATA_QUEUE, LIVEMIG_QUEUE_GROUPS);
		lm_put_u64(&b, LIVEMIG_DATA_OFFSET, 0);
		lm_put(&b, LIVEMIG_DATA_BYTES, l.members.data, l.members.len);
		ret = lm_out_buf(out, LIVEMIG_OBJ_DATA, &b, e);
	}
	lm_buf_free(&l.members);
	return ret;
}

static int packet_dump(struct lm_source *s, const struct lm_file *f, struct lm_out *out,
		       struct lm_error *e)
{
	return lm_sockopt_dump(s, f, out, e) < 0 || dump_members(s, f, out, e) < 0 ? -1 : 0;
}

static int packet_bind(int fd, const struct lm_file *f, bool hears, struct lm_error *e)
{
	struct sockaddr_ll a;
	socklen_t len = sizeof(int);
	int gone;

	if (!local(f, &a))
		return lm_fail(e, LM_REFUSED, "the record of a packet socket is malformed");
	/* (-1: the interface is gone, and it hears nothing) */
	if (a.sll_ifindex < 0 || (!a.sll_ifindex && !a.sll_protocol))
		return 0;
	if (!hears)
		a.sll_protocol = 0;
	/* An interface that is down is told as an error of the socket, each time. */
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return getsockopt(fd, SOL_SOCKET, SO_ERROR, &gone, &len);
	return lm_fail_errno(e, LM_REFUSED, "packet socket: cannot bind it to interface %d",
			     a.sll_ifindex);
}

static int join(int fd, const struct lm_data *d, struct lm_error *e)
{
	struct packet_mreq_max {
		int ifindex;
		unsigned short type, len;
		unsigned char address[32];
	} req;
	struct member m;

	if (d->len % sizeof(m))
		return lm_fail(e, LM_REFUSED, "the record of a packet socket is malformed");
	/* The eldest first, as each becomes the head of the list. */
	for (size_t at = d->len; at; ) {
		at -= sizeof(m);
		memcpy(&m, (const char *)d->bytes + at, sizeof(m));
		if (m.len > sizeof(m.address) || !m.count || m.count > 65536)
			return lm_fail(e, LM_REFUSED, "the record of a packet socket is malformed");
		req = (struct packet_mreq_max){ m.ifindex, m.type, m.len, { 0 } };
		memcpy(req.address, m.address, m.len);
		for (uint32_t i = 0; i < m.count; i++)
			if (setsockopt(fd, SOL_PACKET_, PACKET_ADD_MEMBERSHIP, &req,
				       sizeof(req)) < 0)
				return lm_fail_errno(e, LM_REFUSED,
						     "packet socket: cannot make interface %u let through more",
						     m.ifindex);
	}
	return 0;
}

static int prepare(int fd, const struct lm_file *f, struct lm_error *e)
{
	if (lm_sock_set_options(fd, f, e) < 0 || lm_sock_set_buffers(fd, f, e) < 0 ||
	    lm_sockopt_set(fd, f, LM_SOCKOPT_READY, e) < 0 || packet_bind(fd, f, false, e) < 0)
		return -1;
	for (size_t i = 0; i < f->nr_data; i++)
		if (f->data[i]->queue == LIVEMIG_QUEUE_GROUPS && join(fd, f->data[i], e) < 0)
			return -1;
	return 0;
}

static int packet_open(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	int type = lm_u32(f->sock[LIVEMIG_SOCK_TYPE]) |
		   (f->flags & O_NONBLOCK ? SOCK_NONBLOCK : 0);
	int fd = lm_socket_in_netns(lm_restorer_netns(r), AF_PACKET, type, 0, e);

	if (fd < 0)
		return -1;
	if (prepare(fd, f, e) < 0) {
		close(fd);
		return -1;
	}
	f->fd = fd;
	return 0;
}

/* With its filter it hears what it wants to hear from the first packet on. */
static int packet_resume(struct lm_restorer *r, struct lm_file *f, struct lm_error *e)
{
	return lm_sockopt_set(f->fd, f, LM_SOCKOPT_LAST, e) < 0 ||
	       packet_bind(f->fd, f, true, e) < 0 ? -1 : 0;
}

const struct lm_file_kind lm_kind_packet = {
	.name = "packet socket",
	.match = is_packet,
	.check = packet_check,
	.dump = packet_dump,
	.open = packet_open,
	.resume = packet_resume,
};
