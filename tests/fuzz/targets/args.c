// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line: words separated by newlines; parsed and completed, not run. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int split(char *s, char **argv, int max)
{
	int n = 0;

	while (n < max && s) {
		argv[n++] = s;
		s = strchr(s, '\n');
		if (s)
			*s++ = 0;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* what the last input's options point to must stay until the next */
	static char *words;
	char *argv[33] = { 0 }, name[LIVEMIG_NAME_MAX + 1];
	struct lm_error e = { 0 };
	const struct cmd *c;
	int argc, skip, n;

	if (size > 4096)
		return 0;
	if (!freopen("/dev/null", "w", stdout))
		abort();
	free(words);
	words = malloc(size + 1);
	memcpy(words, data, size);
	words[size] = 0;
	argc = split(words, argv, 32);
	for (int i = 0; i < argc; i++)
		lm_target_name(argv[i], name, sizeof(name));
	complete(argc, argv);
	c = cmd_find(argc, argv, &skip);
	n = opts_parse(c, argc - skip, argv + skip, &e);
	if (n > argc || (n < 0 && e.code != LM_USAGE))
		abort();
	if (c && n >= 0)
		help_cmd(c);
	return 0;
}
