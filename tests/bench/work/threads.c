// SPDX-License-Identifier: GPL-2.0-or-later
/* threads N: N threads, all but the pulse asleep */
#include <pthread.h>
#include <unistd.h>

#include "pulse.h"

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);
	pthread_t t;

	pulse_init();
	for (int i = 1; i < n; i++)
		if (pthread_create(&t, NULL, sleeper, NULL))
			errx(1, "pthread_create");
	pulse_run(NULL);
}
