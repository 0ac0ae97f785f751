// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An agent that takes rounds and makes nothing of them.
 *
 *	sink PORT CGROUP STALL
 *
 * Each round is a line: what cpu.max of the cgroup is when it has come. A limit in
 * the last round is one, too. It stalls after the first round with another value than
 * at first if STALL is 1; otherwise the connection is closed after the last round.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate/wire.h"
#include "textfile.h"

#define WAIT_MS	600000

static struct lm_error err;

static void hello(struct lm_peer *p)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LM_HELLO_PROTOCOL, LM_WIRE_PROTOCOL);
	lm_put_str(&b, LM_HELLO_VERSION, "9.9.9");
	lm_put_str(&b, LM_HELLO_SECURITY, "insecure");
	lm_put_str(&b, LM_HELLO_HOST, "sink");
	lm_put_str(&b, LM_HELLO_ARCH, "x86_64");
	lm_put_u64(&b, LM_HELLO_XFEATURES, ~0ULL);
	lm_out_buf(&p->out, LM_REC_HELLO, &b, &err);
}

static void show_limits(const struct lm_record *r)
{
	for (const struct nlattr *a = NULL; (a = lm_next(r->head, r->head_len, a));)
		if (lm_type(a) == LM_CGROUP_VALUE && !strncmp(lm_str(a), "cpu.max=", 8))
			printf("last: %s\n", lm_str(a));
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	char first[64] = "", now[64];
	struct lm_record r;
	struct lm_peer p;
	bool final = false;
	int fd, on = 1;

	if (argc != 4)
		return 1;
	setlinebuf(stdout);
	a.sin_port = htons(atoi(argv[1]));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1))
		return 1;
	puts("listening");
	lm_peer_init(&p, accept(fd, NULL, NULL));
	if (lm_peer_take(&p, &r, WAIT_MS, &err))
		goto out;
	hello(&p);
	p.in.timeout_ms = WAIT_MS;
	while (lm_in_next(&p.in, &r, &err) > 0) {
		switch (r.type) {
		case LM_REC_OFFER:
			lm_peer_say(&p, LM_REC_ACCEPT, NULL, &err);
			break;
		case LM_REC_ROUND: {
			const struct nlattr *tb[LM_ROUND_MAX + 1];

			lm_parse(r.head, r.head_len, tb, LM_ROUND_MAX, &err);
			final = tb[LM_ROUND_FINAL];
			break;
		}
		case LM_REC_CGROUP:
			if (final)
				show_limits(&r);
			break;
		case LM_REC_ROUND_END:
			if (lm_text_read(argv[2], "cpu.max", now, sizeof(now)))
				strcpy(now, "none");
			printf("%s: %s\n", final ? "last" : "round", now);
			if (!*first)
				strcpy(first, now);
			if (atoi(argv[3]) && strcmp(first, now))
				pause();
			if (!final)
				lm_peer_say(&p, LM_REC_ROUND_OK, NULL, &err);
			break;
		case LM_REC_END:
			return 0;
		}
	}
out:
	fprintf(stderr, "%s\n", err.msg);
	return 1;
}
