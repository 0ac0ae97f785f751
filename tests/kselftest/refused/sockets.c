// SPDX-License-Identifier: GPL-2.0-or-later
/* Of sockets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/net_tstamp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "refused.h"

static int peer, listener;

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int option(int level, int which)
{
	int value = 0;
	socklen_t len = sizeof(value);

	check(!getsockopt(fd, level, which, &value, &len));
	return value;
}

static void set_option(int s, int level, int which)
{
	check(!setsockopt(s, level, which, &(int){ 1 }, sizeof(int)));
}

static void listen_at(int port)
{
	struct sockaddr_in a = local(port);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	set_option(listener, SOL_SOCKET, SO_REUSEADDR);
	check(!bind(listener, (void *)&a, sizeof(a)) && !listen(listener, 1));
}

static void connect_it(int s, int port)
{
	struct sockaddr_in a = local(port);

	check(!connect(s, (void *)&a, sizeof(a)));
}

static void connect_to(int port)
{
	fd = socket(AF_INET, SOCK_STREAM, 0);
	connect_it(fd, port);
}

static void accept_it(void)
{
	peer = accept(listener, NULL, NULL);
	check(peer >= 0);
}

/* fd and peer, connected with each other */
static void set_tcp(void)
{
	need(own_net());
	listen_at(7000);
	connect_to(7000);
	accept_it();
}

/* @shared: others may have the port, too. */
static int udp_at(int port, bool shared)
{
	struct sockaddr_in a = local(port);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	if (shared)
		set_option(s, SOL_SOCKET, SO_REUSEPORT);
	check(!bind(s, (void *)&a, sizeof(a)));
	return s;
}

static bool passes(int from, int to)
{
	char buf[8] = "";

	return write(from, "passes", 6) == 6 && read(to, buf, sizeof(buf)) == 6 &&
	       !strcmp(buf, "passes");
}

static void get_tcp(void)
{
	check(passes(fd, peer) && passes(peer, fd));
}

static void set_oldpacket(void)
{
	fd = socket(AF_INET, SOCK_PACKET, htons(ETH_P_ALL));
	need(fd >= 0);
}

/* ---- TCP ---- */

static void set_urgent(void)
{
	struct pollfd p = { .events = POLLPRI };

	set_tcp();
	check(*wrong || send(fd, "!", 1, MSG_OOB) == 1);
	p.fd = peer;
	check(*wrong || poll(&p, 1, -1) == 1);
}

static void get_urgent(void)
{
	char c;

	check(recv(peer, &c, 1, MSG_OOB) == 1 && c == '!');
	get_tcp();
}

/* Both have closed it before the byte was taken. */
static void set_urgentended(void)
{
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t len = sizeof(info);

	set_urgent();
	if (*wrong)
		return;
	check(!close(fd) && !shutdown(peer, SHUT_WR));
	while (!getsockopt(peer, IPPROTO_TCP, TCP_INFO, &info, &len) &&
	       info.tcpi_state != TCP_CLOSE)
		usleep(1000);
}

static void get_urgentended(void)
{
	char c;

	check(recv(peer, &c, 1, MSG_OOB) == 1 && c == '!');
	check(recv(peer, &c, 1, 0) == 0);
}

static void set_md5(void)
{
	struct tcp_md5sig key = { .tcpm_keylen = 3, .tcpm_key = "key" };
	const struct sockaddr_in a = local(0);

	need(own_net());
	memcpy(&key.tcpm_addr, &a, sizeof(a));
	listen_at(7000);
	need(!setsockopt(listener, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)));
	connect_it(fd, 7000);
	accept_it();
}

/* Its listener says that it is there when it has brought something. */
static void set_halfopen(void)
{
	need(own_net());
	listen_at(7000);
	check(!setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &(int){ 600 }, sizeof(int)));
	connect_to(7000);
}

static void get_halfopen(void)
{
	check(write(fd, "first", 5) == 5);
	accept_it();
	check(passes(peer, fd));
}

static void answer(void)
{
	char buf[64];
	int s;

	listen_at(7077);
	if (*wrong)
		_exit(8);
	is_ready();
	s = accept(listener, NULL, NULL);
	while (read(s, buf, 6) == 6 && write(s, buf, 6) == 6)
		;
}

static void set_hosttcp(void)
{
	outside(answer);
	connect_to(7077);
}

static void get_hosttcp(void)
{
	check(passes(fd, fd));
}

/* ---- options ---- */

static void set_ipoptions(void)
{
	static const unsigned char record_route[] = { 7, 7, 4, 0, 0, 0, 0, 0 };

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	need(!setsockopt(fd, IPPROTO_IP, IP_OPTIONS, record_route, sizeof(record_route)));
}

static bool has_options(int level, int which)
{
	char buf[64];
	socklen_t len = sizeof(buf);

	return !getsockopt(fd, level, which, buf, &len) && len == 8;
}

static void get_ipoptions(void)
{
	check(has_options(IPPROTO_IP, IP_OPTIONS));
}

static void set_ip6options(void)
{
	static const unsigned char pad[] = { 0, 0, 1, 4, 0, 0, 0, 0 };

	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	need(!setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, pad, sizeof(pad)));
}

static void get_ip6options(void)
{
	check(has_options(IPPROTO_IPV6, IPV6_HOPOPTS));
}

static void set_ip6pktinfo(void)
{
	struct in6_pktinfo info = { .ipi6_ifindex = 1 };

	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	need(!setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
}

static void set_tunnel(void)
{
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	need(!setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &(int){ UDP_ENCAP_ESPINUDP }, sizeof(int)));
}

static void get_tunnel(void)
{
	check(option(IPPROTO_UDP, UDP_ENCAP) == UDP_ENCAP_ESPINUDP);
}

/* Two datagrams' worth is one, and not sent yet. */
static void set_corked(void)
{
	need(own_net());
	peer = udp_at(7000, false);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	connect_it(fd, 7000);
	check(send(fd, "pas", 3, MSG_MORE) == 3);
}

static void get_corked(void)
{
	char buf[16] = "";

	check(send(fd, "ses", 3, 0) == 3 && read(peer, buf, sizeof(buf)) == 6);
	check(!strcmp(buf, "passes"));
}

/* The option by itself moves. */
static void set_corkoption(void)
{
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	set_option(fd, IPPROTO_UDP, UDP_CORK);
}

static void get_corkoption(void)
{
	check(option(IPPROTO_UDP, UDP_CORK));
}

static void set_corkedraw(void)
{
	need(own_net());
	fd = socket(AF_INET, SOCK_RAW, 200);
	peer = socket(AF_INET, SOCK_RAW, 200);
	connect_it(fd, 0);
	check(send(fd, "pas", 3, MSG_MORE) == 3);
}

static void get_corkedraw(void)
{
	char buf[64] = "";

	check(send(fd, "ses", 3, 0) == 3 && read(peer, buf, sizeof(buf)) == 20 + 6);
	check(!strcmp(buf + 20, "passes"));
}

/* ---- BPF ---- */

static int map;

static void keep_map(void)
{
	for (int i = 3; i < 64; i++)
		if (i != map)
			close(i);
	is_ready();
	for (;;)
		pause();
}

/* Nobody in the container has the map, but somebody outside. */
static void put_in_map(int type, int sock)
{
	const uint64_t value = sock;

	map = bpf_map(type, sizeof(value));
	need(map >= 0);
	need(bpf_set(map, &value));
	outside(keep_map);
	close(map);
}

static void set_sockmap(void)
{
	set_tcp();
	put_in_map(BPF_MAP_TYPE_SOCKMAP, fd);
}

static void set_sockmapudp(void)
{
	need(own_net());
	fd = udp_at(7000, false);
	peer = udp_at(7001, false);
	connect_it(fd, 7001);
	connect_it(peer, 7000);
	put_in_map(BPF_MAP_TYPE_SOCKMAP, fd);
}

static void set_sockmapunix(void)
{
	int s[2];

	check(!socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	fd = s[0];
	peer = s[1];
	put_in_map(BPF_MAP_TYPE_SOCKMAP, fd);
}

static void set_sockarray(void)
{
	need(own_net());
	fd = udp_at(7000, true);
	put_in_map(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, fd);
}

/* It chooses one of a group of sockets. */
static void set_reuseport(void)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uintptr_t)code,
			     .insn_cnt = 2, .license = (uintptr_t)"GPL" };
	int prog;

	need(own_net());
	prog = bpf(BPF_PROG_LOAD, &a);
	need(prog >= 0);
	fd = udp_at(7000, true);
	check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)));
	check(!close(prog));
}

/* ---- who is told which of its packets have left ---- */

static void get_notice(void)
{
	struct pollfd p = { .fd = fd };
	struct msghdr m = { .msg_controllen = 0 };

	get_tcp();
	check(poll(&p, 1, -1) == 1 && p.revents & POLLERR);
	check(recvmsg(fd, &m, MSG_ERRQUEUE) >= 0);
}

static void send_without_copy(void)
{
	char buf[8];

	set_option(fd, SOL_SOCKET, SO_ZEROCOPY);
	check(send(fd, "passes", 6, MSG_ZEROCOPY) == 6 && read(peer, buf, 6) == 6);
}

static void set_zerocopy(void)
{
	set_tcp();
	if (!*wrong)
		send_without_copy();
}

static void set_zerocopyudp(void)
{
	need(own_net());
	fd = udp_at(7000, false);
	peer = udp_at(7001, false);
	connect_it(fd, 7001);
	connect_it(peer, 7000);
	send_without_copy();
}

/* Who only has asked for it is told of nothing yet. */
static void set_zerooption(void)
{
	set_tcp();
	if (!*wrong)
		set_option(fd, SOL_SOCKET, SO_ZEROCOPY);
}

static void get_zerooption(void)
{
	check(option(SOL_SOCKET, SO_ZEROCOPY) == 1);
	get_tcp();
}

static void set_numbered(void)
{
	int flags = SOF_TIMESTAMPING_OPT_ID | SOF_TIMESTAMPING_TX_SOFTWARE |
		    SOF_TIMESTAMPING_SOFTWARE;

	set_tcp();
	check(*wrong || !setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &flags, sizeof(flags)));
}

/* ---- where it belongs to ---- */

static void set_othernet(void)
{
	int own = open("/proc/self/ns/net", O_RDONLY);

	need(own_net());
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	check(fd >= 0 && !setns(own, CLONE_NEWNET) && !close(own));
}

const struct thing socket_things[] = {
	{ "oldpacket", set_oldpacket, get_fd, OF_FILE, "packet socket" },
	{ "urgent", set_urgent, get_urgent, OF_FILE, "TCP urgent data" },
	{ "urgentended", set_urgentended, get_urgentended, OF_FILE, "TCP urgent data" },
	{ "md5", set_md5, get_tcp, OF_FILE, "TCP signatures (MD5 or AO)" },
	{ "halfopen", set_halfopen, get_halfopen, OF_FILE,
	  "TCP connection that is being opened" },
	{ "hosttcp", set_hosttcp, get_hosttcp, OF_FILE,
	  "TCP connection to 127.0.0.1:7077 through an address of the host" },
	{ "ipoptions", set_ipoptions, get_ipoptions, OF_FILE,
	  "socket with IP options" },
	{ "ip6options", set_ip6options, get_ip6options, OF_FILE,
	  "socket with IP options" },
	{ "ip6pktinfo", set_ip6pktinfo, get_fd, OF_FILE, "socket with IP options" },
	{ "tunnel", set_tunnel, get_tunnel, OF_FILE, "UDP tunnel socket" },
	{ "corked", set_corked, get_corked, OF_FILE, "corked UDP datagram" },
	{ "corkoption", set_corkoption, get_corkoption, OF_NOTHING },
	{ "corkedraw", set_corkedraw, get_corkedraw, OF_FILE, "corked raw packet" },
	{ "sockmap", set_sockmap, get_tcp, OF_FILE, "socket in a BPF map" },
	{ "sockmapudp", set_sockmapudp, get_tcp, OF_FILE, "socket in a BPF map" },
	{ "sockmapunix", set_sockmapunix, get_tcp, OF_FILE, "socket in a BPF map" },
	{ "sockarray", set_sockarray, get_fd, OF_FILE, "socket in a BPF map" },
	{ "reuseport", set_reuseport, get_fd, OF_FILE, "BPF program on a socket" },
	{ "zerocopy", set_zerocopy, get_notice, OF_FILE,
	  "socket that has sent by MSG_ZEROCOPY" },
	{ "zerocopyudp", set_zerocopyudp, get_notice, OF_FILE,
	  "socket that has sent by MSG_ZEROCOPY" },
	{ "zerooption", set_zerooption, get_zerooption, OF_NOTHING },
	{ "numbered", set_numbered, get_tcp, OF_FILE, "socket with numbered time stamps" },
	{ "othernet", set_othernet, get_fd, OF_FILE,
	  "socket of another network namespace" },
	{ }
};
