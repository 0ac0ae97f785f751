// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rounds CGROUP FILE|-|=: tracks a container, and for every line on standard input
 * makes a round into FILE (a new one each time), one line of JSON each. "-": as in
 * a migration, to a socket whose reader knows PATCHES and throws all away. "=": the
 * same without tracking: all is read and sent. It never stops a task. At the end of
 * input it ends tracking.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nl.h"
#include "target.h"

static void print(const struct lm_stats *s)
{
	printf("{\"present\": %llu, \"dirty\": %llu, \"data\": %llu, \"zero\": %llu, "
	       "\"same\": %llu, \"hole\": %llu, \"bytes\": %llu, \"ns_walk\": %llu, "
	       "\"ns_flush\": %llu, \"ns_write\": %llu, \"ns_total\": %llu, "
	       "\"ns_locked\": %llu}\n",
	       (unsigned long long)s->present, (unsigned long long)s->dirty,
	       (unsigned long long)s->data, (unsigned long long)s->zero,
	       (unsigned long long)s->same, (unsigned long long)s->hole,
	       (unsigned long long)s->bytes, (unsigned long long)s->ns_walk,
	       (unsigned long long)s->ns_flush, (unsigned long long)s->ns_write,
	       (unsigned long long)s->ns_total, (unsigned long long)s->ns_locked);
	fflush(stdout);
}

static void *drain(void *fd)
{
	static char buf[1 << 16];

	while (read(*(int *)fd, buf, sizeof(buf)) > 0)
		;
	return NULL;
}

static void to_socket(struct lm_nl *nl, uint32_t id, uint32_t flags, struct lm_stats *st)
{
	struct lm_error e = { 0 };
	pthread_t t;
	int end[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, end) ||
	    pthread_create(&t, NULL, drain, &end[0]))
		err(1, "socketpair");
	if (lm_nl_pages(nl, id, end[1], flags, st, &e))
		errx(1, "%s", e.msg);
	close(end[1]);
	pthread_join(t, NULL);
	close(end[0]);
}

static void to_file(struct lm_nl *nl, uint32_t id, const char *file,
		    struct lm_stats *st)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct lm_error e = { 0 };

	if (fd < 0)
		err(1, "%s", file);
	if (lm_nl_pages(nl, id, fd, 0, st, &e))
		errx(1, "%s", e.msg);
	close(fd);
}

int main(int argc, char **argv)
{
	struct lm_error e = { 0 };
	struct lm_target t;
	struct lm_stats st;
	struct lm_nl *nl;
	uint32_t id;
	char line[16];

	if (argc != 3)
		errx(1, "usage: rounds CGROUP FILE|-|=");
	if (lm_nl_open(&nl, &e) || lm_target_parse(argv[1], &t, &e) ||
	    lm_nl_session_new(nl, t.fd, t.name, 0, &id, &e) ||
	    (strcmp(argv[2], "=") && lm_nl_track(nl, id, true, &e)))
		errx(1, "%s", e.msg);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(argv[2], "-"))
			to_socket(nl, id, LIVEMIG_PAGES_F_PATCHES | LIVEMIG_PAGES_F_HOT, &st);
		else if (!strcmp(argv[2], "="))
			to_socket(nl, id, 0, &st);
		else
			to_file(nl, id, argv[2], &st);
		print(&st);
	}
	lm_nl_session_del(nl, id, NULL);
	lm_nl_close(nl);
	lm_target_close(&t);
	return 0;
}
