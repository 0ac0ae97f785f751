// SPDX-License-Identifier: GPL-2.0-or-later
/* Sockets that cannot be moved, and go on when that was said. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_alg.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/genetlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sockets.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static int fd, other[2];

/* A kernel without it: run.sh skips. */
static int make(int family, int type, int protocol)
{
	int s = socket(family, type, protocol);

	if (s < 0 && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ||
		      errno == ESOCKTNOSUPPORT || errno == ENOPROTOOPT))
		snprintf(wrong, sizeof(wrong), "none");
	else
		check(s >= 0);
	return s;
}

static void alive(void)
{
	check(fcntl(fd, F_GETFD) >= 0);
}

static void set_packetring(void)
{
	struct tpacket_req ring = { .tp_block_size = 4096, .tp_block_nr = 2,
				    .tp_frame_size = 2048, .tp_frame_nr = 4 };

	fd = make(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	check(!setsockopt(fd, 263 /* SOL_PACKET */, PACKET_RX_RING, &ring, sizeof(ring)));
}

static void set_packetfanout(void)
{
	int group = 7 | PACKET_FANOUT_HASH << 16;

	fd = make(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	check(!setsockopt(fd, 263, PACKET_FANOUT, &group, sizeof(group)));
}

static void set_vsock(void)
{
	fd = make(AF_VSOCK, SOCK_STREAM, 0);
}

static void set_alg(void)
{
	struct sockaddr_alg a = { .salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256" };

	fd = make(AF_ALG, SOCK_SEQPACKET, 0);
	check(!bind(fd, (void *)&a, sizeof(a)));
}

static void set_sctp(void)
{
	fd = make(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
}

static void set_mptcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7300) };

	fd = make(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	check(!bind(fd, (void *)&a, sizeof(a)) && !listen(fd, 1));
}

static void set_xdp(void)
{
	fd = make(44 /* AF_XDP */, SOCK_RAW, 0);
}

static void set_tls(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7301),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int l = socket(AF_INET, SOCK_STREAM, 0);

	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!bind(l, (void *)&a, sizeof(a)) && !listen(l, 1));
	check(!connect(fd, (void *)&a, sizeof(a)));
	other[0] = accept(l, NULL, NULL);
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) < 0)
		snprintf(wrong, sizeof(wrong), "none");
}

static void set_bpf(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0xffff },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)code,
				.insn_cnt = 2, .license = (uintptr_t)"GPL" };
	int prog = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	check(prog >= 0 && !socketpair(AF_UNIX, SOCK_DGRAM, 0, other));
	fd = other[0];
	check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &prog, sizeof(prog)) && !close(prog));
}

static void get_bpf(void)
{
	check(says(other[1], "passes") && hears(fd, "passes"));
}

static void set_oob(void)
{
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, other));
	fd = other[0];
	if (send(other[1], "!", 1, MSG_OOB) != 1)
		snprintf(wrong, sizeof(wrong), "none");
}

static void get_oob(void)
{
	char c;

	check(recv(fd, &c, 1, MSG_OOB) == 1 && c == '!');
}

static void set_group(void)
{
	int group = GENL_ID_CTRL;

	fd = make(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	check(!setsockopt(fd, 270, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
}

static void set_unread(void)
{
	struct {
		struct nlmsghdr h;
		struct genlmsghdr g;
	} req = { { sizeof(req), GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_DUMP, 1, 0 },
		  { .cmd = CTRL_CMD_GETFAMILY } };

	fd = make(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	check(send(fd, &req, sizeof(req), 0) == sizeof(req));
}

static void get_unread(void)
{
	static char buf[65536];

	check(recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0);
}

const struct test refuse_tests[] = {
	{ "packetring", set_packetring, alive },
	{ "packetfanout", set_packetfanout, alive },
	{ "vsock", set_vsock, alive },
	{ "alg", set_alg, alive },
	{ "sctp", set_sctp, alive },
	{ "mptcp", set_mptcp, alive },
	{ "xdp", set_xdp, alive },
	{ "tls", set_tls, alive },
	{ "bpf", set_bpf, get_bpf },
	{ "oob", set_oob, get_oob },
	{ "netlinkgroup", set_group, alive },
	{ "netlinkunread", set_unread, get_unread },
	{ 0 }
};
