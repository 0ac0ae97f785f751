// SPDX-License-Identifier: GPL-2.0-or-later
/* mem MB small|huge: that much memory, filled once, in pages of that kind */
#include <string.h>

#include "pulse.h"

#define HUGE_PAGE (2UL << 20)

int main(int argc, char **argv)
{
	size_t len = strtoul(argv[1], NULL, 0) << 20;
	char *p;

	pulse_init();
	p = memory(len + HUGE_PAGE);
	p = (char *)(((uintptr_t)p + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
	if (madvise(p, len, strcmp(argv[2], "huge") ? MADV_NOHUGEPAGE : MADV_HUGEPAGE))
		err(1, "madvise");
	for (size_t i = 0; i < len; i += 4096)
		fill(p + i, 4096, i + 1);
	pulse_run(NULL);
}
