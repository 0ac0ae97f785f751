// SPDX-License-Identifier: GPL-2.0-or-later
/* Of sockets. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "refused.h"

static int fd, peer, listener;

static struct sockaddr_in local(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
				     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

/* A network of its own, in which nobody else has the ports. */
static bool own_net(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int s, ret;

	if (unshare(CLONE_NEWNET))
		return false;
	s = socket(AF_INET, SOCK_DGRAM, 0);
	ret = ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
	return !ret;
}

static void listen_at(int port)
{
	struct sockaddr_in a = local(port);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	check(!setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)));
	check(!bind(listener, (void *)&a, sizeof(a)) && !listen(listener, 1));
}

static void connect_to(int port)
{
	struct sockaddr_in a = local(port);

	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect(fd, (void *)&a, sizeof(a)));
}

/* @fd and @peer, connected with each other */
static void set_tcp(void)
{
	need(own_net());
	listen_at(7000);
	connect_to(7000);
	peer = accept(listener, NULL, NULL);
	check(peer >= 0);
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

static void get_open(void)
{
	check(fcntl(fd, F_GETFD) >= 0);
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
	struct sockaddr_in a = local(0);

	need(own_net());
	memcpy(&key.tcpm_addr, &a, sizeof(a));
	listen_at(7000);
	need(!setsockopt(listener, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &key, sizeof(key)));
	a = local(7000);
	check(!connect(fd, (void *)&a, sizeof(a)));
	peer = accept(listener, NULL, NULL);
	check(peer >= 0);
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
	peer = accept(listener, NULL, NULL);
	check(peer >= 0 && passes(peer, fd));
}

static void answer(void)
{
	char buf[64];
	int s;

	listen_at(7077);
	if (*wrong || write(0, "", 1) != 1)
		_exit(8);
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

static void get_ipoptions(void)
{
	char buf[64];
	socklen_t len = sizeof(buf);

	check(!getsockopt(fd, IPPROTO_IP, IP_OPTIONS, buf, &len) && len == 8);
}

static void set_ip6options(void)
{
	static const unsigned char pad[] = { 0, 0, 1, 4, 0, 0, 0, 0 };

	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	need(!setsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, pad, sizeof(pad)));
}

static void get_ip6options(void)
{
	char buf[64];
	socklen_t len = sizeof(buf);

	check(!getsockopt(fd, IPPROTO_IPV6, IPV6_HOPOPTS, buf, &len) && len == 8);
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
	int type = 0;
	socklen_t len = sizeof(type);

	check(!getsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, &len) && type == UDP_ENCAP_ESPINUDP);
}

/* Two datagrams' worth is one, and not sent yet. */
static void set_corked(void)
{
	struct sockaddr_in a = local(7000);

	need(own_net());
	peer = socket(AF_INET, SOCK_DGRAM, 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	check(!bind(peer, (void *)&a, sizeof(a)) && !connect(fd, (void *)&a, sizeof(a)));
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
	check(!setsockopt(fd, IPPROTO_UDP, UDP_CORK, &(int){ 1 }, sizeof(int)));
}

static void get_corkoption(void)
{
	int on = 0;
	socklen_t len = sizeof(on);

	check(!getsockopt(fd, IPPROTO_UDP, UDP_CORK, &on, &len) && on);
}

static void set_corkedraw(void)
{
	struct sockaddr_in a = local(0);

	need(own_net());
	fd = socket(AF_INET, SOCK_RAW, 200);
	peer = socket(AF_INET, SOCK_RAW, 200);
	check(!connect(fd, (void *)&a, sizeof(a)) && send(fd, "pas", 3, MSG_MORE) == 3);
}

static void get_corkedraw(void)
{
	char buf[64] = "";

	check(send(fd, "ses", 3, 0) == 3 && read(peer, buf, sizeof(buf)) == 20 + 6);
	check(!strcmp(buf + 20, "passes"));
}

/* ---- BPF ---- */

static int bpf(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int map;

static void keep_map(void)
{
	for (int i = 3; i < 64; i++)
		if (i != map)
			close(i);
	if (write(0, "", 1) != 1)
		_exit(8);
	for (;;)
		pause();
}

/* Nobody in the container has the map, but somebody outside. */
static void put_in_map(int type, int sock)
{
	union bpf_attr a = { .map_type = type, .key_size = 4, .value_size = 8, .max_entries = 1 };
	uint64_t value = sock;
	uint32_t key = 0;

	map = bpf(BPF_MAP_CREATE, &a);
	need(map >= 0);
	a = (union bpf_attr){ .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)&value };
	need(!bpf(BPF_MAP_UPDATE_ELEM, &a));
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
	struct sockaddr_in a = local(7000), b = local(7001);

	need(own_net());
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	peer = socket(AF_INET, SOCK_DGRAM, 0);
	check(!bind(fd, (void *)&a, sizeof(a)) && !bind(peer, (void *)&b, sizeof(b)));
	check(!connect(fd, (void *)&b, sizeof(b)) && !connect(peer, (void *)&a, sizeof(a)));
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

static void reuse(int s)
{
	check(!setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int)));
}

static void set_sockarray(void)
{
	struct sockaddr_in a = local(7000);

	need(own_net());
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	reuse(fd);
	check(!bind(fd, (void *)&a, sizeof(a)));
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
	struct sockaddr_in at = local(7000);
	int prog;

	need(own_net());
	prog = bpf(BPF_PROG_LOAD, &a);
	need(prog >= 0);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	reuse(fd);
	check(!bind(fd, (void *)&at, sizeof(at)));
	check(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF, &prog, sizeof(prog)));
	check(!close(prog));
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
	{ "oldpacket", set_oldpacket, get_open, OF_FILE, "packet socket" },
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
	{ "ip6pktinfo", set_ip6pktinfo, get_open, OF_FILE, "socket with IP options" },
	{ "tunnel", set_tunnel, get_tunnel, OF_FILE, "UDP tunnel socket" },
	{ "corked", set_corked, get_corked, OF_FILE, "corked UDP datagram" },
	{ "corkoption", set_corkoption, get_corkoption, OF_NOTHING },
	{ "corkedraw", set_corkedraw, get_corkedraw, OF_FILE, "corked raw packet" },
	{ "sockmap", set_sockmap, get_tcp, OF_FILE, "socket in a BPF map" },
	{ "sockmapudp", set_sockmapudp, get_tcp, OF_FILE, "socket in a BPF map" },
	{ "sockmapunix", set_sockmapunix, get_tcp, OF_FILE, "socket in a BPF map" },
	{ "sockarray", set_sockarray, get_open, OF_FILE, "socket in a BPF map" },
	{ "reuseport", set_reuseport, get_open, OF_FILE, "BPF program on a socket" },
	{ "othernet", set_othernet, get_open, OF_FILE,
	  "socket of another network namespace" },
	{ }
};
