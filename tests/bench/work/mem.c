// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mem MB small|huge|text: that much memory, filled once, in pages of that kind;
 * text: in small ones, with words, which compress as logs and JSON do.
 */
#include <stdio.h>
#include <string.h>

#include "pulse.h"

#define HUGE_PAGE (2UL << 20)

/* Each line ends with a number of its own. */
static void fill_text(char *p, size_t len, uint64_t seed)
{
	static const char *const word[16] = {
		"error", "warning", "GET", "/index.html", "connection", "from", "user",
		"\"id\": ", "timeout", "after", "status", "200", "bytes", "value", "key", "of",
	};
	size_t at = 0;

	while (at + 256 < len) {
		uint64_t x = seed++ * 0x9e3779b97f4a7c15ULL;

		for (int i = 0; i < 8; i++, x = x >> 4 | x << 60)
			at += sprintf(p + at, "%s ", word[x & 15]);
		at += sprintf(p + at, "%llu\n", (unsigned long long)x >> 32);
	}
}

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
		(strcmp(argv[2], "text") ? fill : fill_text)(p + i, 4096, i + 1);
	pulse_run(NULL);
}
