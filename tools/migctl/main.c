// SPDX-License-Identifier: GPL-2.0-or-later
/* migctl: choose the verb, run it, say what went wrong. */
#include <stdio.h>
#include <string.h>
#include <linux/livemig.h>

#include "cmd.h"
#include "out.h"

/* "migctl --json status" and "migctl status --json" are the same. */
static int leading_options(int argc, char **argv)
{
	int n = 0;

	while (n < argc && argv[n][0] == '-' && argv[n][1] && strcmp(argv[n], "--"))
		n++;
	return n;
}

static int run(int argc, char **argv, struct lm_error *e)
{
	int words, n, first = leading_options(argc, argv);
	const struct cmd *c;

	if (opts_parse(NULL, first, argv, e) < 0)
		return -1;
	argc -= first;
	argv += first;
	c = cmd_find(argc, argv, &words);
	n = opts_parse(c, argc - words, argv + words, e);
	if (opt_version)
		return out_version();
	if (opt_help) {
		if (c)
			help_cmd(c);
		else if (!help_group(n > 0 ? argv[0] : ""))
			return lm_fail(e, LM_USAGE, "unknown command '%s'", argv[0]);
		return 0;
	}
	if (n < 0)
		return c ? lm_prefix(e, "%s", c->name) : -1;
	if (!n && !c)
		return lm_fail(e, LM_USAGE, "no command given");
	if (!c)
		return lm_fail(e, LM_USAGE, "unknown command '%s%s%s'", argv[0],
			       n > 1 ? " " : "", n > 1 ? argv[1] : "");
	if (n < c->min_args || n > c->max_args)
		return lm_fail(e, LM_USAGE, "usage: migctl %s %s", c->name, c->args);
	return c->run(n, argv + words, e);
}

int main(int argc, char **argv)
{
	struct lm_error e = { 0 };

	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return complete(argc - 2, argv + 2);
	if (run(argc - 1, argv + 1, &e) && !e.code)
		lm_fail(&e, LM_FAILED, "failed");
	return out_end(&e);
}
