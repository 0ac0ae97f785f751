// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pass NETNS FILE: stops a network namespace as a migration does, until FILE is
 * there; passes what came meanwhile through a connection, as its records; lets
 * the namespace go on, and delivers them.
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migrate/wire.h"
#include "net/netns.h"
#include "net/packets.h"

static struct lm_error e;

static void fail(const char *what)
{
	errx(1, "%s: %s", what, e.msg);
}

struct sender {
	struct lm_peer peer;
	struct lm_packets *packets;
};

static void *sender(void *arg)
{
	struct sender *s = arg;

	lm_packets_each(s->packets, lm_peer_packet, &s->peer);
	shutdown(s->peer.fd, SHUT_WR);
	return NULL;
}

int main(int argc, char **argv)
{
	const struct nlattr *tb[LM_PACKET_MAX + 1];
	struct sender s;
	struct lm_packets *way;
	struct lm_netlock *lock;
	struct lm_record rec;
	struct lm_peer peer;
	int ns, ends[2], n = 0;
	pthread_t t;

	ns = argc == 3 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (ns < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		errx(1, "usage: pass NETNS FILE");
	if (lm_packets_open(ns, &s.packets, &e) || lm_packets_open(ns, &way, &e))
		fail("packets");
	lm_packets_keep(s.packets);
	if (lm_netlock(ns, false, &lock, &e))
		fail("lock");
	printf("locked\n");
	fflush(stdout);
	while (access(argv[2], F_OK))
		usleep(10000);
	lm_peer_init(&s.peer, ends[0]);
	lm_peer_init(&peer, ends[1]);
	/* In this order: what comes in between comes twice, not never. */
	lm_netunlock(lock);
	lm_packets_stop(s.packets);
	pthread_create(&t, NULL, sender, &s);
	while (!lm_peer_take(&peer, &rec, 60000, &e)) {
		if (rec.type != LM_REC_PACKET ||
		    lm_parse(rec.head, rec.head_len, tb, LM_PACKET_MAX, &e))
			fail("record");
		lm_packets_deliver(lm_str(tb[LM_PACKET_DEV]),
				   lm_data(tb[LM_PACKET_BYTES]),
				   lm_len(tb[LM_PACKET_BYTES]), way);
		n++;
	}
	pthread_join(t, NULL);
	printf("%d packets\n", n);
	lm_packets_close(s.packets);
	lm_packets_close(way);
	return 0;
}
