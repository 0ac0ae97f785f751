// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An agent, or with HOST a client, that is not as it should be: in its HELLO it has
 * another protocol ("version"), another architecture ("arch"), fewer CPU features than
 * the client or more than the agent ("cpu"), wants encryption ("tls"), or can do nothing
 * special ("old"); or it talks nonsense ("noise").
 *
 *	fake_peer KIND PORT|HOST:PORT
 *
 * What the other side says to that is on stderr, its code is the exit status.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate/wire.h"

static int take_client(struct lm_peer *p, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1))
		return -1;
	lm_peer_init(p, accept(fd, NULL, NULL));
	return 0;
}

static int say_hello(struct lm_peer *p, const char *kind, bool client, struct lm_error *e)
{
	struct lm_buf b = { 0 };

	lm_put_u32(&b, LM_HELLO_PROTOCOL, LM_WIRE_PROTOCOL + !strcmp(kind, "version"));
	lm_put_str(&b, LM_HELLO_VERSION, "9.9.9");
	lm_put_str(&b, LM_HELLO_SECURITY, strcmp(kind, "tls") ? "insecure" : "tls");
	lm_put_str(&b, LM_HELLO_HOST, "fake");
	lm_put_str(&b, LM_HELLO_ARCH, strcmp(kind, "arch") ? "x86_64" : "riscv64");
	lm_put_u64(&b, LM_HELLO_XFEATURES, (strcmp(kind, "cpu") == 0) == client ? ~0ULL : 1);
	return lm_out_buf(&p->out, LM_REC_HELLO, &b, e);
}

int main(int argc, char **argv)
{
	struct lm_error e = { 0 };
	struct lm_record r;
	struct lm_peer p;
	const char *kind;
	bool client;

	if (argc != 3)
		return 1;
	kind = argv[1];
	client = strchr(argv[2], ':');
	if (client ? lm_peer_connect(&p, argv[2], 60000, &e) : take_client(&p, atoi(argv[2])))
		goto out;
	if (!strcmp(kind, "noise")) {
		char c;

		if (write(p.fd, "HTTP/1.1 400 Bad Request\r\n\r\n padding to 32 bytes", 49) < 0)
			return 1;
		while (read(p.fd, &c, 1) > 0)	/* until the other side has had enough */
			;
		return 0;
	}
	if ((client || !lm_peer_take(&p, &r, 60000, &e)) && !say_hello(&p, kind, client, &e))
		lm_peer_take(&p, &r, 60000, &e);
	if (!client)
		return 0;
out:
	fprintf(stderr, "fake_peer: %s\n", e.msg);
	return e.code;
}
