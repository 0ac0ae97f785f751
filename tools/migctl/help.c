// SPDX-License-Identifier: GPL-2.0-or-later
/* --help, out of what the verbs say about themselves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

static void help_opts(const struct opt *o)
{
	for (; o && o->name; o++) {
		char left[64], letter[8] = "   ";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c,", o->letter);
		snprintf(left, sizeof(left), "%s --%s%s%s", letter, o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-24s %s", left, o->help);
		if (o->type == OPT_WORD)
			printf(" (%s)", o->words);
		putchar('\n');
	}
}

void help_cmd(const struct cmd *c)
{
	printf("migctl %s - %s\n\nusage: migctl %s%s%s%s\n\n", c->name, c->summary,
	       c->name, *c->args ? " " : "", c->args,
	       c->opts ? " [options]" : "");
	if (c->help)
		printf("%s\n", c->help);
	help_opts(c->opts);
	help_opts(global_opts);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct cmd *const *)a)->name,
		      (*(const struct cmd *const *)b)->name);
}

static bool in_group(const struct cmd *c, const char *prefix)
{
	size_t len = strlen(prefix);

	return !len || (!strncmp(c->name, prefix, len) && c->name[len] == ' ');
}

bool help_group(const char *prefix)
{
	size_t n = 0, max = __stop_migctl_cmds - __start_migctl_cmds;
	const struct cmd **all = calloc(max, sizeof(*all));

	if (!all)
		return false;
	for_each_cmd(p)
		if (in_group(*p, prefix))
			all[n++] = *p;
	qsort(all, n, sizeof(*all), by_name);
	if (n && !*prefix)
		puts("migctl - move running containers between hosts\n\n"
		     "usage: migctl COMMAND [ARGUMENTS] [options]\n");
	else if (n)
		printf("usage: migctl %s COMMAND [ARGUMENTS] [options]\n\n", prefix);
	for (size_t i = 0; i < n; i++)
		printf("  %-14s %s\n", all[i]->name, all[i]->summary);
	free(all);
	if (!n)
		return false;
	puts("\nTARGET is a cgroup (/sys/fs/cgroup/... or cgroup:NAME), for dump and\nmigrate also pid:N.\n"
	     "migctl COMMAND --help tells more. Options of every command:\n");
	help_opts(global_opts);
	puts("\nexit status: 0 done, 1 wrong usage, 2 refused (nothing was changed),\n"
	     "3 failed (the source runs on), 4 needs an operator.");
	return true;
}
