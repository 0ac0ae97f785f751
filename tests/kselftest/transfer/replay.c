// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * replay TARGET ROUNDS HOW: the two halves of a migration on one host, one after
 * the other. The stream of a container is kept in a file, by differences, and
 * HOW ("none", "lz4", "zstd") in frames; the container is killed, and made again
 * out of the file. Prints the pages that were told as differences and copies.
 */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dump/source.h"
#include "migrate/pump.h"
#include "restore/restore.h"

static struct lm_error e;
static FILE *file;

static void fail(const char *what)
{
	errx(1, "%s: %s", what, e.msg);
}

static void *keep(void *conn)
{
	static char buf[1 << 16];
	ssize_t n;

	while ((n = read(*(int *)conn, buf, sizeof(buf))) > 0)
		fwrite(buf, n, 1, file);
	return NULL;
}

static void *play(void *conn)
{
	static char buf[1 << 16];
	size_t n;

	while ((n = fread(buf, 1, sizeof(buf), file)))
		if (send(*(int *)conn, buf, n, MSG_NOSIGNAL) != (ssize_t)n)
			break;
	shutdown(*(int *)conn, SHUT_WR);
	return NULL;
}

static void source(const char *target, int rounds, const struct lm_compress *c)
{
	uint64_t delta = 0, copy = 0;
	struct lm_pump *pump = NULL;
	struct lm_source *s;
	struct lm_stats st;
	struct lm_out out;
	pthread_t t;
	int conn[2], fd;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) ||
	    pthread_create(&t, NULL, keep, &conn[1]))
		err(1, "socketpair");
	fd = conn[0];
	if (c->how != LM_COMPRESS_NONE && lm_pump_out(conn[0], c, &pump, &fd, &e))
		fail("pump");
	lm_out_init(&out, fd);
	if (lm_source_open(&s, target, &e) || lm_source_check(s, NULL, NULL, &e) ||
	    lm_source_track(s, true, &e) || lm_source_header(s, &out, NULL, &e))
		fail(target);
	lm_source_patches(s, true);
	while (rounds--) {
		if (lm_source_round(s, &out, &st, &e))
			fail("round");
		delta += st.delta;
		copy += st.copy;
		usleep(200000);
	}
	if (lm_source_final(s, &out, 20, &st, NULL, &e))
		fail("last round");
	delta += st.delta;
	copy += st.copy;
	if (pump)
		close(fd);
	lm_pump_end(pump);
	close(conn[0]);
	pthread_join(t, NULL);
	close(conn[1]);
	if (lm_source_kill(s, &e))
		fail("kill");
	lm_source_reaped(s);
	lm_source_close(s);
	printf("%llu differences, %llu copies, %ld bytes\n",
	       (unsigned long long)delta, (unsigned long long)copy, ftell(file));
}

static void destination(const struct lm_compress *c)
{
	struct lm_restore_opts o = { 0 };
	struct lm_pump *pump = NULL;
	struct lm_restorer *r;
	struct lm_record rec;
	struct lm_in in;
	pthread_t t;
	int conn[2], fd;

	rewind(file);
	if (lm_restorer_new(&r, &o, &e))
		fail("restorer");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) ||
	    pthread_create(&t, NULL, play, &conn[0]))
		err(1, "socketpair");
	fd = conn[1];
	if (c->how != LM_COMPRESS_NONE && lm_pump_in(conn[1], &pump, &fd, &e))
		fail("pump");
	lm_in_init(&in, fd);
	while (!lm_restorer_ready(r))
		if (lm_in_next(&in, &rec, &e) != 1 ||
		    lm_restorer_record(r, &in, &rec, &e))
			fail("stream");
	if (lm_restore_commit(r, &e))
		fail("commit");
	lm_restorer_free(r);
}

int main(int argc, char **argv)
{
	struct lm_compress c;

	if (argc != 4 || lm_compress_parse(argv[3], &c, &e))
		errx(1, "usage: replay TARGET ROUNDS HOW");
	file = tmpfile();
	if (!file)
		err(1, "tmpfile");
	source(argv[1], atoi(argv[2]), &c);
	destination(&c);
	return 0;
}
