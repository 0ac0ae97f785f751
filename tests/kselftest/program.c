// SPDX-License-Identifier: GPL-2.0-or-later
/* See program.h. */
#include <fcntl.h>
#include <unistd.h>

#include "program.h"

static const char *base;		/* FILE: prefix of all names */
char wrong[1024];

const char *name(const char *suffix)
{
	static char buf[4][512];
	static int n;

	n = (n + 1) % 4;
	snprintf(buf[n], sizeof(buf[n]), "%s.%s", base, suffix);
	return buf[n];
}

void write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(9);
	close(fd);
}

void wait_for(const char *file)
{
	while (access(file, F_OK))
		usleep(20000);
}

/* So that nobody sees it half written. */
static void tell(const char *file)
{
	write_file(name("new"), wrong);
	rename(name("new"), file);
}

static const struct test *find(const char *test)
{
	for (const struct test *const *table = all_tests; *table; table++)
		for (const struct test *t = *table; t->name; t++)
			if (!strcmp(t->name, test))
				return t;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct test *t = argc == 3 ? find(argv[1]) : NULL;

	if (!t)
		return 2;
	base = argv[2];
	if (t->set)
		t->set();
	tell(name("ready"));
	wait_for(name("go"));
	if (!*wrong && t->get)
		t->get();
	if (!*wrong)
		strcpy(wrong, "ok");
	tell(base);
	return strcmp(wrong, "ok") != 0;
}
