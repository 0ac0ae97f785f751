// SPDX-License-Identifier: GPL-2.0-or-later
/* A program that writes to 16 MB as fast as it can. */
#include <string.h>
#include <sys/mman.h>

#define SIZE	(16UL << 20)

int main(void)
{
	char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (unsigned int i = 1; p != MAP_FAILED; i++)
		for (size_t at = 0; at < SIZE; at += 4096)
			memset(p + at, i, 64);
	return 1;
}
