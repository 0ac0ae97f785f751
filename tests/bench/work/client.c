// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client ADDRESS PORT KEYS BYTES MS: a client of a Redis: one SET every MS, and a
 * note of each reply that was late. What a user of a container notices of a stop.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pulse.h"

int main(int argc, char **argv)
{
	struct sched_param fifo = { .sched_priority = 20 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, keys = atoi(argv[3]);
	size_t bytes = strtoul(argv[4], NULL, 0), head;
	uint64_t due, now, ms = strtoul(argv[5], NULL, 0);
	char *buf = malloc(bytes + 256), reply[64];

	to.sin_port = htons(atoi(argv[2]));
	inet_pton(AF_INET, argv[1], &to.sin_addr);
	if (connect(s, (void *)&to, sizeof(to)))
		err(1, "connect");
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	pulse_init();
	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		err(1, "SCHED_FIFO");
	due = now_ns();
	pulse->magic = PULSE_MAGIC;
	for (uint64_t n = 1;; n++) {
		head = sprintf(buf, "*3\r\n$3\r\nSET\r\n$11\r\nkey:%07d\r\n$%zu\r\n",
			       (int)(n * 7919 % keys), bytes);
		fill(buf + head, bytes & ~7UL, n);
		memcpy(buf + head + bytes, "\r\n", 2);
		due += ms * 1000000;
		pulse_sleep_until(due);
		if (write(s, buf, head + bytes + 2) != (ssize_t)(head + bytes + 2))
			err(1, "write");
		if (read(s, reply, sizeof(reply)) < 5 || memcmp(reply, "+OK\r\n", 5))
			errx(1, "not OK: %.20s", reply);
		now = now_ns();
		if (now - due >= PULSE_LATE_NS) {
			pulse->note[pulse->nr % PULSE_NOTES].at = now;
			pulse->note[pulse->nr % PULSE_NOTES].late = now - due;
			pulse->nr++;
		}
		pulse->last = now;
		pulse->beats++;
		if (due < now)
			due = now;
	}
}
