// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * content MB HOW: when the benchmark asks for it, every page of MB is written
 * in one way:
 *	same	the bytes that it has
 *	granule	64 bytes of it change
 *	zero	it becomes zeros
 *	all	all its bytes change
 * HOW "copies": 8 processes have the same MB, each by itself; nothing is done.
 */
#include <string.h>
#include <unistd.h>

#include "pulse.h"

static char *mem;
static size_t len;
static const char *how;

static void act(uint64_t nr)
{
	for (size_t i = 0; i < len; i += 4096) {
		volatile uint64_t *w = (uint64_t *)(mem + i);

		if (!strcmp(how, "same"))
			*w = *w;
		else if (!strcmp(how, "granule"))
			fill(mem + i + 64 * (i / 4096 % 64), 64, (nr << 40) + i);
		else if (!strcmp(how, "zero"))
			memset(mem + i, 0, 4096);
		else if (!strcmp(how, "all"))
			fill(mem + i, 4096, (nr << 40) + i);
	}
}

/* Children write one byte when they have their copy, and stay. */
static void copies(int n, int ready)
{
	while (n--) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			for (size_t i = 0; i < len; i += 4096)
				fill(mem + i, 4096, i + 1);
			if (write(ready, "", 1) != 1)
				_exit(1);
			close(ready);
			for (;;)
				pause();
		}
	}
}

int main(int argc, char **argv)
{
	int ready[2];
	char c[7];

	len = strtoul(argv[1], NULL, 0) << 20;
	how = argv[2];
	mem = memory(len);
	madvise(mem, len, MADV_NOHUGEPAGE);
	if (!strcmp(how, "copies")) {
		if (pipe(ready))
			err(1, "pipe");
		copies(sizeof(c), ready[1]);
		for (size_t i = 0; i < sizeof(c); i++)
			if (read(ready[0], &c[i], 1) != 1)
				err(1, "a child died");
		close(ready[0]);
		close(ready[1]);
	}
	for (size_t i = 0; i < len; i += 4096)
		fill(mem + i, 4096, i + 1);
	pulse_init();
	pulse_run(act);
}
