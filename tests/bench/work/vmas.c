// SPDX-License-Identifier: GPL-2.0-or-later
/* vmas N: N mappings that cannot be merged, a page each */
#include "pulse.h"

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);
	char *p;

	pulse_init();
	p = memory(n * 4096UL);
	for (int i = 0; i < n; i++) {
		fill(p + i * 4096UL, 4096, i + 1);
		if (i & 1 && mprotect(p + i * 4096UL, 4096, PROT_READ))
			err(1, "mapping %d", i);
	}
	pulse_run(NULL);
}
