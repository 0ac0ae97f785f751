// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A peer that sends a record byte by byte, never for long without one, must not
 * hold its reader for ever: the limit is for the whole record.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"

/* A byte comes much sooner than this, all of them take hours. */
#define LIMIT_MS	5000
#define PLENTY_MS	60000
#define PAUSE_US	100000
#define GIVE_UP_S	120

static char bytes[65536 + 256];
static size_t nr_bytes;

static void make_record(void)
{
	static char attr[60000];
	struct lm_buf b = { 0 };
	FILE *f = tmpfile();
	struct lm_out out;

	if (!f)
		exit(1);
	lm_put(&b, 1, attr, sizeof(attr));
	lm_out_init(&out, fileno(f));
	if (lm_out_buf(&out, LM_REC_HELLO, &b, NULL))
		exit(1);
	rewind(f);
	nr_bytes = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
}

static void send_all(int fd, size_t piece, useconds_t pause_us)
{
	for (size_t at = 0; at < nr_bytes; at += piece) {
		if (write(fd, bytes + at, nr_bytes - at < piece ? nr_bytes - at : piece) <= 0)
			_exit(0);
		usleep(pause_us);
	}
	pause();
}

/* What lm_in_next() says to a record that comes in pieces. */
static int read_one(size_t piece, useconds_t pause_us, int limit_ms, struct lm_error *e)
{
	struct lm_record r;
	struct lm_in in;
	int fds[2], ret;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		exit(1);
	pid = fork();
	if (!pid) {
		close(fds[0]);
		send_all(fds[1], piece, pause_us);
	}
	close(fds[1]);
	lm_in_init(&in, fds[0]);
	in.timeout_ms = limit_ms;
	alarm(GIVE_UP_S);
	ret = lm_in_next(&in, &r, e);
	alarm(0);
	lm_in_free(&in);
	close(fds[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return ret;
}

static int result(int nr, const char *name, int good, const char *said)
{
	if (!good)
		printf("# %s\n", said);
	printf("%s %d - %s\n", good ? "ok" : "not ok", nr, name);
	return !good;
}

int main(void)
{
	struct lm_error e = { 0 };
	int bad, ret;

	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGPIPE, SIG_IGN);
	make_record();
	puts("KTAP version 1\n1..2");
	ret = read_one(nr_bytes, 0, PLENTY_MS, &e);
	bad = result(1, "a record in one piece is read", ret == 1, e.msg);
	ret = read_one(1, PAUSE_US, LIMIT_MS, &e);
	bad |= result(2, "a record that comes byte by byte is given up",
		      ret == -1 && e.code == LM_FAILED, e.msg);
	return bad;
}
