// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that counts in a file; so that it runs is something to be seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	char tmp[300];
	char *mem = NULL;

	if (argc > 2 && !strcmp(argv[2], "fanotify"))
		fanotify_init(FAN_CLASS_NOTIF, 0);
	if (argc > 2 && !strcmp(argv[2], "packet"))
		socket(AF_PACKET, SOCK_PACKET, 0);	/* (the old type) */
	if (argc > 2 && atoi(argv[2]))
		mem = malloc(atoi(argv[2]) << 20);
	for (int i = 1; mem && i < (atoi(argv[2]) << 20); i += 64)
		mem[i] = i >> 6 | 1;
	if (argc > 2 && !strcmp(argv[2], "tree") && !fork() && !fork())
		argv[1] = argv[3];
	/* (a file of its own: of a tree several write here) */
	snprintf(tmp, sizeof(tmp), "%s.%d.tmp", argv[1], getpid());
	for (unsigned long n = 0;; n++) {
		FILE *f = fopen(tmp, "w");

		if (f) {
			fprintf(f, "%lu\n", n);
			fclose(f);
			rename(tmp, argv[1]);
		}
		usleep(10000);
	}
}
