// SPDX-License-Identifier: GPL-2.0-or-later
/* tiny: a process that has nothing but its pulse */
#include "pulse.h"

int main(void)
{
	pulse_init();
	pulse_run(NULL);
}
