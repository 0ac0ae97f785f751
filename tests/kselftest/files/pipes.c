// SPDX-License-Identifier: GPL-2.0-or-later
/* Pipes, with a name and without. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files.h"

static int p[2], q[2], s[2], fd1, fd2;
static pid_t child;

static void set_pipe(void)
{
	static char big[100000];

	check(!pipe2(p, O_NONBLOCK) && !pipe(q) && !pipe2(s, O_DIRECT));
	check(fcntl(p[1], F_SETPIPE_SZ, 1 << 17) == 1 << 17);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = i * 7 + i / 256;
	check(write(p[1], big, sizeof(big)) == sizeof(big));
	check(write(q[1], "hello", 5) == 5);
	close(q[1]);				/* nobody writes any more */
	check(write(s[1], "abc", 3) == 3 && write(s[1], "defgh", 5) == 5);
}

static void get_pipe(void)
{
	char buf[65536];
	size_t got = 0;
	ssize_t n;

	check(fcntl(p[1], F_GETPIPE_SZ) == 1 << 17);
	while ((n = read(p[0], buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			check(buf[i] == (char)(got * 7 + got / 256));
	check(got == 100000 && n < 0 && errno == EAGAIN);
	check(write(p[1], "x", 1) == 1 && read(p[0], buf, 9) == 1);
	check(read(q[0], buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5));
	check(read(q[0], buf, sizeof(buf)) == 0);
	check(!(fcntl(q[0], F_GETFL) & O_NONBLOCK));
	check(read(s[0], buf, sizeof(buf)) == 3 && !memcmp(buf, "abc", 3));
	check(read(s[0], buf, sizeof(buf)) == 5);
}

static void set_brokenpipe(void)
{
	check(!pipe(p));
	close(p[0]);
	signal(SIGPIPE, SIG_IGN);
}

static void get_brokenpipe(void)
{
	check(write(p[1], "x", 1) < 0 && errno == EPIPE);
}

static void set_pipefork(void)
{
	check(!pipe(p) && !pipe(q));
	child = fork();
	if (!child) {
		char c;

		close(p[1]);
		close(q[0]);
		while (read(p[0], &c, 1) == 1)		/* sleeps in here */
			if (write(q[1], &c, 1) != 1)
				_exit(2);
		_exit(0);
	}
	close(p[0]);
	close(q[1]);
	usleep(100000);
}

static void get_pipefork(void)
{
	int status = 1;
	char c;

	check(write(p[1], "z", 1) == 1);
	check(read(q[0], &c, 1) == 1 && c == 'z');
	close(p[1]);
	check(read(q[0], &c, 1) == 0);
	check(waitpid(child, &status, 0) == child && !status);
}

static void set_fifo(void)
{
	mkfifo(name("fifo"), 0600);
	fd1 = open(name("fifo"), O_RDWR | O_NONBLOCK);
	fd2 = open(name("fifo"), O_WRONLY);
	check(write(fd2, "fifo", 4) == 4);
}

static void get_fifo(void)
{
	char buf[16];

	check(read(fd1, buf, sizeof(buf)) == 4 && !memcmp(buf, "fifo", 4));
	check(read(fd2, buf, 1) < 0 && errno == EBADF);
}

/* One end only: nobody has written yet, nobody reads any more. Removed, with another
 * of that name by now.
 */
static void set_fifoends(void)
{
	mkfifo(name("quiet"), 0600);
	mkfifo(name("unread"), 0600);
	mkfifo(name("gone"), 0640);
	fd1 = open(name("quiet"), O_RDONLY | O_NONBLOCK);
	s[0] = open(name("unread"), O_RDONLY | O_NONBLOCK);
	fd2 = open(name("unread"), O_WRONLY);
	close(s[0]);
	q[0] = open(name("gone"), O_RDONLY | O_NONBLOCK);
	q[1] = open(name("gone"), O_WRONLY);
	check(fd1 >= 0 && fd2 >= 0 && q[1] >= 0 && write(q[1], "kept", 4) == 4);
	check(!unlink(name("gone")));
	write_file(name("gone"), "another");
	signal(SIGPIPE, SIG_IGN);
}

static void get_fifoends(void)
{
	struct pollfd pfd = { .fd = fd1, .events = POLLIN };
	struct stat st;
	char buf[16];

	check(poll(&pfd, 1, 0) == 0 && fcntl(fd1, F_GETFL) & O_NONBLOCK);
	check(write(fd2, "x", 1) < 0 && errno == EPIPE);
	s[1] = open(name("quiet"), O_WRONLY | O_NONBLOCK);
	check(s[1] >= 0 && write(s[1], "hello", 5) == 5);
	check(read(fd1, buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5));
	close(s[1]);
	check(poll(&pfd, 1, 0) == 1 && pfd.revents == POLLHUP);
	check(read(q[0], buf, sizeof(buf)) == 4 && !memcmp(buf, "kept", 4));
	check(write(q[1], "more", 4) == 4 && read(q[0], buf, 4) == 4);
	check(!fstat(q[0], &st) && !st.st_nlink && (st.st_mode & 0777) == 0640);
	check(!stat(name("gone"), &st) && S_ISREG(st.st_mode) && st.st_size == 7);
}

const struct test pipe_tests[] = {
	{ "pipe", set_pipe, get_pipe },
	{ "brokenpipe", set_brokenpipe, get_brokenpipe },
	{ "pipefork", set_pipefork, get_pipefork },
	{ "fifo", set_fifo, get_fifo },
	{ "fifoends", set_fifoends, get_fifoends },
	{ "morepipe", NULL, NULL },		/* the same */
	{ "outpipe", NULL, NULL },		/* the script opens it */
	{ }
};
