// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames (pump.h): every codec, what cannot be compressed, a reader that is
 * gone, and every byte of a frame's head changed.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate/pump.h"

#define LEN	(3 << 20)

static char sent[LEN], got[LEN + 1], wire[2 * LEN];
static int n, failed;

static void check(bool ok, const char *name)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++n, name);
	fflush(stdout);
	failed |= !ok;
}

/* Half of it is text, half noise. */
static void fill(void)
{
	unsigned long x = 1;

	for (size_t i = 0; i < LEN; i++) {
		x = x * 6364136223846793005UL + 1442695040888963407UL;
		sent[i] = i / 100000 % 2 ? x >> 56 : "some words of text "[i % 19];
	}
}

static size_t read_all(int fd, char *buf, size_t len)
{
	size_t done = 0;
	ssize_t ret;

	while (done < len && (ret = read(fd, buf + done, len - done)) > 0)
		done += ret;
	return done;
}

static bool write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t ret = send(fd, buf, len, MSG_NOSIGNAL);

		if (ret <= 0)
			return false;
		buf += ret;
		len -= ret;
	}
	return true;
}

struct writer {
	int fd;
	const char *buf;
	size_t len;
};

static void *writer(void *arg)
{
	struct writer *w = arg;

	write_all(w->fd, w->buf, w->len);
	close(w->fd);
	return NULL;
}

/* Encodes ->sent into ->wire. */
static size_t encode(const char *how, const char **codec)
{
	struct lm_compress c;
	struct lm_error e = { 0 };
	struct lm_pump *p;
	size_t len = 0;
	int conn[2], fd;

	if (lm_compress_parse(how, &c, &e) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, conn) ||
	    lm_pump_out(conn[0], &c, &p, &fd, &e))
		return 0;
	/* The end of the pump is not that of the connection. */
	struct writer w = { fd, sent, LEN };
	pthread_t t;

	pthread_create(&t, NULL, writer, &w);
	for (size_t raw = 0; raw < LEN;) {
		unsigned int head[3];

		if (read_all(conn[1], wire + len, 12) != 12)
			break;
		memcpy(head, wire + len, 12);
		if (read_all(conn[1], wire + len + 12, head[1]) != head[1])
			break;
		len += 12 + head[1];
		raw += head[0];
	}
	pthread_join(t, NULL);
	*codec = lm_pump_codec(p);
	lm_pump_end(p);
	close(conn[0]);
	close(conn[1]);
	return len;
}

/* Decodes @len bytes of ->wire into ->got. Return: bytes. */
static size_t decode(size_t len)
{
	struct lm_error e = { 0 };
	struct lm_pump *p;
	int conn[2], fd;
	pthread_t t;
	size_t ret;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, conn) ||
	    lm_pump_in(conn[0], &p, &fd, &e))
		return 0;
	struct writer w = { conn[1], wire, len };

	memset(got, 0, sizeof(got));
	pthread_create(&t, NULL, writer, &w);
	ret = read_all(fd, got, sizeof(got));
	/* Who reads no more takes nothing more either. */
	shutdown(conn[0], SHUT_RDWR);
	pthread_join(t, NULL);
	close(fd);
	lm_pump_end(p);
	close(conn[0]);
	return ret;
}

/* @by: the codec that is expected to have done it; NULL: any. */
static void round_trip(const char *how, size_t most, const char *by)
{
	const char *codec;
	size_t len = encode(how, &codec);
	char name[64];

	snprintf(name, sizeof(name), "%s: comes out as it went in", how);
	check(decode(len) == LEN && !memcmp(sent, got, LEN), name);
	printf("# %s: %zu of %d bytes\n", how, len, LEN);
	snprintf(name, sizeof(name), "%s: is as small as it should be", how);
	check(len && len < most && (!by || !strcmp(codec, by)), name);
}

static void damage(void)
{
	const char *codec;
	size_t len = encode("lz4", &codec);
	bool ends = true, cut = true;
	char was;

	for (int i = 0; i < 12; i++) {
		was = wire[i];
		wire[i] ^= 0x80;
		ends &= decode(len) == 0;
		wire[i] = was;
	}
	check(ends, "a damaged head is the end");
	for (size_t at = 1; at < 4000; at += 97)
		cut &= decode(at) == 0;
	check(cut, "so is a frame that is cut off");
}

static void nobody_reads(void)
{
	struct lm_compress c = { .how = LM_COMPRESS_FIXED, .codec = LM_CODEC_LZ4 };
	struct lm_error e = { 0 };
	struct lm_pump *p;
	int conn[2], fd;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, conn) ||
	    lm_pump_out(conn[0], &c, &p, &fd, &e))
		exit(1);
	close(conn[1]);
	check(!write_all(fd, sent, LEN), "who writes to nobody is told");
	close(fd);
	lm_pump_end(p);
	close(conn[0]);
}

static void words(void)
{
	static const char *const bad[] = { "", "gzip", "zstd:", "zstd:20", "zstd:-8",
					   "zstd:3x", "lz4:1" };
	struct lm_compress c;
	struct lm_error e;
	bool ok = true;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&e, 0, sizeof(e));
		ok &= lm_compress_parse(bad[i], &c, &e) && e.code == LM_USAGE && *e.msg;
	}
	check(ok, "refused: what is no way to compress");
	check(!lm_compress_parse("zstd:-7", &c, NULL) && c.level == -7 &&
	      c.codec == LM_CODEC_ZSTD, "a level");
}

/* The choice with numbers made up: work and size of the codecs. */
static enum lm_codec_id choice(double link_ns)
{
	static const double ns[LM_CHOICES] = { 0, 2, 4, 8, 30 };
	static const double ratio[LM_CHOICES] = { 1, 0.6, 0.5, 0.4, 0.35 };
	unsigned int times[3] = { 0 };
	struct lm_chooser c;
	struct lm_choice *x;
	int i, most = 0;

	lm_choose_init(&c);
	c.link_ns = link_ns;
	for (i = 0; i < 1000; i++) {
		x = lm_choose(&c);
		lm_chosen(x, 1000000, ratio[x - c.choice] * 1000000,
			  ns[x - c.choice] * 1000000);
		times[x->codec]++;
	}
	for (i = 1; i < 3; i++)
		if (times[i] > times[most])
			most = i;
	return times[most] > 800 ? most : 99;
}

int main(void)
{
	signal(SIGALRM, SIG_DFL);
	alarm(300);
	fill();
	printf("KTAP version 1\n");
	round_trip("lz4", LEN * 6 / 10, "lz4");
	round_trip("zstd", LEN * 6 / 10, "zstd");
	round_trip("zstd:-7", LEN * 6 / 10, "zstd");
	round_trip("auto", LEN * 11 / 10, NULL);
	damage();
	nobody_reads();
	words();
	check(choice(0.1) == LM_CODEC_STORED, "a fast link: as it is");
	check(choice(3) == LM_CODEC_LZ4, "a slower one: the cheap codec");
	check(choice(100) == LM_CODEC_ZSTD, "a slow one: the one that makes it small");
	printf("1..%d\n", n);
	return failed;
}
