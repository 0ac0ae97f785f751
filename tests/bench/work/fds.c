// SPDX-License-Identifier: GPL-2.0-or-later
/* fds N FILE: that file opened N times, each with a position of its own */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pulse.h"

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);
	struct rlimit lim = { n + 4096, n + 4096 };

	pulse_init();
	if (setrlimit(RLIMIT_NOFILE, &lim))
		err(1, "RLIMIT_NOFILE");
	for (int i = 0; i < n; i++) {
		int fd = open(argv[2], O_RDWR);

		if (fd < 0 || lseek(fd, i, SEEK_SET) != i)
			err(1, "%s", argv[2]);
	}
	pulse_run(NULL);
}
