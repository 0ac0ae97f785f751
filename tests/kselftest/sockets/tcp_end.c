// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP connections of which one side, or both, have said all. */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sockets.h"
#include "tcp.h"

/* ---- one side has said all ---- */

static int half[2], full[2], last[2];
static size_t sent, sent_back;

static void set_ends(void)
{
	tcp_pair(AF_INET, 7003, half);
	check(says(half[0], "my last") && !shutdown(half[0], SHUT_WR));
	check(comes_to(half[0], FIN_WAIT2) && comes_to(half[1], CLOSE_WAIT));
	/* A FIN behind data that nobody reads. */
	tcp_pair(AF_INET6, 7004, full);
	sent = fill(full[0]);
	check(!shutdown(full[0], SHUT_WR) && comes_to(full[0], FIN_WAIT1));
	/* The same after the other side's FIN. */
	tcp_pair(AF_INET, 7005, last);
	check(!shutdown(last[0], SHUT_WR) && comes_to(last[1], CLOSE_WAIT));
	sent_back = fill(last[1]);
	check(!shutdown(last[1], SHUT_WR) && comes_to(last[1], LAST_ACK));
}

static void get_ends(void)
{
	check(state_of(half[0]) == FIN_WAIT2 && state_of(half[1]) == CLOSE_WAIT);
	check(soon(half[1], "my last") && ends_soon(half[1]));
	check(says(half[1], "but I") && soon(half[0], "but I") && !says(half[0], "x"));
	check(!shutdown(half[1], SHUT_WR) && ends_soon(half[0]) && comes_to(half[1], CLOSED));

	check(state_of(full[0]) == FIN_WAIT1 && state_of(full[1]) == ESTABLISHED);
	check(drain(full[1], sent) && ends_soon(full[1]) && comes_to(full[0], FIN_WAIT2));
	check(says(full[1], "thanks") && soon(full[0], "thanks"));
	check(!close(full[1]) && ends_soon(full[0]));

	check(state_of(last[1]) == LAST_ACK && state_of(last[0]) == FIN_WAIT2);
	check(drain(last[0], sent_back) && ends_soon(last[0]) && comes_to(last[1], CLOSED));
}

/* ---- closed with much to be sent ---- */

static int reader, late_reader;

static size_t *total;	/* shared with the child */

/* Its end closes the socket without waiting, whatever SO_LINGER says. */
static void fill_and_end(void)
{
	struct linger linger = { 1, 300 };
	int fd = tcp_connected(AF_INET, 7009, 0);

	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	*total = fill(fd);
}

static void set_closed(void)
{
	int l = tcp_listening(AF_INET, 7009, 1), sv[2], status;

	total = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(waitpid(in_child(0, 0, fill_and_end), &status, 0) > 0 && !status);
	sent = *total;
	reader = accept(l, NULL, NULL);
	tcp_pair(AF_INET6, 7010, sv);
	check(!shutdown(sv[1], SHUT_WR));
	sent_back = fill(sv[0]);
	close(sv[0]);
	late_reader = sv[1];
}

static void get_closed(void)
{
	check(drain(reader, sent) && ends_soon(reader));
	check(drain(late_reader, sent_back) && ends_soon(late_reader));
}

/* ---- of which only the numbers are left ---- */

static uint16_t over[3];
static int half_over;

/* State of the connection between these ports that nobody has; 0: there is none. */
static int state_between(bool v6, unsigned int local, unsigned int remote)
{
	FILE *f = fopen(v6 ? "/proc/net/tcp6" : "/proc/net/tcp", "r");
	unsigned int l, r, state, ret = 0;
	char line[512];

	check(f);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*[^:]:%x %*[^:]:%x %x", &l, &r, &state) == 3 &&
		    l == local && r == remote)
			ret = state;
	if (f)
		fclose(f);
	return ret;
}

static bool gets_to(bool v6, int local, int remote, int state)
{
	for (int i = 0; i < 60000 && state_between(v6, local, remote) != state; i++)
		usleep(1000);
	return state_between(v6, local, remote) == state;
}

static void set_timewait(void)
{
	int sv[2];

	for (int i = 0; i < 3; i++) {
		tcp_pair(i == 1 ? AF_INET6 : AF_INET, 7011 + i, sv);
		over[i] = ntohs(port_of(sv[0], false));
		close(sv[0]);
		check(comes_to(sv[1], CLOSE_WAIT));
		if (i == 2)
			half_over = sv[1];
		else
			close(sv[1]);
		check(gets_to(i == 1, over[i], 7011 + i, i == 2 ? FIN_WAIT2 : TIME_WAIT));
	}
}

static void get_timewait(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(over[0]),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check(gets_to(false, over[0], 7011, TIME_WAIT));
	check(gets_to(true, over[1], 7012, TIME_WAIT));
	/* Nobody gets its port by chance. */
	check(bind(fd, (void *)&a, sizeof(a)) < 0 && errno == EADDRINUSE);
	/* It waits for the FIN of the other end, and acknowledges it. */
	check(gets_to(false, over[2], 7013, FIN_WAIT2) && state_of(half_over) == CLOSE_WAIT);
	check(!close(half_over));
	check(gets_to(false, over[2], 7013, TIME_WAIT));
	check(gets_to(false, 7013, over[2], 0));
}

/* ---- ended, and not read yet ---- */

static int ended[2], last_read, reset, broken, refused, kept, unread, listener;
static uint16_t ended_port[2];

static void resets(int fd)
{
	const struct linger now = { 1, 0 };

	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)) && !close(fd));
}

static int bound_to(int port, bool reuse)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = reuse;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (!bind(fd, (void *)&a, sizeof(a)))
		return fd;
	close(fd);
	return -1;
}

static void set_ended(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7025),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int sv[2];

	/* A request, and its answer with the end of all. */
	for (int i = 0; i < 2; i++) {
		tcp_pair(i ? AF_INET6 : AF_INET, 7021 + i, sv);
		check(says(sv[0], "request") && !shutdown(sv[0], SHUT_WR));
		check(soon(sv[1], "request") && gives(sv[1], MUCH) && !close(sv[1]));
		check(comes_to(sv[0], CLOSED));
		ended[i] = sv[0];
		ended_port[i] = port_of(sv[0], false);
		check(ended_port[i]);
	}
	/* The other side was the first. */
	tcp_pair(AF_INET, 7023, sv);
	check(says(sv[0], "farewell") && !close(sv[0]) && comes_to(sv[1], CLOSE_WAIT));
	check(!shutdown(sv[1], SHUT_WR) && comes_to(sv[1], CLOSED));
	last_read = sv[1];
	/* Reset, without and with an end before that. */
	tcp_pair(AF_INET, 7024, sv);
	check(says(sv[1], "said before"));
	resets(sv[1]);
	check(comes_to(sv[0], CLOSED));
	reset = sv[0];
	tcp_pair(AF_INET6, 7024, sv);
	check(says(sv[1], "half") && !shutdown(sv[1], SHUT_WR) && comes_to(sv[0], CLOSE_WAIT));
	resets(sv[1]);
	check(comes_to(sv[0], CLOSED));
	broken = sv[0];
	/* Nobody listens. */
	refused = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	check(connect(refused, (void *)&a, sizeof(a)) < 0);
	check(comes_to(refused, CLOSED));
	/* Ended, and it has its port still. */
	listener = tcp_listening(AF_INET, 7026, 1);
	a.sin_port = htons(7026);
	kept = bound_to(7027, true);
	check(!connect(kept, (void *)&a, sizeof(a)));
	sv[0] = accept(listener, NULL, NULL);
	check(!close(sv[0]) && !shutdown(kept, SHUT_WR) && comes_to(kept, CLOSED));
	check(bound_to(7027, false) < 0);
	/* Reset before it was accepted. */
	unread = tcp_connected(AF_INET, 7026, 0);
	resets(unread);
}

static int error_of(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) ? -1 : err;
}

static int events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	return poll(&p, 1, 0) < 0 ? -1 : p.revents;
}

static void get_ended(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(7026),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int n, s;
	char c;

	for (int i = 0; i < 2; i++) {
		check(state_of(ended[i]) == CLOSED);
		check(port_of(ended[i], false) == ended_port[i] && !port_of(ended[i], true));
		check(events_of(ended[i]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
		check(!ioctl(ended[i], FIONREAD, &n) && n == MUCH);
		check(recv(ended[i], &c, 1, MSG_PEEK) == 1 && c == 0);
		check(drain(ended[i], MUCH) && ends(ended[i]));
		check(!ioctl(ended[i], FIONREAD, &n) && n == 0 && !error_of(ended[i]));
		check(send(ended[i], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
		check(connect(ended[i], (void *)&a, sizeof(a)) < 0 && errno == EISCONN);
	}
	check(state_of(last_read) == CLOSED && hears(last_read, "farewell") && ends(last_read));

	check(events_of(reset) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP | POLLERR));
	check(hears(reset, "said before"));
	check(recv(reset, &c, 1, 0) < 0 && errno == ECONNRESET && ends(reset));
	check(hears(broken, "half") && ends(broken) && error_of(broken) == EPIPE);
	check(!error_of(broken) && !(events_of(broken) & POLLERR));

	check(error_of(refused) == ECONNREFUSED && !error_of(refused));
	check(connect(refused, (void *)&a, sizeof(a)) < 0 && errno == ECONNABORTED);

	check(state_of(kept) == CLOSED && ntohs(port_of(kept, false)) == 7027);
	check(bound_to(7027, false) < 0 && !close(kept));
	s = bound_to(7027, false);
	check(s >= 0);
	/* (the one that was reset may come, or not) */
	check(!connect(s, (void *)&a, sizeof(a)) && says(s, "works"));
	n = accept(listener, NULL, NULL);
	if (!port_of(n, true))
		n = accept(listener, NULL, NULL);
	check(soon(n, "works"));
}

/* ---- both at once ---- */

static int once[2];

/* Whatever comes is lost, or not any more. */
static void hears_nothing(int fd, bool on)
{
	struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog prog = { 1, &none };

	check(!setsockopt(fd, SOL_SOCKET, on ? SO_ATTACH_FILTER : SO_DETACH_FILTER, &prog,
			  sizeof(prog)));
}

static bool is_acknowledged(int fd)
{
	int left = -1;

	for (int i = 0; i < 60000 && !ioctl(fd, SIOCOUTQ, &left) && left; i++)
		usleep(1000);
	return left == 0;
}

/* The FIN of the second gets through, and nothing else does. */
static void set_closing(void)
{
	tcp_pair(AF_INET, 7028, once);
	check(says(once[1], "not read"));
	check(says(once[0], "the same") && is_acknowledged(once[0]) && is_acknowledged(once[1]));
	hears_nothing(once[0], true);
	hears_nothing(once[1], true);
	check(!shutdown(once[0], SHUT_WR) && !shutdown(once[1], SHUT_WR));
	check(state_of(once[0]) == FIN_WAIT1 && state_of(once[1]) == FIN_WAIT1);
	hears_nothing(once[0], false);
	check(comes_to(once[0], CLOSING) && state_of(once[1]) == FIN_WAIT1);
}

static void get_closing(void)
{
	check(state_of(once[0]) == CLOSING && state_of(once[1]) == FIN_WAIT1);
	check(hears(once[0], "not read") && ends(once[0]));
	hears_nothing(once[1], false);
	check(comes_to(once[0], CLOSED) && comes_to(once[1], CLOSED));
	check(hears(once[1], "the same") && ends(once[1]) && !error_of(once[1]));
}

const struct test tcp_end_tests[] = {
	{ "tcpends", set_ends, get_ends },
	{ "tcpclosed", set_closed, get_closed },
	{ "tcptimewait", set_timewait, get_timewait },
	{ "tcpended", set_ended, get_ended },
	{ "tcpclosing", set_closing, get_closing },
	{ 0 }
};
