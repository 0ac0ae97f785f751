// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stddef.h>

#include "cmd.h"

void ignore_signals(void)
{
	static const int sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTOU };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++)
		signal(sigs[i], SIG_IGN);
}
