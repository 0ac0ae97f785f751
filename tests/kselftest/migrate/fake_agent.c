// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An agent that is not as it should be: it answers HELLO with another protocol
 * ("version"), another architecture ("arch"), fewer CPU features ("cpu"), wants
 * encryption ("tls"), talks nonsense ("noise"), or can do nothing special ("old").
 *
 *	fake_agent KIND PORT
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate/wire.h"

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct lm_error e = { 0 };
	struct lm_buf b = { 0 };
	struct lm_record r;
	struct lm_peer p;
	const char *kind;
	int fd, on = 1;

	if (argc != 3)
		return 1;
	kind = argv[1];
	a.sin_port = htons(atoi(argv[2]));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (void *)&a, sizeof(a)) || listen(fd, 1))
		return 1;
	lm_peer_init(&p, accept(fd, NULL, NULL));
	if (!strcmp(kind, "noise")) {
		if (write(p.fd, "HTTP/1.1 400 Bad Request\r\n\r\n padding to 32 bytes", 49) < 0)
			return 1;
		sleep(1);
		return 0;
	}
	if (lm_peer_take(&p, &r, 10000, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	lm_put_u32(&b, LM_HELLO_PROTOCOL,
		   LM_WIRE_PROTOCOL + !strcmp(kind, "version"));
	lm_put_str(&b, LM_HELLO_VERSION, "9.9.9");
	lm_put_str(&b, LM_HELLO_SECURITY, strcmp(kind, "tls") ? "insecure" : "tls");
	lm_put_str(&b, LM_HELLO_HOST, "fake");
	lm_put_str(&b, LM_HELLO_ARCH, strcmp(kind, "arch") ? "x86_64" : "riscv64");
	lm_put_u64(&b, LM_HELLO_XFEATURES, strcmp(kind, "cpu") ? ~0ULL : 1);
	lm_out_buf(&p.out, LM_REC_HELLO, &b, &e);
	lm_peer_take(&p, &r, 10000, &e);
	return 0;
}
