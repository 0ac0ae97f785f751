// SPDX-License-Identifier: GPL-2.0-or-later
/* tree N KB: N processes, each with that much memory of its own */
#include <unistd.h>

#include "pulse.h"

static void own(size_t len, uint64_t seed)
{
	char *p = memory(len);

	for (size_t i = 0; i < len; i += 4096)
		fill(p + i, 4096, seed + i);
}

int main(int argc, char **argv)
{
	int n = atoi(argv[1]), ready[2];
	size_t len = strtoul(argv[2], NULL, 0) << 10;
	char c;

	if (pipe(ready))
		err(1, "pipe");
	for (int i = 1; i < n; i++) {
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			own(len, (uint64_t)i << 32);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			close(ready[0]);
			close(ready[1]);
			for (;;)
				pause();
		}
	}
	close(ready[1]);
	pulse_init();
	own(len, 0);
	for (int i = 1; i < n; i++)
		if (read(ready[0], &c, 1) != 1)
			errx(1, "a child died");
	close(ready[0]);
	pulse_run(NULL);
}
