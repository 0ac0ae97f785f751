// SPDX-License-Identifier: GPL-2.0-or-later
/* Terminals. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "files.h"

static int fd1, fd2;
static pid_t child;

/* A shell in a terminal, and a job of it in the foreground. */
static int answer(const char *cmd, char *buf, size_t len)
{
	struct pollfd pfd = { .fd = fd1, .events = POLLIN };
	size_t n = 0;

	if (write(fd1, cmd, strlen(cmd)) < 0)
		return -1;
	while (n < len - 1 && poll(&pfd, 1, 60000) == 1 &&
	       read(fd1, buf + n, 1) == 1)
		if (buf[n++] == '\n')
			break;
	buf[n] = '\0';
	return n;
}

static void job(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	setpgid(0, 0);
	write_file(name("job"), "");
	while (!sigwait(&set, &sig))
		dprintf(0, "signal %d\n", sig);
	_exit(1);
}

static void shell(const char *tty)
{
	char line[64];
	int fd, status;
	pid_t pid;

	close(fd1);		/* the master: it hangs up when it is closed */
	close(fd2);
	setsid();
	fd = open(tty, O_RDWR);
	dup2(fd, 0);
	pid = fork();
	if (!pid)
		job();
	wait_for(name("job"));
	signal(SIGTTOU, SIG_IGN);
	if (tcsetpgrp(0, pid))
		_exit(2);
	write_file(name("shell"), "");
	waitpid(pid, &status, 0);
	tcsetpgrp(0, getpgrp());
	for (;;) {
		if (read(0, line, sizeof(line)) <= 0)
			_exit(0);
		dprintf(0, "%s %d %d\n", ttyname(0), tcgetsid(0) == getpid(),
			open("/dev/tty", O_RDWR) >= 0);
	}
}

static struct termios modes;
static char tty_name[64];

static void set_pty(void)
{
	struct winsize ws = { .ws_row = 33, .ws_col = 77 };
	int other = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0;

	/* Its number is not the lowest. */
	fd1 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(other >= 0 && fd1 >= 0 && !ioctl(fd1, TIOCSPTLCK, &zero));
	check(!ptsname_r(fd1, tty_name, sizeof(tty_name)));
	fd2 = open(tty_name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	check(!tcgetattr(fd2, &modes));
	modes.c_lflag &= ~(ECHO | ECHOE);
	modes.c_oflag &= ~ONLCR;
	modes.c_cc[VINTR] = 'Q';
	cfsetospeed(&modes, B19200);
	check(!tcsetattr(fd2, TCSANOW, &modes) && !tcgetattr(fd2, &modes));
	check(!ioctl(fd1, TIOCSWINSZ, &ws));
	close(other);
	child = fork();
	if (!child)
		shell(tty_name);
	wait_for(name("shell"));
}

static void get_pty(void)
{
	struct termios now;
	struct winsize ws;
	char buf[128], want[128];

	memset(&now, 0, sizeof(now));		/* there are gaps in it */
	check(!tcgetattr(fd2, &now) && !memcmp(&now, &modes, sizeof(now)));
	check(!ioctl(fd2, TIOCGWINSZ, &ws) && ws.ws_row == 33 && ws.ws_col == 77);
	check(!ptsname_r(fd1, buf, sizeof(buf)) && !strcmp(buf, tty_name));
	check(fcntl(fd2, F_GETFL) & O_NONBLOCK);
	check(tcgetsid(fd1) == child);
	/* The interrupt character goes to the foreground group. */
	check(answer("Q", buf, sizeof(buf)) > 0 && !strcmp(buf, "signal 2\n"));
	ws.ws_row++;
	check(!ioctl(fd1, TIOCSWINSZ, &ws));
	check(answer("", buf, sizeof(buf)) > 0 && !strcmp(buf, "signal 28\n"));
	kill(-tcgetpgrp(fd1), SIGKILL);
	/* then to the shell, which has the same terminal */
	snprintf(want, sizeof(want), "%s 1 1\n", tty_name);
	check(answer("hello\n", buf, sizeof(buf)) > 0 && !strcmp(buf, want));
	close(fd1);		/* hangs up */
	close(fd2);
	check(waitpid(child, NULL, 0) == child);
}

/* Lines that nobody has read, the end of a file among them, one that is half typed, and
 * what was printed. Other characters mean something now than when they came.
 */
static void set_typed(void)
{
	struct termios t;
	int n, zero = 0;

	fd1 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(fd1 >= 0 && !ioctl(fd1, TIOCSPTLCK, &zero));
	check(!ptsname_r(fd1, tty_name, sizeof(tty_name)));
	fd2 = open(tty_name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	check(!tcgetattr(fd2, &t));
	t.c_lflag &= ~(ECHO | ISIG);
	t.c_cc[VEOL] = ';';
	check(!tcsetattr(fd2, TCSANOW, &t));
	check(write(fd1, "one\ntwo;\003\004half \022", 16) == 16);
	check(write(fd2, "printed\n", 8) == 8);
	do	/* both have arrived when the lines can be counted */
		check(!ioctl(fd2, FIONREAD, &n));
	while (n != 9);
	t.c_lflag |= ISIG;
	check(!tcsetattr(fd2, TCSANOW, &t) && !tcgetattr(fd2, &modes));
	do
		check(!ioctl(fd1, FIONREAD, &n));
	while (n != 9);
}

static void get_typed(void)
{
	struct termios now;
	char buf[64];

	memset(&now, 0, sizeof(now));
	check(!tcgetattr(fd2, &now) && !memcmp(&now, &modes, sizeof(now)));
	check(read(fd2, buf, sizeof(buf)) == 4 && !memcmp(buf, "one\n", 4));
	check(read(fd2, buf, sizeof(buf)) == 4 && !memcmp(buf, "two;", 4));
	check(read(fd2, buf, sizeof(buf)) == 1 && *buf == 3);
	check(read(fd2, buf, sizeof(buf)) < 0 && errno == EAGAIN);
	check(write(fd1, "\177done\n", 6) == 6);
	fcntl(fd2, F_SETFL, 0);
	check(read(fd2, buf, sizeof(buf)) == 10 && !memcmp(buf, "half done\n", 10));
	check(read(fd1, buf, sizeof(buf)) == 9 && !memcmp(buf, "printed\r\n", 9));
}

/* The same where lines mean nothing, up to the last byte that there is room for. */
static void set_rawtyped(void)
{
	struct termios t;
	int n, zero = 0;
	char c;

	fd1 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(fd1 >= 0 && !ioctl(fd1, TIOCSPTLCK, &zero));
	check(!ptsname_r(fd1, tty_name, sizeof(tty_name)));
	fd2 = open(tty_name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	check(!tcgetattr(fd2, &t));
	cfmakeraw(&t);
	check(!tcsetattr(fd2, TCSANOW, &t));
	for (int i = 0; i < 4000; i++) {
		c = i;
		check(write(fd1, &c, 1) == 1);
	}
	do
		check(!ioctl(fd2, FIONREAD, &n));
	while (n != 4000);
}

static void get_rawtyped(void)
{
	char buf[4096];
	int n = 0, got;

	while ((got = read(fd2, buf, sizeof(buf))) > 0)
		for (int i = 0; i < got; i++, n++)
			check(buf[i] == (char)n);
	check(n == 4000);
	check(write(fd1, "x", 1) == 1);
}

/* The master tells what becomes of the terminal, and nobody else may open that. */
static void set_ptymodes(void)
{
	int zero = 0, one = 1;

	fd1 = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	check(fd1 >= 0 && !ioctl(fd1, TIOCSPTLCK, &zero));
	check(!ptsname_r(fd1, tty_name, sizeof(tty_name)));
	fd2 = open(tty_name, O_RDWR | O_NOCTTY);
	check(fd2 >= 0 && !ioctl(fd1, TIOCPKT, &one) && !ioctl(fd2, TIOCEXCL));
}

static void get_ptymodes(void)
{
	int packets = 0, exclusive = 0;
	char buf[16];

	check(!ioctl(fd1, TIOCGPKT, &packets) && packets);
	check(!ioctl(fd2, TIOCGEXCL, &exclusive) && exclusive);
	check(write(fd2, "x", 1) == 1 && read(fd1, buf, sizeof(buf)) == 2);
	check(buf[0] == TIOCPKT_DATA && buf[1] == 'x');
	check(!tcflush(fd2, TCIFLUSH) && read(fd1, buf, sizeof(buf)) == 1);
	check(buf[0] & TIOCPKT_FLUSHREAD);
	check(!ioctl(fd2, TIOCNXCL) && !ioctl(fd2, TIOCGEXCL, &exclusive) && !exclusive);
}

/* More than fits into its buffer. */
static void set_fulltty(void)
{
	static char text[8192];

	set_rawtyped();
	fcntl(fd1, F_SETFL, O_NONBLOCK);
	check(write(fd1, text, sizeof(text)) > 1000);
}

static void get_fulltty(void)
{
	char buf[4000];

	check(read(fd2, buf, sizeof(buf)) == sizeof(buf) && buf[99] == 99);
}

/* One end only: the other is the script's. */
static void set_tty(void)
{
	fd1 = open("/dev/console", O_RDWR | O_NOCTTY);
	check(fd1 >= 0);
}

const struct test tty_tests[] = {
	{ "pty", set_pty, get_pty },
	{ "typed", set_typed, get_typed },
	{ "rawtyped", set_rawtyped, get_rawtyped },
	{ "ptymodes", set_ptymodes, get_ptymodes },
	{ "fulltty", set_fulltty, get_fulltty },
	{ "tty", set_tty, NULL },
	{ "outpty", NULL, NULL },		/* the script opens it */
	{ }
};
