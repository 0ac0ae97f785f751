/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A verb of migctl: one file with one MIGCTL_CMD(), which registers itself.
 * Help, argument checks and shell completion come out of what it says here.
 */
#ifndef MIGCTL_CMD_H
#define MIGCTL_CMD_H

#include <stdbool.h>
#include <stdint.h>
#include "error.h"

enum opt_type {
	OPT_FLAG,	/* to: bool */
	OPT_STR,	/* to: const char * */
	OPT_U32,	/* to: uint32_t, in [min, max] */
	OPT_WORD,	/* to: const char *, one of words */
};

struct opt {
	const char *name;	/* "timeout" for --timeout */
	char letter;		/* 'o' for -o, or 0 */
	enum opt_type type;
	const char *arg;	/* what the value is called: "MS"; IMAGE, FILE, DIR,
				 * TARGET, DEV, HOW and ID are completed by the shell
				 */
	const char *help;
	void *to;		/* keeps what it has when the option is absent */
	uint32_t min, max;
	const char *words;	/* "running frozen killed" */
};

struct cmd {
	const char *name;	/* "dump"; of a group: "image show" */
	const char *args;	/* "TARGET [IMAGE]": the names complete, too */
	const char *summary;	/* one line, no full stop */
	const char *help;	/* more, or NULL; lines end with a newline */
	const struct opt *opts;	/* ends with an entry without a name; or NULL */
	int min_args, max_args;	/* arguments that are not options */
	bool pids;		/* TARGET may be pid:N */
	/* Return: 0, or -1 with @e filled: its code is the exit status. Results go
	 * out through out.h.
	 */
	int (*run)(int argc, char **argv, struct lm_error *e);
};

#define MIGCTL_CMD(var) \
	static const struct cmd var; \
	static const struct cmd *const var##_entry \
		__attribute__((used, section("migctl_cmds"))) = &var; \
	static const struct cmd var

/* All verbs, unsorted. */
extern const struct cmd *const __start_migctl_cmds[];
extern const struct cmd *const __stop_migctl_cmds[];
#define for_each_cmd(p) \
	for (const struct cmd *const *p = __start_migctl_cmds; \
	     p < __stop_migctl_cmds; p++)

/* signals.c: from here on ^C, ^Z or a terminal that goes away do not stop it half-way. */
void ignore_signals(void);
/* opts.c */
extern const struct opt global_opts[];
extern bool opt_help, opt_version;
/* The verb that argv[0..] begins with, and how many words its name has. */
const struct cmd *cmd_find(int argc, char **argv, int *words);
/* Takes the options out of argv[0..argc-1] and leaves the other arguments.
 * Return: their number, or -1 (LM_USAGE).
 */
int opts_parse(const struct cmd *c, int argc, char **argv, struct lm_error *e);
/* help.c; @prefix: words of a group ("image"), or "" */
void help_cmd(const struct cmd *c);
bool help_group(const char *prefix);
/* complete.c: candidates for the last of @argv, one a line. */
int complete(int argc, char **argv);

#endif
