// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shell completion: `migctl --complete WORD...` prints the candidates for the
 * last word, one a line, "@file" or "@dir" where the shell knows better.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "migrate/journal.h"
#include "target.h"

#define MAX_DEPTH	4

static void cgroups(const char *dir, const char *below, int depth)
{
	DIR *d = opendir(dir);
	const struct dirent *ent;

	while (d && (ent = readdir(d))) {
		char path[PATH_MAX], name[PATH_MAX];

		if (ent->d_type != DT_DIR || ent->d_name[0] == '.')
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, ent->d_name) >= PATH_MAX ||
		    snprintf(name, sizeof(name), "%s%s%s", below, *below ? "/" : "",
			     ent->d_name) >= PATH_MAX)
			continue;
		printf("cgroup:%s\n", name);
		if (depth < MAX_DEPTH)
			cgroups(path, name, depth + 1);
	}
	if (d)
		closedir(d);
}

/* Migrations from here that are not over. */
static void migrations(void)
{
	uint8_t ids[64][16];
	int n = lm_journal_list("source", "", ids, 64);
	char text[33];

	for (int i = 0; i < n; i++) {
		lm_id_text(ids[i], text);
		puts(text);
	}
}

static void devices(void)
{
	struct if_nameindex *all = if_nameindex();

	for (struct if_nameindex *i = all; i && i->if_name; i++)
		puts(i->if_name);
	if (all)
		if_freenameindex(all);
}

/* Candidates for an argument of this name. */
static void values(const struct cmd *c, const char *arg)
{
	char mount[PATH_MAX];

	if (!strcmp(arg, "TARGET")) {
		if (c->pids)
			puts("pid:");
		if (!lm_cgroup_mount(mount, sizeof(mount), NULL))
			cgroups(mount, "", 1);
	} else if (!strcmp(arg, "IMAGE") || !strcmp(arg, "FILE")) {
		puts("@file");
	} else if (!strcmp(arg, "DIR")) {
		puts("@dir");
	} else if (!strcmp(arg, "ID")) {
		migrations();
	} else if (!strcmp(arg, "DEV")) {
		devices();
	} else if (!strcmp(arg, "HOW")) {
		puts("none\nlz4\nzstd\nauto");
	}
}

/* The @n-th capitalised name in the arguments of @c. */
static void argument(const struct cmd *c, int n)
{
	const char *args = c->args;
	char name[32];

	while (*args) {
		size_t len = 0;

		while (*args && !isupper((unsigned char)*args))
			args++;
		while (isupper((unsigned char)args[len]))
			len++;
		if (len && !n--) {
			snprintf(name, sizeof(name), "%.*s", (int)len, args);
			return values(c, name);
		}
		args += len;
	}
}

static void options(const struct opt *o)
{
	for (; o && o->name; o++)
		printf("--%s\n", o->name);
}

static void options_all(const struct cmd *c)
{
	options(c->opts);
	options(global_opts);
}

/* The option that wants @word as its next, or NULL. */
static const struct opt *wants_value(const struct cmd *c, const char *word)
{
	for (const struct opt *o = c->opts; o && o->name; o++) {
		bool is = word[0] == '-' && word[1] == '-' ? !strcmp(word + 2, o->name) :
			  word[0] == '-' && word[1] && word[1] == o->letter && !word[2];

		if (is && o->type != OPT_FLAG)
			return o;
	}
	return NULL;
}

static void verbs(int argc, char **argv)
{
	for_each_cmd(p) {
		const char *name = (*p)->name;
		size_t len = strcspn(name, " ");

		if (argc == 1)
			printf("%.*s\n", (int)len, name);
		else if (argc == 2 && name[len] && strlen(argv[0]) == len &&
			 !memcmp(name, argv[0], len))
			puts(name + len + 1);
	}
}

int complete(int argc, char **argv)
{
	const struct opt *o = NULL;
	bool recover = false;
	const struct cmd *c;
	int words, n = 0;

	while (argc > 1 && argv[0][0] == '-') {	/* global options may come first */
		argc--;
		argv++;
	}
	if (argc < 1)
		return LM_USAGE;
	c = cmd_find(argc - 1, argv, &words);
	if (!c) {
		verbs(argc, argv);
		if (argc == 1)
			options(global_opts);
		return 0;
	}
	for (int i = words; i < argc - 1; i++) {
		recover |= !strcmp(argv[i], "--recover");
		if (!strcmp(argv[i], "="))	/* bash splits --leave=frozen there */
			continue;
		if (o)
			o = NULL;
		else if (!(o = wants_value(c, argv[i])) && argv[i][0] != '-')
			n++;
	}
	if (o && o->type == OPT_WORD)
		for (const char *p = o->words; *p; p++)
			putchar(*p == ' ' ? '\n' : *p);
	else if (o)
		values(c, o->arg);
	else if (argv[argc - 1][0] == '-')
		options_all(c);
	else if (recover)
		values(c, n ? "" : "ID");
	else
		argument(c, n);
	return 0;
}
