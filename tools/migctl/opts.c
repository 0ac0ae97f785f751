// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line: which verb, which options. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "out.h"

bool opt_help, opt_version;

const struct opt global_opts[] = {
	{ "json", 0, OPT_FLAG, NULL, "print JSON", &out_json },
	{ "help", 'h', OPT_FLAG, NULL, "print this text", &opt_help },
	{ "version", 'V', OPT_FLAG, NULL, "print the version", &opt_version },
	{ 0 }
};

const struct cmd *cmd_find(int argc, char **argv, int *words)
{
	char two[64];

	*words = 2;
	if (argc > 1 && snprintf(two, sizeof(two), "%s %s", argv[0], argv[1]) <
			(int)sizeof(two))
		for_each_cmd(p)
			if (!strcmp((*p)->name, two))
				return *p;
	*words = 1;
	if (argc > 0)
		for_each_cmd(p)
			if (!strcmp((*p)->name, argv[0]))
				return *p;
	*words = 0;
	return NULL;
}

static const struct opt *find_in(const struct opt *o, const char *name, size_t len,
				 char letter)
{
	for (; o && o->name; o++)
		if (letter ? o->letter == letter :
		    strlen(o->name) == len && !memcmp(o->name, name, len))
			return o;
	return NULL;
}

static const struct opt *find(const struct cmd *c, const char *name, size_t len,
			      char letter)
{
	const struct opt *o = c ? find_in(c->opts, name, len, letter) : NULL;

	return o ? o : find_in(global_opts, name, len, letter);
}

static bool is_word(const char *words, const char *s)
{
	size_t len = strlen(s);

	if (!len || strchr(s, ' '))
		return false;
	for (const char *p = words; (p = strstr(p, s)); p++)
		if ((p == words || p[-1] == ' ') && (!p[len] || p[len] == ' '))
			return true;
	return false;
}

static int set_value(const struct opt *o, const char *v, struct lm_error *e)
{
	unsigned long n;
	char *end;

	switch (o->type) {
	case OPT_FLAG:
		*(bool *)o->to = true;
		return 0;
	case OPT_STR:
		if (!*v)
			return lm_fail(e, LM_USAGE, "--%s: %s is empty", o->name, o->arg);
		*(const char **)o->to = v;
		return 0;
	case OPT_WORD:
		if (!is_word(o->words, v))
			return lm_fail(e, LM_USAGE, "--%s %s: must be one of: %s",
				       o->name, v, o->words);
		*(const char **)o->to = v;
		return 0;
	case OPT_U32:
		errno = 0;
		n = strtoul(v, &end, 10);
		if (!isdigit((unsigned char)*v) || *end || errno || n < o->min ||
		    n > o->max)
			return lm_fail(e, LM_USAGE, "--%s %s: must be a number from %u to %u",
				       o->name, v, o->min, o->max);
		*(uint32_t *)o->to = n;
		return 0;
	}
	return -1;
}

/* The option argv[i] with its value, which may be argv[i + 1]. Return: how many
 * words that were, or -1.
 */
static int take(const struct cmd *c, char **argv, int left, struct lm_error *e)
{
	const char *word = argv[0], *value = NULL;
	const struct opt *o;
	size_t len;

	if (word[1] == '-') {
		len = strcspn(word + 2, "=");
		o = find(c, word + 2, len, 0);
		if (word[2 + len])
			value = word + 2 + len + 1;
	} else {
		o = find(c, NULL, 0, word[1]);
		if (word[2])
			value = word + 2;
	}
	if (!o)
		return lm_fail(e, LM_USAGE, "unknown option %s", word);
	if (o->type == OPT_FLAG && value)
		return lm_fail(e, LM_USAGE, "%s: --%s takes no value", word, o->name);
	if (o->type == OPT_FLAG || value)
		return set_value(o, value, e) ? -1 : 1;
	if (left < 2)
		return lm_fail(e, LM_USAGE, "%s needs %s", word, o->arg);
	return set_value(o, argv[1], e) ? -1 : 2;
}

int opts_parse(const struct cmd *c, int argc, char **argv, struct lm_error *e)
{
	int n = 0, i = 0;

	while (i < argc) {
		int words;

		if (!strcmp(argv[i], "--")) {
			i++;
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			argv[n++] = argv[i++];
			continue;
		}
		words = take(c, argv + i, argc - i, e);
		if (words < 0)
			return -1;
		i += words;
	}
	while (i < argc)
		argv[n++] = argv[i++];
	return n;
}
